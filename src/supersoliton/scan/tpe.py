"""Optuna's TPE sampler, shown what it reads of a study and no more than so many of its trials.

TPE sorts the finished trials into a good tenth and the others, fits a density to each, and draws where their ratio is
largest. By itself it converts, sorts and fits all trials before every draw: 21 ms at 1,000 trials, 0.23 s at 10,000.
Here the order of the trials is kept from ask to ask. Up to `SHOWN` trials TPE gets all of them and draws what it draws
by itself; of more it gets the best, and of the others an even choice over the whole study. So what is drawn depends on
the seed and the trials before alone, as ever, and an ask costs hardly more at 10,000 trials than at `SHOWN`.
"""

from __future__ import annotations

import weakref
from bisect import insort
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import optuna
from numpy import ndarray as Array
from optuna._hypervolume import _solve_hssp  # pyproject.toml holds Optuna to the major version that has it
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.samplers._tpe.sampler import _get_reference_point, default_gamma, default_gamma_multiobjective
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from .front import Fronts

SHOWN = 400  # see docs/samplers.md for what fewer and more of them draw
_GOLDEN = 0.6180339887498949  # the first k multiples of it, modulo 1, are spread evenly for every k

Space = dict[str, BaseDistribution]


class ThinnedTPE(TPESampler):
    """TPESampler that looks at a `_Shown` in place of the study."""

    def sample_relative(self, study: optuna.Study, trial: FrozenTrial, search_space: Space) -> dict[str, Any]:
        history = _histories.get(study)
        if history is None or history.space != search_space:
            history = _histories[study] = _History(study.directions, search_space)
        history.read(study.get_trials(deepcopy=False))
        shown: Any = history.shown(beside=trial.number)
        return super().sample_relative(shown, trial, search_space)

    def _get_internal_repr(self, trials: list[Any], search_space: Space, study: Any) -> dict[str, Array]:
        """Optuna converts every coupling of every trial once more before each draw, a third of its time."""
        rows = np.array([trial.row for trial in trials if trial.row is not None])
        return dict(zip(search_space, rows.reshape(-1, len(search_space)).T, strict=True))


@dataclass
class _Known:
    """A trial as TPE is shown it: sorted already, so that all that is left to do is to tell 0, good, from 1."""

    number: int
    row: tuple[float, ...] | None  # its point in the numbers that Optuna computes with; None where it lacks a coupling
    state: TrialState = TrialState.COMPLETE
    value: float = 0.0
    # none: the violated ones have been seen to when the trials were sorted
    constraints: dict[str, float] = field(default_factory=dict)

    @property
    def values(self) -> list[float]:
        return [self.value, self.value]


class _Shown:
    """These trials, as the parts of a study that TPESampler uses.

    One objective stays one, and several become two: TPE weighs the good trials alike only where there are several.
    """

    def __init__(self, objectives: int, trials: Sequence[_Known]) -> None:
        self.directions, self._trials = [StudyDirection.MINIMIZE] * min(objectives, 2), trials
        self.direction, self._storage = StudyDirection.MINIMIZE, self

    def _is_multi_objective(self) -> bool:
        return len(self.directions) > 1

    def _get_trials(self, deepcopy: bool, states: Container[TrialState], use_cache: bool) -> list[_Known]:
        return [trial for trial in self._trials if trial.state in states]

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """TPE leaves others a note of a point of which it has drawn a part; here points are drawn as a whole."""


class _History:
    """The completed trials of a study, in the order in which TPE ranks them."""

    def __init__(self, directions: Sequence[StudyDirection], space: Space) -> None:
        self.space = dict(space)
        self._signs = np.array([1.0 if d is StudyDirection.MAXIMIZE else -1.0 for d in directions])
        self._seen, self._open = 0, list[int]()
        self._known: dict[int, _Known] = {}
        self._running: list[_Known] = []
        # feasible trials: by their only objective; or their fronts, and the numbers of the points in these
        self._row: list[tuple[float, int]] = []
        self._fronts, self._numbers = Fronts(len(directions)), list[int]()
        self._infeasible: list[tuple[float, int]] = []  # by the sum of what they violate
        self._even: list[tuple[float, int]] = []  # all of them so that the first k are spread evenly, for every k
        self._chosen: tuple[Any, list[int]] = (None, [])  # what was last chosen of a front, and from what

    def read(self, trials: Sequence[FrozenTrial]) -> None:
        """Take note of what has ended since the last time, and of what runs."""
        still, self._running = list[int](), []
        for number in (*self._open, *range(self._seen, len(trials))):
            trial = trials[number]
            if trial.state is TrialState.COMPLETE:
                self._note(trial)
            elif not trial.state.is_finished():
                still.append(number)
                self._running.append(_Known(number, self._as_row(trial), trial.state))
        self._seen, self._open = len(trials), still

    def _as_row(self, trial: FrozenTrial) -> tuple[float, ...] | None:
        if not self.space.keys() <= trial.params.keys():
            return None
        return tuple(kind.to_internal_repr(trial.params[name]) for name, kind in self.space.items())

    def _note(self, trial: FrozenTrial) -> None:
        number = trial.number
        self._known[number] = _Known(number, self._as_row(trial))
        insort(self._even, _spread(number))
        violated = sum(value for value in trial.constraints.values() if value > 0)
        if violated > 0:
            insort(self._infeasible, (violated, number))
        elif len(self._signs) == 1:
            insort(self._row, (-float(self._signs[0] * trial.values[0]), number))
        else:
            self._fronts.add(self._signs * np.array(trial.values))
            self._numbers.append(number)

    def shown(self, *, beside: int) -> _Shown:
        """At most `SHOWN` completed trials, the good ones marked, and all that run but the one being drawn."""
        count = min(len(self._known), SHOWN)
        gamma = default_gamma if len(self._signs) == 1 else default_gamma_multiobjective
        good = set(self._best(gamma(count)))
        others = islice((number for _, number in self._even if number not in good), count - len(good))
        trials = [self._known[number] for number in sorted([*good, *others])]
        for trial in trials:
            trial.value = 0.0 if trial.number in good else 1.0
        return _Shown(len(self._signs), trials + [trial for trial in self._running if trial.number != beside])

    def _best(self, count: int) -> list[int]:
        """The best trials, as Optuna sorts them: by front, within the last one by hypervolume, then the infeasible."""
        best, ranks = [number for _, number in self._row[:count]], self._fronts.ranks
        if len(ranks):
            whole = int(np.searchsorted(np.cumsum(np.bincount(ranks)), count, side="right"))
            best = [self._numbers[i] for i in np.flatnonzero(ranks < whole)]
            if len(best) < min(count, len(ranks)):
                best += self._largest(np.flatnonzero(ranks == whole), count - len(best))
        return best + [number for _, number in self._infeasible[: count - len(best)]]

    def _largest(self, front: Array, count: int) -> list[int]:
        """So many of a front, which together have the largest hypervolume, found one after another.

        Of a front longer than `SHOWN` an even part is looked at, as 3,000 points take 0.3 s.
        """
        order = sorted((self._numbers[i], i) for i in front)  # as Optuna has them, whichever ended first
        if len(order) > SHOWN:
            order = sorted(sorted(order, key=lambda pair: _spread(pair[0]))[:SHOWN])
        numbers = [number for number, _ in order]
        if self._chosen[0] != (numbers, count):
            losses = -self._fronts.points[[i for _, i in order]]
            chosen = _solve_hssp(losses, np.array(numbers), count, _get_reference_point(losses))
            self._chosen = ((numbers, count), chosen.tolist())
        return self._chosen[1]


def _spread(number: int) -> tuple[float, int]:
    return number * _GOLDEN % 1.0, number


_histories: weakref.WeakKeyDictionary[optuna.Study, _History] = weakref.WeakKeyDictionary()
