"""What a score is: numbers made from a list of masses, each with its label and its definition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from numpy import ndarray as Array

from ..theory.base import Column


@runtime_checkable
class Options(Protocol):
    """The [score] table, as far as a score may read it."""

    @property
    def targets(self) -> str: ...
    @property
    def null_samples(self) -> int: ...
    @property
    def seed(self) -> int: ...


def _nothing_to_say(columns: Mapping[str, Array], who: str) -> list[str]:
    return []


@dataclass(frozen=True)
class Score:
    """A score of a spectrum.

    ``outputs``: the numbers it gives, by name; each may be an objective, which a scan maximises. ``compute(masses,
    options)``: these numbers for distinct masses in ascending order (there may be few or none: NaN is an answer);
    ``options`` is the [score] table. ``sentences(columns, who)``: what the report says of the outputs of many trials
    (NaN among them), ``who`` naming these trials.

    >>> gap = Score({"gap": Column("gap", "second mass over the first")}, lambda masses, options: {"gap": ...})
    """

    outputs: Mapping[str, Column]
    compute: Callable[[Array, Options], Mapping[str, float]]
    sentences: Callable[[Mapping[str, Any], str], list[str]] = _nothing_to_say
