"""Which couplings change no objective, tested before the first trial of a scan.

At a few random points each coupling is moved by a tenth of its range and the objectives are evaluated again: they may
be scores that have no derivative, or a user's own. A coupling that leaves an objective equal at every point gets no
importance for it in the report.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..machine.atomic_write import write_atomically
from .execution.executor import AbstractExecutor
from .stopping import Stop
from .trial import Outcome

if TYPE_CHECKING:
    from ..config import Config

AXES = "axes.json"  # in the folder of the scan: objective → couplings that do not change it
_POINTS = 3
_STEP = 0.1  # of the range
_EQUAL = 1e-8  # relative difference of equal values: solutions are converged to 1e-10


def unchanged(config: Config, executor: AbstractExecutor, stop: Stop) -> dict[str, list[str]]:
    """The couplings that change no value of an objective, by objective; empty if no point could be compared."""
    ranges, objectives = config.scan.parameters, config.scan.objectives
    rng = np.random.default_rng(config.scan.seed)
    points = [config.scan.sample(rng) for _ in range(_POINTS)]
    found = zip(points, _outcomes(executor, points, stop), strict=True)
    usable = [(point, one) for point, one in found if one is not None and _is_scored(one, objectives)]
    usable.sort(key=lambda pair: not pair[1].feasible)  # a soliton tells more than a vacuum
    suspects = {name: set(ranges) for name in objectives}
    # The first point clears most couplings, so that the others need few evaluations.
    for group in (usable[:1], usable[1:]):
        moves = [(*pair, axis) for pair in group for axis in sorted(set().union(*suspects.values()))]
        moved = [{**point, axis: _moved(config, axis, point[axis])} for point, _, axis in moves]
        for (_, base, axis), other in zip(moves, _outcomes(executor, moved, stop), strict=True):
            for name, left in suspects.items():
                if other is None or not _is_equal(base.values[name], other.values.get(name, math.nan)):
                    left.discard(axis)
    return {name: [axis for axis in ranges if axis in left] for name, left in suspects.items()} if usable else {}


def in_words(found: Mapping[str, Sequence[str]]) -> list[str]:
    """A sentence for each coupling that changes no objective at all."""
    dead = [axis for axis in next(iter(found.values()), ()) if all(axis in left for left in found.values())]
    return [
        f"{axis} changes no objective (tested at {_POINTS} points before the first trial): leave it out of "
        "[scan.parameters], or score what depends on it."
        for axis in dead
    ]


def write_axes(folder: Path, found: Mapping[str, Sequence[str]]) -> None:
    write_atomically(folder / AXES, json.dumps(found, indent=1))


def read_axes(folder: Path) -> dict[str, list[str]]:
    """What was found in a folder; empty if nothing was, or if the file is damaged."""
    try:
        found = json.loads((folder / AXES).read_text(encoding="utf-8"))
        return {str(name): [str(axis) for axis in axes] for name, axes in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _outcomes(executor: AbstractExecutor, points: Sequence[Mapping[str, float]], stop: Stop) -> list[Outcome | None]:
    """The outcomes of points, in their order; None for those that a stop leaves out."""
    waiting, found = list(enumerate(points)), dict[int, Outcome]()
    while (waiting or executor.running) and not stop.dropped:
        if stop.is_set():
            waiting.clear()
        while waiting and executor.room > 0:
            executor.submit(*waiting.pop(0))
        for number, outcome in executor.wait(0.25) if executor.running else ():
            found[number] = outcome
            if outcome.state_file is not None:
                Path(outcome.state_file).unlink(missing_ok=True)
    return [found.get(number) for number in range(len(points))]


def _is_scored(outcome: Outcome, objectives: Sequence[str]) -> bool:
    return all(math.isfinite(outcome.values.get(name, math.nan)) for name in objectives)


def _moved(config: Config, axis: str, value: float) -> float:
    """The value a tenth of the range further, on the side that is farther from the end."""
    limits = config.scan.parameters[axis]
    at = limits.unit(value)
    return float(limits.at(at + (_STEP if at < 0.5 else -_STEP)))


def _is_equal(a: float, b: float) -> bool:
    return abs(a - b) <= _EQUAL * max(abs(a), abs(b))  # NaN is not equal
