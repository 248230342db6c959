r"""Radial spectral elements in d dimensions.

A function of the radius on [0, R] is a continuous piecewise polynomial of degree p. Nodes are Gauss-Lobatto-Legendre
points of each element, integrals are taken at Gauss points *inside* the elements with the weight of the d-dimensional
shell,

.. math:: \int f\,d^dx = S_d \int_0^R r^{d-1} f\,dr,\qquad S_d = 2\pi^{d/2}/\Gamma(d/2).

No formula contains 1/r at a node: regularity at the origin (:math:`\nabla^2 f \to d\,f''(0)`) follows from the weak
form, for every real d >= 1.

Reference: C. Canuto, M. Y. Hussaini, A. Quarteroni, T. A. Zang, *Spectral Methods* (2006), chapters 2.3 and 5.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array
from scipy.special import eval_legendre, roots_jacobi, roots_legendre

# Quadrature points beyond the order: V is not a polynomial of low degree in r, so the rule must integrate more than the
# mass matrix. On the reference Q-ball +2 and +4 agree in the energy to 1e-13, +0 does not.
_EXTRA_POINTS = 4

# Number of nodes up to which a dense product is not slower than the sum over elements (13 fields: 7 us at 97 nodes, 12
# and 11 us at 193, 3.6 ms and 0.06 ms at 1537).
DENSE_NODES = 128


def sphere_area(dim: float) -> float:
    """Area of the unit sphere in ``dim`` dimensions: S_1 = 2, S_2 = 2 pi, S_3 = 4 pi, S_4 = 2 pi^2."""
    return 2.0 * math.pi ** (dim / 2.0) / math.gamma(dim / 2.0)


@functools.cache
def lobatto_nodes(order: int) -> Float[Array, " {order}+1"]:
    """Gauss-Lobatto-Legendre points on [-1, 1]: the ends and the roots of P_p'."""
    interior = roots_jacobi(order - 1, 1.0, 1.0)[0] if order > 1 else np.empty(0)
    nodes = np.concatenate([[-1.0], interior, [1.0]])
    return 0.5 * (nodes - nodes[::-1])  # exactly symmetric


@functools.cache
def _barycentric_weights(order: int) -> Float[Array, " {order}+1"]:
    x = lobatto_nodes(order)
    # The node polynomial is (1 - x^2) P_p'; by Legendre's equation its derivative at every node is -p(p+1) P_p(x).
    return 1.0 / eval_legendre(order, x)


def lagrange_matrix(order: int, x: Float[Array, " point"]) -> Float[Array, "point {order}+1"]:
    """Values at ``x`` in [-1, 1] of the Lagrange polynomials on the Lobatto nodes (barycentric formula)."""
    nodes, weights = lobatto_nodes(order), _barycentric_weights(order)
    difference = x[:, None] - nodes[None, :]
    exact = difference == 0.0
    terms = weights / np.where(exact, 1.0, difference)
    values = terms / np.sum(terms, axis=1, keepdims=True)
    return np.where(exact.any(axis=1, keepdims=True), exact.astype(float), values)


@functools.cache
def differentiation_matrix(order: int) -> Float[Array, "{order}+1 {order}+1"]:
    """Derivative of the interpolant at the Lobatto nodes of [-1, 1]."""
    x, weights = lobatto_nodes(order), _barycentric_weights(order)
    difference = x[:, None] - x[None, :]
    np.fill_diagonal(difference, 1.0)
    matrix = (weights[None, :] / weights[:, None]) / difference
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -matrix.sum(axis=1))  # the derivative of a constant is exactly 0
    return matrix


@functools.cache
def _gauss(order: int, n_points: int) -> tuple[Array, Array, Float[Array, "{n_points} {order}+1"]]:
    """Gauss-Legendre points and weights on [-1, 1], and the Lagrange polynomials there."""
    x, w = roots_legendre(n_points)
    return x, w, lagrange_matrix(order, x)


@functools.cache
def _samples(order: int, count: int) -> Float[Array, "{count} {order}+1"]:
    return lagrange_matrix(order, np.linspace(-1.0, 1.0, count))


@dataclass(frozen=True, eq=False)
class RadialGrid:
    """Mesh of spectral elements on [0, r_max]. Grids of the same elements, order and dimension are equal.

    Parameters
    ----------
    r_max : float, default 25.0
        Radius of the domain, in 1/mass; the last of ``edges`` where these are given.
    n_elements : int, default 8
        Number of elements of equal length; ignored where ``edges`` are given.
    order : int, default 12
        Polynomial degree of each element, from 2 to 64.
    dim : float, default 3
        Dimension d >= 1 of space, any real number.
    edges : tuple of float, optional
        Element boundaries 0 = e_0 < e_1 < ... < e_n, for a graded mesh.

    Raises
    ------
    ValueError
        If a radius, number of elements, order, dimension or edge is out of range.

    Examples
    --------
    >>> grid = ss.RadialGrid(r_max=10.0, n_elements=4)
    >>> grid.n_nodes
    49
    >>> ball = grid.integrate(grid.nodes**2)  # 4 pi R^5 / 5
    >>> print(f"{ball:.3f}")
    251327.412
    """

    r_max: float = 25.0
    n_elements: int = 8
    order: int = 12
    dim: float = 3
    edges: tuple[float, ...] | None = field(default=None)

    def __post_init__(self) -> None:
        if self.edges is not None:
            try:
                edges = tuple(float(e) for e in self.edges)
            except (TypeError, ValueError):
                raise ValueError(
                    f"grid.edges must be a list of radii, got {self.edges!r}: e.g. [0, 2, 5, 25]"
                ) from None
            increasing = all(b > a for a, b in pairwise(edges))
            if len(edges) < 2 or edges[0] != 0.0 or not increasing or not all(map(math.isfinite, edges)):
                raise ValueError(f"grid.edges must start at 0 and increase, got {list(self.edges)}: e.g. [0, 2, 5, 25]")
            object.__setattr__(self, "edges", edges)
            object.__setattr__(self, "r_max", edges[-1])
            object.__setattr__(self, "n_elements", len(edges) - 1)
        if not (_is_real(self.r_max) and math.isfinite(self.r_max) and self.r_max > 0):
            raise ValueError(
                f"grid.r_max must be a positive radius, got {self.r_max!r}: give the size of the box, e.g. 25"
            )
        if not (_is_integer(self.n_elements) and self.n_elements >= 1):
            raise ValueError(f"grid.n_elements must be an integer of at least 1, got {self.n_elements!r}: try 8")
        if not (_is_integer(self.order) and 2 <= self.order <= 64):
            raise ValueError(f"grid.order must be an integer from 2 to 64, got {self.order!r}: try 12")
        if not (_is_real(self.dim) and math.isfinite(self.dim) and self.dim >= 1):
            raise ValueError(f"grid.dim must be a dimension of at least 1, got {self.dim!r}: try 3")
        object.__setattr__(self, "r_max", float(self.r_max))

    @functools.cached_property
    def _mesh(self) -> tuple[int, float, tuple[float, ...]]:
        return self.order, float(self.dim), tuple(self.element_edges.tolist())

    def __eq__(self, other: object) -> bool:
        return self._mesh == other._mesh if isinstance(other, RadialGrid) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._mesh)

    @property
    def n_nodes(self) -> int:
        """Number of nodes, n_elements * order + 1."""
        return self.n_elements * self.order + 1

    @functools.cached_property
    def element_edges(self) -> Float[Array, " {self.n_elements}+1"]:
        """Boundaries of the elements, of shape (n_elements + 1,)."""
        return np.array(self.edges) if self.edges is not None else np.linspace(0.0, self.r_max, self.n_elements + 1)

    @functools.cached_property
    def nodes(self) -> Float[Array, " node"]:
        """Radii of the nodes from 0 to r_max, of shape (n_nodes,); neighbouring elements share one."""
        e = self.element_edges
        x = 0.5 * (lobatto_nodes(self.order) + 1.0)
        r = e[:-1, None] + (e[1:] - e[:-1])[:, None] * x[None, :]
        return np.concatenate([r[:, :-1].ravel(), [e[-1]]])

    @functools.cached_property
    def _quadrature(self) -> tuple[Array, Array, Array, Array]:
        # At least what integrates the product of two functions of the mesh exactly, with the weight r^(d-1).
        n_points = self.order + max(_EXTRA_POINTS, math.ceil(self.dim / 2.0))
        x, w, inner = _gauss(self.order, n_points)
        e = self.element_edges
        half = 0.5 * (e[1:] - e[:-1])
        r = e[:-1, None] + half[:, None] * (x + 1.0)
        weights = half[:, None] * w[None, :] * r ** (self.dim - 1.0)
        values = np.tile(inner, (self.n_elements, 1, 1))
        if float(self.dim) != int(self.dim):
            # r^(d-1) is not smooth at the origin for a non-integer dimension: the weight of the Gauss-Jacobi rule.
            x0, w0 = roots_jacobi(n_points, 0.0, self.dim - 1.0)
            values[0] = lagrange_matrix(self.order, x0)
            r[0] = half[0] * (x0 + 1.0)
            weights[0] = half[0] ** self.dim * w0
        slopes = values @ differentiation_matrix(self.order) / half[:, None, None]
        return r, sphere_area(self.dim) * weights, values, slopes

    @property
    def quadrature_points(self) -> Float[Array, "element point"]:
        """Radii of the Gauss points inside the elements, of shape (n_elements, n_points)."""
        return self._quadrature[0]

    @property
    def quadrature_weights(self) -> Float[Array, "element point"]:
        """S_d r^(d-1) w, of shape (n_elements, n_points): their sum with f is its integral over the ball."""
        return self._quadrature[1]

    @property
    def interpolation(self) -> Float[Array, "element point {self.order}+1"]:
        """Matrices from nodal values of an element to its quadrature points, (n_elements, n_points, order + 1)."""
        return self._quadrature[2]

    @property
    def derivative(self) -> Float[Array, "element point {self.order}+1"]:
        """Matrices from nodal values of an element to d/dr at its quadrature points; shape of ``interpolation``."""
        return self._quadrature[3]

    def element_matrices(self, coefficient: Array | None = None, *, of: str = "mass") -> Array:
        r"""Element matrices :math:`S_d\int r^{d-1} c\,\phi_a\phi_b`, or the same of derivatives.

        Parameters
        ----------
        coefficient : ndarray of shape (n_elements, n_points), optional
            c at the quadrature points; 1 if not given.
        of : {"mass", "stiffness"}
            Products of the basis functions, or of their derivatives.
        """
        weights = self.quadrature_weights if coefficient is None else self.quadrature_weights * coefficient
        basis = self.interpolation if of == "mass" else self.derivative
        blocks = (weights[:, :, None] * basis).swapaxes(1, 2) @ basis
        return 0.5 * (blocks + blocks.swapaxes(1, 2))  # symmetric to the last bit

    def assemble(self, blocks: Float[Array, "element {self.order}+1 {self.order}+1"]) -> Float[Array, "node node"]:
        """Sum element matrices (n_elements, order + 1, order + 1) into the matrix over all nodes."""
        matrix = np.zeros((self.n_nodes, self.n_nodes))
        p = self.order
        for e, block in enumerate(blocks):
            matrix[e * p : e * p + p + 1, e * p : e * p + p + 1] += block
        return matrix

    @functools.cached_property
    def mass(self) -> Float[Array, "node node"]:
        r"""Mass matrix :math:`S_d\int r^{d-1}\phi_a\phi_b`, of shape (n_nodes, n_nodes)."""
        return self.assemble(self.element_matrices(of="mass"))

    @functools.cached_property
    def stiffness(self) -> Float[Array, "node node"]:
        r"""Stiffness matrix :math:`S_d\int r^{d-1}\phi_a'\phi_b'`, of shape (n_nodes, n_nodes)."""
        return self.assemble(self.element_matrices(of="stiffness"))

    @functools.cached_property
    def mass_form(self) -> Array | ElementSum:
        """The mass matrix as an operator ``@`` on nodal data (n_nodes, n), by elements on large meshes."""
        return self.mass if self.n_nodes <= DENSE_NODES else ElementSum(self, self.element_matrices(of="mass"))

    @functools.cached_property
    def stiffness_form(self) -> Array | ElementSum:
        """The stiffness matrix as an operator, like ``mass_form``."""
        return (
            self.stiffness if self.n_nodes <= DENSE_NODES else ElementSum(self, self.element_matrices(of="stiffness"))
        )

    def gather(self, u: Float[Array, "node ..."]) -> Float[Array, "element {self.order}+1 ..."]:
        """Nodal data ``u`` (n_nodes, ...) by element, (n_elements, order + 1, ...)."""
        return u[self.element_nodes]

    @functools.cached_property
    def element_nodes(self) -> Array:
        """Index of the node of each element: shape (element, order + 1)."""
        return np.arange(self.n_elements)[:, None] * self.order + np.arange(self.order + 1)[None, :]

    def at_quadrature(self, u: Float[Array, "node ..."]) -> Float[Array, "element point ..."]:
        """Values of nodal data ``u`` (n_nodes, ...) at the quadrature points, (n_elements, n_points, ...)."""
        local = self.gather(u)
        values = self.interpolation @ local.reshape(*local.shape[:2], -1)
        return values.reshape(*values.shape[:2], *u.shape[1:])

    def integrate(self, f: Float[Array, "node ..."]) -> Array:
        """Integral over the ball of nodal data ``f`` (n_nodes, ...), of shape (...)."""
        return np.asarray(np.einsum("eq,eq...->...", self.quadrature_weights, self.at_quadrature(f)))

    def differentiate(self, u: Float[Array, "node ..."]) -> Float[Array, "node ..."]:
        """d/dr of nodal data ``u`` (n_nodes, ...) at the nodes; between two elements, the mean of both sides."""
        e = self.element_edges
        scale = 2.0 / (e[1:] - e[:-1])
        local = np.einsum("ab,eb...->ea...", differentiation_matrix(self.order), self.gather(u))
        local = local * scale.reshape((-1,) + (1,) * (local.ndim - 1))
        total = np.zeros(u.shape)
        np.add.at(total, self.element_nodes, local)
        total[self.order : -1 : self.order] *= 0.5
        return total

    def laplacian(self, u: Float[Array, "node ..."]) -> Float[Array, "node ..."]:
        r"""Weak Laplacian :math:`-M^{-1}(K u - \text{boundary flux})` of nodal data ``u`` (n_nodes, ...) at the nodes.

        The flux through the outer sphere is that of the interpolant, so the result is the projection of
        :math:`u'' + (d-1)u'/r` for any u, and :math:`d\,u''(0)` at the origin.
        """
        flux = np.zeros(u.shape)
        flux[-1] = sphere_area(self.dim) * self.r_max ** (self.dim - 1.0) * self.differentiate(u)[-1]
        return np.linalg.solve(self.mass, (flux - self.stiffness @ u).reshape(self.n_nodes, -1)).reshape(u.shape)

    def interpolate(
        self, u: Float[Array, "node ..."], r: Float[Array, "*shape"] | float, *, slope: bool = False
    ) -> Array:
        """Values of nodal data at any radii, of shape ``(*r.shape, *u.shape[1:])``.

        Parameters
        ----------
        u : ndarray of shape (n_nodes, ...)
            Nodal data.
        r : float or ndarray
            Radii from 0 to ``r_max``.
        slope : bool, default False
            Give d/dr instead, at a vertex that of the element beyond it.
        """
        radii = np.asarray(r, dtype=float)
        index, basis = _basis_at(self, np.abs(radii.ravel()), slope)
        values = np.einsum("xa,xa...->x...", basis, u[self.element_nodes[index]])
        return values.reshape(radii.shape + u.shape[1:])

    def sample(self, u: Float[Array, "node column"], count: int) -> Float[Array, "x column"]:
        """Values of ``u`` (n_nodes, n) at ``count`` equally spaced radii of every element, both ends included."""
        return (_samples(self.order, count) @ self.gather(u)).reshape(-1, u.shape[1])

    def refine(self, *, extra_order: int = 0, split: int = 1) -> RadialGrid:
        """A grid of the same domain with more, or higher, elements.

        Parameters
        ----------
        extra_order : int, default 0
            Added to the order; a negative number gives a coarser mesh of the same elements.
        split : int, default 1
            Number of equal parts that each element is cut into.
        """
        return _refined(self, extra_order, split)


def _basis_at(grid: RadialGrid, radii: Array, slope: bool) -> tuple[Array, Array]:
    """The element of each radius, and the values (or slopes) of its basis functions there."""
    e = grid.element_edges
    if radii.size and (not np.all(np.isfinite(radii)) or radii.max() > e[-1] * (1 + 1e-12)):
        raise ValueError(f"radius must lie within [0, {e[-1]:g}], got {radii.max():g}: use a larger domain")
    index = np.clip(np.searchsorted(e, radii, side="right") - 1, 0, grid.n_elements - 1)
    x = np.clip(2.0 * (radii - e[index]) / (e[index + 1] - e[index]) - 1.0, -1.0, 1.0)
    basis = lagrange_matrix(grid.order, x)
    if slope:
        basis = basis @ differentiation_matrix(grid.order) * (2.0 / (e[index + 1] - e[index]))[:, None]
    return index, basis


class ElementSum:
    """A matrix over the nodes, stored as element matrices."""

    def __init__(self, grid: RadialGrid, blocks: Float[Array, "element a a"]) -> None:
        self.blocks, self.index = blocks, grid.element_nodes

    def __matmul__(self, u: Float[Array, "node column"]) -> Float[Array, "node column"]:
        local = self.blocks @ u[self.index]
        out = np.empty(u.shape)
        out[:-1] = local[:, :-1].reshape(len(u) - 1, -1)
        out[-1] = 0.0
        out[local.shape[1] - 1 :: local.shape[1] - 1] += local[:, -1]
        return out


@functools.lru_cache(maxsize=32)  # the same object each time, so that its cached matrices are reused
def _refined(grid: RadialGrid, extra_order: int, split: int) -> RadialGrid:
    e = grid.element_edges
    fractions = np.arange(split) / split
    edges = np.concatenate([(e[:-1, None] + (e[1:] - e[:-1])[:, None] * fractions).ravel(), [e[-1]]])
    return RadialGrid(order=grid.order + extra_order, dim=grid.dim, edges=tuple(edges))


def _is_real(value: object) -> bool:
    return isinstance(value, int | float | np.floating | np.integer) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
