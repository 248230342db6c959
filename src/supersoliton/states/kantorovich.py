r"""Estimated distance to the exact solution of the discrete equations, by the Newton-Kantorovich theorem.

With F the force, H its derivative, and norms in H^1 and its dual, let :math:`\eta = \|H^{-1}F\|`,
:math:`\beta = \|H^{-1}\|` and L a Lipschitz constant of H. If :math:`h = \beta L\eta \le \tfrac12` there is exactly
one solution within the distance

.. math:: \rho = \frac{1 - \sqrt{1 - 2h}}{\beta L}\quad(\approx\eta).

beta is computed by power iteration and L is sampled along the softest mode and the Newton step, so this is an estimate,
not an enclosure. At fixed norm H acts on the tangent space.

Reference: P. Deuflhard, *Newton Methods for Nonlinear Problems* (2004), theorem 2.1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..problem.residual import force, host_metric
from ..problem.tangent_space import TangentSpace

_POWER_ITERATIONS = 6
_SAFETY = 4.0  # factor on the Lipschitz constant, which is sampled in two directions only


class Radius(NamedTuple):
    """h, and the distance to the exact discrete solution relative to the size of the state (NaN if h > 1/2)."""

    h: float
    relative: float


def kantorovich_radius(space: TangentSpace) -> Radius:
    """The estimate at a point, from the tangent space there."""
    problem, u = space.problem, space.u
    matrix, inverse = host_metric(problem.grid)

    def size(v: Array) -> float:
        return math.sqrt(max(float(np.sum(v * (matrix @ v))), 0.0))

    def dual(f: Array) -> float:
        return math.sqrt(max(float(np.sum(f * (inverse @ f))), 0.0))

    centre = problem.energy_and_gradient(u)[1]
    newton_step, _ = space.solve(-force(problem, u, centre).vector)
    eta = size(newton_step)
    _, beta, v = space.inverse_iteration(None, _POWER_ITERATIONS, matrix)
    extent = size(u - problem.vacuum.values)
    t = 1e-3 * max(extent, 1e-3)
    lipschitz = 0.0
    for direction in (v, newton_step / eta if eta > 0 else v):
        # |H(u + t w) w - H(u) w| / t, by second differences of the gradient along w: the third derivative of E.
        before, after = (problem.energy_and_gradient(u + s * t * direction)[1] for s in (-1.0, 1.0))
        second = (before - 2.0 * centre + after) * space.free / t**2
        lipschitz = max(lipschitz, dual(second))
    lipschitz *= _SAFETY
    h = beta * lipschitz * eta
    if not h <= 0.5 or not math.isfinite(h) or extent == 0.0:
        return Radius(h, float("nan"))
    # (1 - sqrt(1 - 2h)) / (beta L) without cancellation
    return Radius(h, 2.0 * eta / (1.0 + math.sqrt(1.0 - 2.0 * h)) / extent)
