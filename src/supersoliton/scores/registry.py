"""The scores of every trial. To add one, write a file and add a line here, or name it in [score] own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy import ndarray as Array

from ..machine import user_files
from ..theory.base import Column
from .fractal import FRACTAL
from .hierarchy import HIERARCHY
from .masses import distinct as distinct
from .masses import which_distinct
from .regularity import REGULARITY
from .score import Score, ScoreSettings, Shape, Slope

SCORES = (FRACTAL, HIERARCHY, REGULARITY)
_WHERE = "[score] own"


def read_scores(own: Sequence[str], *, trust: bool = True) -> tuple[Score, ...]:
    """A user's scores, each given as "file.py:name" or "module:name". Raises ValueError."""
    found = [user_files.find(_WHERE, name, trust=trust) for name in own]
    for name, score in zip(own, found, strict=True):
        if not isinstance(score, Score):
            raise ValueError(f"{_WHERE}: {name} must be a Score, got {score!r}: make it one.")
    return tuple(found)


def outputs(scores: Sequence[Score]) -> dict[str, Column]:
    """The recorded columns of these scores, by name."""
    return {name: column for score in scores for name, column in score.outputs.items()}


def measure(
    masses: Array, options: ScoreSettings, scores: Sequence[Score], shape: Shape | None = None
) -> dict[str, float]:
    """Every output of these scores for a list of masses. Raises ValueError for masses that are not finite."""
    known = distinct(masses)
    found: dict[str, Any] = {}
    for score in scores:
        own = score.compute(known, options)
        found |= {**own, **score.compare(known, options, shape, own)}
    return {name: float(found[name]) for name in outputs(scores)}


def slopes(
    masses: Array, rates: Array, options: ScoreSettings, scores: Sequence[Score]
) -> tuple[dict[str, float], dict[str, Slope]]:
    """The outputs of these scores, and the slopes of those that are smooth; ``rates`` (parameter, mass)."""
    chosen = which_distinct(masses)
    found: dict[str, Slope] = {}
    for score in scores:
        found |= score.slopes(masses[chosen], options, rates[:, chosen])
    return measure(masses, options, scores), found
