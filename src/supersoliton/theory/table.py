"""A potential of one field that is given as a table of numbers."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PPoly, make_interp_spline


class Table:
    r"""V(u) of one field through tabulated values: a spline with four continuous derivatives, as V(u, p).

    The minima of the table stay minima, each in the intervals next to its point, and no others arise. Beyond the table
    V continues as a parabola where it rises outwards, else as a straight line; nothing is known of V there, so results
    with fields outside of ``table.range``, its first and last field value, are results about this continuation.

    Parameters
    ----------
    x : array_like, shape (n,)
        Field values, ascending; at least 6.
    V : array_like, shape (n,)
        The potential there.

    Raises
    ------
    ValueError
        If the numbers are not finite, not ascending or too few, or if every spline through them has minima of its own
        (a table with noise, or too coarse).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(-1.0, 6.0, 141)
    >>> model = ss.Potential(ss.Table(x, x**4 - 8 * x**3 + 10 * x**2))
    >>> print(f"{ss.bounce(model, [0.0], dim=4).action:.4f}")
    34.6636
    """

    def __init__(self, x: ArrayLike, V: ArrayLike) -> None:
        points, values = _checked(x, V)
        # Dimensionless, so that the powers in the polynomials are of order one in any unit.
        self._origin, self._unit = float(points[0]), float(points[-1] - points[0])
        self._zero, self._energy = float(values[0]), float(np.ptp(values)) or 1.0
        s, y = (points - self._origin) / self._unit, (values - self._zero) / self._energy
        spline = _spline(s, y, points)
        self._knots, self._coefficients = spline.x, spline.c
        self._ends = [(float(spline(e)), float(spline(e, 1)), float(spline(e, 2))) for e in (spline.x[0], spline.x[-1])]
        self.range = (float(points[0]), float(points[-1]))

    def __call__(self, u: Any, p: Any = None) -> Any:
        s = (u[0] - self._origin) / self._unit
        first, last = self._knots[0], self._knots[-1]
        inside = jnp.clip(s, first, last)
        interval = jnp.clip(
            jnp.searchsorted(jnp.asarray(self._knots), inside, side="right") - 1, 0, len(self._knots) - 2
        )
        local = inside - jnp.asarray(self._knots)[interval]
        coefficients = jnp.asarray(self._coefficients)[:, interval]
        value = coefficients[0]
        for coefficient in coefficients[1:]:
            value = value * local + coefficient
        below, above = jnp.minimum(s - first, 0.0), jnp.maximum(s - last, 0.0)
        value = jnp.where(s < first, _continued(self._ends[0], below, -1.0), value)
        value = jnp.where(s > last, _continued(self._ends[1], above, 1.0), value)
        return self._zero + self._energy * value

    def __repr__(self) -> str:
        low, high = self.range
        return f"Table({len(self._knots)} knots from {low:g} to {high:g})"


def _continued(end: tuple[float, float, float], away: Any, outwards: float) -> Any:
    """V beyond an end of the table with these V, V' and V''."""
    value, slope, curvature = end
    rises = outwards * slope > 0.0
    return value + slope * away + (0.5 * max(curvature, 0.0) * away**2 if rises else 0.0)


def _checked(x: ArrayLike, values: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    try:
        points, heights = np.asarray(x, float), np.asarray(values, float)
    except (TypeError, ValueError):
        points, heights = np.empty(0), np.empty(1)
    if points.ndim != 1 or points.shape != heights.shape:
        raise ValueError(
            f"Table: x and V must be two lists of as many numbers, got shapes {np.shape(x)} and {np.shape(values)}: "
            "give V at each x"
        )
    if len(points) < 6:
        raise ValueError(f"Table: x must have at least 6 values, got {len(points)}: give more points")
    if not (np.all(np.isfinite(points)) and np.all(np.isfinite(heights))):
        raise ValueError("Table: x and V must be finite, got NaN or infinity: leave these points out")
    if not np.all(np.diff(points) > 0.0):
        at = int(np.argmax(np.diff(points) <= 0.0))
        raise ValueError(f"Table: x must ascend, got {points[at]:g} before {points[at + 1]:g}: sort the table")
    return points, heights


def _spline(s: np.ndarray, y: np.ndarray, x: np.ndarray) -> PPoly:
    """The spline of highest order whose minima are those of the table."""
    inner = np.flatnonzero((y[1:-1] < y[:-2]) & (y[1:-1] <= y[2:])) + 1
    wrong = np.empty(0)
    for order in (5, 3):
        spline = PPoly.from_spline(make_interp_spline(s, y, k=order))
        stationary = spline.derivative().roots(extrapolate=False)
        stationary = stationary[np.isfinite(stationary)]
        minima = stationary[spline(stationary, 2) > 0.0]
        near = [np.any((minima >= s[i - 1]) & (minima <= s[i + 1])) for i in inner]
        known = np.array([np.min(np.abs(inner - np.searchsorted(s, m)), initial=len(s)) <= 1 for m in minima], bool)
        # At the ends the table cannot tell.
        known |= (minima < s[1]) | (minima > s[-2])
        if all(near) and known.all():
            return PPoly(spline.c[:, np.diff(spline.x) > 0.0], np.unique(spline.x))
        if len(minima[~known]):
            wrong = minima[~known]
    at = f"near {x[0] + (x[-1] - x[0]) * wrong[0]:g}" if len(wrong) else "other than the table"
    raise ValueError(
        f"Table: the spline through these values has a minimum {at} that the table does not have: "
        "give more points there, or smooth the table"
    )
