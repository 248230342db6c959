"""Hierarchy: the largest mass of a spectrum over its smallest."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from ..theory.base import Column
from .score import Score, ScoreSettings, Slope, time_to_close


def hierarchy(masses: Array) -> float:
    """max m / min m of masses in ascending order; NaN for fewer than two."""
    if len(masses) < 2:
        return float("nan")
    x = np.log10(masses)
    return float(10.0 ** (x[-1] - x[0]))


def _slopes(masses: Array, options: ScoreSettings, rates: Array) -> dict[str, Slope]:
    """Smooth until the lightest or the heaviest mass changes places with its neighbour."""
    if len(masses) < 2:
        return {}
    relative, ends = rates / masses, [0, -1]
    reach = time_to_close(np.diff(masses)[ends], np.diff(rates)[:, ends])
    return {"hierarchy": Slope(hierarchy(masses) * (relative[:, -1] - relative[:, 0]), reach)}


HIERARCHY = Score(
    {"hierarchy": Column("hierarchy", "largest mass over the smallest", in_table=False)},
    lambda masses, options: {"hierarchy": hierarchy(masses)},
    slopes=_slopes,
)
