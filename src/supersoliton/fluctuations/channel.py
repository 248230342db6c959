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
            mesh, excess = self._on_mesh(level)
            together = max(1, _MATRICES // mesh.n_elements)
            for k in range(0, len(pairs), together):
                some = pairs[k : k + together]
                self._known.update(zip(some, self._ratios(mesh, excess, some), strict=True))

    def _ratios(self, mesh: RadialGrid, excess: Array, pairs: list[tuple[int, float]]) -> list[tuple[float, float]]:
        background, n, dim = self.background, excess.shape[-1], self.dim
        on_line, massive, geo, ones = dim == 1.0, background.massive, functional.geometry(mesh), np.ones(n)
        ells, shifts = (np.array(column) for column in zip(*pairs, strict=True))
        constant = np.broadcast_to(background.mass_squared, excess.shape)
        barriers = 0.0 if on_line else (ells * (ells + dim - 2.0))[:, None, None]
        theory, none = Theory({}, ones, 0.0 * ones, np.zeros((n, n))), 0.0 * ones
        unit = background.weight(geo.radii)[..., None, None] * np.eye(n)
        at_rest = theory._replace(kinetic=none)
        change, weight = (functional.packed_blocks(geo, at_rest, x, none) for x in (excess, unit))
        free = functional.packed_blocks(geo, theory, constant, none, barriers)
        free, change = (np.broadcast_to(x, (len(ells), *change.shape)) for x in (free, change))
        if massive:
            free = free + shifts[:, None, None] * weight
        else:
            change = change + shifts[:, None, None] * weight
        elements = lapack.condense(free, change, packing(geo.values.shape[2], n))
        first = np.where(self._held(ells), 0.0, 1.0)
        exterior = np.stack([self._exterior(mesh.r_max, ell, shift) for ell, shift in pairs])
        total, sign = lapack.log_growth(elements, first, exterior)
        if on_line:  # from the values of even and the slopes of odd fields at the origin to the next vertex
            mask = first[:, :, None] * first[:, None, :]
            rest = np.eye(n) * (1.0 - first)[:, None]
            (start, moved), (across, step) = (
                [x[:, 0, :n, :n] * mask for x in elements], [x[:, 0, :n, n:] for x in elements]
            )  # fmt: skip
            for power, logs in ((1.0, lapack.log_change(start + rest, moved)), (-1.0, lapack.log_change(across, step))):
                total, sign = total + power * logs[0], sign * logs[1]
        else:  # what the solutions grow within the first element, to first order: the next is 1e-16
            local = np.trace(excess[0, 0]) + (0.0 if massive else n * shifts)
            total = total + float(mesh.element_edges[1]) ** 2 * local / (4.0 * (order_of(dim, ells) + 1.0))
        return list(zip(total.tolist(), sign.tolist(), strict=True))

    def _exterior(self, radius: float, ell: int, shift: float) -> Array:
        """The energy of what decays beyond the mesh, (field, field)."""
        free, massive = self.background.mass_squared, self.background.massive
        n, zero = len(free), 0.0 if massive else self.background.threshold
        gaps = free + shift * np.eye(n) if massive else free
        return exterior_form(self.dim, np.ones(n), gaps, radius, 0 if self.dim == 1.0 else ell, zero)

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
        """The mesh of a level, with W - M^2 at its points."""
        if level not in self._meshes:
            mesh = self.background.mesh(
                2.0 ** level[0], self.background.depth**2 * 2.0 ** level[1] if level[1] else 0.0
            )
            self._meshes[level] = mesh, self.background.excess(mesh.quadrature_points)
        return self._meshes[level]


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
