r"""Gradient flow: :math:`\partial_\tau u = -M^{-1}(E'(u) - \omega^2M_cu)`, the projected flow at fixed norm.

Its fixed points are the stationary points of E on the sphere of fixed norm, because :math:`\omega^2` is the multiplier
that makes the force tangent to it.

*Semi-implicit* (recommended): gradient energy and a positive diagonal c are taken at the end of the step,

.. math:: (M/\Delta\tau + kK + cM)\,\delta - \dot\omega^2M_cu = -F(u),\qquad \langle M_cu, \delta\rangle = 0,

with c the positive part of the diagonal of V'' at the vacuum (a function of r in a trap :math:`V = \tfrac12r^2u^2`).
Then the norm is restored. Steps that raise the energy are refused; :math:`\Delta\tau` grows while steps are as
predicted.

*Explicit*: the forward Euler step :math:`u - \Delta\tau M^{-1}F`, stable for
:math:`\Delta\tau < 2/\lambda_{max}(M^{-1}K)`; these steps are small, so it is for comparison only.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import scipy.linalg
from numpy import ndarray as Array

from .._checks import expect_constant_kinetic, is_number
from ..elements.grid import RadialGrid
from ..problem.problem import DiscreteProblem
from ..problem.scales import Scales
from ..problem.tangent_space import Bordered, constraints_of
from . import globalisation
from .base import AbstractSolver, Solution
from .descent import Descent, check_options

_SCHEMES = ("semi-implicit", "explicit")
_DTAU = {"semi-implicit": 1.0, "explicit": 2e-5}
# Residual at which Newton's method takes over: inside its basin, before the flow is limited by its slow modes.
_HANDOVER = 1e-4
_SMALLEST = 1e-10  # fraction of the first time step below which the flow has stalled


@dataclass(frozen=True)
class GradientFlow(AbstractSolver):
    r"""Gradient flow :math:`\partial_\tau u = -M^{-1}(E'(u) - \omega^2M_cu)` to a minimum (at fixed norm where given).

    Parameters
    ----------
    scheme : {"semi-implicit", "explicit"}
        How the gradient energy is discretised in time. The explicit scheme is for comparison only: its steps are small.
    dtau : float, optional
        Time step, in 1/mass^2: the first one (semi-implicit; 1 if not given) or the largest (explicit; 2e-5 if not
        given). It is halved where a step would raise the energy.
    clip : float, default 1e4
        Explicit scheme: largest modulus of the fields.
    normalise_every : int, default 10
        Explicit scheme: number of steps after which the norm is restored and the energy compared.
    polish : bool, default True
        Finish with Newton's method from residual 1e-4. Without it the flow itself runs to ``tol``.
    tol : float, default 1e-10
        Relative dual residual at which a state counts as converged.
    max_steps : int, default 5000
        Limit on steps, those of Newton's method included.
    max_seconds : float or None, default 60.0
        Time budget; None for no limit.

    Raises
    ------
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - p["g"] * u[0]**4 / 4 + u[0]**6 / 8, params={"g": 1.6})
    >>> problem = ss.Problem(model, ss.RadialGrid(r_max=30.0), norm=100.0)
    >>> state = ss.solve(problem, ss.Gaussian(), ss.GradientFlow())
    >>> print(f"{state.energy:.6f}")
    48.035581
    """

    scheme: str = "semi-implicit"
    dtau: float | None = None
    clip: float = 1e4
    normalise_every: int = 10
    polish: bool = True
    tol: float = 1e-10
    max_steps: int = 5000
    max_seconds: float | None = 60.0

    def __post_init__(self) -> None:
        if self.scheme not in _SCHEMES:
            raise ValueError(f"solver.scheme must be one of {_SCHEMES}, got {self.scheme!r}: choose one")
        if self.dtau is not None and not (is_number(self.dtau) and self.dtau > 0):
            raise ValueError(f"solver.dtau must be positive or none, got {self.dtau!r}: leave it out")
        if not (is_number(self.clip) and self.clip > 0):
            raise ValueError(f"solver.clip must be positive, got {self.clip!r}: try 1e4")
        every: Any = self.normalise_every
        if isinstance(every, bool) or not isinstance(every, int) or every < 1:
            raise ValueError(f"solver.normalise_every must be an integer of at least 1, got {every!r}: try 10")
        check_options(self.tol, self.max_steps, self.max_seconds, self.polish)

    def dimensionless(self, scales: Scales) -> Self:
        dtau = None if self.dtau is None else self.dtau / scales.length**2
        return replace(self, dtau=dtau, clip=self.clip / scales.field)

    def run(self, problem: DiscreteProblem, u: Array) -> Solution:
        """Solve ``problem``, which has a grid, from nodal fields ``u`` (n_nodes, n_fields); see :meth:`Newton.run`."""
        expect_constant_kinetic("GradientFlow", problem.model, 'use Newton(target="minimum") or LBFGS()')
        limits: dict[str, Any] = {"tol": self.tol, "max_steps": self.max_steps, "max_seconds": self.max_seconds}
        flow = _Flow(problem, u, name=f"the {self.scheme} gradient flow", **limits)
        flow.dtau = first = _DTAU[self.scheme] if self.dtau is None else float(self.dtau)
        goal = max(self.tol, _HANDOVER) if self.polish else self.tol
        while True:
            residual = flow.point.at.residual
            ended = flow.stopped() if residual > self.tol else None
            if ended:
                return flow.end(ended)
            if residual <= goal:
                return flow.finish("", polish=self.polish)
            if self.scheme == "explicit":
                flow.explicit_steps(self.clip, self.normalise_every)
            else:
                flow.semi_implicit_step()
            if flow.dtau < _SMALLEST * first:
                return flow.finish("no time step lowers the energy", polish=self.polish)


class _Flow(Descent):
    """One run of the flow, with its time step."""

    dtau = 1.0
    _factors: tuple[float, list[Array]] | None = None

    @functools.cached_property
    def free(self) -> Array:
        """Mask of the nodes that are unknowns, the same for all fields."""
        return self.problem.free_nodes[:, 0] > 0

    @functools.cached_property
    def bands(self) -> list[Array]:
        """kK + cM of each field over the free nodes, in LAPACK's lower band form (order + 1, free nodes)."""
        problem, grid = self.problem, self.problem.grid
        vacuum = np.tile(problem.vacuum.values, (grid.n_nodes, 1))
        curvature = np.einsum("eqii->ieq", np.asarray(problem.curvature(vacuum)))
        stiffness = grid.element_matrices(of="stiffness")
        out = []
        for factor, c in zip(problem.model.kinetic, np.where(curvature > 0, curvature, 0.0), strict=True):  # NaN -> 0
            out.append(self._band(grid.assemble(factor * stiffness + grid.element_matrices(c))))
        return out

    def _band(self, matrix: Array) -> Array:
        inner = matrix[np.ix_(self.free, self.free)]
        width = min(self.problem.grid.order, len(inner) - 1)
        return np.stack([np.append(np.diagonal(inner, -k), np.zeros(k)) for k in range(width + 1)])

    def smooth(self, loads: Array) -> Array:
        """(M/dtau + kK + cM)^-1 of (node, field, column), zero where values are held."""
        if self._factors is None or self._factors[0] != self.dtau:
            mass = self._band(self.problem.grid.mass) / self.dtau
            factors = [scipy.linalg.cholesky_banded(band + mass, lower=True) for band in self.bands]
            self._factors = self.dtau, factors
        out = np.zeros_like(loads)
        for i, factor in enumerate(self._factors[1]):
            out[self.free, i] = scipy.linalg.cho_solve_banded((factor, True), loads[self.free, i])
        return out

    def semi_implicit_step(self) -> None:
        """Take one step if it lowers the energy, and update the time step."""
        problem, point = self.problem, self.point
        step, _ = Bordered(self.smooth, constraints_of(problem, point.u)).solve(-point.at.vector)
        self.steps += 1
        slope = float(np.sum(point.at.vector * step))  # dE along the step, negative
        candidate = self.measure(self.place(point.u + step))
        change = candidate.value - point.value
        if not candidate.finite:
            agreement = 0.0
        elif globalisation.is_asymptotic(point.at.residual) or abs(slope) < globalisation.ROUNDING * self.scale:
            agreement = 0.75 if candidate.at.residual < point.at.residual else 0.0
        else:
            agreement = change / slope if change <= 0.0 and slope < 0.0 else 0.0
        if agreement > 0.0:
            self.move_to(candidate)
        # For a quadratic energy with second variation H the agreement is 1 - H/(2A), A the operator of the step: 1/2
        # for the Newton step in this direction, less if the step overshoots.
        if agreement > 0.7:
            self.dtau *= 2.0
        elif agreement < 0.3:
            self.dtau *= 0.5

    def explicit_steps(self, clip: float, count: int) -> None:
        """Take ``count`` Euler steps and restore the norm, if this lowers the energy."""
        problem = self.problem
        free = self.free
        factor = _mass_cholesky(problem.grid, bool(free[0]), bool(free[-1]))
        point, count = self.point, min(count, self.max_steps - self.steps)
        for taken in range(1, count + 1):
            u = point.u.copy()
            u[free] -= self.dtau * scipy.linalg.cho_solve((factor, True), point.at.vector[free], check_finite=False)
            u[free] = np.clip(u[free], -clip, clip)
            point = self.measure(self.place(u) if taken == count else u)
            self.steps += 1
            if not point.finite or self.watch.expired:
                break
        if self.watch.expired:
            return
        lower = point.finite and point.value <= self.point.value
        if point.finite and abs(point.value - self.point.value) < globalisation.ROUNDING * self.scale:
            lower = point.at.residual < self.point.at.residual
        if lower:
            self.move_to(point)
        else:
            self.dtau *= 0.5


@functools.lru_cache(maxsize=16)
def _mass_cholesky(grid: RadialGrid, first: bool, last: bool) -> Array:
    """The lower Cholesky factor of M over the free nodes."""
    free = slice(0 if first else 1, None if last else -1)
    return np.linalg.cholesky(grid.mass[free, free])
