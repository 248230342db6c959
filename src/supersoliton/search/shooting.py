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
from scipy.interpolate import CubicHermiteSpline
from scipy.optimize import brentq
from scipy.special import gammaln, ive

from .line import Line

_REACH = np.geomspace(1e-3, 1e4, 800)  # |x| at which U is tabulated, in units of the fields
_SCAN = 200  # centres of each segment in the scan
_SPLIT = 64  # motions inside each bracket in each pass
_CENTRED = 1e-4  # width of a bracket in xi at which it is followed outwards
_TOGETHER = 1e-5  # relative difference of its two motions up to which both are the state
_PASSES = 200  # limit on passes; a pass follows the state over about two decay lengths
_FAINT = 1e-8  # |x| over its outermost maximum at which the state has ended
_DEEPEST = 200.0  # thinnest walls tried: the centre is exp(-200) away from the maximum of -U, the radius 200 widths
_LINEAR = 1e-3  # distance from the maximum, relative to the segment, up to which the equation is linearised
_RTOL = 1e-7  # of the integration; Newton's method on the mesh makes the rest
_STEPS = 6000  # limit on steps of a pass
_ESCAPED = 30.0  # |x| over that of the centre at which the motion has left for good

# Dormand and Prince, J. Comput. Appl. Math. 6 (1980) 19: stages, and fifth minus fourth order.
_NODES = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_STAGES = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


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

    def radius_of(self, fraction: float) -> float:
        """Radius beyond which |x| stays below ``fraction`` of its outermost maximum; that of the last point if never."""
        height = np.abs(self.x)
        outer = height[np.searchsorted(self.r, self.core) - 1] * 2.0
        return float(self.r[int(np.flatnonzero(height > fraction * outer)[-1])])

    def norm(self) -> float:
        """int x^2 r^(d-1) dr over the recorded motion."""
        r = np.linspace(0.0, 1.0, 4001) ** 2 * self.r[-1]
        return float(np.trapezoid(self(r) ** 2 * r ** (self.dim - 1.0), r))


def profiles(line: Line, max_nodes: int, decay: float) -> list[Profile]:
    """The states with at most ``max_nodes`` nodes; none in one dimension, where the motion has no friction.

    ``decay``: the decay length of x far away, in the units of r.
    """
    found: list[Profile] = []
    if line.dim == 1.0:
        return found
    for segment in segments(line):
        xi = np.linspace(segment.high, segment.low, _SCAN)
        count, trapped, _ = integrate(line, *_starts(line, segment, xi), np.full(_SCAN, max_nodes))
        brackets = _centred(line, segment, _brackets(xi, count, trapped, max_nodes))
        found += _followed(line, segment, brackets, decay)
    return sorted(found, key=lambda p: (p.nodes, abs(p.x[0])))


def segments(line: Line) -> list[Segment]:
    """Where the motion can start: U < 0. Divided at the maxima of -U, near which states accumulate."""
    out = []
    centre = np.zeros(len(_REACH))
    mirrored = bool(np.allclose(*(line.potential(s * _REACH, centre)[0] for s in (1, -1)), rtol=1e-10, equal_nan=True))
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


def integrate(
    line: Line, r: Array, x: Array, slope: Array, limit: Array, group: Array | None = None
) -> tuple[Array, Array, list[tuple[Array, Array, Array]]]:
    """Follow the motions until their nodes are final or more than ``limit``.

    Each has its own steps, or those of its ``group``; then the points after each step are recorded. Returns the nodes,
    whether the motion is trapped, and the record: (r, x, x') of all motions.
    """
    friction, k = line.dim - 1.0, line.kinetic
    state, r = np.stack([x, slope]), r.copy()
    far = _ESCAPED * np.abs(x)
    step = 0.3 * r if group is None else 0.01 * r
    energy, force = line.potential(x, r)
    count, trapped, active = np.zeros(len(x), int), np.zeros(len(x), bool), np.arange(len(x))
    record = [(r.copy(), *state.copy())]
    for _ in range(_STEPS):
        if not len(active):
            break
        at, y, h = r[active], state[:, active], step[active]
        stages = [np.stack([y[1], force[active] / k - friction / at * y[1]])]
        with np.errstate(all="ignore"):
            for node, row in zip(_NODES[1:], _STAGES[1:], strict=True):
                moved = y + h * sum(a * s for a, s in zip(row, stages, strict=True) if a)
                value, pull = line.potential(moved[0], at + node * h)
                stages.append(np.stack([moved[1], pull / k - friction / (at + node * h) * moved[1]]))
            error = np.abs(h * sum(e * s for e, s in zip(_ERROR, stages, strict=True) if e))
            worst = np.max(error / (np.abs(y) + h * np.abs(stages[0]) + 1e-300), axis=0) / _RTOL
            worst = np.where(np.isfinite(worst), worst, 1e30)
        if group is not None:
            most = np.zeros(int(np.max(group)) + 1)
            np.maximum.at(most, group[active], worst)
            worst = most[group[active]]
        good = worst <= 1.0
        step[active] = h * np.clip(0.9 * (worst + 1e-30) ** -0.2, 0.2, 4.0)
        done = active[good]
        count[done] += moved[0, good] * y[0, good] < 0.0
        r[done], state[:, done] = (at + h)[good], moved[:, good]
        energy[done], force[done] = value[good], pull[good]
        trapped[done] = (0.5 * k * state[1, done] ** 2 < energy[done]) & (r[done] >= line.settled)
        gone = trapped[done] | (count[done] > limit[done]) | ~(np.abs(state[0, done]) <= far[done])
        active = np.concatenate([active[~good & (step[active] > 1e-12 * (1.0 + at))], done[~gone]])
        if group is not None:
            record.append((r.copy(), *state.copy()))
    return count, trapped, record


def _brackets(xi: Array, count: Array, trapped: Array, max_nodes: int) -> list[tuple[int, float, float]]:
    """(n, centre trapped with n nodes, neighbouring centre with more)."""
    out = []
    for i in range(len(xi) - 1):
        for a, b in ((i, i + 1), (i + 1, i)):
            if trapped[a] and count[a] <= max_nodes and count[b] > count[a]:
                # the states with more nodes than count[a] lie in the same interval
                out += [(n, float(xi[a]), float(xi[b])) for n in range(count[a], min(count[b], max_nodes + 1))]
    return out


def _centred(line: Line, segment: Segment, brackets: list[tuple[int, float, float]]) -> list[tuple[int, float, float]]:
    """The brackets narrowed to ``_CENTRED`` in xi."""
    while brackets and max(abs(a - b) for _, a, b in brackets) > _CENTRED:
        inner = np.array([np.linspace(a, b, _SPLIT) for _, a, b in brackets])
        limit = np.repeat([n for n, _, _ in brackets], _SPLIT)
        count, trapped, _ = integrate(line, *_starts(line, segment, inner.ravel()), limit)
        more = (count > limit).reshape(inner.shape)
        found = []
        for (n, _, _), x, over, held in zip(brackets, inner, more, trapped.reshape(inner.shape), strict=True):
            i = int(np.argmax(over))
            if i > 0 and held[i - 1]:
                found.append((n, float(x[i - 1]), float(x[i])))
        brackets = found
    return brackets


def _followed(line: Line, segment: Segment, brackets: list[tuple[int, float, float]], decay: float) -> list[Profile]:
    """The states in the brackets, followed outwards until they are faint.

    What is beyond the last point where both sides of a bracket agree is found between these two sides, and so on: the
    instability of the motion does not limit how far a state is followed.
    """
    if not brackets:
        return []
    ends, tracks = [], []
    for _, *xi in brackets:
        r, x, slope = _starts(line, segment, np.array(xi))
        r_, x_, slope_ = _centre(line, segment, xi[0], r[0], x[0], slope[0])
        tracks.append([(r_, x_, slope_)])
        later = float(np.max(r))  # both at one radius: the differences are tiny
        ends.append(np.stack([x + slope * (later - r), slope + _acceleration(line, r, x, slope) * (later - r)]))
        tracks[-1].append((np.array([later]), ends[-1][:1, 0], ends[-1][1:, 0]))
    radii = np.array([t[-1][0][0] for t in tracks])
    left = np.array([n for n, _, _ in brackets])
    open_ = list(range(len(brackets)))
    share = np.linspace(-1.0, 2.0, _SPLIT)  # wider than the bracket, by the error of the integration
    for _ in range(_PASSES):
        if not open_:
            break
        start = np.concatenate([e[:, :1] + (e[:, 1:] - e[:, :1]) * share for e in (ends[i] for i in open_)], axis=1)
        repeated = np.repeat(open_, _SPLIT)
        group = np.repeat(np.arange(len(open_)), _SPLIT)
        count, trapped, record = integrate(line, radii[repeated], *start, left[repeated], group)
        points = np.array(record)  # (step, (r, x, x'), motion)
        still = []
        for j, i in enumerate(open_):
            own = slice(j * _SPLIT, (j + 1) * _SPLIT)
            first = int(np.argmax(count[own] > left[i]))
            if first == 0 or not trapped[own][first - 1]:
                continue
            pair = points[:, :, [j * _SPLIT + first - 1, j * _SPLIT + first]]
            pair = pair[np.concatenate([[True], np.diff(pair[:, 0, 0]) > 0])]
            size = np.abs(pair[:, 1]) + decay * np.abs(pair[:, 2])
            apart = np.abs(np.diff(pair[:, 1])) + decay * np.abs(np.diff(pair[:, 2])) > _TOGETHER * size[:, :1]
            apart = apart[:, 0] | (pair[:, 0, 0] != pair[:, 0, 1])
            last = int(np.argmax(apart)) - 1 if apart.any() else len(pair) - 1
            if last < 1:
                continue
            tracks[i].append((pair[1 : last + 1, 0, 0], pair[1 : last + 1, 1, 0], pair[1 : last + 1, 2, 0]))
            left[i] -= int(np.sum(pair[1 : last + 1, 1, 0] * pair[:last, 1, 0] < 0.0))
            radii[i], ends[i] = pair[last, 0, 0], pair[last, 1:]
            if left[i] > 0 or not _is_faint(tracks[i]):
                still.append(i)
        open_ = still
    return [
        Profile(
            n, *(np.concatenate(parts) for parts in zip(*track, strict=True)), decay, line.dim, float(track[1][0][0])
        )
        for (n, _, _), track in zip(brackets, tracks, strict=True)
    ]


def _acceleration(line: Line, r: Array, x: Array, slope: Array) -> Array:
    return line.potential(x, r)[1] / line.kinetic - (line.dim - 1.0) / r * slope


def _is_faint(track: list[tuple[Array, Array, Array]]) -> bool:
    """Whether |x| has fallen to nothing since its last maximum."""
    x = np.abs(np.concatenate([part[1] for part in track]))
    falling = np.flatnonzero(np.diff(x) > 0)
    return bool(x[-1] < _FAINT * np.max(x[falling[-1] + 1 if len(falling) else 0 :]))


def _centre(line: Line, segment: Segment, xi: float, r: float, x: float, slope: float) -> tuple[Array, Array, Array]:
    """Points between the origin and the start of the integration at ``r``."""
    radius = np.linspace(0.0, r, 24, endpoint=False)
    if segment.rate > 0 and xi < segment.high + math.log(_LINEAR):
        at = np.maximum(segment.rate * radius, 1e-6)
        away = segment.sign * np.exp(xi + _log_growth(at, line.dim))
        rise = away * segment.rate * ive(line.dim / 2.0, at) / ive(line.dim / 2.0 - 1.0, at)
        return radius, segment.ref + away, rise
    return radius, x - 0.5 * slope / r * (r**2 - radius**2), slope / r * radius
