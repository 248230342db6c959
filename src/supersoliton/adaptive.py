"""Solving on a mesh and a domain that are chosen from the solution, until the energy is known to rounding."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from .certificate import boundary_fraction, discretisation_error, is_homogeneous
from .grid import RadialGrid
from .mesh import adapted_edges, roughness
from .problem import Problem
from .solvers.base import AbstractSolver, Solution
from .vacua import mass_matrix
from .warm_start.analytic import scale_to_norm

# Numbers of elements tried in turn. Few different ones, because kernels are compiled anew for each.
ELEMENTS = (16, 24, 40, 64)
ORDER = 12
_TARGET = 2e-12  # relative error of the energy below which no finer mesh is tried
# The same for the fields (roughness of the worst element), where the first mesh was not made for them: an energy is
# right to the square of what its fields are.
SMOOTH = 1e-8
_TAIL = 14.0  # decay lengths kept beyond the core: e^-14 = 1e-6, and the exterior is exact to the square of that


def decay_length(problem: Problem, radius: float = 0.0) -> float:
    """1/sqrt of the smallest positive eigenvalue of V''(v) - omega^2 (infinite where there is none)."""
    matrix = mass_matrix(problem.model, problem.vacuum.values, radius) - np.diag(
        problem.multiplier_shift / problem.model.kinetic
    )
    values = np.linalg.eigvalsh(matrix) if np.all(np.isfinite(matrix)) else np.empty(0)
    positive = values[values > 1e-12]
    return 1.0 / math.sqrt(float(positive[0])) if len(positive) else math.inf


def transfer(problem: Problem, u: Array, target: Problem) -> Array:
    """Carry nodal fields to another mesh (the vacuum beyond the old domain), with its boundary values and norm."""
    old, new = problem.grid, target.grid
    assert old is not None
    assert new is not None
    nodes = new.nodes
    inside = nodes <= old.r_max
    out = np.tile(problem.vacuum.values, (len(nodes), 1))
    out[inside] = old.interpolate(u, nodes[inside])
    if not inside.all():  # continue the last value with the tail's rate, so that no step is made
        rate = 1.0 / min(decay_length(problem, old.r_max), old.r_max)
        tail = np.exp(-rate * (nodes[~inside] - old.r_max))
        out[~inside] += tail[:, None] * (u[-1] - problem.vacuum.values)
    held = target.free_nodes == 0
    edge = np.zeros_like(out)
    edge[-1] = target.vacuum.values
    out[held] = edge[held]
    return scale_to_norm(target, out) if target.norm is not None else out


def converge_mesh(
    problem: Problem, solution: Solution, solver: AbstractSolver, smooth: float = math.inf
) -> tuple[Problem, Solution, float]:
    """Adapt the mesh to a converged solution and refine it until the energy's error is at rounding, and the
    fields' roughness below ``smooth``.

    Returns the problem on its final mesh, the solution there and the estimated relative error of the energy. A
    solution that fails on a finer mesh ends the refinement; its last good mesh is returned.
    """
    assert problem.grid is not None
    error = discretisation_error(problem, solution.u, solution.multiplier)
    for n_elements in ELEMENTS:
        assert problem.grid is not None
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


def _distance(problem: Problem, u: Array, v: Array) -> float:
    """Relative L2 distance of two fields, measured against their distance from the vacuum."""
    assert problem.grid is not None
    scale = problem.grid.integrate((v - problem.vacuum.values) ** 2).sum()
    return float(np.sqrt(problem.grid.integrate((u - v) ** 2).sum() / max(float(scale), 1e-300)))


def domain_for(problem: Problem, core: float) -> float:
    """A radius that holds a core of size ``core`` and its tail."""
    length = decay_length(problem)
    return core + (_TAIL * length if math.isfinite(length) else 10.0 * core)


def enlarge(problem: Problem, solution: Solution) -> Problem | None:
    """A problem on a domain half as large again, where the solution reaches the edge of this one; None where not."""
    assert problem.grid is not None
    if is_homogeneous(problem, solution.u) or boundary_fraction(problem, solution.u) < 1e-11:
        return None
    edges = problem.grid.element_edges * 1.5
    return problem.with_grid(RadialGrid(edges=tuple(edges), order=ORDER, dim=problem.grid.dim))
