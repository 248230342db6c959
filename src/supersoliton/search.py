"""Several starts, several solutions: the lowest state of a problem, and all that a search can find."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy import ndarray as Array

from .problem import Problem
from .solvers.base import AbstractSolver, Solution
from .solvers.newton import Newton
from .warm_start.multistart import MultiStart, Start, screened_starts, starts

_SCREENED = 6  # starts that get a few steps before the best are polished
_SCREENING_STEPS = 3
_SAME_STATE = 1e-7  # relative difference in energy below which two states may be one
_SAME_FIELDS = 1e-2  # and that of the fields' moduli: u and -u are one, a soliton in either of two like fields is not


def find_solutions(problem: Problem, solver: AbstractSolver, guess: Any) -> list[Solution]:
    """Distinct solutions, lowest energy first, converged ones before the others.

    Without a given guess (None) the screened starts of :class:`MultiStart` take a few steps each and the best are
    carried to the end: which start is lowest cannot be told from its shape alone.
    """
    multi = MultiStart() if guess is None else guess
    if isinstance(multi, MultiStart):
        chosen = _screen(problem, solver, screened_starts(problem)[:_SCREENED])[: multi.n_polish]
    else:
        chosen = starts(problem, multi)
    return distinct_solutions(problem, [solver.run(problem, start.u) for start in chosen])


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


def _differ(problem: Problem, u: Array, v: Array) -> bool:
    away = np.abs(u) - np.abs(v)
    mass = problem.grid.mass  # type: ignore[union-attr]
    return bool(np.sum(away * (mass @ away)) > _SAME_FIELDS**2 * max(np.sum(u * (mass @ u)), np.sum(v * (mass @ v))))


def _screen(problem: Problem, solver: AbstractSolver, candidates: list[Start]) -> list[Start]:
    newton = solver if isinstance(solver, Newton) else Newton()
    short = replace(newton, max_steps=_SCREENING_STEPS)
    moved = []
    for start in candidates:
        u = short.run(problem, start.u).u
        moved.append(Start(_energy(problem, u), start.label, u))
    moved.sort(key=lambda start: start.energy)
    distinct: list[Start] = []
    for start in moved:  # two starts on their way to the same state
        if all(abs(start.energy - d.energy) > 1e-4 * abs(d.energy) for d in distinct):
            distinct.append(start)
    return distinct


def _energy(problem: Problem, u: Array) -> float:
    energy = problem.energy(u)
    return energy if math.isfinite(energy) else math.inf
