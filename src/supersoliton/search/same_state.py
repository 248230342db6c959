"""Whether two results are the same state: decided here, with each tolerance and its reason."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..problem.problem import DiscreteProblem
from ..solvers.base import CONVERGED, Solution
from ..solvers.coleman_glaser_martin import Shape


class Tolerance(NamedTuple):
    """Relative difference of the energies, and of the fields' moduli in L2, below which two states are one.

    Moduli, because u and -u are one state; a soliton in either of two equal fields is two.
    """

    energy: float
    fields: float


SOLVED = Tolerance(1e-7, 1e-2)  # both converged on one mesh: their energies agree to rounding, degenerate ones too
COARSE = Tolerance(1e-4, 1e-2)  # one energy from a coarse mesh or a prediction: three times the worst error seen
RELAXING = Tolerance(1e-4, 0.1)  # neither has converged: they are on the way to the same state
REMESHED = Tolerance(0.01, 0.1)  # one state on two meshes that both resolve it: Newton's method went to no other
FITTED = Tolerance(0.05, 0.1)  # the same where the first domain was far from the right one
_CENTRE = 0.01  # of shapes on different meshes: difference of the fields at the origin, relative to their height


def is_same_energy(energy: float, other: float, scale: float, tolerance: Tolerance = SOLVED) -> bool:
    """Whether two energies agree to the tolerance times ``scale``; False where one is not finite."""
    return abs(energy - other) <= tolerance.energy * abs(scale)


def is_lower(energy: float, other: float, scale: float) -> bool:
    """Whether a converged state has a lower energy than another: lower by more than two runs to one state differ."""
    return energy < other - SOLVED.energy * abs(scale)


def has_same_fields(problem: DiscreteProblem, u: Array, v: Array, tolerance: Tolerance) -> bool:
    """Whether the moduli of two sets of nodal fields agree, relative to their distance from the vacuum."""
    mass = problem.grid.mass_form

    def squared(fields: Array) -> float:
        return float(np.sum(fields * (mass @ fields)))

    size = max(squared(u - problem.vacuum.values), squared(v - problem.vacuum.values))
    return squared(np.abs(u) - np.abs(v)) <= tolerance.fields**2 * size


def is_same_state(problem: DiscreteProblem, u: Array, v: Array) -> bool:
    """Whether two converged states on one mesh are the same."""
    close = is_same_energy(finite_energy(problem, u), finite_energy(problem, v), problem.energy_scale(u))
    return close and has_same_fields(problem, u, v, SOLVED)


def distinct_solutions(problem: DiscreteProblem, found: Sequence[Solution]) -> list[Solution]:
    """Different solutions only, converged ones first, lowest energy first; those that ended in NaN are dropped."""
    finite = [s for s in found if np.all(np.isfinite(s.u))]
    distinct: list[Solution] = []
    for solution in sorted(finite, key=lambda s: (not s.converged, finite_energy(problem, s.u))):
        if not any(is_same_state(problem, solution.u, other.u) for other in distinct):
            distinct.append(solution)
    return distinct


def is_same_shape(shape: Shape, other: Shape) -> bool:
    """Whether two walls relaxed to one shape. Each has a mesh of its own, so the fields are compared at the origin;
    the actions are known to the square of what is left of the force (1e-3), better than the tolerance."""
    if not shape.status == other.status == CONVERGED:
        return False
    if not is_same_energy(shape.action, other.action, other.action, COARSE):
        return False
    height = np.linalg.norm(shape.u[0] - shape.u[-1])
    return bool(np.linalg.norm(shape.u[0] - other.u[0]) < _CENTRE * height)


def finite_energy(problem: DiscreteProblem, u: Array) -> float:
    """The energy; infinite where it is not a number, so that such fields are sorted last."""
    energy = problem.energy(u)
    return energy if math.isfinite(energy) else math.inf
