"""Search for several states of a problem, excited ones included.

One field without explicit r: by shooting, which finds the states with every number of nodes (:mod:`.nodal`,
:mod:`.norm_branch`). Several fields: shooting along lines in field space gives starts (:mod:`.lines`), and deflated
Newton iterations from shapes built on the states found before follow where these find nothing.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable

import numpy as np
from numpy import ndarray as Array

from .._checks import expect_count, expect_potential, expect_problem
from ..guesses.multistart import screened_starts
from ..machine.arithmetic import numerical
from ..problem.problem import DiscreteProblem, Problem
from ..problem.scales import reduced
from ..problem.transfer import scale_to_norm, transfer
from ..solvers.base import Solution, Stopwatch
from ..solvers.deflation import DeflatedNewton
from ..solvers.newton import Newton
from ..states.kinds import is_homogeneous, radial_nodes
from ..states.observables import core_radius
from ..states.state import State, make_state, restored_state
from .adaptive import refitted
from .bounce import BounceError
from .collapse import without_collapse
from .kinks import KinkError, find_kinks, mesh_for
from .lines import states_on_lines, states_on_lines_at_norm
from .nodal import Found, has_line, nodal_states
from .norm_branch import states_at_norm, trapped_states
from .same_state import distinct_solutions, is_same_anywhere
from .solve import SolveWarning, solve

# Starts with one more node: the state compressed and amplified by alpha, less a copy of strength gamma displaced to rho
# (in units of its size). heuristic: they are in the basins of the radial excitations of the cubic equation in d = 2, 3.
_COMPRESSIONS = (2.5, 3.5, 1.7, 5.0)
_DISPLACEMENTS = (1.3, 2.0, 2.9, 0.9)
_STRENGTHS = (0.4, 0.7, 1.0)


class FoundStates(list[State]):
    """The states found, lowest energy first.

    Attributes
    ----------
    not_found : tuple of str
        What was looked for and not found, one sentence each.
    """

    not_found: tuple[str, ...] = ()


@numerical
def find_states(
    problem: Problem,
    n_starts: int = 32,
    *,
    max_nodes: int | None = None,
    seed: int = 0,
    max_seconds: float = 120.0,
) -> FoundStates:
    """Find distinct stationary states, lowest energy first, each with its certificate.

    One field whose potential does not depend on r: all states with at most ``max_nodes`` radial nodes, by shooting from
    the centre. Several fields: the bounce (the minima at fixed norm), then states with nodes from shooting along lines
    in field space and by deflated Newton iterations. In a trap (V depends on r) at fixed norm: the branches of all
    modes. Homogeneous states are left out.

    Parameters
    ----------
    problem : Problem
        What to solve; without a grid each state gets its own mesh.
    n_starts : int, default 32
        Starts at fixed norm, and for each number of nodes.
    max_nodes : int, optional
        Largest number of radial nodes; if not given, 1, and at fixed norm only minima are looked for.
    seed : int, default 0
        Seed of the random starts.
    max_seconds : float, default 120.0
        Time budget.

    Returns
    -------
    list of State
        The states found; the attribute ``not_found`` says what was looked for and not found. A search does not prove
        that there are no others.

    Warns
    -----
    SolveWarning
        If ``max_nodes`` is given and no state with one of these numbers of nodes is found.

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
    >>> for state in ss.find_states(ss.Problem(model), max_nodes=3):
    ...     print(f"{state.certificate.kind} {state(0.0)[0]:.5f} {state.energy:.4f}")
    bounce 4.33739 18.8973
    excited 14.10358 118.9807
    excited 29.13121 360.7791
    excited 49.36071 803.8945
    """
    expect_problem("find_states", problem)
    expect_potential("find_states", problem.model, "use solve(problem), with other guesses for other states")
    expect_count("find_states: n_starts", n_starts, "try 32")
    if max_nodes is not None:
        expect_count("find_states: max_nodes", max_nodes, "try 1", least=0)
    inner, scales = reduced(problem)
    search = _Search(inner, n_starts, 1 if max_nodes is None else max_nodes, Stopwatch(max_seconds))
    if inner.line is not None:
        search.on_a_line()
    elif inner.norm is None:
        search.without_norm()
    else:
        search.at_norm(seed, excited=max_nodes is not None)
    found = search.states()
    states = FoundStates(restored_state(state, problem, scales) for state in found)
    looked_for = inner.line is None and (inner.norm is None or max_nodes is not None)
    states.not_found = (*search.reasons, *(search.missing(found) if looked_for else ()))
    if states.not_found and max_nodes is not None:
        warnings.warn(f"find_states: {'; '.join(states.not_found)}", SolveWarning, stacklevel=2)
    return states


class _Search:
    """One search: the solutions found so far, and why others were not."""

    def __init__(self, problem: Problem, n_starts: int, max_nodes: int, watch: Stopwatch) -> None:
        self.problem, self.n_starts, self.max_nodes, self.watch = problem, n_starts, max_nodes, watch
        self.found: list[Found] = []
        self.unresolved: set[int] = set()  # nodes of states that the mesh of the problem does not hold
        self.tried: dict[int, int] = {}  # starts for each number of nodes
        self.reasons: list[str] = []

    def add(self, found: Found | None) -> bool:
        """Keep a solution if it is new."""
        if found is None or not found.solution.converged or is_homogeneous(*_fields(found)):
            return False
        if any(is_same_anywhere(_fields(found), _fields(other)) for other in self.found):
            return False
        self.found.append(found)
        return True

    def states(self) -> list[State]:
        return sorted((make_state(*found) for found in self.found), key=lambda state: state.energy)

    def missing(self, states: list[State]) -> list[str]:
        """A sentence for each number of nodes with which nothing was found."""
        if self.reasons:
            return []
        counts = {radial_nodes(state.problem, state.u) for state in states}
        out = []
        for n in sorted(set(range(self.max_nodes + 1)) - counts):
            nodes = f"{n} node" if n == 1 else f"{n} nodes"
            if n > 0 and self.problem.model.n_fields == 1 and float(self.problem.dimension) == 1.0:
                out.append(
                    "in one dimension a single field has no localised state with nodes: its equation has no friction"
                )
                break
            if n in self.unresolved:
                out.append(f"the states with {nodes} that shooting finds do not converge on this mesh: give no grid")
            elif self.watch.expired:
                out.append(f"nothing found with {nodes} within {self.watch.budget:g} s")
            elif has_line(self.problem):
                out.append(f"nothing found with {nodes} by shooting from every centre")
            else:
                starts = self.tried.get(n, 0)
                out.append(f"nothing found with {nodes} in {starts} start{'' if starts == 1 else 's'}")
        return out

    def on_a_line(self) -> None:
        """The kinks between two vacua, each on its own mesh where none is given."""
        given = isinstance(self.problem, DiscreteProblem)
        on = self.problem if isinstance(self.problem, DiscreteProblem) else _on_its_line(self.problem)
        for solution in find_kinks(on, Newton(), every=True):
            self.add(Found(on, solution) if given or not solution.converged else Found(*refitted(on, solution)))

    def without_norm(self) -> None:
        """The bounce, and states with nodes."""
        try:
            ground = solve(self.problem)
        except ValueError as error:
            if not isinstance(error.__cause__, BounceError):
                raise
            self.reasons.append(str(error).removeprefix("solve: "))
            return  # solve has tried shooting, too
        first = Found(ground.problem, ground.solution)
        self.add(first)
        if has_line(self.problem):
            self.shoot()
        elif self.found:
            if not self.problem.model.explicit_r:
                self.add_all(states_on_lines(self.problem, first, self.max_nodes, self.watch))
            for n in range(1, self.max_nodes + 1):
                self.deflate(n)

    def shoot(self) -> None:
        for nodes, found in nodal_states(self.problem, self.max_nodes, self.watch):
            if found is None:
                self.unresolved.add(nodes)
            self.add(found)

    def add_all(self, starts: Iterable[tuple[int, Found | None]]) -> None:
        """Keep the new ones of what starts with some number of nodes led to."""
        for nodes, found in starts:
            self.tried[nodes] = self.tried.get(nodes, 0) + 1
            self.add(found)

    def deflate(self, n: int) -> None:
        """States with n nodes by deflation, if there are none yet, from shapes built on those with n - 1."""
        counts = [radial_nodes(*_fields(found)) for found in self.found]
        if n in counts:
            return
        left = self.n_starts
        for base in [found for found, count in zip(self.found, counts, strict=True) if count == n - 1]:
            on = base.problem
            for u in _nodal_starts(on, base.solution)[:left]:
                if self.watch.expired:
                    return
                left, self.tried[n] = left - 1, self.tried.get(n, 0) + 1
                avoided = [transfer(other.problem, other.solution.u, on) for other in self.found]
                avoided.append(np.tile(on.vacuum.values, (len(u), 1)))
                solution = DeflatedNewton(avoided, Newton(max_steps=40)).run(on, u)
                if solution.converged and not isinstance(self.problem, DiscreteProblem):
                    self.add(Found(*refitted(on, solution)))
                else:
                    self.add(Found(on, solution))

    def at_norm(self, seed: int, *, excited: bool) -> None:
        """The minima, and where ``excited`` the other stationary states with few nodes."""
        on = self.problem if isinstance(self.problem, DiscreteProblem) else solve(self.problem).problem
        minima = without_collapse(on, distinct_solutions(on, _minima(on, self.n_starts, seed, self.watch)))
        for solution in minima:
            self.add(Found(on, solution))
        if not self.found and minima:
            self.reasons.append(minima[0].status)
        if not excited:
            return
        if has_line(self.problem):
            self.add_all(states_at_norm(self.problem, self.max_nodes, self.watch))
        elif self.problem.model.explicit_r:
            self.add_all(trapped_states(on, self.max_nodes, self.watch))
        else:
            self.add_all(states_on_lines_at_norm(self.problem, self.found[:1], self.max_nodes, self.watch))


def _on_its_line(problem: Problem) -> DiscreteProblem:
    """The problem on the mesh of the lowest kink, or if there is none, of the wall with which its search starts."""
    try:
        return solve(problem).problem
    except KinkError:
        return problem.with_grid(mesh_for(problem)[0])


def _fields(found: Found) -> tuple[DiscreteProblem, Array]:
    return found.problem, found.solution.u


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
