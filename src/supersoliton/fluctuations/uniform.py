r"""ln T_l where nu = l + d/2 - 1 or a mass is large, for coupled fields.

With t = ln r the regular solutions of l obey :math:`\ddot\psi = Q\psi`, :math:`Q = \nu^2 + r^2W`, and the matrix
:math:`Y = \dot\psi\psi^{-1}`, :math:`\ln\det\psi = \int\mathrm{tr}\,Y\,dt`, obeys :math:`\dot Y + Y^2 = Q`. Its series
in the number of derivatives,

.. math:: Y_0 = \sqrt Q,\qquad Y_0Y_k + Y_kY_0 = -\dot Y_{k-1} - \sum_{0<j<k}Y_jY_{k-j},

needs large Q, not large nu: a field of mass M counts from l = 0 on where Mr is large. Odd orders are derivatives. What
is left after Y_4 falls as nu^-9 with six derivatives of Q.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import RadialGrid, differentiation_matrix, sphere_area
from .background import Background

_TOGETHER = 300_000  # numbers in a matrix at all nodes and nu that are treated at once
_OVERLAP = 0.5  # of an eigenvector of U with its axis


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
        squared, axes = background.directions
        excess = axes.T @ background.excess(mesh.nodes)[mesh.element_nodes] @ axes
        free = np.broadcast_to(np.diag(squared), excess.shape)
        self._full, self._free = self._prepared(free + excess), self._prepared(free)
        self._away = _differences(self._full[0], self._full[1], self._free[0], self._r[..., None, None] ** 2 * excess)
        self.least = float(np.sqrt(max(0.0, -np.min(self._full[0]))))
        self.reach = float(np.sqrt(max(np.max(np.abs(self._full[0])), np.max(self._free[0]))))

    def __call__(self, nu: Array) -> Array:
        """The series at each nu; NaN up to ``least``."""
        flat = np.ravel(np.asarray(nu, dtype=float))
        out, valid = np.full(len(flat), np.nan), np.flatnonzero(flat > self.least)
        for some in np.array_split(valid, max(1, len(valid) * self._full[2].size // _TOGETHER)):
            out[some] = self._at(flat[some][:, None, None, None])
        return out.reshape(np.shape(nu))

    def _prepared(self, local: Array) -> tuple[Array, Array, Array]:
        """The eigenvalues of U = r^2 W, ascending, its eigenvectors, and its derivative in t between them."""
        r = self._r[..., None, None]
        u = r**2 * local
        values, vectors = np.linalg.eigh(u)
        slope = vectors.swapaxes(2, 3) @ (2.0 * u + r**2 * self._dot(local)) @ vectors
        return values, vectors, slope

    def _dot(self, f: Array) -> Array:
        """df/dt of a function at the nodes of the elements, (..., element, node, field, field)."""
        size = np.diff(self._mesh.element_edges)
        slopes = differentiation_matrix(self._mesh.order) @ f.reshape(*f.shape[:-2], -1)
        return np.asarray((slopes * (2.0 * self._r / size[:, None])[..., None]).reshape(f.shape))

    def _at(self, nu: Array) -> Array:
        leading = nu * _rest_of_root(*(x / nu**2 for x in (self._full[0], self._free[0], self._away)))
        corrections = self._corrections(nu, *self._full) - self._corrections(nu, *self._free)
        return np.einsum("ea,vea->v", self._dt, np.sum(leading, axis=3) + corrections)

    def _corrections(self, nu: Array, values: Array, vectors: Array, slope: Array) -> Array:
        """tr(Y_2 + Y_4) up to derivatives, (nu, element, node). Matrices are between the eigenvectors of Q."""
        root = np.sqrt(nu**2 + values)
        sums, inverse, back = root[..., :, None] + root[..., None, :], 1.0 / root, vectors.swapaxes(-1, -2)

        def dot(matrix: Array) -> Array:
            return _product(back, self._dot(_product(vectors, matrix, back)), vectors)

        first = slope / sums
        y1 = -first / sums
        y2 = -(dot(y1) + _product(y1, y1)) / sums
        y3 = -(dot(y2) + _product(y1, y2) + _product(y2, y1)) / sums
        turned = inverse[..., :, None] * first * inverse[..., None, :]  # Y_0^-1 Y_0' Y_0^-1: integrated by parts
        second = np.einsum("...ij,...ji->...", turned, y1 + y3)
        squares = _product(y1, y1) + _product(y1, y3) + _product(y3, y1) + _product(y2, y2)
        return np.asarray(-0.5 * (second + np.einsum("...i,...ii->...", inverse, squares)))


def _product(*matrices: Array) -> Array:
    """The product of many matrices; of numbers, which np.matmul does not do fast, the same."""
    return functools.reduce(np.multiply if matrices[0].shape[-1] == 1 else np.matmul, matrices)


def log_weights(mesh: RadialGrid) -> Array:
    """Weights of the integral over t = ln r of a function at the nodes of the elements, where it vanishes at r = 0."""
    points = mesh.quadrature_points
    dt = mesh.quadrature_weights / (sphere_area(mesh.dim) * points**mesh.dim)
    return np.einsum("eq,eqa->ea", dt, mesh.interpolation)


def _differences(full: Array, vectors: Array, free: Array, excess: Array) -> Array:
    """The eigenvalues of U less those of U_0, which is diagonal: e_i (U - U_0) v_i / v_ii, where v_ii is not small."""
    own = np.einsum("...ii->...i", vectors)
    exact = np.einsum("...ij,...ji->...i", excess, vectors) / np.where(own == 0.0, 1.0, own)
    return np.where(np.abs(own) > _OVERLAP, exact, full - free)


def _rest_of_root(x: Array, y: Array, difference: Array) -> Array:
    r""":math:`f(x) - f(y)`, :math:`f(x) = \sqrt{1 + x} - 1 - x/2 + x^2/8`, x^3 (p + 2)/8p^3 with p = 1 + sqrt(1 + x).

    Of nearly equal x and y, as of a heavy field, and of small ones no digits are lost, given ``difference``, x - y.
    """
    p, q = 1.0 + np.sqrt(1.0 + x), 1.0 + np.sqrt(1.0 + y)
    change = difference / (p + q - 2.0)  # p - q
    of_shape = -change * ((p + q) / (8.0 * p**2 * q**2) + (p**2 + p * q + q**2) / (4.0 * p**3 * q**3))
    return np.asarray(difference * (x**2 + x * y + y**2) * (p + 2.0) / (8.0 * p**3) + y**3 * of_shape)
