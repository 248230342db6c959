r"""How far the true solution of the discrete equations can be: an estimate after Newton and Kantorovich.

With F the force, H its derivative, and norms in H^1 and its dual, let :math:`\eta = \|H^{-1}F\|`,
:math:`\beta = \|H^{-1}\|` and L a Lipschitz constant of H. Where :math:`h = \beta L\eta \le \tfrac12` there is exactly
one solution within

.. math:: \rho = \frac{1 - \sqrt{1 - 2h}}{\beta L}\quad(\approx\eta).

beta is found by power iteration and L along the two directions that matter (the softest mode and the Newton step), so
this is an estimate, not an enclosure. At fixed norm H acts on the tangent space.

Reference: P. Deuflhard, *Newton Methods for Nonlinear Problems* (2004), theorem 2.1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..problem import second_variation
from ..problem.modes import border_of
from ..problem.problem import DiscreteProblem
from ..problem.residual import force, host_metric

_POWER_ITERATIONS = 6
_SAFETY = 4.0  # on the Lipschitz constant, which is sampled in two directions only


class Radius(NamedTuple):
    """h, and the distance to the exact discrete solution relative to the state's size (NaN where h > 1/2)."""

    h: float
    relative: float


def kantorovich_radius(
    problem: DiscreteProblem, u: Array, multiplier: float, factors: second_variation.Factors
) -> Radius:
    """The estimate at ``u``, from the factorised second variation there."""
    matrix, inverse = host_metric(problem.grid)
    mask = problem.free_nodes
    b = border_of(problem, u)
    image = second_variation.solve(factors, b)[:, :, 0] if problem.norm is not None else np.zeros_like(u)
    along = float(np.sum(b * image))

    def apply(load: Array) -> Array:
        x = second_variation.solve(factors, load * mask)[:, :, 0]
        return x - image * (float(np.sum(b * x)) / along) if along else x

    def size(v: Array) -> float:
        return math.sqrt(max(float(np.sum(v * (matrix @ v))), 0.0))

    def dual(f: Array) -> float:
        return math.sqrt(max(float(np.sum(f * (inverse @ f))), 0.0))

    centre = problem.energy_and_gradient(u)[1]
    newton_step = apply(-force(problem, u, centre).vector)
    eta = size(newton_step)
    v = np.random.default_rng(0).normal(size=u.shape) * mask
    beta = 0.0
    for _ in range(_POWER_ITERATIONS):
        v = v / size(v)
        v = apply(matrix @ v)
        beta = size(v)
    v = v / size(v)
    extent = size(u - problem.vacuum.values)
    t = 1e-3 * max(extent, 1e-3)
    lipschitz = 0.0
    for direction in (v, newton_step / eta if eta > 0 else v):
        # |H(u + t w) w - H(u) w| / t, by second differences of the gradient along w: the third derivative of E.
        before, after = (problem.energy_and_gradient(u + s * t * direction)[1] for s in (-1.0, 1.0))
        second = (before - 2.0 * centre + after) * mask / t**2
        lipschitz = max(lipschitz, dual(second))
    lipschitz *= _SAFETY
    h = beta * lipschitz * eta
    if not h <= 0.5 or not math.isfinite(h) or extent == 0.0:
        return Radius(h, float("nan"))
    # (1 - sqrt(1 - 2h)) / (beta L) without cancellation
    return Radius(h, 2.0 * eta / (1.0 + math.sqrt(1.0 - 2.0 * h)) / extent)
