r"""ln T_l where nu = l + d/2 - 1 or a mass is large, for coupled fields.

With t = ln r the regular solutions of l obey :math:`\ddot\psi = Q\psi`, :math:`Q = \nu^2 + r^2W`, and the matrix
:math:`Y = \dot\psi\psi^{-1}`, :math:`\ln\det\psi = \int\mathrm{tr}\,Y\,dt`, obeys :math:`\dot Y + Y^2 = Q`. Its series
in the number of derivatives,

.. math:: Y_0 = \sqrt Q,\qquad Y_0Y_k + Y_kY_0 = -\dot Y_{k-1} - \sum_{0<j<k}Y_jY_{k-j},

needs large Q, not large nu: a field of mass M counts from l = 0 on where Mr is large. Odd orders are derivatives. What
is left after Y_4 falls as nu^-9 with six derivatives of Q.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import RadialGrid, differentiation_matrix, sphere_area
from .background import Background


class UniformSeries:
    """ln T_l from Y_0, Y_2 and Y_4, less its terms I_1/nu and I_3/nu^3.

    Attributes
    ----------
    least : float
        The nu above which Q is positive definite everywhere.
    reach : float
        The largest r sqrt|W|; the series in 1/nu converges beyond.
    """

    def __init__(self, background: Background) -> None:
        mesh = background.mesh(0.0, smooth=True)
        self._mesh, self._dt = mesh, log_weights(mesh)
        self._r = mesh.nodes[mesh.element_nodes]
        free = background.mass_squared
        local = background.curvature(mesh.nodes)[mesh.element_nodes]
        self._full, self._free = self._prepared(local), self._prepared(np.broadcast_to(free, local.shape))
        self.least = float(np.sqrt(max(0.0, -np.min(self._full[0]))))
        self.reach = float(np.sqrt(max(np.max(np.abs(self._full[0])), np.max(self._free[0]))))

    def __call__(self, nu: Array) -> Array:
        """The series at each nu; NaN up to ``least``."""
        flat = [self._at(float(one)) if one > self.least else np.nan for one in np.ravel(nu)]
        return np.array(flat).reshape(np.shape(nu))

    def _prepared(self, local: Array) -> tuple[Array, Array, Array]:
        """The eigenvalues of U = r^2 W, ascending, its eigenvectors, and its derivative in t between them."""
        r = self._r[..., None, None]
        u = r**2 * local
        values, vectors = np.linalg.eigh(u)
        slope = vectors.swapaxes(2, 3) @ (2.0 * u + r**2 * self._dot(local)) @ vectors
        return values, vectors, slope

    def _dot(self, f: Array) -> Array:
        """df/dt of a function at the nodes of the elements."""
        size = np.diff(self._mesh.element_edges)
        slopes = np.einsum("ab,eb...->ea...", differentiation_matrix(self._mesh.order), f)
        return np.asarray(slopes * (2.0 * self._r / size[:, None]).reshape(*self._r.shape, *[1] * (f.ndim - 2)))

    def _at(self, nu: float) -> float:
        x, y = self._full[0] / nu**2, self._free[0] / nu**2
        leading = nu * np.sum(_rest_of_root(x, y), axis=2)
        return float(
            np.sum(self._dt * (leading + self._corrections(nu, *self._full) - self._corrections(nu, *self._free)))
        )

    def _corrections(self, nu: float, values: Array, vectors: Array, slope: Array) -> Array:
        """tr(Y_2 + Y_4) up to derivatives, at the nodes. Matrices are between the eigenvectors of Q."""
        root = np.sqrt(nu**2 + values)
        sums, inverse = root[..., :, None] + root[..., None, :], 1.0 / root

        def dot(matrix: Array) -> Array:
            back = vectors @ matrix @ vectors.swapaxes(2, 3)
            return np.asarray(vectors.swapaxes(2, 3) @ self._dot(back) @ vectors)

        first = slope / sums
        y1 = -first / sums
        y2 = -(dot(y1) + y1 @ y1) / sums
        y3 = -(dot(y2) + y1 @ y2 + y2 @ y1) / sums
        turned = inverse[..., :, None] * first * inverse[..., None, :]  # Y_0^-1 Y_0' Y_0^-1: integrated by parts
        second = np.einsum("eaij,eaji->ea", turned, y1 + y3)
        squares = y1 @ y1 + y1 @ y3 + y3 @ y1 + y2 @ y2
        return np.asarray(-0.5 * (second + np.einsum("eai,eaii->ea", inverse, squares)))


def log_weights(mesh: RadialGrid) -> Array:
    """Weights of the integral over t = ln r of a function at the nodes of the elements, where it vanishes at r = 0."""
    points = mesh.quadrature_points
    dt = mesh.quadrature_weights / (sphere_area(mesh.dim) * points**mesh.dim)
    return np.einsum("eq,eqa->ea", dt, mesh.interpolation)


def _rest_of_root(x: Array, y: Array) -> Array:
    r""":math:`f(x) - f(y)`, :math:`f(x) = \sqrt{1 + x} - 1 - x/2 + x^2/8`, x^3 (p + 2)/8p^3 with p = 1 + sqrt(1 + x).

    Of nearly equal x and y, as of a heavy field, and of small ones no digits are lost.
    """
    p, q = 1.0 + np.sqrt(1.0 + x), 1.0 + np.sqrt(1.0 + y)
    difference = x - y
    change = difference / (p + q - 2.0)  # p - q
    of_shape = -change * ((p + q) / (8.0 * p**2 * q**2) + (p**2 + p * q + q**2) / (4.0 * p**3 * q**3))
    return np.asarray(difference * (x**2 + x * y + y**2) * (p + 2.0) / (8.0 * p**3) + y**3 * of_shape)
