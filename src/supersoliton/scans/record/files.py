"""The files beside the study: trials.csv, heartbeat.log, config.resolved.toml, and the states of the Pareto set."""

from __future__ import annotations

import contextlib
import csv
import importlib.metadata
import json
import math
import os
import platform
import threading
import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import tomli_w
from optuna.trial import FrozenTrial, TrialState

from ...machine.atomic_write import write_atomically
from ...sampling.proposals import MARK
from ..trial import Outcome
from .storage import without_password

_PACKAGES = ("supersoliton", "jax", "jaxlib", "numpy", "scipy", "optuna", "xarray", "h5netcdf", "particle")


def write_config(path: Path, tables: Mapping[str, Any], study: str) -> None:
    """The resolved configuration, [versions], and in [record] the study and its storage without its password.

    The file can be scanned again as it is, since [versions] and [record] are not read.
    """
    versions = {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in _PACKAGES}
    header = "# Written before the first trial: every setting with its value, and what computed it.\n"
    storage = without_password(str(tables["scan"].get("storage", "")))
    scan = {**tables["scan"], "storage": storage}
    record = {"study": study, "storage": storage}
    write_atomically(path, header + tomli_w.dumps({**tables, "scan": scan, "versions": versions, "record": record}))


class TrialTable:
    """trials.csv: one row per trial that has ended, appended and flushed; in the order of the study in the end.

    The table is written anew from the study when a scan starts (a kill may have come between study and table); a trial
    that brings a column that was not there has it copied once. No row is kept in memory.
    """

    def __init__(self, path: Path, parameters: Sequence[str], trials: Iterable[FrozenTrial]) -> None:
        self._path, self._parameters = path, list(parameters)
        self._columns: list[str] = []
        self._last, self._ordered = -1, True
        self.rewrite(trials)

    def rewrite(self, trials: Iterable[FrozenTrial]) -> None:
        """Write the whole table from the study."""
        rows = [self._row(trial) for trial in trials if trial.state.is_finished()]
        self._last, self._ordered = max((row["number"] for row in rows), default=-1), True
        self._widen(dict.fromkeys(key for row in rows for key in row))
        self._write(rows)

    def append(self, trial: FrozenTrial) -> None:
        row = self._row(trial)
        self._ordered &= trial.number > self._last
        self._last = max(self._last, trial.number)
        if not set(row) <= set(self._columns):
            old = self._read()
            self._widen(dict.fromkeys([*self._columns, *row]))
            self._write([*old, row])
            return
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._columns).writerow(row)

    def close(self) -> None:
        """Put the rows in the order of the study: trials side by side end in another."""
        if not self._ordered:
            self._write(sorted(self._read(), key=lambda row: int(row["number"])))
            self._ordered = True

    def _widen(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        last = ("seconds", "start", "cache", *(("predicted",) if "predicted" in keys else ()), "reasons")
        first = ("number", "state", "kind", "status", *self._parameters)
        constraints = [key for key in keys if key.startswith("c_")]
        middle = [key for key in keys if key not in {*first, *last, *constraints}]
        self._columns = [*first, *middle, *constraints, *last]

    def _read(self) -> list[dict[str, Any]]:
        with self._path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def _write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with draft.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, self._columns)
            table.writeheader()
            table.writerows(rows)
        draft.replace(self._path)

    def _row(self, trial: FrozenTrial) -> dict[str, Any]:
        attributes = trial.user_attrs
        error = str(attributes.get("error", "")).strip().splitlines()
        return {
            "number": trial.number,
            "state": trial.state.name,
            "kind": attributes.get("kind", ""),
            "status": attributes.get("status", ""),
            **{name: repr(value) for name, value in attributes.get("values", {}).items()},
            # last, so that a scanned "norm" stands as it was asked for, not as it was measured
            **{name: repr(trial.params[name]) for name in self._parameters if name in trial.params},
            **{f"c_{name}": repr(value) for name, value in attributes.get("constraints", {}).items()},
            "seconds": attributes.get("seconds", {}).get("total", ""),
            "start": attributes.get("start", ""),
            "cache": attributes.get("cache", ""),
            **({"predicted": attributes[MARK]["index"]} if MARK in attributes else {}),
            "reasons": "; ".join([*attributes.get("reasons", []), *error[-1:]]),
        }


class ParetoFront:
    """The feasible trials that no other feasible trial beats in every objective, and the files of their states.

    The same set as Optuna's `study.best_trials`, kept up to date trial by trial. The state of a trial that may join is
    put into `folder` by `keep` before its end is on record, and those that it beats are removed by `settle` after that:
    whenever a kill comes, the states of all trials on the front are there.
    """

    def __init__(self, folder: Path, trials: Iterable[FrozenTrial]) -> None:
        self._folder = folder
        self._values: dict[int, tuple[float, ...]] = {}
        for trial in trials:
            self._join(trial)

    @property
    def numbers(self) -> list[int]:
        return sorted(self._values)

    def _join(self, trial: FrozenTrial) -> list[int] | None:
        """None if the trial does not belong to the front, else the numbers of those that it drives out."""
        if trial.state is not TrialState.COMPLETE or any(value > 0 for value in trial.constraints.values()):
            return None
        new = tuple(trial.values)
        if any(_beats(old, new) for old in self._values.values()):
            return None
        beaten = [number for number, old in self._values.items() if _beats(new, old)]
        for number in beaten:
            del self._values[number]
        self._values[trial.number] = new
        return beaten

    def keep(self, number: int, outcome: Outcome, objectives: Sequence[str]) -> None:
        """Put the state and the spectra of a trial that has just ended into place, if it may join."""
        new = tuple(outcome.values.get(name, math.nan) for name in objectives)
        file = None if outcome.state_file is None else Path(outcome.state_file)
        if outcome.feasible and not any(_beats(old, new) for old in self._values.values()):
            state, levels = self._paths(number)
            write_atomically(levels, json.dumps(outcome.spectra))
            if file is not None and file.exists():  # it is in place already where the record had to be tried again
                file.replace(state)
        elif file is not None:
            file.unlink(missing_ok=True)

    def settle(self, trial: FrozenTrial) -> None:
        """The trial's end is on record: let it join, and remove the files of whatever is not on the front for it."""
        beaten = self._join(trial)
        for number in [trial.number] if beaten is None else beaten:
            for path in self._paths(number):
                path.unlink(missing_ok=True)

    def clean(self, spare: Container[int] = ()) -> None:
        """Remove the states of trials that are not on the front, as a kill or others' trials may have left them."""
        for path in self._folder.glob("trial_*"):
            number = path.name.removeprefix("trial_").partition(".")[0]
            if not number.isdigit() or int(number) in spare or int(number) in self._values:
                continue
            if path in self._paths(int(number)):
                path.unlink(missing_ok=True)

    def _paths(self, number: int) -> tuple[Path, Path]:
        stem = self._folder / f"trial_{number:05d}"
        return stem.with_suffix(".nc"), stem.with_suffix(".spectra.json")


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    """At least as good in every objective, and not the same in all."""
    return all(a >= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


ENDED = "ended"  # the last words of a driver that was not killed


class Heartbeat:
    """A line in heartbeat.log every `seconds`: time, trials done, rate, memory of this process and its workers.

    A thread of its own, so that it beats while a trial runs in this process. `describe` gives the words on the trials,
    `opening` is written once.
    """

    def __init__(self, path: Path, describe: Callable[[], str], *, opening: str = "", seconds: float = 30.0) -> None:
        self._path, self._describe, self._opening, self._seconds = path, describe, opening, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._write(self._opening)
        self._beat()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._beat()
        self._write(ENDED)

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self._beat()

    def _beat(self) -> None:
        self._write(f"{self._describe()} memory {_memory() / 2**20:.0f} MiB")

    def _write(self, words: str) -> None:
        # a disk that is full is told by the record of the trials, whose loss would matter
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            if words:
                file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {words}\n")


def _memory() -> int:
    """Resident memory of this process and its children, bytes."""
    total = psutil.Process().memory_info().rss
    for child in psutil.Process().children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # it ended between the listing and the look
    return int(total)
