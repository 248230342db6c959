r"""One minimum of V(u; T) followed in T, as a curve through V'(u; T) = 0 parametrised by its length.

The tangent is the null vector of the exact derivatives (V'', dV'/dT), the corrector Newton's method of least norm. The
curve ends where V'' becomes singular: at a fold, where T turns, or where it meets another stationary point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize
from jaxtyping import Float
from numpy import ndarray as Array

from ..theory.base import AbstractModel
from ..theory.derivatives import coupling_kernels, point_kernels

_LONGEST, _FIRST, _SHORTEST = 0.05, 0.01, 1e-7  # steps, of the sizes of fields and of the range of T
_CORRECTIONS = 8  # of Newton's method
_SMALL = 1e-13  # a correction that is rounding
_STRAIGHT = 0.95  # least cosine between tangents of neighbouring points
_NEAR = 0.2  # largest correction, of the step
_CLOSE, _SHARE, _APPROACHES = 1e-7, 0.9, 40  # how near to a singular point, in steps of which share, at most how many
_STEPS = 4000  # of a curve
_ZERO = 1e-30  # a field that is 0 by a symmetry, but for rounding
_NULL = 1e-10  # singular values that are 0, of the largest


class Scaled:
    """V and its derivatives at x = (u / size, (T - start) / range)."""

    def __init__(self, model: AbstractModel, parameter: str, size: float, start: float, stop: float) -> None:
        self.model, self.parameter, self.size, self.start, self.range = model, parameter, size, start, stop - start
        self._kernels = point_kernels(model.potential_function)
        self._force_rate, self._energy_rate, _ = coupling_kernels(model.potential_function)
        self._direction = {name: float(name == parameter) for name in model.params}
        self._at_zero = np.zeros(1)

    def params(self, t: float) -> dict[str, Any]:
        return {**{name: float(value) for name, value in self.model.params.items()}, self.parameter: t}

    def split(self, x: Array) -> tuple[Array, float]:
        return x[:-1] * self.size, self.start + self.range * float(x[-1])

    def join(self, u: Array, t: float) -> Array:
        return np.append(u / self.size, (t - self.start) / self.range)

    def energy(self, x: Array) -> float:
        u, t = self.split(x)
        return float(self._kernels.value(u[None], self.params(t), self._at_zero)[0])

    def energy_rate(self, x: Array) -> float:
        """dV/dT at fixed fields; along a stationary point the whole derivative."""
        u, t = self.split(x)
        zero = np.zeros_like(u)[None]
        first, _ = self._energy_rate(u[None], self.params(t), self._direction, self._at_zero, zero, self._direction)
        return float(np.asarray(first)[0])

    def slope_and_curvature(self, x: Array) -> tuple[Array, Array]:
        """V' (field,) and V'' (field, field), in units of 1/size."""
        u, t = self.split(x)
        p = self.params(t)
        force = self._kernels.gradient(u[None], p, self._at_zero)[0]
        return force * self.size, self._kernels.hessian(u[None], p, self._at_zero)[0] * self.size**2

    def system(self, x: Array) -> tuple[Array, Array]:
        """V' (field,) and (V'', dV'/dT) (field, field + 1), in units of 1/size and the range."""
        u, t = self.split(x)
        rate = self._force_rate(u[None], self.params(t), self._direction, self._at_zero)[0]
        force, hessian = self.slope_and_curvature(x)
        return force, np.column_stack([hessian, rate * self.size * self.range])

    def masses_squared(self, x: Array, flat: int) -> Array:
        """Eigenvalues of k^-1/2 V'' k^-1/2, ascending, without the ``flat`` ones nearest to 0."""
        u, t = self.split(x)
        scale = 1.0 / np.sqrt(self.model.kinetic)
        hessian = self._kernels.hessian(u[None], self.params(t), self._at_zero)[0]
        found = np.linalg.eigvalsh(hessian * scale[:, None] * scale)
        return np.sort(found[np.argsort(np.abs(found))[flat:]])

    def corrected(self, x: Array, *, held: bool) -> Array | None:
        """The stationary point next to x, at its T if that is ``held``; None if Newton's method finds none."""
        last = np.inf
        for _ in range(_CORRECTIONS):
            force, used = self.slope_and_curvature(x) if held else self.system(x)
            if not (np.all(np.isfinite(force)) and np.all(np.isfinite(used))):
                return None
            step = -np.linalg.lstsq(used, force, rcond=_NULL)[0]
            length = float(np.linalg.norm(step))
            x = x + (np.append(step, 0.0) if held else step)
            # what is left falls by more than the last factor
            left = length if last == np.inf else length * min(1.0, length / last)
            if left <= _SMALL * (1.0 + float(np.linalg.norm(x))):
                return np.where(np.abs(x) < _ZERO, 0.0, x)
            if length > 4.0 * last:
                return None
            last = length
        return x if last <= 1e-9 else None

    def tangent(self, x: Array, towards: Array, flat: int) -> Array | None:
        """The direction of the curve, of length 1, on the side of ``towards``."""
        matrix = self.system(x)[1]
        if not np.all(np.isfinite(matrix)):
            return None
        null = np.linalg.svd(matrix)[2][-(flat + 1) :]
        along = null.T @ (null @ towards)
        length = float(np.linalg.norm(along))
        return along / length if length > 0.0 else None


class Knot(NamedTuple):
    """A point of the curve with its tangent and the length s of the curve up to it."""

    x: Array
    tangent: Array
    s: float


@dataclass(frozen=True)
class Curve:
    """The knots of a minimum in ascending s, from its low-T end to the other, and how it ends."""

    system: Scaled
    knots: tuple[Knot, ...]
    flat: int
    ends: tuple[str, str]  # "range", "singular" or "lost"

    @property
    def limits(self) -> tuple[float, float]:
        return self.system.split(self.knots[0].x)[1], self.system.split(self.knots[-1].x)[1]

    def covers(self, t: float) -> bool:
        return self.limits[0] <= t <= self.limits[1]

    def at(self, t: float) -> Float[Array, " field_plus_one"]:
        """x of the minimum at T, polished."""
        guess = self.near(t)
        found = self.system.corrected(guess, held=True)
        return guess if found is None else found

    def near(self, t: float) -> Float[Array, " field_plus_one"]:
        """x of the minimum at T, interpolated: V there has an error of second order."""
        q = (t - self.system.start) / self.system.range
        k = int(np.clip(np.searchsorted([knot.x[-1] for knot in self.knots], q) - 1, 0, len(self.knots) - 2))
        a, b = self.knots[k], self.knots[k + 1]
        if q <= a.x[-1]:
            guess = a.x
        elif q >= b.x[-1]:
            guess = b.x
        else:
            share = scipy.optimize.brentq(lambda y: _between(a, b, y)[-1] - q, 0.0, 1.0, xtol=1e-12)
            guess = _between(a, b, share)
        return np.append(guess[:-1], q)


def _between(a: Knot, b: Knot, share: float) -> Array:
    """Hermite's cubic between two knots."""
    h, y = b.s - a.s, share
    return np.asarray(
        (1 + 2 * y) * (1 - y) ** 2 * a.x + y * (1 - y) ** 2 * h * a.tangent
        + y**2 * (3 - 2 * y) * b.x + y**2 * (y - 1) * h * b.tangent
    )  # fmt: skip


def follow(system: Scaled, x: Array, flat: int) -> Curve:
    """The curve of the minimum x through the whole range of T."""
    down, low = _one_way(system, x, flat, -1.0)
    up, high = _one_way(system, x, flat, 1.0)
    knots = [Knot(knot.x, -knot.tangent, -knot.s) for knot in reversed(down)] + up[1:]
    return Curve(system, tuple(knots), flat, (low, high))


def _one_way(system: Scaled, x: Array, flat: int, side: float) -> tuple[list[Knot], str]:
    towards = np.append(np.zeros(len(x) - 1), side)
    tangent = system.tangent(x, towards, flat)
    if tangent is None:
        return [Knot(x, towards, 0.0)], "lost"
    knots, step = [Knot(x, tangent, 0.0)], _FIRST
    end = 1.0 if side > 0 else 0.0
    for _ in range(_STEPS):
        last = knots[-1]
        if last.x[-1] == end:
            return knots, "range"
        if last.tangent[-1] * side > 0.0 and (last.x[-1] + step * last.tangent[-1] - end) * side >= 0.0:
            step = (end - last.x[-1]) / last.tangent[-1]
            found = system.corrected(np.append((last.x + step * last.tangent)[:-1], end), held=True)
        else:
            found = system.corrected(last.x + step * last.tangent, held=False)
        knot = None if found is None else _accepted(system, last, found, step, flat)
        if knot is None:
            step *= 0.5
            if step < _SHORTEST:
                return knots, "lost"
            continue
        # Where two branches that are mirror images meet, the mass only touches 0, but T turns.
        for vanishing in (lambda one: side * one.tangent[-1], lambda one: _lowest(system, one.x, flat)):
            if not vanishing(knot) > 0.0:
                return [*knots, _singular(system, last, knot.s - last.s, flat, vanishing)], "singular"
        knots.append(knot)
        step = min(1.5 * step, _LONGEST)
    return knots, "lost"


def _accepted(system: Scaled, last: Knot, x: Array, step: float, flat: int) -> Knot | None:
    tangent = system.tangent(x, last.tangent, flat)
    if tangent is None or tangent @ last.tangent < _STRAIGHT:
        return None
    if np.linalg.norm(x - last.x - step * last.tangent) > _NEAR * step:
        return None
    return Knot(x, tangent, last.s + float(np.linalg.norm(x - last.x)))


def _lowest(system: Scaled, x: Array, flat: int) -> float:
    return float(system.masses_squared(x, flat)[0])


def _singular(system: Scaled, last: Knot, step: float, flat: int, vanishing: Callable[[Knot], float]) -> Knot:
    """The point beyond the knot, by about ``step``, where a positive number of the knots vanishes.

    It is approached from one side and extrapolated to: other curves may pass through it.
    """
    value = vanishing(last)
    least, fall = _CLOSE * value, value / step
    for _ in range(_APPROACHES):
        ahead = _SHARE * value / fall
        found = system.corrected(last.x + ahead * last.tangent, held=False)
        knot = None if found is None else _accepted(system, last, found, ahead, flat)
        lower = -1.0 if knot is None else vanishing(knot)
        if knot is None or not 0.0 < lower < value:
            fall *= 2.0
            continue
        fall, value, last = (value - lower) / (knot.s - last.s), lower, knot
        if value <= least:
            break
    ahead = value / fall
    return Knot(last.x + ahead * last.tangent, last.tangent, last.s + ahead)
