"""Directions in which V does not change (Goldstone bosons, moduli, circles of minima), in dimensionless fields."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray as Array

from .minima import InUnits

NULL = 1e-8  # curvature, relative to the largest, below which a direction is followed to see whether V changes
_SOFT = 1e-5  # the same where Newton's method has not converged in that direction
_STEPS, _STRIDE = 40, 0.3  # of a walk along a flat direction, in units of the fields' size: twice around a circle
_NEAR = 1e-2  # distance at which a walk has arrived, in the same units


def relaxed(v: InUnits, y: Float[Array, "s field"], free: Bool[Array, " field"], steps: int) -> Float[Array, "s field"]:
    """Points after Newton steps in the massive directions only."""
    y = y.copy()
    weight = v.weight[free]
    for _ in range(steps):
        force = v.value_and_gradient(y)[1][:, free] * weight
        matrix = v.weighted_hessian(y, free)
        usable = np.isfinite(force).all(1) & np.isfinite(matrix).all((1, 2))
        values, vectors = np.linalg.eigh(np.where(usable[:, None, None], matrix, 0.0))
        massive = np.abs(values) > NULL * np.abs(values).max(1, keepdims=True)
        modes = np.einsum("sij,si->sj", vectors, np.where(usable[:, None], force, 0.0))
        modes = np.divide(modes, values, out=np.zeros_like(modes), where=massive)
        y[:, free] -= np.einsum("sij,sj->si", vectors, modes) * weight
    return y


def null_space(
    matrix: Float[Array, "k k"], force: Float[Array, " k"], largest: float, size: float
) -> Float[Array, "null k"]:
    """Orthonormal directions in which V has no curvature compared with ``largest``.

    Also those in which the curvature is small and Newton's method has not converged: it does so slowly towards massless
    points, such as those of u^3 and u^4.
    """
    values, vectors = np.linalg.eigh(matrix)
    chosen = np.abs(values) <= NULL * largest
    chosen |= (np.abs(values) <= _SOFT * largest) & (np.abs(vectors.T @ force) > 1e-12 * size * np.abs(values))
    return vectors[:, chosen].T


def behaviour_along(
    v: InUnits, y: Float[Array, " field"], null: Float[Array, "k field"], free: Array, size: float, largest: float
) -> tuple[int, bool]:
    """How many of the directions V does not change along, and whether V falls along one of them."""
    if len(null) == 0:
        return 0, False
    step = 0.1 * size
    # A shorter step first: V may rise beyond a maximum that is as flat as -u^4.
    ends = np.concatenate([y + s * null for s in (step, -step, 0.1 * step, -0.1 * step)])
    ends = relaxed(v, ends, free, 3)
    energy = v.value_and_gradient(np.concatenate([y[None], ends]))[0]
    change = (energy[1:] - energy[0]).reshape(4, len(null))
    zero = 1e-10 * largest * step**2 + 4.0 * float(v.rounding(energy[:1])[0])
    flat = np.all(np.abs(change) <= zero, axis=0)
    return int(flat.sum()), bool(np.any(change < -zero))


def _projected(v: InUnits, y: Array, along: Array, free: Array) -> Array:
    """The part of each vector ``along`` in the null space at its point."""
    matrix = v.weighted_hessian(y, free)
    values, vectors = np.linalg.eigh(np.where(np.isfinite(matrix), matrix, 0.0))
    null = np.abs(values) <= 1e-6 * np.abs(values).max(1, keepdims=True)
    part = np.einsum("sij,si->sj", vectors, along[:, free]) * null
    out = np.zeros_like(along)
    out[:, free] = np.einsum("sij,sj->si", vectors, part)
    # Opposite points of a sphere: any flat direction leads there.
    stuck = (np.linalg.norm(part, axis=1) <= 1e-3 * np.linalg.norm(along, axis=1)) & null.any(1)
    if stuck.any():
        first = np.argmax(null, axis=1)
        leads = np.linalg.norm(along, axis=1)[:, None] * vectors[np.arange(len(y)), :, first]
        rows = np.flatnonzero(stuck)
        out[np.ix_(rows, np.flatnonzero(free))] = leads[stuck]
    return out


def connected(v: InUnits, y: Array, targets: Float[Array, "s field"], free: Array, size: float) -> Bool[Array, " s"]:
    """Which of the minima lie on the same flat surface as ``y``: walks along it that approach ``y``."""
    points = targets.copy()
    arrived = np.zeros(len(points), bool)
    for _ in range(_STEPS):
        away = y - points
        arrived |= np.linalg.norm(away, axis=1) <= _NEAR * size
        if arrived.all():
            break
        left = ~arrived
        along = _projected(v, points[left], away[left], free)
        length = np.linalg.norm(along, axis=1, keepdims=True)
        # Longer steps far away: the opposite point of a sphere is two sizes away, a straight valley extends further.
        stride = np.maximum(_STRIDE * size, 0.5 * _STRIDE * np.linalg.norm(away[left], axis=1, keepdims=True))
        move = along * (np.minimum(length, stride) / np.maximum(length, 1e-300))
        points[left] = relaxed(v, points[left] + move, free, 2)
    return arrived


def is_closed(v: InUnits, y: Array, null: Float[Array, "k field"], free: Array, size: float) -> bool:
    """Whether a walk straight ahead along a flat direction comes back, as on a circle or a sphere."""
    point, ahead = y[None].copy(), null[:1] * (_STRIDE * size)
    for step in range(_STEPS):
        moved = relaxed(v, point + ahead, free, 3)
        if not np.all(np.isfinite(moved)):
            return False
        ahead = _projected(v, moved, moved - point, free)
        ahead *= _STRIDE * size / max(float(np.linalg.norm(ahead)), 1e-300)
        point = moved
        if step > 2 and float(np.linalg.norm(point - y)) <= 0.6 * _STRIDE * size:
            return True
    return False
