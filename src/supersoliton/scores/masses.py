"""Which of the masses of a spectrum are scored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray as Array

_SMALLEST_MASS = 1e-8  # times the largest; below it a "mass" is a zero mode


def distinct(masses: Any) -> Array:
    """The different masses above 1e-8 of the largest, ascending. Raises ValueError for NaN or infinite ones."""
    values = np.asarray(masses, dtype=float).ravel()
    return values[which_distinct(values)]


def which_distinct(values: Array) -> Array:
    """Indices of the different masses, ascending in mass. Raises ValueError for NaN or infinite ones."""
    if not np.all(np.isfinite(values)):
        raise ValueError("masses must be finite numbers; drop NaN and infinite entries before scoring.")
    first = np.unique(values, return_index=True)[1]
    return first[values[first] > _SMALLEST_MASS * np.max(values, initial=0.0)]
