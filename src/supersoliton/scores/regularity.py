"""Regularity: how evenly the logarithms of the masses are spaced."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from ..theory.base import Column
from .score import Score


def regularity(masses: Array) -> float:
    """exp(-std/mean of the gaps of log m) of masses in ascending order, 1 for even gaps; NaN for fewer than three."""
    if len(masses) < 3:
        return float("nan")
    gaps = np.diff(np.log10(masses))
    return float(np.exp(-gaps.std() / gaps.mean()))


REGULARITY = Score(
    {"regularity": Column("regularity", "exp(−std/mean) of the gaps of log m, 1 for even gaps", in_table=False)},
    lambda masses, options: {"regularity": regularity(masses)},
)
