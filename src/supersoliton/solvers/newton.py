r"""Newton's method on the condensed block system, globalised.

*Minima* (the default at fixed norm) are found by pseudo-transient continuation: the step solves

.. math:: (E'' - \omega^2 M_c + \sigma M)\,\delta - \dot\omega^2\,M_c u = -F,\qquad \langle M_c u, \delta\rangle = 0,

bordered by the norm, with sigma raised until the energy does not rise and lowered to zero as it falls: an implicit
gradient flow of time step 1/sigma that ends as Newton's method. *Stationary points* of any index (the default without
norm) are found by damped Newton steps under Deuflhard's natural monotonicity test, which does not see the sign of E.

References: C. T. Kelley, D. E. Keyes, *SIAM J. Numer. Anal.* **35** (1998) 508 (pseudo-transient continuation);
P. Deuflhard, *Newton Methods for Nonlinear Problems* (2004), section 3.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..problem import Problem, is_number
from ..warm_start.analytic import scale_to_norm
from . import linear
from .base import CONVERGED, AbstractSolver, Force, Solution, Stopwatch, force, shift_of
from .modes import border_of, lowest_mode

# Energies agree to rounding when they differ by less than this fraction of T + int|V|.
_ROUNDING = 1e-13
# Below this residual steps are judged by the residual: the energy's change is lost in rounding.
_ASYMPTOTIC = 1e-7


@dataclass(frozen=True)
class Newton(AbstractSolver):
    """Newton's method.

    Parameters
    ----------
    tol : relative dual residual at which the state counts as converged; one more step is then taken, which brings it
        to rounding.
    max_steps : limit on linear solves.
    target : ``"minimum"`` (of E, at fixed norm where one is given), ``"stationary"`` (any index), or ``"auto"``:
        minimum at fixed norm, stationary without.
    max_seconds : time budget; None for no limit.
    """

    tol: float = 1e-10
    max_steps: int = 200
    target: str = "auto"
    max_seconds: float | None = 60.0

    def __post_init__(self) -> None:
        if not (is_number(self.tol) and 1e-14 <= self.tol < 1):
            raise ValueError(f"solver.tol must lie between 1e-14 and 1, got {self.tol!r}: try 1e-10")
        if isinstance(self.max_steps, bool) or not isinstance(self.max_steps, int) or self.max_steps < 1:
            raise ValueError(f"solver.max_steps must be an integer of at least 1, got {self.max_steps!r}: try 200")
        if self.target not in ("auto", "minimum", "stationary"):
            raise ValueError(
                f'solver.target must be "auto", "minimum" or "stationary", got {self.target!r}: choose one'
            )
        if self.max_seconds is not None and not (is_number(self.max_seconds) and self.max_seconds > 0):
            raise ValueError(f"solver.max_seconds must be positive or none, got {self.max_seconds!r}: try 60")

    def run(self, problem: Problem, u: Array) -> Solution:
        minimise = self.target == "minimum" or (self.target == "auto" and problem.norm is not None)
        iteration = Iteration(problem, np.asarray(u, dtype=float), self)
        return iteration.minimise() if minimise else iteration.find_stationary()


class Iteration:
    """The state of one run: point, energy, force, history."""

    def __init__(self, problem: Problem, u: Array, options: Newton) -> None:
        self.problem, self.options = problem, options
        self.watch = Stopwatch(options.max_seconds)
        self.steps = 0
        self.history: list[tuple[float, float]] = []
        self.escapes = 0
        self.move_to(u, *self.measure(u))
        self.scale = max(problem.energy_scale(u), 1e-300)
        self.note()

    # Measuring

    def measure(self, u: Array) -> tuple[float, Force]:
        energy, gradient = self.problem.energy_and_gradient(u)
        return energy, force(self.problem, u, gradient)

    def move_to(self, u: Array, energy: float, at: Force) -> None:
        self.u, self.energy, self.at = u, energy, at

    def note(self) -> None:
        self.history.append((self.energy, self.at.residual))

    @property
    def finite(self) -> bool:
        return math.isfinite(self.energy) and math.isfinite(self.at.residual)

    def stopped(self) -> str | None:
        if not self.finite:
            return "diverged: the energy or its gradient is not finite"
        if self.watch.expired:
            return f"out of time after {self.watch.seconds:.0f} s at residual {self.at.residual:.1e}"
        if self.steps >= self.options.max_steps:
            return f"not converged within {self.steps} steps: residual {self.at.residual:.1e}"
        return None

    def end(self, status: str) -> Solution:
        return Solution(
            u=np.asarray(self.u),
            multiplier=self.at.multiplier,
            status=status,
            residual=self.at.residual,
            steps=self.steps,
            history=tuple(self.history),
            seconds=self.watch.seconds,
        )

    # Linear algebra

    def border(self) -> Array:
        """M_c u, the normal of the sphere of fixed norm; zeros without norm."""
        return border_of(self.problem, self.u) if self.problem.norm is not None else np.zeros_like(self.at.vector)

    def direction(self, curvature: Array, sigma: float) -> tuple[Array, linear.Factors]:
        """The bordered Newton step at shift sigma."""
        border = self.border()
        factors = linear.factorise(self.problem, curvature, shift_of(self.problem, self.at.multiplier) + sigma)
        self.steps += 1
        step = self.tangent(linear.solve(factors, -self.at.vector, border), border)
        return self.adapt(step, self.u), factors

    def adapt(self, step: Array, u: Array) -> Array:
        """What a variant of the method makes of a step computed from the force at ``u``; here the step itself."""
        return step

    def tangent(self, x: Array, border: Array) -> Array:
        """Combine A^-1 (-F) and A^-1 b so that the step is tangent to the sphere of fixed norm."""
        if self.problem.norm is None:
            return x[:, :, 0]
        along = float(np.sum(border * x[:, :, 1]))
        rate = -float(np.sum(border * x[:, :, 0])) / along if along != 0 else 0.0
        return x[:, :, 0] + rate * x[:, :, 1]

    def place(self, u: Array) -> Array:
        return scale_to_norm(self.problem, u) if self.problem.norm is not None else u

    # Minima

    def minimise(self) -> Solution:
        # A generic start is far from a minimum: begin with the flow unless the residual is already small. The unit
        # is mass^2; sigma = 1 was the most reliable of 0 to 20 on the reference Q-balls.
        sigma = 0.0 if self.at.residual < 1e-2 else 1.0
        while True:
            ended = self.stopped()
            if ended:
                return self.end(ended)
            if self.at.residual <= self.options.tol:
                return self.finish_minimum()
            curvature = self.problem.curvature(self.u)
            while True:
                step, _ = self.direction(curvature, sigma)
                agreement = self.try_minimising_step(step, sigma)
                if agreement > 0.0:
                    break
                sigma = max(4.0 * sigma, 0.03)
                if sigma > 1e8:
                    return self.end(f"stalled: no step lowers the energy at residual {self.at.residual:.1e}")
                if self.steps >= self.options.max_steps or self.watch.expired:
                    break
            if agreement > 0.5:  # the quadratic model is good: lengthen the time step, in the end to infinity
                sigma = 0.2 * sigma if self.at.residual > 1e-3 and sigma > 1e-3 else 0.0
            elif agreement < 0.25:
                sigma = max(2.0 * sigma, 0.03)

    def try_minimising_step(self, step: Array, sigma: float) -> float:
        """Move if the energy comes down; returns (energy gained) / (energy promised), 0 where the step is refused."""
        if not np.all(np.isfinite(step)):
            return 0.0
        slope = float(np.sum(np.asarray(self.at.vector) * step))
        asymptotic = self.at.residual < _ASYMPTOTIC
        if slope >= 0.0 and not asymptotic:  # uphill: the shifted second variation is not positive on the tangent
            return 0.0
        u = self.place(self.u + step)
        energy, at = self.measure(u)
        if not (math.isfinite(energy) and math.isfinite(at.residual)):
            return 0.0
        promised = 0.5 * slope - 0.5 * sigma * self.h0_norm(step) ** 2
        gained = energy - self.energy
        if asymptotic or abs(promised) < _ROUNDING * self.scale:
            agreement = 1.0 if at.residual < self.at.residual else 0.0
        else:
            agreement = gained / promised if gained <= 0.0 else 0.0
        if agreement > 0.0:
            self.move_to(u, energy, at)
            self.note()
        return agreement

    def finish_minimum(self) -> Solution:
        """One more step to rounding; then leave a saddle along its unstable direction, at most three times."""
        self.polish()
        negative, mode = lowest_mode(self.problem, self.u, self.at.multiplier)
        if negative and self.escapes < 3:
            self.escapes += 1
            for size in (0.1, -0.1, 0.02, -0.02):
                amplitude = size * np.sqrt(np.sum((self.u - self.problem.vacuum.values) ** 2) + 1e-30)
                u = self.place(self.u + amplitude * mode / np.sqrt(np.sum(mode**2)))
                energy, at = self.measure(u)
                if energy < self.energy:
                    self.move_to(u, energy, at)
                    self.note()
                    return self.minimise()
        return self.end(CONVERGED)

    def polish(self) -> None:
        step, _ = self.direction(self.problem.curvature(self.u), 0.0)
        if np.all(np.isfinite(step)):
            u = self.place(self.u + step)
            energy, at = self.measure(u)
            if at.residual < self.at.residual:
                self.move_to(u, energy, at)
                self.note()

    # Stationary points of any index

    def find_stationary(self) -> Solution:
        damping = 1.0
        while True:
            ended = self.stopped()
            if ended:
                return self.end(ended)
            if self.at.residual <= self.options.tol:
                self.polish()
                return self.end(CONVERGED)
            step, factors = self.direction(self.problem.curvature(self.u), 0.0)
            if not np.all(np.isfinite(step)):
                return self.end("diverged: the Newton step is not finite (a singular second variation)")
            damping = self.try_natural_step(step, factors, min(1.0, 4.0 * damping))
            if damping == 0.0:
                return self.end(f"stalled: no damped Newton step helps at residual {self.at.residual:.1e}")

    def try_natural_step(self, step: Array, factors: Any, damping: float) -> float:
        """Deuflhard's test: the simplified Newton correction at the new point must be shorter than this one."""
        size = self.h0_norm(step)
        while damping > 1e-5:
            u = self.place(self.u + damping * step)
            energy, at = self.measure(u)
            if math.isfinite(energy) and math.isfinite(at.residual):
                border = self.border()
                corrected = self.adapt(self.tangent(linear.solve(factors, -at.vector, border), border), u)
                shorter = self.h0_norm(corrected) <= (1.0 - 0.25 * damping) * size
                if shorter or (at.residual < self.at.residual < _ASYMPTOTIC):
                    self.move_to(u, energy, at)
                    self.note()
                    return damping
            damping *= 0.5
        return 0.0

    def h0_norm(self, v: Array) -> float:
        """The L2 norm of a direction; infinite where it is not finite."""
        assert self.problem.grid is not None
        return (
            math.sqrt(max(float(np.sum((self.problem.grid.mass @ v) * v)), 0.0)) if np.all(np.isfinite(v)) else math.inf
        )
