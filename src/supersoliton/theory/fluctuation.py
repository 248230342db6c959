"""The fluctuations of a theory outside its radial ansatz: one channel of angular momentum, as a quadratic density."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

# A density of second order in the functions of a channel and their slopes, (function, point) each -> (point,).
Quadratic = Callable[[Array, Array], Array]


class Channel(NamedTuple):
    """A channel of fluctuations around a state, given at some radii, its functions x(r) being real.

    ``energy``: the energy density of second order, averaged over angles, with a term that fixes a gauge, ``gauge``,
    if there is one; modes that have all of their energy in that are no fluctuations. ``inertia``: m_i of the kinetic
    energy :math:`\\tfrac12\\sum_im_i\\dot x_i^2`. ``winding``: the angular number of each function, which is free at
    the origin where that is 0 and vanishes there otherwise.
    """

    energy: Quadratic
    inertia: tuple[float, ...]
    winding: tuple[int, ...]
    gauge: Quadratic | None = None


def hessian(density: Quadratic, count: int, points: int) -> Array:
    """The second derivatives (point, 2 count, 2 count) of a quadratic density by x and x', exact by polarisation."""
    units = np.eye(2 * count)

    def at(z: Array) -> Array:
        x, slopes = np.split(np.repeat(z[:, None], points, axis=1), 2)
        return density(x, slopes)

    squares = [at(unit) for unit in units]
    out = np.empty((points, 2 * count, 2 * count))
    for i, left in enumerate(units):
        for j, right in enumerate(units[: i + 1]):
            out[:, i, j] = out[:, j, i] = at(left + right) - squares[i] - squares[j]
    return out
