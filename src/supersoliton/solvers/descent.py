r"""Common parts of descent methods: the functional they minimise, the accepted points, and the final Newton steps.

The functional is E, or :math:`E-\tfrac12\omega^2N` at fixed frequency. Near a minimum Newton's method takes over
(:meth:`Descent.polish`), so that all methods return the same values to rounding.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..problem.norm import half_slope
from ..problem.problem import DiscreteProblem
from ..problem.residual import Force, force
from ..problem.transfer import scale_to_norm
from .base import CONVERGED, Run, Solution, Stopwatch, check_limits
from .newton import Newton

# V is not evaluated at larger fields: their powers overflow.
_LARGEST = 1e60
_POLISHING_STEPS = 200  # the default of Newton; 2 to 10 are needed after a descent


class DescentPoint(NamedTuple):
    """One point of a descent with its energy and force; ``gradient`` is that of ``value``, at held nodes too."""

    u: Array
    value: float  # of the functional that is minimised
    energy: float
    gradient: Array
    at: Force

    @property
    def finite(self) -> bool:
        return math.isfinite(self.value) and math.isfinite(self.at.residual) and bool(np.all(np.isfinite(self.u)))


class Descent(Run):
    """One run of a descent method: the last accepted point, the history and the limits."""

    def __init__(
        self, problem: DiscreteProblem, u: Array, *, tol: float, max_steps: int, max_seconds: float | None, name: str
    ) -> None:
        super().__init__(max_steps, Stopwatch(max_seconds))
        self.problem, self.name, self.tol = problem, name, tol
        self.move_to(self.measure(self.place(np.asarray(u, dtype=float))))
        self.scale = max(problem.energy_scale(self.u), 1e-300) if self.finite else math.nan

    # Evaluation

    def place(self, u: Array) -> Array:
        """u rescaled to the fixed norm; u if no norm is fixed."""
        return scale_to_norm(self.problem, u)

    def measure(self, u: Array) -> DescentPoint:
        nothing = Force(np.full_like(u, math.nan), math.nan, math.inf)
        if not np.all(np.abs(u) < _LARGEST):
            return DescentPoint(u, math.nan, math.nan, nothing.vector, nothing)
        problem = self.problem
        energy, gradient = problem.energy_and_gradient(u)
        if not (math.isfinite(energy) and np.all(np.isfinite(gradient))):
            return DescentPoint(u, math.nan, energy, nothing.vector, nothing)
        at = force(problem, u, gradient)
        if problem.omega is None:
            return DescentPoint(u, energy, energy, gradient, at)
        shifted = float(problem.omega) ** 2 * half_slope(problem, u)
        return DescentPoint(u, energy - 0.5 * at.multiplier * problem.norm_of_state(u), energy, gradient - shifted, at)

    def move_to(self, point: DescentPoint) -> None:
        self.point = point
        self.u, self.energy, self.at = point.u, point.energy, point.at
        self.record()

    @property
    def finite(self) -> bool:
        return self.point.finite

    # Ending

    def finish(self, why: str, *, polish: bool) -> Solution:
        """End because the method's own test is met (``why``): polish, or report the residual reached."""
        if polish:
            return self.polish()
        if self.point.at.residual <= self.tol:
            return self.end(CONVERGED)
        return self.end(f"{self.name} ended at residual {self.point.at.residual:.1e}, above {self.tol:.0e}: {why}")

    def polish(self) -> Solution:
        """Newton's method from the last point, within the remaining steps and time."""
        budget = self.watch.budget
        newton = Newton(
            tol=self.tol,
            max_steps=max(1, min(_POLISHING_STEPS, self.max_steps - self.steps)),
            # A minimisation tests for saddles by E, which is not the functional at fixed frequency.
            target="minimum" if self.problem.omega is None else "stationary",
            max_seconds=None if budget is None else max(budget - self.watch.seconds, 1e-3),
        )
        reached = self.point.at.residual
        found = newton.run(self.problem, self.point.u)
        status = found.status
        if not found.converged:
            status = f"{self.name} reached residual {reached:.1e}; then Newton's method: {status}"
        history, seconds = (*self.history, *found.history[1:]), self.watch.seconds
        return replace(found, status=status, steps=self.steps + found.steps, history=history, seconds=seconds)


def check_options(tol: object, max_steps: object, max_seconds: object, polish: object) -> None:
    """Raise ValueError for invalid options of a descent method, with the remedy."""
    check_limits(tol, max_steps, max_seconds, usual=2000)
    if not isinstance(polish, bool):
        raise ValueError(f"solver.polish must be true or false, got {polish!r}: choose one")
