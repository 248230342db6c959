"""The next point to evaluate: Optuna's samplers by name, a new one for each trial, with a fallback and no repetition.

A sampler is made from (seed, number of the trial) just before it is asked, so that its draws depend on the earlier
trials alone: with one worker a resumed scan draws the same points as an uninterrupted one.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler, GPSampler, NSGAIIISampler, NSGAIISampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from ..config.scan import ScanSettings
from .chosen import Valid, study_of_chosen, tpe_of
from .optuna_private import SobolPoint, generation_key, quiet_optuna, row_of, storage_of, trials_of
from .pareto import signs_of

# Packages that a sampler needs beyond our dependencies, and the arguments of pip that install them.
EXTRAS = {
    "gp": (("torch",), "torch greenlet"),
    "botorch": (("torch", "botorch", "optuna_integration"), "'optuna-integration[botorch]'"),
}
# These draw all couplings jointly, the others one by one.
_JOINT = ("tpe", "nsga2", "nsga3", "gp", "botorch", "sobol")
# NSGA-II can return an unchanged parent; after eight such draws in a row a random point is taken.
_ATTEMPTS = 8
_DRAWN_BY = "drawn_by"  # attribute of a trial that the fallback drew

_log = logging.getLogger("supersoliton")


def make_sampler(settings: ScanSettings, number: int, warned: set[str] | None = None) -> BaseSampler:
    """The sampler for one ask; `number` counts the asks of the study, so no two asks may share one.

    If the configured sampler cannot be imported or fails, `settings.fallback` draws the point and the trial records
    that. The logger "supersoliton" gives each warning once; `warned` collects them.
    """
    return _ScanSampler(settings, number, set() if warned is None else warned)


def distributions(settings: ScanSettings) -> dict[str, BaseDistribution]:
    """The scanned box as Optuna's distributions: name → distribution."""
    return {name: FloatDistribution(r.low, r.high, log=r.log) for name, r in settings.parameters.items()}


def choose_parents_again(study: optuna.Study, settings: ScanSettings) -> None:
    """Let NSGA-II and NSGA-III choose the parents of each generation that had begun, as they did when it began.

    They store their choice in the study in memory, and later read it back in another order: a choice repeated later
    would pair the same parents differently. NSGA-III chooses at random, so it is given the seed of the trial that began
    the generation.
    """
    trials = study.get_trials(deepcopy=False)
    for name in {settings.sampler, settings.fallback} & {"nsga2", "nsga3"}:
        key = generation_key(_optunas(name, settings, 0))
        began: dict[int, int] = {}
        for number, trial in enumerate(trials):
            if key in trial.system_attrs:
                began.setdefault(trial.system_attrs[key], number)
        for generation in sorted(set(began) - {0}):
            sampler: Any = _optunas(name, settings, began[generation])
            sampler.get_parent_population(study, generation)


class _ScanSampler(BaseSampler):
    """Draws all couplings of a new point, with the configured sampler or, if it fails, with the fallback."""

    def __init__(self, settings: ScanSettings, number: int, warned: set[str]) -> None:
        self._settings, self._number, self._warned = settings, number, warned
        self._space = distributions(settings)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, float]:
        for attempt in range(_ATTEMPTS):
            point = self._draw(study, trial, attempt)
            if not _is_taken(study, point):
                return point
        return self._point("random", study, trial, _ATTEMPTS)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw a parameter that is not scanned, for a caller with a search space of its own."""
        sampler = _optunas("random", self._settings, self._number)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def _draw(self, study: optuna.Study, trial: FrozenTrial, attempt: int) -> dict[str, float]:
        name = self._settings.sampler
        if name not in EXTRAS:
            return self._point(name, study, trial, attempt)
        reason = missing(name)
        if reason is None:
            try:
                return self._point(name, study, trial, attempt)
            except Exception as error:  # noqa: BLE001  any error is reported and recorded, and the fallback draws
                words = " ".join(str(error).split())[:200]
                reason = f'the sampler "{name}" failed ({type(error).__name__}: {words})'
        fallback = self._settings.fallback
        self._warn(f'{reason}: "{fallback}" draws instead.')
        storage_of(study).set_trial_user_attr(row_of(trial), _DRAWN_BY, f"{fallback}, as {reason}")
        return self._point(fallback, study, trial, attempt)

    def _warn(self, sentence: str) -> None:
        if sentence not in self._warned:
            self._warned.add(sentence)
            _log.warning(sentence)

    def _point(self, name: str, study: optuna.Study, trial: FrozenTrial, attempt: int) -> dict[str, float]:
        """A value for every coupling, in Optuna's order: those that the sampler draws jointly, then the others."""
        with _one_thread() if name == "botorch" else nullcontext():
            joint = dict(sorted(self._space.items())) if name in _JOINT else {}
            if name != "tpe":
                sampler = _optunas(name, self._settings, self._number, attempt)
            if name in EXTRAS:
                study, trial = _with_violated_constraints(study, trial)
            if name == "tpe":
                sampler = tpe_of(study, _seed_of(self._settings, self._number, attempt))
                study = study_of_chosen(study)
                ranges = sorted(self._settings.parameters.items())
                joint = {key: Valid(range_.low, range_.high, log=range_.log) for key, range_ in ranges}
            point = dict(sampler.sample_relative(study, trial, joint))
            for key, distribution in self._space.items():
                if key not in point:
                    point[key] = sampler.sample_independent(study, trial, key, distribution)
        return {key: float(point[key]) for key in self._space}


def missing(name: str) -> str | None:
    """Why a sampler cannot be imported, and how to install it; None if it can."""
    packages, extra = EXTRAS.get(name, ((), ""))
    absent = [package.replace("_", "-") for package in packages if not _is_importable(package)]
    if not absent:
        return None
    verb = "is" if len(absent) == 1 else "are"
    return f'the sampler "{name}" needs {", ".join(absent)}, which {verb} not installed (pip install {extra})'


def _is_importable(package: str) -> bool:
    # sys.modules first: optuna_integration, once imported, lacks the spec that find_spec needs
    return package in sys.modules or importlib.util.find_spec(package) is not None


def _is_taken(study: optuna.Study, point: Mapping[str, float]) -> bool:
    """Whether a trial of the study, finished or running, has this point."""
    seen, points = _points.setdefault(study, (0, set()))
    names = tuple(point)
    for trial in trials_of(study)[seen:]:
        params = trial.params
        points.add(hash(tuple(params.get(name) for name in names)))
        if trial.number == seen and (params or trial.state.is_finished()):  # the one being drawn has none yet
            seen += 1
    _points[study] = (seen, points)
    return hash(tuple(point.values())) in points


# Study in memory → number of trials not to read again, and the hashes of all points read: reading all takes 5 ms at
# 10,000 trials, the points themselves three times the memory. Two points of one hash (1 of 10^18) are taken for one.
_points: weakref.WeakKeyDictionary[optuna.Study, tuple[int, set[int]]] = weakref.WeakKeyDictionary()


def _with_violated_constraints(study: optuna.Study, trial: FrozenTrial) -> tuple[optuna.Study, FrozenTrial]:
    """A copy of a study, and of its new trial, with only those constraints that some trial violates.

    A Gaussian process is fitted to each constraint at each ask; omitting those that were always satisfied, which are
    most, makes an ask three times as fast. A constraint that a trial lacks counts as violated.
    """
    with quiet_optuna():
        copy = optuna.create_study(directions=study.directions)
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    names = dict.fromkeys(name for one in done for name in one.constraints)
    values = {name: [one.constraints.get(name, 1.0) for one in done] for name in names}
    kept = [name for name in names if max(values[name]) > 0]
    signs = signs_of(study.directions)
    points = {one.number: signs * one.values for one in done if not one.constraints.get("scored", 0.0) > 0}
    worst = signs * np.min([*points.values()], axis=0) if points else signs * 0.0
    copy.add_trials(
        optuna.create_trial(
            params=one.params,
            distributions=one.distributions,
            # the 0 of an undefined objective may be better than any value that is defined
            values=one.values if one.number in points else worst.tolist(),
            constraints={name: values[name][i] for name in kept},
        )
        for i, one in enumerate(done)
    )
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    copy.add_trials(
        optuna.create_trial(state=TrialState.RUNNING, params=one.params, distributions=one.distributions)
        for one in running
        if one.number != trial.number and one.params
    )
    number = copy.ask().number
    return copy, copy.get_trials()[number]


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def _seed_of(settings: ScanSettings, number: int, attempt: int) -> int:
    """The seed of a sampler for the trial of this number; a further attempt has another one."""
    # no zero for the first attempt: it would change the draws of studies made by versions without attempts
    return _seed(settings.seed, number, *([attempt] if attempt else []))


def _optunas(name: str, settings: ScanSettings, number: int, attempt: int = 0) -> BaseSampler:
    """Optuna's sampler of this name (but TPE, see :func:`.tpe_of`), for the trial of this number."""
    seed = _seed_of(settings, number, attempt)
    makers: dict[str, Callable[[], BaseSampler]] = {
        "nsga2": lambda: NSGAIISampler(population_size=settings.population, seed=seed),
        "nsga3": lambda: NSGAIIISampler(population_size=settings.population, seed=seed),
        # not deterministic_objective: evaluations have no noise, but noise describes the jumps of scores better
        "gp": lambda: GPSampler(seed=seed, warn_independent_sampling=False),
        "botorch": lambda: _botorch(seed, len(settings.objectives)),
        "random": lambda: RandomSampler(seed=seed),
        # a sequence has one seed; a further attempt takes a point far ahead in it
        "sobol": lambda: SobolPoint(number + (attempt << 20), _seed(settings.seed)),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return makers[name]()


def _botorch(seed: int, objectives: int) -> BaseSampler:
    from optuna_integration import BoTorchSampler
    from optuna_integration.botorch import qlogei_parego_candidates_func

    # Several objectives: ParEGO, 6 s an ask; the default, expected hypervolume improvement, takes over a minute with
    # three. One objective: the default, expected improvement, because ParEGO raises.
    candidates = qlogei_parego_candidates_func if objectives > 1 else None
    return BoTorchSampler(seed=seed % 2**31, candidates_func=candidates, consider_running_trials=True)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run BoTorch on one thread, to leave the other cores to the workers, and without its warnings."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_num_threads(threads)
