r"""Newton's method on the condensed block system, globalised.

*Minima* (the default at fixed norm) are found by pseudo-transient continuation: the step solves

.. math:: (E'' - \omega^2 M_c + \sigma M)\,\delta - \dot\omega^2\,M_c u = -F,\qquad \langle M_c u, \delta\rangle = 0,

bordered by the norm. sigma is raised until the energy does not rise and lowered to zero as it falls: an implicit
gradient flow with time step 1/sigma that becomes Newton's method. *Stationary points* of any index (the default without
norm) are found by damped Newton steps with Deuflhard's natural monotonicity test, which does not use the energy.

Where the state breaks a continuous symmetry E'' is singular and the step along the symmetry is noise. Where steps fail,
the zero modes are computed and left out of the steps (:mod:`..problem.zero_modes`).

References: C. T. Kelley, D. E. Keyes, *SIAM J. Numer. Anal.* **35** (1998) 508 (pseudo-transient continuation);
P. Deuflhard, *Newton Methods for Nonlinear Problems* (2004), section 3.3.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..problem.problem import DiscreteProblem
from ..problem.residual import Force, force, terms_of
from ..problem.tangent_space import TangentSpace
from ..problem.transfer import scale_to_norm, transfer
from ..problem.zero_modes import zero_modes
from . import globalisation
from .base import CONVERGED, AbstractSolver, Run, Solution, Stopwatch, check_limits, expect_minimum

# With more than _LARGE unknowns and a residual above globalisation.NEAR, a minimum is first computed on a mesh of half
# the order, where a step costs a third, down to _NESTED_TOL, the discretisation error of that mesh.
_LARGE, _HIGH_ORDER, _NESTED_TOL = 400, 8, 1e-4
# The last steps reuse the factors of a Newton step if at most _CHORDS of them reach _ROUNDING; this costs a fifth of a
# new factorisation. At a minimum these factors also count the negative modes, so the residual before that Newton step
# must be below _SMALL_CHANGE, which bounds the change of the second variation.
_CHORDS, _ROUNDING, _SMALL_CHANGE = 2, 1e-15, 1e-5
# A polished state with a larger residual is looked at for zero modes: without them the residual is 1e-15 to 1e-13.
_POLISHED = 1e-12


class LastStep(NamedTuple):
    """The full Newton step that led to the current point: its second variation, and the residual before it."""

    space: TangentSpace
    residual: float


@dataclass(frozen=True)
class Newton(AbstractSolver):
    """Newton's method on E'(u) = omega^2 M_c u, bordered by the norm where one is fixed.

    Parameters
    ----------
    tol : float, default 1e-10
        Relative dual residual at which a state counts as converged; one more step then takes it to rounding.
    max_steps : int, default 200
        Limit on linear solves.
    target : {"auto", "minimum", "stationary"}
        A minimum of E (at fixed norm where one is given), a stationary point of any index, or, by default, a minimum at
        fixed norm and a stationary point without.
    max_seconds : float or None, default 60.0
        Time budget; None for no limit.

    Raises
    ------
    ValueError
        If an option is out of range.

    References
    ----------
    Minima: pseudo-transient continuation, C. T. Kelley, D. E. Keyes, *SIAM J. Numer. Anal.* **35** (1998) 508.
    Stationary points: damped steps, P. Deuflhard, *Newton Methods for Nonlinear Problems* (2004), section 3.3.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - p["g"] * u[0]**4 / 4 + u[0]**6 / 8, params={"g": 1.6})
    >>> problem = ss.Problem(model, ss.RadialGrid(r_max=30.0), norm=100.0)
    >>> state = ss.solve(problem, ss.Gaussian(), ss.Newton(target="minimum"))
    >>> print(f"{state.energy:.6f}")
    48.035581
    """

    tol: float = 1e-10
    max_steps: int = 200
    target: str = "auto"
    max_seconds: float | None = 60.0

    def __post_init__(self) -> None:
        check_limits(self.tol, self.max_steps, self.max_seconds, usual=200)
        if self.target not in ("auto", "minimum", "stationary"):
            raise ValueError(
                f'solver.target must be "auto", "minimum" or "stationary", got {self.target!r}: choose one'
            )

    def run(self, problem: DiscreteProblem, u: Array) -> Solution:
        """Solve on a mesh.

        Parameters
        ----------
        problem : Problem
            A problem with a grid.
        u : ndarray of shape (n_nodes, n_fields)
            Starting fields that satisfy the boundary condition and the norm.
        """
        minimise = self.target == "minimum" or (self.target == "auto" and problem.norm is not None)
        iteration = NewtonRun(problem, np.asarray(u, dtype=float), self)
        if not minimise:
            return iteration.find_stationary()
        expect_minimum("Newton(target='minimum')", problem, u)
        if iteration.needs_coarser_mesh():
            iteration.descend_on_coarser_mesh()
        return iteration.minimise()


class NewtonRun(Run):
    """One run of Newton's method."""

    def __init__(self, problem: DiscreteProblem, u: Array, options: Newton, watch: Stopwatch | None = None) -> None:
        super().__init__(options.max_steps, watch or Stopwatch(options.max_seconds))
        self.problem, self.options = problem, options
        self.escapes = 0
        self.last: LastStep | None = None
        self.held: Array | None = None  # zero modes that the steps leave out, once they were looked for
        self.terms, self.start = terms_of(problem), u
        self.move_to(u, *self.measure(u))
        self.record()

    # Evaluation

    @functools.cached_property
    def scale(self) -> float:
        """T + int|V| at the start."""
        return max(self.problem.energy_scale(self.start), 1e-300)

    def measure(self, u: Array) -> tuple[float, Force]:
        energy, gradient = self.problem.energy_and_gradient(u)
        return energy, force(self.problem, u, gradient, self.terms)

    def move_to(self, u: Array, energy: float, at: Force) -> None:
        self.u, self.energy, self.at = u, energy, at

    # Linear algebra

    def direction(self, curvature: Array, sigma: float) -> tuple[Array, TangentSpace]:
        """The Newton step at shift sigma, and the tangent space at the current point."""
        sigma = max(sigma, self.problem.model.least_shift)
        space = TangentSpace(self.problem, self.u, self.at.multiplier, sigma=sigma, curvature=curvature, held=self.held)
        self.steps += 1
        return self.adapt(space.solve(-self.at.vector)[0], self.u), space

    def adapt(self, step: Array, u: Array) -> Array:
        """Hook for variants of the method: the step to take for a Newton step computed from the force at ``u``."""
        return step

    def leave_out_zero_modes(self) -> bool:
        """Leave the zero modes at the current point out of all further steps; False if none are found, or known."""
        if self.held is not None:
            return False
        space = TangentSpace(self.problem, self.u, self.at.multiplier)
        self.held, self.last = zero_modes(space, self.at.residual), None
        self.steps += 1
        return bool(self.held.size)

    def place(self, u: Array) -> Array:
        return scale_to_norm(self.problem, u)

    # Minima

    def needs_coarser_mesh(self) -> bool:
        return self.u.size > _LARGE and self.problem.grid.order >= _HIGH_ORDER and self.at.residual > globalisation.NEAR

    def descend_on_coarser_mesh(self) -> None:
        """Nested iteration: move to the minimum on a coarser mesh if its energy is lower."""
        coarse = self.problem.coarser(2)
        tol = max(self.options.tol, _NESTED_TOL)
        start = transfer(self.problem, self.u, coarse)
        coarse_run = NewtonRun(coarse, start, replace(self.options, tol=tol), self.watch)
        failed = coarse_run.descend()
        self.steps += coarse_run.steps
        if not failed:
            u = transfer(coarse, coarse_run.u, self.problem)
            energy, at = self.measure(u)
            if energy < self.energy:
                self.move_to(u, energy, at)
                self.record()

    def minimise(self) -> Solution:
        ended = self.descend()
        return self.end(ended) if ended else self.finish_minimum()

    def descend(self) -> str | None:
        """Descend to the tolerance; returns None, or why it failed."""
        sigma = float(globalisation.first_shift(self.at.residual))
        while True:
            ended = self.stopped()
            if ended:
                return ended
            if self.at.residual <= self.options.tol or self.chords_left():
                return None
            curvature = self.problem.curvature(self.u)
            while True:
                step, space = self.direction(curvature, sigma)
                before = self.at.residual
                agreed = self.try_minimising_step(step, sigma)
                if agreed > 0.0:
                    self.last = LastStep(space, before) if sigma == 0.0 and before <= _SMALL_CHANGE else None
                    break
                sigma = float(globalisation.shift_after_refusal(sigma))
                if sigma > globalisation.STALLED:
                    if not self.leave_out_zero_modes():
                        return self.stalled()
                    sigma = 0.0
                if self.steps >= self.max_steps or self.watch.expired:
                    break
            if agreed > 0.0:
                sigma = globalisation.shift_after_success(sigma, agreed, self.at.residual)

    def stalled(self) -> str:
        return f"stalled: no step lowers the energy at residual {self.at.residual:.1e}"

    def try_minimising_step(self, step: Array, sigma: float) -> float:
        """Move if the energy falls; returns (change of energy) / (predicted change), 0 for a refused step."""
        if not np.all(np.isfinite(step)):
            return 0.0
        slope = float(np.sum(np.asarray(self.at.vector) * step))
        if slope >= 0.0 and not globalisation.is_asymptotic(self.at.residual):
            return 0.0  # uphill: the shifted second variation is indefinite on the tangent space
        u = self.place(self.u + step)
        energy, at = self.measure(u)
        if not (math.isfinite(energy) and math.isfinite(at.residual)):
            return 0.0
        agreement = globalisation.agreement(
            predicted=globalisation.predicted_change(slope, sigma, self.h0_norm(step)),
            change=energy - self.energy,
            residual=self.at.residual,
            new_residual=at.residual,
            scale=self.scale,
        )
        if agreement > 0.0:
            self.move_to(u, energy, at)
            self.record()
        return agreement

    def finish_minimum(self) -> Solution:
        """Polish to rounding; leave a saddle along its unstable direction, at most three times."""
        # The inertia of the last factors only decides whether to leave a saddle: an eigenvalue with another sign at the
        # final point, where the certificate counts, is below _SMALL_CHANGE of the masses.
        space = self.polish()
        if self.at.residual > self.options.tol:
            self.last = None
            return self.minimise()
        negative, mode = space.moved(self.u, self.at.multiplier).lowest_mode()
        if negative and self.escapes < 3:
            self.escapes += 1
            for size in (0.1, -0.1, 0.02, -0.02):
                amplitude = size * np.sqrt(np.sum((self.u - self.problem.vacuum.values) ** 2) + 1e-30)
                u = self.place(self.u + amplitude * mode / np.sqrt(np.sum(mode**2)))
                energy, at = self.measure(u)
                if energy < self.energy:
                    self.move_to(u, energy, at)
                    self.record()
                    self.last = None
                    return self.minimise()
        return self.end(CONVERGED)

    def chords_left(self) -> int:
        """The number of steps with the last factors that reduce the residual to rounding; 0 if impossible.

        If the Newton step reduced it from a to b, a step with the same factors reduces b to about 2 b^2/a.
        """
        if self.last is None:
            return 0
        rate = 2.0 * self.at.residual / self.last.residual
        counts = range(1, _CHORDS + 1)
        return next((count for count in counts if self.at.residual * rate**count <= _ROUNDING), 0)

    def polish(self) -> TangentSpace:
        """Reduce the residual to rounding, with the last factors or new Newton steps; returns the tangent space."""
        space = self.last_steps()
        if self.at.residual > _POLISHED and self.leave_out_zero_modes():
            space = self.last_steps()
        return space

    def last_steps(self) -> TangentSpace:
        count, last = self.chords_left(), self.last
        if last is not None and count:
            for _ in range(count):
                self.steps += 1
                space = last.space.moved(self.u, self.at.multiplier)
                self.try_polish(self.adapt(space.solve(-self.at.vector)[0], self.u))
            return last.space
        step, space = self.direction(self.problem.curvature(self.u), 0.0)
        self.try_polish(step)
        return space

    def try_polish(self, step: Array) -> None:
        if np.all(np.isfinite(step)):
            u = self.place(self.u + step)
            energy, at = self.measure(u)
            if at.residual < self.at.residual:
                self.move_to(u, energy, at)
                self.record()

    # Stationary points of any index

    def find_stationary(self) -> Solution:
        damping = 1.0
        while True:
            ended = self.stopped()
            if ended:
                return self.end(ended)
            if self.at.residual <= self.options.tol or self.chords_left():
                self.polish()
                if self.at.residual <= self.options.tol:
                    return self.end(CONVERGED)
                self.last = None
            step, space = self.direction(self.problem.curvature(self.u), 0.0)
            if not np.all(np.isfinite(step)):
                return self.end("diverged: the Newton step is not finite (a singular second variation)")
            last = LastStep(space, self.at.residual)
            damping = self.try_natural_step(step, space, min(1.0, 4.0 * damping))
            self.last = last if damping == 1.0 else None
            if damping == 0.0:
                if self.leave_out_zero_modes():
                    damping = 1.0
                    continue
                return self.end(f"stalled: no damped Newton step helps at residual {self.at.residual:.1e}")

    def try_natural_step(self, step: Array, space: TangentSpace, damping: float) -> float:
        """Halve the step until the simplified Newton correction at the new point is shorter (Deuflhard)."""
        size = self.h0_norm(step)
        while damping > 1e-5:
            u = self.place(self.u + damping * step)
            energy, at = self.measure(u)
            if math.isfinite(energy) and math.isfinite(at.residual):
                corrected = self.adapt(space.solve(-at.vector)[0], u)
                shorter = self.h0_norm(corrected) <= (1.0 - 0.25 * damping) * size
                if shorter or (at.residual < self.at.residual and globalisation.is_asymptotic(self.at.residual)):
                    self.move_to(u, energy, at)
                    self.record()
                    return damping
            damping *= 0.5
        return 0.0

    def h0_norm(self, v: Array) -> float:
        """The L2 norm of a direction; inf if it is not finite."""
        if not np.all(np.isfinite(v)):
            return math.inf
        return math.sqrt(max(float(np.sum((self.problem.grid.mass_form @ v) * v)), 0.0))
