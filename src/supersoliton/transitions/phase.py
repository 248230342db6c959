"""A phase: one minimum of V followed in a parameter."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray as Array

from ..theory.base import AbstractModel
from ..theory.vacua import Vacuum, vacuum_at
from .minima import Curve

_SHOWN = 1e-6  # of the sizes of the fields: below it the end of a phase, extrapolated, is shown as 0
_MASSLESS = 1e-9  # of the largest mass squared in the loop: above minus that it is rounding


@dataclass(frozen=True, eq=False)
class Phase:
    """A minimum of V followed in the parameter.

    Attributes
    ----------
    fields : tuple of str
        Names of the fields.
    low, high : float
        The values of the parameter between which it is a minimum.
    ends : tuple of str
        What happens at ``low`` and at ``high``: ``"range"`` (the range ends there), ``"fold"`` (it merges with
        a saddle), ``"second order"`` (it merges with another phase), or ``"lost"``.
    parameters : ndarray of shape (n_points,)
        Values of the parameter at the points computed.
    values : ndarray of shape (n_points, n_fields)
        The fields there.
    """

    curve: Curve = field(repr=False)
    ends: tuple[str, str]

    @property
    def fields(self) -> tuple[str, ...]:
        return self.curve.system.model.fields

    @property
    def low(self) -> float:
        return self.curve.limits[0]

    @property
    def high(self) -> float:
        return self.curve.limits[1]

    @property
    def parameters(self) -> Float[Array, " point"]:
        return np.array([self.curve.system.split(knot.x)[1] for knot in self.curve.knots])

    @property
    def values(self) -> Float[Array, "point field"]:
        return np.array([self.curve.system.split(knot.x)[0] for knot in self.curve.knots])

    def __call__(self, value: float) -> Float[Array, " field"]:
        """The fields of the minimum at a value of the parameter. Raises ValueError outside ``low`` to ``high``."""
        return self.curve.system.split(self._at(value))[0]

    def energy_density(self, value: float) -> float:
        """V of the minimum at a value of the parameter."""
        return self.curve.system.energy(self._at(value))

    def energy_rate(self, value: float) -> float:
        """dV/dT of the minimum along the phase."""
        return self.curve.system.energy_rate(self._at(value))

    def rate(self, value: float) -> Float[Array, " field"]:
        """du/dT of the minimum, exact: -V''^-1 dV'/dT."""
        system = self.curve.system
        _, matrix = system.system(self._at(value))
        step = -np.linalg.lstsq(matrix[:, :-1], matrix[:, -1], rcond=1e-10)[0]
        return np.asarray(step * system.size / system.range)

    @functools.cached_property
    def spurious(self) -> Bool[Array, " point"]:
        """Whether the minimum lies where a mass squared in the loop of :func:`.thermal.one_loop` is negative.

        At ``parameters``; False for a potential that does not tell its masses. V is then the real part of a complex V,
        and the minimum may be one of the approximation.
        """
        masses = getattr(self.curve.system.model.source, "masses_squared", None)
        if masses is None:
            return np.zeros(len(self.parameters), bool)
        found = [np.asarray(masses(u, self.model(t).params)) for u, t in zip(self.values, self.parameters, strict=True)]
        return np.array([bool(np.min(one) < -_MASSLESS * np.max(np.abs(one))) for one in found])

    def vacuum(self, value: float) -> Vacuum:
        """The minimum at a value of the parameter as a :class:`.Vacuum`, with its masses."""
        return vacuum_at(self.model(value), self(value))

    def model(self, value: float) -> AbstractModel:
        """The theory at a value of the parameter."""
        system = self.curve.system
        return system.model.replace(**{system.parameter: float(value)})

    def _at(self, value: float) -> Array:
        if not self.low <= value <= self.high:
            name = self.curve.system.parameter
            raise ValueError(f"this phase is a minimum for {name} = {self.low:.9g} to {self.high:.9g}, not {value!r}")
        return self.curve.at(float(value))

    def __repr__(self) -> str:
        name, system = self.curve.system.parameter, self.curve.system
        ends = [system.split(self.curve.knots[k].x)[0] for k in (0, -1)]
        shown = [
            "(" + ", ".join(f"{x:.5g}" for x in np.where(np.abs(u) < _SHOWN * system.size, 0.0, u)) + ")" for u in ends
        ]
        words = [f"{word} at {value:.9g}" for word, value in zip(self.ends, (self.low, self.high), strict=True)]
        marked = self.parameters[self.spurious]
        note = f"; m² < 0 in the loop from {marked[0]:.5g} to {marked[-1]:.5g}" if len(marked) else ""
        return f"Phase({', '.join(self.fields)} = {shown[0]} to {shown[1]}; {name}: {words[0]}, {words[1]}{note})"
