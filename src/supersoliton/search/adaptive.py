"""Adapt the domain and the mesh to the solution until the error of the energy is at rounding."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy import ndarray as Array

from ..elements.edges import adapted_edges, roughness, split_edges
from ..elements.grid import RadialGrid
from ..problem.asymptotics import decay_length
from ..problem.problem import DiscreteProblem, Problem
from ..problem.transfer import transfer
from ..solvers.base import AbstractSolver, Solution
from ..solvers.newton import Newton
from ..states.accuracy import discretisation_error
from ..states.kinds import boundary_fraction, is_homogeneous
from .jump_edges import with_edges_at_jumps
from .same_state import REMESHED, Tolerance, has_same_fields, is_same_energy

# Numbers of elements, tried in this order; only a few, because kernels are compiled for each.
ELEMENTS = (16, 24, 40, 64)
ORDER = 12
TARGET = 2e-12  # relative error of the energy below which no finer mesh is tried
# The same for the fields (roughness of the worst element), if the first mesh was not adapted to them: the error of the
# energy is second order in that of the fields.
SMOOTH = 1e-8
_HELPED = 1e-2  # part of the error to which an adapted mesh must lower it, or else elements are halved
TAIL = 14.0  # decay lengths kept beyond the core: e^-14 = 1e-6, and the exterior is exact to the square of that


def converge_mesh(
    problem: DiscreteProblem,
    solution: Solution,
    solver: AbstractSolver,
    smooth: float = math.inf,
) -> tuple[DiscreteProblem, Solution, float]:
    """Adapt the mesh to a converged solution and refine it until the energy's error is at rounding and the fields'
    roughness below ``smooth``.

    Returns the problem on its final mesh, the solution there and the estimated relative error of the energy. If the
    solver fails on a finer mesh, the last good mesh is returned.
    """
    error = discretisation_error(problem, solution.u, solution.multiplier)
    jumping = False
    for n_elements in ELEMENTS[1:]:
        edges = np.array(adapted_edges(problem.grid, solution.u, max(n_elements, problem.grid.n_elements)))
        settled = with_edges_at_jumps(problem, solution, edges, ORDER, solver, TARGET)
        if settled is None:
            break
        problem, solution, jumping = *settled, True
    if jumping:
        return problem, solution, discretisation_error(problem, solution.u, solution.multiplier)
    halved = False  # then the next mesh is halved as well
    for n_elements in ELEMENTS:
        if error <= TARGET and np.max(roughness(problem.grid, solution.u)) <= smooth:
            break
        if n_elements < problem.grid.n_elements:
            continue
        before = problem, solution, error
        if not halved:
            problem, solution, error = _on_edges(adapted_edges(problem.grid, solution.u, n_elements), *before, solver)
        if error > max(TARGET, _HELPED * before[2]) and n_elements > before[0].grid.n_elements:
            # What is missing is not where the fields change most: halve the elements that are rough.
            split = _on_edges(split_edges(before[0].grid, before[1].u, n_elements), *before, solver)
            halved = split[2] < error
            problem, solution, error = split if halved else (problem, solution, error)
        if problem is before[0] and n_elements > problem.grid.n_elements:
            break
    return problem, solution, error


def _on_edges(
    edges: tuple[float, ...],
    problem: DiscreteProblem,
    solution: Solution,
    error: float,
    solver: AbstractSolver,
) -> tuple[DiscreteProblem, Solution, float]:
    """The solution on other elements with its error; what was given where the solver fails or the error is no less."""
    grid = problem.grid
    finer = problem.with_grid(RadialGrid(edges=edges, order=ORDER, dim=grid.dim))
    start = transfer(problem, solution.u, finer)
    moved = solver.run(finer, start)
    if not moved.converged or not has_same_fields(finer, moved.u, start, REMESHED):
        return problem, solution, error
    finer_error = discretisation_error(finer, moved.u, moved.multiplier)
    if finer_error < error or len(edges) - 1 > grid.n_elements or finer_error <= TARGET:
        return finer, moved, finer_error
    return problem, solution, error


def domain_for(problem: Problem, core: float) -> float:
    """A radius that holds a core of size ``core`` and its tail."""
    length = decay_length(problem)
    return core + (TAIL * length if math.isfinite(length) else 10.0 * core)


def reaches_edge(problem: DiscreteProblem, solution: Solution) -> bool:
    """Whether a localised state has not decayed at the edge of the domain."""
    return not is_homogeneous(problem, solution.u) and boundary_fraction(problem, solution.u) >= 1e-11


def grow_domain(
    problem: DiscreteProblem,
    solution: Solution,
    solver: AbstractSolver,
    factor: float,
    times: int,
    too_small: Callable[[DiscreteProblem, Solution], bool],
    tolerance: Tolerance | None = None,
) -> tuple[DiscreteProblem, Solution]:
    """Stretch the domain by ``factor`` and solve again while it is ``too_small``, at most ``times`` times.

    With a ``tolerance`` the elements are fitted to the solution, and the last domain with the same state is returned.
    Without one, the last domain tried is returned with the result of the solver there, converged or not.
    """
    for _ in range(times):
        if not solution.converged or not too_small(problem, solution):
            break
        moved = on_domain(problem, solution, solver, problem.grid.element_edges * factor, tolerance)
        if moved is None:
            break
        problem, solution = moved
    return problem, solution


def on_domain(
    problem: DiscreteProblem, solution: Solution, solver: AbstractSolver, edges: Array, tolerance: Tolerance | None
) -> tuple[DiscreteProblem, Solution] | None:
    """The solution on elements with these ``edges``. With a ``tolerance`` on the energy, the same number of elements is
    fitted to the solution on that domain; None if it is not the same state there."""
    grid = problem.grid
    other = problem.with_grid(RadialGrid(edges=tuple(edges), order=grid.order, dim=grid.dim))
    if tolerance is not None:
        fitted = adapted_edges(other.grid, transfer(problem, solution.u, other), grid.n_elements)
        other = problem.with_grid(RadialGrid(edges=fitted, order=grid.order, dim=grid.dim))
    moved = solver.run(other, transfer(problem, solution.u, other))
    if tolerance is not None:
        before = problem.energy(solution.u)
        if not moved.converged or not is_same_energy(other.energy(moved.u), before, before, tolerance):
            return None
    return other, moved


def refitted(problem: DiscreteProblem, solution: Solution) -> tuple[DiscreteProblem, Solution]:
    """The solution on a mesh adapted to it, where it was found on that of another state."""
    newton, grid = Newton(target="stationary"), problem.grid
    edges = adapted_edges(grid, solution.u, 3 * grid.n_elements // 2)
    # Refined even if the energy is accurate: the error of the fields is the square root of the energy's.
    finer = problem.with_grid(RadialGrid(edges=edges, order=grid.order, dim=grid.dim))
    start = transfer(problem, solution.u, finer)
    moved = newton.run(finer, start)
    if not moved.converged or not has_same_fields(finer, moved.u, start, REMESHED):
        return problem, solution
    return converge_mesh(finer, moved, newton)[:2]
