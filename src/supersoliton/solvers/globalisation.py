"""When a step towards a minimum is taken, and how the shift sigma moves: for one run and for many in step.

``xp`` is ``numpy``, with numbers, or ``jax.numpy``, with traced values: every rule is arithmetic and ``where``.
"""

from __future__ import annotations

from typing import Any

NEAR = 1e-2  # residual below which a start is close to a minimum: Newton's method at once, sigma = 0
STALLED = 1e8  # sigma above which no step lowers the energy
# Energies agree to rounding when they differ by less than this fraction of T + int|V|.
ROUNDING = 1e-13
# Below this residual steps are judged by the residual: the energy's change is lost in rounding.
_ASYMPTOTIC = 1e-7


def first_shift(xp: Any, residual: Any) -> Any:
    """A generic start is far from a minimum: begin with the flow unless the residual is already small.

    The unit is mass^2; sigma = 1 was the most reliable of 0 to 20 on the reference Q-balls.
    """
    return xp.where(residual < NEAR, 0.0, 1.0)


def is_asymptotic(residual: Any) -> Any:
    return residual < _ASYMPTOTIC


def promised_by(slope: Any, sigma: Any, length: Any) -> Any:
    """The change of energy in the quadratic model, for a step of this slope and L2 length at shift sigma."""
    return 0.5 * slope - 0.5 * sigma * length**2


def agreement(xp: Any, *, promised: Any, gained: Any, residual: Any, new_residual: Any, scale: Any) -> Any:
    """(energy gained) / (energy promised), 0 where the step is refused; ``scale`` is T + int|V|.

    Where energies cannot tell, 1 or 0 as the residual falls or not.
    """
    blind = is_asymptotic(residual) | (abs(promised) < ROUNDING * scale)
    ratio = gained / xp.where(promised == 0.0, 1.0, promised)
    by_energy = xp.where(gained <= 0.0, ratio, 0.0)
    return xp.where(blind, xp.where(new_residual < residual, 1.0, 0.0), by_energy)


def shift_after_success(xp: Any, sigma: Any, agreed: Any, residual: Any) -> Any:
    """Where the quadratic model is good the time step 1/sigma is lengthened, in the end to infinity."""
    lower = xp.where((residual > 1e-3) & (sigma > 1e-3), 0.2 * sigma, 0.0)
    raised = xp.where(agreed < 0.25, xp.maximum(2.0 * sigma, 0.03), sigma)
    return xp.where(agreed > 0.5, lower, raised)


def shift_after_refusal(xp: Any, sigma: Any) -> Any:
    return xp.maximum(4.0 * sigma, 0.03)
