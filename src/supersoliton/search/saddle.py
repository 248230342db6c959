"""States behind a barrier: a localised state without norm is a saddle, to which no descent leads.

Newton's basin around it is small, and the energy does not say which start is near. The saddle of least action is what
:func:`.bounce.bounce` finds; it is carried to the problem's mesh. At fixed frequency it is the bounce of
V - omega^2 u^2/2. When it is sought is decided by :func:`has_bounce` (whether there can be one: without a mesh that is
enough) and, on a mesh, by :func:`wants_bounce`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..guesses.guess import choose_guess, is_search, starting_fields
from ..problem.problem import DiscreteProblem, Problem
from ..problem.transfer import transfer
from ..solvers.base import AbstractSolver, Solution
from ..solvers.newton import Newton
from ..states.kinds import is_homogeneous
from ..states.state import State
from ..theory import AbstractModel, Rotating
from ..theory.derivatives import point_kernels
from .bounce import BounceError, bounce
from .lowest import ANALYTIC, SearchResult, find_solutions

_SECONDS = 60.0  # of the search for a bounce, where the solver has no limit


def find_solitons(
    problem: DiscreteProblem, solver: AbstractSolver, guess: Any, *, every: bool = False, insist: bool = False
) -> SearchResult:
    """What :func:`.find_solutions` finds; where :func:`wants_bounce` says so, the saddle through the barrier first.

    That search takes as many seconds as a run of the solver may.
    """
    guess = choose_guess(problem, guess, search=True)
    found = find_solutions(problem, solver, guess, every=every)
    if not wants_bounce(problem, solver, guess, found.solutions, insist=insist):
        return found
    beyond = through_the_barrier(problem, getattr(solver, "max_seconds", None) or _SECONDS)
    if beyond is None:
        return found
    return found._replace(
        solutions=[beyond, *found.solutions],
        relaxed=found.relaxed + 1,
        start=ANALYTIC,
        steps=found.steps + beyond.steps,
    )


def wants_bounce(
    problem: DiscreteProblem, solver: AbstractSolver, guess: Any, solutions: list[Solution], *, insist: bool
) -> bool:
    """Whether a bounce is sought after a guess led to ``solutions``: the only place that decides it.

    Never where there can be none or where the lowest solution is a soliton. After a search over many starts where
    the state far away was given (values at the boundary, a background) or the frequency, and the solver may end at a
    saddle. One start says which state is meant, so after it only where the caller does ``insist``, as :func:`.solve`
    with its own method does: where the solver failed, or fell into the vacuum from fields that reach through the
    barrier.
    """
    if not has_bounce(problem) or is_soliton(problem, solutions):
        return False
    if insist and solutions and not solutions[0].converged:
        return True
    if is_search(guess):
        given = problem.background is not None or not isinstance(problem.boundary, str) or problem.omega is not None
        return given and getattr(solver, "target", "auto") != "minimum"
    return insist and reaches_below(problem, starting_fields(problem, guess))


def is_soliton(problem: DiscreteProblem, solutions: list[Solution]) -> bool:
    """Whether the first of them is one: converged, and not the same everywhere."""
    return bool(solutions) and solutions[0].converged and not is_homogeneous(problem, solutions[0].u)


def has_bounce(problem: Problem) -> bool:
    """Whether a bounce can be a state of the problem: a saddle needs no norm, and the false vacuum a whole space."""
    return problem.norm is None and problem.parity == "even" and not problem.model.explicit_r


def through_the_barrier(problem: DiscreteProblem, max_seconds: float = _SECONDS) -> Solution | None:
    """The bounce on the problem's own mesh; None where there is none, or the mesh cannot hold it.

    None too where the boundary is free: a bounce lies in the false vacuum, which nothing holds there.
    """
    if problem.boundary == "free":
        return None
    try:
        found = bounce_of(problem, problem.grid.dim, max_seconds)
    except BounceError:
        return None
    moved = Newton(target="stationary").run(problem, transfer(found.problem, found.u, problem))
    return moved if is_soliton(problem, [moved]) else None


def bounce_of(problem: Problem, dim: float, max_seconds: float = _SECONDS) -> State:
    """The bounce out of the problem's vacuum, on a mesh of its own. Raises BounceError."""
    return bounce(effective_model(problem), problem.vacuum.values, dim=float(dim), max_seconds=max_seconds)


def effective_model(problem: Problem) -> AbstractModel:
    """The potential whose bounce the problem asks for: V, less omega^2 N/2 at fixed frequency."""
    if problem.omega is None:
        return problem.model
    return Rotating(problem.model, float(problem.omega) ** 2, tuple(float(c) for c in problem.carries_norm))


def reaches_below(problem: Problem, u: Array) -> bool:
    """Whether fields reach through the barrier: V, somewhere, below that of the vacuum."""
    model = effective_model(problem)
    value = point_kernels(model.potential_function).value
    states = np.concatenate([u, problem.vacuum.values[None]])
    energies = value(states, model.params, np.zeros(len(states)))
    return bool(np.nanmin(energies[:-1]) < energies[-1] - 1e-12)
