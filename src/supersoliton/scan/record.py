"""The files beside the study: trials.csv, heartbeat.log, config.resolved.toml, and the states of the Pareto set."""

from __future__ import annotations

import csv
import importlib.metadata
import json
import os
import platform
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import tomli_w
from optuna.trial import FrozenTrial, TrialState

_PACKAGES = ("supersoliton", "jax", "jaxlib", "numpy", "scipy", "optuna", "xarray", "h5netcdf", "particle")


def write_atomically(path: Path, content: str) -> None:
    """A reader, or a kill in the middle, finds the old file or the new one, never half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(content, encoding="utf-8")
    draft.replace(path)


def write_config(path: Path, tables: Mapping[str, Any]) -> None:
    """The resolved configuration (the seed is in [scan]) and [versions]; the file can be scanned again as it is."""
    versions = {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in _PACKAGES}
    header = "# Written before the first trial: every setting with its value, and what computed it.\n"
    write_atomically(path, header + tomli_w.dumps({**tables, "versions": versions}))


class TrialTable:
    """trials.csv: one row per trial, in the order of the study, flushed as it is appended.

    The table is written anew from the study when a scan starts (a kill may have come between study and table) and when
    a trial brings a column that was not there.
    """

    def __init__(self, path: Path, parameters: Sequence[str], trials: Sequence[FrozenTrial]) -> None:
        self._path, self._parameters = path, list(parameters)
        self._rows = [self._row(trial) for trial in trials]
        self._columns: list[str] = []
        self._write()

    def append(self, trial: FrozenTrial) -> None:
        row = self._row(trial)
        self._rows.append(row)
        if not set(row) <= set(self._columns):
            self._write()
            return
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._columns).writerow(row)

    def _write(self) -> None:
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        values = dict.fromkeys(key for row in self._rows for key in row)
        last = ("seconds", "cache", "reasons")
        first = ("number", "state", "kind", "status", *self._parameters)
        constraints = [key for key in values if key.startswith("c_")]
        middle = [key for key in values if key not in {*first, *last, *constraints}]
        self._columns = [*first, *middle, *constraints, *last]
        with draft.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, self._columns)
            table.writeheader()
            table.writerows(self._rows)
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
            "cache": attributes.get("cache", ""),
            "reasons": "; ".join([*attributes.get("reasons", []), *error[-1:]]),
        }


class ParetoFront:
    """The feasible trials that no other feasible trial beats in every objective, and the files of their states.

    The same set as Optuna's `study.best_trials`, kept up to date trial by trial: a state is moved into `folder` when
    its trial joins the front and removed when it is beaten.
    """

    def __init__(self, folder: Path, trials: Sequence[FrozenTrial]) -> None:
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

    def add(self, trial: FrozenTrial, state_file: str | None, spectra: Mapping[str, Any]) -> None:
        """Let a trial that has just ended join, or throw its state away."""
        beaten = self._join(trial)
        if beaten is not None:
            for path in [path for number in beaten for path in self._paths(number)]:
                path.unlink(missing_ok=True)
            state, levels = self._paths(trial.number)
            write_atomically(levels, json.dumps(spectra))
            if state_file is not None:
                Path(state_file).replace(state)
        elif state_file is not None:
            Path(state_file).unlink(missing_ok=True)

    def _paths(self, number: int) -> tuple[Path, Path]:
        stem = self._folder / f"trial_{number:05d}"
        return stem.with_suffix(".nc"), stem.with_suffix(".spectra.json")


def _beats(one: Sequence[float], other: Sequence[float]) -> bool:
    """At least as good in every objective, and not the same in all."""
    return all(a >= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


class Heartbeat:
    """A line in heartbeat.log every `seconds`: time, trials done, rate, memory of this process and its workers.

    A thread of its own, so that it beats while a trial runs in this process. `describe` gives the words on the trials.
    """

    def __init__(self, path: Path, describe: Callable[[], str], *, seconds: float = 30.0) -> None:
        self._path, self._describe, self._seconds = path, describe, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._beat()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._beat()

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self._beat()

    def _beat(self) -> None:
        line = f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {self._describe()} memory {_memory() / 2**20:.0f} MiB\n"
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line)


def _memory() -> int:
    """Resident memory of this process and its children, bytes."""
    total = psutil.Process().memory_info().rss
    for child in psutil.Process().children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # it ended between the listing and the look
    return int(total)
