r"""The residual of the stationarity condition and its multiplier.

At fixed norm the stationary points obey :math:`F(u) = E'(u) - \omega^2 M_c u = 0` with the multiplier that makes F
orthogonal to u in the constrained fields, :math:`\omega^2 = \langle u, E'(u)\rangle_c / \langle u, M u\rangle_c`.

The residual is F in the dual of H^1, relative to the state:

.. math:: \rho = \frac{\sqrt{F^T (K + M)^{-1} F}}{\sqrt{(u - u_\infty)^T (K + M) (u - u_\infty)}}

which does not depend on the mesh, unlike an l^2 norm of nodal forces.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
from numpy import ndarray as Array
from scipy.linalg.lapack import dpbtrf, dpbtrs

from ..elements.grid import DENSE_NODES, ElementSum, RadialGrid
from .norm import half_slope
from .problem import DiscreteProblem


class Force(NamedTuple):
    """F(u), the multiplier and the relative dual residual at one point."""

    vector: Array  # (n_nodes, n_fields), zero where values are held
    multiplier: float
    residual: float


class Metric(NamedTuple):
    """K + M of one field (the H^1 metric) and its inverse."""

    matrix: Any  # arrays, or operators with @
    inverse: Any


class Terms(NamedTuple):
    """Numbers and arrays of a problem that the force needs in addition to the energy gradient."""

    carries: Array  # (n_fields,): 1 for the fields in N
    free: Array  # (n_nodes, n_fields): 0 where values are held
    vacuum: Array  # (n_fields,)
    floor: float  # see size_floor
    fixed: float  # omega^2 where the frequency is fixed, else 0


class BandedInverse:
    """The inverse of a positive definite sum of element matrices, as an operator with @."""

    def __init__(self, blocks: Array) -> None:
        n_elements, size, _ = blocks.shape
        order = size - 1
        band = np.zeros((size, n_elements * order + 1), order="F")
        for a in range(size):  # row a + k of a column a is k below the diagonal
            band[: size - a, a : a + n_elements * order : order] += blocks[:, a:, a].T
        self.factor = dpbtrf(band, lower=1)[0]

    def __matmul__(self, columns: Array) -> Array:
        return np.asarray(dpbtrs(self.factor, columns, lower=1)[0])


@functools.lru_cache(maxsize=16)
def metric(grid: RadialGrid) -> Metric:
    """The H^1 metric of a grid."""
    matrix = grid.stiffness + grid.mass
    inverse = scipy.linalg.cho_solve(scipy.linalg.cho_factor(matrix), np.eye(grid.n_nodes))
    return Metric(matrix, 0.5 * (inverse + inverse.T))


@functools.lru_cache(maxsize=16)
def host_metric(grid: RadialGrid) -> Metric:
    """The H^1 metric of a grid for NumPy, without dense matrices on large meshes.

    Up to DENSE_NODES nodes the inverse is a dense matrix (5 instead of 26 microseconds a product: 97 nodes, 8 fields).
    On larger meshes, which adaption soon replaces, it would cost more (2.5 ms for 193 nodes) than all its products.
    """
    if grid.n_nodes <= DENSE_NODES:
        return metric(grid)
    blocks = grid.element_matrices(of="stiffness") + grid.element_matrices(of="mass")
    return Metric(ElementSum(grid, blocks), BandedInverse(blocks))


def terms_of(problem: DiscreteProblem) -> Terms:
    fixed = 0.0 if problem.omega is None else float(problem.omega) ** 2
    return Terms(problem.carries_norm, problem.free_nodes, problem.vacuum.values, size_floor(problem), fixed)


def force(problem: DiscreteProblem, u: Array, gradient: Array | None = None, terms: Terms | None = None) -> Force:
    """F, multiplier and residual; pass ``gradient`` = E'(u) and the ``terms`` of the problem if known."""
    grid = problem.grid
    if gradient is None:
        gradient = problem.energy_and_gradient(u)[1]
    gradient = without_translation(problem, u, gradient)
    constrained = problem.norm is not None
    with np.errstate(all="ignore"):  # a huge or undefined force has an infinite residual
        given = terms or terms_of(problem)
        turns = constrained or given.fixed != 0.0
        weight = half_slope(problem, u) if turns else np.zeros_like(u)
        return _force(weight, host_metric(grid), given, u, gradient, constrained=constrained)


def translation_border(problem: DiscreteProblem, u: Array) -> tuple[Array, Array]:
    """u', along which a state on a line moves without cost, and M u', both (node, field) and 0 where values are held.

    The derivative of an even part is odd and that of an odd part even: the halves change places.
    """
    shift = np.roll(problem.grid.differentiate(u), u.shape[1] // 2, axis=1) * problem.free_nodes
    return shift, (problem.grid.mass_form @ shift) * problem.free_nodes


def without_translation(problem: DiscreteProblem, u: Array, force: Array) -> Array:
    """A force (node, field) on a state on a line, without the part that moves the kink between the nodes.

    That part is an error of the mesh alone. Elsewhere the force itself.
    """
    if problem.line is None:
        return force
    shift, border = translation_border(problem, u)
    square = float(np.sum(shift * border))
    return np.asarray(force - border * (float(np.sum(shift * force)) / square if square > 0.0 else 0.0))


def _force(weight: Array, metric: Metric, terms: Terms, u: Array, gradient: Array, *, constrained: bool) -> Force:
    """The force; ``weight``: half the slope of the norm; ``constrained`` if that is fixed."""
    multiplier = 0.0
    if constrained:
        norm = float((u * weight * terms.carries).sum())
        multiplier = float((u * gradient * terms.carries).sum()) / norm if norm > 0.0 else 0.0
    vector = (gradient - weight * (multiplier + terms.fixed)) * terms.free
    away = u - terms.vacuum
    largest = float(abs(vector).max())
    residual = math.inf
    if math.isfinite(largest):
        scaled = vector / max(largest, 1e-300)  # so that the squares of a huge force do not overflow
        dual = largest * math.sqrt(max(float((scaled * (metric.inverse @ scaled)).sum()), 0.0))
        size = math.sqrt(max(float((away * (metric.matrix @ away)).sum()), 0.0))
        residual = dual / max(size, terms.floor, 1e-300)
    return Force(vector, multiplier + terms.fixed, residual)


def size_floor(problem: DiscreteProblem) -> float:
    """The least H^1 size by which a residual is divided; a smaller state counts as the vacuum.

    A millionth of the vacuum's L2 norm in the box, or of a field of strength 1 if the vacuum is 0; larger for large
    V'', so that the rounding of V' (2e-16 |V''| |v|) stays below 1e-11 of it.
    """
    if problem.model.ends is not None:  # no state is near the vacuum
        return 0.0
    values = problem.vacuum.values
    volume, squared = float(problem.grid.quadrature_weights.sum()), float(values @ values)
    stiffness = float(np.max(np.abs(problem.vacuum.masses_squared))) if squared > 0.0 else 0.0
    return 1e-6 * (math.sqrt(squared) or 1.0) * math.sqrt(volume) * max(1.0, 100.0 * stiffness)


def energy_floor(problem: DiscreteProblem) -> float:
    """The least energy by which an error is divided: a millionth of |V''| v^2 in the box.

    In the dimensionless problem V'' is of order 1 where the fields are, also around a massless vacuum.
    """
    if problem.model.ends is not None:  # the energy of a state is not small
        return 0.0
    volume = float(np.sum(problem.grid.quadrature_weights))
    strength = float(np.sum(problem.vacuum.values**2)) or 1e-6
    stiffness = float(np.max(np.abs(problem.vacuum.masses_squared)))
    return 1e-6 * strength * (stiffness if 1e-6 < stiffness < math.inf else 1.0) * volume


def shift_of(problem: DiscreteProblem, multiplier: float) -> Array:
    """-omega^2 on the fields that carry the norm: the diagonal shift of the second variation, (n_fields,)."""
    return -multiplier * problem.carries_norm
