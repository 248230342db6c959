"""Solve a problem: one certified state."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from .._checks import expect_problem
from ..elements.grid import RadialGrid
from ..guesses.guess import choose_guess, core_of, dimensionless_guess, is_search, starting_fields
from ..machine.arithmetic import numerical
from ..problem.asymptotics import decay_length
from ..problem.problem import DiscreteProblem, Problem
from ..problem.scales import reduced
from ..solvers.base import AbstractSolver, Solution, Stopwatch
from ..solvers.newton import Newton
from ..states.kinds import Kind
from ..states.state import State, make_state, restored_state
from .adaptive import ELEMENTS, ORDER, SMOOTH, converge_mesh, domain_for, grow_domain, reaches_edge
from .between_ends import between_ends
from .bounce import BounceError
from .collapse import without_collapse
from .existence import why_none
from .kinks import centred, mesh_for
from .nodal import has_line, nodal_states
from .norm_branch import least_norm
from .saddle import SECONDS, bounce_of, find_solitons, has_bounce, needs_bounce, through_the_barrier

_LEAST_NORM_SECONDS = 8.0  # budget for the least norm of a localised state, which explains a delocalised one
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


@numerical
def solve(problem: Problem, guess: Any = None, solver: AbstractSolver | None = None, *, throw: bool = False) -> State:
    """Solve at numerical couplings; the arguments are those of :func:`supersoliton.families.differentiable.solve`."""
    expect_problem("solve", problem)
    chosen = Newton() if solver is None else solver
    if not isinstance(chosen, AbstractSolver):
        raise ValueError(f"solve: solver must be a solver object, got {chosen!r}: use Newton()")
    inner, scales = reduced(problem)
    within = choose_guess(inner, dimensionless_guess(guess, problem, scales))
    chosen = chosen.dimensionless(scales)
    if isinstance(inner, DiscreteProblem):
        # Without a guess the state of least action is meant, whatever Newton's method finds from a profile.
        least = guess is None and solver is None and inner.omega is not None and has_bounce(inner)
        saddle = through_the_barrier(inner) if least else None
        found = make_state(inner, saddle or _run(inner, within, chosen, insist=solver is None))
    else:
        found = make_state(*_without_grid(inner, within, chosen))
    state = restored_state(explained(found, getattr(solver, "max_seconds", None)), problem, scales)
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
    if problem.model.ends is not None:
        return between_ends(problem, guess, solver)
    if problem.line is not None:
        return _on_a_line(problem, guess, solver)
    core = core_of(guess)
    if has_bounce(problem):
        reason = why_none(problem)
        if reason is not None:
            raise ValueError(f"solve: {reason}") from BounceError(reason)
        watch = Stopwatch(getattr(solver, "max_seconds", None) or SECONDS)
        try:
            found = bounce_of(problem, problem.dimension, watch.budget or SECONDS)
        except BounceError as error:
            shot = _least_action_by_shooting(problem, watch)
            if shot is not None:
                return shot
            raise ValueError(f"solve: without a grid a localised state is needed, but {_reworded(error)}") from error
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
    solution = without_collapse(on, [solution])[0]
    if solution.converged:
        on, solution, _ = converge_mesh(on, solution, solver, SMOOTH)
    return on, solution


def _on_a_line(problem: Problem, guess: Any, solver: AbstractSolver) -> tuple[DiscreteProblem, Solution]:
    """The kink on a mesh that is chosen here, with its centre at 0."""
    grid, final = mesh_for(problem)
    on = problem.with_grid(grid)
    solution = _run(on, guess, solver, insist=False)
    if final and solution.converged:
        return on, centred(on, solution)
    on, solution = grow_domain(on, solution, Newton(), 1.5, _LARGER_DOMAINS, reaches_edge)
    if solution.converged:
        on, solution, _ = converge_mesh(on, centred(on, solution), Newton(), SMOOTH)
    return on, solution


def _least_action_by_shooting(problem: Problem, watch: Stopwatch) -> tuple[DiscreteProblem, Solution] | None:
    """The state of one field without nodes that has the least action."""
    if not has_line(problem):
        return None
    states = [make_state(*found) for _, found in nodal_states(problem, 0, watch) if found is not None]
    best = min(states, key=lambda state: state.action, default=None)
    return None if best is None else (best.problem, best.solution)


def _reworded(error: BounceError) -> str:
    """The reason of a bounce's failure without the arguments of `bounce`, which `solve` does not take."""
    text = error.reason.removeprefix("bounce: ")
    text = text.replace("true_vacuum", "the state beyond the barrier").replace("false_vacuum", "the vacuum")
    return f"{text}; with a grid, solve continues from a guess"


def explained(state: State, max_seconds: float | None = None) -> State:
    """The state, with a reason against its certificate where a localised state was asked for and is not found.

    ``max_seconds``: the time that the search had; the reason is looked for in no more, and in eight seconds at most.
    """
    problem, kind = state.problem, state.certificate.kind
    reason = None
    if kind is Kind.VACUUM and problem.omega is not None:
        reason = _vacuum_found(problem)
    elif kind is Kind.UNCONVERGED and not state.status.startswith("out of time"):
        reason = problem.model.why_none() or why_none(problem)
    elif kind is Kind.DELOCALISED:
        reason = why_none(problem) or _below_the_least_norm(problem, min(max_seconds or math.inf, _LEAST_NORM_SECONDS))
    if reason is None:
        return state
    certificate = replace(state.certificate, reasons=(*state.certificate.reasons, reason))
    return replace(state, certificate=certificate)


def _vacuum_found(problem: Problem) -> str:
    return f"what was found is the vacuum: {why_none(reduced(problem)[0]) or 'no localised state was found'}"


def _below_the_least_norm(problem: DiscreteProblem, seconds: float) -> str | None:
    watch = Stopwatch(seconds)
    least = least_norm(problem, watch) if problem.norm is not None and has_line(problem) else None
    if least is None or float(problem.norm or 0.0) >= least:
        return None
    times = least / float(problem.norm or 1.0)
    return f"localised states of this potential have at least about {times:.4g} times this norm"


def shortcoming(state: State, guess: Any) -> str | None:
    """Why the state is not what was asked for: not converged, or the vacuum where a soliton was meant."""
    if not state.converged:
        return f"the result is not converged: {'; '.join(state.certificate.reasons)}"
    if state.certificate.kind is Kind.VACUUM and (guess is None or state.problem.omega is not None):
        return _vacuum_found(state.problem)
    return None


def _first_grid(problem: Problem, core: float) -> RadialGrid:
    """Elements that grow from the core outwards."""
    r_max = domain_for(problem, core)
    stretch = np.linspace(0.0, 1.0, ELEMENTS[0] + 1)
    edges = r_max * (0.4 * stretch + 0.6 * stretch**2)
    return RadialGrid(edges=tuple(edges), order=ORDER, dim=problem.dimension)
