"""Regularity: how evenly the logarithms of the masses are spaced."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from ..theory.base import Column
from .score import Score, ScoreSettings, Slope, time_to_close


def regularity(masses: Array) -> float:
    """exp(-std/mean of the gaps of log m) of masses in ascending order, 1 for even gaps; NaN for fewer than three."""
    if len(masses) < 3:
        return float("nan")
    gaps = np.diff(np.log10(masses))
    return float(np.exp(-gaps.std() / gaps.mean()))


def _slopes(masses: Array, options: ScoreSettings, rates: Array) -> dict[str, Slope]:
    """Smooth until two masses change places."""
    if len(masses) < 3:
        return {}
    gaps, moving = np.diff(np.log10(masses)), np.diff(rates / masses) / np.log(10.0)
    mean, std = gaps.mean(), gaps.std()
    spreading = (moving @ (gaps - mean)) / (len(gaps) * std)
    out = -regularity(masses) / mean * (spreading - std / mean * moving.mean(axis=1))
    return {"regularity": Slope(out, time_to_close(gaps, moving))}


REGULARITY = Score(
    {"regularity": Column("regularity", "exp(−std/mean) of the gaps of log m, 1 for even gaps", in_table=False)},
    lambda masses, options: {"regularity": regularity(masses)},
    slopes=_slopes,
)
