"""Newton's method where V' or V'' jumps along the fields: on a mesh whose element edges follow the jumps.

Inside an element a jump leaves an error that more points hardly lower, and where V' jumps the points hold it in place:
each number of them on either side has a solution of its own. With an edge at each jump the force is exact, and its
derivative is the second variation with the delta functions of V''. So each step is Newton's with these, and then the
mesh is laid again.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import RadialGrid
from ..problem.problem import DiscreteProblem
from ..problem.residual import force
from ..problem.tangent_space import TangentSpace
from ..problem.transfer import satisfy_conditions, scale_to_norm
from ..solvers.base import CONVERGED, AbstractSolver, Solution
from ..states.accuracy import discretisation_error, virial
from ..states.jumps import Jump, delta_functions, jumps

_SHARE = 1e-4  # of the violation of the virial identity, which is first order in the fields' error
_STEPS = 20
_FOLLOWED = 2  # times that the edges follow a step: what is left is of fourth order in it
_WORSE = 1e3  # growth of the residual at which the steps are given up
_ENOUGH = 1e-10  # residual of a solution, from which each step has to halve it


def with_edges_at_jumps(
    problem: DiscreteProblem, solution: Solution, edges: Array, order: int, solver: AbstractSolver, least: float
) -> tuple[DiscreteProblem, Solution] | None:
    """The same where a solution is not accurate to ``least`` and has jumps, if it is more accurate with edges at them.

    An element can end so near to a jump that no point lies between, and then only the virial identity shows it.
    """

    def error(problem: DiscreteProblem, found: Solution) -> float:
        shown = discretisation_error(problem, found.u, found.multiplier)
        return max(shown, _SHARE * virial(problem, found.u, found.multiplier))

    if not solution.converged:
        return None
    before = error(problem, solution)
    if before <= least:
        return None
    settled = settle_at_jumps(problem, solution.u, edges, order, solver)
    return settled if settled is not None and error(*settled) < before else None


def settle_at_jumps(
    problem: DiscreteProblem, u: Array, edges: Array, order: int, solver: AbstractSolver
) -> tuple[DiscreteProblem, Solution] | None:
    """The solution next to ``u`` on the elements ``edges`` and edges at its jumps; None if there are no jumps.

    None as well if the steps lead nowhere.
    """
    found = jumps(problem, u)
    if not found:
        return None
    on = problem.with_grid(RadialGrid(edges=_with_edges(edges, _radii(found)), order=order, dim=problem.grid.dim))
    problem, u = on, satisfy_conditions(on, problem.grid.interpolate(u, on.grid.nodes))
    found, last = jumps(problem, u), math.inf
    best, steps = (problem, u, force(problem, u)), 0
    while steps < _STEPS:
        at = force(problem, u)
        if at.residual <= max(best[2].residual, _ENOUGH):  # of solutions the last, whose edges are nearest to the jumps
            best = problem, u, at
        if not at.residual < (0.5 if last <= _ENOUGH else _WORSE) * last:
            break
        last, steps = min(last, at.residual), steps + 1
        space = TangentSpace(problem, u, at.multiplier, deltas=delta_functions(problem, u, found))
        u = scale_to_norm(problem, u + space.solve(-at.vector)[0])
        for _ in range(_FOLLOWED):
            after = jumps(problem, u) if np.all(np.isfinite(u)) else []
            if len(after) != len(found):
                return None
            problem, u = _followed(problem, u, _radii(found), _radii(after))
            found = after
    problem, u, at = best
    if at.residual <= _ENOUGH:  # the solver's own steps, without delta functions, would lead away again
        return problem, Solution(u, at.multiplier, CONVERGED, at.residual, steps)
    solution = solver.run(problem, u)
    return (problem, solution) if solution.converged else None


def _radii(found: list[Jump]) -> Array:
    return np.array([jump.radius for jump in found])


def _followed(problem: DiscreteProblem, u: Array, before: Array, after: Array) -> tuple[DiscreteProblem, Array]:
    """The fields on a mesh that is stretched so that its edges next to ``before`` come to ``after``.

    To first order in the way, from the slopes within the elements: to interpolate would leave the jump of u'' inside
    one of them.
    """
    grid, ends = problem.grid, problem.grid.r_max
    old = grid.element_edges
    at = old[np.argmin(np.abs(old[:, None] - before), axis=0)]
    edges = np.interp(old, [0.0, *at, ends], [0.0, *after, ends])
    on = problem.with_grid(RadialGrid(edges=tuple(edges.tolist()), order=grid.order, dim=grid.dim))
    return on, satisfy_conditions(on, u + grid.differentiate(u) * (on.grid.nodes - grid.nodes)[:, None])


def _with_edges(edges: Array, radii: Array) -> tuple[float, ...]:
    """The edges with others at ``radii``, in place of those that are nearer than a fourth of an element."""
    near = 0.25 * np.diff(edges)
    size = np.minimum(np.append(near, near[-1]), np.append(near[0], near))
    keep = np.min(np.abs(edges[:, None] - radii[None, :]), axis=1) > size
    keep[[0, -1]] = True
    inside = radii[(radii > 0.0) & (radii < edges[-1])]
    return tuple(np.unique(np.concatenate([edges[keep], inside])).tolist())
