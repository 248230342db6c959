r"""What the methods of descent share: the functional that falls, the record of accepted points, and the finish.

What falls is E, at fixed frequency :math:`E-\tfrac12\omega^2N`. Where the descent ends near a minimum, Newton's method
takes over (:meth:`Descent.polish`), so that a quantity has the same value whichever method found the state.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..problem.problem import DiscreteProblem
from ..problem.residual import Force, force
from ..problem.transfer import scale_to_norm
from .base import CONVERGED, Run, Solution, Stopwatch, check_limits
from .newton import Newton

# Fields beyond this are not asked for: their powers overflow, and no state of the theories here comes near.
_LARGEST = 1e60
_POLISHING_STEPS = 200  # Newton's own default; it needs 2 to 10 of them after a descent


class DescentPoint(NamedTuple):
    """One point of a descent and what was measured there; ``gradient`` is that of ``value``, held nodes included."""

    u: Array
    value: float  # of the functional that falls
    energy: float
    gradient: Array
    at: Force

    @property
    def finite(self) -> bool:
        return math.isfinite(self.value) and math.isfinite(self.at.residual) and bool(np.all(np.isfinite(self.u)))


class Descent(Run):
    """The state of one run: the last accepted point, its history, and the limits."""

    def __init__(
        self, problem: DiscreteProblem, u: Array, *, tol: float, max_steps: int, max_seconds: float | None, name: str
    ) -> None:
        super().__init__(max_steps, Stopwatch(max_seconds))
        self.problem, self.name, self.tol = problem, name, tol
        self.move_to(self.measure(self.place(np.asarray(u, dtype=float))))
        self.scale = max(problem.energy_scale(self.u), 1e-300) if self.finite else math.nan

    # Measuring

    def place(self, u: Array) -> Array:
        """The point of fixed norm on the ray through u (u itself where no norm is fixed)."""
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
        shifted = (problem.grid.mass_form @ u) * problem.multiplier_shift
        return DescentPoint(u, energy - 0.5 * float(np.sum(u * shifted)), energy, gradient - shifted, at)

    def move_to(self, point: DescentPoint) -> None:
        self.point = point
        self.u, self.energy, self.at = point.u, point.energy, point.at
        self.note()

    @property
    def finite(self) -> bool:
        return self.point.finite

    # Ending

    def finish(self, why: str, *, polish: bool) -> Solution:
        """End where the method's own test was met, ``why``: with Newton's method, or saying how far it came."""
        if polish:
            return self.polish()
        if self.point.at.residual <= self.tol:
            return self.end(CONVERGED)
        return self.end(f"{self.name} ended at residual {self.point.at.residual:.1e}, above {self.tol:.0e}: {why}")

    def polish(self) -> Solution:
        """Newton's method from the last point, with the steps and the time that are left."""
        budget = self.watch.budget
        newton = Newton(
            tol=self.tol,
            max_steps=max(1, min(_POLISHING_STEPS, self.max_steps - self.steps)),
            # The saddle test of a minimisation compares E, which is not what falls at fixed frequency.
            target="minimum" if self.problem.omega is None else "stationary",
            max_seconds=None if budget is None else max(budget - self.watch.seconds, 1e-3),
        )
        reached = self.point.at.residual
        found = newton.run(self.problem, self.point.u)
        status = found.status
        if not found.converged:
            status = f"{self.name} came to residual {reached:.1e}; Newton's method from there: {status}"
        history, seconds = (*self.history, *found.history[1:]), self.watch.seconds
        return replace(found, status=status, steps=self.steps + found.steps, history=history, seconds=seconds)


def check_options(tol: object, max_steps: object, max_seconds: object, polish: object) -> None:
    """The options that every descent has. Raises ValueError naming option, value and remedy."""
    check_limits(tol, max_steps, max_seconds, usual=2000)
    if not isinstance(polish, bool):
        raise ValueError(f"solver.polish must be true or false, got {polish!r}: choose one")
