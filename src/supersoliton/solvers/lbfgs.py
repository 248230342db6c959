r"""L-BFGS in the H^1 metric.

With :math:`LL^T = K + M` (per field, over the free nodes) and :math:`w = L^T(u - u_\infty)` the Euclidean inner product
of w is the H^1 inner product of fields, so that the quasi-Newton update does not depend on mesh and order; the gradient
is :math:`L^{-1}E'(u)`. At fixed norm it minimises :math:`E(P(u))`, where P projects the constrained fields
radially onto the sphere, :math:`P(u) = s\,u`, :math:`s^2 = N/\langle u, Mu\rangle_c`, with

.. math:: \partial E(P(u))/\partial u = s\Big(E' - \frac{\langle u, E'\rangle_c}{\langle u, Mu\rangle_c}M_cu\Big).

Reference: R. H. Byrd, P. Lu, J. Nocedal, C. Zhu, *SIAM J. Sci. Comput.* **16** (1995) 1190 (SciPy's L-BFGS-B).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy import ndarray as Array

from .._checks import expect_constant_kinetic, is_number
from ..elements.grid import RadialGrid
from ..machine.arithmetic import numerical
from ..problem.problem import DiscreteProblem
from .base import AbstractSolver, Solution, expect_minimum
from .descent import Descent, DescentPoint, check_options

_MEMORY = 20  # pairs of steps and gradients kept
_EVALUATIONS_PER_STEP = 40  # of a line search


@dataclass(frozen=True)
class LBFGS(AbstractSolver):
    """SciPy's L-BFGS-B with the exact gradient in the H^1 metric; it finds minima (at fixed norm where one is given).

    Parameters
    ----------
    ftol : float, default 1e-9
        L-BFGS ends when a step lowers the energy by less than this fraction of it (or of 1).
    gtol : float, default 1e-3
        L-BFGS also ends when no component of the gradient in the H^1 metric exceeds this.
    polish : bool, default True
        Finish with Newton's method. Without it the status gives the residual at which L-BFGS ended.
    tol : float, default 1e-10
        Relative dual residual at which a state counts as converged.
    max_steps : int, default 2000
        Limit on steps, those of Newton's method included.
    max_seconds : float or None, default 60.0
        Time budget; None for no limit.

    Raises
    ------
    ValueError
        If an option is out of range.

    References
    ----------
    R. H. Byrd, P. Lu, J. Nocedal, C. Zhu, *SIAM J. Sci. Comput.* **16** (1995) 1190.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - p["g"] * u[0]**4 / 4 + u[0]**6 / 8, params={"g": 1.6})
    >>> problem = ss.Problem(model, ss.RadialGrid(r_max=30.0), norm=100.0)
    >>> state = ss.solve(problem, ss.Gaussian(), ss.LBFGS())
    >>> print(f"{state.energy:.6f}")
    48.035581
    """

    ftol: float = 1e-9
    gtol: float = 1e-3
    polish: bool = True
    tol: float = 1e-10
    max_steps: int = 2000
    max_seconds: float | None = 60.0

    def __post_init__(self) -> None:
        for name, remedy in (("ftol", "1e-9"), ("gtol", "1e-3")):
            value = getattr(self, name)
            if not (is_number(value) and value >= 0):
                raise ValueError(f"solver.{name} must be 0 or positive, got {value!r}: try {remedy}")
        check_options(self.tol, self.max_steps, self.max_seconds, self.polish)

    @numerical
    def run(self, problem: DiscreteProblem, u: Array) -> Solution:
        """Solve ``problem``, which has a grid, from nodal fields ``u`` (n_nodes, n_fields); see :meth:`Newton.run`."""
        expect_minimum("LBFGS", problem, u)
        if problem.norm is not None and problem.model.ends is None:
            expect_constant_kinetic("LBFGS at fixed norm", problem.model, "use Newton(), or fix the frequency")
        from scipy.optimize import minimize  # here: the driver of a scan does without

        limits: dict[str, Any] = {"tol": self.tol, "max_steps": self.max_steps, "max_seconds": self.max_seconds}
        descent = Descent(problem, u, name="L-BFGS", **limits)
        ended = descent.stopped()
        if ended:
            return descent.end(ended)
        chart = Chart(descent)
        options = {
            "ftol": self.ftol,
            "gtol": self.gtol,
            "maxcor": _MEMORY,
            "maxls": _EVALUATIONS_PER_STEP,
            "maxiter": self.max_steps + 1,  # the callback stops earlier
            "maxfun": (self.max_steps + 1) * (_EVALUATIONS_PER_STEP + 1),
        }
        try:
            result = minimize(
                chart.value_and_gradient,
                chart.coordinates(descent.point.u),
                jac=True,
                method="L-BFGS-B",
                callback=chart.accepted,
                options=options,
            )
        except TimeoutError:
            return descent.end(descent.stopped() or "out of time")
        if result.success or descent.point.at.residual <= self.tol:
            return descent.finish("the tests ftol and gtol are met", polish=self.polish)
        ended = descent.stopped()
        if ended:
            return descent.end(ended)
        return descent.finish("no step along its direction lowers the energy", polish=self.polish)


class Chart:
    """The coordinates w of the fields, and the functional in these coordinates."""

    def __init__(self, descent: Descent) -> None:
        problem = descent.problem
        self.descent, self.problem = descent, problem
        self.mass = problem.grid.mass
        self.unknown = problem.free_nodes > 0
        self.free: Array = np.asarray(np.any(self.unknown, axis=1))  # nodes that are free for one field at least
        self.factor = _cholesky(problem.grid, bool(self.free[0]), bool(self.free[-1]))
        self.held = np.where(self.unknown, 0.0, descent.point.u)
        self.last: tuple[Array, DescentPoint] | None = None

    def coordinates(self, u: Array) -> Array:
        away = (u - self.problem.vacuum.values)[self.free]
        return (self.factor.T @ away).ravel()

    def fields(self, w: Array) -> Array:
        away = scipy.linalg.solve_triangular(
            self.factor, w.reshape(-1, self.held.shape[1]), lower=True, trans="T", check_finite=False
        )
        u = self.held.copy()
        u[self.free] = away + self.problem.vacuum.values
        return np.where(self.unknown, u, self.held)

    def value_and_gradient(self, w: Array) -> tuple[float, Array]:
        if self.descent.watch.expired:
            raise TimeoutError
        u = self.fields(w)
        point = self.descent.measure(self.descent.place(u))
        if not point.finite:
            return self._barrier(w)
        self.last = w.copy(), point
        gradient = point.gradient
        if self.problem.norm is not None:
            carries = self.problem.carries_norm
            scale = np.sqrt(self.problem.norm / float(np.sum(carries * u * (self.mass @ u))))
            normal = (self.mass @ point.u) * carries
            along = float(np.sum(gradient * point.u * carries)) / self.problem.norm
            gradient = np.where(carries > 0, scale * (gradient - along * normal), gradient)
        gradient = np.where(self.unknown, gradient, 0.0)
        lowered = scipy.linalg.solve_triangular(self.factor, gradient[self.free], lower=True, check_finite=False)
        return point.value, lowered.ravel()

    def _barrier(self, w: Array) -> tuple[float, Array]:
        """Value and gradient where the energy is not finite: a paraboloid that sends the line search back."""
        away = w - self.coordinates(self.descent.point.u)
        height = 10.0 * max(1.0, abs(self.descent.point.value))
        square = max(float(away @ away), 1e-300)
        return self.descent.point.value + height, 2.0 * height * away / square

    def accepted(self, intermediate_result: Any) -> None:
        """SciPy's callback after each step; StopIteration ends the run."""
        w = intermediate_result.x
        if self.last is None or not np.array_equal(self.last[0], w):
            self.value_and_gradient(w)
        assert self.last is not None
        self.descent.steps += 1
        self.descent.move_to(self.last[1])
        if self.descent.point.at.residual <= self.descent.tol or self.descent.stopped():
            raise StopIteration


@functools.lru_cache(maxsize=16)
def _cholesky(grid: RadialGrid, first: bool, last: bool) -> Array:
    """L with L L^T = K + M over the free nodes."""
    free = slice(0 if first else 1, None if last else -1)
    return np.linalg.cholesky((grid.stiffness + grid.mass)[free, free])
