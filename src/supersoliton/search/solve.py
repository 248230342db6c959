"""From a problem to a certified state."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from .._checks import expect_problem
from ..elements.grid import RadialGrid
from ..guesses.multistart import MultiStart
from ..guesses.profiles import AbstractProfile, Gaussian, starting_fields
from ..machine.blas_threads import one_thread
from ..problem.asymptotics import decay_length
from ..problem.problem import DiscreteProblem, Problem
from ..problem.transfer import transfer
from ..solvers.base import AbstractSolver, Solution
from ..solvers.newton import Newton
from ..states.kinds import is_homogeneous
from ..states.state import State, make_state
from .adaptive import ELEMENTS, ORDER, SMOOTH, converge_mesh, domain_for, enlarge
from .bounce import BounceError
from .saddle import bounce_of, find_solitons, has_bounce, reaches_below, through_the_barrier

_LARGER_DOMAINS = 6  # times that a domain may grow by half


class SolveError(RuntimeError):
    """Raised by ``solve(..., throw=True)`` when the solver did not converge; ``state`` is where it ended."""

    def __init__(self, state: State) -> None:
        super().__init__(state.status)
        self.state = state


@one_thread
def solve(problem: Problem, guess: Any = None, solver: AbstractSolver | None = None, *, throw: bool = False) -> State:
    """Find a stationary state of ``problem`` near ``guess``.

    Parameters
    ----------
    problem : what to solve. Without a grid the domain and the mesh are chosen, and refined until the energy is known
        to rounding.
    guess : a profile (:class:`Gaussian`, ...), an array (n_nodes, n_fields), a function of the radii that returns one,
        or a state. Unless given: at fixed norm several starts over the fields that may carry the soliton, of which the
        lowest state is returned; else a Gaussian of amplitude 1 and width 3.
    solver : the method; :class:`Newton` unless given.
    throw : raise :class:`SolveError` where the solver does not converge, instead of telling so in ``state.status``.

    Notes
    -----
    A localised state without norm is a saddle of the energy, and Newton's basin around it is small. Where the default
    method fails, or falls into the vacuum from a guess that reaches through the barrier (V below the vacuum's), the
    saddle of least action is sought by :func:`bounce` and carried to the problem's mesh. At fixed frequency it is the
    bounce of V - omega^2 u^2/2.

    Raises
    ------
    ValueError : for a guess that does not fit the problem.
    """
    expect_problem("solve", problem)
    chosen = Newton() if solver is None else solver
    if not isinstance(chosen, AbstractSolver):
        raise ValueError(f"solve: solver must be a solver object, got {chosen!r}: use Newton()")
    if guess is None and problem.norm is None:
        # At fixed frequency nothing is known of the amplitude: any profile through the barrier leads to the bounce.
        guess = Gaussian() if problem.omega is None else Gaussian(amplitude=3.0)
    if isinstance(problem, DiscreteProblem):
        solution = _run(problem, guess, chosen)
        if solver is None:
            solution = _through_the_barrier(problem, guess, solution)
        state = make_state(problem, solution)
    else:
        state = make_state(*_without_grid(problem, guess, chosen))
    if throw and not state.converged:
        raise SolveError(state)
    return state


def _run(problem: DiscreteProblem, guess: Any, solver: AbstractSolver) -> Solution:
    if guess is None or isinstance(guess, MultiStart):
        found = find_solitons(problem, solver, guess).solutions
        if not found:
            raise ValueError("solve: no start of the default search has a finite energy: give a guess")
        return found[0]
    return solver.run(problem, starting_fields(problem, guess))


def _through_the_barrier(problem: DiscreteProblem, guess: Any, solution: Solution) -> Solution:
    """The bounce on the problem's own mesh, where Newton has failed from a guess that reaches below the vacuum."""
    if not has_bounce(problem):
        return solution
    if solution.converged and not is_homogeneous(problem, solution.u):
        return solution
    if solution.converged and not reaches_below(problem, starting_fields(problem, guess)):
        return solution
    return through_the_barrier(problem) or solution  # where there is none, Newton's own word stands


def _without_grid(problem: Problem, guess: Any, solver: AbstractSolver) -> tuple[DiscreteProblem, Solution]:
    """Choose the domain by the guess and the mass gap, let it grow while the state reaches its edge, refine."""
    if guess is not None and not isinstance(guess, AbstractProfile | MultiStart) and not hasattr(guess, "grid"):
        raise ValueError("solve: an array needs the grid that it lives on: give problem.grid, or a profile or state")
    if has_bounce(problem):
        try:
            found = bounce_of(problem, problem.dimension)
        except BounceError as error:
            raise ValueError(f"solve: without a grid a localised state is sought, and {error}") from error
        if problem.omega is None:
            return found.problem, found.solution
        background = tuple(problem.vacuum.values)
        own = replace(problem.with_grid(found.grid), boundary="decaying", background=background)
        return own, Newton(target="stationary").run(own, found.u)
    length = decay_length(problem)
    core = 3.0 * guess.width if isinstance(guess, AbstractProfile) else 3.0 * (length if math.isfinite(length) else 3.0)
    on = problem.with_grid(_first_grid(problem, core))
    solution = _run(on, guess, solver)
    for _ in range(_LARGER_DOMAINS):
        larger = enlarge(on, solution) if solution.converged else None
        if larger is None:
            break
        on, before = larger, on
        solution = solver.run(on, transfer(before, solution.u, on))
    if solution.converged:
        on, solution, _ = converge_mesh(on, solution, solver, SMOOTH)
    return on, solution


def _first_grid(problem: Problem, core: float) -> RadialGrid:
    """Elements that grow from the core outwards."""
    r_max = domain_for(problem, core)
    stretch = np.linspace(0.0, 1.0, ELEMENTS[0] + 1)
    edges = r_max * (0.4 * stretch + 0.6 * stretch**2)
    return RadialGrid(edges=tuple(edges), order=ORDER, dim=problem.dimension)
