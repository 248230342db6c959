r"""The determinant of one angular momentum, by vertex recursion.

.. math:: T_l = \det(-\partial^2 + W + k^2)_l / \det(-\partial^2 + M^2 + k^2)_l

of n coupled fields is the determinant of the n x n matrix of Gelfand and Yaglom: how much more the solutions that are
regular at the origin grow with W than with M^2. The elements are condensed to their vertices
(:func:`..elements.lapack.log_growth`); beyond the mesh the solutions are I and K.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from ..elements import lapack
from ..elements.grid import RadialGrid
from ..elements.packing import packing
from ..problem import functional
from ..problem.exterior import exterior_form
from ..problem.functional import Theory
from .background import Background

# Chebyshev points in k^2, at most so far from 0 relative to the lightest mass^2, which is reduced for large domains.
_POINTS, _WIDTH, _LENGTH = 14, 0.25, 10.0


class Channels:
    """ln \\|T_l\\| and sign of T_l of a background, for any l and k^2."""

    def __init__(self, background: Background) -> None:
        self.background = background
        self.dim = float(background.problem.grid.dim)
        self._meshes: dict[tuple[int, int], tuple[RadialGrid, Array]] = {}
        self._known: dict[tuple[int, float], tuple[float, float]] = {}

    def __call__(self, ell: int, shift: float = 0.0) -> tuple[float, float]:
        """ln \\|T_l\\| and the sign of T_l at k^2 = ``shift``."""
        if (ell, shift) not in self._known:
            self._known[ell, shift] = self._compute(ell, shift)
        return self._known[ell, shift]

    def _compute(self, ell: int, shift: float) -> tuple[float, float]:
        mesh, curvature = self._on_mesh(ell, shift)
        constant = np.broadcast_to(self.background.mass_squared, curvature.shape)
        full, sign = self._growth(mesh, curvature, ell, shift)
        free, _ = self._growth(mesh, constant, ell, shift)
        start = 0.0
        if self.dim > 1.0:  # what the solutions grow within the first element, to first order: the next is 1e-16
            local, inner = np.trace(curvature[0, 0] - constant[0, 0]), float(mesh.element_edges[1])
            start = inner**2 * float(local) / (4.0 * (order_of(self.dim, ell) + 1.0))
        return full - free + start, sign

    def _held(self, ell: int) -> Array:
        """Mask of the fluctuations that vanish at the origin."""
        odd = self.background.problem.odd
        return odd != (ell == 1) if self.dim == 1.0 else np.full(len(odd), ell > 0)

    def _on_mesh(self, ell: int, shift: float) -> tuple[RadialGrid, Array]:
        """One mesh, with W at its points, for all l, and all k^2, between two powers of 2."""
        level = max(2, math.ceil(math.log2(max(order_of(self.dim, ell), 1.0))))
        depth = self.background.depth**2
        above = math.ceil(math.log2(shift / depth)) if shift > depth else 0
        if (level, above) not in self._meshes:
            mesh = self.background.mesh(2.0**level, depth * 2.0**above if above else 0.0)
            self._meshes[level, above] = mesh, self.background.curvature(mesh.quadrature_points)
        return self._meshes[level, above]

    def _growth(self, mesh: RadialGrid, curvature: Array, ell: int, shift: float) -> tuple[float, float]:
        dim, n = self.dim, curvature.shape[-1]
        geo, ones = functional.geometry(mesh), np.ones(n)
        gaps = self.background.mass_squared + shift * np.eye(n)
        on_line, barrier = dim == 1.0, ell * (ell + dim - 2.0)
        exterior = exterior_form(dim, ones, gaps, mesh.r_max, 0 if on_line else ell)
        theory = Theory({}, ones, 0.0 * ones, exterior)
        entries = functional.packed_blocks(geo, theory, curvature, shift * ones, 0.0 if on_line else barrier)
        parts, first = packing(geo.values.shape[2], n), np.where(self._held(ell), 0.0, 1.0)
        factors = lapack.factor(entries, parts, first, ones, exterior)
        total, sign = lapack.log_growth(factors)
        if on_line:  # from the values of even and the slopes of odd fields at the origin to the next vertex
            across = lapack.factor(entries[:1], parts, ones, ones, 0.0 * exterior).off_diagonal[0]
            for matrix, power in ((factors.diagonal[0], 1.0), (-across, -1.0)):
                part = np.linalg.slogdet(matrix)
                total, sign = total + power * float(part[1]), sign * float(part[0])
        return total, sign


def zero_mode(channels: Channels, ell: int, count: int) -> tuple[float, float]:
    r"""T', the limit of T_l / k^2g at k^2 = 0 for g = ``count`` zero modes, and its estimated error.

    T_l is analytic in k^2 up to the branch point at minus the lowest mass^2: the value at 0 of its interpolant at
    Chebyshev points on both sides, which loses no digits to the zero.
    """
    background = channels.background
    lightest = float(background.masses_squared[0])
    width = _WIDTH * lightest * min(1.0, _LENGTH / (math.sqrt(lightest) * background.problem.grid.r_max))
    values = []
    for points in (_POINTS - 4, _POINTS):
        angles = np.pi * (np.arange(points) + 0.5) / points
        x, weights = width * np.cos(angles), (-1.0) ** np.arange(points) * np.sin(angles)
        logs = [channels(ell, float(shift)) for shift in x]
        ratios = np.array([sign * math.exp(log) for log, sign in logs]) / x**count
        weights = weights / x
        values.append(float(weights @ ratios / np.sum(weights)))
    return values[1], abs(values[1] - values[0])


def order_of(dim: float, ell: int) -> float:
    """nu = l + d/2 - 1."""
    return ell + dim / 2.0 - 1.0
