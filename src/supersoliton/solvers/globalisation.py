"""Globalisation of Newton's method for minima: acceptance of steps and update of the shift sigma."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

NEAR = 1e-2  # residual below which a start is close to a minimum: sigma = 0 from the first step
STALLED = 1e8  # sigma above which no step lowers the energy
# Energies that differ by less than this fraction of T + int|V| are equal to rounding.
ROUNDING = 1e-13
# Below this residual steps are judged by the residual, because the change of energy is lost in rounding.
_ASYMPTOTIC = 1e-7


def first_shift(residual: float | Array) -> Array:
    """The first shift, in mass^2: 0 near a minimum, else 1.

    sigma = 1 was the most reliable value from 0 to 20 on the reference Q-balls.
    """
    return np.where(residual < NEAR, 0.0, 1.0)


def is_asymptotic(residual: float) -> bool:
    return residual < _ASYMPTOTIC


def predicted_change(slope: float, sigma: float, length: float) -> float:
    """The change of energy in the quadratic model, for a step with this slope and L2 length at shift sigma."""
    return 0.5 * slope - 0.5 * sigma * length * length


def agreement(*, predicted: float, change: float, residual: float, new_residual: float, scale: float) -> float:
    """(change of energy) / (predicted change), 0 for a refused step; ``scale`` is T + int|V|.

    If the change is below rounding: 1 if the residual falls, else 0.
    """
    if is_asymptotic(residual) or abs(predicted) < ROUNDING * scale:
        return 1.0 if new_residual < residual else 0.0
    return change / (predicted or 1.0) if change <= 0.0 else 0.0


def shift_after_success(sigma: float, agreed: float, residual: float) -> float:
    """The shift after an accepted step: lower, finally 0, where the quadratic model is good."""
    if agreed > 0.5:
        return 0.2 * sigma if residual > 1e-3 and sigma > 1e-3 else 0.0
    return max(2.0 * sigma, 0.03) if agreed < 0.25 else sigma


def shift_after_refusal(sigma: float | Array) -> Array:
    return np.asarray(np.maximum(4.0 * sigma, 0.03))
