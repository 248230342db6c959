"""Every use of Optuna's private members, each with its reason, and the switch for its log lines.

pyproject.toml allows only the minor version of Optuna with which tests/scans/record/test_optuna_contract.py passes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import optuna
from optuna._hypervolume import _solve_hssp
from optuna.distributions import BaseDistribution
from optuna.samplers import QMCSampler, TPESampler
from optuna.samplers._tpe.sampler import _get_reference_point, default_gamma, default_gamma_multiobjective
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial

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
