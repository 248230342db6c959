"""The stationary point of V next to field values that are given to some digits, as papers print them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy import ndarray as Array

from . import flat
from .base import AbstractModel
from .derivatives import AWAY
from .field_scales import DISTANCES, scales_from_rays, slopes_along_rays
from .vacua import Vacuum, curvature, slope, vacuum_at

_POLISH = 20  # Newton steps at most
_ROUNDING = 1e-6  # a Newton step that V' cannot resolve, relative to the distance to the next stationary point
_SLACK = 1e-2  # a given vacuum may be this wrong, relative to its distance from the next stationary point


def polished(model: AbstractModel, values: Sequence[float] | Array, r: float = 0.0) -> tuple[Vacuum, float]:
    """The stationary point near ``values``, by Newton steps in the massive directions, and its distance from them.

    The distance is infinite where no stationary point is near: where the steps do not become shorter.
    """
    given = np.asarray(values, dtype=float)
    u, last = given, np.inf
    for _ in range(_POLISH):
        step, flat_slope = _newton_step(model, u, r)
        length, size = float(np.max(np.abs(step))), float(np.max(np.abs(u)))
        if not np.isfinite(length) or flat_slope:
            break
        found = vacuum_at(model, u, r)
        if length <= max(4e-16 * size, 4.0 * AWAY):
            return found, float(np.linalg.norm(u - given))
        if length > 0.5 * last:  # the rounding of V', or no stationary point
            if length > _ROUNDING * distance_to_next(model, found, r):
                break
            return found, float(np.linalg.norm(u - given))
        u, last = u - step, length
    return vacuum_at(model, given, r), np.inf


def _newton_step(model: AbstractModel, u: Array, r: float) -> tuple[Array, bool]:
    """V''^-1 V' in the massive directions, and whether V has a slope in the others."""
    matrix, force = curvature(model, u, r), slope(model, u, r)
    if not (np.all(np.isfinite(matrix)) and np.all(np.isfinite(force))):
        return np.full(len(u), np.nan), False
    values, vectors = np.linalg.eigh(matrix)
    modes, largest = vectors.T @ force, np.max(np.abs(values))
    massive = np.abs(values) > flat.NULL * largest
    rest = np.max(np.abs(modes), where=~massive, initial=0.0)
    sloping = bool(rest > 1e-6 * largest * np.max(np.abs(u)) + AWAY * (1.0 + largest))
    return vectors @ np.divide(modes, values, out=np.zeros_like(modes), where=massive), sloping


def distance_to_next(model: AbstractModel, vacuum: Vacuum, r: float = 0.0) -> float:
    """Distance from a stationary point to the nearest other one along rays (axes, eigenvectors of V'').

    Where there is none, the distance at which V changes its behaviour (:func:`.scales_of_potential`).
    """
    rays = slopes_along_rays(model, vacuum.values, r)
    turns = np.isinf(rays.power) & rays.beyond
    rows = np.flatnonzero(turns.any(1))
    if len(rows) == 0:
        return scales_from_rays(model, rays, r).field
    at = np.argmax(turns[rows], axis=1)
    before, after = np.abs(rays.slopes[rows, at]), np.abs(rays.slopes[rows, at + 1])
    return float(np.min(DISTANCES[at] * (1.0 + before / (before + after))))


def nearby_vacuum(name: str, model: AbstractModel, values: Sequence[float] | Array, r: float = 0.0) -> Vacuum:
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
