"""All minima of V that a search finds, each once, and the surfaces of minima among them, in dimensionless fields."""

from __future__ import annotations

import time

import numpy as np
from numpy import ndarray as Array

from . import flat, minima
from .base import AbstractModel
from .field_scales import scales_from_rays, slopes_along_rays
from .minima import InUnits

_DISTINCT = 1e-6  # relative distance below which two minima count as one
_TIED = 1e-10  # energy density relative to the depth of the wells below which two minima count as degenerate
_RANDOM_RAYS = 16  # directions, besides axes and eigenvectors, in which the structure of V is looked for
_ROUNDS = 3  # of searches around the minima that the round before has found
_CENTRES = 6  # minima around which a round searches, the lowest new ones
_MANY = 32  # minima after which no further round is worth its time: their number grows exponentially with the fields


class VacuumSearch:
    """The minima found so far, in the units y = u/unit."""

    def __init__(
        self,
        model: AbstractModel,
        free: Array,
        r: float,
        deadline: float,
        n_starts: int,
        seed: int,
        known: Array | None,
    ) -> None:
        self.model, self.free, self.deadline, self.n_starts, self.seed = model, free, deadline, n_starts, seed
        n = len(free)
        more = np.random.default_rng(seed).normal(size=(_RANDOM_RAYS if free.sum() > 1 else 0, n)) * free
        more /= np.linalg.norm(more, axis=1, keepdims=True)
        self.rays = slopes_along_rays(model, np.zeros(n), r, free, more=more)
        scales = scales_from_rays(model, self.rays, r)
        self.v = InUnits(model, scales, r)
        self.apart = bool(np.any(scales.fields != scales.field))
        self.groups = minima.groups(self.rays, scales)
        self.known = None if known is None else known / self.v.unit
        self.points: list[Array] = []
        self.surfaces: list[tuple[int, bool]] = []
        falling = np.flatnonzero(self.rays.falls)
        self.unbounded = self.rays.directions[falling[0]] if len(falling) else None

    def run(self) -> None:
        y, size = minima.starts(self.v, self.rays, self.groups, self.n_starts, self.seed)
        rng = np.random.default_rng(self.seed)
        least = np.full(2, self.groups[0].low)
        # The origin, and a point next to it: exactly on a symmetric saddle the slope vanishes.
        origin = np.stack([np.zeros(len(self.free)), 1e-2 * least[0] * rng.normal(size=len(self.free)) * self.free])
        fresh = self.add(np.concatenate([origin, y]), np.concatenate([least, size]))
        if self.known is not None:
            fresh = [self.known, *fresh]
        for attempt in range(_ROUNDS):
            if self.free.sum() == 1 or not fresh or len(self.points) > _MANY or time.perf_counter() > self.deadline:
                break
            energy = self.v.value_and_gradient(np.stack(fresh))[0]
            lowest = [fresh[i] for i in np.argsort(energy, kind="stable")[:_CENTRES]]
            few = max(1, self.n_starts // 4)
            around = [
                minima.starts(self.v, self.rays, self.groups, few, self.seed + 1 + attempt, centre) for centre in lowest
            ]
            fresh = self.add(np.concatenate([y for y, _ in around]), np.concatenate([s for _, s in around]))

    def add(self, y: Array, size: Array) -> list[Array]:
        """Search from ``y``; returns the minima that are new."""
        ends, sizes, far = minima.descend(self.v, y, size, self.free, self.deadline, self.known)
        self._look_far(far)
        if len(ends) == 0:
            return []
        ends = self._cleaned(flat.relaxed(self.v, ends, self.free, 2), sizes)
        # Of connected minima those with most zeros are shown.
        order = np.argsort(-np.sum(ends == 0.0, axis=1), kind="stable")
        ends, sizes = self._distinct(ends[order], sizes[order])
        if len(ends) == 0:
            return []
        free, extent = self.free, np.maximum(self.groups[0].low, np.abs(ends).max(1))
        force = self.v.value_and_gradient(ends)[1]
        # At a massless point V'' is compared with what it is a little further away.
        aside = 0.1 * extent[:, None] * np.where(free, 1.0, 0.0)
        matrices = np.stack([self.v.weighted_hessian(x, free) for x in (ends, ends + aside, ends - aside)])
        size = np.abs(matrices).max((2, 3))
        largest = np.max(size, axis=0, where=np.isfinite(size), initial=0.0)
        left = np.ones(len(ends), bool)
        for surface in range(len(self.points)):
            self._leave_connected(surface, ends, left)
        new: list[Array] = []
        for i, end in enumerate(ends):
            if left[i] and self._is_minimum(end, float(extent[i]), force[i], matrices[0, i], float(largest[i])):
                new.append(end)
                left[: i + 1] = False
                self._leave_connected(len(self.points) - 1, ends, left)
        return new

    def _leave_connected(self, i: int, ends: Array, left: Array) -> None:
        """Take from ``left`` the points that lie on the surface of minima ``i``."""
        count, point = self.surfaces[i][0], self.points[i]
        if count == 0 or not left.any():
            return
        which = np.flatnonzero(left)
        energy = self.v.value_and_gradient(np.concatenate([point[None], ends[which]]))[0]
        tied = np.abs(energy[1:] - energy[0]) <= 1e-8 * abs(energy[0]) + self.v.rounding(energy[:1])[0]
        which = which[tied]
        if len(which):
            size = max(self.groups[0].low, float(np.max(np.abs(point))))
            left[which[flat.connected(self.v, point, ends[which], self.free, size)]] = False

    def _distinct(self, y: Array, size: Array) -> tuple[Array, Array]:
        """The points that differ from each other and from the minima found before."""
        kept: list[int] = []
        seen = np.concatenate([np.reshape(self.points, (-1, len(self.free))), y])
        before = len(self.points)
        for i, point in enumerate(y):
            others = seen[[*range(before), *(before + k for k in kept)]]
            near = _DISTINCT * max(float(size[i]), float(np.max(np.abs(point))))
            if len(others) == 0 or np.min(np.max(np.abs(others - point), axis=1)) > near:
                kept.append(i)
        return y[kept], size[kept]

    def _is_minimum(self, y: Array, extent: float, force: Array, matrix: Array, largest: float) -> bool:
        """Whether y is a minimum that is not connected to one found before; if so it is kept."""
        free, weight = self.free, self.v.weight[self.free]
        if not (np.all(np.isfinite(matrix)) and np.all(np.isfinite(force))):
            return False
        if not np.max(np.abs(force[free] * weight**2)) <= 1e-9 * largest * extent:
            return False
        if np.linalg.eigvalsh(matrix)[0] < -flat.NULL * largest:
            return False
        inner = flat.null_space(matrix, force[free] * weight, largest, extent)
        null = np.zeros((len(inner), len(y)))
        null[:, free] = inner * weight
        count, falls = flat.behaviour_along(self.v, y, null, free, extent, largest)
        if falls:
            return False
        if count < len(null) and self.points:  # massless: Newton's method has few digits of it
            near = np.max(np.abs(np.stack(self.points) - y), axis=1)
            if np.min(near) <= 1e-2 * extent:
                return False
        closed = bool(count) and flat.is_closed(self.v, y, null, free, extent)
        self.points.append(y)
        self.surfaces.append((count, closed))
        return True

    def _cleaned(self, y: Array, size: Array) -> Array:
        """Components that vanish to rounding set to 0, where that does not increase the slope."""
        extent = np.maximum(size, np.abs(y).max(1))
        for limit, allowance in ((1e-4, 0.0), (1e-9, 1e-12)):
            cleaned = np.where(np.abs(y) <= limit * extent[:, None], 0.0, y)
            changed = np.flatnonzero((cleaned != y).any(1))
            if len(changed):
                force, curvature = self.v.value_and_gradient(cleaned[changed])[1], self.v.hessian(cleaned[changed])
                before = np.abs(self.v.value_and_gradient(y[changed])[1]).max(1)
                allowed = np.maximum(before, allowance * np.abs(curvature).max((1, 2)) * extent[changed])
                kept = changed[np.abs(force).max(1) <= allowed]
                y = y.copy()
                y[kept] = cleaned[kept]
        return y

    def _look_far(self, far: Array) -> None:
        """Whether V falls without end where searches ran away to."""
        if self.unbounded is None and len(far):
            directions = far[:4] * self.v.unit
            directions /= np.linalg.norm(directions, axis=1, keepdims=True)
            rays = slopes_along_rays(self.model, np.zeros(len(self.free)), self.v.r, self.free, more=directions)
            falling = np.flatnonzero(rays.falls)
            self.unbounded = rays.directions[falling[0]] if len(falling) else None

    def order(self) -> list[int]:
        """Lowest first; of ties the one nearest the origin, and of u and -u the positive one on every machine."""
        points = np.stack(self.points)
        energy = self.v.value_and_gradient(points)[0]
        depth = max(float(np.max(np.abs(energy))), 1e-300)
        ranks = np.round(energy / (_TIED * depth))
        return sorted(range(len(points)), key=lambda i: (ranks[i], *_place(points[i])))


def _place(y: Array) -> tuple[float, float]:
    """Distance and sign of a point, to digits that do not depend on the machine."""
    distance, total = float(np.linalg.norm(y)), float(np.sum(y))
    digits = 6 - int(np.floor(np.log10(distance))) if distance > 0.0 else 6
    return round(distance, digits), -round(total, digits)
