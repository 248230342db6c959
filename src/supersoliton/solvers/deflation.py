r"""Deflated Newton: Newton's method that does not converge to known solutions again.

The force F is multiplied by :math:`m(u) = \prod_i(1 + \|u - u_i\|^{-2})`, singular at each known u_i. The Newton step
of m F is a multiple of the Newton step of F,

.. math:: \delta = \frac{\delta_N}{1 - (m'\cdot\delta_N)/m},

so a deflated step costs as much as a plain one.

Reference: P. E. Farrell, A. Birkisson, S. W. Funke, *SIAM J. Sci. Comput.* **37** (2015) A2026.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy import ndarray as Array

from ..problem.problem import DiscreteProblem
from .base import AbstractSolver, Solution
from .newton import Newton, NewtonRun

_LARGEST = 10.0  # bound on the factor of the step, which diverges where the denominator vanishes


@dataclass(frozen=True)
class DeflatedNewton(AbstractSolver):
    """Newton's method for stationary points of any index, away from the ``known`` nodal fields."""

    known: Sequence[Array] = ()
    newton: Newton = field(default_factory=lambda: Newton(max_steps=60))

    def run(self, problem: DiscreteProblem, u: Array) -> Solution:
        iteration = _Deflated(problem, np.asarray(u, dtype=float), self.newton, self.known)
        if any(np.array_equal(iteration.u, known) for known in iteration.known):
            return iteration.end("stalled: the start is a known solution: displace it")
        return iteration.find_stationary()


class _Deflated(NewtonRun):
    def __init__(self, problem: DiscreteProblem, u: Array, options: Newton, known: Sequence[Array]) -> None:
        self.known = [np.asarray(k) for k in known]
        super().__init__(problem, u, options)

    def adapt(self, step: Array, u: Array) -> Array:
        """The step of the deflated problem from a Newton step (or simplified correction) at ``u``."""
        slope = 0.0
        for known in self.known:
            away = self.u - known
            square = self.h0_norm(away) ** 2
            # d ln(1 + 1/s) along the step, s the squared distance
            overlap = float(np.sum((self.problem.grid.mass_form @ away) * step))
            slope += -2.0 * overlap / (square * (1.0 + square)) if square > 0 else 0.0
        factor = 1.0 / (1.0 - slope) if slope != 1.0 else _LARGEST
        factor = math.copysign(min(abs(factor), _LARGEST), factor)
        return step * factor * self._operator(u) / self._operator(self.u)

    def _operator(self, u: Array) -> float:
        return math.prod(1.0 + 1.0 / max(self.h0_norm(u - known) ** 2, 1e-300) for known in self.known)
