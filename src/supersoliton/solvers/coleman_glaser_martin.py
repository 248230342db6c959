r"""The saddle of least action by descent on the scale-free functional of Coleman, Glaser and Martin.

With T the gradient and U the potential energy, the largest energy of u(r/s) over all sizes s is, for d > 2,

.. math:: \hat S[u] = \frac{2T}{d}\,\lambda^{(d-2)/2},\qquad \lambda = \frac{(d-2)T}{-d\,U} \quad (U < 0).

Its minimum over shapes solves :math:`\nabla^2u = \lambda V'`; r -> sqrt(lambda) r makes it the bounce, a stationary
point of E with one negative mode (the size). Steps solve

.. math:: \Big(T'' + \lambda U'' + \sigma M - \frac{T'T'^T}{T} + \frac{(d-2)T}{d\,U^2}U'U'^T\Big)\delta
          = -(T' + \lambda U')

(the second variation of S-hat up to a factor; the two dyads as borders), sigma as in :mod:`.newton`.

Reference: S. Coleman, V. Glaser, A. Martin, *Commun. Math. Phys.* **58** (1978) 211.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..problem import second_variation
from ..problem.functional import Theory, potential_kernels
from ..problem.problem import DiscreteProblem
from ..problem.tangent_space import Bordered
from .base import Stopwatch

_MAX_SIGMA = 1e8
_LARGEST_LOG = 300.0  # of an action; beyond it, and below minus it, numbers overflow
# A descent in which bubbles shrink without end: the amplitude grows by this factor, or half of it lies within this part
# of the first element.
_GROWN, _NARROW, _COLLAPSED = 1e3, 0.2, "the bubble collapses"


class Shape(NamedTuple):
    """Result of the descent: fields, S-hat, lambda, relative force, number of linear solves, and why it ended."""

    u: Array
    action: float
    scale: float
    force: float
    steps: int
    status: str

    @property
    def ended(self) -> bool:
        """Whether the descent left no usable shape: it collapsed, or ran out of time."""
        return not math.isfinite(self.action) or self.status.startswith((_COLLAPSED, "out of time"))


@dataclass(frozen=True)
class ColemanGlaserMartin:
    """Descent on S-hat to a relative force of ``tol`` (1e-3 suffices as a start for Newton's method).

    ``sigma`` is the first shift: 1 far from the minimum, smaller for an already relaxed shape.
    """

    tol: float = 1e-3
    sigma: float = 1.0
    max_steps: int = 150
    max_seconds: float | None = None

    def descend(self, problem: DiscreteProblem, u: Array) -> Shape:
        """Run from nodal fields with U < 0; needs d > 2 and fields held at the vacuum at r_max."""
        d = float(problem.grid.dim)
        mask = problem.free_nodes
        sigma, steps = self.sigma, 0
        watch, vacuum, first = Stopwatch(self.max_seconds), problem.vacuum.values, float(np.max(np.abs(u - u[-1])))
        at = self._measure(problem, u, d, mask)
        if at is None:
            return Shape(u, math.nan, math.nan, math.nan, 0, "the start has no region of lower potential")
        while True:
            action, scale, force, tension, pull, size, t, potential = at
            grown = float(np.max(np.abs(u - vacuum))) / first
            if grown > _GROWN or _is_narrow(problem, u):
                words = (
                    f"{_COLLAPSED}: its centre grew {grown:.1f} times and it shrank to {_core(problem, u):.1e} of r_max"
                )
                return Shape(u, math.nan, scale, size, steps, words)
            if size <= self.tol:
                return Shape(u, action, scale, size, steps, "converged")
            if watch.expired:
                return Shape(u, action, scale, size, steps, f"out of time after {watch.seconds:.0f} s")
            if steps >= self.max_steps:
                return Shape(u, action, scale, size, steps, f"not converged within {steps} steps: force {size:.1e}")
            # sigma is in units of the rescaled problem
            shift = np.full(u.shape[1], sigma * scale)
            curvature = _curvature(problem, u, scale)
            if not np.all(np.isfinite(curvature)):
                return Shape(u, math.nan, scale, size, steps, "V'' is not finite at the fields reached")
            factors = second_variation.factorise(problem, curvature, shift)
            steps += 1
            # Minus the inverses of the weights of the two dyads
            corner = np.diag([t, -d * potential / (d - 2.0) * (potential / t)])
            columns = np.stack([tension * mask, pull * mask], axis=2)
            invert = functools.partial(second_variation.solve, factors)
            step, _ = Bordered(invert, columns, corner=corner).solve(-force)
            moved = None
            if np.all(np.isfinite(step)) and float(np.sum(force * step)) < 0.0:
                moved = self._measure(problem, u + step, d, mask)
            if moved is not None and moved[0] < action:
                promised = -0.5 * float(np.sum(force * step)) * scale ** ((d - 2.0) / 2.0)
                good = action - moved[0] > 0.25 * promised
                u, at = u + step, moved
                sigma = max(0.3 * sigma, 1e-4) if good else sigma
            else:
                sigma = max(4.0 * sigma, 1e-3)
                if sigma > _MAX_SIGMA:
                    return Shape(u, action, scale, size, steps, f"stalled at force {size:.1e}")

    @staticmethod
    def _measure(problem: DiscreteProblem, u: Array, d: float, mask: Array) -> Any:
        energy, gradient = problem.energy_and_gradient(u)
        if problem.model.density_function is None:
            tension = (problem.grid.stiffness_form @ u) * problem.model.kinetic
            t = 0.5 * float(np.sum(u * tension))
            potential = energy - t
        else:
            potential, pull = _of_potential(problem, u)
            tension, t = gradient - pull, energy - potential
        if not (math.isfinite(t) and math.isfinite(potential) and potential < 0.0 < t):
            return None
        scale = (d - 2.0) * t / (-d * potential)
        exponent = math.log(2.0 / d * t) + 0.5 * (d - 2.0) * math.log(scale) if scale > 0.0 else math.inf
        if not abs(exponent) < _LARGEST_LOG or not np.all(np.isfinite(gradient)):
            return None
        action = math.exp(exponent)
        pull = gradient - tension
        force = (tension + scale * pull) * mask
        # Relative to T' in the l2 norm of nodal forces, which suffices to stop a descent.
        size = float(np.linalg.norm(force) / np.linalg.norm(tension * mask))
        return action, scale, force, tension, pull, size, t, potential


def _of_potential(problem: DiscreteProblem, u: Array) -> tuple[float, Array]:
    """U and U' of a theory whose kinetic terms depend on the fields."""
    kernels, alone = potential_kernels(problem.model.potential_function), _without_kinetic(problem)
    return kernels.energy_and_gradient(problem.geometry, alone, u, problem.background_density)


def _curvature(problem: DiscreteProblem, u: Array, scale: float) -> Array:
    """T'' + lambda U'' at the quadrature points, without the gradient terms of constant kinetic factors."""
    whole = problem.curvature(u)
    if problem.model.density_function is None:
        return scale * whole
    n, whole = u.shape[1], np.array(whole)
    kernels = potential_kernels(problem.model.potential_function)
    whole[..., :n, :n] += (scale - 1.0) * kernels.curvature(problem.geometry, _without_kinetic(problem), u)
    return whole


def _without_kinetic(problem: DiscreteProblem) -> Theory:
    return problem.theory._replace(kinetic=np.zeros(problem.model.n_fields))


def _core(problem: DiscreteProblem, u: Array) -> float:
    """The radius at which the fields have fallen to half of those at the origin, over that of the domain."""
    away = np.linalg.norm(u - problem.vacuum.values, axis=1)
    return float(problem.grid.nodes[int(np.argmax(away < 0.5 * away[0]))] / problem.grid.r_max)


def _is_narrow(problem: DiscreteProblem, u: Array) -> bool:
    """Whether the mesh does not resolve the core."""
    away = np.linalg.norm(u - problem.vacuum.values, axis=1)
    first = problem.grid.element_edges[1] / problem.grid.r_max
    return bool(away[0] >= np.max(away) and _core(problem, u) < _NARROW * first)
