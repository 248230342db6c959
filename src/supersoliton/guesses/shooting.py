r"""All bounces of one field along a way, by shooting from many centres at once.

Along a way of arc length s out of the false vacuum (s = 0, V = 0) the profile obeys

.. math:: s'' + \frac{d-1}{r}s' = V'(s),\qquad s'(0) = 0,\quad s(\infty) = 0 .

It is the motion of a particle in the potential -V with friction (S. Coleman, *Phys. Rev. D* **15** (1977) 2929): from a
centre too low it turns back (undershoot), from one too high it passes s = 0 (overshoot). Between neighbouring centres
with different ends lies a bounce. Centres next to a minimum of V are labelled by the radius at which the field has left
it by a small amount, where the linear solution :math:`r^{-\nu}I_\nu(mr)`, nu = d/2 - 1, ends: walls of any shape and of
any radius are found without a guess.

V is tabulated on points that are dense near the false vacuum and in geometric progression further out, so that the
compiled integrator is shared by all potentials.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array
from scipy.interpolate import CubicHermiteSpline
from scipy.special import ive

from ..elements.grid import sphere_area
from .trajectories import BATCH, Table, ends_of, recorded

POINTS = 4096  # of the table of V
_DENSER = 30.0  # the points are spaced evenly up to this part of the scale of a way
_INTERVALS = 8  # separate ranges of centres on a way, the next ones to the false vacuum
# Local error of a step, relative to s and to the largest s; the second for walls of more than _THIN decay lengths,
# whose radius follows from a small difference of V. Both are lowered where V is flat or friction is small.
_TOLERANCE, _TIGHT, _THIN = 1e-6, 1e-10, 30.0
_WIDENED = 0.05  # part of the radius by which a thin wall may have been misplaced
_NARROW, _NARROWER = 1e4, 1e7  # parts that a bracket is divided into, and that of a thin wall
_RIVAL = 2.0  # an action up to this many times the least may be the least, given the error of a loose profile
_AGAIN = 2  # walls without a profile that are looked for again
_LEAST_SHARE = 32  # trajectories for each bracket
_LINEAR = 1e-4  # distance from a minimum, relative to the interval of centres, within which V is quadratic
LARGEST = 1e5  # radius, in decay lengths of the true vacuum, up to which walls are looked for
_TAIL_STARTS = 1e-3  # s over its largest value where a profile in one dimension ends
_EARLY = 0.03  # s over that of the centre where a profile that ends lacks too much of its tail
_AGREED = 1e-2  # relative difference of the two sides of a bracket up to which the profile is used


def arc_lengths(reach: float, scale: float) -> Float[Array, " point"]:
    """The points of a table of V from 0 to ``reach``: spaced evenly below ``scale``, in geometric progression above."""
    stretch = _stretch(reach, scale)
    return reach * np.sinh(np.linspace(0.0, stretch, POINTS)) / math.sinh(stretch)


def _stretch(reach: float, scale: float) -> float:
    return math.asinh(_DENSER * reach / scale)


@dataclass(frozen=True)
class Way:
    """V along a way out of the false vacuum: values less V(0) and slopes at ``arc_lengths(reach, scale)``."""

    reach: float
    scale: float
    value: Float[Array, " point"]
    slope: Float[Array, " point"]

    @functools.cached_property
    def s(self) -> Float[Array, " point"]:
        return arc_lengths(self.reach, self.scale)

    @functools.cached_property
    def summit(self) -> int:
        """Index of the largest V before the first lower point."""
        return int(np.argmax(self.value[: int(np.argmax(self.value < 0.0)) + 1]))

    @functools.cached_property
    def thinness(self) -> float:
        """The depth of V below the false vacuum relative to the barrier, at most 1."""
        return min(1.0, -float(np.min(self.value)) / max(float(self.value[self.summit]), 1e-300))

    def at(self, s: Array) -> Array:
        """V at values of s."""
        k = np.clip(np.searchsorted(self.s, s, side="right") - 1, 0, len(self.s) - 2)
        a, b, c, d = self.table[1][k].T
        x = s - self.s[k]
        return np.asarray(a + x * (b + x * (c + x * d)))

    @functools.cached_property
    def table(self) -> Table:
        """Points, coefficients of the cubic from each to the next, stretch of the points, and the least energy.

        A trajectory below minus a thousandth of the barrier is an undershoot; one that is a little below 0, perhaps by
        the error of the integration, is followed until it turns back.
        """
        floor = -1e-3 * float(self.value[self.summit])
        h = np.diff(self.s)
        p, q, mean = self.slope[:-1], self.slope[1:], np.diff(self.value) / h
        cubics = np.stack([self.value[:-1], p, (3.0 * mean - 2.0 * p - q) / h, (p + q - 2.0 * mean) / h**2], axis=1)
        return self.s, cubics, _stretch(self.reach, self.scale), floor


@dataclass(frozen=True)
class Profile:
    """A bounce along a way: s and s' at radii, between which s is cubic; beyond the last it decays at a fixed rate."""

    r: Float[Array, " x"]
    s: Float[Array, " x"]
    slope: Float[Array, " x"]

    @functools.cached_property
    def _inside(self) -> CubicHermiteSpline:
        return CubicHermiteSpline(self.r, self.s, self.slope)

    def __call__(self, r: Array) -> Array:
        r = np.asarray(r, float)
        rate = max(-float(self.slope[-1] / self.s[-1]), 0.0)
        tail = self.s[-1] * np.exp(-rate * np.maximum(r - self.r[-1], 0.0))
        return np.where(r <= self.r[-1], self._inside(np.minimum(r, self.r[-1])), tail)

    def fine_radii(self, parts: int = 12) -> Array:
        """The radii of the profile with each interval divided in ``parts``."""
        steps = np.diff(self.r)[:, None] * np.linspace(0.0, 1.0, parts, endpoint=False)
        return np.append((self.r[:-1, None] + steps).ravel(), self.r[-1])

    @property
    def ends_early(self) -> bool:
        """Whether so much of the tail is missing that the action is not known to a few percent."""
        return bool(self.s[-1] > _EARLY * self.s[0])

    def action(self, dim: float) -> float:
        """2T/d, which is the action of a stationary state, up to the error of the profile."""
        r = self.fine_radii()
        density = r ** (dim - 1.0) * self._inside(r, 1) ** 2
        return sphere_area(dim) / dim * float(np.trapezoid(density, r))


class Scan(NamedTuple):
    """The bounces along a way, and the numbers of centres that undershoot and overshoot.

    ``unresolved`` counts bounces so sensitive to the centre (walls within walls) that no profile could be recorded.
    """

    profiles: list[Profile]
    undershoots: int
    overshoots: int
    unresolved: int = 0


def scan_centres(way: Way, dim: float) -> Scan:
    """The bounces along ``way``: one for each change from undershoot to overshoot or back."""
    if dim == 1.0:
        return Scan(_without_friction(way), 1, 1)
    starts = _starts(way, dim)
    if not starts:
        return Scan([], 0, 0)
    labels = [start.labels() for start in starts]
    states = np.concatenate([start.states(x) for start, x in zip(starts, labels, strict=True)])
    ends = np.cumsum([len(x) for x in labels])
    verdicts = np.split(ends_of(way.table, dim, states, _tolerance(way, dim, _TOLERANCE)), ends[:-1])
    brackets = []
    for start, x, verdict in zip(starts, labels, verdicts, strict=True):
        known = np.flatnonzero(verdict != 0)
        for i, j in itertools.pairwise(known):
            if verdict[i] != verdict[j]:
                brackets.append(_Bracket(start, x[i], x[j], verdict[i]))
    counts = [int(sum(np.sum(v == sign) for v in verdicts)) for sign in (-1, 1)]
    profiles, unresolved = _profiles(way, dim, _narrowed(way, dim, brackets, _NARROW, _TOLERANCE))
    return Scan(profiles, counts[0], counts[1], unresolved)


def _without_friction(way: Way) -> list[Profile]:
    r"""The bounce in one dimension, where energy is conserved: :math:`r = \int ds/\sqrt{2V}` from a zero of V."""
    first = int(np.argmax(way.value < 0.0))
    if first == 0:
        return []
    a, b, c, d = way.table[1][first - 1]
    roots = np.roots([d, c, b, a])
    inside = roots[(np.abs(roots.imag) < 1e-9) & (roots.real >= 0.0)].real
    top = float(way.s[first - 1] + np.min(inside, initial=way.s[first] - way.s[first - 1]))
    t = np.linspace(0.0, math.sqrt(1.0 - _TAIL_STARTS), 801)
    s = top * (1.0 - t**2)  # takes away the root of V at the top
    v = np.maximum(way.at(s), 0.0)
    with np.errstate(all="ignore"):
        rate = 2.0 * top * t / np.sqrt(2.0 * v)
    rate[0] = 2.0 * rate[1] - rate[2]
    if not np.all(np.isfinite(rate)):
        return []
    r = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]) * np.diff(t))])
    slope = -np.sqrt(2.0 * v)
    slope[0] = 0.0
    return [Profile(r, s, slope)]


def _profiles(way: Way, dim: float, brackets: list[_Bracket]) -> tuple[list[Profile], int]:
    """The profiles of the brackets, and the number of those that could not be resolved.

    Thin walls that may have the least action, and walls whose profile ends early, are found again to more digits.
    """
    found = [(bracket, _record(way, dim, bracket, _TOLERANCE)) for bracket in brackets]
    good = [(bracket, profile) for bracket, profile in found if profile is not None]
    least = min((profile.action(dim) for _, profile in good), default=math.inf)
    thin = [b for b, p in good if (b.is_thin or p.ends_early) and p.action(dim) <= _RIVAL * least]
    poor = [bracket for bracket, profile in found if profile is None]
    profiles = [profile for bracket, profile in good if all(bracket is not b for b in thin)]
    again = [bracket.widened if bracket.is_thin else bracket for bracket in (*thin, *poor[:_AGAIN])]
    tight = [_record(way, dim, b, _TIGHT) for b in _narrowed(way, dim, again, _NARROWER, _TIGHT)]
    profiles += [profile for profile in tight if profile is not None]
    return profiles, len(brackets) - len(profiles)


# Centres


@dataclass(frozen=True)
class _Start:
    """Centres in an interval where V < 0 falls outwards, up to a minimum of V or the end of the table.

    A label up to ``end`` is the value of s at the origin. A larger one is ``end`` plus the radius at which s = ``end``
    is reached by the linear solution of mass ``mass`` around the minimum at ``high``.
    """

    low: float
    high: float
    mass: float  # 0 where ``high`` is not a minimum
    dim: float
    inside: Array  # values of s between ``low`` and ``high``, dense where V' varies

    @property
    def end(self) -> float:
        return self.high - _LINEAR * (self.high - self.low) if self.mass else self.high

    def labels(self) -> Array:
        span = self.high - self.low
        near = self.low + span * np.geomspace(1e-6, 1e-2, 8)
        if not self.mass:
            return np.unique(np.concatenate([[self.low], near, self.inside, [self.high]]))
        far = self.high - span * np.geomspace(1e-2, _LINEAR, 8)
        radii = np.geomspace(0.03, LARGEST, 60) / self.mass
        s = np.unique(np.concatenate([[self.low], near, self.inside[self.inside < far[-1]], far]))
        return np.concatenate([s, self.end + radii])

    def states(self, labels: Array) -> Float[Array, "start 3"]:
        """r, s, s' from which the integration begins."""
        radius = np.maximum(labels - self.end, 0.0)
        x, order = self.mass * radius, 0.5 * self.dim - 1.0
        with np.errstate(all="ignore"):
            ratio = np.where(x > 0, ive(order + 1.0, x) / ive(order, x), 0.0)
        slope = -(self.high - self.end) * self.mass * np.nan_to_num(ratio, nan=1.0)
        return np.stack([radius, np.minimum(labels, self.end), slope], axis=1)


def _starts(way: Way, dim: float) -> list[_Start]:
    falling = (way.value < 0) & (way.slope < 0)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], falling, [False]]).astype(int)))
    out = []
    for first, beyond in list(zip(edges[::2], edges[1::2], strict=True))[:_INTERVALS]:
        low, high, mass = float(way.s[max(first - 1, 0)]), float(way.s[-1]), 0.0
        if beyond < len(way.s):
            _, b, c, d = way.table[1][beyond - 1]
            # The root of b + 2 c x + 3 d x^2 next to 0, in the form without cancellation
            root = -b / (c + math.sqrt(max(c**2 - 3.0 * d * b, 0.0)))
            high, mass = float(way.s[beyond - 1] + root), math.sqrt(max(2.0 * c + 6.0 * d * root, 1e-12))
        at = slice(max(first - 1, 0), beyond)
        s, slope = np.append(way.s[at], high), np.append(way.slope[at], 0.0 if mass else way.slope[beyond - 1])
        count = (BATCH if mass else 2 * BATCH) - 77
        out.append(_Start(low, high, mass, dim, _spread(s, slope, count)))
    return out


def _spread(s: Array, slope: Array, count: int) -> Array:
    """``count`` values between s[0] and s[-1], dense where s or V' changes by a large factor."""
    size = np.log(np.abs(slope) + 1e-3 * np.max(np.abs(slope)))
    change = np.abs(np.diff(size)) + np.diff(np.log(s + 1e-12 * s[-1])) + 4.0 * np.diff(s) / (s[-1] - s[0] + 1e-300)
    total = np.concatenate([[0.0], np.cumsum(change)])
    return np.interp(np.linspace(0.0, total[-1], count + 2)[1:-1], total, s)


# Brackets


class _Bracket(NamedTuple):
    """Neighbouring labels with different ends; ``verdict`` is that of ``low``."""

    start: _Start
    low: float
    high: float
    verdict: int

    @property
    def is_thin(self) -> bool:
        return self.start.mass * (self.high - self.start.end) > _THIN

    @property
    def widened(self) -> _Bracket:
        """For a lower tolerance, with which the radius moves by more than the width of the bracket."""
        radius = self.high - self.start.end
        return self._replace(low=self.low - _WIDENED * radius, high=self.high + _WIDENED * radius)


def _narrowed(way: Way, dim: float, brackets: list[_Bracket], parts: float, tolerance: float) -> list[_Bracket]:
    """The brackets narrowed to at most 1 of ``parts``."""
    share = max(_LEAST_SHARE, BATCH // max(len(brackets), 1))
    for _ in range(math.ceil(math.log(parts) / math.log(share)) if brackets else 0):
        brackets = _divided(way, dim, brackets, share, _tolerance(way, dim, tolerance))
    return brackets


def _tolerance(way: Way, dim: float, usual: float) -> float:
    """Lower where a small energy decides: in flat potentials, and where there is little friction."""
    return usual * min(1.0, 30.0 * way.thinness, max((dim - 1.0) ** 2, 1e-3))


def _divided(way: Way, dim: float, brackets: list[_Bracket], share: int, tolerance: float) -> list[_Bracket]:
    """Each bracket replaced by its part in which the end changes, all divided at once."""
    labels = [np.linspace(b.low, b.high, share + 2)[1:-1] for b in brackets]
    states = np.concatenate([b.start.states(x) for b, x in zip(brackets, labels, strict=True)])
    verdicts = np.split(ends_of(way.table, dim, states, tolerance), len(brackets))
    out = []
    for b, x, verdict in zip(brackets, labels, verdicts, strict=True):
        other = np.flatnonzero(verdict == -b.verdict)
        first = int(other[0]) if len(other) else share
        low = b.low if first == 0 else float(x[first - 1])
        out.append(b._replace(low=low, high=b.high if first == share else float(x[first])))
    return out


def _record(way: Way, dim: float, bracket: _Bracket, tolerance: float) -> Profile | None:
    """The profile between the two sides of a bracket, as far as they agree."""
    states = bracket.start.states(np.array([bracket.low, bracket.high]))
    a, b = recorded(way.table, dim, states, _tolerance(way, dim, tolerance))
    if min(len(a), len(b)) < 8:
        return None
    other = CubicHermiteSpline(b[:, 0], b[:, 1], b[:, 2])
    inside = a[:, 0] <= b[-1, 0]
    differ = np.abs(other(a[:, 0]) - a[:, 1]) > _AGREED * np.abs(a[:, 1])
    good = inside & ~differ & (a[:, 1] > 0) & (a[:, 2] <= 0)
    last = int(np.argmin(good[1:])) + 1 if not good[1:].all() else len(a)
    r, s, slope = a[:last].T
    if last < 8 or s[-1] > way.s[way.summit]:
        return None  # it does not get over the barrier
    if r[0] > 0:  # the linear solution inside
        core = np.linspace(0.0, r[0], 200)[:-1]
        depth, core_slope = _linear_core(bracket.start, core, r[0])
        r, s, slope = (np.concatenate([x, y]) for x, y in ((core, r), (depth, s), (core_slope, slope)))
    return Profile(r, s, slope)


def _linear_core(start: _Start, r: Array, radius: float) -> tuple[Array, Array]:
    """s and s' of the linear solution inside ``radius``, where it is at ``end``."""
    order, m = 0.5 * start.dim - 1.0, start.mass
    x, edge = np.maximum(m * r, 1e-8), m * radius
    scale = (start.high - start.end) * np.exp(x - edge) * (edge / x) ** order / ive(order, edge)
    return start.high - scale * ive(order, x), -m * scale * ive(order + 1.0, x)
