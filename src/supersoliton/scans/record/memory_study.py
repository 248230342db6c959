"""The study in memory that the sampler uses: the recorded trials, reduced to what samplers read.

Samplers read every trial before each ask, so a study in a database would be read or copied as a whole every time.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from ...config.scan import ScanSettings
from ...sampling.optuna_private import TrialsInMemory, forget_read_trials, id_of, quiet_optuna, set_constraint
from ...sampling.proposals import MARKS, is_drawn, key_of
from ...sampling.samplers import choose_parents_again, distributions, make_sampler
from ..trial import ERROR, Outcome, is_finished
from .digests import DIGEST, OURS, digest_of_trial

BEGUN = "begun"  # attribute of a trial that was restarted: how often it has been started


class MemoryStudy:
    """An Optuna study whose trials have the numbers of those on record.

    Every objective is maximised in it: values are times their signs, so that samplers need not know the directions.

    A new sampler is made for each trial from (seed, number of the trial), so that its draws depend on the
    earlier trials alone: with one worker a resumed scan draws the same points as an uninterrupted one.
    """

    def __init__(self, settings: ScanSettings, trials: Iterable[FrozenTrial]) -> None:
        from ...scores.registry import SCORES, outputs  # imports JAX, without which a finished scan is read

        self._settings = settings
        self._storage = TrialsInMemory()
        with quiet_optuna():
            directions = [optuna.study.StudyDirection.MAXIMIZE] * len(settings.objectives)
            self._study = optuna.create_study(storage=self._storage, directions=directions)
        self._id = id_of(self._study)
        self._distributions = distributions(settings)
        self._alone = dict.fromkeys([*outputs(SCORES), "energy", *map(str, settings.objectives)])
        self._warned: set[str] = set()
        self._numbers = 0
        self.finished = 0  # trials that count towards the number asked for
        self.failed = 0
        self._running: set[int] = set()
        self._predicted: dict[int, tuple[str, int, int]] = {}  # planned trials that run or are finished
        self.verified: set[tuple[str, int, int]] = set()  # keys of the finished ones, see Planned
        for trial in trials:
            self.put(trial)
        choose_parents_again(self._study, settings)

    @property
    def running(self) -> frozenset[int]:
        """Numbers of the trials with a point that have not ended, ours and those of other drivers."""
        return frozenset(self._running)

    @property
    def claimed(self) -> int:
        """Number of trials that count or will count: finished and running ones."""
        return self.finished + len(self._running - self._predicted.keys())

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, reduced to what samplers read; their objectives are times their signs."""
        return self._study.get_trials(deepcopy=False)

    @property
    def predicted(self) -> set[tuple[str, int, int]]:
        """The keys of the planned trials that run or are finished."""
        return set(self._predicted.values())

    def put(self, trial: FrozenTrial) -> None:
        """Add a trial from the record, or update one that was running."""
        if trial.number < self._numbers:
            if self.get(trial.number).state.is_finished():
                return
            self._update(trial)
        else:
            self._storage.create_new_trial(self._id, template_trial=_slim(trial, self._maximised(trial.values)))
            self._numbers += 1
        self._count(trial)

    def _update(self, trial: FrozenTrial) -> None:
        known = self.get(trial.number)
        for name, value in trial.params.items():
            if name not in known.params:
                kind = trial.distributions[name]
                self._storage.set_trial_param(trial.number, name, kind.to_internal_repr(value), kind)
        for name, value in trial.system_attrs.items():
            if name not in known.system_attrs:
                self._storage.set_trial_system_attr(trial.number, name, value)
        if trial.state.is_finished():
            if ERROR in trial.user_attrs:
                self._storage.set_trial_user_attr(trial.number, ERROR, "")
            self._storage.set_trial_state_values(trial.number, trial.state, self._maximised(trial.values))

    def _maximised(self, values: Sequence[float] | None) -> list[float] | None:
        return (
            None
            if values is None
            else [o.sign * value for o, value in zip(self._settings.objectives, values, strict=True)]
        )

    def _count(self, trial: FrozenTrial) -> None:
        number = trial.number
        self._running.discard(number)
        self._predicted.pop(number, None)
        if is_finished(trial):
            if is_drawn(trial):
                self.finished += 1
            else:
                self.verified.add(self._note_predicted(trial))
            if trial.state is TrialState.FAIL:
                self.failed += 1
        elif not trial.state.is_finished() and self.has_point(trial):
            self._running.add(number)
            if not is_drawn(trial):
                self._note_predicted(trial)

    def _note_predicted(self, trial: FrozenTrial) -> tuple[str, int, int]:
        self._predicted[trial.number] = key_of(trial)
        return self._predicted[trial.number]

    def has_point(self, trial: FrozenTrial) -> bool:
        """Whether the trial has a value for every coupling; one begun by another program may not."""
        return all(name in trial.params for name in self._distributions)

    def get(self, number: int) -> FrozenTrial:
        return self._storage.get_trial(number)

    def ask(self, planned: tuple[Mapping[str, float], Mapping[str, object]] | None = None) -> FrozenTrial:
        """A new running trial, at a point drawn by the sampler or at a planned one with its attributes."""
        # What `Study.ask` does, which takes three times as long: 0.4 ms a trial.
        number = self._storage.create_new_trial(self._id)
        if planned is None:
            forget_read_trials(self._study)
            sampler = make_sampler(self._settings, number, self._warned)
            point = sampler.sample_relative(self._study, self._storage.get_trial(number), self._distributions)
        else:
            point = dict(planned[0])
            for name, value in planned[1].items():
                self._storage.set_trial_user_attr(number, name, value)
        for name, kind in self._distributions.items():
            self._storage.set_trial_param(number, name, kind.to_internal_repr(point[name]), kind)
        self._numbers += 1
        trial = self._storage.get_trial(number)
        self._count(trial)
        return trial

    def end(self, number: int, outcome: Outcome) -> FrozenTrial | None:
        """End a running trial; returns it with all its attributes, None if it had ended already."""
        if self.get(number).state.is_finished():
            return None
        if outcome.failed:
            self._storage.set_trial_user_attr(number, ERROR, "")
            trial = self._ended(number, TrialState.FAIL)
        else:
            for name, value in outcome.constraints.items():
                set_constraint(self._storage, number, name, value)
            values = [outcome.values[name] for name in self._settings.objectives]
            # an undefined objective is infeasible ("scored" > 0), so this 0 is never compared with a real one
            values = [value if np.isfinite(value) else 0.0 for value in values]
            trial = self._ended(number, TrialState.COMPLETE, values)
        trial.user_attrs = {**trial.user_attrs, **_attributes(outcome, self._alone)}
        trial.user_attrs[DIGEST] = digest_of_trial(trial)
        self._count(trial)
        return trial

    def give_up(self, number: int) -> FrozenTrial:
        """Fail a trial that was left running without a point; it does not count."""
        self._running.discard(number)
        self._predicted.pop(number, None)
        return self._ended(number, TrialState.FAIL)

    def _ended(self, number: int, state: TrialState, values: list[float] | None = None) -> FrozenTrial:
        """End a trial; returned is what is recorded of it, of which the study keeps what samplers read."""
        trial = copy.copy(self.get(number))
        self._storage.set_trial_state_values(number, state, self._maximised(values))
        trial.state, trial.values, trial.datetime_complete = state, values, datetime.now()
        return trial


def _attributes(outcome: Outcome, alone: Iterable[str]) -> dict[str, object]:
    """The attributes of a trial; the values ``alone`` are attributes of their own too, for other programs."""
    if outcome.failed:
        return {name: getattr(outcome, name) for name in ("status", ERROR, "cache", "numerics")}
    single = {name: outcome.values.get(name, np.nan) for name in alone}
    single = {name: value for name, value in single.items() if np.isfinite(value)}
    return {**single, **{name: getattr(outcome, name) for name in OURS}}


def _slim(trial: FrozenTrial, values: list[float] | None) -> FrozenTrial:
    """The trial reduced to what samplers read (point, values, constraints, generation): a tenth of the memory."""
    slim = copy.copy(trial)
    slim.values = values
    slim.user_attrs = {ERROR: ""} if ERROR in trial.user_attrs else {}
    if BEGUN in trial.user_attrs:
        slim.user_attrs[BEGUN] = trial.user_attrs[BEGUN]
    slim.user_attrs |= {mark: trial.user_attrs[mark] for mark in MARKS if mark in trial.user_attrs}
    return slim
