"""Hierarchy: the largest mass of a spectrum over its smallest."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from ..theory.base import Column
from .score import Score


def hierarchy(masses: Array) -> float:
    """max m / min m of masses in ascending order; NaN for fewer than two."""
    if len(masses) < 2:
        return float("nan")
    x = np.log10(masses)
    return float(10.0 ** (x[-1] - x[0]))


HIERARCHY = Score(
    {"hierarchy": Column("hierarchy", "largest mass over the smallest", in_table=False)},
    lambda masses, options: {"hierarchy": hierarchy(masses)},
)
