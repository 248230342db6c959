"""Trials in Optuna's journal file: one line per operation, for file systems on which SQLite cannot lock (NFS).

A trial that a killed driver left running is evaluated again. Only one driver at a time may write a journal.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial

from ...sampling.optuna_private import id_of, row_of
from .digests import DIGEST, OURS
from .record import AbstractRecord, AbstractTransaction, StorageTrouble

_LOCKED_SECONDS = 2.0  # after which a lock on the journal counts as abandoned: writing a line takes 10 ms


class JournalRecord(AbstractRecord):
    """The trials of one study in a journal file."""

    def __init__(self, study: optuna.Study, storage: optuna.storages.JournalStorage, path: Path) -> None:
        self.study, self._storage, self._path, self._id = study, storage, path, id_of(study)
        self._open: dict[int, tuple[int, frozenset[str]]] = {}  # number of a running trial → id, attributes it has
        self._orphans: list[int] = []

    def load(self) -> list[FrozenTrial]:
        with self._trouble():
            trials = self._storage.get_all_trials(self._id, deepcopy=False)
        trials.sort(key=lambda trial: trial.number)
        self._open = {
            trial.number: (row_of(trial), frozenset(trial.user_attrs) | set(trial.system_attrs))
            for trial in trials
            if not trial.state.is_finished()
        }
        self._orphans = sorted(self._open)
        return trials

    @contextmanager
    def transaction(self) -> Iterator[AbstractTransaction]:
        with self._trouble():
            yield _Transaction(self)

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageTrouble(
                f"{self._path} cannot be written ({error.strerror}): free some space or make it writable",
                temporary=False,
            ) from error

    def close(self) -> None:
        return  # the file is opened for every line


class _Transaction(AbstractTransaction):
    def __init__(self, journal: JournalRecord) -> None:
        self._journal, self._storage = journal, journal._storage

    def changed_by_others(self) -> list[FrozenTrial]:
        return []

    def begin(self, trial: FrozenTrial) -> None:
        key = self._storage.create_new_trial(self._journal._id, template_trial=trial)
        self._journal._open[trial.number] = (key, frozenset(trial.user_attrs) | set(trial.system_attrs))

    def end(self, trial: FrozenTrial) -> None:
        key, known = self._journal._open[trial.number]
        for name, value in trial.user_attrs.items():
            # a kill here may have left what ends a trial from an earlier start
            if name not in known or name in (*OURS, DIGEST, *trial.user_attrs.get("values", ())):
                self._storage.set_trial_user_attr(key, name, value)
        for name, value in trial.system_attrs.items():
            if name not in known:
                self._storage.set_trial_system_attr(key, name, value)
        self._storage.set_trial_state_values(key, trial.state, trial.values)
        del self._journal._open[trial.number]

    def set_attribute(self, number: int, name: str, value: int) -> None:
        key, known = self._journal._open[number]
        self._storage.set_trial_user_attr(key, name, value)
        self._journal._open[number] = (key, known | {name})

    def abandoned(self, most: int) -> list[int]:
        journal = self._journal
        taken, journal._orphans = journal._orphans[:most], journal._orphans[most:]
        return taken


def check(path: Path) -> int:
    """Number of bytes of a journal in complete lines; only reads. Raises ValueError for a file that is no journal."""
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    for number, line in enumerate(content[:end].splitlines(), start=1):
        try:
            known = "op_code" in json.loads(line)
        except (ValueError, TypeError):
            known = False
        if not known:
            raise ValueError(f"line {number} is not an entry of an Optuna journal")
    if end == 0 and content and not content.startswith(b'{"op_code"'[: len(content)]):
        raise ValueError("line 1 is not an entry of an Optuna journal")
    return end


def repair(path: Path) -> None:
    """Remove the lock and the incomplete line that a driver leaves when it is killed while writing.

    Optuna would wait half a minute for the lock, or without end if the file was moved since; it would append to the
    incomplete line and then fail to read past it. Only the driver that writes the journal may call this, because a
    line that is being written looks the same.
    """
    lock, deadline = path.with_name(f"{path.name}.lock"), time.monotonic() + _LOCKED_SECONDS
    while lock.is_symlink() and time.monotonic() < deadline:
        time.sleep(0.1)
    if lock.is_symlink():
        lock.unlink(missing_ok=True)
    end = check(path)
    if end < path.stat().st_size:
        with path.open("rb+") as file:
            file.truncate(end)
