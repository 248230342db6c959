"""The second variation as a dense matrix.

The basis is that of the eigenfunctions of the scalar radial Laplacian on the same mesh, in which the kinetic and mass
matrices are diagonal and the constant part of V'' is exact; only V''(u(r)) - V''(u_infinity) is integrated.
"""

from __future__ import annotations

import functools
from itertools import pairwise

import numpy as np
import scipy.linalg
from numpy import ndarray as Array

from ..elements.grid import RadialGrid
from ..machine.arithmetic import numerical
from ..problem.problem import DiscreteProblem
from ..states.jumps import delta_functions

# Sizes of the reduced basis, in units of the highest eigenvalue and of the local potential; see Operator._sizes.
_HEADROOM = 2.0
_DEPTH = 12.0


class ScalarBasis:
    """Eigenfunctions of the free radial operator of one field, M-orthonormal, in ascending order."""

    def __init__(self, grid: RadialGrid, ell: int, hold_first: bool, hold_last: bool) -> None:
        d = float(grid.dim)
        barrier = ell * (ell + d - 2.0)
        matrix = grid.stiffness
        if barrier:
            matrix = matrix + grid.assemble(grid.element_matrices(barrier / grid.quadrature_points**2, of="mass"))
        free = slice(int(hold_first or ell > 0), grid.n_nodes - int(hold_last))
        self.kappa, inner = scipy.linalg.eigh(matrix[free, free], grid.mass[free, free], check_finite=False)
        self.nodal = np.zeros((grid.n_nodes, len(self.kappa)))
        self.nodal[free] = inner
        self.at_points = grid.at_quadrature(self.nodal).reshape(-1, len(self.kappa))

    def __len__(self) -> int:
        return len(self.kappa)


@functools.lru_cache(maxsize=16)
def scalar_basis(grid: RadialGrid, ell: int, hold_first: bool, hold_last: bool) -> ScalarBasis:
    return ScalarBasis(grid, ell, hold_first, hold_last)


def field_bases(problem: DiscreteProblem, ell: int) -> list[ScalarBasis]:
    """The basis of each field. In one dimension l = 1 is the other parity, and there is no centrifugal term."""
    held = problem.odd != (ell == 1) if float(problem.grid.dim) == 1.0 else problem.odd
    channel = 0 if float(problem.grid.dim) == 1.0 else ell
    last = bool(problem.free_last[0] == 0.0)
    return [scalar_basis(problem.grid, channel, bool(first), last) for first in held]


class Operator:
    """The second variation in the scalar eigenbasis, fields scaled by sqrt(k).

    Field i is expanded in ``sizes[i]`` functions; ``matrix`` is field-major. ``curvature`` at the quadrature points,
    (point, field, field), replaces V'' if given, and with it the delta functions ``deltas``; ``sizes``, if given, the
    numbers of functions.
    """

    @numerical
    def __init__(
        self,
        problem: DiscreteProblem,
        u: Array,
        multiplier: float,
        ell: int,
        highest: float | None = None,
        curvature: Array | None = None,
        sizes: list[int] | None = None,
    ) -> None:
        grid, self.ell = problem.grid, ell
        n = problem.model.n_fields
        self.bases = field_bases(problem, ell)
        self.scale = 1.0 / np.sqrt(problem.model.kinetic)
        self.deltas = delta_functions(problem, u) if curvature is None else None
        self.curvature = problem.curvature(u) if curvature is None else curvature
        curvature = np.asarray(self.curvature).reshape(-1, n, n) * self.scale[:, None] * self.scale[None, :]
        background = curvature[-1]  # any constant matrix is exact in this basis; the last point is deep in the tail
        shifted = background - np.diag(multiplier * problem.carries_norm * self.scale**2)
        local = curvature - background
        exterior = np.asarray(problem.theory_at(ell).exterior) * self.scale[:, None] * self.scale[None, :]
        self.sizes = self._sizes(local, shifted, highest) if sizes is None else sizes
        starts = np.concatenate([[0], np.cumsum(self.sizes)])
        self.slices = [slice(int(a), int(b)) for a, b in pairwise(starts)]
        self.matrix = np.zeros((starts[-1], starts[-1]))
        weights, varies = grid.quadrature_weights.reshape(-1, 1), np.any(local, axis=0)
        for i in range(n):
            for j in range(i, n):
                if i != j and not (varies[i, j] or exterior[i, j] or shifted[i, j]):
                    continue
                a, b, left, right = self.sizes[i], self.sizes[j], self.bases[i], self.bases[j]
                block = self.matrix[self.slices[i], self.slices[j]]
                # Fields of unlike parity have unlike bases, between which a constant is no diagonal matrix.
                alike = left is right
                if varies[i, j] or not alike:
                    potential = local[:, i, j, None] + (0.0 if alike else shifted[i, j])
                    block += left.at_points[:, :a].T @ (weights * potential * right.at_points[:, :b])
                if exterior[i, j]:
                    block += exterior[i, j] * np.outer(left.nodal[-1, :a], right.nodal[-1, :b])
                if alike:
                    diagonal = np.einsum("kk->k", block[: min(a, b), : min(a, b)])  # a view of it
                    diagonal += shifted[i, j]
                if i == j:
                    diagonal += left.kappa[:a]
                else:
                    self.matrix[self.slices[j], self.slices[i]] = block.T
        if self.deltas is not None:
            each = zip(self.bases, self.sizes, self.scale, range(n), strict=True)
            rows = [k * basis.nodal[:, :size].T @ self.deltas.columns[:, i] for basis, size, k, i in each]
            along = np.concatenate(rows)
            self.matrix += (along * self.deltas.strengths) @ along.T

    def _sizes(self, local: Array, shifted: Array, highest: float | None) -> list[int]:
        """Number of functions that each field needs for eigenvalues up to ``highest``; all of them if that is None.

        The local potential s mixes a wave of kappa into a mode at lambda with the weight (s/kappa)^2 times its Fourier
        component. With cut-offs of _HEADROOM lambda + _DEPTH s, 300 modes of the Q-balls of 13 fields agree with the
        full basis to 1e-7, bound states at l = 1 to 2e-5 (tests/fluctuations/test_spectrum.py).
        """
        if highest is None:
            return [len(basis) for basis in self.bases]
        depth = np.max(np.sum(np.abs(local), axis=2), axis=0)
        reach = np.maximum(highest - np.diag(shifted), 3.0)
        cuts = _HEADROOM * reach + _DEPTH * depth
        return [
            int(min(len(basis), np.searchsorted(basis.kappa, cut) + 2))
            for basis, cut in zip(self.bases, cuts, strict=True)
        ]

    def nodal(self, vectors: Array) -> Array:
        """Mode functions at the nodes, (node, field, mode), from eigenvectors of the matrix."""
        pieces = [
            basis.nodal[:, :size] @ vectors[part]
            for basis, size, part in zip(self.bases, self.sizes, self.slices, strict=True)
        ]
        return np.stack(pieces, axis=1) * self.scale[None, :, None]
