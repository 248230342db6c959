"""Continuation of a bounce in the dimension of space, a real number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy import ndarray as Array
from scipy.optimize import brentq

from ..elements.edges import adapted_edges
from ..elements.grid import RadialGrid
from ..problem.problem import DiscreteProblem
from ..solvers.base import Solution, Stopwatch
from ..solvers.newton import Newton
from ..states.observables import core_radius
from .jump_edges import settle_at_jumps, with_edges_at_jumps

_ROUGH = 1e-8  # error of the action from which jumps of V' or V'' are looked for


def continue_dimension(
    problem: DiscreteProblem, solution: Solution, dim: float, newton: Newton, watch: Stopwatch
) -> tuple[DiscreteProblem, Solution]:
    """Follow the bounce down to dimension ``dim``; a thin wall is moved to the radius that its tension implies."""
    current, step = float(problem.grid.dim), 0.5
    while abs(current - dim) > 1e-12:
        following = max(dim, current - step)
        moved = _move(problem, solution, following, newton)
        if moved is None:
            step *= 0.5
            if step < 0.002 or watch.expired:
                failed = replace(solution, status=f"stalled: the bounce could not be continued below d = {current:.2f}")
                return problem, failed
            continue
        problem, solution = moved
        current = following
    return problem, solution


def _move(
    problem: DiscreteProblem, solution: Solution, dim: float, newton: Newton
) -> tuple[DiscreteProblem, Solution] | None:
    grid = problem.grid
    old_radius = core_radius(problem, solution.u)
    # A thin wall of tension s and depth e lies at R = (d - 1) s / e. A thick one hardly moves, so only the part of the
    # radius beyond the wall's width is scaled.
    away = np.linalg.norm(solution.u - problem.vacuum.values, axis=1)
    width = float(np.max(away) / np.max(np.linalg.norm(grid.differentiate(solution.u), axis=1)))
    excess = max(old_radius - width, 0.0)
    shift = excess * (1.0 - (dim - 1.0) / (grid.dim - 1.0)) if grid.dim > 1 else 0.0
    r = np.linspace(0.0, grid.r_max, 20001)  # the elements move with the wall, to keep it resolved
    edges = np.interp(grid.element_edges, _unshifted(r, shift), r)
    base = RadialGrid(edges=tuple(edges), order=grid.order, dim=dim)
    u = _shifted(problem, solution.u, base.nodes, shift)
    fitted = adapted_edges(base, u, grid.n_elements)
    target = problem.with_grid(RadialGrid(edges=fitted, order=grid.order, dim=dim))
    shift = _balanced(problem, solution.u, target, shift, width)
    start = _shifted(problem, solution.u, target.grid.nodes, shift)

    def is_followed(problem: DiscreteProblem, found: Solution) -> bool:
        away_now = float(np.max(np.abs(found.u - problem.vacuum.values)))
        strength = away_now / float(np.max(np.abs(solution.u - problem.vacuum.values)))
        off = abs(core_radius(problem, found.u) - (old_radius - shift))  # further away it is another state
        return found.converged and off <= width and 0.2 < strength < 5.0

    moved = newton.run(target, start)
    if is_followed(target, moved):
        return with_edges_at_jumps(target, moved, np.array(fitted), grid.order, newton, _ROUGH) or (target, moved)
    settled = settle_at_jumps(target, start, np.array(fitted), grid.order, newton)
    return settled if settled is not None and is_followed(*settled) else None


def _balanced(problem: DiscreteProblem, u: Array, target: DiscreteProblem, shift: float, width: float) -> float:
    """The displacement near ``shift`` at which tension and pressure balance: no force on the wall as a whole.

    Moving the wall is almost a zero mode, -(d - 1)/R^2. Newton's method converges only from a fraction of the wall's
    width, which is a small part of a large radius.
    """
    grid = target.grid

    def force(s: float) -> float:
        v = _shifted(problem, u, grid.nodes, s)
        return float(np.sum(target.energy_and_gradient(v)[1] * grid.differentiate(v) * target.free_nodes))

    for reach in (0.5 * width, 2.0 * width):
        low, high = shift - reach, shift + reach
        if low > 0 and force(low) * force(high) < 0:
            return float(brentq(force, low, high, xtol=1e-6 * width))
    return shift


def _unshifted(r: Array, shift: float) -> Array:
    """The radius that is moved to ``r`` when the wall moves inwards by ``shift``; the origin is fixed."""
    return r + shift * np.tanh(r / max(shift, 1e-12))


def _shifted(problem: DiscreteProblem, u: Array, nodes: Array, shift: float) -> Array:
    return problem.grid.interpolate(u, np.clip(_unshifted(nodes, shift), 0.0, problem.grid.r_max))
