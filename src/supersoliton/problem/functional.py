r"""The discrete energy, and its exact derivatives.

.. math::
    E[u] = \sum_{e,q} w_{eq}\left[\tfrac12\sum_i k_i (u_i')^2 + V(u; p, r) - V(u_\infty; p, r)\right]
         + \tfrac12 (u_N - u_\infty)^T X (u_N - u_\infty)

over elements e and quadrature points q. A theory with an energy density e(u, u', r; p) of its own has that in place of
the bracket, plus the energy of its vacuum outside the domain (:mod:`.energy_kernels`). ``X`` is the energy of the
region outside the domain, where the fields obey the linearised equation (zero unless the boundary is "decaying").
:func:`energy` is the definition; the gradient and the Hessian blocks follow by the chain rule through the linear maps
u -> (u, u') at the quadrature points, with derivatives of V by JAX.

Only the potential is compiled; the sums run in NumPy, where they take microseconds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray as Array

from ..elements.grid import RadialGrid
from ..elements.packing import Parts, lower_triangle, packing, parts_of, whole
from ..theory.base import PotentialFunction
from ..theory.derivatives import PointKernels, point_kernels


class Geometry(NamedTuple):
    """A grid as arrays, the input of kernels, so that grids of equal shape share compiled code."""

    values: Float[Array, "element point a"]
    slopes: Float[Array, "element point a"]
    weights: Float[Array, "element point"]
    radii: Float[Array, "element point"]
    # weight * value_a * value_b at the points, and the stiffness matrix; a <= b, in the order of elements.packing
    pairs: Float[Array, "element ab point+1"]
    index: Int[Array, "element a"]  # type: ignore[assignment]  # not the method of tuples

    @property
    def n_nodes(self) -> int:
        return int(self.index.shape[0] * (self.index.shape[1] - 1) + 1)


class Theory(NamedTuple):
    """The numbers in the energy: couplings, kinetic factors, boundary state, exterior, energy and slope there."""

    params: Mapping[str, Any]
    kinetic: Float[Array, " field"]
    vacuum: Float[Array, " field"]
    exterior: Float[Array, "field field"]
    beyond: float = 0.0
    pull: Any = 0.0


class Kernels(NamedTuple):
    """The energy of a theory on a mesh and its derivatives, in NumPy.

    Of (geometry, theory, u, offset), ``offset`` being V of the vacuum at the quadrature points, if known: ``energy``,
    ``energy_and_gradient`` and ``parts``, the integrals of the virial identity over the domain, which also needs to
    know whether V has an ``explicit_r``. ``curvature`` of
    (geometry, theory, u): the Hessian of the density at the quadrature points by the fields, or by the fields and their
    slopes if it is not constant in the latter. ``edge`` of (theory, u, u', r): u' de/du' - e at one point.
    """

    energy: Callable[..., float]
    energy_and_gradient: Callable[..., tuple[float, Array]]
    curvature: Callable[..., Array]
    parts: Callable[..., dict[str, float]]
    edge: Callable[..., float]


@functools.lru_cache(maxsize=16)
def geometry(grid: RadialGrid) -> Geometry:
    values, weights = grid.interpolation, grid.quadrature_weights
    a, b = lower_triangle(values.shape[2])
    pairs = (weights[:, :, None] * values[:, :, a] * values[:, :, b]).swapaxes(1, 2)
    stiffness = grid.element_matrices(of="stiffness")[:, a, b, None]
    return Geometry(
        values=values,
        slopes=grid.derivative,
        weights=weights,
        radii=grid.quadrature_points,
        pairs=np.ascontiguousarray(np.concatenate([pairs, stiffness], axis=2)),
        index=grid.element_nodes,
    )


@functools.lru_cache(maxsize=64)
def potential_kernels(function: PotentialFunction) -> Kernels:
    """The energy of a potential; only V at points is compiled (:mod:`..theory.derivatives`)."""
    kernels = point_kernels(function)

    def energy_and_gradient(
        geo: Geometry, theory: Theory, u: Array, offset: Array | None = None
    ) -> tuple[float, Array]:
        u, shape = np.asarray(u), geo.weights.shape
        fields, slopes = at_points(geo, u)
        radii = geo.radii.reshape(-1)
        value, force = kernels.value_and_gradient(fields.reshape(-1, u.shape[1]), theory.params, radii)
        excess = (value - (background(kernels, theory, radii) if offset is None else offset)).reshape(shape)
        with np.errstate(all="ignore"):  # solvers check that the energy is finite
            total = float(energy_from_density(geo, theory, u, excess, slopes))
            return total, gradient(geo, theory, u, force.reshape(*shape, -1), slopes)

    def curvature(geo: Geometry, theory: Theory, u: Array) -> Array:
        u = np.asarray(u)
        n = u.shape[1]
        fields, _ = at_points(geo, u)
        matrix = kernels.hessian(fields.reshape(-1, n), theory.params, geo.radii.reshape(-1))
        return matrix.reshape(*geo.weights.shape, n, n)

    def energy_(geo: Geometry, theory: Theory, u: Array, offset: Array | None = None) -> float:
        return energy_and_gradient(geo, theory, u, offset)[0]

    def parts(geo: Geometry, theory: Theory, u: Array, offset: Array, *, explicit_r: bool) -> dict[str, float]:
        fields, slopes = at_points(geo, u)
        flat, radii, weights = fields.reshape(-1, u.shape[1]), geo.radii.reshape(-1), geo.weights.reshape(-1)
        excess = kernels.value(flat, theory.params, radii) - offset
        moved = np.zeros(len(radii))
        if explicit_r:
            vacuum = np.tile(theory.vacuum, (len(radii), 1))
            moved = kernels.radial(flat, theory.params, radii) - kernels.radial(vacuum, theory.params, radii)
        return {
            "gradient": 0.5 * float((geo.weights * (slopes**2 @ theory.kinetic)).sum()),
            "potential": float(weights @ excess),
            "modulus": float(weights @ np.abs(excess)),
            "radial": float(weights @ moved),
        }

    def edge(theory: Theory, u: Array, slope: Array, radius: float) -> float:
        outer, vacuum = kernels.value(np.stack([u, theory.vacuum]), theory.params, np.full(2, radius))
        return 0.5 * float(np.sum(theory.kinetic * slope**2)) - float(outer - vacuum)

    return Kernels(energy_, energy_and_gradient, curvature, parts, edge)


def background(kernels: PointKernels, theory: Theory, radii: Array) -> Array:
    """V of the vacuum at each radius."""
    return kernels.value(np.tile(np.asarray(theory.vacuum), (len(radii), 1)), theory.params, radii)


def at_points(geo: Geometry, u: Float[Array, "node field"]) -> tuple[Array, Array]:
    """u and u' at the quadrature points, each (element, point, field)."""
    local = u[geo.index]
    return geo.values @ local, geo.slopes @ local


def energy_from_density(
    geo: Geometry,
    theory: Theory,
    u: Float[Array, "node field"],
    excess: Float[Array, "element point"],
    slopes: Float[Array, "element point field"],
) -> Any:
    """The discrete energy, a scalar, from V - V_infinity and u' at the quadrature points."""
    density = excess + 0.5 * (slopes**2 @ theory.kinetic)
    outside = u[-1] - theory.vacuum
    return (geo.weights * density).sum() + 0.5 * outside @ theory.exterior @ outside


def gradient(
    geo: Geometry,
    theory: Theory,
    u: Float[Array, "node field"],
    force: Float[Array, "element point field"],
    slopes: Float[Array, "element point field"],
) -> Float[Array, "node field"]:
    """dE/du from dV/du and u' at the quadrature points."""
    weights = geo.weights[:, :, None]
    local = geo.values.swapaxes(1, 2) @ (weights * force)
    local = local + geo.slopes.swapaxes(1, 2) @ (weights * slopes * theory.kinetic)
    return assemble(local, theory.exterior @ (u[-1] - theory.vacuum))


def assemble(local: Float[Array, "element a field"], last: Float[Array, " field"]) -> Float[Array, "node field"]:
    """Sum the elements' contributions at their common nodes, and ``last`` at the last node."""
    n_elements, size, n = local.shape
    vertices = np.concatenate([local[:, 0], last[None]]) + np.concatenate([np.zeros((1, n)), local[:, -1]])
    body = np.concatenate([vertices[:-1, None], local[:, 1:-1]], axis=1).reshape(n_elements * (size - 1), n)
    return np.concatenate([body, vertices[-1:]])


def packed_blocks(
    geo: Geometry,
    theory: Theory,
    curvature: Float[Array, "element point field field"],
    shift: Float[Array, " field"],
    centrifugal: float | Array = 0.0,
) -> Float[Array, "*batch element entry"]:
    r"""Element matrices of d2E/du2 + shift_i M, plus :math:`k_i\,c/r^2` (c = l(l + d - 2)), without the exterior.

    In the packed order of :mod:`..elements.packing`; for each of many c, (batch, element or 1, point or 1), at once.
    """
    n = theory.kinetic.shape[0]
    i, j = lower_triangle(n)
    barrier = (centrifugal / geo.radii**2)[..., None] * theory.kinetic + shift
    full = np.take(curvature.reshape(*geo.weights.shape, n * n), i * n + j, axis=2) + np.eye(n)[i, j] * barrier[..., i]
    kinetic = np.broadcast_to(np.diag(theory.kinetic)[i, j], (*full.shape[:-2], 1, len(i)))
    return (geo.pairs @ np.concatenate([full, kinetic], axis=-2)).reshape(*full.shape[:-2], -1)


def density_blocks(
    geo: Geometry,
    curvature: Float[Array, "element point uv uv"],
    shift: Float[Array, " field"],
    centrifugal: float | Array = 0.0,
) -> Float[Array, "element size size"]:
    """Element matrices of d2E/du2 + shift_i M from the Hessian of a density in (u, u'), plus e_u'u' c/r^2."""
    n_elements, n_points, nodes, n = *geo.values.shape, len(shift)
    full = curvature.reshape(n_elements, n_points, 2, n, 2, n).transpose(0, 2, 1, 3, 5, 4)
    full = full * geo.weights[:, None, :, None, None, None]
    full[:, 0, :, range(n), range(n), 0] += shift[:, None, None] * geo.weights
    if np.any(centrifugal):
        full[:, 0, ..., 0] += full[:, 1, ..., 1] * np.asarray(centrifugal / geo.radii**2)[:, :, None, None]
    basis = np.stack([geo.values, geo.slopes], axis=1)  # (element, value or slope, point, a)
    image = (
        full[..., 0, None] * geo.values[:, None, :, None, None]
        + full[..., 1, None] * geo.slopes[:, None, :, None, None]
    )
    left = basis.reshape(n_elements, 2 * n_points, nodes).swapaxes(1, 2)
    product = (left @ image.reshape(n_elements, 2 * n_points, n * n * nodes)).reshape(n_elements, nodes, n, n, nodes)
    return product.transpose(0, 1, 2, 4, 3).reshape(n_elements, nodes * n, nodes * n)


def element_entries(
    geo: Geometry, theory: Theory, curvature: Array, shift: Array, centrifugal: float | Array = 0.0
) -> tuple[Float[Array, "element entry"], Parts]:
    """The entries of the element matrices, packed if the kinetic term is constant, and where their blocks are."""
    n, nodes = theory.kinetic.shape[0], geo.values.shape[2]
    if curvature.shape[-1] == n:
        return packed_blocks(geo, theory, curvature, shift, centrifugal), packing(nodes, n)
    blocks = density_blocks(geo, curvature, shift, centrifugal)
    return blocks.reshape(len(blocks), -1), _unpacked(nodes, n)


@functools.lru_cache(maxsize=16)
def _unpacked(nodes: int, fields: int) -> Parts:
    size = nodes * fields
    return parts_of(np.arange(size * size).reshape(size, size), fields)


def hessian_blocks(
    geo: Geometry, theory: Theory, curvature: Array, shift: Array, centrifugal: float | Array = 0.0
) -> Float[Array, "element size size"]:
    """The element matrices of :func:`element_entries` in full."""
    n = theory.kinetic.shape[0]
    if curvature.shape[-1] != n:
        return density_blocks(geo, curvature, shift, centrifugal)
    packed = packed_blocks(geo, theory, curvature, shift, centrifugal)
    return packed[:, whole(geo.values.shape[2], n)]
