"""States of theories with conditions at both ends, on a mesh that is chosen here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..elements.edges import adapted_edges
from ..elements.grid import RadialGrid
from ..guesses.between_ends import BetweenEnds
from ..guesses.guess import starting_fields
from ..problem.energy_kernels import negative_fields
from ..problem.problem import DiscreteProblem, Problem
from ..problem.transfer import transfer
from ..solvers.base import AbstractSolver, Solution
from ..solvers.newton import Newton
from ..states.accuracy import exterior_error
from .adaptive import ELEMENTS, ORDER, SMOOTH, TAIL, converge_mesh, grow_domain, reaches_edge
from .same_state import FITTED

# Decay lengths of the first mesh, on which the widths of the fields are chosen; the next where they fill it.
_FIRST = (60.0, 180.0, 540.0)
_LARGER = (1.5, 6)  # the domain may grow by this factor so often; where a field decays like a power:
_MUCH_LARGER = (2.0, 12)
_CORE = 1e-2  # part of the way between the ends that is left at the edge of the core
_NEARLY = 1e-5  # residual of a state that a finer mesh may settle
_OUTSIDE = 1e-13  # error of the energy outside the domain, relative, that is rounding


def between_ends(problem: Problem, guess: Any, solver: AbstractSolver) -> tuple[DiscreteProblem, Solution]:
    """The state that a guess leads to; the domain holds its core and its tail, and grows while it reaches the edge."""
    for size in _FIRST:
        edges = size * np.linspace(0.0, 1.0, 2 * ELEMENTS[0] + 1) ** 3
        rough = problem.with_grid(RadialGrid(edges=tuple(edges), order=ORDER, dim=problem.dimension))
        u = starting_fields(rough, guess)
        away = np.abs(u - rough.vacuum.values) / np.maximum(np.ptp(u, axis=0), 1e-300) > _CORE
        core = float(rough.grid.nodes[np.flatnonzero(np.any(away, axis=1))[-1]])
        if not np.any(away[:, np.diagonal(rough.theory.exterior) == 0.0][rough.grid.nodes > 0.8 * size]):
            break
    r_max = min(core + TAIL, size)
    inside = tuple((edges * r_max / size).tolist())
    first = problem.with_grid(RadialGrid(edges=inside, order=ORDER, dim=problem.dimension))
    fitted = adapted_edges(first.grid, transfer(rough, u, first), ELEMENTS[0])
    on = problem.with_grid(RadialGrid(edges=fitted, order=ORDER, dim=problem.dimension))
    start = starting_fields(on, guess) if isinstance(guess, BetweenEnds) else transfer(rough, u, on)
    solution = solver.run(on, start)
    if not solution.converged and solver == Newton() and not negative_fields(on.model, on.grid.r_max):
        # from far away a descent of the energy is safer
        descended = Newton(target="minimum").run(on, start)
        solution = descended if descended.converged else solution
    for n_elements in ELEMENTS[1:]:
        if solution.converged or not solution.residual < _NEARLY:
            break
        fitted = adapted_edges(on.grid, solution.u, n_elements)
        finer = problem.with_grid(RadialGrid(edges=fitted, order=ORDER, dim=problem.dimension))
        on, solution = finer, solver.run(finer, transfer(on, solution.u, finer))
    powers = on.theory.exterior.any() or on.theory.pull.any()
    growth, fitted_to = (_MUCH_LARGER, FITTED) if powers else (_LARGER, None)
    on, solution = grow_domain(on, solution, solver, *growth, _cut_off, fitted_to)
    if solution.converged:
        on, solution, _ = converge_mesh(on, solution, solver, SMOOTH)
    return on, solution


def _cut_off(problem: DiscreteProblem, solution: Solution) -> bool:
    """Whether massive fields have not decayed at the edge, or others are not yet those of the linearised equation."""
    massive = (np.diagonal(problem.theory.exterior) == 0.0) & (problem.theory.pull == 0.0)
    rest = exterior_error(problem, solution.u) > _OUTSIDE * abs(problem.energy(solution.u))
    return rest or reaches_edge(problem, replace(solution, u=np.where(massive, solution.u, problem.vacuum.values)))
