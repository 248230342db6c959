"""Solve a problem: one certified state."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from .._checks import expect_problem
from ..elements.grid import RadialGrid
from ..guesses.guess import choose_guess, core_of, is_search, starting_fields
from ..machine.blas_threads import one_thread
from ..problem.asymptotics import decay_length
from ..problem.problem import DiscreteProblem, Problem
from ..solvers.base import AbstractSolver, Solution
from ..solvers.newton import Newton
from ..states.state import State, make_state
from .adaptive import ELEMENTS, ORDER, SMOOTH, converge_mesh, domain_for, grow_domain, reaches_edge
from .bounce import BounceError
from .collapse import without_collapse
from .saddle import bounce_of, find_solitons, has_bounce, needs_bounce, through_the_barrier

_LARGER_DOMAINS = 6  # the domain may grow this many times by half


class SolveError(RuntimeError):
    """Raised by ``solve(..., throw=True)`` when the solver did not converge.

    Attributes
    ----------
    state : State
        The state at which the solver ended.
    """

    def __init__(self, state: State) -> None:
        super().__init__(state.status)
        self.state = state


class SolveWarning(RuntimeWarning):
    """Warns that a result is not the localised state that was asked for; the message says in which way."""


@one_thread
def solve(problem: Problem, guess: Any = None, solver: AbstractSolver | None = None, *, throw: bool = False) -> State:
    """Solve at numerical couplings; the arguments are those of :func:`supersoliton.families.differentiable.solve`."""
    expect_problem("solve", problem)
    chosen = Newton() if solver is None else solver
    if not isinstance(chosen, AbstractSolver):
        raise ValueError(f"solve: solver must be a solver object, got {chosen!r}: use Newton()")
    guess = choose_guess(problem, guess)
    if isinstance(problem, DiscreteProblem):
        state = make_state(problem, _run(problem, guess, chosen, insist=solver is None))
    else:
        state = make_state(*_without_grid(problem, guess, chosen))
    if throw and not state.converged:
        raise SolveError(state)
    return state


def _run(problem: DiscreteProblem, guess: Any, solver: AbstractSolver, *, insist: bool) -> Solution:
    """The solution that a guess leads to on a mesh; ``insist``: search for a bounce if it is not a soliton."""
    if is_search(guess):
        found = find_solitons(problem, solver, guess, insist=insist).solutions
        if not found:
            raise ValueError("solve: no start of the default search has a finite energy: give a guess")
        return found[0]
    solution = without_collapse(problem, [solver.run(problem, starting_fields(problem, guess))])[0]
    if needs_bounce(problem, solver, guess, [solution], insist=insist):
        return through_the_barrier(problem) or solution  # if no bounce exists, Newton's result
    return solution


def _without_grid(problem: Problem, guess: Any, solver: AbstractSolver) -> tuple[DiscreteProblem, Solution]:
    """The solution on a mesh that is chosen here.

    The bounce on its own mesh if the problem can have one. Otherwise the domain follows from the guess and the mass
    gap, grows while the state reaches its edge, and its mesh is refined.
    """
    core = core_of(guess)
    if has_bounce(problem):
        try:
            found = bounce_of(problem, problem.dimension)
        except BounceError as error:
            raise ValueError(f"solve: without a grid a localised state is needed, but {error}") from error
        if problem.omega is None:
            return found.problem, found.solution
        background = tuple(problem.vacuum.values)
        own = replace(problem.with_grid(found.grid), boundary="decaying", background=background)
        return own, Newton(target="stationary").run(own, found.u)
    if core is None:
        length = decay_length(problem)
        core = 3.0 * (length if math.isfinite(length) else 3.0)
    on = problem.with_grid(_first_grid(problem, core))
    solution = _run(on, guess, solver, insist=False)
    on, solution = grow_domain(on, solution, solver, 1.5, _LARGER_DOMAINS, reaches_edge)
    if solution.converged:
        on, solution, _ = converge_mesh(on, solution, solver, SMOOTH)
    return on, solution


def _first_grid(problem: Problem, core: float) -> RadialGrid:
    """Elements that grow from the core outwards."""
    r_max = domain_for(problem, core)
    stretch = np.linspace(0.0, 1.0, ELEMENTS[0] + 1)
    edges = r_max * (0.4 * stretch + 0.6 * stretch**2)
    return RadialGrid(edges=tuple(edges), order=ORDER, dim=problem.dimension)
