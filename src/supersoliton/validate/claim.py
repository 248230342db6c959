"""One claim and what became of it: in words, in numbers, in tables and pictures."""

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


@dataclass(frozen=True)
class Table:
    """Cells as they are read; the first row of a page's table is ``head``."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Picture:
    """``draw(theme_name)`` makes the figure, for a light and for a dark page."""

    name: str
    alt: str
    draw: Callable[[str], Figure]


@dataclass(frozen=True)
class Claim:
    """``verdict`` is one of VERDICTS, ``reason`` one sentence for it; ``numbers`` are what was measured, as plain data.

    ``notes`` are sentences about how it was measured, for the page.
    """

    # the claim
    name: str
    title: str
    claimed: str
    # what became of it
    found: str
    verdict: str
    reason: str
    # beside it
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
        """What --json writes."""
        return {
            "name": self.name,
            "title": self.title,
            "claimed": self.claimed,
            "found": self.found,
            "verdict": self.verdict,
            "reason": self.reason,
            "command": self.command,
            "seconds": self.seconds,
            "numbers": dict(self.numbers),
        }
