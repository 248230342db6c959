r"""Nucleation of bubbles: the temperature at which S_3/T of the bounce falls to a criterion, with exact derivatives.

By the envelope theorem the derivative of the action of a stationary state in a coupling is that of the explicit
dependence, one integral: :math:`\partial S_3/\partial T = \int(\partial_TV - \partial_TV_\infty)\,d^3x`.
The second derivatives that beta/H needs follow with one linear solve more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from .._checks import is_number
from ..families.family import family_of
from ..families.sensitivity import Sensitivity, functional_rates, sensitivities
from ..machine.arithmetic import numerical
from ..problem.scales import on_scales
from ..search.bounce import BounceError, bounce
from ..states.state import State
from .phases import Transition, crossings

_FIRST = 0.1  # of the supercooled range: where the search begins
_STEPS = 60  # bounces at most
_FACTOR = 8.0  # largest factor by which the distance to the critical value changes in a step
_CLOSE = 1e-12  # relative change of T that ends Newton's method
_NEAREST = 1e-7  # of the range: how near to its ends bounces are tried


@dataclass(frozen=True, eq=False)
class Nucleation:
    r"""When bubbles of a phase nucleate in another one.

    Attributes
    ----------
    status : str
        ``"nucleates"``, or in words why there is no such temperature.
    criterion : float
        S_3/T asked for.
    temperature : float
        T_n, the highest temperature at which S_3/T is the criterion; NaN if there is none.
    action_over_T : float
        S_3/T there; where there is no T_n, its least value found, at ``least_at``.
    least_at : float
        The temperature of that least value; NaN where bubbles nucleate.
    beta_over_H : float
        T d(S_3/T)/dT.
    alpha : float
        :math:`(\Delta V - \tfrac14T\,d\Delta V/dT)/\rho` with the energy density of radiation
        :math:`\rho = \pi^2g_*T^4/30`.
    radius : float
        Half-radius of the critical bubble, in 1/mass.
    state : State
        The bounce.
    derivatives : dict of str to tuple of float
        (dT_n/dp, d(beta/H)/dp) of every coupling p, exact.
    history : list of tuple of float
        (T, S_3, dS_3/dT) of the bounces computed.
    """

    status: str
    criterion: float
    temperature: float
    action_over_T: float
    least_at: float
    beta_over_H: float
    alpha: float
    radius: float
    state: State | None = field(repr=False)
    derivatives: dict[str, tuple[float, float]] = field(repr=False)
    history: list[tuple[float, float, float]] = field(repr=False)

    def __repr__(self) -> str:
        if self.status != "nucleates":
            return f"Nucleation({self.status})"
        return (
            f"Nucleation(T = {self.temperature:.10g}, S3/T = {self.action_over_T:.6g}, "
            f"beta/H = {self.beta_over_H:.7g}, alpha = {self.alpha:.5g}, R = {self.radius:.5g})"
        )


@numerical
def nucleation(transition: Transition, criterion: float = 140.0, *, g_star: float = 106.75) -> Nucleation:
    r"""Find the highest temperature at which :math:`S_3(T)/T` of the bounce is ``criterion``.

    Newton's method in :math:`\ln(S_3/T)` over :math:`\ln(T_c - T)`, with the exact derivative of the action, from the
    critical temperature downwards and bracketed.

    Parameters
    ----------
    transition : Transition
        Of first order, from :func:`phases`; the parameter is the temperature.
    criterion : float, default 140.0
        S_3/T at nucleation.
    g_star : float, default 106.75
        Degrees of freedom of the radiation in ``alpha``.

    Returns
    -------
    Nucleation
        T_n with S_3/T, beta/H, alpha, the bounce, and derivatives in every coupling; ``status`` says why there is no
        T_n, if there is none.

    Raises
    ------
    ValueError
        If the transition is not of first order, or a number is not positive.

    Notes
    -----
    S_3/T is U-shaped where the barrier remains at T = 0. Its minimum is found where it does not fall to the criterion.

    Examples
    --------
    >>> V = lambda u, p: (0.1 * p["T"]**2 - 100) * u[0]**2 - 10 * u[0]**3 + 0.1 * u[0]**4
    >>> found = ss.phases(ss.Potential(V, fields=("phi",), params={"T": 50.0}), start=0.0, stop=80.0)
    >>> ss.nucleation(found.transitions[0])
    Nucleation(T = 57.41044465, S3/T = 140, beta/H = 7407.709, alpha = 0.0013835, R = 0.41198)
    """
    if not isinstance(transition, Transition) or transition.order != 1:
        raise ValueError(f"nucleation: transition must be one of first order, got {transition!r}: see ss.phases")
    for name, value in (("criterion", criterion), ("g_star", g_star)):
        if not (is_number(value) and value > 0):
            raise ValueError(f"nucleation: {name} must be a positive number, got {value!r}")
    search = _Search(transition, float(criterion))
    found = search.run()
    if found is None:
        least = min(search.known, key=lambda one: one.over_t, default=None)
        return Nucleation(
            search.status, criterion, math.nan, math.nan if least is None else least.over_t,
            math.nan if least is None else least.t, math.nan, math.nan, math.nan,
            None if least is None else least.state, {}, search.history,
        )  # fmt: skip
    derivatives = _derivatives(found, transition.high.curve.system.parameter)
    gap = transition.high.energy_density(found.t) - transition.low.energy_density(found.t)
    rate = transition.high.energy_rate(found.t) - transition.low.energy_rate(found.t)
    radiation = math.pi**2 / 30.0 * g_star * found.t**4
    return Nucleation(
        "nucleates", criterion, found.t, found.over_t, math.nan, found.t * found.slope,
        (gap - 0.25 * found.t * rate) / radiation, found.state.half_radius, found.state, derivatives,
        search.history,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Bounce:
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


class _Search:
    """The way down from the critical temperature."""

    def __init__(self, transition: Transition, criterion: float) -> None:
        self.transition, self.criterion, self.status = transition, criterion, ""
        self.known: list[_Bounce] = []
        self.top = transition.critical
        high, low = transition.high, transition.low
        # below another crossing the phases have changed places
        others = [one.critical for one in crossings(high, low) if one.critical < self.top * (1.0 - 1e-9)]
        self.bottom = max(high.low, low.low, 0.0, *others)

    @property
    def history(self) -> list[tuple[float, float, float]]:
        return sorted((one.t, one.action, one.rate) for one in self.known)

    def at(self, t: float) -> _Bounce:
        """The bounce at T. Raises BounceError if there is none."""
        high, low = self.transition.high, self.transition.low
        name = high.curve.system.parameter
        state = bounce(high.model(t), high(t), low(t), dim=3)
        if not state.converged:
            raise BounceError(f"no bounce is found at {name} = {t:.9g}: {state.status}")
        found = _Bounce(t, state, state.action, _energy_rate(state, name))
        self.known.append(found)
        return found

    def run(self) -> _Bounce | None:
        span = self.top - self.bottom
        above: _Bounce | None = None  # S/T above the criterion, at the lowest T so far
        below: _Bounce | None = None
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

    def _next(self, here: _Bounce, above: _Bounce | None, below: _Bounce | None) -> float:
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

    def _least(self, here: _Bounce, above: _Bounce | None) -> _Bounce | None:
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
            if width <= 1e-6 * upper.t:
                break
        least = min(self.known, key=lambda one: one.over_t)
        self.status = f"S3/T never falls to {self.criterion:g}: its minimum is {least.over_t:.8g}, at {least.t:.8g}"
        return None

    def _between(self, below: _Bounce) -> _Bounce | None:
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


def _energy_rate(state: State, parameter: str) -> float:
    """dS/dT by the envelope theorem, without a solve."""
    inner, scales = on_scales(state)
    family = family_of(inner.problem, parameter, scales)
    return float(functional_rates(family, family.point(inner.u, inner.multiplier), np.zeros_like(inner.u))[0]) * float(
        scales.unit("energy")
    )


def _derivatives(found: _Bounce, parameter: str) -> dict[str, tuple[float, float]]:
    """(dT_n/dp, d(beta/H)/dp) for every other coupling, at fixed S/T.

    beta/H is B = dS/dT - S/T, so dB/dp = d2S/dTdp - (dS/dp)/T + (d2S/dT2 - (dS/dT)/T + S/T^2) dT_n/dp.
    """
    inner, scales = on_scales(found.state)
    problem, t = inner.problem, found.t
    family = family_of(problem, parameter, scales)
    point = family.point(inner.u, inner.multiplier)
    names = [parameter, *(name for name in found.state.problem.model.params if name != parameter)]

    def mixed(name: str, one: Sensitivity) -> float:
        course = {other: float(other == name) for other in problem.model.params}
        vacuum = family_of(problem, name, scales).vacuum_rate(problem)
        return family.energy_rates(point, one.fields / scales.unit("field"), vacuum, course)[1] * scales.unit("energy")

    along = dict(zip(names, sensitivities(found.state, names), strict=True))
    own = along.pop(parameter)
    out: dict[str, tuple[float, float]] = {}
    if isinstance(own, Sensitivity):
        second = mixed(parameter, own) - found.rate / t + found.over_t / t
        for name, one in along.items():
            if isinstance(one, Sensitivity):
                moved = -one.energy / (t * found.slope)
                out[name] = (moved, mixed(name, one) - one.energy / t + second * moved)
    return out
