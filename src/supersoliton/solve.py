"""From a problem to a certified state."""

from __future__ import annotations

from typing import Any

from .problem import Problem
from .solvers.base import AbstractSolver
from .solvers.newton import Newton
from .state import State, make_state
from .warm_start.analytic import Gaussian, starting_fields


class SolveError(RuntimeError):
    """Raised by ``solve(..., throw=True)`` when the solver did not converge; ``state`` is where it ended."""

    def __init__(self, state: State) -> None:
        super().__init__(state.status)
        self.state = state


def solve(problem: Problem, guess: Any = None, solver: AbstractSolver | None = None, *, throw: bool = False) -> State:
    """Find a stationary state of ``problem`` near ``guess``.

    Parameters
    ----------
    problem : what to solve.
    guess : a profile (:class:`Gaussian`, ...), an array (n_nodes, n_fields), a function of the radii that returns one,
        or a state; a Gaussian of amplitude 1 and width 3 in the constrained fields unless given.
    solver : the method; :class:`Newton` unless given.
    throw : raise :class:`SolveError` where the solver does not converge, instead of telling so in ``state.status``.

    Raises
    ------
    ValueError : for a guess that does not fit the problem.
    """
    if not isinstance(problem, Problem):
        raise ValueError(f"solve: problem must be a Problem, got {problem!r}: use Problem(model, grid)")
    chosen = Newton() if solver is None else solver
    if not isinstance(chosen, AbstractSolver):
        raise ValueError(f"solve: solver must be a solver object, got {chosen!r}: use Newton()")
    u = starting_fields(problem, Gaussian() if guess is None else guess)
    state = make_state(problem, chosen.run(problem, u))
    if throw and not state.converged:
        raise SolveError(state)
    return state
