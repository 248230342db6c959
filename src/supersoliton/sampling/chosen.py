"""The trials given to TPE, ranked: all of them up to `SHOWN`, beyond that a selection of `SHOWN`.

TPE sorts the finished trials into a good tenth and the others, fits a density to each, and draws where their ratio is
largest. It sorts all of them in every ask; here a trial is ranked once, when it has ended. Up to `SHOWN` trials
the draws are Optuna's own. With all trials an ask takes 21 ms at 1,000 trials and 0.23 s at 10,000. The selection
contains the best trials and an even sample of the others; an ask then takes hardly longer at 10,000 trials than at
`SHOWN`. It depends on the trials alone, so a resumed scan draws the same points as an uninterrupted one.
"""

from __future__ import annotations

import warnings
import weakref
from bisect import insort
from collections.abc import Container, Sequence
from itertools import islice

import numpy as np
import optuna
from numpy import ndarray as Array
from optuna.distributions import FloatDistribution
from optuna.samplers import TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from .optuna_private import good_of, largest_part, quiet_optuna, reseed, trials_of
from .pareto import Fronts, signs_of

SHOWN = 400  # with fewer trials an ask is faster, with more the draws are no better: see docs/samplers.md
_FRONT = 100  # members of the last front of the good ones among which a part of it is chosen
_NAME = "chosen"
_GOLDEN = 0.6180339887498949  # its first k multiples, modulo 1, are spread evenly for every k


class _Storage(optuna.storages.InMemoryStorage):
    """The storage of a study with the trials of a list, not copied: copying 400 takes as long as a draw."""

    trials: Sequence[FrozenTrial] = ()

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return [trial for trial in self.trials if states is None or trial.state in states]

    def set_trial_system_attr(self, trial_id: int, key: str, value: object) -> None:
        """Ignore the point that TPE notes for drivers that ask at the same time."""


class _Unconstrained(FrozenTrial):
    """A trial without constraints: TPE asks every trial for its own before every draw."""

    constraints: dict[str, float] = {}  # type: ignore[assignment]  # noqa: RUF012


class Valid(FloatDistribution):
    """A range whose values in the study are known to be valid: TPE checks all of them before every draw."""

    def to_internal_repr(self, param_value_in_external_repr: float) -> float:
        return param_value_in_external_repr


def study_of_chosen(study: optuna.Study) -> optuna.Study:
    """A study in memory with the directions of `study` and the trials selected for TPE."""
    choice = _choice_of(study)
    choice.storage.trials = choice.of(trials_of(study))
    return optuna.Study(_NAME, choice.storage)


def tpe_of(study: optuna.Study, seed: int) -> TPESampler:
    """The sampler of a study, which draws what a new one with this seed draws."""
    sampler = _choice_of(study).sampler
    reseed(sampler, seed)
    return sampler


def _choice_of(study: optuna.Study) -> Choice:
    if study not in _choices:
        _choices[study] = Choice(study.directions)
    return _choices[study]


class Choice:
    """Keeps the completed trials of a study in the order in which TPE ranks them."""

    def __init__(self, directions: Sequence[StudyDirection]) -> None:
        self.storage, self._signs = _Storage(), signs_of(directions)
        with quiet_optuna(), warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            self.storage.create_new_study(directions, _NAME)
            self.sampler = TPESampler(multivariate=True)
        self._seen, self._open = 0, list[int]()
        # feasible trials of several objectives: their fronts, and their numbers
        self._fronts, self._numbers = Fronts(len(self._signs)), list[int]()
        # the others, best first: violation of the constraints, minus the only objective, number
        self._ranking: list[tuple[float, float, int]] = []
        # completed trials, in an order in which the first k are spread evenly over the study, for every k
        self._even: list[tuple[float, int]] = []
        self._good: dict[int, FrozenTrial] = {}  # trials as TPE is given them, among the best and among the others
        self._rest: dict[int, FrozenTrial] = {}
        self._part: tuple[list[int], int, list[int]] = ([], 0, [])  # a front, how many of it, and the last choice

    def of(self, trials: Sequence[FrozenTrial]) -> Sequence[FrozenTrial]:
        """The selected completed and all running trials; `trials` is the whole study by number."""
        self._read(trials)
        count = min(len(self._even), SHOWN)
        best = self._best(good_of(count, len(self._signs)))
        rest = islice((number for _, number in self._even if number not in best), count - len(best))
        # Completed and pruned: so TPE takes the best, and exactly these, without ranking all of them once more.
        shown = [self._good.get(n) or self._show(self._good, trials[n], TrialState.COMPLETE) for n in sorted(best)]
        shown += [self._rest.get(n) or self._show(self._rest, trials[n], TrialState.PRUNED) for n in sorted(rest)]
        return [*shown, *(trials[number] for number in self._open)]

    @staticmethod
    def _show(known: dict[int, FrozenTrial], trial: FrozenTrial, state: TrialState) -> FrozenTrial:
        """A trial without its constraints and in another state; kept for the next time."""
        made = known[trial.number] = _Unconstrained(
            number=trial.number, state=state, value=None, values=trial.values, params=trial.params,
            distributions=trial.distributions, user_attrs={}, system_attrs={}, intermediate_values={},
            trial_id=trial.number, datetime_start=None, datetime_complete=None,
        )  # fmt: skip
        return made

    def _read(self, trials: Sequence[FrozenTrial]) -> None:
        """Rank the trials that have ended since the last call."""
        still, feasible = [], list[FrozenTrial]()
        for number in (*self._open, *range(self._seen, len(trials))):
            trial = trials[number]
            if not trial.state.is_finished():
                still.append(number)
            elif trial.state is TrialState.COMPLETE:
                insort(self._even, _spread(number))
                violated = sum(value for value in trial.constraints.values() if value > 0)
                if violated > 0:
                    insort(self._ranking, (violated, 0.0, number))
                elif len(self._signs) == 1:
                    insort(self._ranking, (0.0, -float(self._signs[0] * trial.values[0]), number))
                else:
                    feasible.append(trial)
        self._seen, self._open = len(trials), still
        if feasible:
            self._fronts.extend(np.array([trial.values for trial in feasible]) * self._signs)
            self._numbers += [trial.number for trial in feasible]

    def _best(self, good: int) -> set[int]:
        """Numbers of so many best trials: by front, in the last one by hypervolume, then by violation."""
        ranks = self._fronts.ranks
        whole = int(np.searchsorted(np.cumsum(np.bincount(ranks)), good, side="right"))  # so many fronts fit
        best = [self._numbers[i] for i in np.flatnonzero(ranks < whole)]
        if len(best) < min(good, len(ranks)):
            best += self._part_of(np.flatnonzero(ranks == whole), good - len(best))
        return {*best, *(number for *_, number in self._ranking[: good - len(best)])}

    def _part_of(self, front: Array, count: int) -> list[int]:
        """So many members of a front, each with the largest gain in hypervolume.

        Of more than `SHOWN` trials `_FRONT` members that are spread evenly decide: the choice is quick and seldom has
        to be made again.
        """
        spread = sorted((_spread(self._numbers[i]), i) for i in front)
        if len(self._even) > SHOWN:
            spread = spread[:_FRONT]
        members = sorted(spread, key=lambda pair: pair[0][1])
        numbers = [number for (_, number), _ in members]
        if self._part[:2] != (numbers, count):
            losses = -self._fronts.points[[i for _, i in members]]
            self._part = (numbers, count, largest_part(losses, np.array(numbers), count))
        return self._part[2]


def _spread(number: int) -> tuple[float, int]:
    return number * _GOLDEN % 1.0, number


_choices: weakref.WeakKeyDictionary[optuna.Study, Choice] = weakref.WeakKeyDictionary()
