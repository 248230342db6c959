"""Optuna's TPE sampler with the trials sorted beforehand, and shown no more than so many of them.

TPE sorts the finished trials into a good tenth and the others, fits a density to each, and draws where their ratio is
largest. By itself it converts, sorts and fits all trials before every draw: 21 ms at 1,000 trials, 0.23 s at 10,000.
Here the order of the trials is kept from ask to ask. Up to `SHOWN` trials TPE gets all of them and draws what it draws
by itself; of more it gets the best, and of the others an even choice over the whole study. So what is drawn depends on
the seed and the trials before alone, as ever, and an ask costs hardly more at 10,000 trials than at `SHOWN`.
"""

from __future__ import annotations

import weakref
from bisect import insort
from collections.abc import Iterable, Sequence
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

from .pareto import Fronts

SHOWN = 400  # with fewer an ask is cheaper, with more it draws no better: see docs/samplers.md
_FRONT = 100  # members of a front that are looked at when a part of it is chosen
_GOLDEN = 0.6180339887498949  # the first k multiples of it, modulo 1, are spread evenly for every k

Space = dict[str, BaseDistribution]


class ThinnedTPE(TPESampler):
    """TPESampler with a sorting of its own; the densities, their draws and the choice among these are Optuna's."""

    def sample_relative(self, study: optuna.Study, trial: FrozenTrial, search_space: Space) -> dict[str, Any]:
        history = _histories.get(study)
        if history is None or history.space != search_space:
            history = _histories[study] = _History(study.directions, search_space)
        history.read(study.get_trials(deepcopy=False))
        if history.completed < self._n_startup_trials:
            return {}
        good, others = history.split(beside=trial.number)
        # the good ones of several objectives count alike, else the newest more, as in TPESampler
        alike = np.ones(len(good)) if len(study.directions) > 1 else None
        below, above = self._density(search_space, good, alike), self._density(search_space, others)
        candidates = below.sample(self._rng.rng, self._n_ei_candidates)
        best = self._compare(candidates, self._compute_acquisition_func(candidates, below, above))
        return {name: kind.to_external_repr(best[name]) for name, kind in search_space.items()}

    def _density(self, space: Space, rows: Array, weights: Array | None = None) -> Any:
        points = dict(zip(space, rows.T, strict=True))
        return self._parzen_estimator_cls(points, space, self._parzen_estimator_parameters, weights)


class _History:
    """The completed trials of a study, in the order in which TPE ranks them, and those that run."""

    def __init__(self, directions: Sequence[StudyDirection], space: Space) -> None:
        self.space = dict(space)
        self._signs = np.array([1.0 if d is StudyDirection.MAXIMIZE else -1.0 for d in directions])
        self._seen, self._open = 0, list[int]()
        self._trials: Sequence[FrozenTrial] = ()
        # number → point in the numbers that Optuna computes with, of those that were shown: few of a long study are
        self._rows: dict[int, tuple[float, ...]] = {}
        # feasible trials: ranked by their only objective; or in fronts, with the numbers of the points in these
        self._ranking: list[tuple[float, int]] = []
        self._fronts, self._numbers = Fronts(len(directions)), list[int]()
        self._infeasible: list[tuple[float, int]] = []  # by the sum of what they violate
        self._even: list[tuple[float, int]] = []  # all of them so that the first k are spread evenly, for every k
        self._chosen: tuple[Any, list[int]] = (None, [])  # what was last chosen of a front, and from what

    @property
    def completed(self) -> int:
        return len(self._even)

    def read(self, trials: Sequence[FrozenTrial]) -> None:
        """Take note of what has begun and ended since the last time."""
        still, feasible = [], []
        for number in (*self._open, *range(self._seen, len(trials))):
            trial = trials[number]
            if trial.state is TrialState.COMPLETE:
                if self._note(trial):
                    feasible.append(trial)
            elif not trial.state.is_finished():
                still.append(number)
        self._trials, self._seen, self._open = trials, len(trials), still
        if feasible:
            self._fronts.extend(np.array([trial.values for trial in feasible]) * self._signs)
            self._numbers += [trial.number for trial in feasible]

    def _note(self, trial: FrozenTrial) -> bool:
        """Rank a completed trial; True where that is left to the fronts."""
        number = trial.number
        insort(self._even, _spread(number))
        violated = sum(value for value in trial.constraints.values() if value > 0)
        if violated > 0:
            insort(self._infeasible, (violated, number))
        elif len(self._signs) == 1:
            insort(self._ranking, (-float(self._signs[0] * trial.values[0]), number))
        else:
            return True
        return False

    def split(self, *, beside: int) -> tuple[Array, Array]:
        """The points of the good trials and of the others, `SHOWN` together if there are as many, in the study's order.

        All that run are others as well, but for the one being drawn.
        """
        count = min(self.completed, SHOWN)
        good = self.good(count)
        return self._points(good), self._points([*self.others(count, good), *(set(self._open) - {beside})])

    def _points(self, numbers: Iterable[int]) -> Array:
        rows = [row for number in sorted(numbers) if (row := self._row(number)) is not None]
        return np.array(rows).reshape(len(rows), len(self.space))

    def _row(self, number: int) -> tuple[float, ...] | None:
        """None where the trial lacks a coupling."""
        row, params = self._rows.get(number), self._trials[number].params
        if row is None and self.space.keys() <= params.keys():
            row = tuple(kind.to_internal_repr(params[name]) for name, kind in self.space.items())
            self._rows[number] = row
        return row

    def good(self, count: int) -> set[int]:
        """The good ones that belong to so many trials: TPESampler's share of them, the best of all."""
        share = default_gamma if len(self._signs) == 1 else default_gamma_multiobjective
        return set(self._best(share(count)))

    def others(self, count: int, good: set[int]) -> list[int]:
        """As many as are missing to so many, spread evenly over the study; one more trial changes hardly any."""
        return list(islice((number for _, number in self._even if number not in good), count - len(good)))

    def _best(self, count: int) -> list[int]:
        """The best trials, as Optuna sorts them: by front, within the last one by hypervolume, then the infeasible."""
        best, ranks = [number for _, number in self._ranking[:count]], self._fronts.ranks
        if len(ranks):
            whole = int(np.searchsorted(np.cumsum(np.bincount(ranks)), count, side="right"))
            best = [self._numbers[i] for i in np.flatnonzero(ranks < whole)]
            if len(best) < min(count, len(ranks)):
                best += self._largest(np.flatnonzero(ranks == whole), count - len(best))
        return best + [number for _, number in self._infeasible[: count - len(best)]]

    def _largest(self, front: Array, count: int) -> list[int]:
        """So many of a front, which together have the largest hypervolume, found one after another.

        It takes 20 ms among 150 and 0.3 s among 3,000, whenever the front has changed. Where only a part of the study
        is shown it is therefore sought in an even part of the front, which also changes less often.
        """
        order = sorted((self._numbers[i], i) for i in front)  # as Optuna has them, whichever ended first
        if self.completed > SHOWN:
            order = sorted(sorted(order, key=lambda pair: _spread(pair[0]))[:_FRONT])
        numbers = [number for number, _ in order]
        if self._chosen[0] != (numbers, count):
            losses = -self._fronts.points[[i for _, i in order]]
            chosen = _solve_hssp(losses, np.array(numbers), count, _get_reference_point(losses))
            self._chosen = ((numbers, count), chosen.tolist())
        return self._chosen[1]


def _spread(number: int) -> tuple[float, int]:
    return number * _GOLDEN % 1.0, number


_histories: weakref.WeakKeyDictionary[optuna.Study, _History] = weakref.WeakKeyDictionary()
