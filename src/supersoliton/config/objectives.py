"""The objectives of a scan: recorded values or functions of the user, each maximised or minimised.

    objectives = ["hierarchy", { name = "energy", direction = "minimize" }, "own.py:curvature"]

A function `curvature(state, modes)` is called where the trial runs, with its State and with its Modes at the lowest
angular momentum of [spectrum] ell (None for an energy density, which a scan takes no spectrum of); the number that it
returns is recorded as "curvature".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from ..machine import user_files

WHERE = "[scan] objectives"
_SIGNS = {"maximize": 1.0, "minimize": -1.0, "maximise": 1.0, "minimise": -1.0}
# Attributes of a trial and columns of trials.csv that hold something else than a recorded value.
TAKEN = frozenset({
    "number", "state", "kind", "status", "reasons", "values", "constraints", "seconds", "start", "cache", "numerics",
    "hits", "error", "digest", "verify", "begun", "drawn_by", "predicted", "ended",
})  # fmt: skip
_EXAMPLE = '"hierarchy" or { name = "energy", direction = "minimize" }'


class Objective(str):
    """The name under which an objective is recorded; equal to objectives of the same name, whatever their directions.

    sign      1 if it is maximised, -1 if it is minimised
    function  "file.py:name" of the user's function; empty for a recorded value
    """

    sign: float
    function: str

    def __new__(cls, name: str, sign: float = 1.0, function: str = "") -> Objective:
        made = super().__new__(cls, name)
        made.sign, made.function = sign, function
        return made

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """What Optuna calls it."""
        return "maximize" if self.sign > 0 else "minimize"

    def is_better(self, value: float, best: float) -> bool:
        """Whether a value is better than the best so far, which may be NaN."""
        return not math.isnan(value) and not self.sign * value <= self.sign * best

    @property
    def entry(self) -> str | dict[str, str]:
        """How a configuration writes it; `read_objectives` of it gives it again."""
        name = self.function or str(self)
        return name if self.sign > 0 else {"name": name, "direction": self.direction}


def read_objectives(entries: object, base: Path | None = None) -> tuple[Objective, ...]:
    """The objectives of a list of entries; paths of functions are relative to the folder `base`. Raises ValueError."""
    if not isinstance(entries, list | tuple):
        raise ValueError(f"{WHERE} must be a list, got {entries!r}: write e.g. [{_EXAMPLE}].")
    return tuple(entry if isinstance(entry, Objective) else _objective(entry, base) for entry in entries)


def names_of(entries: object) -> list[str]:
    """The names in a list of entries that was not checked."""
    names = [e.get("name") if isinstance(e, Mapping) else e for e in (entries if isinstance(entries, list) else [])]
    return [name for name in names if isinstance(name, str)]


def functions_of(objectives: Iterable[Objective]) -> dict[str, Callable[[Any, Any], Any]]:
    """The user's functions among the objectives, by name, imported. Raises ValueError."""
    found = {str(one): user_files.find(WHERE, one.function) for one in objectives if one.function}
    for name, function in found.items():
        if not callable(function):
            raise ValueError(f'{WHERE}: "{name}" must be a function of (state, modes), got {function!r}: define one.')
    return found


def check_objectives(
    objectives: Iterable[Objective], names: Sequence[str], constraints: Iterable[str], scanned: Iterable[str]
) -> None:
    """Check that what a trial records has names of its own, and that all objectives are recorded. Raises ValueError."""
    scanned = {*scanned} - {"norm"}  # recorded, and may be scanned
    for name in names:
        if name in TAKEN or name in scanned or names.count(name) > 1:
            raise ValueError(
                f'[scan]: a trial has something else of the name "{name}": rename that score, function or column.'
            )
    functions_of(objectives)
    known = [*names, *(f"c_{name}" for name in constraints)]
    for objective in objectives:
        if objective not in known:
            near = get_close_matches(objective, known, n=1)
            remedy = f'did you mean "{near[0]}"?' if near else f"choose from {', '.join(known)}."
            raise ValueError(f'{WHERE}: no recorded value is named "{objective}": {remedy}')


def _objective(entry: object, base: Path | None) -> Objective:
    table = entry if isinstance(entry, Mapping) else {"name": entry}
    excess = [key for key in table if key not in ("name", "direction")]
    name, direction = table.get("name"), table.get("direction", "maximize")
    if excess or not isinstance(name, str) or not name:
        raise ValueError(f"{WHERE}: {entry!r} is neither a name nor a table of name and direction: write {_EXAMPLE}.")
    if direction not in _SIGNS:
        raise ValueError(
            f'{WHERE}: the direction of "{name}" must be maximize or minimize, got {direction!r}: choose one.'
        )
    if ":" not in name:
        return Objective(name, _SIGNS[direction])
    function = user_files.resolve(WHERE, name, base or Path.cwd())
    return Objective(function.rpartition(":")[2], _SIGNS[direction], function)
