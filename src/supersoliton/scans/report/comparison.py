"""Two scans side by side: their numbers, their best states, their fronts in common objectives, and their settings."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...plotting import thin
from ...plotting.html import escape, number, table
from ...sampling.pareto import hypervolume, nondominated
from ..record.folder import REPORT
from .columns import rounded
from .linked import state_of
from .records import Record, Trial

_SAME = ("versions", "record")  # tables of a configuration that are not settings
_PLACES = ("storage",)  # settings that do not change results


def section(record: Record, other: Record) -> str:
    """The section of the page; `other` is the scan that it is compared with."""
    common = shared(record, other)
    link = escape(os.path.relpath(other.folder / REPORT, record.folder))
    theirs = f"{escape(other.name)} (<a href='{link}'>{escape(str(other.folder))}</a>)"
    named = _names(record, other)
    head = ["", *named]
    text = f"<p>This scan and {theirs}.</p>{table(head, _numbers(record, other, common))}"
    cards = "".join(
        f"<div class='card'><h3>{name}: best state</h3><div data-profile='{whose}'></div></div>"
        for whose, name in zip(("ours", "theirs"), named, strict=True)
    )
    text += f"<div class='columns'>{cards}</div>"
    drawn = "".join(
        f"<div class='view' data-view='compared' data-x='{escape(x)}' data-y='{escape(y)}' data-label='"
        f"{escape(y)} over {escape(x)} of both scans' data-height='380'></div>"
        for x, y in itertools.combinations(common, 2)
    )
    if drawn:
        text += f"<div class='flats'>{drawn}</div><p class='note'>Grey diamonds: {theirs}; large: its front.</p>"
    if not common:
        text += "<p>The two have no objective in common with the same direction.</p>"
    return text + _settings(record, other)


def _names(record: Record, other: Record) -> list[str]:
    """The names of both scans, their folders where these are equal; escaped."""
    same = record.name == other.name
    return [escape(one.folder if same else one.name) for one in (record, other)]


def shared(record: Record, other: Record) -> list[str]:
    """The objectives that both have, with the same direction."""
    return [
        name
        for name in record.objectives
        if name in other.objectives and (name in record.minimised) == (name in other.minimised)
    ]


def data_of(record: Record, other: Record) -> dict[str, Any]:
    """What the scripts draw of the other scan."""
    names, shown = shared(record, other), thin(other.trials, keep=other.pareto)
    front = {trial.number for trial in other.pareto}
    values = {name: [rounded(trial.objectives[other.objectives.index(name)], 6) for trial in shown] for name in names}
    profiles = [state_of(one, one.pareto[0])["profile"] if one.pareto else None for one in (record, other)]
    return {"values": values, "pareto": [int(t.number in front) for t in shown],
            "profiles": dict(zip(("ours", "theirs"), profiles, strict=True))}  # fmt: skip


def _numbers(record: Record, other: Record, common: list[str]) -> Iterator[list[str]]:
    """Rows of the table: a quantity, its value here, and there."""
    both = (record, other)
    yield ["trials", *(str(len(one.trials) + len(one.failed)) for one in both)]
    yield ["failed", *(str(len(one.failed)) for one in both)]
    yield ["solitons", *(str(sum(trial.is_soliton for trial in one.trials)) for one in both)]
    yield ["certified", *(str(sum(trial.value("certified") == 1.0 for trial in one.trials)) for one in both)]
    yield ["feasible", *(str(len(one.feasible)) for one in both)]
    yield ["on the front", *(str(len(one.pareto)) for one in both)]
    yield ["seconds a trial (median)", *(_median(one) for one in both)]
    for name in common:
        yield [f"best {escape(record.label(name))}", *(_best(one, name) for one in both)]
    if len(common) > 1:
        volumes = _volumes(record, other, common)
        yield ["hypervolume in the box of both", *(number(volume) for volume in volumes)]


def _median(record: Record) -> str:
    spent = [trial.seconds for trial in record.trials if math.isfinite(trial.seconds) and not trial.recalled]
    return number(float(np.median(spent)), 2) if spent else "–"


def _best(record: Record, name: str) -> str:
    if not record.feasible:
        return "–"
    k = record.objectives.index(name)
    best = max(record.feasible, key=lambda trial: record.signs[k] * trial.objectives[k])
    return f"{number(best.objectives[k])} (trial {best.number})"


def _points(record: Record, names: list[str], trials: tuple[Trial, ...]) -> np.ndarray:
    """The common objectives of trials times their signs, (trial, objective)."""
    places = [record.objectives.index(name) for name in names]
    return record.maximised(trials)[:, places]


def _volumes(record: Record, other: Record, names: list[str]) -> list[float]:
    """Hypervolumes of the feasible trials of each, as fractions of the box that holds those of both."""
    points = [_points(one, names, one.feasible) for one in (record, other)]
    together = np.concatenate(points)
    if not len(together):
        return [0.0, 0.0]
    low, high = together.min(axis=0), together.max(axis=0)
    scaled = [(part - low) / np.where(high > low, high - low, 1.0) for part in points]
    return [hypervolume(part[nondominated(part)]) if len(part) else 0.0 for part in scaled]


def _settings(record: Record, other: Record) -> str:
    """The settings that differ."""
    ours, theirs = (dict(_flat(one.config)) for one in (record, other))
    rows = [
        [f"<code>{escape(key)}</code>", escape(ours.get(key, "–")), escape(theirs.get(key, "–"))]
        for key in dict.fromkeys([*ours, *theirs])
        if ours.get(key) != theirs.get(key)
    ]
    if not rows:
        return "<p>All settings are the same.</p>"
    return f"<h3>Settings that differ</h3>{table(['', *_names(record, other)], rows)}"


def _flat(tables: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tables.items():
        name = f"{path}.{key}" if path else key
        if (not path and key in _SAME) or key in _PLACES:
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, name)
        else:
            yield name, str(value)
