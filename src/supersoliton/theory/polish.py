"""The stationary point of V next to field values that are given to some digits, as papers print them."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from . import flat
from .base import AbstractModel
from .field_scales import DISTANCES, slopes_along_rays
from .vacua import Vacuum, curvature, slope, vacuum_at

_POLISH = 20  # Newton steps at most
_SLACK = 1e-2  # a given vacuum may be this wrong, relative to its distance from the next stationary point


def polished(model: AbstractModel, values: Array, r: float = 0.0) -> tuple[Vacuum, float]:
    """The stationary point near ``values``, by Newton steps in the massive directions, and its distance from them.

    The distance is infinite where no stationary point is near: where the steps do not become shorter.
    """
    given = np.asarray(values, dtype=float)
    u, last = given, np.inf
    for _ in range(_POLISH):
        found = vacuum_at(model, u, r)
        step = _newton_step(model, u, r)
        length = float(np.max(np.abs(step)))
        if not length <= max(0.5 * last, 1e-14 * float(np.max(np.abs(u)))):  # also where it is not a number
            return vacuum_at(model, given, r), np.inf
        if length <= 4e-16 * float(np.max(np.abs(u))) or last == 0.0:
            return found, float(np.linalg.norm(u - given))
        u, last = u - step, length if last == np.inf or length > 1e-14 * float(np.max(np.abs(u))) else 0.0
    return vacuum_at(model, u, r), float(np.linalg.norm(u - given))


def _newton_step(model: AbstractModel, u: Array, r: float) -> Array:
    """V''^-1 V' in the massive directions."""
    matrix = curvature(model, u, r)
    if not np.all(np.isfinite(matrix)):
        return np.full(len(u), np.nan)
    values, vectors = np.linalg.eigh(matrix)
    modes = vectors.T @ slope(model, u, r)
    massive = np.abs(values) > flat.NULL * np.max(np.abs(values))
    return vectors @ np.divide(modes, values, out=np.zeros_like(modes), where=massive)


def distance_to_next(model: AbstractModel, vacuum: Vacuum, r: float = 0.0) -> float:
    """Distance from a stationary point to the nearest other one along rays (axes, eigenvectors of V''); inf if none."""
    rays = slopes_along_rays(model, vacuum.values, r)
    rows = np.flatnonzero(np.isinf(rays.power).any(1))
    if len(rows) == 0:
        return np.inf
    octave = np.argmax(np.isinf(rays.power[rows]), axis=1)
    before, after = np.abs(rays.slopes[rows, octave]), np.abs(rays.slopes[rows, octave + 1])
    return float(np.min(DISTANCES[octave] * (1.0 + before / (before + after))))


def nearby_vacuum(name: str, model: AbstractModel, values: Array, r: float = 0.0) -> Vacuum:
    """The polished stationary point next to ``values``, given as the argument ``name``.

    Raises ValueError where it lies further away than 1 % of the distance to the next stationary point.
    """
    given = np.asarray(values, dtype=float)
    found, moved = polished(model, given, r)
    if moved > 0.0:
        room = distance_to_next(model, found, r) if np.isfinite(moved) else 0.0
        if not moved <= _SLACK * room:
            words = "no stationary point is near it"
            if np.isfinite(moved):
                words = f"the one near it is {found.values.tolist()}, off by {moved / room:.2g} of the way to the next"
            force = float(np.max(np.abs(slope(model, given, r))))
            raise ValueError(
                f"{name} {given.tolist()} is not a vacuum: the slope of V is {force:.3g} there, and {words}; "
                "give a stationary point of V, see ss.vacua"
            )
    return found
