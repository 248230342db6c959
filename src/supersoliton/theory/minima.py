"""The search for minima of V in any unit: starts at the distances where V has structure, and descents from them.

Fields are in the units y = u/unit of :mod:`.field_scales`, V is counted from its value at the origin in the unit
curvature * unit^2. A potential may have structure at several sizes far apart (one at 246, one at 1e19): each start then
has its own size, and every tolerance of its descent is relative to that.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray as Array

from .base import AbstractModel
from .derivatives import SMALL_BLOCK, point_kernels
from .field_scales import DISTANCES, Rays, Scales

MERGED = 1e-4  # relative distance below which two searches in a convex region lead to the same minimum
_MAX_STEPS = 200
_FAR = 1e6  # a search that leaves the size of its start by this factor is given up
_BASIN = 0.2  # a Newton step that reduces the distance to a known minimum to this fraction converges to it
_HALVINGS = 12  # step lengths tried, from the full step down
_STRIDE = 0.25  # least step where V is not convex, relative to the fields or the size of the start
_EPS = float(np.finfo(float).eps)


class InUnits:
    """V, V' and V'' as functions of y = u/unit, in units that make them of order one near the origin."""

    def __init__(self, model: AbstractModel, scales: Scales, r: float) -> None:
        self.kernels, self.params, self.r = point_kernels(model.potential_function), model.params, float(r)
        self.unit = scales.fields
        energy = scales.curvature * scales.field**2
        self.energy = energy if np.isfinite(energy) and energy > 0.0 else 1.0
        # Where fields have scales of their own, their terms in V may differ by many orders: the metric of V''.
        terms = scales.curvatures * scales.fields**2
        self.weight = np.sqrt(np.min(terms) / terms) if np.all(terms > 0.0) else np.ones(model.n_fields)
        zero = float(self.kernels.value(np.zeros((1, model.n_fields)), self.params, np.array([self.r]))[0])
        self.zero = zero if np.isfinite(zero) else 0.0

    def value_and_gradient(self, y: Float[Array, "s field"]) -> tuple[Array, Array]:
        with np.errstate(all="ignore"):
            value, force = self.kernels.value_and_gradient(y * self.unit, self.params, np.full(len(y), self.r))
            return (value - self.zero) / self.energy, force * (self.unit / self.energy)

    def hessian(self, y: Float[Array, "s field"]) -> Array:
        with np.errstate(all="ignore"):
            matrix = self.kernels.hessian(y * self.unit, self.params, np.full(len(y), self.r))
            return matrix * (self.unit[:, None] * (self.unit / self.energy))

    def weighted_hessian(self, y: Float[Array, "s field"], free: Bool[Array, " field"]) -> Array:
        """V'' of the fields ``free`` in the metric in which the terms of all fields are comparable."""
        weight = self.weight[free]
        matrix = self.hessian(y)
        return (matrix if free.all() else matrix[:, free][:, :, free]) * (weight[:, None] * weight)

    def rounding(self, energy: Float[Array, " s"]) -> Float[Array, " s"]:
        """The rounding of values ``energy``, which a large constant in V increases."""
        return 4.0 * _EPS * (np.abs(energy) + abs(self.zero) / self.energy)


@dataclass(frozen=True)
class Group:
    """Doublings of |y| over which V has structure, from ``low`` to ``high``."""

    low: float
    high: float


def groups(rays: Rays, scales: Scales) -> list[Group]:
    """The sizes of y at which V' changes its behaviour along some ray; runs less than 4 doublings apart are one."""
    size = np.max(np.abs(rays.directions) / scales.fields, axis=1)
    shift = np.round(np.log2(size)).astype(int)
    exponents = {int(k) + int(shift[ray]) for ray, k in zip(*np.nonzero(rays.changing), strict=True)}
    out: list[list[int]] = []
    for k in sorted(exponents):
        if out and k - out[-1][1] < 4:
            out[-1][1] = k
        else:
            out.append([k, k])
    first = float(np.log2(DISTANCES[0]))
    found = [Group(2.0 ** (first + a), 2.0 ** (first + min(b, a + _MOST_DOUBLINGS) + 1.0)) for a, b in out]
    return found or [Group(0.1, 10.0)]


_MOST_DOUBLINGS = 16  # of one group: a periodic potential has structure at all larger distances


def starts(
    v: InUnits, rays: Rays, sizes: list[Group], n_starts: int, seed: int, centre: Array | None = None
) -> tuple[Float[Array, "start field"], Float[Array, " start"]]:
    """Starting points of searches and the size that each has: minima along rays, and random points, for each group."""
    free, n = rays.free, len(rays.free)
    rng = np.random.default_rng(seed)
    middle = np.zeros(n) if centre is None else centre
    points: list[Array] = []
    scales: list[Array] = []
    one = int(free.sum()) == 1
    for group in sizes:
        count = int(np.ceil(np.log2(group.high / group.low))) * (_FINE if one else _COARSE)
        distances = np.geomspace(group.low, group.high, count)
        directions = _unit_directions(rays, v.unit, rng, n_starts // 2)
        on_rays = _minima_on_rays(v, middle, directions, distances)[:n_starts]
        points.append(on_rays)
        # Heuristic: a Newton search steps over wells, so that points at random find others than the rays.
        shown = 0 if one else n_starts
        wide = rng.normal(size=(shown, n)) * free
        lengths = np.exp(rng.uniform(np.log(group.low), np.log(group.high), size=(shown, 1)))
        points.append(middle + wide * lengths / np.maximum(np.abs(wide).max(1, keepdims=True), 1e-300))
        if one or free.sum() <= 16:
            axes = np.eye(n)[free]
            ends = [middle + s * side * axes for s in (group.low, np.sqrt(group.low * group.high)) for side in (1, -1)]
            points.append(np.concatenate(ends))
        scales += [np.maximum(np.abs(p - middle).max(1), group.low) for p in points[len(scales) :]]
    return np.concatenate(points), np.concatenate(scales)


_FINE, _COARSE = 64, 8  # points of an doubling on which minima along a ray are looked for: one field, several


def _unit_directions(rays: Rays, unit: Array, rng: np.random.Generator, count: int) -> Float[Array, "ray field"]:
    """The directions of the rays in y, and ``count`` random ones, each of largest component 1."""
    directions = rays.directions / unit
    if rays.free.sum() > 1:
        directions = np.concatenate([directions, rng.normal(size=(count, len(unit))) * rays.free])
    return directions / np.abs(directions).max(1, keepdims=True)


def _minima_on_rays(
    v: InUnits, middle: Array, directions: Float[Array, "ray field"], distances: Float[Array, " t"]
) -> Float[Array, "start field"]:
    """Where V' along a ray changes from falling to rising, nearest first."""
    points = middle + distances[:, None] * directions[:, None, :]
    force = v.value_and_gradient(points.reshape(-1, points.shape[2]))[1].reshape(points.shape)
    along = np.einsum("rtf,rf->rt", force, directions)
    with np.errstate(invalid="ignore"):
        ray, step = np.nonzero((along[:, :-1] < 0.0) & (along[:, 1:] >= 0.0))
    left, right = along[ray, step], along[ray, step + 1]
    share = np.clip(np.divide(-left, right - left, out=np.full(len(ray), 0.5), where=np.isfinite(right)), 0.0, 1.0)
    length = distances[step] + share * (distances[step + 1] - distances[step])
    order = np.argsort(length, kind="stable")
    return (middle + length[:, None] * directions[ray])[order]


def descend(
    v: InUnits,
    y: Float[Array, "s field"],
    size: Float[Array, " s"],
    free: Bool[Array, " field"],
    deadline: float,
    known: Array | None = None,
) -> tuple[Float[Array, "end field"], Float[Array, " end"], Float[Array, "far field"]]:
    """End points of searches from ``y`` with their sizes, and the points of those that ran away.

    Searches that merge are represented by the first; those that come near ``known`` are dropped. Newton's method with
    the modulus of V'' cannot converge to a saddle.
    """
    y = y.copy()
    energy, force = (x.copy() for x in v.value_and_gradient(y))
    level = None if known is None else float(v.value_and_gradient(known[None])[0][0])
    max_step = np.maximum(size, np.max(np.abs(y), axis=1))
    kept, far = np.isfinite(energy), np.zeros(len(y), bool)
    limit = _FAR * max_step
    active = np.flatnonzero(kept)
    for _ in range(_MAX_STEPS):
        if len(active) == 0 or time.perf_counter() > deadline:
            break
        here, force_here = y[active], force[active][:, free]
        curvature = v.weighted_hessian(here, free)
        extent = np.abs(here).max(1)
        usable = np.isfinite(force_here).all(1) & np.isfinite(curvature).all((1, 2)) & (extent < limit[active])
        if not usable.all():
            curvature[~usable] = np.eye(int(free.sum()))
            force_here[~usable] = 0.0
            far[active[~usable & (extent >= limit[active])]] = True
        extent = np.maximum(size[active], extent)
        step = np.zeros_like(here)
        step[:, free], convex = _newton_steps(curvature, force_here * v.weight[free])
        step *= v.weight
        length = np.abs(step).max(1)
        # Away from a maximum Newton's step only doubles the distance: use a longer one, which the search may halve.
        stride = np.where(convex | (length <= 1e-14 * extent), length, np.maximum(length, _STRIDE * extent))
        step *= (np.minimum(stride, max_step[active]) / np.maximum(length, 1e-300))[:, None]
        pending = np.flatnonzero(usable & (length > 1e-14 * extent))
        # The last digits of the fields change V by this much: more than the depth of a light field's well, if another
        # field is heavy and large.
        digits = 4.0 * _EPS * np.abs(here[:, free]) / v.weight[free]
        blur = np.einsum("sii,si->s", np.abs(curvature), digits**2)
        start = here, energy[active], force[active], blur
        best, energy[active], force[active] = _line_search(v, start, step, pending, deadline)
        moved = np.abs(best - here).max(1)
        y[active] = best
        max_step[active] = np.maximum(max_step[active], 2.0 * moved)
        extent = np.maximum(size[active], np.abs(best).max(1))
        same = _duplicates(best, size[active], convex & (moved < 0.01 * extent))
        if known is not None:
            before, after = (np.abs(x - known).max(1) for x in (here, best))
            # Newton's step converges to the known minimum and not to a lower well next to it.
            same |= convex & (after <= _BASIN * before) & (energy[active] >= level)
        # After a Newton step of 1e-6 the error is near 1e-12; the ends are polished.
        ended = (moved <= 1e-14 * extent) | (convex & (moved > 0.99 * length) & (length <= 1e-6 * extent))
        kept[active[same]] = False
        active = active[~ended & ~same]
    kept &= ~far
    return y[kept], size[kept], y[far]


def _line_search(
    v: InUnits, start: tuple[Array, Array, Array, Array], step: Array, pending: Array, deadline: float
) -> tuple[Array, Array, Array]:
    """Fields, V and V' after the longest of the halved steps that does not raise V, for the ``pending`` searches."""
    y, energy, _, blur = start
    best, best_energy, best_force = (x.copy() for x in start[:3])
    tried = 0
    while len(pending) and tried < _HALVINGS and time.perf_counter() <= deadline:
        # As many step lengths as fit in a block of the kernel: with few searches the calls dominate the cost.
        scales = 0.5 ** np.arange(tried, min(tried + max(1, SMALL_BLOCK // len(pending)), _HALVINGS))
        trial = y[pending] + scales[:, None, None] * step[pending]
        trial_energy, trial_force = (
            x.reshape(*trial.shape[:2], *x.shape[1:]) for x in v.value_and_gradient(trial.reshape(-1, trial.shape[2]))
        )
        better = trial_energy <= energy[pending] + v.rounding(energy[pending]) + blur[pending]
        column = np.flatnonzero(better.any(0))
        longest, done = np.argmax(better, axis=0)[column], pending[column]
        best[done], best_energy[done] = trial[longest, column], trial_energy[longest, column]
        best_force[done] = trial_force[longest, column]
        pending = np.delete(pending, column)
        tried += len(scales)
    return best, best_energy, best_force


def _newton_steps(
    curvature: Float[Array, "s field field"], force: Float[Array, "s field"]
) -> tuple[Float[Array, "s field"], Array]:
    """-|V''|^-1 V' with the modulus of the matrix, and a mask of the points with positive definite V''."""
    # The second term only keeps steps finite where V has no curvature at all; their length is limited later.
    floor = 1e-8 * np.abs(curvature).max((1, 2)) + 1e-100 * np.abs(force).max(1) + 1e-290
    convex = _positive_definite(curvature - floor[:, None, None] * np.eye(curvature.shape[1]))
    step = np.zeros_like(force)
    if convex.any():
        step[convex] = -np.linalg.solve(curvature[convex], force[convex][:, :, None])[:, :, 0]
    if not convex.all():
        values, vectors = np.linalg.eigh(curvature[~convex])
        modes = np.einsum("sij,si->sj", vectors, force[~convex]) / np.maximum(np.abs(values), floor[~convex, None])
        step[~convex] = -np.einsum("sij,sj->si", vectors, modes)
    return step, convex


def _positive_definite(matrices: Float[Array, "s field field"]) -> Array:
    """Mask of the symmetric matrices that are positive definite."""
    try:
        np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        out = np.ones(len(matrices), bool)
        with np.errstate(all="ignore"):
            for _ in range(matrices.shape[1]):  # pivots of Gaussian elimination, for all matrices at once
                pivot = matrices[:, 0, 0]
                out &= pivot > 0.0
                rows = matrices[:, :1, 1:] / pivot[:, None, None]
                matrices = matrices[:, 1:, 1:] - matrices[:, 1:, :1] * rows
        return out
    return np.ones(len(matrices), bool)


def _duplicates(y: Float[Array, "s field"], size: Float[Array, " s"], settled: Array) -> Array:
    """Mask of the points within MERGED of an earlier one, among those that are ``settled``."""
    out = np.zeros(len(y), bool)
    where = np.flatnonzero(settled)
    if len(where) > 1:
        extent = np.maximum(np.abs(y[where]).max(1), 1e-2 * size[where])
        # Powers of two, so that neighbours with slightly different fields have the same cells.
        cell = MERGED * np.exp2(np.round(np.log2(extent)))[:, None]
        # One number per cell: a random combination of its coordinates.
        label = np.round(y[where] / cell) @ _combination(y.shape[1]) + np.log2(cell[:, 0])
        out[where] = True
        out[where[np.unique(label, return_index=True)[1]]] = False
    return out


@functools.lru_cache(maxsize=16)
def _combination(n: int) -> Float[Array, " field"]:
    return np.random.default_rng(0).uniform(0.5, 1.5, n)
