r"""Exact derivatives of everything that a trial scores: masses, hierarchy, ratios, scores, energies, frequency.

Masses move by :math:`dm/dp = (d\lambda/dp)/2m` (Hellmann and Feynman, with the state's own derivative), vacuum masses
with V'' at the vacuum, which moves too. Each score gives its derivative in the masses, each theory those of the numbers
that it records. A number that is no smooth function of the couplings (a count, a percentile) has none, and one that is
smooth only up to some step has the distance to it, to first order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from .._checks import expect_constant_kinetic, expect_state
from ..machine.arithmetic import numerical
from ..problem.scales import OnScales, Scales, on_scales
from ..scores import registry
from ..scores.score import Score, ScoreSettings, Slope
from ..states.state import State
from ..theory.vacua import mass_matrix
from .family import family_of
from .mass_derivatives import EQUAL, Levels, levels_of, mass_levels
from .oscillation_slopes import oscillation_masses
from .sensitivity import Sensitivity, per_parameter, rotating_rates, sensitivities


@dataclass(frozen=True, eq=False, repr=False)
class Slopes:
    """Numbers of a state and their derivatives with respect to parameters.

    Attributes
    ----------
    parameters : tuple of str
        Names of the parameters.
    values : dict of str to float
        The numbers by name, as a scan records them: energies, norm, frequency, scores, numbers of the theory.
    slopes : dict of str to ndarray of shape (n_parameters,)
        Derivatives of those that have one; NaN where it is not defined, as for a degenerate level.
    reach : dict of str to ndarray of shape (n_parameters,)
        How far each parameter may move, to first order, before a step or a kink of the number: infinite for energies,
        until masses change places for ``hierarchy`` and ``regularity``, until a ratio crosses 1.01 or a target becomes
        a hit or ceases to be one for ``fractal_score``, which has the slope of its correlation.
    masses : ndarray of shape (n_masses,)
        The scored masses, ascending, in mass.
    mass_slopes : ndarray of shape (n_parameters, n_masses)
        Their derivatives.
    """

    parameters: tuple[str, ...]
    values: dict[str, float]
    slopes: dict[str, Float[Array, " parameter"]]
    reach: dict[str, Float[Array, " parameter"]] = field(repr=False)
    masses: Float[Array, " mass"] = field(repr=False)
    mass_slopes: Float[Array, "parameter mass"] = field(repr=False)

    def __repr__(self) -> str:
        """A line for each number that has a slope: its value, and its derivatives."""
        wide = max(map(len, self.slopes), default=0)
        lines = ["".join([f"{'':{wide}}  {'value':>12}", *(f"  {f'd/d{name}':>12}" for name in self.parameters)])]
        for name, rates in self.slopes.items():
            numbers = (self.values.get(name, math.nan), *rates)
            lines.append("".join([f"{name:{wide}}", *(f"  {number:12.6g}" for number in numbers)]))
        return "\n".join(lines)

    def slope(self, name: str, parameter: str, within: float = 0.0) -> float:
        """The derivative of a number; NaN if it has none, or not ``within`` this distance of the parameter.

        Parameters
        ----------
        name : str
            A number in ``values``.
        parameter : str
            One of ``parameters``; another is a ValueError.
        within : float, default 0.0
            Distance over which the number is asked to be smooth.
        """
        if parameter not in self.parameters:
            raise ValueError(f"slope: there is no parameter {parameter!r}: choose from {', '.join(self.parameters)}")
        at = self.parameters.index(parameter)
        if name not in self.slopes or not self.reach[name][at] >= within:
            return math.nan
        return float(self.slopes[name][at])


@numerical
def slopes(
    state: State,
    parameters: Sequence[str] | None = None,
    *,
    spectrum: str = "box",
    n_modes: int = 300,
    ell: Sequence[int] = (0, 1),
    targets: str = "particle",
) -> Slopes:
    r"""Exact derivatives of energies, masses, scores and numbers of the theory with respect to parameters.

    Masses by the theorem of Hellmann and Feynman, :math:`d\lambda/dp = \int\eta\,(dV''/dp)\,\eta`, with the derivative
    of the state itself.

    Parameters
    ----------
    state : State
        A converged state.
    parameters : sequence of str, optional
        Couplings, ``"norm"`` or ``"omega"``; all that the problem has if not given.
    spectrum : {"box", "physical", "oscillations"}
        The masses that are scored: lowest modes of the box, vacuum masses and bound states, or thresholds and bound
        frequencies of the oscillations at fixed charge (in a basis good to 1e-6; none where nothing rotates).
    n_modes : int, default 300
        Number of modes of the box, at most as many as the mesh has.
    ell : sequence of int, default (0, 1)
        Angular momenta of the bound states.
    targets : {"particle", "original"}
        Ratios of the fractal score, as for :func:`.score`.

    Returns
    -------
    Slopes
        Values and derivatives by name.

    Raises
    ------
    ValueError
        If the state is not converged, or a parameter or ``spectrum`` is unknown.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - p["g"] * u[0]**4 / 4 + u[0]**6 / 8, params={"g": 1.6})
    >>> state = ss.solve(ss.Problem(model, ss.RadialGrid(r_max=30.0), norm=100.0))
    >>> found = ss.slopes(state, ["g"], n_modes=20)
    >>> print(f"{found.values['hierarchy']:.3f} {found.slope('hierarchy', 'g'):.3f}")
    4.332 -4.322
    """
    expect_state("slopes", state)
    expect_constant_kinetic("slopes", state.problem.model, "use sensitivity(state, parameter)")
    options = ScoreSettings(spectrum=spectrum, targets=targets, null_samples=0)
    return slopes_of(state, parameters, options, registry.SCORES, n_modes=n_modes, ell=ell)


def slopes_of(
    state: State,
    parameters: Sequence[str] | None,
    options: ScoreSettings,
    scores: Sequence[Score],
    *,
    n_modes: int,
    ell: Sequence[int],
    fast: bool = False,
) -> Slopes:
    """:func:`slopes` with the [score] table and any scores; ``fast``: box modes in the reduced basis of a trial."""
    known = [*state.problem.model.params, *(n for n in ("norm", "omega") if getattr(state.problem, n) is not None)]
    names = tuple(known if parameters is None else parameters)
    along = [_or_none(state, *one) for one in zip(names, sensitivities(state, names), strict=True)]
    inner, scales = on_scales(state)
    n = inner.problem.model.n_fields
    change = np.array([_vacuum_rate(inner, scales, one) for one in along]).reshape(-1, n, n)
    if options.spectrum == "oscillations":
        masses, rates = oscillation_masses(state, along, change, ell)
    else:
        box = n_modes if options.spectrum == "box" else 0
        masses, rates = _masses(mass_levels(inner, scales, names, ell=ell, box=box, fast=fast))
        rates[[k for k, one in enumerate(along) if math.isnan(one.energy)]] = math.nan  # a fold
    order = np.argsort(masses, kind="stable")
    masses, rates = masses[order], rates[:, order]
    values, found = registry.slopes(masses, rates, options, scores)
    vacuum, modes = _vacuum(state, change)
    numbers, moving = _numbers(state, along, vacuum, change)
    values |= {**numbers, **state.problem.model.record(state)}
    moving |= {name: list(rate) for name, rate in _ratios(state, vacuum, modes).items()}
    for one in along:
        for name, rate in state.problem.model.record_slopes(state, one.fields).items():
            moving.setdefault(name, []).append(rate)
    far = np.full(len(names), np.inf)
    found |= {name: Slope(np.array(rate), far) for name, rate in moving.items()}
    return Slopes(
        names,
        {name: value for name, value in values.items() if math.isfinite(value)},
        {name: slope.rates for name, slope in found.items()},
        {name: slope.reach for name, slope in found.items()},
        masses,
        rates,
    )


def _or_none(state: State, parameter: str, found: Sensitivity | Exception) -> Sensitivity:
    """The derivatives of the state; NaN at a fold, where they are infinite."""
    if isinstance(found, Sensitivity):
        return found
    return Sensitivity(parameter, math.nan, math.nan, math.nan, np.full_like(state.u, math.nan))


def _vacuum_rate(inner: OnScales, scales: Scales, along: Sensitivity) -> Array:
    """d/dp of the mass matrix of the vacuum, in the user's units."""
    family = family_of(inner.problem, along.parameter, scales)
    return per_parameter(family) * family.mass_rate() * scales.unit("mass^2")


def _masses(levels: Sequence[Levels]) -> tuple[Array, Array]:
    """The masses and their derivatives (parameter, mass); NaN where one has none."""
    masses = np.concatenate([one.masses[one.particle] for one in levels])
    return masses, np.concatenate([_rates(one)[:, one.particle] for one in levels], axis=1) / (2.0 * masses)


def _rates(levels: Levels) -> Array:
    """The derivatives in ascending order; NaN for a level without one, and for equal ones that separate."""
    rates = np.where(levels.smooth, levels.slopes, math.nan)
    equal = np.abs(levels.squared[:, None] - levels.squared) <= EQUAL * np.max(np.abs(levels.squared), initial=0.0)
    apart = np.abs(rates[:, :, None] - rates[:, None, :]) > EQUAL * np.max(np.abs(levels.slopes), initial=0.0)
    return np.where((equal & apart).any(axis=2), math.nan, rates)


def _vacuum(state: State, change: Array) -> tuple[Levels, Array]:
    """The vacuum's masses^2 and modes, with derivatives from those of the mass matrix, (parameter, field, field)."""
    squared, modes = np.linalg.eigh(
        mass_matrix(state.problem.model, state.problem.vacuum.values, state.problem.grid.r_max)
    )
    found, turn = levels_of("vacuum", squared, modes.T @ change @ modes)
    return found, modes @ turn


def _ratios(state: State, vacuum: Levels, modes: Array) -> dict[str, Array]:
    """The derivatives of the ratios of vacuum masses that the theory records."""
    if not vacuum.squared[0] > 0:
        return {}
    relative = 0.5 * _rates(vacuum) / vacuum.squared
    return {
        name: math.sqrt(vacuum.squared[a] / vacuum.squared[b]) * (relative[:, a] - relative[:, b])
        for name, (a, b) in state.problem.model.vacuum_ratios(modes).items()
    }


def _numbers(
    state: State, along: Sequence[Sensitivity], vacuum: Levels, change: Array
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """The numbers of a state that every theory has, and their derivatives by name."""
    problem = state.problem
    energy, norm, multiplier = state.energy, state.norm, state.multiplier
    values = {"energy": energy, "norm": norm, "lightest_squared": float(vacuum.squared[0])}
    if problem.norm is not None or problem.omega is not None:
        values |= {"multiplier": multiplier, "omega_squared": multiplier, "action": state.action}
        values["energy_per_norm"] = energy / norm
    rotation = state.certificate.rotation
    # with the boundary "decaying" part of the norm lies outside the domain
    rotates = rotation is not None and rotation.rotates and problem.boundary != "decaying"
    if rotation is not None and rotates:
        values |= {"omega": rotation.omega, "charge": rotation.charge, "charged_energy": rotation.energy}
        values["energy_per_charge"] = rotation.energy_per_charge
    moving: dict[str, list[float]] = {}
    for one, matrix, (lightest, *_) in zip(along, change, _rates(vacuum), strict=True):
        found: dict[str, Any] = {"energy": one.energy, "norm": one.norm, "lightest_squared": lightest}
        if "multiplier" in values:
            factor = problem.norm_kinetic
            found |= {"multiplier": one.multiplier, "omega_squared": one.multiplier}
            found["action"] = one.energy - 0.5 * factor * (one.multiplier * norm + multiplier * one.norm)
            found["energy_per_norm"] = one.energy / norm - energy * one.norm / norm**2
        if rotation is not None and rotates:
            found |= rotating_rates(problem, values, found, matrix)
        for name, rate in found.items():
            moving.setdefault(name, []).append(float(rate))
    return values, moving
