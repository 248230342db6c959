"""Directions in space, of which the ansatz of a soliton is made."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

# epsilon_{ijk}
EPSILON = np.zeros((3, 3, 3))
EPSILON[[0, 1, 2], [1, 2, 0], [2, 0, 1]] = 1.0
EPSILON[[0, 2, 1], [2, 1, 0], [1, 0, 2]] = -1.0


def radial(points: Array) -> tuple[Array, Array]:
    """r (...) and the unit vectors (..., d) at ``points`` (..., d), 0 at the origin, where no field has a direction."""
    r = np.sqrt(np.sum(points**2, axis=-1))
    return r, points / np.where(r > 0.0, r, 1.0)[..., None]


def phase(points: Array, winding: float) -> Array:
    """exp(i n theta) in the plane, (..., 2): its real and its imaginary part."""
    _, unit = radial(points)
    turned = (unit[..., 0] + 1j * unit[..., 1]) ** round(winding)
    return np.stack([turned.real, turned.imag], axis=-1)


def around(points: Array, strength: Array) -> Array:
    """The field (..., 2) of the plane with the angular component ``strength``/r (...), which vanishes at the origin."""
    r, unit = radial(points)
    turned = np.stack([-unit[..., 1], unit[..., 0]], axis=-1)
    return (strength / np.where(r > 0.0, r, 1.0))[..., None] * turned


def hedgehog_gauge(points: Array, strength: Array) -> Array:
    """A_i^a = epsilon_aij r_j ``strength``/r, of shape (..., i, a), of a strength (...) that is 0 at the origin."""
    r, unit = radial(points)
    return np.einsum("aij,...j->...ia", EPSILON, unit) * (strength / np.where(r > 0.0, r, 1.0))[..., None, None]
