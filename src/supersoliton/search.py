r"""Several starts, several solutions: the lowest state of a problem, and all that a search can find.

Without a given guess many starts are compared where a step is cheap. At fixed norm all take a step on a mesh of the
same elements and a third of the order, and the lower ones another: their order is then that of the states they lead to
(`docs/decisions.md`). The best go on to the end on a mesh of half the order. Only what could be the lowest state is
polished on the mesh itself: the lowest one, and those whose energy on the coarse mesh is not above its by more than the
coarse mesh may err.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray as Array

from .problem import Problem
from .screening import flow_together
from .solvers.base import AbstractSolver, Solution
from .solvers.newton import Newton
from .warm_start.analytic import starting_fields
from .warm_start.multistart import MultiStart, Start, screened_starts

_KEPT = (8, 3)  # starts that are left after each step together
_SCREENED = 6  # and of those without norm, which step one by one
_SCREENING_STEPS = 3
_LOWEST_ORDER = 4  # of a coarse mesh
_COARSE_TOL = 1e-4  # residual on the coarse mesh: the energy is then known to 1e-8, better than that mesh can
_DOUBT = 10.0  # states of like shape err alike on the coarse mesh; one may err this many times more than another
_SAME_STATE = 1e-7  # relative difference in energy below which two states may be one
_SAME_FIELDS = 1e-2  # and that of the fields' moduli: u and -u are one, a soliton in either of two like fields is not


class Found(NamedTuple):
    """Distinct solutions, lowest energy first, and the number of different states that the starts relaxed to."""

    solutions: list[Solution]
    relaxed: int


def find_solutions(problem: Problem, solver: AbstractSolver, guess: Any) -> Found:
    """The lowest state that the guess leads to, and whatever others were polished on the way, converged ones first.

    Without a given guess (None) many starts are compared, see the notes of this module.
    """
    multi = MultiStart() if guess is None else guess
    if not isinstance(multi, MultiStart):
        found = distinct_solutions(problem, [solver.run(problem, starting_fields(problem, multi))])
        return Found(found, len(found))
    coarse = _coarser(problem, 2)
    newton = solver if isinstance(solver, Newton) else Newton()
    crude = replace(newton, tol=max(newton.tol, _COARSE_TOL))
    screened = _screened(problem, coarse, newton, multi.n_polish)
    relaxed = distinct_solutions(coarse, [crude.run(coarse, u) for u in screened])
    relaxed.sort(key=lambda s: _energy(coarse, s.u))
    polished: list[Solution] = []
    highest = math.inf  # coarse energy above which a converged candidate cannot be the lowest state
    for candidate in relaxed:
        energy = _energy(coarse, candidate.u)
        if candidate.converged and energy > highest:
            continue
        start = coarse.grid.interpolate(candidate.u, problem.grid.nodes)  # type: ignore[union-attr]
        solution = solver.run(problem, starting_fields(problem, start))
        polished.append(solution)
        if candidate.converged and solution.converged and highest == math.inf:
            highest = energy + _DOUBT * abs(_energy(problem, solution.u) - energy)
    return Found(distinct_solutions(problem, polished), len(relaxed))


def _screened(problem: Problem, coarse: Problem, newton: Newton, count: int) -> list[Array]:
    """The most promising starts, at the nodes of the coarse mesh."""
    if problem.norm is None:
        return [start.u for start in _screen(coarse, newton, screened_starts(coarse)[:_SCREENED])[:count]]
    coarsest = _coarser(problem, 3)
    lowest = flow_together(coarsest, screened_starts(coarsest), (*_KEPT[:-1], max(count, _KEPT[-1])))
    nodes = coarse.grid.nodes  # type: ignore[union-attr]
    return [
        starting_fields(coarse, coarsest.grid.interpolate(start.u, nodes))  # type: ignore[union-attr]
        for start in _apart(coarsest, lowest)[:count]
    ]


def _coarser(problem: Problem, divisor: int) -> Problem:
    """The same problem with elements of a lower order."""
    grid = problem.grid
    assert grid is not None
    order = min(grid.order, max(_LOWEST_ORDER, grid.order // divisor))
    return problem.with_grid(grid.refine(extra_order=order - grid.order))


def distinct_solutions(problem: Problem, found: list[Solution]) -> list[Solution]:
    """Different solutions only, converged ones first, lowest energy first; those that ended in NaN are dropped."""
    found = [s for s in found if np.all(np.isfinite(s.u))]
    found.sort(key=lambda s: (not s.converged, _energy(problem, s.u)))
    distinct: list[Solution] = []
    for solution in found:
        energy = _energy(problem, solution.u)
        scale = _SAME_STATE * problem.energy_scale(solution.u)
        if all(abs(energy - _energy(problem, d.u)) > scale or _differ(problem, solution.u, d.u) for d in distinct):
            distinct.append(solution)
    return distinct


def _differ(problem: Problem, u: Array, v: Array, fraction: float = _SAME_FIELDS) -> bool:
    mass = problem.grid.mass  # type: ignore[union-attr]

    def squared(fields: Array) -> float:
        return float(np.sum(fields * (mass @ fields)))

    size = max(squared(u - problem.vacuum.values), squared(v - problem.vacuum.values))
    return squared(np.abs(u) - np.abs(v)) > fraction**2 * size


def _screen(problem: Problem, newton: Newton, candidates: list[Start]) -> list[Start]:
    """The starts after a few steps, lowest energy first, one of each group on its way to the same state."""
    short = replace(newton, max_steps=_SCREENING_STEPS)
    moved = []
    for start in candidates:
        u = short.run(problem, start.u).u
        moved.append(Start(_energy(problem, u), start.label, u))
    return _apart(problem, sorted(moved, key=lambda start: start.energy))


def _apart(problem: Problem, starts: list[Start]) -> list[Start]:
    """One of each group that is on its way to the same state."""
    distinct: list[Start] = []
    for start in starts:
        if all(
            abs(start.energy - d.energy) > 1e-4 * abs(d.energy) or _differ(problem, start.u, d.u, 0.1) for d in distinct
        ):
            distinct.append(start)
    return distinct


def _energy(problem: Problem, u: Array) -> float:
    energy = problem.energy(u)
    return energy if math.isfinite(energy) else math.inf
