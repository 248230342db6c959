"""States of theories with conditions at both ends, on a mesh that is chosen here."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..elements.edges import adapted_edges
from ..elements.grid import RadialGrid
from ..guesses.between_ends import BetweenEnds
from ..guesses.guess import starting_fields
from ..problem.problem import DiscreteProblem, Problem
from ..problem.transfer import transfer
from ..solvers.base import AbstractSolver, Solution
from ..solvers.newton import Newton
from .adaptive import ELEMENTS, ORDER, SMOOTH, TAIL, converge_mesh, grow_domain, reaches_edge

_FIRST = 40.0  # decay lengths of the first mesh, on which the widths of the fields are chosen
_LARGER = 6  # times that the domain may grow by half
_CORE = 1e-2  # part of the way between the ends that is left at the edge of the core


def between_ends(problem: Problem, guess: Any, solver: AbstractSolver) -> tuple[DiscreteProblem, Solution]:
    """The state that a guess leads to; the domain holds its core and its tail, and grows while it reaches the edge."""
    edges = _FIRST * np.linspace(0.0, 1.0, 2 * ELEMENTS[0] + 1) ** 3
    rough = problem.with_grid(RadialGrid(edges=tuple(edges), order=ORDER, dim=problem.dimension))
    u = starting_fields(rough, guess)
    away = np.abs(u - rough.vacuum.values) / np.maximum(np.ptp(u, axis=0), 1e-300)
    core = rough.grid.nodes[np.flatnonzero(np.max(away, axis=1) > _CORE)[-1]]
    r_max = min(float(core) + TAIL, _FIRST)
    inside = tuple((edges * r_max / _FIRST).tolist())
    first = problem.with_grid(RadialGrid(edges=inside, order=ORDER, dim=problem.dimension))
    fitted = adapted_edges(first.grid, transfer(rough, u, first), ELEMENTS[0])
    on = problem.with_grid(RadialGrid(edges=fitted, order=ORDER, dim=problem.dimension))
    start = starting_fields(on, guess) if isinstance(guess, BetweenEnds) else transfer(rough, u, on)
    solution = solver.run(on, start)
    if not solution.converged and solver == Newton():
        # from far away a descent of the energy is safer; it ends where no step lowers the energy, as at a saddle
        descended = Newton(target="minimum").run(on, start)
        solution = descended if descended.converged else solution
    on, solution = grow_domain(on, solution, solver, 1.5, _LARGER, reaches_edge)
    if solution.converged:
        on, solution, _ = converge_mesh(on, solution, solver, SMOOTH)
    return on, solution
