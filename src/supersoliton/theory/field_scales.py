"""The natural units of a potential: the distances in field space at which it changes its behaviour, from V alone.

Along a ray from a point the slope of V is a power of the distance t over many doublings: t near a massive vacuum, t^3
near a massless quartic. The power, log2 of the doubling ratio

    rho(t) = [V'(2t) - V'(0)] / [V'(t) - V'(0)]     (components along the ray),

changes where the next term takes over. That distance is a field scale of V in any unit: nothing here compares a field
or V with a number of its own. Only slopes are compared, so a constant in V has no effect.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray as Array

from .base import AbstractModel
from .derivatives import TINY, point_kernels

# Distances from 8e-31 to 7e50, doubled each time: every unit in use, with a margin. Further down V'(0) is not exact
# (fields of 0 are replaced by 1e-45 where V is evaluated), further up u^6 overflows.
DISTANCES = np.exp2(np.arange(-100.0, 170.0))
_DEPARTURE = 0.5  # change of the power that counts; u^2 ln u^2 then has one scale, although its mass is never constant
_RELIABLE = 1e3  # slopes are used where they exceed the rounding of V' by this factor
_OVERFLOW = 1e200  # a slope that is not finite after one of this size has overflowed, and is no singularity of V
_MOST = 16  # axes and eigenvectors looked along, those of smallest curvature first
_FAR_APART = 1e6  # fields whose scales differ by this factor get one each
_STEADY = 0.05  # change of the power from one doubling to the next that counts as none
_ROUNDS, _PARTS = 2, 64  # subdivisions of the doubling of a departure, before an interpolation of fourth order


class Scales(NamedTuple):
    """The units of a potential around a point.

    ``field``: of the fields. ``curvature``: of V'' (mass^2 times a kinetic factor), 0 where V is constant, NaN where
    it is. ``fields``, ``curvatures``: of each field; all equal to the former unless the scales along the axes differ by
    a factor of a million or more.
    """

    field: float
    curvature: float
    fields: Float[Array, " field"]
    curvatures: Float[Array, " field"]


@dataclasses.dataclass(frozen=True)
class Rays:
    """V' along rays from one point.

    ``axis``: index of the axis that a ray follows, -1 for an eigenvector of V'', -2 for another direction. ``slopes``:
    V'(t) - V'(0) along the ray. ``power``: log2 of rho; infinite where the slope changes its sign, NaN where V' is not
    finite or is rounding.
    """

    point: Float[Array, " field"]
    free: Bool[Array, " field"]
    directions: Float[Array, "ray field"]
    axis: Int[Array, " ray"]
    slopes: Float[Array, "ray distance"]
    power: Float[Array, "ray distance"]

    @functools.cached_property
    def regular(self) -> Int[Array, " ray"]:
        """Index of the smallest distance from which on the power is known and constant: four doublings alike.

        The rounding of V', at smaller distances, is not so steady.
        """
        with np.errstate(invalid="ignore"):
            quiet = np.abs(np.diff(self.power, axis=1)) <= _STEADY
        steady = quiet[:, :-2] & quiet[:, 1:-1] & quiet[:, 2:]
        return np.where(steady.any(1), np.argmax(steady, axis=1), np.argmax(~np.isnan(self.power), axis=1))

    @functools.cached_property
    def start(self) -> Float[Array, " ray"]:
        """The power there; NaN if V' is not known anywhere."""
        power = self.power[np.arange(len(self.power)), self.regular]
        # The exact power of a massive or massless point, without the rounding of V' or the logarithm of u^2 ln u^2.
        return np.where(np.abs(power - np.round(power)) <= _STEADY, np.round(power), power)

    @functools.cached_property
    def beyond(self) -> Bool[Array, "ray distance"]:
        """The distances at which V' is no rounding."""
        return np.arange(self.power.shape[1]) >= self.regular[:, None]

    @functools.cached_property
    def changing(self) -> Bool[Array, "ray distance"]:
        """Where the power changes from one doubling to the next: V' has no zero elsewhere."""
        with np.errstate(invalid="ignore"):
            step = np.abs(np.diff(self.power, axis=1))
        out = np.isinf(self.power)
        out[:, :-1] |= step > _STEADY
        out[:, 1:] |= (step > _STEADY) & self.beyond[:, :-1]
        return out & self.beyond

    @functools.cached_property
    def falls(self) -> Bool[Array, " ray"]:
        """Where V falls without end: its slope is negative as far as it is known and decays no faster than 1/t."""
        known = ~np.isnan(self.power)
        last = known.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
        rows = np.arange(len(last))
        with np.errstate(invalid="ignore"):
            slow = np.isfinite(self.power[rows, last]) & (self.power[rows, last] >= -1.0 - _STEADY)
        return known.any(1) & slow & (self.slopes[rows, last] < 0.0)

    @functools.cached_property
    def departed(self) -> Bool[Array, "ray distance"]:
        """Where the power differs from ``start``."""
        with np.errstate(invalid="ignore"):
            near = np.abs(self.power - self.start[:, None]) <= _DEPARTURE
        # V' is not finite from the next distance on, without having grown large: a wall or a singularity.
        size = np.abs(self.slopes)
        ended = np.zeros_like(near)
        ended[:, :-1] = np.isfinite(size[:, :-1]) & (size[:, :-1] < _OVERFLOW) & ~np.isfinite(size[:, 1:])
        return self.beyond & ~np.isnan(self.start)[:, None] & ((~near & ~np.isnan(self.power)) | ended)

    @functools.cached_property
    def first(self) -> Int[Array, " ray"]:
        """Index of the first distance at which a ray has departed; beyond the last one if it does not."""
        return np.where(self.departed.any(1), np.argmax(self.departed, axis=1), len(DISTANCES))


def scales_of_potential(model: AbstractModel, around: Array | None = None, r: float = 0.0) -> Scales:
    """The units of V around a point: exact under a change of units, a permutation and (V'' not degenerate) a rotation.

    Parameters
    ----------
    model : AbstractModel
        The theory.
    around : ndarray of shape (n_fields,), optional
        The point, for example a false vacuum; the origin if not given. It need not be stationary.
    r : float, default 0.0
        Radius at which a potential that depends on r is taken.

    Returns
    -------
    Scales
        ``field`` is the least distance at which V' departs from its behaviour near the point, along the eigenvectors of
        V'' there, and ``curvature`` is |V'(t) - V'(0)|/t near it. A potential without a scale (a free field, a pure
        power) has the size of the point as its field scale, or 1 at the origin. All fields have these.
    """
    point = np.zeros(model.n_fields) if around is None else np.asarray(around, float)
    return scales_from_rays(model, slopes_along_rays(model, point, r, axes=False), r)


def scales_from_rays(model: AbstractModel, rays: Rays, r: float = 0.0) -> Scales:
    """The scales around the point from which ``rays`` start."""
    own = rays.axis == -1 if (rays.axis == -1).any() else rays.axis >= 0
    point, n_free = rays.point, int(np.sum(rays.free))
    if n_free > 1 and np.all(rays.first[own] == len(DISTANCES)):
        rays = slopes_along_rays(model, point, r, rays.free, diagonal=True)
        own = rays.axis == -1
    earliest = int(np.min(rays.first[own]))
    if earliest == len(DISTANCES):
        field = float(np.max(np.abs(point))) or 1.0
        slope = _slopes(model, rays, np.arange(len(rays.axis)), np.full((len(rays.axis), 1), field), r)
        curvature = float(np.max(np.abs(slope))) / field
        return Scales(field, curvature, np.full(len(point), field), np.full(len(point), curvature))
    chosen = np.flatnonzero(own & (rays.first == earliest))
    distances = _located(model, rays, chosen, r)
    at = int(np.argmin(distances))
    distance = float(distances[at])
    slope = _slopes(model, rays, chosen[at : at + 1], distances[at : at + 1, None], r)
    field, curvature = 2.0 * distance, abs(float(slope[0, 0])) / distance  # rho compares t with 2t
    return Scales(field, curvature, *_of_each_field(model, rays, field, curvature, r))


def slopes_along_rays(
    model: AbstractModel,
    point: Array,
    r: float = 0.0,
    free: Bool[Array, " field"] | None = None,
    diagonal: bool = False,
    more: Float[Array, "ray field"] | None = None,
    axes: bool = True,
) -> Rays:
    """V' along the axes and the eigenvectors of V'', or along the diagonals between eigenvectors, in one call.

    ``free``: fields that may move; all if not given. ``more``: further directions. ``axes``: False leaves out axes that
    are no eigenvectors.
    """
    kernels, params, n = point_kernels(model.potential_function), model.params, len(point)
    free = np.ones(n, bool) if free is None else free
    curvature = kernels.hessian(point[None], params, np.array([float(r)]))[0][np.ix_(free, free)]
    inner, axis = _directions(curvature, diagonal, axes)
    directions = np.zeros((len(inner), n))
    directions[:, free] = inner
    axis = np.where(axis >= 0, np.flatnonzero(free)[axis], -1)
    if more is not None:
        directions, axis = np.concatenate([directions, more]), np.concatenate([axis, np.full(len(more), -2)])
    size = float(np.max(np.abs(point)))
    # Steps of the order of the last digits of the point show the rounding of V' itself.
    small = np.spacing(size) * np.arange(1.0, 9.0) if size > 0.0 else np.zeros(0)
    distances = np.concatenate([small, DISTANCES])
    points = np.concatenate([point[None], (point + distances[:, None] * directions[:, None, :]).reshape(-1, n)])
    force = kernels.value_and_gradient(points, params, np.full(len(points), float(r)))[1]
    with np.errstate(all="ignore"):
        along = np.einsum("rtf,rf->rt", force[1:].reshape(len(directions), -1, n), directions)
        start = directions @ force[0]
        slopes, few = along - start[:, None], len(small)
        scatter = np.max(np.abs(slopes[:, :few]), axis=1, initial=0.0)
        noise = np.maximum(scatter, np.finfo(float).eps * np.abs(start))
        # Fields of 0 are evaluated at 1e-45.
        noise = np.maximum(noise, TINY * np.nan_to_num(np.max(np.abs(curvature), initial=0.0), posinf=0.0))
        slopes = slopes[:, few:]
        known = np.isfinite(slopes) & (np.abs(slopes) > _RELIABLE * noise[:, None]) & (np.abs(slopes) > 0.0)
        ratio = slopes[:, 1:] / slopes[:, :-1]
        power = np.full_like(slopes, np.nan)
        power[:, :-1] = np.where(ratio > 0.0, np.log2(np.abs(ratio)), np.inf)
        power[:, :-1][~(known[:, 1:] & known[:, :-1])] = np.nan
    return Rays(point, free, directions, axis, slopes, power)


def _directions(
    curvature: Float[Array, "field field"], diagonal: bool, axes: bool
) -> tuple[Float[Array, "ray field"], Int[Array, " ray"]]:
    """Unit vectors, each with its opposite, and the axis that each follows (-1: none)."""
    n = len(curvature)
    usable = bool(np.all(np.isfinite(curvature)))
    matrix = curvature if usable else np.zeros((n, n))
    values, vectors = np.linalg.eigh(matrix)
    eigen = vectors.T[np.argsort(np.abs(values), kind="stable")][:_MOST]
    if diagonal:
        i, j = np.triu_indices(min(len(eigen), _MOST // 2), 1)
        between = np.concatenate([eigen[i] + eigen[j], eigen[i] - eigen[j]]) / np.sqrt(2.0)
        return np.concatenate([between, -between]), np.full(2 * len(between), -1)
    chosen = np.sort(np.argsort(np.abs(np.diag(matrix)), kind="stable")[:_MOST])
    directions, axis = np.eye(n)[chosen], chosen
    if np.any(np.abs(eigen).max(1) < 1.0 - 1e-12):
        directions = np.concatenate([directions, eigen]) if axes else eigen
        axis = np.concatenate([axis, np.full(len(eigen), -1)]) if axes else np.full(len(eigen), -1)
    return np.concatenate([directions, -directions]), np.concatenate([axis, axis])


def _slopes(
    model: AbstractModel, rays: Rays, which: Int[Array, " k"], distances: Float[Array, "k t"], r: float
) -> Float[Array, "k t"]:
    """V'(t) - V'(0) along some of the rays."""
    kernels, directions = point_kernels(model.potential_function), rays.directions[which]
    points = (rays.point + distances[:, :, None] * directions[:, None, :]).reshape(-1, len(rays.point))
    points = np.concatenate([rays.point[None], points])
    force = kernels.value_and_gradient(points, model.params, np.full(len(points), float(r)))[1]
    with np.errstate(all="ignore"):
        moved = (force[1:] - force[0]).reshape(*distances.shape, -1)
        return np.einsum("ktf,kf->kt", moved, directions)


def _located(model: AbstractModel, rays: Rays, which: Int[Array, " k"], r: float) -> Float[Array, " k"]:
    """The distances, to rounding, at which some of the rays depart first."""
    start, first = rays.start[which, None], rays.first[which]
    low, high = DISTANCES[np.maximum(first - 1, 0)], DISTANCES[first]
    for _ in range(_ROUNDS):
        ends = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, _PARTS)
        slopes = _slopes(model, rays, which, np.concatenate([ends, 2.0 * ends], axis=1), r)
        with np.errstate(all="ignore"):
            ratio = slopes[:, _PARTS:] / slopes[:, :_PARTS]
            excess = np.where(ratio > 0.0, np.abs(np.log2(np.abs(ratio)) - start) - _DEPARTURE, np.inf)
        excess[:, -1] = np.where(excess[:, -1] > 0.0, excess[:, -1], np.inf)
        at = np.maximum(np.argmax(~(excess <= 0.0), axis=1), 1)
        rows = np.arange(len(which))
        low, high = ends[rows, at - 1], ends[rows, at]
    out = high.copy()
    for row, k in enumerate(at):
        around = slice(max(0, min(k - 3, _PARTS - 5)), max(0, min(k - 3, _PARTS - 5)) + 5)
        x, y = ends[row, around], excess[row, around]
        if np.all(np.isfinite(y)) and np.all(np.diff(y) > 0.0):
            out[row] = min(max(_at_zero(x, y), low[row]), high[row])
    return out


def _at_zero(x: Float[Array, " k"], y: Float[Array, " k"]) -> float:
    """x at y = 0 by inverse interpolation (Neville)."""
    p = (x - x[0]).tolist()
    for gap in range(1, len(p)):
        p = [(y[i + gap] * p[i] - y[i] * p[i + 1]) / (y[i + gap] - y[i]) for i in range(len(p) - 1)]
    return float(x[0] + p[0])


def _of_each_field(
    model: AbstractModel, rays: Rays, field: float, curvature: float, r: float
) -> tuple[Float[Array, " field"], Float[Array, " field"]]:
    """The scales along each axis where these are far apart; the common ones where V has none along an axis."""
    fields, curvatures = np.full(len(rays.point), field), np.full(len(rays.point), curvature)
    nearest: dict[int, int] = {}
    for ray in np.flatnonzero((rays.axis >= 0) & (rays.first < len(DISTANCES))):
        axis = int(rays.axis[ray])
        if axis not in nearest or rays.first[ray] < rays.first[nearest[axis]]:
            nearest[axis] = int(ray)
    which = np.array(list(nearest.values()), int)
    if len(which) and float(np.max(DISTANCES[rays.first[which]])) >= _FAR_APART * field:
        distances = _located(model, rays, which, r)
        fields[list(nearest)] = 2.0 * distances
        curvatures[list(nearest)] = np.abs(_slopes(model, rays, which, distances[:, None], r)[:, 0]) / distances
    return fields, curvatures
