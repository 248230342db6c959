"""The study on disk: study.db, an ordinary Optuna study in SQLite, and its twin in memory.

Optuna's SQLite storage takes a transaction for every parameter, attribute and constraint: 115 ms a trial as it comes,
60 ms with a write-ahead log. So the sampler works on a twin in memory, and a trial that has ended is added to the disk
whole, in one transaction: 28 ms side by side with those, 7 of them for the sampler. A driver that is killed leaves no
half-written trial behind.
"""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event, text

from .samplers import choose_parents_again, make_sampler
from .settings import Range, ScanSettings
from .trial import Outcome

DATABASE = "study.db"
_MARK = "supersoliton"  # the study's user attribute that says it is ours, and what it was asked for
_NOT_OURS = "keep it and give another folder with --out, or move it away."


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """No log lines from Optuna within; its verbosity is the user's again afterwards."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def read_mark(path: Path, name: str) -> dict[str, Any] | None:
    """What the study in an existing file was asked for; None where there is no file. Nothing is written.

    Raises ValueError for a file that is no study, or a study that is not ours or of another name.
    """
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            studies = dict(database.execute("SELECT study_name, study_id FROM studies"))
            marked = database.execute("SELECT study_id FROM study_user_attributes WHERE key = ?", (_MARK,)).fetchall()
    except sqlite3.Error as error:
        raise ValueError(f"{path} is not a readable study ({error}): {_NOT_OURS}") from error
    if name not in studies:
        found = ", ".join(f'"{study}"' for study in studies) or "none"
        raise ValueError(f'{path} holds no study named "{name}" (it holds {found}): {_NOT_OURS}')
    if (studies[name],) not in marked:
        raise ValueError(f'the study "{name}" in {path} was not made by a scan of supersoliton: {_NOT_OURS}')
    return dict(open_study(path, name).user_attrs[_MARK])


def open_study(path: Path, name: str) -> optuna.Study:
    """The existing study. Raises ValueError where Optuna cannot read it (made by another version of Optuna)."""
    try:
        with quiet_optuna():
            return optuna.load_study(study_name=name, storage=_storage(path))
    except (KeyError, RuntimeError, optuna.exceptions.OptunaError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"Optuna cannot read {path} ({reason}): {_NOT_OURS}") from error


def create_study(path: Path, name: str, settings: ScanSettings, mark: Mapping[str, Any]) -> optuna.Study:
    """A new study on disk, every objective maximised."""
    with quiet_optuna():
        study = optuna.create_study(
            study_name=name, storage=_storage(path), directions=["maximize"] * len(settings.objectives)
        )
        with warnings.catch_warnings():  # the axes of optuna-dashboard are worth an interface that may change
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(list(settings.objectives))
        study.set_user_attr(_MARK, dict(mark))
    return study


def fail_stale(study: optuna.Study) -> int:
    """Fail the trials that a killed program left running (ask/tell leaves that to us); returns how many."""
    stale = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    for trial in stale:
        study.tell(trial.number, state=TrialState.FAIL)
    return len(stale)


def is_finished(trial: FrozenTrial) -> bool:
    """Counts towards the number asked for: completed, or crashed by itself, but not interrupted."""
    return trial.state is TrialState.COMPLETE or (trial.state is TrialState.FAIL and "error" in trial.user_attrs)


class Twin:
    """The study in memory that the sampler sees, kept in step with the one on disk.

    Before each trial the sampler is made anew from (seed, number of the trial), so that what it draws depends on the
    trials before and on nothing else: a resumed scan with one worker goes on exactly as an uninterrupted one.
    """

    def __init__(self, disk: optuna.Study, settings: ScanSettings) -> None:
        self.disk, self._settings = disk, settings
        with quiet_optuna():
            self._memory = optuna.create_study(directions=disk.directions)
        self._memory.add_trials(disk.get_trials(deepcopy=False))
        self._asked = len(self._memory.get_trials(deepcopy=False))
        choose_parents_again(self._memory, settings)
        self._distributions = {name: _distribution(limits) for name, limits in settings.parameters.items()}
        self._running: dict[int, optuna.Trial] = {}

    def ask(self) -> tuple[int, dict[str, float]]:
        """A ticket and the point to evaluate."""
        self._memory.sampler = make_sampler(self._settings, self._asked)
        self._asked += 1
        trial = self._memory.ask(self._distributions)
        self._running[trial.number] = trial
        return trial.number, dict(trial.params)

    def tell(self, ticket: int, outcome: Outcome) -> FrozenTrial:
        """Record an outcome; returns the trial as it is on disk, where numbers follow the order of completion."""
        trial = self._running.pop(ticket)
        for key, value in _attributes(outcome).items():
            trial.set_user_attr(key, value)
        if outcome.failed:
            self._memory.tell(trial, state=TrialState.FAIL)
        else:
            for key, value in outcome.constraints.items():
                trial.set_constraint(key, value)
            values = [outcome.values[name] for name in self._settings.objectives]
            # an undefined objective is infeasible ("scored" > 0), so this 0 is never compared with a real one
            self._memory.tell(trial, [value if np.isfinite(value) else 0.0 for value in values])
        self.disk.add_trial(self._memory.get_trials(deepcopy=False)[ticket])
        return self.disk.get_trials(deepcopy=False)[-1]


def _attributes(outcome: Outcome) -> dict[str, Any]:
    if outcome.failed:
        return {"status": outcome.status, "error": outcome.error}
    names = ("kind", "status", "reasons", "values", "constraints", "seconds")
    return {name: getattr(outcome, name) for name in names}


def finish(study: optuna.Study) -> None:
    """Fold the write-ahead log into study.db, so that the file can be copied or moved alone."""
    with _engine(study).begin() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    _engine(study).dispose()


def _distribution(limits: Range) -> BaseDistribution:
    return FloatDistribution(limits.low, limits.high, log=limits.log)


def _storage(path: Path) -> optuna.storages.RDBStorage:
    storage = optuna.storages.RDBStorage(f"sqlite:///{path.resolve()}", engine_kwargs={"connect_args": {"timeout": 30}})
    storage.engine.dispose()  # the connection that made the tables knows nothing of the settings below

    @event.listens_for(storage.engine, "connect")
    def _cheap_transactions(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")  # safe against a killed process; fsync only at checkpoints

    return storage


def _engine(study: optuna.Study) -> Any:
    storage: Any = study._storage  # Optuna wraps the storage it is given and offers no way back to it
    return getattr(storage, "_backend", storage).engine
