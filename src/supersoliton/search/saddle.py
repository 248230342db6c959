"""Localised states without norm, which are saddles: found through the bounce.

No descent leads to a saddle, Newton's basin around it is small, and the energy does not rank the starts. So
:func:`.bounce.bounce` finds the saddle of least action, which is then interpolated to the problem's mesh and solved
there. At fixed frequency it is the bounce of V - omega^2 u^2/2. :func:`has_bounce` decides whether a problem can have
a bounce, and on a mesh :func:`needs_bounce` whether to search for it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..guesses.guess import choose_guess, dimensionless_guess, is_search, starting_fields
from ..problem.problem import DiscreteProblem, Problem
from ..problem.scales import reduced
from ..problem.transfer import transfer
from ..solvers.base import AbstractSolver, Solution
from ..solvers.newton import Newton
from ..states.kinds import is_homogeneous
from ..states.state import State
from ..theory.derivatives import point_kernels
from .bounce import BounceError, bounce
from .kinks import find_kinks
from .lowest import ANALYTIC, SearchResult, find_solutions

SECONDS = 60.0  # time budget of the search for a bounce if the solver has none


def find_solitons(
    problem: DiscreteProblem, solver: AbstractSolver, guess: Any, *, every: bool = False, insist: bool = False
) -> SearchResult:
    """The result of :func:`.find_solutions`; if :func:`needs_bounce`, with the bounce as its first solution.

    The search for the bounce has the time budget of the solver. Problem and guess are in the user's units.
    """
    inner, scales = reduced(problem)
    within = dimensionless_guess(guess, problem, scales)
    return scales.restore(_find_solitons(inner, solver.dimensionless(scales), within, every=every, insist=insist))


def _find_solitons(
    problem: DiscreteProblem, solver: AbstractSolver, guess: Any, *, every: bool, insist: bool
) -> SearchResult:
    guess = choose_guess(problem, guess, search=True)
    if problem.line is not None and is_search(guess):
        kinks = find_kinks(problem, solver, every=every)
        return SearchResult(kinks, len(kinks), steps=sum(kink.steps for kink in kinks))
    found = find_solutions(problem, solver, guess, every=every)
    if not needs_bounce(problem, solver, guess, found.solutions, insist=insist):
        return found
    saddle = through_the_barrier(problem, getattr(solver, "max_seconds", None) or SECONDS)
    if saddle is None:
        return found
    return found._replace(
        solutions=[saddle, *found.solutions],
        relaxed=found.relaxed + 1,
        start=ANALYTIC,
        steps=found.steps + saddle.steps,
    )


def needs_bounce(
    problem: DiscreteProblem, solver: AbstractSolver, guess: Any, solutions: list[Solution], *, insist: bool
) -> bool:
    """Whether to search for a bounce after a guess led to ``solutions``; decided only here.

    Not if the problem has no bounce or the first solution is a soliton. After a search over many starts: if the user
    gave the frequency or the state at infinity (boundary values, a background) and the solver accepts saddles. After
    one start: only if ``insist``, which :func:`.solve` sets with its default solver, and if the solver failed or ended
    in the vacuum from fields that reach through the barrier.
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
    """Whether the first of the solutions is a soliton: converged and not homogeneous."""
    return bool(solutions) and solutions[0].converged and not is_homogeneous(problem, solutions[0].u)


def has_bounce(problem: Problem) -> bool:
    """Whether a bounce can solve the problem: no fixed norm, even parity, and V does not depend on r itself."""
    fixed = problem.model.explicit_r or problem.model.ends is not None
    return problem.norm is None and problem.parity == "even" and not fixed


def through_the_barrier(problem: DiscreteProblem, max_seconds: float = SECONDS) -> Solution | None:
    """The bounce on the problem's own mesh; None if there is none or the mesh does not resolve it.

    None too if the boundary is free, because nothing keeps the fields there in the false vacuum.
    """
    if problem.boundary == "free":
        return None
    try:
        found = bounce_of(problem, problem.grid.dim, max_seconds)
    except BounceError:
        return None
    moved = Newton(target="stationary").run(problem, transfer(found.problem, found.u, problem))
    return moved if is_soliton(problem, [moved]) else None


def bounce_of(problem: Problem, dim: float, max_seconds: float = SECONDS) -> State:
    """The bounce out of the problem's vacuum, on a mesh of its own. Raises BounceError."""
    return bounce(problem.effective_model, problem.vacuum.values, dim=float(dim), max_seconds=max_seconds)


def reaches_below(problem: Problem, u: Array) -> bool:
    """Whether the fields reach through the barrier: V is below its vacuum value at some node."""
    model = problem.effective_model
    value = point_kernels(model.potential_function).value
    states = np.concatenate([u, problem.vacuum.values[None]])
    energies = value(states, model.params, np.zeros(len(states)))
    return bool(np.nanmin(energies[:-1]) < energies[-1] - 1e-12)
