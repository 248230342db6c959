r"""Newton's method in the reduced basis of a branch: the Galerkin projection of the discrete equation.

For :math:`u = v + \bar w + \sum_kc_k\phi_k` the Galerkin equations are :math:`\phi_k^TF(u) = 0`, and a step solves

.. math:: \Phi^T(E'' - \omega^2M_c)\Phi\,\delta - \dot\omega^2\,\Phi^TM_cu = -\Phi^TF,\qquad
          (M_cu)^T\Phi\,\delta = \tfrac12(N - N(u)),

a system of about sixty unknowns instead of a thousand. Forces are those of the full mesh, so the only error is that of
the basis, which Newton's method on the mesh removes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy import ndarray as Array
from scipy.linalg.lapack import dgetrf, dgetrs

from ...problem.problem import DiscreteProblem
from ...problem.residual import Force, force
from ...problem.tangent_space import Bordered, constraints_of
from .basis import Basis

_REDUCTION = 0.5  # the factors are reused while a step reduces the error to less than this fraction
_SHORT = 0.2  # steps shorter than this times the error (both relative) do not reduce it
# Newton's method is quadratic: after a step of relative length s the error is at most this times s^2, plus that of the
# basis (quickstart's box, 588 steps from 0.001 to 0.03: median 1.1, 95 % below 2.7, largest 6.5).
_QUADRATIC = 7.0
# A step with a predicted second variation reduces an error below 0.01 to this fraction or less in 94 % of cases
# (quickstart's box, 125 starts from networks; median 0.01).
_PREDICTED_REDUCTION = 0.05
TOLERANCE = 5e-4  # residual below which a smaller one (by up to ten times) saves no Newton step on the mesh


@dataclass(frozen=True, eq=False)
class GalerkinPoint:
    """Fields in the span of the basis, by their coefficients; derived quantities are computed on first access.

    Newton steps start from the fields before they are scaled to the norm: scaled fields are outside of the span, and
    steps from them converge only linearly.
    """

    problem: DiscreteProblem
    basis: Basis
    coefficients: Array

    @cached_property
    def unscaled(self) -> Array:
        """The fields before scaling, (n_nodes, n_fields)."""
        return np.asarray(self.problem.vacuum.values + self.basis.expand(self.coefficients))

    @cached_property
    def u(self) -> Array:
        """The fields, scaled to the problem's norm if it has one, (n_nodes, n_fields)."""
        if self.problem.norm is None or not self.norm > 0.0:
            return self.unscaled
        scale = math.sqrt(float(self.problem.norm) / self.norm)
        return np.where(self.problem.carries_norm > 0, scale * self.unscaled, self.unscaled)

    @cached_property
    def norm(self) -> float:
        """N of the fields before scaling."""
        return self.problem.norm_of_state(self.unscaled)

    @cached_property
    def size(self) -> float:
        """The L2 norm of the fields less their vacuum; that of a step is the Euclidean norm of its coefficients."""
        w = self.unscaled - self.problem.vacuum.values
        return math.sqrt(float(np.sum(w * (self.basis.grid.mass @ w))))

    @cached_property
    def _evaluated(self) -> tuple[float, Force]:
        energy, gradient = self.problem.energy_and_gradient(self.unscaled)
        return energy, force(self.problem, self.unscaled, gradient)

    @property
    def unscaled_force(self) -> Force:
        """The force of the fields before scaling."""
        return self._evaluated[1]

    @cached_property
    def error(self) -> float:
        """The residual plus, at fixed norm, the relative error of the amplitude."""
        off = 0.0 if self.problem.norm is None else 0.5 * abs(1.0 - self.norm / float(self.problem.norm))
        error = float(self.unscaled_force.residual) + off
        return error if math.isfinite(error) else math.inf

    @property
    def energy(self) -> float:
        """The energy; at fixed norm extrapolated to that norm, with dE/dN half the multiplier."""
        energy = self._evaluated[0]
        if self.problem.norm is None:
            return energy
        return energy + 0.5 * float(self.unscaled_force.multiplier) * (float(self.problem.norm) - self.norm)


def correct(
    start: GalerkinPoint, steps: int, tolerance: float = TOLERANCE, predicted: Array | None = None
) -> GalerkinPoint:
    """Newton steps in the basis, with at most ``steps`` factorisations.

    Reuses the factors while the error falls; stops below ``tolerance`` or at the accuracy of the basis. The residual
    after the last step is not evaluated if an estimate of it is below ``tolerance``. ``predicted``: a second variation
    in the basis, (mode, mode), whose factors are used first.
    """
    best = start
    factors = None if predicted is None or steps == 0 else _factorise(start, predicted)
    from_prediction = factors is not None
    converges_at_once = from_prediction and _PREDICTED_REDUCTION * start.error < tolerance
    while best.error >= tolerance:
        fresh = factors is None
        if factors is None:
            if steps == 0:
                break
            steps, from_prediction = steps - 1, False
            factors = _factorise(best, variation(best))
        step = _step(best, factors)
        moved = GalerkinPoint(best.problem, best.basis, best.coefficients + step)
        length = float(np.linalg.norm(step))
        if converges_at_once or (fresh and _QUADRATIC * length**2 < tolerance * best.size**2):
            return moved
        reduced = moved.error < _REDUCTION * best.error
        # a step much shorter than the error does not reduce it: the rest is the error of the basis
        reached = not from_prediction and length < _SHORT * best.error * best.size
        best = min(best, moved, key=lambda point: point.error)
        if not reduced:
            if fresh or reached:
                break
            factors = None
    return best


def variation(point: GalerkinPoint) -> Array:
    """The second variation in the basis, (mode, mode).

    Most of the work is the part of the potential. It is done in single precision: its error of 1e-6 is small compared
    with the error of a Newton step.
    """
    problem, basis = point.problem, point.basis
    n, k = basis.modes.shape[1:]
    shapes = basis.at_points
    moved = problem.curvature(point.unscaled).astype(np.float32).reshape(-1, n, n) @ shapes
    matrix = (shapes.reshape(-1, k).T @ moved.reshape(-1, k)).astype(float)
    matrix += basis.stiffness(problem.model.kinetic)
    matrix -= point.unscaled_force.multiplier * basis.mass(problem.carries_norm)
    last = basis.modes[-1]
    matrix += last.T @ problem.theory.exterior @ last
    return matrix


def _factorise(point: GalerkinPoint, inner: Array) -> Bordered:
    """The LU factors of a second variation in the basis, bordered by the norm."""
    factors, pivots, _ = dgetrf(inner.T)  # symmetric; an exact zero among the pivots makes the step infinite
    borders = _in_basis(point.basis, constraints_of(point.problem, point.unscaled))
    return Bordered(lambda loads: np.asarray(dgetrs(factors, pivots, loads)[0]), borders)


def _step(point: GalerkinPoint, system: Bordered) -> Array:
    """Newton's step for the coefficients; zeros if the equations are singular."""
    missing = 0.0 if point.problem.norm is None else 0.5 * (float(point.problem.norm) - point.norm)
    with np.errstate(all="ignore"):
        step, _ = system.solve(-_in_basis(point.basis, point.unscaled_force.vector), missing)
    return step if np.all(np.isfinite(step)) else np.zeros(point.basis.size)


def _in_basis(basis: Basis, vector: Array) -> Array:
    """phi_k . vector for every mode: (node, field) -> (mode), or (node, field, column) -> (mode, column)."""
    unknowns = vector.shape[0] * vector.shape[1]
    return np.asarray(basis.modes.reshape(unknowns, -1).T @ vector.reshape(unknowns, *vector.shape[2:]))
