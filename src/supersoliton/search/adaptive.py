"""Solving on a mesh and a domain that are chosen from the solution, until the energy is known to rounding."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from ..elements.edges import adapted_edges, roughness
from ..elements.grid import RadialGrid
from ..problem.asymptotics import decay_length
from ..problem.problem import DiscreteProblem, Problem
from ..problem.transfer import transfer
from ..solvers.base import AbstractSolver, Solution
from ..states.accuracy import discretisation_error
from ..states.kinds import boundary_fraction, is_homogeneous

# Numbers of elements tried in turn. Few different ones, because kernels are compiled anew for each.
ELEMENTS = (16, 24, 40, 64)
ORDER = 12
_TARGET = 2e-12  # relative error of the energy below which no finer mesh is tried
# The same for the fields (roughness of the worst element), where the first mesh was not made for them: an energy is
# right to the square of what its fields are.
SMOOTH = 1e-8
_TAIL = 14.0  # decay lengths kept beyond the core: e^-14 = 1e-6, and the exterior is exact to the square of that


def converge_mesh(
    problem: DiscreteProblem, solution: Solution, solver: AbstractSolver, smooth: float = math.inf
) -> tuple[DiscreteProblem, Solution, float]:
    """Adapt the mesh to a converged solution and refine it until the energy's error is at rounding, and the
    fields' roughness below ``smooth``.

    Returns the problem on its final mesh, the solution there and the estimated relative error of the energy. A
    solution that fails on a finer mesh ends the refinement; its last good mesh is returned.
    """
    error = discretisation_error(problem, solution.u, solution.multiplier)
    for n_elements in ELEMENTS:
        if error <= _TARGET and np.max(roughness(problem.grid, solution.u)) <= smooth:
            break
        if n_elements < problem.grid.n_elements:
            continue
        edges = adapted_edges(problem.grid, solution.u, n_elements)
        finer = problem.with_grid(RadialGrid(edges=edges, order=ORDER, dim=problem.grid.dim))
        moved = solver.run(finer, transfer(problem, solution.u, finer))
        if not moved.converged or _distance(finer, moved.u, transfer(problem, solution.u, finer)) > 0.1:
            break
        finer_error = discretisation_error(finer, moved.u, moved.multiplier)
        if finer_error < error or n_elements > problem.grid.n_elements or finer_error <= _TARGET:
            problem, solution, error = finer, moved, finer_error
    return problem, solution, error


def _distance(problem: DiscreteProblem, u: Array, v: Array) -> float:
    """Relative L2 distance of two fields, measured against their distance from the vacuum."""
    scale = problem.grid.integrate((v - problem.vacuum.values) ** 2).sum()
    return float(np.sqrt(problem.grid.integrate((u - v) ** 2).sum() / max(float(scale), 1e-300)))


def domain_for(problem: Problem, core: float) -> float:
    """A radius that holds a core of size ``core`` and its tail."""
    length = decay_length(problem)
    return core + (_TAIL * length if math.isfinite(length) else 10.0 * core)


def enlarge(problem: DiscreteProblem, solution: Solution) -> DiscreteProblem | None:
    """A problem on a domain half as large again, where the solution reaches the edge of this one; None where not."""
    if is_homogeneous(problem, solution.u) or boundary_fraction(problem, solution.u) < 1e-11:
        return None
    edges = problem.grid.element_edges * 1.5
    return problem.with_grid(RadialGrid(edges=tuple(edges), order=ORDER, dim=problem.grid.dim))
