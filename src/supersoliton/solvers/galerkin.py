r"""Newton's method within a basis: the discrete equation projected on the states that a branch can have.

For :math:`u = v + \bar w + \sum_kc_k\phi_k` the Galerkin equations are :math:`\phi_k^TF(u) = 0`, and a step solves

.. math:: \Phi^T(E'' - \omega^2M_c)\Phi\,\delta - \dot\omega^2\,\Phi^TM_cu = -\Phi^TF,\qquad
          (M_cu)^T\Phi\,\delta = \tfrac12(N - N(u)),

a system of some sixty unknowns instead of a thousand. The energy is the one of the whole mesh, so what this cannot
reach is what the basis cannot represent; Newton's method on the mesh does the rest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..problem import Problem
from ..warm_start.analytic import scale_to_norm
from ..warm_start.basis import Basis
from .base import Force, force
from .modes import border_of

_GAINED = 0.5  # a step that does not bring the residual below this fraction of it is the last: the basis has no more
_ENOUGH = (
    1e-4  # residual from which Newton's method on the mesh takes two steps, as it would from one ten times smaller
)


class Point(NamedTuple):
    """Fields on the mesh, at the norm where one is fixed, with their force and the coefficients they are made of."""

    u: Array
    at: Force
    coefficients: Array


def point_at(problem: Problem, basis: Basis, coefficients: Array) -> Point:
    """The fields of coefficients, scaled to the norm where one is fixed."""
    u = problem.vacuum.values + basis.expand(coefficients)
    if problem.norm is not None and problem.norm_of_state(u) > 0:
        u = scale_to_norm(problem, u)
    return Point(u, force(problem, u), coefficients)


def correct(problem: Problem, basis: Basis, start: Point, steps: int, enough: float = _ENOUGH) -> Point:
    """At most so many steps from ``start``, fewer where the residual falls below ``enough`` or not any further."""
    best, coefficients = start, start.coefficients
    for _ in range(steps):
        if best.at.residual < enough:
            break
        coefficients = coefficients + _step(problem, basis, coefficients)
        moved = point_at(problem, basis, coefficients)
        if not moved.at.residual < best.at.residual:
            break
        gained = moved.at.residual < _GAINED * best.at.residual
        best = moved
        if not gained:
            break
    return best


def _step(problem: Problem, basis: Basis, coefficients: Array) -> Array:
    """Newton's step for the coefficients; zeros where the equations are singular."""
    geo, kinetic = problem.geometry, problem.model.kinetic
    n, k = basis.modes.shape[1:]
    # not scaled to the norm: that would leave the space of the basis, and the step would only converge linearly
    u = problem.vacuum.values + basis.expand(coefficients)
    at = force(problem, u)
    curvature = problem.curvature(u).reshape(-1, n, n) * geo.weights.reshape(-1, 1, 1)
    phi = basis.at_points
    matrix = phi.reshape(-1, k).T @ (curvature @ phi).reshape(-1, k)
    matrix += np.tensordot(kinetic, basis.stiffness, 1)
    matrix -= at.multiplier * np.tensordot(problem.carries_norm, basis.mass, 1)
    last = basis.modes[-1]
    matrix += last.T @ problem.theory.exterior @ last
    rhs = -np.tensordot(at.vector, basis.modes, 2)
    if problem.norm is not None:
        border = np.tensordot(border_of(problem, u), basis.modes, 2)
        matrix = np.block([[matrix, border[:, None]], [border[None], np.zeros((1, 1))]])
        rhs = np.append(rhs, 0.5 * (float(problem.norm) - problem.norm_of_state(u)))
    try:
        step = np.linalg.solve(matrix, rhs)[:k]
    except np.linalg.LinAlgError:
        return np.zeros(k)
    return step if np.all(np.isfinite(step)) else np.zeros(k)
