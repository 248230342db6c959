r"""Newton's method within a basis: the discrete equation projected on the states that a branch can have.

For :math:`u = v + \bar w + \sum_kc_k\phi_k` the Galerkin equations are :math:`\phi_k^TF(u) = 0`, and a step solves

.. math:: \Phi^T(E'' - \omega^2M_c)\Phi\,\delta - \dot\omega^2\,\Phi^TM_cu = -\Phi^TF,\qquad
          (M_cu)^T\Phi\,\delta = \tfrac12(N - N(u)),

a system of some sixty unknowns instead of a thousand. The energy is the one of the whole mesh, so what this cannot
reach is what the basis cannot represent; Newton's method on the mesh does the rest.
"""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array
from scipy.linalg import LinAlgWarning, lu_factor, lu_solve

from ..problem import Problem
from ..warm_start.analytic import scale_to_norm
from ..warm_start.basis import Basis
from .base import Force, force
from .modes import border_of

_GAINED = 0.5  # a step that does not bring the error below this fraction of it is the last with its factors
_SHORT = 0.2  # times the error, relative: steps shorter than this do not lessen it
ENOUGH = 5e-4  # residual from which Newton's method on the mesh takes as many steps as from one ten times smaller


class Point(NamedTuple):
    """Fields on the mesh, at the norm where one is fixed, made of coefficients; their force and energy."""

    u: Array
    at: Force
    coefficients: Array
    energy: float


def point_at(problem: Problem, basis: Basis, coefficients: Array) -> Point:
    """The fields of coefficients, scaled to the norm where one is fixed."""
    u = problem.vacuum.values + basis.expand(coefficients)
    if problem.norm is not None and problem.norm_of_state(u) > 0:
        u = scale_to_norm(problem, u)
    energy, gradient = problem.energy_and_gradient(u)
    return Point(u, force(problem, u, gradient), coefficients, energy)


def correct(problem: Problem, basis: Basis, start: Point, steps: int, enough: float = ENOUGH) -> Point:
    """At most so many Newton steps from ``start``, each with more by the same factors as long as these help.

    It ends where the error is below ``enough``, or where the basis has no more.
    """
    best, factors = _at(problem, basis, start.coefficients), None
    while best.error >= enough:
        fresh = factors is None
        if factors is None:
            if steps == 0:
                break
            steps -= 1
            factors = _factorise(problem, basis, best)
        step = _step(problem, basis, best, factors)
        moved = _at(problem, basis, best.coefficients + step)
        gained = moved.error < _GAINED * best.error
        # a step much shorter than the error takes nothing from it: what is left lies outside of the basis
        reached = float(np.linalg.norm(step)) < _SHORT * best.error * best.size
        best = min(best, moved, key=lambda here: here.error)
        if not gained:
            if fresh or reached:
                break
            factors = None
    if best.coefficients is start.coefficients:
        return start
    end = point_at(problem, basis, best.coefficients)
    return end if end.at.residual < start.at.residual else start


class _Here(NamedTuple):
    """A point of the space of the basis; scaled to the norm it would leave it, and steps would only converge linearly.

    ``error``: its residual, and what the size of the fields is wrong by at a fixed norm (relative). ``size``: its L2
    norm, as that of a step is the Euclidean one of its coefficients.
    """

    coefficients: Array
    u: Array
    at: Force
    error: float
    size: float


def _at(problem: Problem, basis: Basis, coefficients: Array) -> _Here:
    w = basis.expand(coefficients)
    u = problem.vacuum.values + w
    at = force(problem, u)
    off = 0.0 if problem.norm is None else 0.5 * abs(1.0 - problem.norm_of_state(u) / float(problem.norm))
    error = float(at.residual) + off
    size = math.sqrt(float(np.sum(w * (basis.grid.mass @ w))))
    return _Here(coefficients, u, at, error if math.isfinite(error) else math.inf, size)


def _factorise(problem: Problem, basis: Basis, here: _Here) -> tuple[Array, Array]:
    """LU factors of the second variation in the basis, bordered by the norm.

    The potential's part of it, most of the work, in single precision: a step errs by more than 1e-6 of itself anyway.
    """
    geo = problem.geometry
    n, k = basis.modes.shape[1:]
    curvature = problem.curvature(here.u).reshape(-1, n, n) * geo.weights.reshape(-1, 1, 1)
    phi = basis.at_points
    moved = curvature.astype(np.float32) @ phi
    matrix = (phi.reshape(-1, k).T @ moved.reshape(-1, k)).astype(float)
    matrix += basis.stiffness(problem.model.kinetic)
    matrix -= here.at.multiplier * basis.mass(problem.carries_norm)
    last = basis.modes[-1]
    matrix += last.T @ problem.theory.exterior @ last
    if problem.norm is not None:
        border = np.tensordot(border_of(problem, here.u), basis.modes, 2)
        matrix = np.block([[matrix, border[:, None]], [border[None], np.zeros((1, 1))]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LinAlgWarning)  # an exact zero of the pivots: its step is not finite
        return lu_factor(matrix, check_finite=False)  # type: ignore[return-value]


def _step(problem: Problem, basis: Basis, here: _Here, factors: tuple[Array, Array]) -> Array:
    """Newton's step for the coefficients; zeros where the equations are singular."""
    rhs = -np.tensordot(here.at.vector, basis.modes, 2)
    if problem.norm is not None:
        rhs = np.append(rhs, 0.5 * (float(problem.norm) - problem.norm_of_state(here.u)))
    step = lu_solve(factors, rhs, check_finite=False)[: basis.size]
    return step if np.all(np.isfinite(step)) else np.zeros(basis.size)
