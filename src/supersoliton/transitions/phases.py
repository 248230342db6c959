"""The phases of a theory: its minima followed in a parameter, with their ends, and the transitions between them."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.optimize
from numpy import ndarray as Array

from .._checks import expect_count, expect_model, is_number
from ..machine.arithmetic import numerical
from ..theory.base import AbstractModel
from ..theory.field_scales import scales_of_potential
from ..theory.vacua import Vacuum, vacua
from .minima import Curve, Scaled, follow
from .phase import Phase

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SAME = 1e-5  # distance of minima that are one, of the sizes of the fields
_EQUAL = 1e-8  # relative difference of energies and masses of copies
_MEET = 1e-4  # distance of the ends of two curves that meet, of the sizes of fields and of the range
_BESIDE = 1e-3  # of the range: where further minima are searched beyond an end


@dataclass(frozen=True, eq=False)
class Transition:
    """A crossing of two phases, or where one becomes another.

    Attributes
    ----------
    critical : float
        The value of the parameter at which both have the same V, or at which they are one.
    order : int
        1 where V of two minima crosses, 2 where one minimum becomes another continuously.
    high, low : Phase
        The phase of lower V above ``critical``, and the one below it.
    latent_heat : float
        T dDeltaV/dT at ``critical`` (high minus low); 0 at a transition of second order.
    """

    critical: float
    order: int
    high: Phase = field(repr=False)
    low: Phase = field(repr=False)
    latent_heat: float

    def __repr__(self) -> str:
        name = self.high.curve.system.parameter
        word = {1: "first", 2: "second"}[self.order]
        fields = [
            np.array2string(self._fields(one) + 0.0, precision=5, suppress_small=True) for one in (self.high, self.low)
        ]
        return f"Transition({word} order at {name} = {self.critical:.10g}: {fields[0]} to {fields[1]})"

    def _fields(self, phase: Phase) -> Array:
        u, size = phase(min(max(self.critical, phase.low), phase.high)), phase.curve.system.size
        return np.where(np.abs(u) <= 1e-9 * size, 0.0, u)


@dataclass(frozen=True, eq=False)
class Phases(Sequence[Phase]):
    """The phases found, those of the lowest V at the lower end of the range first: a sequence.

    Attributes
    ----------
    parameter : str
        The coupling that varies.
    start, stop : float
        The range.
    found : tuple of Phase
        The phases themselves.
    transitions : list of Transition
        Where two of them cross or merge, from high values of the parameter to low ones.
    """

    parameter: str
    start: float
    stop: float
    found: tuple[Phase, ...]
    transitions: list[Transition]

    def __getitem__(self, index: Any) -> Any:
        return self.found[index]

    def __len__(self) -> int:
        return len(self.found)

    def __repr__(self) -> str:
        lines = [f"{len(self)} phases, {self.parameter} from {self.start:.6g} to {self.stop:.6g}"]
        lines += [f"  {k}: {phase!r}" for k, phase in enumerate(self.found)]
        for one in self.transitions:
            pair = self.found.index(one.high), self.found.index(one.low)
            lines.append(f"  {one!r}, phase {pair[0]} to {pair[1]}")
        return "\n".join(lines)

    def plot(self) -> Figure:
        """The fields and V of the phases over the parameter, with their transitions."""
        from ..plotting.phases import plot_phases

        return plot_phases(self)


@numerical
def phases(
    model: AbstractModel,
    parameter: str = "T",
    *,
    start: float,
    stop: float,
    n_searches: int = 5,
    n_starts: int = 32,
    seed: int = 0,
) -> Phases:
    r"""Follow the minima of V in a parameter, such as the temperature.

    Minima are searched at several values of the parameter, as by :func:`vacua`, and each is followed through the range
    by exact tangents :math:`du/dT = -(V'')^{-1}\partial_TV'` until it ends; beyond each end the search is repeated.

    Parameters
    ----------
    model : AbstractModel
        The theory, with the parameter among its couplings.
    parameter : str, default "T"
        The coupling that varies.
    start, stop : float
        The range of the parameter, in either order.
    n_searches : int, default 5
        Number of values, evenly spaced from start to stop, at which minima are searched.
    n_starts : int, default 32
        Random points of each search.
    seed : int, default 0
        Their seed.

    Returns
    -------
    Phases
        The phases, with ``transitions``. Minima that a symmetry maps onto each other, or that a flat direction
        connects, are one phase.

    Raises
    ------
    ValueError
        If the model has no such coupling, or the range is empty or not finite.

    Notes
    -----
    The search is no proof: a phase that exists in a small part of the range between two searches only is missed.

    Examples
    --------
    >>> V = lambda u, p: (0.1 * p["T"]**2 - 100) * u[0]**2 - 10 * u[0]**3 + 0.1 * u[0]**4
    >>> found = ss.phases(ss.Potential(V, fields=("phi",), params={"T": 50.0}), start=0.0, stop=80.0)
    >>> len(found), found.transitions[0]
    (3, Transition(first order at T = 59.16079783: [0.] to [50.]))
    """
    expect_model("phases", model)
    if parameter not in model.params:
        raise ValueError(f"phases: the model has no coupling {parameter!r}: choose from {', '.join(model.params)}")
    if not (is_number(start) and is_number(stop) and start != stop):
        raise ValueError(f"phases: start and stop must be two different numbers, got {start!r} and {stop!r}")
    expect_count("phases: n_searches", n_searches, "try 5", least=2)
    low, high = sorted((float(start), float(stop)))
    places = np.linspace(low, high, n_searches)
    searched = {float(t): _minima(model, parameter, float(t), n_starts, seed) for t in places}
    size = _size(model, parameter, searched)
    system = Scaled(model, parameter, size, low, high)
    curves: list[Curve] = []
    queue = list(searched.items())
    while queue:
        t, minima = queue.pop(0)
        for minimum in minima:
            if minimum.stable and not any(_is_on(curve, minimum, t) for curve in curves):
                x = system.corrected(system.join(minimum.values, t), held=True)
                if x is None:
                    continue
                curve = follow(system, x, minimum.flat)
                if curve.limits[0] < curve.limits[1]:
                    curves.append(curve)
                    queue += _beyond(model, parameter, curve, searched, n_starts, seed)
    found = _ordered([Phase(curve, _ends(curve, curves)) for curve in curves])
    return Phases(parameter, low, high, tuple(found), _transitions(found))


def _minima(model: AbstractModel, parameter: str, t: float, n_starts: int, seed: int) -> list[Vacuum]:
    return list(vacua(model.replace(**{parameter: t}), n_starts=n_starts, seed=seed))


def _beyond(
    model: AbstractModel, parameter: str, curve: Curve, searched: dict[float, list[Vacuum]], n_starts: int, seed: int
) -> list[tuple[float, list[Vacuum]]]:
    """Searches a little beyond the ends at which the minimum ceases to be one."""
    step, more = _BESIDE * curve.system.range, []
    for limit, end, side in zip(curve.limits, curve.ends, (-1.0, 1.0), strict=True):
        t = limit + side * step
        within = curve.system.start <= t <= curve.system.start + curve.system.range
        if end != "range" and within and not any(abs(t - known) < step for known in searched):
            searched[t] = _minima(model, parameter, t, n_starts, seed)
            more.append((t, searched[t]))
    return more


def _size(model: AbstractModel, parameter: str, searched: dict[float, list[Vacuum]]) -> float:
    """The size of the fields: the largest of a minimum, or that at which V has structure."""
    largest = max((float(np.max(np.abs(one.values))) for group in searched.values() for one in group), default=0.0)
    if largest > 0.0:
        return largest
    sizes = [
        float(scales_of_potential(model.replace(**{parameter: t}), group[0].values).field)
        for t, group in searched.items()
        if group
    ]
    return max((size for size in sizes if math.isfinite(size) and size > 0.0), default=1.0)


def _is_on(curve: Curve, minimum: Vacuum, t: float) -> bool:
    """Whether a minimum is on the curve, or a copy of it under a symmetry."""
    if not curve.covers(t):
        return False
    system, x = curve.system, curve.at(t)
    if float(np.max(np.abs(x[:-1] - minimum.values / system.size))) <= _SAME:
        return True
    masses = np.sort(minimum.masses_squared[np.argsort(np.abs(minimum.masses_squared))[minimum.flat :]])
    ours = system.masses_squared(x, curve.flat)
    if len(masses) != len(ours):
        return False
    scale = float(np.max(np.abs(ours)))
    alike = bool(np.max(np.abs(masses - ours)) <= 1e3 * _EQUAL * scale)
    depth = scale * system.size**2
    return alike and abs(system.energy(x) - minimum.energy_density) <= _EQUAL * depth


def _ends(curve: Curve, curves: Sequence[Curve]) -> tuple[str, str]:
    words = []
    for k, end in zip((0, -1), curve.ends, strict=True):
        word = {"range": "range", "lost": "lost", "singular": "fold"}[end]
        if word == "fold" and any(_meets(curve, k, other) for other in curves if other is not curve):
            word = "second order"
        words.append(word)
    return words[0], words[1]


def _meets(curve: Curve, k: int, other: Curve) -> bool:
    """Whether the end of a curve is the end of another one."""
    x = curve.knots[k].x
    return any(
        end == "singular" and float(np.max(np.abs(x - other.knots[at].x))) <= _MEET
        for at, end in zip((0, -1), other.ends, strict=True)
    )


def _ordered(found: list[Phase]) -> list[Phase]:
    return sorted(found, key=lambda phase: (phase.low, phase.energy_density(phase.low)))


def _transitions(found: Sequence[Phase]) -> list[Transition]:
    out = []
    for a, b in itertools.combinations(found, 2):
        out += [*crossings(a, b), *_merging(a, b)]
    return sorted(out, key=lambda one: -one.critical)


@functools.lru_cache(maxsize=64)
def crossings(a: Phase, b: Phase) -> tuple[Transition, ...]:
    """The transitions of first order of two phases."""
    low, high = max(a.low, b.low), min(a.high, b.high)
    if not low < high:
        return ()

    def gap(t: float) -> float:
        return a.energy_density(t) - b.energy_density(t)

    places = np.unique([low, high, *(t for one in (a, b) for t in one.parameters if low < t < high)])
    gaps = np.array([a.curve.system.energy(a.curve.near(t)) - b.curve.system.energy(b.curve.near(t)) for t in places])
    # at the end where the two are one phase, and at a crossing itself, the difference is rounding
    clear = np.abs(gaps) > 1e-9 * float(np.max(np.abs(gaps)))
    places, gaps = places[clear], gaps[clear]
    out = []
    for k in range(len(places) - 1):
        if gaps[k] * gaps[k + 1] < 0.0 and gap(places[k]) * gap(places[k + 1]) < 0.0:
            t = scipy.optimize.brentq(gap, places[k], places[k + 1], xtol=1e-14 * abs(high), rtol=1e-14)
            if float(np.max(np.abs(a.curve.at(t) - b.curve.at(t)))) <= _MEET:  # they merge there: rounding
                continue
            above, below = (b, a) if gaps[k + 1] > 0.0 else (a, b)
            latent = t * (above.energy_rate(t) - below.energy_rate(t))
            out.append(Transition(float(t), 1, above, below, float(latent)))
    return tuple(out)


def _merging(a: Phase, b: Phase) -> list[Transition]:
    for below, above in ((a, b), (b, a)):
        x, y = below.curve.knots[-1].x, above.curve.knots[0].x
        if below.ends[1] == above.ends[0] == "second order" and float(np.max(np.abs(x - y))) <= _MEET:
            return [Transition(above.low, 2, above, below, 0.0)]
    return []
