r"""Newton's method within a basis: the discrete equation projected on the states that a branch can have.

For :math:`u = v + \bar w + \sum_kc_k\phi_k` the Galerkin equations are :math:`\phi_k^TF(u) = 0`, and a step solves

.. math:: \Phi^T(E'' - \omega^2M_c)\Phi\,\delta - \dot\omega^2\,\Phi^TM_cu = -\Phi^TF,\qquad
          (M_cu)^T\Phi\,\delta = \tfrac12(N - N(u)),

a system of some sixty unknowns instead of a thousand. The energy is the one of the whole mesh, so what this cannot
reach is what the basis cannot represent; Newton's method on the mesh does the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy import ndarray as Array
from scipy.linalg.lapack import dgetrf, dgetrs

from ...machine.batching import cached_property
from ...problem.problem import DiscreteProblem
from ...problem.residual import Force, force
from ...problem.tangent_space import Bordered, constraints_of
from .basis import Basis

_GAINED = 0.5  # a step that does not bring the error below this fraction of it is the last with its factors
_SHORT = 0.2  # times the error, relative: steps shorter than this do not lessen it
# Newton's method is quadratic: a step of relative length s leaves at most this times s^2, and what lies outside of
# the basis (quickstart's box, 588 steps from 0.001 to 0.03: 1.1 in the median, 2.7 for 95 %, 6.5 at most).
_QUADRATIC = 7.0
# A step with a predicted second variation leaves this of an error below 0.01, or less, in 94 cases of 100 (quickstart's
# box, 125 starts by networks; 0.01 in the median).
_LEFT = 0.05
TOLERANCE = 5e-4  # residual from which Newton's method on the mesh takes as many steps as from one ten times smaller


@dataclass(frozen=True, eq=False)
class GalerkinPoint:
    """A point of the space of the basis, made of its coefficients; what is asked of it is computed then.

    Steps are taken from the fields as they are made: scaled to the norm they would leave the space, and steps would
    only converge linearly.
    """

    problem: DiscreteProblem
    basis: Basis
    coefficients: Array

    @cached_property
    def made(self) -> Array:
        """The fields that the coefficients make, (n_nodes, n_fields)."""
        return np.asarray(self.problem.vacuum.values + self.basis.expand(self.coefficients))

    @cached_property
    def u(self) -> Array:
        """The same at the norm where one is fixed."""
        if self.problem.norm is None or not self.norm > 0.0:
            return self.made
        scale = math.sqrt(float(self.problem.norm) / self.norm)
        return np.where(self.problem.carries_norm > 0, scale * self.made, self.made)

    @cached_property
    def norm(self) -> float:
        """N of the fields as made, where a norm is fixed."""
        return self.problem.norm_of_state(self.made)

    @cached_property
    def size(self) -> float:
        """The L2 norm of what differs from the vacuum, as that of a step is the Euclidean one of its coefficients."""
        w = self.made - self.problem.vacuum.values
        return math.sqrt(float(np.sum(w * (self.basis.grid.mass @ w))))

    @cached_property
    def _evaluated(self) -> tuple[float, Force]:
        energy, gradient = self.problem.energy_and_gradient(self.made)
        return energy, force(self.problem, self.made, gradient)

    @property
    def at(self) -> Force:
        """The force of the fields as made."""
        return self._evaluated[1]

    @cached_property
    def error(self) -> float:
        """The residual, and what the size of the fields is wrong by at a fixed norm (relative)."""
        off = 0.0 if self.problem.norm is None else 0.5 * abs(1.0 - self.norm / float(self.problem.norm))
        error = float(self.at.residual) + off
        return error if math.isfinite(error) else math.inf

    @property
    def energy(self) -> float:
        """At the norm where one is fixed: dE/dN is half the multiplier."""
        energy = self._evaluated[0]
        if self.problem.norm is None:
            return energy
        return energy + 0.5 * float(self.at.multiplier) * (float(self.problem.norm) - self.norm)


def correct(
    start: GalerkinPoint, steps: int, enough: float = TOLERANCE, predicted: Array | None = None
) -> GalerkinPoint:
    """At most so many Newton steps from ``start``.

    Reuses the factors while the error falls; stops below ``enough`` or at the accuracy of the basis. The residual after
    a step that is known to suffice is not evaluated here. ``predicted``: a second variation in the basis, (mode, mode),
    whose factors are used first.
    """
    best = start
    factors = None if predicted is None or steps == 0 else _factorise(start, predicted)
    given = factors is not None
    unseen = given and _LEFT * start.error < enough
    while best.error >= enough:
        fresh = factors is None
        if factors is None:
            if steps == 0:
                break
            steps, given = steps - 1, False
            factors = _factorise(best, variation(best))
        step = _step(best, factors)
        moved = GalerkinPoint(best.problem, best.basis, best.coefficients + step)
        length = float(np.linalg.norm(step))
        if unseen or (fresh and _QUADRATIC * length**2 < enough * best.size**2):
            return moved
        gained = moved.error < _GAINED * best.error
        # a step much shorter than the error takes nothing from it: what is left lies outside of the basis
        reached = not given and length < _SHORT * best.error * best.size
        best = min(best, moved, key=lambda here: here.error)
        if not gained:
            if fresh or reached:
                break
            factors = None
    return best


def variation(here: GalerkinPoint) -> Array:
    """The second variation in the basis, (mode, mode).

    The potential's part of it, most of the work, in single precision: a step errs by more than 1e-6 of itself anyway.
    """
    problem, basis = here.problem, here.basis
    n, k = basis.modes.shape[1:]
    shapes = basis.at_points
    moved = problem.curvature(here.made).astype(np.float32).reshape(-1, n, n) @ shapes
    matrix = (shapes.reshape(-1, k).T @ moved.reshape(-1, k)).astype(float)
    matrix += basis.stiffness(problem.model.kinetic)
    matrix -= here.at.multiplier * basis.mass(problem.carries_norm)
    last = basis.modes[-1]
    matrix += last.T @ problem.theory.exterior @ last
    return matrix


def _factorise(here: GalerkinPoint, inner: Array) -> Bordered:
    """A second variation in the basis by its LU factors, bordered by the norm."""
    factors, pivots, _ = dgetrf(inner.T)  # symmetric; with an exact zero among the pivots its step is not finite
    borders = _in_basis(here.basis, constraints_of(here.problem, here.made))
    return Bordered(lambda loads: np.asarray(dgetrs(factors, pivots, loads)[0]), borders)


def _step(here: GalerkinPoint, system: Bordered) -> Array:
    """Newton's step for the coefficients; zeros where the equations are singular."""
    missing = 0.0 if here.problem.norm is None else 0.5 * (float(here.problem.norm) - here.norm)
    with np.errstate(all="ignore"):
        step, _ = system.solve(-_in_basis(here.basis, here.at.vector), missing)
    return step if np.all(np.isfinite(step)) else np.zeros(here.basis.size)


def _in_basis(basis: Basis, vector: Array) -> Array:
    """phi_k . vector for every mode, of nodal values; of several vectors (node, field, column): (mode, column)."""
    unknowns = vector.shape[0] * vector.shape[1]
    return np.asarray(basis.modes.reshape(unknowns, -1).T @ vector.reshape(unknowns, *vector.shape[2:]))
