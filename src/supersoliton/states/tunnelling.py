"""What a bounce tunnels to, and with how many others it was compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..theory.vacua import Vacuum


@dataclass(frozen=True)
class Tunnelling:
    """Where a bounce ends, and the choice among several.

    Attributes
    ----------
    compared : int
        Number of different bounces found and solved, of which this one has the least action.
    actions : tuple of float
        Their actions, ascending.
    core : Vacuum or None
        The minimum that a descent of V from the centre of the bounce leads to; None if it reaches none.
    asked : Vacuum or None
        The minimum that a descent from the given ``true_vacuum`` leads to; None if none was given.
    words : str
        The same as a sentence.
    """

    units: ClassVar[dict[str, str]] = {"actions": "energy", "core": "result", "asked": "result"}

    compared: int
    actions: tuple[float, ...]
    core: Vacuum | None
    asked: Vacuum | None
    words: str
