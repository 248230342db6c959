r"""Fluctuations around a state: eigenvalues of the second variation in a channel of angular momentum l.

.. math::
    \left[-k_i\left(\partial_r^2 + \tfrac{d-1}{r}\partial_r - \tfrac{l(l+d-2)}{r^2}\right)\delta_{ij}
    + \partial_i\partial_j V(u) - \omega^2 c_i\delta_{ij}\right]\eta_j = \lambda\,\eta_i

with the boundary conditions of the problem; c_i = 1 for the fields that carry a fixed norm (the operator L_+ of a
Q-ball). Negative eigenvalues are unstable directions and are kept.

The operator is represented in the eigenbasis of the scalar radial Laplacian on the same mesh, in which the kinetic and
mass matrices are diagonal and the constant part of V'' is exact; only V''(u(r)) - V''(u_infinity) is integrated.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.linalg
from jaxtyping import Float
from numpy import ndarray as Array

from .grid import RadialGrid
from .problem import Problem
from .vacua import mass_matrix


@dataclass(frozen=True)
class Modes:
    """Fluctuation modes of one angular momentum.

    ``eigenvalues``: the lowest ones in the box, ascending (mass^2). ``thresholds``: the vacuum masses, where the
    continua of one-particle states begin; independent of the box. ``continuum``: the thresholds of this operator as
    eigenvalues, that is masses^2 less omega^2 for the fields that carry a fixed norm. ``bound``: eigenvalues below
    the lowest continuum.
    """

    # the spectrum
    eigenvalues: Float[Array, " mode"]
    thresholds: Float[Array, " field"]
    continuum: Float[Array, " field"]
    bound: Float[Array, " bound"]
    # the channel
    ell: int
    degeneracy: int
    # eigenvectors at the nodes, normalised to int eta^2 = 1; None unless asked for
    functions: Float[Array, "node field mode"] | None = field(default=None, repr=False)

    @property
    def masses(self) -> Float[Array, " positive"]:
        """m = sqrt(lambda) of the positive eigenvalues in the box."""
        return np.sqrt(self.eigenvalues[self.eigenvalues > 0])

    @property
    def negative(self) -> Float[Array, " negative"]:
        """The unstable directions."""
        return self.eigenvalues[self.eigenvalues < 0]

    @property
    def physical_masses(self) -> Float[Array, " physical"]:
        """Vacuum masses and masses of the bound states: no trace of the box."""
        bound = self.bound[self.bound > 0]
        return np.sort(np.concatenate([self.thresholds[np.isfinite(self.thresholds)], np.sqrt(bound)]))

    def __repr__(self) -> str:
        lowest = np.array2string(self.eigenvalues[:4], precision=6)
        return (
            f"Modes(l={self.ell}, degeneracy {self.degeneracy}: {len(self.eigenvalues)} in the box from {lowest}; "
            f"{len(self.bound)} bound below {self.continuum[0]:.6g}; {len(self.negative)} negative)"
        )


def degeneracy(dim: float, ell: int) -> int:
    """Number of spherical harmonics of degree l on the sphere of a whole dimension d (2l + 1 for d = 3)."""
    d = round(dim)
    if d == 1:
        return 1 if ell <= 1 else 0
    return math.comb(ell + d - 1, d - 1) - (math.comb(ell + d - 3, d - 1) if ell >= 2 else 0)


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


def check_ell(ell: int, dim: float) -> int:
    if isinstance(ell, bool) or not isinstance(ell, int | np.integer) or ell < 0:
        raise ValueError(f"spectrum.ell must be a non-negative integer, got {ell!r}: try 0")
    if float(dim) == 1.0 and ell > 1:
        raise ValueError(f"spectrum.ell must be 0 (even) or 1 (odd) in one dimension, got {ell!r}: choose one")
    return int(ell)


def continuum(problem: Problem, multiplier: float) -> tuple[Array, Array]:
    """(vacuum masses, thresholds of the operator as eigenvalues), each ascending."""
    assert problem.grid is not None
    matrix = mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max)
    lowered = matrix - np.diag(multiplier * problem.carries_norm / problem.model.kinetic)
    squared = np.linalg.eigvalsh(matrix)
    return np.sqrt(np.where(squared >= 0, squared, np.nan)), np.linalg.eigvalsh(lowered)


def operator(problem: Problem, u: Array, multiplier: float, ell: int, n_basis: int | None = None) -> tuple[Array, Any]:
    """The second variation in the scalar eigenbasis: matrix of size (n_fields * n_basis), field-major; the basis."""
    grid = problem.grid
    assert grid is not None
    hold_first, hold_last = problem.parity == "odd", bool(problem.free_last[0] == 0.0)
    if problem.parity == "odd" and ell == 1:  # d = 1: the other parity of an odd state is even
        hold_first, ell = False, 0
    basis = scalar_basis(grid, ell, hold_first, hold_last)
    size = len(basis) if n_basis is None else min(n_basis, len(basis))
    n = problem.model.n_fields
    curvature = problem.curvature(u).reshape(-1, n, n)
    background = curvature[-1]  # any constant matrix is exact in this basis; the last point is deep in the tail
    shifted = background - np.diag(multiplier * problem.carries_norm)
    local = curvature - background
    weights = grid.quadrature_weights.ravel()
    functions = basis.at_points[:, :size]
    matrix = np.zeros((n, size, n, size))
    diagonal = np.arange(size)
    for i in range(n):
        for j in range(i, n):
            block = matrix[i, :, j, :]
            if np.any(local[:, i, j]):
                block += functions.T @ ((weights * local[:, i, j])[:, None] * functions)
            block[diagonal, diagonal] += shifted[i, j]
            if i == j:
                block[diagonal, diagonal] += problem.model.kinetic[i] * basis.kappa[:size]
            else:
                matrix[j, :, i, :] = block.T
    exterior = np.asarray(problem.theory_at(ell).exterior)
    if np.any(exterior):
        outer = basis.nodal[-1, :size]
        matrix += np.einsum("ij,a,b->iajb", exterior, outer, outer)
    return matrix.reshape(n * size, n * size), basis


def spectrum(state: Any, n_modes: int = 300, ell: int = 0, *, functions: bool = False) -> Modes:
    """The lowest ``n_modes`` fluctuation modes of a state for angular momentum ``ell``.

    Parameters
    ----------
    state : anything with ``problem``, ``u`` and ``multiplier``.
    n_modes : how many box modes; at most as many as the mesh has unknowns.
    functions : also return the mode functions at the nodes.

    Raises
    ------
    ValueError : for ``n_modes`` or ``ell`` out of range.
    """
    problem: Problem = state.problem
    assert problem.grid is not None
    ell = check_ell(ell, problem.grid.dim)
    if isinstance(n_modes, bool) or not isinstance(n_modes, int | np.integer) or n_modes < 1:
        raise ValueError(f"spectrum.n_modes must be an integer of at least 1, got {n_modes!r}: try 300")
    thresholds, edges = continuum(problem, state.multiplier)
    matrix, basis = operator(problem, state.u, state.multiplier, ell)
    available = matrix.shape[0]
    if n_modes > available:
        raise ValueError(
            f"spectrum.n_modes must be at most {available}, the unknowns of this mesh, got {n_modes}: use a finer grid"
        )
    vectors = None
    if functions:
        values, vectors = scipy.linalg.eigh(matrix, subset_by_index=(0, n_modes - 1), check_finite=False)
    else:
        values = scipy.linalg.eigh(matrix, eigvals_only=True, subset_by_index=(0, n_modes - 1), check_finite=False)
    bound = values[values < edges[0]]
    if len(bound) == n_modes:  # perhaps there are more than were asked for
        bound = scipy.linalg.eigh(matrix, eigvals_only=True, subset_by_value=(-np.inf, edges[0]), check_finite=False)
    nodal = None
    if vectors is not None:
        n = problem.model.n_fields
        nodal = np.einsum("xa,iak->xik", basis.nodal, vectors.reshape(n, len(basis), -1))
    return Modes(values, thresholds, edges, bound, ell, degeneracy(problem.grid.dim, ell), nodal)
