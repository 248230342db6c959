"""What a physicist reads off a state and its vacuum, in any theory."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq

from ..problem.problem import DiscreteProblem
from ..theory.vacua import mass_matrix

_SAMPLES = 500


def size(state: Any) -> float:
    """Radius at which the strength sqrt(sum Psi^2) of the carrying fields has fallen to half of its largest value.

    The outermost such radius; NaN where the fields vanish or do not fall (a vacuum, a condensate).
    """
    problem: DiscreteProblem = state.problem
    carriers = problem.carries_norm > 0
    r = np.linspace(0.0, problem.grid.r_max, _SAMPLES)

    def strength(radius: Any) -> Any:
        away = state(radius)[..., carriers] - problem.vacuum.values[carriers]
        return np.sqrt(np.sum(away**2, axis=-1))

    values = strength(r)
    half = 0.5 * float(np.max(values))
    above = np.flatnonzero(values > half)
    if half < 1e-6 or len(above) == 0 or above[-1] == _SAMPLES - 1:
        return float("nan")
    last = above[-1]
    return float(brentq(lambda x: float(strength(np.array(x))) - half, r[last], r[last + 1]))


def lightest_squared(problem: DiscreteProblem) -> float:
    """The smallest mass squared of the vacuum (negative: the vacuum is unstable); NaN where V'' is not finite there."""
    matrix = mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max)
    return float(np.linalg.eigh(matrix)[0][0]) if np.all(np.isfinite(matrix)) else float("nan")
