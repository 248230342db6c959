"""Observables of a state in any theory: radii, and the lightest mass of the vacuum."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..problem.problem import DiscreteProblem
from ..problem.scales import reduced
from ..theory.vacua import mass_matrix

_SAMPLES = 500


def core_radius(problem: DiscreteProblem, u: Array) -> float:
    """Radius of the last node where |u - u_infinity| exceeds half of its maximum (:func:`size` to mesh resolution)."""
    return float(problem.grid.nodes[_last_above_half(np.linalg.norm(u - problem.vacuum.values, axis=1))])


def size(state: Any) -> float:
    """Outermost radius at which sqrt(sum (u - u_infinity)^2) over the fields that carry the norm is half its maximum.

    NaN if the fields vanish or do not fall to half (a vacuum, a condensate).
    """
    return half_radius(state, state.problem.carries_norm > 0)


def half_radius(state: Any, of: Array) -> float:
    """:func:`size` for the fields in the mask ``of``."""
    problem: DiscreteProblem = state.problem
    r = np.linspace(0.0, problem.grid.r_max, _SAMPLES)

    def strength(radius: Any) -> Any:
        away = problem.grid.interpolate(state.u, radius)[..., of] - problem.vacuum.values[of]
        return np.sqrt(np.sum(away**2, axis=-1))

    values = strength(r)
    half = 0.5 * float(np.max(values))
    if not half >= 1e-6 * reduced(problem)[1].field or (last := _last_above_half(values)) == _SAMPLES - 1:
        return float("nan")
    from scipy.optimize import brentq  # here: the driver of a scan does without

    return float(brentq(lambda x: float(strength(np.array(x))) - half, r[last], r[last + 1], xtol=1e-15 * float(r[-1])))


def _last_above_half(strength: Array) -> int:
    """Index of the last value above half of the maximum."""
    return int(np.flatnonzero(strength > 0.5 * np.max(strength))[-1])


def lightest_squared(problem: DiscreteProblem) -> float:
    """The smallest mass squared of the vacuum (negative for an unstable one); NaN if V'' is not finite there."""
    matrix = mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max)
    return float(np.linalg.eigh(matrix)[0][0]) if np.all(np.isfinite(matrix)) else float("nan")
