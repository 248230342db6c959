"""Files written next to the study: trials.csv, config.resolved.toml, and the states of the Pareto set."""

from __future__ import annotations

import csv
import importlib.metadata
import json
import math
import platform
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tomli_w
from optuna.trial import FrozenTrial, TrialState

from ...machine.atomic_write import write_atomically
from ...machine.text import plain
from ...sampling.pareto import dominates
from ...sampling.proposals import MARK
from ..trial import Outcome
from .storage import without_password

_PACKAGES = ("supersoliton", "jax", "jaxlib", "numpy", "scipy", "optuna", "xarray", "h5netcdf", "particle")


def write_config(path: Path, tables: Mapping[str, Mapping[str, object]], study: str) -> None:
    """Write the resolved configuration, [versions], and in [record] the study and its storage without its password.

    The file can be scanned again unchanged, because [versions] and [record] are not read.
    """
    versions = {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in _PACKAGES}
    header = "# Written before the first trial: the value of every setting, and the versions of the software.\n"
    storage = without_password(str(tables["scan"].get("storage", "")))
    scan = {**tables["scan"], "storage": storage}
    record = {"study": study, "storage": storage}
    write_atomically(path, header + tomli_w.dumps({**tables, "scan": scan, "versions": versions, "record": record}))


class TrialTable:
    """trials.csv: one row per trial that has ended, appended at once; sorted by number when closed.

    The table is rewritten from the study when a scan starts (a kill may have come between study and table), and copied
    once when a trial adds a new column. No row is kept in memory.
    """

    def __init__(self, path: Path, parameters: Sequence[str], trials: Iterable[FrozenTrial]) -> None:
        self._path, self._parameters = path, list(parameters)
        self._columns: list[str] = []
        self._last, self._ordered = -1, True
        self.rewrite(trials)

    def rewrite(self, trials: Iterable[FrozenTrial]) -> None:
        """Write the whole table from the study."""
        ended = [trial for trial in trials if trial.state.is_finished()]
        rows = [self._row(trial) for trial in ended]
        self._last, self._ordered = max((trial.number for trial in ended), default=-1), True
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
        """Sort the rows by trial number: parallel trials end in another order."""
        if not self._ordered:
            rows = self._read()
            self._write(sorted(rows, key=lambda row: int(str(row["number"]))))
            self._ordered = True

    def _widen(self, keys: Iterable[str]) -> None:
        keys = list(keys)
        last = ("seconds", "start", "cache", *(("predicted",) if "predicted" in keys else ()), "reasons")
        first = ("number", "state", "kind", "status", *self._parameters)
        constraints = [key for key in keys if key.startswith("c_")]
        middle = [key for key in keys if key not in {*first, *last, *constraints}]
        self._columns = [*first, *middle, *constraints, *last]

    def _read(self) -> list[dict[str, str]]:
        with self._path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def _write(self, rows: Iterable[Mapping[str, object]]) -> None:
        def write(draft: Path) -> None:
            with draft.open("w", newline="", encoding="utf-8") as file:
                table = csv.DictWriter(file, self._columns)
                table.writeheader()
                table.writerows(rows)

        write_atomically(self._path, write)

    def _row(self, trial: FrozenTrial) -> dict[str, str | int]:
        attributes = trial.user_attrs
        error = str(attributes.get("error", "")).strip().splitlines()
        row = {
            "number": trial.number,
            "state": trial.state.name,
            "kind": attributes.get("kind", ""),
            "status": attributes.get("status", ""),
            **{name: repr(value) for name, value in attributes.get("values", {}).items()},
            # last, so that a scanned "norm" has the value asked for, not the computed one
            **{name: repr(trial.params[name]) for name in self._parameters if name in trial.params},
            **{f"c_{name}": repr(value) for name, value in attributes.get("constraints", {}).items()},
            "seconds": attributes.get("seconds", {}).get("total", ""),
            "start": attributes.get("start", ""),
            "cache": attributes.get("cache", ""),
            **({"predicted": attributes[MARK]["index"]} if MARK in attributes else {}),
            "reasons": "; ".join([*attributes.get("reasons", []), *error[-1:]]),
        }
        return {name: plain(value) if isinstance(value, str) else value for name, value in row.items()}


class ParetoFront:
    """The feasible trials that no other feasible trial dominates, and the files of their states.

    The same set as Optuna's `study.best_trials`, updated trial by trial. `keep` stores the state of a trial that may
    join before its end is recorded; `settle` then removes the states that it dominates. A kill at any time therefore
    leaves the states of all trials on the front.
    """

    def __init__(self, folder: Path, trials: Iterable[FrozenTrial]) -> None:
        self._folder = folder
        self._values: dict[int, list[float]] = {}
        for trial in trials:
            self._join(trial)

    @property
    def numbers(self) -> list[int]:
        return sorted(self._values)

    def _join(self, trial: FrozenTrial) -> list[int] | None:
        """Add a trial and return the numbers of those that it removes; None if it does not belong to the front."""
        if trial.state is not TrialState.COMPLETE or any(value > 0 for value in trial.constraints.values()):
            return None
        dominated, beaten = self._compared(trial.values)
        if dominated:
            return None
        for number in beaten:
            del self._values[number]
        self._values[trial.number] = list(trial.values)
        return beaten

    def _compared(self, values: Sequence[float]) -> tuple[bool, list[int]]:
        """Whether a member of the front dominates these objectives, and the numbers of those that they dominate."""
        front, new = np.array([*self._values.values()]).reshape(-1, len(values)).T, np.array(values)[:, None]
        beaten = dominates(new, front)
        return bool(dominates(front, new).any()), [n for n, out in zip(self._values, beaten, strict=True) if out]

    def keep(self, number: int, outcome: Outcome, objectives: Sequence[str]) -> None:
        """Store the state and the spectra of a trial that has just ended, if it may join."""
        dominated, _ = self._compared([outcome.values.get(name, math.nan) for name in objectives])
        file = None if outcome.state_file is None else Path(outcome.state_file)
        if outcome.feasible and not dominated:
            state, levels = self._paths(number)
            write_atomically(levels, json.dumps(outcome.spectra))
            if file is not None and file.exists():  # already in place if the transaction is repeated
                file.replace(state)
        elif file is not None:
            file.unlink(missing_ok=True)

    def settle(self, trial: FrozenTrial) -> None:
        """Let a recorded trial join, and remove the files of trials that are no longer on the front."""
        removed = self._join(trial)
        for number in [trial.number] if removed is None else removed:
            for path in self._paths(number):
                path.unlink(missing_ok=True)

    def clean(self, spare: Container[int] = ()) -> None:
        """Remove the states of trials that are not on the front, left by a kill or by other drivers."""
        for path in self._folder.glob("trial_*"):
            number = path.name.removeprefix("trial_").partition(".")[0]
            if not number.isdigit() or int(number) in spare or int(number) in self._values:
                continue
            if path in self._paths(int(number)):
                path.unlink(missing_ok=True)

    def _paths(self, number: int) -> tuple[Path, Path]:
        stem = f"trial_{number:05d}"
        return self._folder / f"{stem}.nc", self._folder / f"{stem}.spectra.json"
