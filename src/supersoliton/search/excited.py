"""Search for several states of a problem, excited ones included, by deflation."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy import ndarray as Array

from .._checks import expect_count, expect_problem
from ..elements.edges import adapted_edges
from ..elements.grid import RadialGrid
from ..guesses.multistart import screened_starts
from ..problem.problem import DiscreteProblem, Problem
from ..problem.scales import reduced
from ..problem.transfer import scale_to_norm, transfer
from ..solvers.base import Solution, Stopwatch
from ..solvers.deflation import DeflatedNewton
from ..solvers.newton import Newton
from ..states.kinds import is_homogeneous
from ..states.observables import core_radius
from ..states.state import State, make_state, restored_state
from .adaptive import converge_mesh
from .bounce import BounceError
from .kinks import KinkError, find_kinks, mesh_for
from .same_state import distinct_solutions, is_same_state
from .solve import solve

# Starts with one more node: the state compressed and amplified by alpha, less a copy of strength gamma displaced to rho
# (in units of its size). heuristic: they are in the basins of the radial excitations of the cubic equation in d = 2, 3.
_COMPRESSIONS = (2.5, 3.5, 1.7, 5.0)
_DISPLACEMENTS = (1.3, 2.0, 2.9, 0.9)
_STRENGTHS = (0.4, 0.7, 1.0)


def find_states(
    problem: Problem, n_starts: int = 32, *, max_nodes: int = 1, seed: int = 0, max_seconds: float = 120.0
) -> list[State]:
    """Find distinct stationary states, lowest energy first, each with its certificate.

    At fixed norm: the minima reached from the best screened starts (and random ones where these are too few). Without
    norm: the bounce, then states with radial nodes, found by deflated Newton iterations from shapes built on the states
    found before. Homogeneous states are left out.

    Parameters
    ----------
    problem : Problem
        What to solve; without a grid each state gets its own mesh.
    n_starts : int, default 32
        Starts at fixed norm, or for each number of nodes.
    max_nodes : int, default 1
        Largest number of radial nodes (without norm).
    seed : int, default 0
        Seed of the random starts.
    max_seconds : float, default 120.0
        Time budget.

    Returns
    -------
    list of State
        The states found; a search does not prove that there are no others.

    Raises
    ------
    ValueError
        If ``problem`` is no problem or a count is out of range.

    References
    ----------
    P. E. Farrell, A. Birkisson, S. W. Funke, *SIAM J. Sci. Comput.* **37** (2015) A2026 (deflation).

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: 0.5 * u[0]**2 - 0.25 * u[0]**4)
    >>> for state in ss.find_states(ss.Problem(model), n_starts=4):
    ...     print(f"{state.certificate.kind} {state.energy:.4f}")
    bounce 18.8973
    excited 118.9807
    """
    expect_problem("find_states", problem)
    expect_count("find_states: n_starts", n_starts, "try 32")
    expect_count("find_states: max_nodes", max_nodes, "try 1", least=0)
    inner, scales = reduced(problem)
    found = _find_states(inner, n_starts, max_nodes, seed, Stopwatch(max_seconds))
    return [restored_state(state, problem, scales) for state in found]


def _find_states(problem: Problem, n_starts: int, max_nodes: int, seed: int, watch: Stopwatch) -> list[State]:
    """The states of a dimensionless problem."""
    if problem.norm is not None:
        on = problem if isinstance(problem, DiscreteProblem) else solve(problem).problem
        return _states(on, _minima(on, n_starts, seed, watch))
    if problem.line is not None:
        on = problem if isinstance(problem, DiscreteProblem) else _on_its_line(problem)
        kinks = _states(on, find_kinks(on, Newton(), every=True))
        return kinks if isinstance(problem, DiscreteProblem) else [_on_its_own_mesh(s, watch) for s in kinks]
    try:
        ground = solve(problem)
    except ValueError as error:
        if isinstance(error.__cause__, BounceError):
            return []
        raise
    on = ground.problem
    found = [ground.solution] if ground.converged and not is_homogeneous(on, ground.u) else []
    level = list(found)
    for _ in range(max_nodes):
        level = _one_node_more(on, level, found, n_starts, watch)
        found += level
    states = _states(on, found)
    return states if isinstance(problem, DiscreteProblem) else [_on_its_own_mesh(s, watch) for s in states]


def _on_its_line(problem: Problem) -> DiscreteProblem:
    """The problem on the mesh of the lowest kink, or if there is none, of the wall with which its search starts."""
    try:
        return solve(problem).problem
    except KinkError:
        return problem.with_grid(mesh_for(problem)[0])


def _states(problem: DiscreteProblem, found: list[Solution]) -> list[State]:
    good = distinct_solutions(problem, [s for s in found if s.converged])
    return [make_state(problem, solution) for solution in good]


def _on_its_own_mesh(state: State, watch: Stopwatch) -> State:
    """The state on a mesh adapted to it; it was found on that of the lowest state."""
    if watch.expired:
        return state
    newton = Newton(target="stationary")
    edges = adapted_edges(state.grid, state.u, 3 * state.grid.n_elements // 2)
    # Refined even if the energy is accurate: the error of the fields is the square root of the energy's.
    finer = state.problem.with_grid(RadialGrid(edges=edges, order=state.grid.order, dim=state.grid.dim))
    start = transfer(state.problem, state.u, finer)
    moved = newton.run(finer, start)
    if not moved.converged or not is_same_state(finer, moved.u, start):
        return state
    problem, solution, _ = converge_mesh(finer, moved, newton)
    return make_state(problem, solution)


def _minima(problem: DiscreteProblem, n_starts: int, seed: int, watch: Stopwatch) -> list[Solution]:
    newton = Newton(target="minimum")
    starts = [start.u for start in screened_starts(problem)[:n_starts]]
    rng = np.random.default_rng(seed)
    carriers = problem.carries_norm > 0
    while len(starts) < n_starts:
        u = starts[len(starts) % max(1, len(starts) // 2)].copy()
        u[:, carriers] *= rng.normal(size=int(carriers.sum()))
        starts.append(scale_to_norm(problem, u))
    out: list[Solution] = []
    for u in starts:
        if watch.expired:
            break
        out.append(newton.run(problem, u))
    return out


def _one_node_more(
    problem: DiscreteProblem, level: list[Solution], known: list[Solution], n_starts: int, watch: Stopwatch
) -> list[Solution]:
    """New states with one more node than those of ``level``; all known states are deflated."""
    vacuum = problem.vacuum.values
    out: list[Solution] = []
    tried = 0
    for base in level:
        for u in _nodal_starts(problem, base):
            if watch.expired or tried >= n_starts:
                return out
            tried += 1
            avoided: list[Any] = [s.u for s in (*known, *out)] + [np.tile(vacuum, (len(u), 1))]
            solution = DeflatedNewton(avoided, Newton(max_steps=40)).run(problem, u)
            if (
                solution.converged
                and not is_homogeneous(problem, solution.u)
                and not any(is_same_state(problem, solution.u, other.u) for other in (*known, *out))
            ):
                out.append(solution)
    return out


def _nodal_starts(problem: DiscreteProblem, base: Solution) -> list[Array]:
    grid = problem.grid
    r = grid.nodes
    away = base.u - problem.vacuum.values
    size = core_radius(problem, base.u)

    def profile(x: Array) -> Array:
        return grid.interpolate(away, np.minimum(np.abs(x), grid.r_max))

    out = []
    for strength, displacement, alpha in itertools.product(_STRENGTHS, _DISPLACEMENTS, _COMPRESSIONS):
        u = problem.vacuum.values + alpha * profile(alpha * r) - strength * profile(r - displacement * 1.6 * size)
        u[-1] = np.where(problem.free_last > 0, u[-1], problem.vacuum.values)
        out.append(u)
    return out
