"""The stationary point of V next to field values that are given to some digits, as papers print them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy import ndarray as Array

from . import flat
from .base import AbstractModel
from .derivatives import TINY
from .field_scales import DISTANCES, scales_from_rays, scales_of_potential, slopes_along_rays
from .vacua import Vacuum, curvature, mass_matrix, slope, vacuum_at

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
        if length <= max(4e-16 * size, 4.0 * TINY):
            return found, float(np.linalg.norm(u - given))
        if length > 0.5 * last:  # the rounding of V', or no stationary point
            if length > _ROUNDING * distance_to_next(model, found, r):
                break
            return found, float(np.linalg.norm(u - given))
        u, last = u - step, length
    return vacuum_at(model, given, r), np.inf


def is_stationary(model: AbstractModel, values: Array, r: float = 0.0, *, tolerance: float = 1e-9) -> bool:
    """Whether V' vanishes at ``values``: to rounding, or to ``tolerance`` in the units of V around them."""
    force = float(np.max(np.abs(slope(model, values, r))))
    stiffness = float(np.max(np.abs(mass_matrix(model, values, r)))) * float(np.max(model.kinetic))
    # V is evaluated at 1e-45 where a field is 0
    if force <= stiffness * (4e-16 * float(np.max(np.abs(values))) + 1e-40):
        return True
    scales = scales_of_potential(model, values, r)
    return bool(force <= tolerance * scales.curvature * scales.field)


def _newton_step(model: AbstractModel, u: Array, r: float) -> tuple[Array, bool]:
    """V''^-1 V' in the massive directions, and whether V has a slope in the others."""
    matrix, force = curvature(model, u, r), slope(model, u, r)
    if not (np.all(np.isfinite(matrix)) and np.all(np.isfinite(force))):
        return np.full(len(u), np.nan), False
    values, vectors = np.linalg.eigh(matrix)
    modes, largest = vectors.T @ force, np.max(np.abs(values))
    massive = np.abs(values) > flat.NULL * largest
    rest = np.max(np.abs(modes), where=~massive, initial=0.0)
    sloping = bool(rest > 1e-6 * largest * np.max(np.abs(u)) + TINY * (1.0 + largest))
    return vectors @ np.divide(modes, values, out=np.zeros_like(modes), where=massive), sloping


def distance_to_next(model: AbstractModel, vacuum: Vacuum, r: float = 0.0) -> float:
    """Distance from a stationary point to the nearest other one along rays (axes, eigenvectors of V'').

    Where there is none, the distance at which V changes its behaviour (:func:`.scales_of_potential`).
    """
    rays = slopes_along_rays(model, vacuum.values, r)
    distances = []
    for slopes, power in zip(rays.slopes, rays.power, strict=True):
        known = np.flatnonzero(np.isfinite(power))
        if len(known) == 0:
            continue
        # A slope of 0 beyond the rounding around the vacuum is a turn too: V's zeros may be at powers of 2 as well.
        turned = np.isfinite(slopes) & (np.sign(slopes) != np.sign(slopes[known[0]]))
        turned[: known[0]] = False
        if turned.any():
            k = int(np.argmax(turned))
            before, after = np.abs(slopes[k - 1 : k + 1])
            distances.append(float(DISTANCES[k - 1] * (1.0 + before / (before + after))))
    return min(distances) if distances else scales_from_rays(model, rays, r).field


def nearby_vacuum(name: str, model: AbstractModel, values: Sequence[float] | Array, r: float = 0.0) -> Vacuum:
    """The polished stationary point next to ``values``, given as the argument ``name``.

    Raises ValueError where it lies further away than 1 % of the distance to the next stationary point.
    """
    given = np.asarray(values, dtype=float)
    if not np.all(np.isfinite(slope(model, given, r))):
        raise ValueError(
            f"{name} {model.given_fields(given).tolist()}: V' is not finite there; give a stationary point"
        )
    if is_stationary(model, given, r, tolerance=0.0):
        return vacuum_at(model, given, r)
    found, moved = polished(model, given, r)
    if moved > 0.0:
        room = distance_to_next(model, found, r) if np.isfinite(moved) else 0.0
        if not moved <= _SLACK * room:
            words = "no stationary point is near it"
            if np.isfinite(moved):
                shown = ", ".join(f"{x:.10g}" for x in model.given_fields(found.values))
                words = f"the one near it is [{shown}], off by {moved / room:.2g} of the way to the next"
            raise ValueError(
                f"{name} {model.given_fields(given).tolist()} is not a stationary point of V, and {words}; give one, "
                "see ss.vacua"
            )
    return found
