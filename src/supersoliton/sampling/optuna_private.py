"""Every use of Optuna's private members, each with its reason, and the switch for its log lines.

pyproject.toml allows only the minor version of Optuna with which tests/scans/record/test_optuna_contract.py passes.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import optuna
from optuna._hypervolume import _solve_hssp
from optuna.distributions import BaseDistribution
from optuna.samplers import QMCSampler, TPESampler
from optuna.samplers._tpe.sampler import _get_reference_point, default_gamma, default_gamma_multiobjective
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState

# The tables of a study. Optuna's storage writes a transaction for each parameter, attribute and constraint, 20 to 30 ms
# a trial; scans/record/database.py writes a trial in one transaction, 1 ms.
STUDIES, TRIALS, BEATS, PARAMS, VALUES, USER_ATTRS, SYSTEM_ATTRS = (
    model.__table__
    for model in (
        models.StudyModel,
        models.TrialModel,
        models.TrialHeartbeatModel,
        models.TrialParamModel,
        models.TrialValueModel,
        models.TrialUserAttributeModel,
        models.TrialSystemAttributeModel,
    )
)
TABLES = (STUDIES, TRIALS, PARAMS, VALUES, USER_ATTRS, SYSTEM_ATTRS)
_CONSTRAINT = "constraints:"  # begins the attribute that holds a constraint
# How the table of values keeps infinities, which some databases do not have.
value_to_stored = models.TrialValueModel.value_to_stored_repr
stored_to_value = models.TrialValueModel.stored_repr_to_value


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """No log lines from Optuna within; the user's verbosity is restored afterwards."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def storage_of(study: optuna.Study) -> Any:
    """The storage of a study, whose public methods write single fields of a trial; a study has no such methods.

    Optuna wraps a database in a cache, which would not notice our writes; this is the database itself.
    """
    storage: Any = study._storage
    return storage if isinstance(storage, optuna.storages.JournalStorage) else getattr(storage, "_backend", storage)


def row_of(trial: FrozenTrial) -> int:
    """The trial's key in its storage, an argument of the storage's public methods."""
    return trial._trial_id


def id_of(study: optuna.Study) -> int:
    """The study's key in its storage, likewise."""
    return study._study_id


def reseed(sampler: TPESampler, seed: int) -> None:
    """Let a sampler draw what a new one with this seed draws; making a new one takes as long as a tenth of a draw."""
    for state in (sampler._rng, sampler._random_sampler._rng):
        state.rng.seed(seed)


def trials_of(study: optuna.Study) -> Sequence[FrozenTrial]:
    """All trials of a study, to be read at once; copying a list of 100,000 takes as long as all else of an ask."""
    storage = storage_of(study)
    return storage.trials if isinstance(storage, TrialsInMemory) else study.get_trials(deepcopy=False)


def forget_read_trials(study: optuna.Study) -> None:
    """Let samplers read the trials again, as at the start of `Study.ask`."""
    study._thread_local.cached_all_trials = None


def set_constraint(storage: Any, row: int, name: str, value: float) -> None:
    """`Trial.set_constraint` for a trial of which only the key is known, such as one begun by another driver."""
    storage.set_trial_system_attr(row, sys.intern(_CONSTRAINT + name), value)  # one string for all trials


def is_of_samplers(name: str) -> bool:
    """Whether an attribute of a trial is a constraint or a generation, which samplers read."""
    return name.startswith(_CONSTRAINT) or name.endswith(":generation")


def good_of(count: int, objectives: int) -> int:
    """How many of so many trials TPE calls good: a tenth, of one objective at most 25."""
    return default_gamma_multiobjective(count) if objectives > 1 else default_gamma(count)


def largest_part(losses: np.ndarray, numbers: np.ndarray, count: int) -> list[int]:
    """So many of the trials of a front that together have the largest hypervolume, found one after another.

    What TPESampler does, for a choice that is kept from ask to ask; in Python of our own it takes four times as long.
    """
    return [int(number) for number in _solve_hssp(losses, numbers, count, _get_reference_point(losses))]


def generation_key(sampler: Any) -> str:
    """The attribute for a trial's generation in NSGA-II and NSGA-III; the public `get_trial_generation` writes it."""
    return str(sampler._get_generation_key())


class SobolPoint(QMCSampler):
    """Point `number` of the scrambled sequence; Optuna's own count is lost when a study is resumed."""

    def __init__(self, number: int, seed: int) -> None:
        super().__init__(qmc_type="sobol", scramble=True, seed=seed, warn_independent_sampling=False)
        self._number = number

    def _find_sample_id(self, study: optuna.Study, search_space: dict[str, BaseDistribution]) -> int:
        return self._number


class _Layout(NamedTuple):
    """What trials have in common: ranges by coupling, number of objectives, names of constraints, other attributes."""

    distributions: dict[str, BaseDistribution]
    objectives: int
    constraints: tuple[str, ...]
    attributes: dict[str, Any]


class EndedTrial(FrozenTrial):
    """A trial that has ended, without its dates: numbers in one row of bytes, all else shared with other trials.

    Its constraints are not among its attributes, where no sampler looks for them.
    """

    __slots__ = ("_layout", "_number", "_row", "_user_attrs", "state")
    _datetime_start = datetime_complete = None
    intermediate_values: dict[int, float] = {}  # type: ignore[misc]  # noqa: RUF012

    def __init__(self, trial: FrozenTrial, layout: _Layout) -> None:
        self.state, self._number, self._layout = trial.state, trial.number, layout
        self._user_attrs = trial.user_attrs or EndedTrial.intermediate_values  # type: ignore[assignment]
        numbers = (*trial.params.values(), *(trial.values or ()), *trial.constraints.values())
        self._row = struct.pack(f"{len(numbers)}d", *numbers)

    def _part(self, start: int, count: int) -> tuple[float, ...]:
        return struct.unpack_from(f"{count}d", self._row, 8 * start)

    @property
    def _trial_id(self) -> int:  # type: ignore[override]
        return self._number

    @property
    def _distributions(self) -> dict[str, BaseDistribution]:  # type: ignore[override]
        return self._layout.distributions

    @property
    def _params(self) -> dict[str, Any]:  # type: ignore[override]
        names = self._layout.distributions
        return dict(zip(names, self._part(0, len(names)), strict=True))

    @property
    def _values(self) -> list[float] | None:  # type: ignore[override]
        layout = self._layout
        return list(self._part(len(layout.distributions), layout.objectives)) if layout.objectives else None

    @property
    def _system_attrs(self) -> dict[str, Any]:  # type: ignore[override]
        return self._layout.attributes

    @property
    def constraints(self) -> dict[str, float]:
        layout = self._layout
        start = len(layout.distributions) + layout.objectives
        return dict(zip(layout.constraints, self._part(start, len(layout.constraints)), strict=True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EndedTrial) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash((self._number, self._row))

    def _content(self) -> tuple[object, ...]:
        return self._number, self.state, self._layout, self._row, self._user_attrs


class TrialsInMemory(optuna.storages.InMemoryStorage):
    """The trials of one study by number. Those that have ended take a fifth of the memory of Optuna's."""

    def __init__(self) -> None:
        super().__init__()
        self._trial_id_to_study_id_and_number = _OneStudy()
        self._layouts: dict[tuple[object, ...], _Layout] = {}

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        number = super().create_new_trial(study_id, template_trial)
        self._shrink(number)
        return number

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        changed = super().set_trial_state_values(trial_id, state, values)
        self._shrink(trial_id)
        return changed

    @property
    def trials(self) -> Sequence[FrozenTrial]:
        """All trials, by number, without a copy of the list."""
        return self._studies[0].trials

    def _shrink(self, number: int) -> None:
        """Make a trial smaller if it has ended, and has a point that a sampler of ours can have drawn."""
        trial = self.get_trial(number)
        if not trial.state.is_finished() or not all(isinstance(x, float) for x in trial.params.values()):
            return
        ranges = {name: trial.distributions[name] for name in trial.params}
        others = {name: x for name, x in trial.system_attrs.items() if not name.startswith(_CONSTRAINT)}
        made = _Layout(ranges, len(trial.values or ()), tuple(trial.constraints), others)
        key = (*ranges, *made[1:3], repr(others))
        known = self._layouts.setdefault(key, made)
        if known.distributions != ranges:  # changed by --extend
            known = self._layouts[key] = made
        self._set_trial(number, EndedTrial(trial, known))


class _OneStudy(dict[int, tuple[int, int]]):
    """Study and number of the trial of each key, which are 0 and the key: nothing has to be kept."""

    count = 0

    def __setitem__(self, key: int, value: tuple[int, int]) -> None:
        assert value == (0, key)
        self.count = key + 1

    def __getitem__(self, key: int) -> tuple[int, int]:
        return 0, key

    def __contains__(self, key: object) -> bool:
        return isinstance(key, int) and 0 <= key < self.count
