"""Comparison of states: whether two results are the same state, with each tolerance and its reason."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..elements.edges import roughness
from ..problem.problem import DiscreteProblem
from ..solvers.base import CONVERGED, Solution
from ..solvers.coleman_glaser_martin import Shape


class Tolerance(NamedTuple):
    """Largest relative differences of the energies, and of the fields' moduli in L2, between results of the same state.

    Moduli, because u and -u are the same state. The fields are compared one by one, because solitons in either of two
    equal fields are different states.
    """

    energy: float
    fields: float


SOLVED = Tolerance(1e-7, 1e-2)  # both converged on one mesh; the fields distinguish degenerate states
COARSE = Tolerance(1e-4, 1e-2)  # one energy is from a coarse mesh or a prediction: three times the worst error seen
RELAXING = Tolerance(1e-4, 0.1)  # neither has converged yet
MESHED = Tolerance(1e-6, 1e-3)  # each converged on a mesh of its own
REMESHED = Tolerance(0.01, 0.1)  # converged on two meshes that both resolve the state
FITTED = Tolerance(0.05, 0.1)  # the same, if the first domain was much too small or too large
_ROUGH = 5e-3  # share of the two highest polynomials in the range of the fields; below 1e-4 on a useful mesh
_CENTRE = 0.01  # shapes on different meshes: difference of the fields at the origin, relative to their height


def is_same_energy(energy: float, other: float, scale: float, tolerance: Tolerance = SOLVED) -> bool:
    """Whether two energies agree to the tolerance times ``scale``; False if one is not finite."""
    return abs(energy - other) <= tolerance.energy * abs(scale)


def is_lower(energy: float, other: float, scale: float) -> bool:
    """Whether one converged energy is lower than another by more than the scatter of runs to the same state."""
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


def is_same_anywhere(one: tuple[DiscreteProblem, Array], other: tuple[DiscreteProblem, Array]) -> bool:
    """Whether converged fields on two meshes, each adapted to them, are the same state up to the sign of the fields.

    By energies and by the fields at the origin, whose errors on adapted meshes are far below these tolerances.
    """
    (problem, u), (problem_v, v) = one, other
    if not is_same_energy(problem.energy(u), problem_v.energy(v), problem.energy_scale(u), MESHED):
        return False
    centre, centre_v = (np.abs(w[0] - p.vacuum.values) for p, w in ((problem, u), (problem_v, v)))
    return bool(np.linalg.norm(centre - centre_v) <= MESHED.fields * np.linalg.norm(centre))


def distinct_solutions(problem: DiscreteProblem, found: Sequence[Solution]) -> list[Solution]:
    """Solutions without duplicates, lowest energy first; those with NaN are dropped.

    Converged ones come first, and of these the ones that the mesh resolves.
    """
    finite = [s for s in found if np.all(np.isfinite(s.u))]
    distinct: list[Solution] = []
    for solution in sorted(
        finite, key=lambda s: (not s.converged, is_unresolved(problem, s.u), finite_energy(problem, s.u))
    ):
        if not any(is_same_state(problem, solution.u, other.u) for other in distinct):
            distinct.append(solution)
    return distinct


def is_unresolved(problem: DiscreteProblem, u: Array) -> bool:
    """Whether the fields vary so much within an element that its polynomials say nothing about them."""
    return bool(np.max(roughness(problem.grid, u)) > _ROUGH)


def is_same_shape(shape: Shape, other: Shape) -> bool:
    """Whether two walls relaxed to the same shape, by actions and fields at the origin, as their meshes differ.

    The relative error of an action is the square of the remaining force (1e-3), below the tolerance.
    """
    if not shape.status == other.status == CONVERGED:
        return False
    if not is_same_energy(shape.action, other.action, other.action, COARSE):
        return False
    height = np.linalg.norm(shape.u[0] - shape.u[-1])
    return bool(np.linalg.norm(shape.u[0] - other.u[0]) < _CENTRE * height)


def finite_energy(problem: DiscreteProblem, u: Array) -> float:
    """The energy; infinity if it is NaN, so that such fields are sorted last."""
    energy = problem.energy(u)
    return energy if math.isfinite(energy) else math.inf
