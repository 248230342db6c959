"""Bounces below the critical temperature, and the temperature at which S_3/T, or the rate, meets a criterion."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..families.family import family_of
from ..families.sensitivity import functional_rates
from ..fluctuations.rate import decay_rate
from ..problem.scales import on_scales
from ..search.bounce import BounceError, bounce
from ..states.state import State
from .phases import Transition, crossings

_FIRST = 0.1  # of the supercooled range: where the search begins
_STEPS = 60  # bounces at most
_FACTOR = 8.0  # largest factor by which the distance to the critical value changes in a step
_CLOSE = 1e-12  # relative change of T that ends Newton's method
_NEAREST = 1e-7  # of the range: how near to its ends bounces are tried
_LEAST = 1e-8  # relative accuracy of the least S/T
_RATES, _SAME_RATE = 20, 1e-11  # determinants at most; relative change of T that ends their search


@dataclass(frozen=True, eq=False)
class ThermalBounce:
    """The bounce at T, its action and dS/dT."""

    t: float
    state: State
    action: float
    rate: float

    @property
    def over_t(self) -> float:
        return self.action / self.t

    @property
    def slope(self) -> float:
        """d(S/T)/dT."""
        return (self.rate - self.over_t) / self.t


class Supercooling:
    """The way down from the critical temperature."""

    def __init__(self, transition: Transition, criterion: float) -> None:
        self.transition, self.criterion, self.status = transition, criterion, ""
        self.known: list[ThermalBounce] = []
        self.top = transition.critical
        high, low = transition.high, transition.low
        # below another crossing the phases have changed places
        others = [one.critical for one in crossings(high, low) if one.critical < self.top * (1.0 - 1e-9)]
        self.bottom = max(high.low, low.low, 0.0, *others)

    @property
    def history(self) -> list[tuple[float, float, float]]:
        return sorted((one.t, one.action, one.rate) for one in self.known)

    def at(self, t: float) -> ThermalBounce:
        """The bounce at T. Raises BounceError if there is none."""
        found = bounce_at(self.transition, t)
        self.known.append(found)
        return found

    def by_rate(self, hubble: float) -> ThermalBounce | None:
        """The highest T at which the rate is H^4, for H = hubble T^2.

        ln(rate) = C(T) - S/T, with C from the determinant. C - 4 ln H varies slowly: where S/T is equal to it is found
        by the secant method, from where S/T is 4 ln(T/H).
        """
        here = self.run()
        before: tuple[float, float] | None = None
        for _ in range(_RATES):
            if here is None:
                return None
            try:
                found = decay_rate(here.state, temperature=here.t)
            except ValueError as error:
                self.status = f"the rate at {here.t:.9g} is not known: {error}"
                return None
            gap = 4.0 * math.log(hubble * here.t**2) - found.log_rate
            slope = here.slope if before is None else (gap - before[1]) / (here.t - before[0])
            t = here.t - gap / slope
            if abs(t - here.t) <= _SAME_RATE * here.t:
                return here
            before = here.t, gap
            if not self.bottom < t < self.top:
                self.status = "the rate does not reach the fourth power of the Hubble rate below the critical value"
                return None
            try:
                here = self.at(t)
            except BounceError as error:
                self.status = str(error)
                return None
        self.status = f"not converged within {_RATES} determinants"
        return None

    def run(self) -> ThermalBounce | None:
        span = self.top - self.bottom
        above: ThermalBounce | None = None  # S/T above the criterion, at the lowest T so far
        below: ThermalBounce | None = None
        t = self.top - _FIRST * span
        for _ in range(_STEPS):
            try:
                here = self.at(t)
            except BounceError as error:
                self.status = str(error)
                return None
            if abs(here.over_t / self.criterion - 1.0) <= 1e-13:
                return here
            if here.over_t > self.criterion:
                if here.slope <= 0.0 and below is None:
                    return self._least(here, above)
                above = here if above is None or here.t < above.t else above
            else:
                below = here if below is None or here.t > below.t else below
            if below is not None and above is None and self.top - here.t <= _NEAREST * span:
                self.status = (
                    f"S3/T is {here.over_t:.6g} next to the critical value already: the bounce ends in another phase, "
                    "which is lower there"
                )
                return None
            step = self._next(here, above, below)
            if abs(step - t) <= _CLOSE * t:
                return here
            t = step
            if t <= self.bottom + _NEAREST * span:
                if here.t <= self.bottom + 2.0 * _NEAREST * span:
                    self.status = (
                        f"S3/T is still {here.over_t:.6g} at the lowest value of the range, {self.bottom:.6g}, and "
                        f"does not fall to {self.criterion:g}: lower the start of the range"
                    )
                    return None
                t = self.bottom + _NEAREST * span
        self.status = f"not converged within {_STEPS} bounces"
        return None

    def _next(self, here: ThermalBounce, above: ThermalBounce | None, below: ThermalBounce | None) -> float:
        """Newton's step in ln(S/T) over ln(T_c - T), kept inside the bracket."""
        x = self.top - here.t
        slope = -x * here.slope / here.over_t  # d ln(S/T) / d ln x
        change = math.log(self.criterion / here.over_t) / slope if slope < 0.0 else math.inf
        limit = math.log(_FACTOR)
        t = self.top - x * math.exp(min(max(change, -limit), limit))
        low = self.bottom if below is None else below.t
        high = self.top if above is None else above.t
        if low < t < high:
            return t
        if below is None:
            return max(0.5 * (here.t + self.bottom), self.bottom)
        return 0.5 * (low + high)

    def _least(self, here: ThermalBounce, above: ThermalBounce | None) -> ThermalBounce | None:
        """Look for the minimum of S/T between two temperatures; the criterion may be crossed on the way."""
        lower, upper = here, above
        if upper is None:  # the first bounce was below the minimum
            for share in (0.5, 0.25, 0.1, 0.03, 0.01):
                one = self.at(self.top - share * (self.top - here.t))
                if one.over_t <= self.criterion or one.slope > 0.0:
                    upper = one
                    break
                lower = one
        if upper is None:
            self.status = "S3/T has no minimum that could be found below the critical value"
            return None
        for _ in range(_STEPS):
            if upper.over_t <= self.criterion:
                return self._between(upper)
            t = upper.t - upper.slope * (upper.t - lower.t) / (upper.slope - lower.slope)
            width = upper.t - lower.t
            t = min(max(t, lower.t + 0.05 * width), upper.t - 0.05 * width)
            middle = self.at(t)
            if middle.over_t <= self.criterion:
                return self._between(middle)
            if middle.slope > 0.0:
                upper = middle
            else:
                lower = middle
            # a convex function falls no further than its tangent
            if width <= 1e-6 * upper.t or abs(middle.slope) * width <= _LEAST * middle.over_t:
                break
        least = min(self.known, key=lambda one: one.over_t)
        self.status = f"S3/T never falls to {self.criterion:g}: its minimum is {least.over_t:.8g}, at {least.t:.8g}"
        return None

    def _between(self, below: ThermalBounce) -> ThermalBounce | None:
        """The crossing above a temperature at which S/T is below the criterion."""
        upper = min(
            (one for one in self.known if one.t > below.t and one.over_t > self.criterion), key=lambda one: one.t
        )
        here = below
        for _ in range(_STEPS):
            t = self._next(here, upper, below)
            if abs(t - here.t) <= _CLOSE * t:
                return here
            here = self.at(t)
            if here.over_t > self.criterion:
                upper = here
            else:
                below = here
        self.status = f"not converged within {_STEPS} bounces"
        return None


def bounce_at(transition: Transition, t: float) -> ThermalBounce:
    """The bounce of a transition at T. Raises BounceError if there is none."""
    high, low = transition.high, transition.low
    name = high.curve.system.parameter
    state = bounce(high.model(t), high(t), low(t), dim=3)
    if not state.converged:
        raise BounceError(f"no bounce is found at {name} = {t:.9g}: {state.status}")
    return ThermalBounce(t, state, state.action, _energy_rate(state, name))


def _energy_rate(state: State, parameter: str) -> float:
    """dS/dT by the envelope theorem, without a solve."""
    inner, scales = on_scales(state)
    family = family_of(inner.problem, parameter, scales)
    return float(functional_rates(family, family.point(inner.u, inner.multiplier), np.zeros_like(inner.u))[0]) * float(
        scales.unit("energy")
    )
