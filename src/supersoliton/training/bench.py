"""Benchmark of trained starts at unseen couplings, compared with starts that need no training.

At every point the search without training finds the lowest state. Then Newton's method is started from each method's
prediction for the branch of that state, and the whole search is repeated with each method.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array
from threadpoolctl import threadpool_limits

from ..config.configuration import Config
from ..guesses.guess import starting_fields
from ..guesses.multistart import screened_starts
from ..guesses.trained.carriers import Carriers, carriers_of, oriented
from ..guesses.trained.galerkin import GalerkinPoint, correct
from ..guesses.trained.library import SOURCES, BranchModel, Library
from ..guesses.trained.prediction import corrected, predict
from ..guesses.trained.warm_start import WarmStart, untrained
from ..problem.problem import DiscreteProblem
from ..search.saddle import find_solitons, is_soliton
from ..search.same_state import is_lower, is_same_energy
from .seeds import problem_at
from .workers import in_order

Result = TypeVar("Result")
BEYOND = 0.24  # 12 % of a range, in coordinates from -1 to 1
_FIRST_SEED = 10**6  # the points of the training have seeds from 0, those of the benchmark from here


@dataclass(frozen=True)
class PredictionBenchmark:
    """Starts by one method."""

    method: str
    points: int
    error_median: float  # relative L2 error of the start
    error_95: float  # its 95 % quantile
    steps: float  # mean Newton steps to the tolerance
    success: float  # per cent of the starts that converge to the intended state
    predict_ms: float  # of one prediction; for a model, the mean over all points of its branch
    solve_ms: float  # of the solve from it


@dataclass(frozen=True)
class SearchBenchmark:
    """The whole search with one method, compared with the search without training."""

    use: str
    points: int
    steps: float  # mean Newton steps
    ms: float
    success: float  # per cent of points with the same lowest state, or a lower one
    lower: float  # per cent of points with a lower one
    used: float  # per cent of points whose result is from a trained start
    wrong: int  # points where a trained start led to a higher state
    pays_after: float  # number of searches that save the time of the training; infinite: never


@dataclass(frozen=True)
class Benefit:
    """The measured benefit of training at one set of points, inside or outside of the box."""

    where: str
    points: int  # where the search without training found a soliton
    covered: float  # fraction of these whose lowest state is on a trained branch
    starts: list[PredictionBenchmark]
    searches: list[SearchBenchmark]
    lost: int  # further points, where the search without training found no soliton
    recovered: int  # of these, points where the trained search (auto) found one


def bench(
    config: Config,
    library: Library,
    *,
    points: int = 200,
    seed: int = 0,
    workers: int = 1,
    report: Callable[[str, int, int], None] = lambda where, done, wanted: None,
) -> list[Benefit]:
    """Measure trained starts inside their box, and outside up to 12 % of each range.

    Times are processor times of one thread. Raises ValueError if the library does not fit the configuration.
    """
    library.check(config.problem_at(library.box.point(np.zeros(len(library.box.names)))))
    guess, out = config.trained_guess, []
    assert guess is not None  # the command makes the table [warm_start] from the name of its file
    for where in ("inside", "outside"):
        tasks = [(config, guess, library, _unseen(library, where, seed, index)) for index in range(points)]
        measured = []
        for done, point in enumerate(in_order(_measure, tasks, workers), start=1):
            measured.append(point)
            report(where, done, points)
        lost = [point for point in measured if isinstance(point, _NotFound)]
        found = [point for point in measured if isinstance(point, _Point)]
        out.append(_benefit(config, guess, where, found, lost, library))
    return out


def _unseen(library: Library, where: str, seed: int, index: int) -> Float[Array, " coupling"]:
    random = np.random.default_rng([seed, _FIRST_SEED + index])
    n = len(library.box.names)
    if where == "inside":
        return random.uniform(-1.0, 1.0, n)
    while True:
        x = random.uniform(-1.0 - BEYOND, 1.0 + BEYOND, n)
        if np.any(np.abs(x) > 1.0):
            return x


@dataclass(frozen=True)
class _StartRun:
    """One solve from a start."""

    error: float
    steps: float
    right: bool
    predict: float  # seconds
    solve: float  # seconds


@dataclass(frozen=True)
class _SearchRun:
    """One search."""

    steps: int
    seconds: float
    energy: float
    right: bool
    start: str


@dataclass(frozen=True)
class _Point:
    x: Array
    branch: Carriers | None  # of the lowest state; None if it was not trained
    starts: dict[str, _StartRun]
    searches: dict[str, _SearchRun]


@dataclass(frozen=True)
class _NotFound:
    """A point where the search without training found no soliton; ``recovered``: the trained one did."""

    recovered: bool


def _measure(config: Config, guess: WarmStart, library: Library, x: Array) -> _Point | _NotFound | None:
    """All methods at one point; None if there is no vacuum."""
    with threadpool_limits(1):
        problem = problem_at(config, library.box, x)
        if problem is None:
            return None
        guess = replace(guess, use="none")
        found, seconds = _timed(lambda: find_solitons(problem, config.solver, untrained(guess)))
        if not is_soliton(problem, found.solutions):
            trained = find_solitons(problem, config.solver, replace(guess, use="auto"))
            return _NotFound(is_soliton(problem, trained.solutions))
        truth = oriented(problem, found.solutions[0].u)
        energy, branch = problem.energy(truth), carriers_of(problem, truth)
        searches = {"none": _SearchRun(found.steps, seconds, energy, True, found.start)}
        for use in ("auto", *SOURCES):
            searches[use] = _run_search(config, problem, replace(guess, use=use), energy)
        model = library.models.get(branch)
        starts = _starts(config, guess.corrections, problem, branch, model, x, truth, energy)
        u, seconds = _timed(lambda: _search_start(guess.corrections, library, problem, branch))
        starts["search"] = _solve_from(config, problem, u, seconds, branch, truth, energy)
        return _Point(x, None if model is None else branch, starts, searches)


def _run_search(config: Config, problem: DiscreteProblem, guess: WarmStart, energy: float) -> _SearchRun:
    found, seconds = _timed(lambda: find_solitons(problem, config.solver, guess))
    lowest = problem.energy(found.solutions[0].u) if found.solutions else math.inf
    converged = bool(found.solutions) and found.solutions[0].converged
    return _SearchRun(found.steps, seconds, lowest, converged and not is_lower(energy, lowest, energy), found.start)


def _starts(
    config: Config,
    corrections: int,
    problem: DiscreteProblem,
    branch: Carriers,
    model: BranchModel | None,
    x: Array,
    truth: Array,
    energy: float,
) -> dict[str, _StartRun]:
    out: dict[str, _StartRun] = {}
    analytic, seconds = _timed(lambda: _analytic(problem, branch))
    out["analytic"] = _solve_from(config, problem, analytic, seconds, branch, truth, energy)
    if model is None:
        return out
    for name, source, count in _methods(corrections, model, x):
        u, seconds = _timed(lambda r=source, n=count: _predicted(problem, model, r, x, n))  # type: ignore[misc]
        out[name] = _solve_from(config, problem, u, seconds, branch, truth, energy)
    return out


def _methods(corrections: int, model: BranchModel, x: Array) -> list[tuple[str, str, int]]:
    """Name, source and number of corrections of each method that the model has."""
    counts = dict.fromkeys((0, corrections))
    sources = [source for source in SOURCES if model.predict(source, x) is not None]
    return [(source if count == 0 else f"{source}, corrected", source, count) for source in sources for count in counts]


def _predicted(problem: DiscreteProblem, model: BranchModel, source: str, x: Array, corrections: int) -> Array:
    coefficients = model.predict(source, x)
    assert coefficients is not None
    if corrections == 0:
        return starting_fields(problem, problem.vacuum.values + model.basis.expand(coefficients))
    variation = None if model.variation is None else model.variation(x)
    return correct(GalerkinPoint(problem, model.basis, coefficients), corrections, predicted=variation).u


def _search_start(corrections: int, library: Library, problem: DiscreteProblem, branch: Carriers) -> Array:
    """The start that a search would use for this branch."""
    found = predict(library, problem, branch, SOURCES)
    better = None if found is None else corrected(problem, problem.coarser(3), found, corrections)
    return _analytic(problem, branch) if better is None else better.u


def _analytic(problem: DiscreteProblem, branch: Carriers) -> Array:
    """The analytic profile of least energy in the carriers of the branch, with its signs."""
    return screened_starts(problem, [(branch.carriers, tuple(float(sign) for sign in branch.signs))])[0].u


def _solve_from(
    config: Config, problem: DiscreteProblem, u: Array, predict: float, branch: Carriers, truth: Array, energy: float
) -> _StartRun:
    error = oriented(problem, u) - truth
    size = truth - problem.vacuum.values
    mass = problem.grid.mass
    relative = math.sqrt(float(np.sum(error * (mass @ error)) / np.sum(size * (mass @ size))))
    solution, seconds = _timed(lambda: config.solver.solve(problem, starting_fields(problem, u)))
    right = solution.converged and carriers_of(problem, solution.u) == branch
    right = right and is_same_energy(problem.energy(solution.u), energy, energy)
    # not counted: the final step to rounding, which every start needs
    return _StartRun(relative, solution.steps - 1.0, right, predict, seconds)


def _timed(call: Callable[[], Result]) -> tuple[Result, float]:
    start = time.process_time()
    result = call()
    return result, time.process_time() - start


def _prediction_ms(config: Config, corrections: int, library: Library, measured: list[_Point]) -> dict[str, float]:
    """Mean milliseconds of one prediction by each method, over all points of each branch in a loop."""
    spent: dict[str, float] = {}
    for branch in dict.fromkeys(point.branch for point in measured if point.branch is not None):
        model, xs = library.models[branch], [point.x for point in measured if point.branch == branch]
        problems = [problem for x in xs if (problem := problem_at(config, library.box, x)) is not None]
        for problem in problems:
            problem.energy(problem.vacuum.values + model.basis.mean)  # caches what the solve needs anyway
        for name, source, count in _methods(corrections, model, xs[0]):
            tasks = [(problem, model, source, x, count) for problem, x in zip(problems, xs, strict=True)]
            _predict_all(tasks)
            spent[name] = spent.get(name, 0.0) + _timed(functools.partial(_predict_all, tasks))[1]
    return {name: 1e3 * seconds / sum(name in point.starts for point in measured) for name, seconds in spent.items()}


def _predict_all(tasks: list[tuple[DiscreteProblem, BranchModel, str, Array, int]]) -> None:
    for task in tasks:
        _predicted(*task)


def _benefit(
    config: Config, guess: WarmStart, where: str, measured: list[_Point], lost: list[_NotFound], library: Library
) -> Benefit:
    names = dict.fromkeys(name for point in measured for name in point.starts)
    with threadpool_limits(1):
        ms = _prediction_ms(config, guess.corrections, library, measured)
    runs = {name: [point.starts[name] for point in measured if name in point.starts] for name in names}
    starts = [_row(name, runs[name], ms.get(name)) for name in names]
    trained = float(sum(library.record["seconds"].values()))
    plain = [point.searches["none"] for point in measured]
    searches = []
    for use in measured[0].searches if measured else ():
        mine = [point.searches[use] for point in measured]
        lower = [is_lower(m.energy, p.energy, p.energy) for m, p in zip(mine, plain, strict=True)]
        saved = float(np.mean([p.seconds for p in plain]) - np.mean([m.seconds for m in mine]))
        searches.append(
            SearchBenchmark(
                use=use,
                points=len(mine),
                steps=float(np.mean([m.steps for m in mine])),
                ms=1e3 * float(np.mean([m.seconds for m in mine])),
                success=100.0 * float(np.mean([m.right for m in mine])),
                lower=100.0 * float(np.mean(lower)),
                used=100.0 * float(np.mean([m.start in SOURCES for m in mine])),
                wrong=sum(not m.right and m.start in SOURCES for m in mine),
                pays_after=math.inf if use == "none" or saved <= 0 else trained / saved,
            )
        )
    covered = float(np.mean([point.branch is not None for point in measured])) if measured else 0.0
    return Benefit(where, len(measured), covered, starts, searches, len(lost), sum(point.recovered for point in lost))


def _row(name: str, starts: list[_StartRun], prediction_ms: float | None) -> PredictionBenchmark:
    errors = [start.error for start in starts]
    return PredictionBenchmark(
        method=name,
        points=len(starts),
        error_median=float(np.median(errors)),
        error_95=float(np.quantile(errors, 0.95)),
        steps=float(np.mean([start.steps for start in starts])),
        success=100.0 * float(np.mean([start.right for start in starts])),
        predict_ms=1e3 * float(np.mean([s.predict for s in starts])) if prediction_ms is None else prediction_ms,
        solve_ms=1e3 * float(np.mean([start.solve for start in starts])),
    )
