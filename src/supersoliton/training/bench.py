"""Benchmark of trained starts at unseen couplings, compared with starts that need no training.

At every point the search without training finds the lowest state. Then, on the branch of that state, Newton's method is
started from the prediction of each method; and the whole search is repeated with each method in it.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array
from threadpoolctl import threadpool_limits

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

BEYOND = 0.24  # 12 % of a range, in coordinates from -1 to 1
_OTHER = 10**6  # keeps the points of the bench apart from those of the search, which count from 0


@dataclass(frozen=True)
class PredictionBenchmark:
    """One method: from how many points; relative L2 error of the start; Newton steps to the tolerance; in per cent the
    starts that end in the state that was meant; milliseconds of one prediction (of a model's: among all on its branch,
    one after another), and of the solve that follows."""

    method: str
    points: int
    error_median: float
    error_95: float
    steps: float
    success: float
    predict_ms: float
    solve_ms: float


@dataclass(frozen=True)
class SearchBenchmark:
    """The whole search with one method in it: Newton steps, milliseconds, in per cent the points at which it ends in
    the lowest state (or a lower one) that the untrained search found, and how often a trained start was used; the
    number of searches after which training has paid for itself (infinite: never)."""

    use: str
    points: int
    steps: float
    ms: float
    success: float
    lower: float
    used: float
    wrong: int
    pays_after: float


@dataclass(frozen=True)
class Benefit:
    """The rows of one set of points; ``covered``: the fraction whose lowest state is on a branch that is known.

    ``lost``: at how many points more the search without training found no soliton; ``recovered``: at how many of those
    the trained search (auto) found one.
    """

    where: str
    points: int
    covered: float
    starts: list[PredictionBenchmark]
    searches: list[SearchBenchmark]
    lost: int
    recovered: int


def bench(
    config: Any,
    library: Library,
    *,
    points: int = 200,
    seed: int = 0,
    workers: int = 1,
    report: Callable[[str, int, int], None] = lambda where, done, wanted: None,
) -> list[Benefit]:
    """Measure a file of trained starts inside its box, and up to 12 % of each range outside of it.

    Processor time of one thread. Raises ValueError where the file does not fit the configuration.
    """
    library.check(config.problem_at(library.box.point(np.zeros(len(library.box.names)))))
    out = []
    for where in ("inside", "outside"):
        tasks = [(config, library, _unseen(library, where, seed, index)) for index in range(points)]
        measured = []
        for done, one in enumerate(in_order(_measure, tasks, workers), start=1):
            measured.append(one)
            report(where, done, points)
        lost = [one for one in measured if isinstance(one, _Lost)]
        out.append(_benefit(config, where, [one for one in measured if isinstance(one, _Point)], lost, library))
    return out


def _unseen(library: Library, where: str, seed: int, index: int) -> Float[Array, " coupling"]:
    random = np.random.default_rng([seed, _OTHER + index])
    n = len(library.box.names)
    if where == "inside":
        return random.uniform(-1.0, 1.0, n)
    while True:
        x = random.uniform(-1.0 - BEYOND, 1.0 + BEYOND, n)
        if np.any(np.abs(x) > 1.0):
            return x


@dataclass(frozen=True)
class _Start:
    error: float
    steps: float
    right: bool
    predict: float
    solve: float


@dataclass(frozen=True)
class _Ended:
    steps: int
    seconds: float
    energy: float
    right: bool
    start: str


@dataclass(frozen=True)
class _Point:
    x: Array
    branch: Carriers | None  # that of the lowest state, where it is known
    starts: dict[str, _Start]
    searches: dict[str, _Ended]


@dataclass(frozen=True)
class _Lost:
    """A point at which the search without training found no soliton; whether the trained one did."""

    recovered: bool


def _measure(config: Any, library: Library, x: Array) -> _Point | _Lost | None:
    """All methods at one point; None where there is no vacuum."""
    with threadpool_limits(1):
        problem = problem_at(config, library.box, x)
        if problem is None:
            return None
        guess = replace(config.trained_guess, use="none")
        found, seconds = _timed(lambda: find_solitons(problem, config.solver, untrained(guess)))
        if not is_soliton(problem, found.solutions):
            trained = find_solitons(problem, config.solver, replace(guess, use="auto"))
            return _Lost(is_soliton(problem, trained.solutions))
        truth = oriented(problem, found.solutions[0].u)
        energy, branch = problem.energy(truth), carriers_of(problem, truth)
        searches = {"none": _Ended(found.steps, seconds, energy, True, found.start)}
        for use in ("auto", *SOURCES):
            searches[use] = _searched(config, problem, replace(guess, use=use), energy)
        model = library.models.get(branch)
        starts = _starts(config, problem, branch, model, x, truth, energy)
        u, seconds = _timed(lambda: _ladder(config, library, problem, branch))
        starts["ladder"] = _ran(config, problem, u, seconds, branch, truth, energy)
        return _Point(x, None if model is None else branch, starts, searches)


def _searched(config: Any, problem: DiscreteProblem, guess: WarmStart, energy: float) -> _Ended:
    found, seconds = _timed(lambda: find_solitons(problem, config.solver, guess))
    lowest = problem.energy(found.solutions[0].u) if found.solutions else math.inf
    converged = bool(found.solutions) and found.solutions[0].converged
    return _Ended(found.steps, seconds, lowest, converged and not is_lower(energy, lowest, energy), found.start)


def _starts(
    config: Any,
    problem: DiscreteProblem,
    branch: Carriers,
    model: BranchModel | None,
    x: Array,
    truth: Array,
    energy: float,
) -> dict[str, _Start]:
    out: dict[str, _Start] = {}
    analytic, seconds = _timed(lambda: _analytic(problem, branch))
    out["analytic"] = _ran(config, problem, analytic, seconds, branch, truth, energy)
    if model is None:
        return out
    for name, source, count in _methods(config, model, x):
        u, seconds = _timed(lambda r=source, n=count: _predicted(problem, model, r, x, n))  # type: ignore[misc]
        out[name] = _ran(config, problem, u, seconds, branch, truth, energy)
    return out


def _methods(config: Any, model: BranchModel, x: Array) -> list[tuple[str, str, int]]:
    """Name, source and number of corrections of each method that the model has."""
    counts = dict.fromkeys((0, config.warm_start.corrections))
    sources = [source for source in SOURCES if model.predict(source, x) is not None]
    return [(source if count == 0 else f"{source}, corrected", source, count) for source in sources for count in counts]


def _predicted(problem: DiscreteProblem, model: BranchModel, source: str, x: Array, corrections: int) -> Array:
    coefficients = model.predict(source, x)
    assert coefficients is not None
    if corrections == 0:
        return starting_fields(problem, problem.vacuum.values + model.basis.expand(coefficients))
    variation = None if model.variation is None else model.variation(x)
    return correct(GalerkinPoint(problem, model.basis, coefficients), corrections, predicted=variation).u


def _ladder(config: Any, library: Library, problem: DiscreteProblem, branch: Carriers) -> Array:
    """What a search would start from on that branch."""
    found = predict(library, problem, branch, SOURCES)
    better = None if found is None else corrected(problem, problem.coarser(3), found, config.warm_start.corrections)
    return _analytic(problem, branch) if better is None else better.u


def _analytic(problem: DiscreteProblem, branch: Carriers) -> Array:
    """The analytic profile of least energy in the carriers of the branch, with its signs."""
    return screened_starts(problem, [(branch.carriers, tuple(float(sign) for sign in branch.signs))])[0].u


def _ran(
    config: Any, problem: DiscreteProblem, u: Array, predict: float, branch: Carriers, truth: Array, energy: float
) -> _Start:
    error = oriented(problem, u) - truth
    size = truth - problem.vacuum.values
    mass = problem.grid.mass
    relative = math.sqrt(float(np.sum(error * (mass @ error)) / np.sum(size * (mass @ size))))
    solution, seconds = _timed(lambda: config.solver.run(problem, starting_fields(problem, u)))
    right = solution.converged and carriers_of(problem, solution.u) == branch
    right = right and is_same_energy(problem.energy(solution.u), energy, energy)
    # the last step, to rounding, is taken from every start
    return _Start(relative, solution.steps - 1.0, right, predict, seconds)


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.process_time()
    result = call()
    return result, time.process_time() - start


def _prediction_ms(config: Any, library: Library, measured: list[_Point]) -> dict[str, float]:
    """Milliseconds that each method takes for one prediction, all points of a branch after one another."""
    spent: dict[str, float] = {}
    for branch in dict.fromkeys(one.branch for one in measured if one.branch is not None):
        model, xs = library.models[branch], [one.x for one in measured if one.branch == branch]
        problems = [problem_at(config, library.box, x) for x in xs]
        for problem in problems:
            assert problem is not None
            problem.energy(problem.vacuum.values + model.basis.mean)  # keeps what the solve needs in any case
        for name, source, count in _methods(config, model, xs[0]):
            tasks = [(problem, model, source, x, count) for problem, x in zip(problems, xs, strict=True)]
            _predict_all(tasks)
            spent[name] = spent.get(name, 0.0) + _timed(functools.partial(_predict_all, tasks))[1]
    return {name: 1e3 * seconds / sum(name in one.starts for one in measured) for name, seconds in spent.items()}


def _predict_all(tasks: Any) -> None:
    for task in tasks:
        _predicted(*task)


def _benefit(config: Any, where: str, measured: list[_Point], lost: list[_Lost], library: Library) -> Benefit:
    names = dict.fromkeys(name for one in measured for name in one.starts)
    with threadpool_limits(1):
        ms = _prediction_ms(config, library, measured)
    starts = [_row(name, [one.starts[name] for one in measured if name in one.starts], ms.get(name)) for name in names]
    trained = float(sum(library.record["seconds"].values()))
    plain = [one.searches["none"] for one in measured]
    searches = []
    for use in measured[0].searches if measured else ():
        mine = [one.searches[use] for one in measured]
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
    covered = float(np.mean([one.branch is not None for one in measured])) if measured else 0.0
    return Benefit(where, len(measured), covered, starts, searches, len(lost), sum(one.recovered for one in lost))


def _row(name: str, starts: list[_Start], prediction_ms: float | None) -> PredictionBenchmark:
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
