"""Directions in which V does not change (Goldstone bosons, moduli, circles of minima), in dimensionless fields."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray as Array

from .minima import Dimensionless

NULL = 1e-8  # curvature, relative to the largest, below which a direction is followed to see whether V changes
_SOFT = 1e-5  # the same where Newton's method has not converged in that direction
_STEPS, _STRIDE = 40, 0.3  # of a walk along a flat direction, in units of the fields' size: twice around a circle
_NEAR = 1e-2  # distance at which a walk has arrived, in the same units


def relaxed(
    v: Dimensionless, y: Float[Array, "s field"], free: Bool[Array, " field"], steps: int
) -> Float[Array, "s field"]:
    """Points after Newton steps in the massive directions only."""
    y = y.copy()
    inner = np.ix_(free, free)
    for _ in range(steps):
        force = v.value_and_gradient(y)[1][:, free]
        matrix = v.hessian(y)[:, inner[0], inner[1]]
        usable = np.isfinite(force).all(1) & np.isfinite(matrix).all((1, 2))
        values, vectors = np.linalg.eigh(np.where(usable[:, None, None], matrix, 0.0))
        massive = np.abs(values) > NULL * np.abs(values).max(1, keepdims=True)
        modes = np.einsum("sij,si->sj", vectors, np.where(usable[:, None], force, 0.0))
        modes = np.divide(modes, values, out=np.zeros_like(modes), where=massive)
        y[:, free] -= np.einsum("sij,sj->si", vectors, modes)
    return y


def null_space(
    matrix: Float[Array, "field field"],
    force: Float[Array, " field"],
    free: Bool[Array, " field"],
    largest: float,
    size: float,
) -> Float[Array, "k field"]:
    """Orthonormal directions in which V has no curvature compared with ``largest``.

    Also those in which the curvature is small and Newton's method has not converged: it does so slowly towards massless
    points, such as those of u^3 and u^4.
    """
    values, vectors = np.linalg.eigh(matrix[np.ix_(free, free)])
    chosen = np.abs(values) <= NULL * largest
    chosen |= (np.abs(values) <= _SOFT * largest) & (np.abs(vectors.T @ force[free]) > 1e-12 * size * np.abs(values))
    out = np.zeros((int(chosen.sum()), len(matrix)))
    out[:, free] = vectors[:, chosen].T
    return out


def behaviour_along(
    v: Dimensionless, y: Float[Array, " field"], null: Float[Array, "k field"], free: Array, size: float
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
    curvature = float(np.max(np.abs(v.hessian(y[None])[0])))
    zero = 1e-10 * curvature * step**2 + 4.0 * float(v.rounding(energy[:1])[0])
    flat = np.all(np.abs(change) <= zero, axis=0)
    return int(flat.sum()), bool(np.any(change < -zero))


def _projected(v: Dimensionless, y: Array, along: Array, free: Array) -> Array:
    """The part of each vector ``along`` in the null space at its point."""
    inner = np.ix_(free, free)
    matrix = v.hessian(y)[:, inner[0], inner[1]]
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


def connected(
    v: Dimensionless, y: Array, targets: Float[Array, "s field"], free: Array, size: float
) -> Bool[Array, " s"]:
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
        move = along * (np.minimum(length, _STRIDE * size) / np.maximum(length, 1e-300))
        points[left] = relaxed(v, points[left] + move, free, 2)
    return arrived


def is_closed(v: Dimensionless, y: Array, null: Float[Array, "k field"], free: Array, size: float) -> bool:
    """Whether a walk straight ahead along a flat direction comes back, as on a circle or a sphere."""
    point, ahead = y[None].copy(), null[:1] * (_STRIDE * size)
    for step in range(_STEPS):
        moved = relaxed(v, point + ahead, free, 2)
        if not np.all(np.isfinite(moved)) or np.max(np.abs(v.value_and_gradient(moved)[1])) > 1e-6:
            return False
        ahead = _projected(v, moved, moved - point, free)
        ahead *= _STRIDE * size / max(float(np.linalg.norm(ahead)), 1e-300)
        point = moved
        if step > 2 and float(np.linalg.norm(point - y)) <= 0.6 * _STRIDE * size:
            return True
    return False
