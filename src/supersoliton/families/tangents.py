r"""How a state moves with the couplings: one linear solve each, with one factorisation for all.

Differentiating :math:`F(u, \omega^2; p) = 0` and N(u) = N along a coupling,

.. math:: (E'' - \omega^2M_c)\,\delta - \dot\omega^2M_cu = -\partial_pF - (E'' - \omega^2M_c)\,\dot v,\qquad
          (M_cu)^T\delta = \tfrac12\dot N,\qquad \dot u = \dot v + \delta

with the vacuum's own :math:`\dot v = -V''(v)^{-1}\partial_pV'(v)`. The right-hand side is a central difference of the
gradient: these vectors span a basis (:mod:`..guesses.trained.basis`), where an error of 1e-8 does not matter.
:func:`supersoliton.families.sensitivity` has the exact derivatives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from ..problem import functional, second_variation
from ..problem.modes import border_of
from ..problem.problem import DiscreteProblem
from ..problem.residual import force, shift_of
from ..theory.derivatives import point_kernels
from ..theory.vacua import mass_matrix

_STEP = 1e-5  # relative, of the central difference


def tangents(
    problem: DiscreteProblem, u: Float[Array, "node field"], names: Sequence[str]
) -> Float[Array, "coupling node field"]:
    """dw/dp, w = u - v, of a converged state for each of the couplings (or "norm"), at fixed norm where one is."""
    at = force(problem, u)
    factors = second_variation.factorise(problem, problem.curvature(u), shift_of(problem, at.multiplier))
    sides, aims = [], []
    for name in names:
        if name == "norm":
            sides.append(np.zeros_like(u))
            aims.append(0.5)
        else:
            sides.append(-_force_slope(problem, u, at.multiplier, name))
            aims.append(0.0)
    if problem.norm is None:
        return np.moveaxis(second_variation.solve(factors, *sides), 2, 0)
    border = border_of(problem, u)
    solved = np.moveaxis(second_variation.solve(factors, border, *sides), 2, 0)
    image, along = solved[0], float(np.sum(border * solved[0]))
    rates = [(aim - float(np.sum(border * x))) / along for aim, x in zip(aims, solved[1:], strict=True)]
    return np.stack([x + rate * image for rate, x in zip(rates, solved[1:], strict=True)])


def _force_slope(problem: DiscreteProblem, u: Array, multiplier: float, name: str) -> Array:
    """dF/dp along the motion of the vacuum, zero where values are held."""
    gradient = functional.potential_kernels(problem.model.potential_function)[1]
    value = float(problem.model.params[name])
    h = _STEP * max(abs(value), 1e-3)
    drift = _vacuum_slope(problem, name, h)
    ends = []
    for sign in (1.0, -1.0):
        theory = problem.theory._replace(
            params={**problem.model.params, name: value + sign * h}, vacuum=problem.vacuum.values + sign * h * drift
        )
        ends.append(gradient(problem.geometry, theory, u + sign * h * drift)[1])
    carried = multiplier * problem.carries_norm * (problem.grid.mass @ np.broadcast_to(drift, u.shape))
    return ((ends[0] - ends[1]) / (2.0 * h) - carried) * problem.free_nodes


def _vacuum_slope(problem: DiscreteProblem, name: str, h: float) -> Array:
    """dv/dp; zero for the fields that carry a norm, which are held at 0."""
    kernels = point_kernels(problem.model.potential_function)
    vacuum, params, r = problem.vacuum.values, problem.model.params, problem.grid.r_max
    out = np.zeros(len(vacuum))
    if not isinstance(problem.boundary, str) or problem.background is not None:
        return out  # the boundary values were given
    held = problem.carries_norm > 0 if problem.norm is not None else np.zeros(len(vacuum), bool)
    ends = [
        kernels.gradient(vacuum[None], {**params, name: float(params[name]) + sign * h}, np.array([r]))[0]
        for sign in (1.0, -1.0)
    ]
    slope = (ends[0] - ends[1]) / (2.0 * h)
    free = np.flatnonzero(~held)
    if len(free) and np.any(slope[free]):
        # the mass matrix is k^-1/2 V'' k^-1/2
        root = np.sqrt(problem.model.kinetic)
        curvature = root[:, None] * mass_matrix(problem.model, vacuum, r) * root
        out[free] = -np.linalg.solve(curvature[np.ix_(free, free)], slope[free])
    return out
