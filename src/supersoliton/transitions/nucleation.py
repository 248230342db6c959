r"""Nucleation of bubbles: the temperature at which S_3/T of the bounce falls to a criterion, with exact derivatives.

By the envelope theorem the derivative of the action of a stationary state in a coupling is that of the explicit
dependence, one integral: :math:`\partial S_3/\partial T = \int(\partial_TV - \partial_TV_\infty)\,d^3x`.
The second derivatives that beta/H needs follow with one linear solve more.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._checks import expect_count, is_number
from ..families.family import family_of
from ..families.sensitivity import Sensitivity, sensitivities
from ..machine.arithmetic import numerical
from ..machine.atomic_write import write_atomically
from ..problem.scales import on_scales
from ..search.bounce import BounceError, bounce
from ..states.in_space import folder_of
from ..states.state import State
from .phases import Transition
from .supercooling import Supercooling, ThermalBounce, bounce_at

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The columns of a table, with their meanings and units
_COLUMNS = {
    "T": ("temperature", "mass"),
    "S3": ("action of the bounce in three dimensions", "mass"),
    "dS3_dT": ("its derivative in T, exact", "1"),
    "R": ("radius at which the fields fall to half", "1/mass"),
    "alpha": ("strength of the transition", "1"),
}


@dataclass(frozen=True)
class QuantumTunnelling:
    """The bounce in four dimensions at the nucleation temperature, compared with the thermal one.

    Attributes
    ----------
    action : float
        S_4; NaN if no bounce is found.
    action_over_T : float
        S_3/T of thermal tunnelling.
    words : str
        Which of them dominates, or why S_4 is not known.
    """

    action: float
    action_over_T: float
    words: str


@dataclass(frozen=True, eq=False)
class Nucleation:
    r"""When bubbles of a phase nucleate in another one.

    Attributes
    ----------
    status : str
        ``"nucleates"``, or in words why there is no such temperature.
    criterion : float or str
        S_3/T asked for, or ``"rate"``.
    temperature : float
        T_n, the highest temperature at which the criterion is met; NaN if there is none.
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
        (dT_n/dp, d(beta/H)/dp) of every coupling p, exact; empty for ``"rate"``, whose prefactor has derivatives
        that are not known.
    history : list of tuple of float
        (T, S_3, dS_3/dT) of the bounces computed.
    transition : Transition
        What nucleates.
    g_star : float
        Degrees of freedom of the radiation.
    """

    status: str
    criterion: float | str
    temperature: float
    action_over_T: float
    least_at: float
    beta_over_H: float
    alpha: float
    radius: float
    state: State | None = field(repr=False)
    derivatives: dict[str, tuple[float, float]] = field(repr=False)
    history: list[tuple[float, float, float]] = field(repr=False)
    transition: Transition = field(repr=False)
    g_star: float = field(repr=False)

    @functools.cached_property
    def quantum(self) -> QuantumTunnelling:
        """Tunnelling by the bounce in four dimensions at T_n, compared with the thermal one."""
        if self.status != "nucleates":
            words = f"there is no temperature to compare at: {self.status}"
            return QuantumTunnelling(math.nan, self.action_over_T, words)
        t, one = self.temperature, self.transition
        try:
            action = bounce(one.high.model(t), one.high(t), one.low(t), dim=4).action
        except BounceError as error:
            return QuantumTunnelling(math.nan, self.action_over_T, str(error))
        larger, sign = ("thermal", ">") if action > self.action_over_T else ("quantum", "<")
        words = f"{larger} tunnelling dominates: S4 = {action:.6g} {sign} S3/T = {self.action_over_T:.6g}"
        return QuantumTunnelling(action, self.action_over_T, words)

    def table(self, n_points: int = 25) -> xr.Dataset:
        """Bounces over the supercooled range, for programs that compute percolation and gravitational waves.

        Parameters
        ----------
        n_points : int, default 25
            Number of temperatures, evenly spaced between the end of the range, where the barrier vanishes or a phase
            ends, and the critical temperature, without these two; T_n is added.

        Returns
        -------
        xarray.Dataset
            ``S3`` (mass), ``dS3_dT``, ``R`` (1/mass) and ``alpha`` over ``T`` (mass), with ``status``: "bounce", or why
            there is none; the numbers are NaN there.

        Raises
        ------
        ValueError
            If ``n_points`` is not a positive integer.
        """
        import xarray as xr

        expect_count("table: n_points", n_points, "try 25")
        names = list(_COLUMNS)
        rows, words = zip(*(self._row(t) for t in self._temperatures(n_points)), strict=True)
        data = dict(zip(names, np.array(rows).T, strict=True))
        attributes = {name: {"long_name": text, "units": unit} for name, (text, unit) in _COLUMNS.items()}
        variables = {name: ("T", data[name], attributes[name]) for name in names[1:]}
        return xr.Dataset(
            {**variables, "status": ("T", list(words))},
            coords={"T": ("T", data["T"], attributes["T"])},
            attrs={"critical": self.transition.critical, "nucleation": self.temperature, "g_star": self.g_star},
        )

    def to_csv(self, path: str | Path, n_points: int = 25) -> Path:
        """Write :meth:`table` as text: a line of names, then one line for each temperature, with all digits.

        Returns the path. Raises ValueError if there is no such folder.
        """
        target = folder_of("to_csv", path)
        write_atomically(target, self.table(n_points).to_dataframe().to_csv())
        return target

    def plot(self, ax: Axes | None = None) -> Figure:
        """S_3/T of the bounces computed over the temperature; ``ax``: where to draw, a new figure if not given."""
        from ..plotting.phases import plot_action

        return plot_action(self, ax)

    def _temperatures(self, n_points: int) -> list[float]:
        search = Supercooling(self.transition, 1.0)
        inside = np.linspace(search.bottom, search.top, n_points + 2)[1:-1].tolist()
        return sorted({*inside, *([self.temperature] if self.status == "nucleates" else [])})

    def _row(self, t: float) -> tuple[list[float], str]:
        strength = _strength(self.transition, t, self.g_star)
        try:
            found = bounce_at(self.transition, t)
        except BounceError as error:
            return [t, math.nan, math.nan, math.nan, strength], str(error)
        return [t, found.action, found.rate, found.state.half_radius, strength], "bounce"

    def __repr__(self) -> str:
        if self.status != "nucleates":
            return f"Nucleation({self.status})"
        return (
            f"Nucleation(T = {self.temperature:.10g}, S3/T = {self.action_over_T:.6g}, "
            f"beta/H = {self.beta_over_H:.7g}, alpha = {self.alpha:.5g}, R = {self.radius:.5g})"
        )


@numerical
def nucleation(
    transition: Transition,
    criterion: float | str = 140.0,
    *,
    g_star: float = 106.75,
    planck_mass: float | None = None,
) -> Nucleation:
    r"""Find the highest temperature at which :math:`S_3(T)/T` of the bounce is ``criterion``, or the rate is H^4.

    Newton's method in :math:`\ln(S_3/T)` over :math:`\ln(T_c - T)`, with the exact derivative of the action, from the
    critical temperature downwards and bracketed.

    Parameters
    ----------
    transition : Transition
        Of first order, from :func:`phases`; the parameter is the temperature.
    criterion : float or "rate", default 140.0
        S_3/T at nucleation; or ``"rate"``: the rate per volume of :func:`decay_rate`, with its determinant, is
        :math:`H^4` with :math:`H^2 = \pi^2g_*T^4/(90M_P^2)`, by the secant method.
    g_star : float, default 106.75
        Degrees of freedom of the radiation in ``alpha`` and H.
    planck_mass : float, optional
        The reduced Planck mass M_P in the unit of T (2.435e18 in GeV), for ``"rate"``.

    Returns
    -------
    Nucleation
        T_n with S_3/T, beta/H, alpha, the bounce, and derivatives in every coupling; ``status`` says why there is no
        T_n, if there is none.

    Raises
    ------
    ValueError
        If the transition is not of first order, a number is not positive, or ``planck_mass`` is missing.

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
    by_rate = criterion == "rate"
    numbers = {
        "criterion": 1.0 if by_rate else criterion,
        "g_star": g_star,
        "planck_mass": 1.0 if planck_mass is None else planck_mass,
    }
    for name, value in numbers.items():
        if not (is_number(value) and float(value) > 0):
            raise ValueError(f"nucleation: {name} must be a positive number, got {value!r}")
    if by_rate and planck_mass is None:
        raise ValueError(
            'nucleation: criterion = "rate" needs planck_mass, the reduced Planck mass in the unit of T: give 2.435e18 '
            "for GeV"
        )
    hubble = math.sqrt(math.pi**2 * g_star / 90.0) / (planck_mass or math.inf)  # over T^2
    expected = -4.0 * math.log(hubble * transition.critical) if by_rate else float(criterion)
    if not expected > 0.0:
        raise ValueError(
            f"nucleation: the Hubble rate is above T with planck_mass = {planck_mass!r}: give it in the unit of T"
        )
    search = Supercooling(transition, expected)
    found = search.by_rate(hubble) if by_rate else search.run()
    if found is None:
        least = min(search.known, key=lambda one: one.over_t, default=None)
        return Nucleation(
            search.status, criterion, math.nan, math.nan if least is None else least.over_t,
            math.nan if least is None else least.t, math.nan, math.nan, math.nan,
            None if least is None else least.state, {}, search.history, transition, g_star,
        )  # fmt: skip
    derivatives = {} if by_rate else _derivatives(found, transition.high.curve.system.parameter)
    return Nucleation(
        "nucleates", criterion, found.t, found.over_t, math.nan, found.t * found.slope,
        _strength(transition, found.t, g_star), found.state.half_radius, found.state, derivatives, search.history,
        transition, g_star,
    )  # fmt: skip


def _strength(transition: Transition, t: float, g_star: float) -> float:
    """alpha: the excess of the trace of the energy-momentum tensor over the energy density of radiation."""
    high, low = transition.high, transition.low
    gap, rate = high.energy_density(t) - low.energy_density(t), high.energy_rate(t) - low.energy_rate(t)
    return (gap - 0.25 * t * rate) / (math.pi**2 / 30.0 * g_star * t**4)


def _derivatives(found: ThermalBounce, parameter: str) -> dict[str, tuple[float, float]]:
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
