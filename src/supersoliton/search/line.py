"""The profile equation along one line in field space: its potential, tabulated where it does not depend on r."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy import ndarray as Array

from ..guesses.arc_length import ArcLength
from ..theory.base import AbstractModel
from ..theory.derivatives import point_kernels
from ..theory.rotating import Rotating

if TYPE_CHECKING:
    from scipy.interpolate import BSpline

NEAR, FAR = 1e-8, 1e5  # |x| between which U is tabulated, in units of the fields
_POINTS = 3000  # of the table of each sign: 1 % apart
_STEP = 1e-5  # relative step of a difference quotient of U'
_NEWTON_STEPS = 40  # towards the minimum in the other fields


@dataclass(frozen=True)
class Line:
    r"""The equation of x in u = base(r) + x e, k (x'' + (d-1) x'/r) = dU/dx.

    .. math:: U(x, r) = \left[V - \tfrac12\omega^2u_c^2\right]_{u = base}^{u = base + xe}
    """

    model: AbstractModel
    dim: float
    direction: Array  # e, of length 1
    base: Callable[[Array], Array]  # fields (point, field) at radii
    shift: Array  # omega^2 for each field
    settled: float = 0.0  # radius beyond which the base is constant; 0 if it is constant everywhere
    followed: bool = False  # whether the other fields minimise V at each x (for a direction along one field)

    @functools.cached_property
    def _effective(self) -> tuple[AbstractModel, Array]:
        """The theory whose V is less that of the rotation, and what is left of ``shift`` besides."""
        turning = self.shift != 0.0
        if self.model.density_function is None or not turning.any():
            return self.model, self.shift
        squared = float(self.shift[turning][0])
        return Rotating(self.model, squared, tuple(turning.astype(float).tolist())), np.zeros_like(self.shift)

    @functools.cached_property
    def _arcs(self) -> tuple[ArcLength, ArcLength] | None:
        """The field at arc lengths to both sides, where x is an arc length because K depends on it; else None."""
        if self.model.density_function is None or self.model.n_fields > 1:
            return None
        start = float(self.base(np.zeros(1))[0, 0])
        return ArcLength(self.model, start, 1.0), ArcLength(self.model, start, -1.0)

    @functools.cached_property
    def kinetic(self) -> float:
        """The factor k of the kinetic term."""
        return float(np.sum(self.model.kinetic * self.direction**2))

    def potential(self, x: Array, r: Array) -> tuple[Array, Array]:
        """U and dU/dx at points of the line."""
        if self.settled > 0.0:
            return self.at_points(x, r)
        quadratic, linear = self._rotation
        table, size = self._table, np.maximum(np.abs(x), 1e-300)
        s, side = np.log(size), np.where(x < 0, 1, 0)
        inside = np.clip(s, np.log(NEAR), np.log(FAR))
        # U = x^2 f(ln |x|): both U and its derivative come from one spline, so that the energy of a motion is exact.
        ratio, rate = np.empty((2, len(x)))
        for i in (0, 1):
            on = side == i
            if on.any():
                ratio[on], rate[on] = table[i](inside[on]), table[i](inside[on], 1)
        ratio = ratio + rate * (s - inside) - 0.5 * quadratic
        return size**2 * ratio - linear * x, x * (2.0 * ratio + rate) - linear

    @functools.cached_property
    def _rotation(self) -> tuple[float, float]:
        """The coefficients of -x^2/2 and -x in -omega^2 u_c^2/2 that the table does not hold."""
        if self.followed or self.model.density_function is not None:
            return 0.0, 0.0
        turned = self.shift * self.direction
        return float(turned @ self.direction), float(turned @ self.base(np.zeros(1))[0])

    def at_shift(self, shift: Array) -> Line:
        """The same line at another frequency, with the same table."""
        other = replace(self, shift=shift)
        if not self.followed and self.settled == 0.0 and self.model.density_function is None:
            other.__dict__["_table"] = self._table
        return other

    def fields(self, x: Array, r: Array) -> Array:
        """u at points of the line, (point, field)."""
        if self._arcs is not None:
            return np.where(x < 0.0, self._arcs[1](np.abs(x)), self._arcs[0](np.abs(x)))[:, None]
        u = self.base(r) + x[:, None] * self.direction
        if not self.followed:
            return u
        others = self.direction == 0.0
        at, values = self._others
        for i in np.flatnonzero(others):
            u[:, i] = np.interp(x, at, values[:, i])
        return u

    @functools.cached_property
    def _others(self) -> tuple[Array, Array]:
        """x in order, and the fields there with the others at the minimum of V."""
        size = np.exp(_logarithms())
        x = np.concatenate([-size[::-1], size])
        u = self.base(np.zeros(len(x))) + x[:, None] * self.direction
        return x, _minimised(self.model, u, self.direction == 0.0, self.shift)

    @functools.cached_property
    def _table(self) -> tuple[BSpline, BSpline]:
        """Splines of U/x^2 in ln |x|, for x > 0 and x < 0. U is the integral of its derivative, exact near x = 0."""
        from scipy.interpolate import make_interp_spline  # here: the driver of a scan does without

        s = _logarithms()
        splines = []
        for sign in (1.0, -1.0):
            x = np.concatenate([[0.0], sign * np.exp(s)])
            slope = self.at_points(x, np.zeros(len(x)))[1]
            slope = sign * (np.where(np.isfinite(slope), slope, 0.0) - slope[0])[1:]
            slope = slope + self._rotation[0] * np.exp(s)
            flow = np.exp(s) * slope  # dU/ds
            cells = (flow[:-2:2] + 4.0 * flow[1:-1:2] + flow[2::2]) * (s[2] - s[0]) / 6.0
            energy = np.concatenate([[0.0], np.cumsum(cells)]) + 0.5 * flow[0]
            splines.append(make_interp_spline(s[::2], energy * np.exp(-2.0 * s[::2]), k=5))
        return splines[0], splines[1]

    def at_points(self, x: Array, r: Array) -> tuple[Array, Array]:
        """U and dU/dx from the potential itself."""
        base, (model, shift) = self.base(r), self._effective
        kernels, params = point_kernels(model.potential_function), model.params
        u = self.fields(x, r)
        with np.errstate(all="ignore"):
            value, slope = kernels.value_and_gradient(u, params, r)
            value = value - kernels.value(base, params, r) - 0.5 * np.sum(shift * (u**2 - base**2), axis=1)
            along = np.sum((slope - shift * u) * self.direction, axis=1)
            return value, along if self._arcs is None else along * np.abs(self._arcs[0].slope(u[:, 0]))

    def curvature(self, x: float) -> float:
        """d2U/dx2 at r = 0."""
        at, (model, shift) = np.zeros(1), self._effective
        if self._arcs is not None and x != 0.0:  # in an arc length the second derivative has one of K
            step = _STEP * abs(x)
            slopes = self.at_points(np.array([x - step, x + step]), np.zeros(2))[1]
            return float(slopes[1] - slopes[0]) / (2.0 * step)
        u = self.fields(np.array([x]), at)
        hessian = point_kernels(model.potential_function).hessian(u, model.params, at)[0]
        across = float(self.direction @ (hessian - np.diag(shift)) @ self.direction)
        return across if self._arcs is None else across * float(self._arcs[0].slope(u[:, 0])[0]) ** 2


def _logarithms() -> Array:
    return np.linspace(np.log(NEAR), np.log(FAR), 2 * _POINTS + 1)


def _minimised(model: AbstractModel, u: Array, free: Array, shift: Array) -> Array:
    """``u`` with the ``free`` fields at a minimum of V - omega^2 u_c^2/2 next to them, by damped Newton steps."""
    kernels, radius = point_kernels(model.potential_function), np.zeros(len(u))
    u, chosen = u.copy(), np.flatnonzero(free)
    damping = np.full(len(u), 1e-3)

    def value(v: Array) -> Array:
        return kernels.value(v, model.params, radius) - 0.5 * np.sum(shift * v**2, axis=1)

    with np.errstate(all="ignore"):
        before = value(u)
        for _ in range(_NEWTON_STEPS):
            slope = (kernels.gradient(u, model.params, radius) - shift * u)[:, chosen]
            hessian = (kernels.hessian(u, model.params, radius) - np.diag(shift))[:, chosen][:, :, chosen]
            broken = ~(np.all(np.isfinite(hessian), axis=(1, 2)) & np.all(np.isfinite(slope), axis=1))
            hessian[broken], slope[broken] = np.eye(len(chosen)), 0.0
            values, vectors = np.linalg.eigh(hessian)
            along = np.einsum("pij,pi->pj", vectors, slope) / (np.abs(values) + damping[:, None])
            trial = u.copy()
            trial[:, chosen] -= np.einsum("pij,pj->pi", vectors, along)
            after = value(trial)
            lower = after <= before
            u[lower], before = trial[lower], np.where(lower, after, before)
            damping = np.where(lower, 0.2 * damping, 10.0 * damping)
    return u
