r"""The determinant of one angular momentum, by vertex recursion.

.. math:: T_l = \det(-\partial^2 + W + k^2)_l / \det(-\partial^2 + M^2 + k^2)_l

of n coupled fields is the determinant of the n x n matrix of Gelfand and Yaglom: how much more the solutions that are
regular at the origin grow with W than with M^2. The elements are condensed to their vertices
(:func:`..elements.lapack.log_growth`); beyond the mesh the solutions are I and K, of massless fields powers of r.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

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
_MATRICES = 8192  # element matrices made at once


class Channels:
    r"""ln \\|T_l\\| and sign of T_l of a background, for any l and k^2.

    Where fields are massless T_l is not analytic in k^2: there, W + k^2 w(r) is compared with M^2, with the weight w of
    the background, and only derivatives at k^2 = 0 have a meaning.
    """

    def __init__(self, background: Background) -> None:
        self.background = background
        self.dim = float(background.problem.grid.dim)
        self._meshes: dict[tuple[int, int], tuple[RadialGrid, Array]] = {}
        self._known: dict[tuple[int, float], tuple[float, float]] = {}

    def __call__(self, ell: int, shift: float = 0.0) -> tuple[float, float]:
        """ln \\|T_l\\| and the sign of T_l at k^2 = ``shift``."""
        self.compute([(ell, shift)])
        return self._known[ell, shift]

    def compute(self, wanted: Iterable[tuple[int, float]]) -> None:
        """Compute many pairs of l and k^2 at once, which costs little more than one, and keep them."""
        groups: dict[tuple[int, int], list[tuple[int, float]]] = {}
        for ell, shift in wanted:
            if (ell, shift) not in self._known:
                groups.setdefault(self._level(ell, shift), []).append((ell, shift))
        for level, pairs in groups.items():
            mesh, curvature = self._on_mesh(level)
            together = max(1, _MATRICES // mesh.n_elements)
            for k in range(0, len(pairs), together):
                some = pairs[k : k + together]
                self._known.update(zip(some, self._ratios(mesh, curvature, some), strict=True))

    def _ratios(self, mesh: RadialGrid, curvature: Array, pairs: list[tuple[int, float]]) -> list[tuple[float, float]]:
        massive, n = self.background.massive, curvature.shape[-1]
        ells, shifts = (np.array(column) for column in zip(*pairs, strict=True))
        constant = np.broadcast_to(self.background.mass_squared, curvature.shape)
        full, signs = self._growth(mesh, curvature, ells, shifts)
        free, _ = self._growth(mesh, constant, ells, shifts if massive else 0.0 * shifts)
        if self.dim > 1.0:  # what the solutions grow within the first element, to first order: the next is 1e-16
            local = np.trace(curvature[0, 0] - constant[0, 0]) + (0.0 if massive else n * shifts)
            inner, nu = float(mesh.element_edges[1]), order_of(self.dim, ells)
            full = full + inner**2 * local / (4.0 * (nu + 1.0))
        return list(zip((full - free).tolist(), signs.tolist(), strict=True))

    def _held(self, ells: Array) -> Array:
        """Mask of the fluctuations that vanish at the origin, (l, field)."""
        odd = self.background.problem.odd
        return odd != (ells[:, None] == 1) if self.dim == 1.0 else np.repeat(ells[:, None] > 0, len(odd), axis=1)

    def _level(self, ell: int, shift: float) -> tuple[int, int]:
        """The powers of 2 above nu and k^2: all between two of them share a mesh."""
        depth = self.background.depth**2
        above = math.ceil(math.log2(shift / depth)) if shift > depth else 0
        return max(2, math.ceil(math.log2(max(order_of(self.dim, ell), 1.0)))), above

    def _on_mesh(self, level: tuple[int, int]) -> tuple[RadialGrid, Array]:
        """The mesh of a level, with W at its points."""
        if level not in self._meshes:
            mesh = self.background.mesh(
                2.0 ** level[0], self.background.depth**2 * 2.0 ** level[1] if level[1] else 0.0
            )
            self._meshes[level] = mesh, self.background.curvature(mesh.quadrature_points)
        return self._meshes[level]

    def _growth(self, mesh: RadialGrid, curvature: Array, ells: Array, shifts: Array) -> tuple[Array, Array]:
        dim, n, on_line, massive = self.dim, curvature.shape[-1], self.dim == 1.0, self.background.massive
        geo, ones, free = functional.geometry(mesh), np.ones(n), self.background.mass_squared
        weight = shifts[:, None, None] * (self.background.weight(geo.radii) * geo.radii**2)
        barriers = 0.0 if on_line else (ells * (ells + dim - 2.0))[:, None, None]
        zero = 0.0 if massive else self.background.threshold
        exterior = np.stack(
            [
                exterior_form(dim, ones, free + massive * shift * np.eye(n), mesh.r_max, 0 if on_line else ell, zero)
                for ell, shift in zip(ells.tolist(), shifts.tolist(), strict=True)
            ]
        )
        theory = Theory({}, ones, 0.0 * ones, exterior[0])
        entries = functional.packed_blocks(geo, theory, curvature, 0.0 * ones, barriers + weight)
        schur = lapack.condense(entries, packing(geo.values.shape[2], n))
        first = np.where(self._held(ells), 0.0, 1.0)
        total, sign = lapack.log_growth(schur, first, exterior)
        if on_line:  # from the values of even and the slopes of odd fields at the origin to the next vertex
            start = schur[:, 0, :n, :n] * first[:, :, None] * first[:, None, :] + np.eye(n) * (1.0 - first)[:, None]
            for matrix, power in ((start, 1.0), (-schur[:, 0, :n, n:], -1.0)):
                part = np.linalg.slogdet(matrix)
                total, sign = total + power * part[1], sign * part[0]
        return total, sign


def zero_mode(channels: Channels, ell: int, count: int) -> tuple[float, float]:
    r"""T', the limit of T_l / k^2g at k^2 = 0 for g = ``count`` zero modes, and its estimated error.

    T_l is analytic in k^2 up to the branch point at minus the lowest mass^2: the value at 0 of its interpolant at
    Chebyshev points on both sides, which loses no digits to the zero. Of massless fields it is entire in the strength
    of the weight.
    """
    background = channels.background
    lightest = float(background.masses_squared[0])
    if background.massive:
        width = _WIDTH * lightest * min(1.0, _LENGTH / (math.sqrt(lightest) * background.problem.grid.r_max))
    else:
        width = _WIDTH * (background.depth / channels.dim) ** 2
    grids = []
    for points in (_POINTS - 4, _POINTS):
        angles = np.pi * (np.arange(points) + 0.5) / points
        grids.append((width * np.cos(angles), (-1.0) ** np.arange(points) * np.sin(angles)))
    channels.compute([(ell, float(shift)) for x, _ in grids for shift in x])
    values = []
    for x, weights in grids:
        logs = [channels(ell, float(shift)) for shift in x]
        ratios = np.array([sign * math.exp(log) for log, sign in logs]) / x**count
        weights = weights / x
        values.append(float(weights @ ratios / np.sum(weights)))
    return values[1], abs(values[1] - values[0])


def order_of(dim: float, ell: Any) -> Any:
    """nu = l + d/2 - 1."""
    return ell + dim / 2.0 - 1.0
