"""Files written next to the study: trials.csv, config.resolved.toml, and the states of the Pareto set."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import json
import math
import platform
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from optuna.trial import FrozenTrial, TrialState

from ...machine.atomic_write import write_atomically
from ...machine.checksum import PLACE, is_intact, seal
from ...machine.text import plain
from ...sampling.pareto import dominates
from ...sampling.proposals import MARK, REFINE
from ..trial import Outcome
from .login import without_password

EARLIER = "# Written before the first trial: the value of every setting, and the versions of the software.\n"
HEADER = f"{EARLIER.strip()} Its checksum is in the last line.\n"
_ENDED = "ended"  # column with the time, which databases round in their own ways; earlier versions had none
_CHECKSUM = "checksum"  # in the file of spectra
# Columns of trials.csv besides couplings, recorded values and constraints; a trial may lack those after `reasons`.
COLUMNS = {
    "number": "number of the trial, from 0 in the order of asking",
    "state": "COMPLETE, or FAIL if it crashed or was interrupted",
    "kind": "kind of the state, such as q-ball, bounce, vacuum",
    "status": "how the solver ended, in words",
    "seconds": "time of the evaluation; of the look-up if it came from the cache",
    "start": "start of the search that led to the state: analytic, network, regression or neighbour",
    "cache": "what the cache of evaluations did: hit, stored, or why not",
    "reasons": "why the state is not certified, or the last line of the error of a trial that failed",
    "numerics": "version of the numerics that computed it",
    "predicted": "rank among the points that a surrogate proposed, in the phase of [scan.verify]",
    "hits": "targets hit: name of the target, the two masses by rank (m1 is the lightest), deviation of their ratio",
    "ended": "when the trial ended, UTC, ISO 8601",
}
_ALWAYS = frozenset([*COLUMNS][:8])
_PACKAGES = ("supersoliton", "jax", "jaxlib", "numpy", "scipy", "optuna", "xarray", "h5netcdf", "particle")


def write_config(path: Path, tables: Mapping[str, Mapping[str, object]], study: str) -> None:
    """Write the resolved configuration, [versions], and in [record] the study and its storage without its password.

    The file can be scanned again unchanged, because [versions] and [record] are not read.
    """
    versions = {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in _PACKAGES}
    storage = without_password(str(tables["scan"].get("storage", "")))
    scan = {**tables["scan"], "storage": storage}
    record = {"study": study, "storage": storage}
    text = tomli_w.dumps({**tables, "scan": scan, "versions": versions, "record": record})
    write_atomically(path, seal(f"{HEADER}{text}# ".encode() + PLACE + b"\n"))


class TrialTable:
    """trials.csv: one row per trial that has ended, appended at once; sorted by number when closed.

    The table is rewritten from the study when a scan starts (a kill may have come between study and table), and copied
    once when a trial adds a new column. No row is kept in memory.
    """

    def __init__(self, path: Path, parameters: Sequence[str]) -> None:
        self._path, self._parameters = path, list(parameters)
        self._columns: list[str] = []
        self._last, self._ordered = -1, True

    def rows(self, trials: Iterable[FrozenTrial]) -> list[dict[str, str | int]]:
        """The rows of the trials that have ended, whose columns the table then has."""
        rows = [self._row(trial) for trial in trials if trial.state.is_finished()]
        self._widen(dict.fromkeys(key for row in rows for key in row))
        return rows

    def rewrite(self, trials: Iterable[FrozenTrial]) -> None:
        """Write the whole table from the study."""
        rows = self.rows(trials)
        self._last, self._ordered = max((int(row["number"]) for row in rows), default=-1), True
        self._write(rows)

    def fault(self, trials: Iterable[FrozenTrial]) -> str:
        """In what the table differs from the study, empty if in nothing.

        Raises ValueError if it must not be overwritten: it is another program's, or has trials that the study lacks.
        """
        expected = {str(row["number"]): _filled(row) for row in self.rows(trials)}
        if not self._path.exists():
            return f"{self._path} was missing" if expected else ""
        try:
            content = self._path.read_bytes()
            text = content.decode(errors="replace").replace("\0", "\ufffd")
            table = csv.DictReader(io.StringIO(text, newline=""))
            found = {row.get("number"): _filled(row) for row in table}
        except csv.Error as error:
            return f"{self._path} was damaged ({error})"
        columns = table.fieldnames or []
        if content and len({*columns} & _ALWAYS) <= len(_ALWAYS) // 2:
            raise ValueError(f"{self._path} is not the table of this scan: move it away, or give another folder.")
        known = {str(trial.number) for trial in trials}
        newer, lost = [n for n in found if n not in known], len(expected.keys() - found.keys())
        if len(newer) > lost:
            raise ValueError(
                f"{self._path} has trials that the study lacks (number {newer[-1]}): restore the study, or move the "
                "table away to continue without them."
            )
        if lost:
            return f"{self._path} lacked {lost} trial{'s' if lost > 1 else ''} of the study"
        same = found == expected and (not expected or {*columns, _ENDED} == {*self._columns, _ENDED})
        return "" if same else f"{self._path} had other content than the study"

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
        last = (
            "seconds",
            "start",
            "cache",
            *(("numerics",) if "numerics" in keys else ()),
            *(name for name in ("predicted", "hits", _ENDED) if name in keys),
            "reasons",
        )
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
            **({"numerics": attributes["numerics"]} if "numerics" in attributes else {}),
            **({"predicted": attributes[MARK]["index"]} if MARK in attributes else {}),
            **({"hits": attributes["hits"]} if "hits" in attributes else {}),
            **({_ENDED: _utc(trial.datetime_complete)} if trial.datetime_complete else {}),
            **({"refined": attributes[REFINE]["origin"]} if REFINE in attributes else {}),
            "reasons": "; ".join([*attributes.get("reasons", []), *error[-1:]]),
        }
        return {name: plain(value) if isinstance(value, str) else value for name, value in row.items()}


def read_spectra(path: Path) -> dict[str, list[float]]:
    """The spectra stored in a file. Raises ValueError if it is damaged."""
    content = path.read_bytes()
    try:
        stored = json.loads(content)
        if is_intact(content) is not (True if stored.pop(_CHECKSUM, None) else None):  # earlier versions had none
            raise ValueError("not its checksum")
        return {name: [float(x) for x in levels] for name, levels in stored.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({type(error).__name__}): restore a copy of it.") from error


def _utc(local: datetime) -> str:
    """ISO 8601; Optuna shows naive local times."""
    return local.astimezone(UTC).isoformat(timespec="seconds")


def _filled(row: Mapping[Any, Any]) -> dict[Any, str]:
    return {key: str(value) for key, value in row.items() if value not in ("", None) and key != _ENDED}


class ParetoFront:
    """The feasible trials that no other feasible trial dominates, and the files of their states.

    The same set as Optuna's `study.best_trials`, updated trial by trial. `keep` stores the state of a trial that may
    join before its end is recorded; `settle` then removes the states that it dominates. A kill at any time therefore
    leaves the states of all trials on the front.
    """

    def __init__(self, folder: Path, trials: Iterable[FrozenTrial], signs: np.ndarray) -> None:
        self._folder, self._signs = folder, signs
        self._points: dict[int, np.ndarray] = {}  # objectives times their signs
        for trial in trials:
            self._join(trial)

    @property
    def numbers(self) -> list[int]:
        return sorted(self._points)

    def _join(self, trial: FrozenTrial) -> list[int] | None:
        """Add a trial and return the numbers of those that it removes; None if it does not belong to the front."""
        if trial.state is not TrialState.COMPLETE or any(value > 0 for value in trial.constraints.values()):
            return None
        dominated, beaten = self._compared(trial.values)
        if dominated:
            return None
        for number in beaten:
            del self._points[number]
        self._points[trial.number] = self._signs * trial.values
        return beaten

    def _compared(self, values: Sequence[float]) -> tuple[bool, list[int]]:
        """Whether a member of the front dominates these objectives, and the numbers of those that they dominate."""
        front, new = np.array([*self._points.values()]).reshape(-1, len(values)).T, (self._signs * values)[:, None]
        beaten = dominates(new, front)
        return bool(dominates(front, new).any()), [n for n, out in zip(self._points, beaten, strict=True) if out]

    def keep(self, number: int, outcome: Outcome, objectives: Sequence[str]) -> None:
        """Store the state and the spectra of a trial that has just ended, if it may join."""
        dominated, _ = self._compared([outcome.values.get(name, math.nan) for name in objectives])
        file = None if outcome.state_file is None else Path(outcome.state_file)
        if outcome.feasible and not dominated:
            state, levels = self.paths(self._folder, number)
            write_atomically(levels, seal(json.dumps({**outcome.spectra, _CHECKSUM: PLACE.decode()}).encode()))
            if file is not None and file.exists():  # already in place if the transaction is repeated
                file.replace(state)
        elif file is not None:
            file.unlink(missing_ok=True)

    def settle(self, trial: FrozenTrial) -> None:
        """Let a recorded trial join, and remove the files of trials that are no longer on the front."""
        removed = self._join(trial)
        for number in [trial.number] if removed is None else removed:
            for path in self.paths(self._folder, number):
                path.unlink(missing_ok=True)

    def clean(self, spare: Container[int] = ()) -> None:
        """Remove the states of trials that are not on the front, left by a kill or by other drivers."""
        for path in self._folder.glob("trial_*"):
            number = path.name.removeprefix("trial_").partition(".")[0]
            if not number.isdigit() or int(number) in spare or int(number) in self._points:
                continue
            if path in self.paths(self._folder, int(number)):
                path.unlink(missing_ok=True)

    @staticmethod
    def paths(folder: Path, number: int) -> tuple[Path, Path]:
        """The files of the state and of the spectra of a trial."""
        stem = f"trial_{number:05d}"
        return folder / f"{stem}.nc", folder / f"{stem}.spectra.json"
