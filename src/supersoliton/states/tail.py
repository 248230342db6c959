"""The exponential tail of a localised state, measured and expected."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..problem.asymptotics import gaps_of
from ..problem.exterior import decay_rate, square_root
from ..problem.problem import DiscreteProblem
from ..theory.derivatives import point_kernels

# Range of the field over its maximum in which the tail is fitted: small enough to be linear, not reflected by the box.
_WINDOW = (1e-2, 1e-9)
_SAMPLES = 400
_LINEAR = 0.01  # deviation of V' from its linear form, and the reflected wave, below which the rate must be the mass


class Tail(NamedTuple):
    """The measured decay rate over the expected one (NaN if there is none), and whether the two must agree."""

    ratio: float
    linear: bool = False


def measured_tail(problem: DiscreteProblem, u: Array, multiplier: float) -> Tail:
    r"""Measured decay rate of the slowest field component over the rate implied by the mass gap (exact: 1).

    Far out each eigendirection of W = V''(v) - omega^2 decays as :math:`r^{-\nu}K_\nu(\kappa r)`, nu = d/2 - 1. kappa
    is fitted to -u'/u of the largest component at the radius where nonlinear terms and the reflection from the box
    are smallest, and compared with the square root of its eigenvalue. NaN if there is no such radius. They need not
    agree where V' is not linear in the tail, as for u^2 ln u^2.
    """
    grid = problem.grid
    d = float(grid.dim)
    matrix = gaps_of(problem, multiplier)
    if not np.all(np.isfinite(matrix)) or problem.model.explicit_r or problem.model.ends is not None:
        return Tail(float("nan"))
    from scipy.optimize import brentq  # here: the driver of a scan does without

    gaps, directions = np.linalg.eigh(matrix)
    r = np.linspace(0.0, grid.r_max, _SAMPLES)
    scale = square_root(problem.model.kinetic_at(problem.vacuum.values, grid.r_max))
    away = (grid.interpolate(u, r) - problem.vacuum.values) @ scale @ directions
    slope = grid.interpolate(grid.differentiate(u), r) @ scale @ directions
    size = np.abs(away) / np.max(np.abs(away))
    inside = (size.max(axis=1) < _WINDOW[0]) & (size.max(axis=1) > _WINDOW[1]) & (r > 0) & (r < grid.r_max)
    at = np.flatnonzero(inside)
    component = np.argmax(size[at], axis=1)
    kappa = np.sqrt(np.maximum(gaps[component], 0.0))
    # Relative deviation from the linear tail: nonlinear terms, and the wave reflected by the box.
    deviation = size[at].max(axis=1) + np.exp(-2.0 * kappa * (grid.r_max - r[at]))
    for best in np.argsort(deviation, kind="stable"):
        expected, radius = float(kappa[best]), float(r[at[best]])
        if expected == 0.0:
            continue
        rate = float(-slope[at[best], component[best]] / away[at[best], component[best]])
        low, high = 1e-3 * expected, 1e3 * expected
        if decay_rate(d, low**2, radius) < rate < decay_rate(d, high**2, radius):
            root = brentq(lambda k, x=radius, rate=rate: decay_rate(d, k * k, x) - rate, low, high)
            reflected = math.exp(-2.0 * expected * (grid.r_max - radius))
            linear = max(_nonlinearity(problem, grid.interpolate(u, radius)), reflected) <= _LINEAR
            return Tail(float(root) / expected, bool(linear))
    return Tail(float("nan"))


def _nonlinearity(problem: DiscreteProblem, values: Array) -> float:
    """|V'(u) - V'(v) - V''(v) (u - v)| relative to the last term."""
    kernels, params = point_kernels(problem.model.potential_function), problem.model.params
    vacuum = problem.vacuum.values
    _, (force, background) = kernels.value_and_gradient(np.stack([values, vacuum]), params, np.zeros(2))
    expected = kernels.hessian(vacuum[None], params, np.zeros(1))[0] @ (values - vacuum)
    return float(np.linalg.norm(force - background - expected)) / max(float(np.linalg.norm(expected)), 1e-300)
