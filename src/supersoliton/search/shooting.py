r"""Radial states with nodes along one line in field space, by shooting from the centre.

Along u = base + x e the profile equation is that of a particle in the potential -U with friction,

.. math:: k\,(x'' + \tfrac{d-1}{r}x') = U'(x),\qquad U = V - \tfrac12\omega^2u_c^2 - (\text{the same at } x = 0),

which starts at rest. Its energy k x'^2/2 - U falls with r, so once it is negative x never reaches 0 again and the
number of nodes is final. Between a centre whose motion is trapped with n nodes and one with more lies a state with
exactly n nodes. All centres are scanned, so all states with few nodes are found, to the resolution of the scan.

Near a maximum of -U (the core of a thin wall) states accumulate geometrically; there the centre is given by the
logarithm of its distance from the maximum, and the motion starts with the solution of the linearised equation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array
from scipy.special import gammaln, ive

from ..solvers.base import Stopwatch
from .line import Line
from .motion import integrate

_REACH = np.geomspace(1e-3, 1e4, 800)  # |x| at which U is tabulated, in units of the fields
Bracket = tuple[int, float, float]  # (n, xi of a centre trapped with n nodes, xi of one next to it with more)
_SCAN = 240  # centres of each segment in the scan
_SPLIT = 64  # motions inside each bracket in each pass
_CENTRED = 3e-4  # width of a bracket in xi at which it is followed outwards
_TOGETHER = 1e-4  # relative difference of its two motions up to which both are the state
_PASSES = 200  # limit on passes; a pass follows the state over about two decay lengths
_FAINT = 1e-8  # |x| over its outermost maximum at which the state has ended
_ENOUGH = 1e-2  # the same for a start of Newton's method, where the motion cannot be followed further
_DEEPEST = 400.0  # thinnest walls tried: the centre is exp(-400) away from the maximum of -U, the radius 400 widths
_LINEAR = 1e-3  # distance from the maximum, relative to the segment, up to which the equation is linearised
_WIDEST = 1e3  # range tried over the bracket at which a state is given up


class Segment(NamedTuple):
    """Centres x = ref + sign exp(xi) with xi from ``low`` to ``high``; ``rate`` > 0 where ref is a maximum of -U."""

    ref: float
    sign: float
    low: float
    high: float
    rate: float


@dataclass(frozen=True)
class Profile:
    """A state found by shooting: points of the motion, and its exponential tail beyond ``r[-1]``."""

    nodes: int
    r: Array
    x: Array
    slope: Array
    decay: float  # decay length of the tail
    dim: float
    begin: float  # radius where the integration began; inside, the field is flat

    def __call__(self, radius: Array) -> Array:
        from scipy.interpolate import CubicHermiteSpline  # here: the driver of a scan does without

        inside = np.minimum(radius, self.r[-1])
        x = CubicHermiteSpline(self.r, self.x, self.slope)(inside)
        beyond = np.maximum(radius / self.r[-1], 1.0)
        return np.asarray(x * np.exp(-(radius - inside) / self.decay) * beyond ** (0.5 * (1.0 - self.dim)))

    @property
    def core(self) -> float:
        """Radius of the outermost lobe: where |x| falls to half of its last maximum."""
        height = np.abs(self.x)
        rising = np.flatnonzero(np.diff(height) > 0)
        last = int(rising[-1]) + 1 if len(rising) else 0
        low = np.flatnonzero(height[last:] < 0.5 * height[last])
        return float(self.r[last + low[0]] if len(low) else self.r[-1])

    def norm(self) -> float:
        """int x^2 r^(d-1) dr over the recorded motion."""
        r = np.linspace(0.0, 1.0, 4001) ** 2 * self.r[-1]
        return float(np.trapezoid(self(r) ** 2 * r ** (self.dim - 1.0), r))


def profiles(line: Line, max_nodes: int, decay: float, watch: Stopwatch | None = None) -> list[Profile]:
    """The states with at most ``max_nodes`` nodes; none in one dimension, where the motion has no friction.

    ``decay``: the decay length of x far away, in the units of r. When the time of ``watch`` is up, those found so far.
    """
    found: list[Profile] = []
    watch = watch or Stopwatch(None)
    for segment in segments(line) if line.dim > 1.0 and not watch.expired else ():
        xi = np.linspace(segment.high, segment.low, _SCAN)
        count, trapped, _ = integrate(line, *_starts(line, segment, xi), np.full(_SCAN, max_nodes), watch)
        brackets = _centred(line, segment, _brackets(xi, count, trapped, max_nodes), watch)
        found += _followed(line, segment, brackets, decay, watch)
    return sorted(found, key=lambda p: (p.nodes, abs(p.x[0])))


def segments(line: Line) -> list[Segment]:
    """Where the motion can start: U < 0. Divided at the maxima of -U, near which states accumulate."""
    out = []
    centre = np.zeros(len(_REACH))
    up, down = (line.potential(sign * _REACH, centre)[0] for sign in (1.0, -1.0))
    mirrored = np.allclose(up, down, rtol=1e-10, equal_nan=True)
    for side in (1.0,) if mirrored else (1.0, -1.0):
        x = side * _REACH
        energy = line.potential(x, centre)[0]
        below = np.isfinite(energy) & (energy < 0.0)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], below.astype(int), [0]])))
        for first, last in edges.reshape(-1, 2):  # a run of points below
            hills = [
                i for i in range(max(first, 1), min(last, len(x) - 1)) if energy[i - 1] > energy[i] <= energy[i + 1]
            ]
            if not hills:
                low, high = math.log(abs(x[max(first - 1, 0)])), math.log(abs(x[last - 1]))
                out.append(Segment(0.0, side, low, high, 0.0))
            for i, hill in enumerate(hills):
                top = _hilltop(line, float(x[hill - 1]), float(x[hill + 1]))
                before = max(first - 1, 0) if i == 0 else hills[i - 1] + int(np.argmax(energy[hills[i - 1] : hill]))
                out += _beside(line, top, float(x[before]))
                if i + 1 < len(hills) or below[last:].any():  # else what starts beyond the last hill never returns
                    after = last if i + 1 == len(hills) else hill + int(np.argmax(energy[hill : hills[i + 1]]))
                    out += _beside(line, top, float(x[min(after, len(x) - 1)]))
    return out


def _hilltop(line: Line, low: float, high: float) -> float:
    from scipy.optimize import brentq  # here: the driver of a scan does without

    def slope(x: float) -> float:
        return float(line.potential(np.array([x]), np.zeros(1))[1][0])

    return (
        float(brentq(slope, low, high, xtol=1e-15, rtol=1e-14)) if slope(low) * slope(high) < 0 else 0.5 * (low + high)
    )


def _beside(line: Line, top: float, end: float) -> list[Segment]:
    width = abs(top - end)
    rate = math.sqrt(max(line.curvature(top) / line.kinetic, 0.0))
    if width == 0.0:
        return []
    far = math.log(width)
    return [Segment(top, math.copysign(1.0, end - top), far - (_DEEPEST if rate > 0 else 30.0), far, rate)]


def _starts(line: Line, segment: Segment, xi: Array) -> tuple[Array, Array, Array]:
    """r, x and x' where the integration of each centre begins."""
    distance = segment.sign * np.exp(xi)
    r, x, slope = np.empty((3, len(xi)))
    linear = (segment.rate > 0) & (xi < segment.high + math.log(_LINEAR))
    if linear.any():
        grown = _LINEAR * math.exp(segment.high)
        at = _argument(np.log(grown) - xi[linear], line.dim)
        r[linear], x[linear] = at / segment.rate, segment.ref + segment.sign * grown
        ratio = ive(line.dim / 2.0, at) / ive(line.dim / 2.0 - 1.0, at)
        slope[linear] = segment.sign * grown * segment.rate * ratio
    other = ~linear
    if other.any():
        centre = segment.ref + distance[other]
        force = line.potential(centre, np.zeros(len(centre)))[1] / (line.dim * line.kinetic)
        r[other] = np.sqrt(2e-5 * np.abs(centre) / np.maximum(np.abs(force), 1e-300))
        x[other], slope[other] = centre + 0.5 * force * r[other] ** 2, force * r[other]
    return r, x, slope


def _log_growth(at: Array, dim: float) -> Array:
    """ln of Gamma(d/2) (2/s)^nu I_nu(s), nu = d/2 - 1: the regular solution of the linear equation, 1 at the origin."""
    nu = dim / 2.0 - 1.0
    return gammaln(dim / 2.0) + nu * np.log(2.0 / at) + np.log(ive(nu, at)) + at


def _argument(growth: Array, dim: float) -> Array:
    """The s at which the regular solution has grown by exp(``growth``), by bisection."""
    low, high = np.full(len(growth), 1e-6), 2.0 * growth + 20.0 * dim
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = _log_growth(middle, dim) < growth
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return high


def _brackets(xi: Array, count: Array, trapped: Array, max_nodes: int) -> list[Bracket]:
    """(n, centre trapped with n nodes, neighbouring centre with more)."""
    out = []
    for i in range(len(xi) - 1):
        for a, b in ((i, i + 1), (i + 1, i)):
            if trapped[a] and count[a] <= max_nodes and count[b] > count[a]:
                # the states with more nodes than count[a] lie in the same interval
                out += [(n, float(xi[a]), float(xi[b])) for n in range(count[a], min(count[b], max_nodes + 1))]
    return out


def _centred(line: Line, segment: Segment, brackets: list[Bracket], watch: Stopwatch) -> list[Bracket]:
    """The brackets narrowed to ``_CENTRED`` in xi."""
    while brackets and max(abs(a - b) for _, a, b in brackets) > _CENTRED and not watch.expired:
        inner = np.array([np.linspace(a, b, _SPLIT) for _, a, b in brackets])
        limit = np.repeat([n for n, _, _ in brackets], _SPLIT)
        count, trapped, _ = integrate(line, *_starts(line, segment, inner.ravel()), limit, watch)
        more = (count > limit).reshape(inner.shape)
        found = []
        for (n, _, _), x, over, held in zip(brackets, inner, more, trapped.reshape(inner.shape), strict=True):
            i = int(np.argmax(over))
            if i > 0 and held[i - 1]:
                found.append((n, float(x[i - 1]), float(x[i])))
        brackets = found
    return brackets


def _followed(line: Line, segment: Segment, brackets: list[Bracket], decay: float, watch: Stopwatch) -> list[Profile]:
    """The states in the brackets, all followed outwards at once."""
    ways = [_Way(line, segment, n, np.array(xi), decay) for n, *xi in brackets]
    open_ = ways
    for _ in range(_PASSES):
        if not open_ or watch.expired:
            break
        r = np.repeat([way.r for way in open_], _SPLIT)
        x, slope = np.concatenate([way.starts() for way in open_], axis=1)
        limit = np.repeat([way.left for way in open_], _SPLIT)
        group = np.repeat(np.arange(len(open_)), _SPLIT)
        count, trapped, record = integrate(line, r, x, slope, limit, watch, group)
        parts = [slice(j * _SPLIT, (j + 1) * _SPLIT) for j in range(len(open_))]
        points = np.array(record)  # (step, (r, x, x'), motion)
        open_ = [
            way
            for way, part in zip(open_, parts, strict=True)
            if way.narrowed(count[part], trapped[part], points[:, :, part])
        ]
    return [way.profile() for way in ways if way.is_faint(_ENOUGH)]


class _Way:
    """A state with ``n`` nodes followed outwards, between a motion that is trapped with them and one with more nodes.

    What is beyond the last point where the two agree is found between them, and so on: the instability of the motion
    does not limit how far a state is followed.
    """

    def __init__(self, line: Line, segment: Segment, n: int, xi: Array, decay: float) -> None:
        self.n, self.left, self.decay, self.dim = n, n, decay, line.dim
        self.width = 1.0  # of the range tried over that of the bracket, on either side of it
        r, x, slope = _starts(line, segment, xi)
        self.r = self.begin = float(np.max(r))  # both motions at one radius: the differences are tiny
        turn = line.potential(x, r)[1] / line.kinetic - (line.dim - 1.0) / r * slope
        self.ends = np.stack([x + slope * (self.r - r), slope + turn * (self.r - r)])  # (x and x', trapped and more)
        inside = _centre(line, segment, float(xi[0]), float(r[0]), float(x[0]), float(slope[0]))
        self.track = [np.stack(inside), np.array([[self.r], *self.ends[:, :1]])]  # (r, x, x'), point

    def starts(self) -> Array:
        """x and x' of the motions that are tried."""
        share = np.linspace(-self.width, 1.0 + self.width, _SPLIT)
        return self.ends[:, :1] + (self.ends[:, 1:] - self.ends[:, :1]) * share

    def narrowed(self, count: Array, trapped: Array, points: Array) -> bool:
        """Follow the state as far as the two motions next to it agree; whether there is more to follow."""
        first = int(np.argmax(count > self.left))
        if first == 0 or not trapped[first - 1]:  # by the error of the integration it lies further outside
            self.width *= 8.0
            return self.width < _WIDEST
        pair = points[:, :, first - 1 : first + 1]
        pair = pair[np.concatenate([[True], np.diff(pair[:, 0, 0]) > 0])]
        size = np.abs(pair[:, 1, 0]) + self.decay * np.abs(pair[:, 2, 0])
        apart = np.abs(pair[:, 1, 1] - pair[:, 1, 0]) + self.decay * np.abs(pair[:, 2, 1] - pair[:, 2, 0])
        differ = (apart > _TOGETHER * size) | (pair[:, 0, 0] != pair[:, 0, 1])
        last = int(np.argmax(differ)) - 1 if differ.any() else len(pair) - 1
        if last < 1:
            return False
        self.track.append(pair[1 : last + 1, :, 0].T)
        self.left -= int(np.sum(pair[1 : last + 1, 1, 0] * pair[:last, 1, 0] < 0.0))
        self.r, self.ends, self.width = float(pair[last, 0, 0]), pair[last, 1:], 1.0
        return self.left > 0 or not self.is_faint(_FAINT)

    def is_faint(self, limit: float) -> bool:
        """Whether |x| has fallen below ``limit`` times its last maximum."""
        x = np.abs(np.concatenate([part[1] for part in self.track]))
        rising = np.flatnonzero(np.diff(x) > 0)
        return self.left == 0 and bool(x[-1] < limit * np.max(x[rising[-1] + 1 if len(rising) else 0 :]))

    def profile(self) -> Profile:
        r, x, slope = np.concatenate(self.track, axis=1)
        return Profile(self.n, r, x, slope, self.decay, self.dim, self.begin)


def _centre(line: Line, segment: Segment, xi: float, r: float, x: float, slope: float) -> tuple[Array, Array, Array]:
    """Points between the origin and the start of the integration at ``r``."""
    radius = np.linspace(0.0, r, 24, endpoint=False)
    if segment.rate > 0 and xi < segment.high + math.log(_LINEAR):
        at = np.maximum(segment.rate * radius, 1e-6)
        away = segment.sign * np.exp(xi + _log_growth(at, line.dim))
        rise = away * segment.rate * ive(line.dim / 2.0, at) / ive(line.dim / 2.0 - 1.0, at)
        return radius, segment.ref + away, rise
    return radius, x - 0.5 * slope / r * (r**2 - radius**2), slope / r * radius
