"""Globalisation of Newton's method for minima: acceptance of steps and update of the shift sigma.

``xp`` is ``numpy`` for numbers or ``jax.numpy`` for traced values: every rule is arithmetic and ``where``.
"""

from __future__ import annotations

from typing import Any

NEAR = 1e-2  # residual below which a start is close to a minimum: sigma = 0 from the first step
STALLED = 1e8  # sigma above which no step lowers the energy
# Energies that differ by less than this fraction of T + int|V| are equal to rounding.
ROUNDING = 1e-13
# Below this residual steps are judged by the residual, because the change of energy is lost in rounding.
_ASYMPTOTIC = 1e-7


def first_shift(xp: Any, residual: Any) -> Any:
    """The first shift, in mass^2: 0 near a minimum, else 1.

    sigma = 1 was the most reliable value from 0 to 20 on the reference Q-balls.
    """
    return xp.where(residual < NEAR, 0.0, 1.0)


def is_asymptotic(residual: Any) -> Any:
    return residual < _ASYMPTOTIC


def predicted_change(slope: Any, sigma: Any, length: Any) -> Any:
    """The change of energy in the quadratic model, for a step with this slope and L2 length at shift sigma."""
    return 0.5 * slope - 0.5 * sigma * length**2


def agreement(xp: Any, *, predicted: Any, change: Any, residual: Any, new_residual: Any, scale: Any) -> Any:
    """(change of energy) / (predicted change), 0 for a refused step; ``scale`` is T + int|V|.

    If the change is below rounding: 1 if the residual falls, else 0.
    """
    below_rounding = is_asymptotic(residual) | (abs(predicted) < ROUNDING * scale)
    ratio = change / xp.where(predicted == 0.0, 1.0, predicted)
    by_energy = xp.where(change <= 0.0, ratio, 0.0)
    return xp.where(below_rounding, xp.where(new_residual < residual, 1.0, 0.0), by_energy)


def shift_after_success(xp: Any, sigma: Any, agreed: Any, residual: Any) -> Any:
    """The shift after an accepted step: lower, finally 0, where the quadratic model is good."""
    lower = xp.where((residual > 1e-3) & (sigma > 1e-3), 0.2 * sigma, 0.0)
    raised = xp.where(agreed < 0.25, xp.maximum(2.0 * sigma, 0.03), sigma)
    return xp.where(agreed > 0.5, lower, raised)


def shift_after_refusal(xp: Any, sigma: Any) -> Any:
    return xp.maximum(4.0 * sigma, 0.03)
