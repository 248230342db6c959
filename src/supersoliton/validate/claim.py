"""The result of checking one claim: verdict, numbers, tables and pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from matplotlib.figure import Figure

HOLDS = "holds"
OTHER_NUMBER = "holds with a different number"
FAILS = "does not hold"
NOT_REPRODUCIBLE = "not reproducible"
VERDICTS = (HOLDS, OTHER_NUMBER, FAILS, NOT_REPRODUCIBLE)

SCRIPT = "parameter_scan_supersoliton_v39_STABLE_HIERARCHY.py"  # with which the claims were made
_DATA = ("name", "title", "claimed", "found", "verdict", "reason", "command", "seconds")


@dataclass(frozen=True)
class Table:
    """A table as it is printed: ``head`` is its first row."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Picture:
    """``draw()`` makes the figure."""

    name: str
    alt: str
    draw: Callable[[], Figure]


@dataclass(frozen=True)
class Claim:
    """A checked claim: ``verdict`` is one of VERDICTS, ``reason`` is a sentence that explains it.

    ``numbers`` are the computed values as plain data; ``notes`` say on the page how they were computed.
    """

    name: str
    title: str
    claimed: str
    # the result
    found: str
    verdict: str
    reason: str
    # details
    numbers: Mapping[str, Any] = field(repr=False)
    notes: tuple[str, ...] = field(default=(), repr=False)
    tables: tuple[Table, ...] = field(default=(), repr=False)
    pictures: tuple[Picture, ...] = field(default=(), repr=False)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"claim {self.name}: verdict must be one of {VERDICTS}, got {self.verdict!r}: choose one")

    @property
    def command(self) -> str:
        return f"supersoliton validate --only {self.name}"

    def timed(self, seconds: float) -> Claim:
        return replace(self, seconds=seconds)

    def data(self) -> dict[str, Any]:
        """The claim as plain data, as --json writes it."""
        return {name: getattr(self, name) for name in _DATA} | {"numbers": dict(self.numbers)}
