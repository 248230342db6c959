r"""Several starts, several solutions: the lowest state of a problem, and all that a search can find.

Without a given guess many starts are compared where a step is cheap. At fixed norm all take a step on a mesh of the
same elements and a third of the order, and the lower ones another: their order is then that of the states they lead to
(`docs/decisions.md`). The best go on to the end on a mesh of half the order. Only what could be the lowest state is
polished on the mesh itself: the lowest one, and those whose energy on the coarse mesh is not above its by more than the
coarse mesh may err.

Where a start's branch was trained (:class:`.warm_start.WarmStart`), what is predicted takes the place of the way from
the screened start to the end. The branches looked at are the same, so a trained search misses none that an untrained
one would see; what ends on another branch than it was meant for is dropped, and its start goes the long way. Without
norm there is nothing to descend, so screening tells little: all trained branches are looked at.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..guesses.multistart import MultiStart, Start, screened_starts
from ..guesses.profiles import starting_fields
from ..guesses.trained.carriers import Carriers, carriers_of
from ..guesses.trained.galerkin import TOLERANCE
from ..guesses.trained.prediction import Prediction, corrected, is_minimum, predict
from ..guesses.trained.warm_start import WarmStart
from ..problem.problem import DiscreteProblem
from ..problem.transfer import transfer
from ..solvers.base import AbstractSolver, Solution
from ..solvers.newton import Newton
from .screening import flow_together

_KEPT = (8, 3)  # starts that are left after each step together
_SCREENED = 6  # and of those without norm, which step one by one
_SCREENING_STEPS = 3
_COARSE_TOL = 1e-4  # residual on the coarse mesh: the energy is then known to 1e-8, better than that mesh can
_DOUBT = 10.0  # states of like shape err alike on the coarse mesh; one may err this many times more than another
_COARSE_ERROR = 1e-4  # what a coarse energy may err where no state has yet told: three times the worst seen
_SAME_STATE = 1e-7  # relative difference in energy below which two states may be one
_SAME_FIELDS = 1e-2  # and that of the fields' moduli: u and -u are one, a soliton in either of two like fields is not


ANALYTIC = "analytic"


class SearchResult(NamedTuple):
    """Distinct solutions, lowest energy first; the number of different states that the starts relaxed to; what the
    lowest solution started from; the Newton steps of all that was tried, and what a search of the same box takes on
    average without training (NaN where nothing was trained)."""

    solutions: list[Solution]
    relaxed: int
    start: str = ANALYTIC
    steps: int = 0
    untrained_steps: float = math.nan


class _Candidate(NamedTuple):
    """On its way to the end: where it is, at which energy, and what is known of it."""

    u: Array  # on the problem's mesh
    energy: float
    settled: bool  # the energy is that of a state: converged on the coarse mesh, or predicted
    prediction: Prediction | None
    branch: Carriers | None
    origin: Array | None  # the screened start, on the coarse mesh, where there was one


def find_solutions(
    problem: DiscreteProblem, solver: AbstractSolver, guess: Any, *, every: bool = False
) -> SearchResult:
    """The lowest state that the guess leads to, and whatever others were polished on the way, converged ones first.

    Without a given guess (None) many starts are compared, see the notes of this module; ``every``: those that cannot
    be the lowest state are polished too.
    """
    multi = MultiStart() if guess is None else guess
    if not isinstance(multi, MultiStart):
        found = distinct_solutions(problem, [solver.run(problem, starting_fields(problem, multi))])
        return SearchResult(found, len(found), ANALYTIC, sum(s.steps for s in found))
    return _Search(problem, solver, multi).run(every=every)


class _Search:
    """Many starts, some of them predicted, and what comes of them."""

    def __init__(self, problem: DiscreteProblem, solver: AbstractSolver, multi: MultiStart) -> None:
        self.problem, self.solver, self.multi = problem, solver, multi
        _ = problem.vacuum  # sought once: the coarser meshes take it over
        self.coarse, self.coarsest = problem.coarser(2), problem.coarser(3)
        newton = solver if isinstance(solver, Newton) else Newton()
        self.newton, self.coarse_solver = newton, replace(newton, tol=max(newton.tol, _COARSE_TOL))
        self.library = multi.library_for(problem) if isinstance(multi, WarmStart) else None
        self.steps = 0
        self.higher = 0  # states predicted that cannot be the lowest

    def run(self, *, every: bool) -> SearchResult:
        screened = _screened(self.coarse, self.coarsest, self.newton, self.multi.n_polish)
        known, unknown = self.predicted(screened, every=every)
        candidates = self.distinct([*known, *self.relaxed(unknown)])
        polished: list[tuple[Solution, str]] = []
        highest = math.inf  # energy above which a settled candidate cannot be the lowest state
        for candidate in candidates:
            if candidate.settled and candidate.energy > highest and not every:
                continue
            solution, start = self.polish(candidate)
            polished.append((solution, start))
            if candidate.settled and solution.converged and highest == math.inf:
                erred = _DOUBT * abs(_energy(self.problem, solution.u) - candidate.energy)
                mixed = any(c.prediction is None for c in candidates) and candidate.prediction is not None
                floor = _COARSE_ERROR * abs(candidate.energy) if mixed else 0.0
                highest = candidate.energy + max(erred, floor)
        solutions = distinct_solutions(self.problem, [solution for solution, _ in polished])
        start = next((start for s, start in polished if solutions and s is solutions[0]), ANALYTIC)
        untrained = math.nan if self.library is None else float(self.library.record["search_steps"])
        return SearchResult(solutions, len(candidates) + self.higher, start, self.steps, untrained)

    def predicted(self, screened: list[Array], *, every: bool) -> tuple[list[_Candidate], list[Array]]:
        """What the library predicts of the branches of the starts, each once; and the starts that it knows not.

        Lowest first; what cannot be the lowest state, as its energy is known well enough, is not made better (unless
        ``every`` state is asked for).
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
        rough = {b: predict(self.library, self.problem, b, self.multi.sources) for b in starts}
        unknown = [u for branch, found in rough.items() if found is None for u in starts[branch]]
        known: list[_Candidate] = []
        near = [(branch, found) for branch, found in rough.items() if found is not None]
        for branch, found in sorted(near, key=lambda pair: pair[1].energy):
            lowest = known[0].energy if known and not every else math.inf
            if self.too_high(found, lowest) and is_minimum(self.problem, self.coarsest, found):
                self.higher += 1
                continue
            # where it lies above the lowest one, it need be known only well enough to tell that
            enough = max(TOLERANCE, found.tolerance_for(self.problem, 0.5 * (found.energy - lowest)))
            better = corrected(self.problem, self.coarsest, found, self.multi.corrections, enough)
            if better is None:
                unknown += starts[branch]
                continue
            if self.too_high(better, lowest):
                self.higher += 1
                continue
            known.append(_Candidate(better.u, better.energy, True, better, branch, next(iter(starts[branch]), None)))
            known.sort(key=lambda candidate: candidate.energy)
        return known, unknown

    def too_high(self, start: Prediction, lowest: float) -> bool:
        """Whether its state lies above ``lowest``, whatever its energy is doubted by."""
        return start.energy - start.error_bound(self.problem) > lowest

    def relaxed(self, starts: list[Array]) -> list[_Candidate]:
        """The starts at the end of their way on the coarse mesh."""
        ended = [self.coarse_solver.run(self.coarse, u) for u in starts]
        self.steps += sum(s.steps for s in ended)
        out = []
        for s in distinct_solutions(self.coarse, ended):
            u = transfer(self.coarse, s.u, self.problem)
            out.append(_Candidate(u, _energy(self.coarse, s.u), s.converged, None, None, s.u))
        return out

    def distinct(self, candidates: list[_Candidate]) -> list[_Candidate]:
        """Lowest first; a relaxed start that came to what is predicted already is left out."""
        out: list[_Candidate] = []
        for c in sorted(candidates, key=lambda c: c.energy):
            near = [d for d in out if abs(d.energy - c.energy) <= _COARSE_ERROR * abs(c.energy)]
            if c.prediction is None and any(d.prediction and not _differ(self.problem, c.u, d.u) for d in near):
                continue
            out.append(c)
        return out

    def polish(self, candidate: _Candidate) -> tuple[Solution, str]:
        """The candidate's solution on the mesh, and what it started from."""
        solution = self.solver.run(self.problem, candidate.u)
        self.steps += solution.steps
        if candidate.prediction is None:
            return solution, ANALYTIC
        if solution.converged and carriers_of(self.problem, solution.u) == candidate.branch:
            return solution, candidate.prediction.source
        for other in self.relaxed([] if candidate.origin is None else [candidate.origin]):  # predicted wrongly
            return self.polish(other)
        return solution, candidate.prediction.source


def _screened(coarse: DiscreteProblem, coarsest: DiscreteProblem, newton: Newton, count: int) -> list[Array]:
    """The most promising starts, at the nodes of the coarse mesh."""
    if coarse.norm is None:
        return [start.u for start in _screen(coarse, newton, screened_starts(coarse)[:_SCREENED])[:count]]
    lowest = flow_together(coarsest, screened_starts(coarsest), (*_KEPT[:-1], max(count, _KEPT[-1])))
    return [transfer(coarsest, start.u, coarse) for start in _apart(coarsest, lowest)[:count]]


def distinct_solutions(problem: DiscreteProblem, found: list[Solution]) -> list[Solution]:
    """Different solutions only, converged ones first, lowest energy first; those that ended in NaN are dropped."""
    found = [s for s in found if np.all(np.isfinite(s.u))]
    found.sort(key=lambda s: (not s.converged, _energy(problem, s.u)))
    distinct: list[Solution] = []
    for solution in found:
        energy = _energy(problem, solution.u)
        scale = _SAME_STATE * problem.energy_scale(solution.u)
        if all(abs(energy - _energy(problem, d.u)) > scale or _differ(problem, solution.u, d.u) for d in distinct):
            distinct.append(solution)
    return distinct


def _differ(problem: DiscreteProblem, u: Array, v: Array, fraction: float = _SAME_FIELDS) -> bool:
    mass = problem.grid.mass

    def squared(fields: Array) -> float:
        return float(np.sum(fields * (mass @ fields)))

    size = max(squared(u - problem.vacuum.values), squared(v - problem.vacuum.values))
    return squared(np.abs(u) - np.abs(v)) > fraction**2 * size


def _screen(problem: DiscreteProblem, newton: Newton, candidates: list[Start]) -> list[Start]:
    """The starts after a few steps, lowest energy first, one of each group on its way to the same state."""
    short = replace(newton, max_steps=_SCREENING_STEPS)
    moved = []
    for start in candidates:
        u = short.run(problem, start.u).u
        moved.append(Start(_energy(problem, u), start.label, u))
    return _apart(problem, sorted(moved, key=lambda start: start.energy))


def _apart(problem: DiscreteProblem, starts: list[Start]) -> list[Start]:
    """One of each group that is on its way to the same state."""
    distinct: list[Start] = []
    for start in starts:
        if all(
            abs(start.energy - d.energy) > 1e-4 * abs(d.energy) or _differ(problem, start.u, d.u, 0.1) for d in distinct
        ):
            distinct.append(start)
    return distinct


def _energy(problem: DiscreteProblem, u: Array) -> float:
    energy = problem.energy(u)
    return energy if math.isfinite(energy) else math.inf
