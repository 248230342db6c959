"""Independent references for the campaign: shooting and collocation with SciPy. Nothing here imports the package."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq
from scipy.special import gamma, ive

_REACH = 14.0  # field values up to which centres are looked for
_CENTRES = 400
_BISECTIONS = 60


def sphere(dim: float) -> float:
    """Area of the unit sphere in ``dim`` dimensions."""
    return 2.0 * math.pi ** (dim / 2.0) / gamma(dim / 2.0)


def slope_of(c: np.ndarray) -> Callable[[Any], Any]:
    """V' of sum_k c_k x^k, k = 2, 3, ..."""
    powers = np.arange(2, 2 + len(c))
    return np.poly1d([*(c * powers)[::-1].tolist(), 0.0])


def thin_bounce(slope: Any, dim: float, inside: float | None = None) -> float:
    """The action of a thin wall around the minimum of V at ``inside`` > 0, by default that near u = 1.

    The centre is so close to that minimum that shooting from it loses all digits. So the radius is sought at which the
    field is 1e-5 away from the minimum; inside, it is the growing Bessel function.
    """
    inside = brentq(slope, 0.8, 1.3, xtol=1e-15) if inside is None else inside
    mass, delta = math.sqrt(float(slope.deriv()(inside))), 1e-5 * inside

    def flight(radius: float) -> tuple[int, float]:
        x, order = mass * radius, dim / 2.0 - 1.0
        speed = -delta * mass * float(ive(order + 1.0, x) / ive(order, x))
        within = sphere(dim) * radius ** (dim - 1.0) * speed**2 / (4.0 * mass)
        label, rest = _flight(slope, inside - delta, dim, (radius, speed))
        return label, 2.0 / dim * within + rest

    radii = np.geomspace(3.0 / mass, 1e5, 60)
    labels = [flight(r)[0] for r in radii]
    first = next(i for i in range(len(radii) - 1) if labels[i] < labels[i + 1])
    low, high = float(radii[first]), float(radii[first + 1])
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if flight(middle)[0] < 0 else (low, middle)
    one, other = flight(low)[1], flight(high)[1]
    if abs(one - other) > 1e-6 * abs(one):
        raise RuntimeError(f"the reference is uncertain by {abs(one / other - 1.0):.1e}")
    return 0.5 * (one + other)


def least_bounce(v: Callable[[Any], Any], slope: Callable[[Any], Any], dim: float) -> float | None:
    """The least action of all bounces of one field out of u = 0; None if there is none."""
    found = []
    for side in (1.0, -1.0):
        if dim == 1.0:
            found += _in_one_dimension(v, side)
        else:
            found += _all_bounces(v, slope, dim, side)
    return min(found, default=None)


def _in_one_dimension(v: Callable[[Any], Any], side: float) -> list[float]:
    x = side * np.linspace(1e-4, _REACH, 40000)
    below = np.flatnonzero(v(x) < 0.0)
    if len(below) == 0 or below[0] == 0:
        return []
    top = brentq(v, x[below[0] - 1], x[below[0]], xtol=1e-15)
    value = quad(lambda t: math.sqrt(max(2.0 * v(top * (1.0 - t * t)), 0.0)) * 2.0 * t, 0.0, 1.0, epsabs=1e-13)[0]
    return [2.0 * abs(top) * value]


def _all_bounces(v: Callable[[Any], Any], slope: Any, dim: float, side: float) -> list[float]:
    """Actions of the bounces at every change between undershoot and overshoot of the centre."""
    x = side * np.linspace(1e-3, _REACH, 20 * _CENTRES)
    value = v(x)
    lower = np.flatnonzero(value < 0.0)
    if len(lower) == 0:
        return []
    # A bounce starts where V < 0, uphill of a minimum in -V; near a minimum centres are spaced logarithmically.
    minima = [brentq(slope, a, b) for a, b in itertools.pairwise(x) if slope(a) * slope(b) < 0.0]
    wells = [m for m in minima if v(m) < 0.0]
    centres = set(np.linspace(x[lower[0]], x[lower[-1]], _CENTRES // 2).tolist())
    for m in wells:
        centres |= {m - side * d for d in np.geomspace(1e-10, 0.5, _CENTRES // 4) * abs(m)}
    ordered = sorted((c for c in centres if v(c) < 0.0 and slope(c) * side < 0.0), key=abs)
    outcome = [_flight(slope, c, dim)[0] for c in ordered]
    actions = []
    for i in range(len(ordered) - 1):
        if outcome[i] and outcome[i + 1] and outcome[i] != outcome[i + 1]:
            found = _between(slope, ordered[i], ordered[i + 1], outcome[i], dim)
            if found is None:  # a centre too close to a minimum for its digits
                found = _from_the_well(slope, dim, side, min(wells, key=lambda m: abs(m - ordered[i])))
            actions.append(found)
    if wells and not any(label > 0 for label in outcome):  # every centre that digits can tell from the minimum returns
        actions.append(_from_the_well(slope, dim, side, min(wells, key=v)))
    return actions


def _from_the_well(slope: Any, dim: float, side: float, well: float) -> float:
    """:func:`thin_bounce` from a minimum on either side of u = 0."""
    signs = side ** (np.arange(slope.order, -1, -1) + 1)  # of d/dx V(side x)
    return thin_bounce(np.poly1d(slope.coeffs * signs), dim, abs(well))


def _between(slope: Callable[[Any], Any], low: float, high: float, first: int, dim: float) -> float | None:
    """2T/d of the bounce between two centres."""
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if _flight(slope, middle, dim)[0] == first:
            low = middle
        else:
            high = middle
    one, other = (_flight(slope, c, dim)[1] for c in (low, high))
    return 0.5 * (one + other) if abs(one - other) <= 1e-6 * abs(one) else None


def _flight(
    slope: Callable[[Any], Any], centre: float, dim: float, launched: tuple[float, float] | None = None
) -> tuple[int, float]:
    """+1 overshoot, -1 undershoot, 0 neither; and 2T/d of the flight, from the origin or from (radius, speed)."""
    away = math.copysign(1.0, centre)
    force = float(slope(centre))
    curvature = abs(float((slope(centre * (1 + 1e-6)) - slope(centre * (1 - 1e-6))) / (2e-6 * centre))) + 1.0
    start = 1e-3 / math.sqrt(curvature)
    y = [centre + force * start**2 / (2.0 * dim), force * start / dim, 0.0]
    if launched is not None:
        start, y = launched[0], [centre, launched[1], 0.0]

    def rate(r: float, y: Any) -> list[float]:
        return [y[1], float(slope(y[0])) - (dim - 1.0) / r * y[1], sphere(dim) * r ** (dim - 1.0) * 0.5 * y[1] ** 2]

    def crosses(r: float, y: Any) -> float:
        return float(away * y[0])

    def turns(r: float, y: Any) -> float:
        return float(-away * y[1]) if r > 2.0 * start or launched is not None else 1.0

    crosses.terminal = turns.terminal = True  # type: ignore[attr-defined]
    path = solve_ivp(rate, (start, 1e5), y, method="DOP853", rtol=1e-11, atol=1e-13, events=(crosses, turns))
    label = 1 if len(path.t_events[0]) else (-1 if len(path.t_events[1]) else 0)
    return label, 2.0 / dim * float(path.y[2, -1])


def nodal_action(v: Callable[[Any], Any], slope: Callable[[Any], Any], dim: float, nodes: int) -> float | None:
    """S = 2T/d of the state with this number of nodes whose centre is the smallest."""
    centres = np.geomspace(0.5, 60.0, 400)
    counts = [_nodes(slope, c, dim)[0] for c in centres]
    for i in range(len(centres) - 1):
        if counts[i] <= nodes < counts[i + 1]:
            low, high = float(centres[i]), float(centres[i + 1])
            for _ in range(_BISECTIONS):
                middle = 0.5 * (low + high)
                if _nodes(slope, middle, dim)[0] <= nodes:
                    low = middle
                else:
                    high = middle
            one, other = (_nodes(slope, c, dim)[1] for c in (low, high))
            return 0.5 * (one + other) if abs(one - other) <= 1e-6 * abs(one) else None
    return None


def _nodes(slope: Callable[[Any], Any], centre: float, dim: float) -> tuple[int, float]:
    """The nodes passed before the field is trapped around a minimum of V, and 2T/d up to its last turn near u = 0."""

    def rate(r: float, y: Any) -> list[float]:
        return [y[1], float(slope(y[0])) - (dim - 1.0) / r * y[1], sphere(dim) * r ** (dim - 1.0) * 0.5 * y[1] ** 2]

    start = 1e-4
    y = [centre + float(slope(centre)) * start**2 / (2 * dim), float(slope(centre)) * start / dim, 0.0]
    energy = np.polyint(slope)  # V

    def trapped(r: float, y: Any) -> float:
        return float(0.5 * y[1] ** 2 - energy(y[0]))  # the particle's energy in -V: below 0 it cannot reach u = 0 again

    def crosses(r: float, y: Any) -> float:
        return float(y[0])

    trapped.terminal, trapped.direction = True, -1.0  # type: ignore[attr-defined]
    path = solve_ivp(rate, (start, 200.0), y, method="DOP853", rtol=1e-11, atol=1e-13, events=(trapped, crosses))
    return len(path.t_events[1]), 2.0 / dim * float(path.y[2, -1])


def trapped_energy(g: float, dim: float, n: int = 120, radius: float = 9.0) -> float:
    """E of the ground state of r^2/2 u^2 + g/4 u^4 with N = 1 in infinite space, by Chebyshev collocation."""
    x = np.cos(np.pi * np.arange(2 * n) / (2 * n - 1))  # r = radius x > 0 in the first half; u is even
    c = np.ones(2 * n)
    c[0] = c[-1] = 2.0
    c *= (-1.0) ** np.arange(2 * n)
    gap = x[:, None] - x[None, :] + np.eye(2 * n)
    d1 = np.outer(c, 1.0 / c) / gap
    d1 -= np.diag(d1.sum(axis=1))
    d1 /= radius
    d2 = d1 @ d1
    r = radius * x[:n]

    def even(matrix: np.ndarray) -> np.ndarray:
        return matrix[:n, :n] + matrix[:n, : n - 1 : -1]

    laplacian = even(d2) + ((dim - 1.0) / r)[:, None] * even(d1)
    t, w = np.polynomial.legendre.leggauss(200)
    at = 0.5 * radius * (t + 1.0)
    weight = 0.5 * radius * w * sphere(dim) * at ** (dim - 1.0)
    basis = _barycentric(x * radius, at)
    values = basis[:, :n] + basis[:, : n - 1 : -1]
    u, mu = math.pi ** (-dim / 4.0) * np.exp(-0.5 * r**2), float(dim) + 0.5 * g
    for _ in range(40):
        force = -laplacian @ u + r**2 * u + g * u**3 - mu * u
        matrix = np.zeros((n + 1, n + 1))
        matrix[:n, :n] = -laplacian + np.diag(r**2 + 3.0 * g * u**2 - mu)
        matrix[:n, n] = -u
        norm = 2.0 * (weight * (values @ u)) @ values
        matrix[n, :n] = norm
        load = -np.append(force, weight @ (values @ u) ** 2 - 1.0)
        matrix[0], load[0] = 0.0, 0.0  # u(R) = 0
        matrix[0, 0] = 1.0
        step = np.linalg.solve(matrix, load)
        u, mu = u + step[:n], mu + step[n]
        if np.max(np.abs(step)) < 1e-13:
            break
    inside = values @ u
    return float(0.5 * mu - 0.25 * g * weight @ inside**4)  # mu N = 2E + g/2 int u^4


def _barycentric(nodes: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Values at ``at`` of the Lagrange polynomials on Chebyshev nodes."""
    weights = (-1.0) ** np.arange(len(nodes))
    weights[0] *= 0.5
    weights[-1] *= 0.5
    terms = weights / (at[:, None] - nodes[None, :])
    return terms / terms.sum(axis=1, keepdims=True)
