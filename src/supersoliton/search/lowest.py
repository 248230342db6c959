r"""Search for the lowest state, from many starts.

Screening: at fixed norm every start takes one descent step on a mesh with the same elements and a third of the order,
and the lower ones take a second. Their energies then have the order of the states they lead to
(`docs/development/decisions.md`). Relaxation: the best starts are solved on a mesh of half the order. Polishing: the
candidates that may be the lowest state are solved on the mesh itself: the lowest, and those above it by less than the
error of the coarse mesh.

If a start's branch was trained (:class:`.WarmStart`), the predicted state replaces the relaxation of the screened
start. The screened branches are the same, so training hides no state. A result on another branch than predicted is
dropped and its start is relaxed in full. Without norm the states are saddles: screening cannot rank the starts, so all
trained branches are tried.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

from numpy import ndarray as Array

from ..guesses.guess import choose_guess, dimensionless_guess, is_search, starting_fields
from ..guesses.multistart import MultiStart, Start, screened_starts
from ..guesses.trained.carriers import Carriers, carriers_of
from ..guesses.trained.galerkin import TOLERANCE
from ..guesses.trained.prediction import Prediction, corrected, is_minimum, predict
from ..guesses.trained.warm_start import WarmStart
from ..problem.problem import DiscreteProblem
from ..problem.scales import original_of, reduced
from ..problem.transfer import transfer
from ..solvers.base import AbstractSolver, Solution
from ..solvers.newton import Newton
from .collapse import COLLAPSED, is_collapsed, without_collapse
from .same_state import COARSE, RELAXING, distinct_solutions, finite_energy, has_same_fields, is_same_energy
from .screening import flow_together

_KEPT = (8, 3)  # starts kept after each screening step at fixed norm
_SCREENED = 6  # starts screened without norm, one by one
_SCREENING_STEPS = 3  # Newton steps of each without norm
_COARSE_TOL = 1e-4  # residual on the coarse mesh: an energy error of 1e-8, below that of the mesh
_ERROR_RATIO = 10.0  # heuristic: largest ratio of the coarse mesh's energy errors of two states

ANALYTIC = "analytic"


class SearchResult(NamedTuple):
    """The result of a search and its cost."""

    solutions: list[Solution]  # distinct, lowest energy first
    relaxed: int  # number of distinct states that the starts relaxed to
    start: str = ANALYTIC  # what the lowest solution started from
    steps: int = 0  # Newton steps of the whole search
    untrained_steps: float = math.nan  # mean Newton steps of a search in the same box without training, if trained


SearchResult.units = {"solutions": "results"}  # type: ignore[attr-defined]  # a NamedTuple has no class variables


class _Candidate(NamedTuple):
    """A relaxed or predicted state that is not polished yet."""

    u: Array  # on the problem's mesh
    energy: float
    settled: bool  # converged on the coarse mesh, or predicted: the energy is that of a state
    prediction: Prediction | None
    branch: Carriers | None
    origin: Array | None  # the screened start on the coarse mesh; None for a branch without one


def find_solutions(
    problem: DiscreteProblem, solver: AbstractSolver, guess: Any, *, every: bool = False
) -> SearchResult:
    """Find the lowest state that a guess leads to, and the other states solved in the search.

    Parameters
    ----------
    guess : many starts (:class:`.MultiStart`, :class:`.WarmStart`; None for the default), searched as described in this
        module; or one start, in any form that :func:`.starting_fields` accepts.
    every : solve all candidates on the mesh, even those that cannot be the lowest state.

    Returns
    -------
    SearchResult : converged solutions first, lowest energy first; empty if no start has a finite energy.
    """
    inner, scales = reduced(problem)
    solver = solver.dimensionless(scales)
    guess = choose_guess(inner, dimensionless_guess(guess, problem, scales), search=True)
    if is_search(guess):
        return scales.restore(_Search(inner, solver, guess).run(every=every))
    solved = distinct_solutions(inner, [solver.run(inner, starting_fields(inner, guess))])
    found = without_collapse(inner, solved)
    return scales.restore(SearchResult(found, len(found), ANALYTIC, sum(s.steps for s in found)))


class _Search:
    """One search over many starts: the meshes, the solvers, the trained models and the step count."""

    def __init__(
        self,
        problem: DiscreteProblem,
        solver: AbstractSolver,
        multi: MultiStart,
    ) -> None:
        self.problem, self.solver, self.multi = problem, solver, multi
        self.original, self.scales = original_of(problem)  # trained models are in the user's units
        _ = problem.vacuum  # searched for once: the coarser problems reuse it
        self.coarse, self.coarsest = problem.coarser(2), problem.coarser(3)
        newton = solver if isinstance(solver, Newton) else Newton()
        self.newton, self.coarse_solver = newton, replace(newton, tol=max(newton.tol, _COARSE_TOL))
        self.library = multi.library_for(self.original) if isinstance(multi, WarmStart) else None
        self.steps = 0
        self.too_high = 0  # predicted states that cannot be the lowest

    def run(self, *, every: bool) -> SearchResult:
        screened = _screened(self.coarse, self.coarsest, self.newton, self.multi.n_polish)
        known, unknown = self.predicted(screened, every=every)
        candidates = self.distinct([*known, *self.relaxed(unknown)])
        polished: list[tuple[Solution, str]] = []
        limit = math.inf  # energy above which a settled candidate cannot be the lowest state
        for candidate in candidates:
            if candidate.settled and candidate.energy > limit and not every:
                continue
            solution, start = self.polish(candidate)
            if is_collapsed(self.problem, solution.u):
                solution = replace(solution, status=COLLAPSED)
            polished.append((solution, start))
            if candidate.settled and solution.converged and limit == math.inf:
                limit = self.energy_limit(candidate, solution, candidates)
        solutions = without_collapse(self.problem, distinct_solutions(self.problem, [s for s, _ in polished]))
        start = next((start for s, start in polished if solutions and s is solutions[0]), ANALYTIC)
        untrained = math.nan if self.library is None else float(self.library.record["search_steps"])
        return SearchResult(solutions, len(candidates) + self.too_high, start, self.steps, untrained)

    def energy_limit(self, lowest: _Candidate, solution: Solution, candidates: list[_Candidate]) -> float:
        """The energy above which no candidate can be lower than ``solution``, the polished state of ``lowest``.

        The energy errors of the others are assumed to be at most ten times that of ``lowest``. A prediction has a
        smaller error than the coarse mesh, so with relaxed starts among the others the limit is at least the worst
        error seen on that mesh.
        """
        error = _ERROR_RATIO * abs(finite_energy(self.problem, solution.u) - lowest.energy)
        mixed = lowest.prediction is not None and any(c.prediction is None for c in candidates)
        return lowest.energy + max(error, COARSE.energy * abs(lowest.energy) if mixed else 0.0)

    def predicted(self, screened: list[Array], *, every: bool) -> tuple[list[_Candidate], list[Array]]:
        """The predicted states of the starts' branches, lowest first, and the starts whose branch was not trained.

        Predictions that cannot be the lowest state are dropped, unless ``every`` is set. Their energies are in the
        user's units.
        """
        if self.library is None:
            return [], screened
        assert isinstance(self.multi, WarmStart)
        starts: dict[Carriers, list[Array]] = {}
        for u in screened:
            starts.setdefault(carriers_of(self.coarse, u), []).append(u)
        if self.problem.norm is None:
            for branch in self.library.models:
                starts.setdefault(branch, [])
        problem, coarsest = self.original, self.original.coarser(3)
        rough = {b: predict(self.library, problem, b, self.multi.sources) for b in starts}
        unknown = [u for branch, found in rough.items() if found is None for u in starts[branch]]
        known: list[tuple[Prediction, Carriers]] = []
        near = [(branch, found) for branch, found in rough.items() if found is not None]
        for branch, found in sorted(near, key=lambda pair: pair[1].energy):
            lowest = known[0][0].energy if known and not every else math.inf
            if self.is_too_high(found, lowest) and is_minimum(problem, coarsest, found):
                self.too_high += 1
                continue
            # the energy needs only the accuracy that shows whether it is above the lowest
            tolerance = max(TOLERANCE, found.tolerance_for(problem, 0.5 * (found.energy - lowest)))
            better = corrected(problem, coarsest, found, self.multi.corrections, tolerance)
            if better is None:
                unknown += starts[branch]
                continue
            if self.is_too_high(better, lowest):
                self.too_high += 1
                continue
            known.append((better, branch))
            known.sort(key=lambda item: item[0].energy)
        unit, reduce = self.scales.unit("energy"), self.scales.reduce_fields
        return [
            _Candidate(reduce(p.u), p.energy / unit, True, p, branch, next(iter(starts[branch]), None))
            for p, branch in known
        ], unknown

    def is_too_high(self, start: Prediction, lowest: float) -> bool:
        """Whether its energy minus its error bound exceeds ``lowest``."""
        return start.energy - start.error_bound(self.original) > lowest

    def relaxed(self, starts: list[Array]) -> list[_Candidate]:
        """The different states that the starts relax to on the coarse mesh."""
        results = [self.coarse_solver.run(self.coarse, u) for u in starts]
        self.steps += sum(s.steps for s in results)
        out = []
        for s in distinct_solutions(self.coarse, results):
            u = transfer(self.coarse, s.u, self.problem)
            out.append(_Candidate(u, finite_energy(self.coarse, s.u), s.converged, None, None, s.u))
        return out

    def distinct(self, candidates: list[_Candidate]) -> list[_Candidate]:
        """The candidates, lowest first; relaxed starts that duplicate a predicted state are dropped."""
        out: list[_Candidate] = []
        for c in sorted(candidates, key=lambda c: c.energy):
            near = [d for d in out if d.prediction and is_same_energy(c.energy, d.energy, c.energy, COARSE)]
            if c.prediction is None and any(has_same_fields(self.problem, c.u, d.u, COARSE) for d in near):
                continue
            out.append(c)
        return out

    def polish(self, candidate: _Candidate) -> tuple[Solution, str]:
        """The candidate's solution on the mesh, and what it started from.

        A prediction that fails or leads to another branch is replaced by its screened start, relaxed in full.
        """
        solution = self.solver.run(self.problem, candidate.u)
        self.steps += solution.steps
        if candidate.prediction is None:
            return solution, ANALYTIC
        if solution.converged and carriers_of(self.problem, solution.u) == candidate.branch:
            return solution, candidate.prediction.source
        for other in self.relaxed([] if candidate.origin is None else [candidate.origin]):
            return self.polish(other)
        return solution, candidate.prediction.source


def _screened(coarse: DiscreteProblem, coarsest: DiscreteProblem, newton: Newton, count: int) -> list[Array]:
    """The most promising starts, at the nodes of the coarse mesh."""
    if coarse.norm is not None:
        starts = screened_starts(coarsest)
        lowest = flow_together(coarsest, starts, (*_KEPT[:-1], max(count, _KEPT[-1]))) if starts else []
        return [transfer(coarsest, start.u, coarse) for start in _apart(coarsest, lowest)[:count]]
    short = replace(newton, max_steps=_SCREENING_STEPS)
    moved = []
    for start in screened_starts(coarse)[:_SCREENED]:
        u = short.run(coarse, start.u).u
        moved.append(Start(finite_energy(coarse, u), start.label, u))
    return [start.u for start in _apart(coarse, sorted(moved, key=lambda start: start.energy))[:count]]


def _apart(problem: DiscreteProblem, starts: list[Start]) -> list[Start]:
    """The first of each group of starts that relax to the same state."""
    distinct: list[Start] = []
    for start in starts:
        near = [d for d in distinct if is_same_energy(start.energy, d.energy, d.energy, RELAXING)]
        if not any(has_same_fields(problem, start.u, d.u, RELAXING) for d in near):
            distinct.append(start)
    return distinct
