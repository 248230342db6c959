r"""The way of a thin wall between two minima of V.

A planar wall takes the path that minimises its tension :math:`\int\sqrt{2V}\,ds`, so across the path

.. math:: 2V\,\frac{d^2u}{ds^2} = \nabla_\perp V

(the lowest way over V itself bends to the softest direction at its ends, which costs tension). It is solved by Newton's
method for images at equal arc length, with the modulus of V'' across the path, so that stiff directions need no small
steps.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array
from scipy.interpolate import CubicSpline

from ..theory.base import AbstractModel
from ..theory.derivatives import point_kernels
from ..theory.field_metric import metric_at
from ..theory.vacua import Vacuum
from .shooting import Way, arc_lengths

# Images and steps of a coarse and of a fine path; with many fields the fine one has fewer images.
_IMAGES, _STEPS, _UNKNOWNS = (32, 96), (12, 4), 600
_SETTLED = 1e-3  # steps, relative to the length of the path, at which it counts as relaxed
_LONGEST = 0.1  # longest step, relative to the length of the path
_FLOOR = 0.02  # least V in the weight of the curvature, relative to the barrier


@dataclass(frozen=True, eq=False)
class Path:
    """A way through the space of fields from the false vacuum: points at arc lengths in the metric of kinetic terms."""

    s: Float[Array, " image"]
    points: Float[Array, "image field"]

    @functools.cached_property
    def _spline(self) -> CubicSpline:
        return CubicSpline(self.s, self.points)

    def __call__(self, s: Array) -> Array:
        return np.asarray(self._spline(np.clip(s, 0.0, self.s[-1])))

    def tangent(self, s: Array) -> Array:
        return np.asarray(self._spline(np.clip(s, 0.0, self.s[-1]), 1))


def valley(model: AbstractModel, start: Vacuum, end: Array) -> Path:
    """The straight way from a false vacuum to ``end`` relaxed to least tension."""
    path = _spread(model, start.values + np.linspace(0.0, 1.0, _IMAGES[0])[:, None] * (end - start.values), _IMAGES[0])
    for count, steps in zip(_IMAGES, _STEPS, strict=True):
        images = max(_IMAGES[0], min(count, _UNKNOWNS // model.n_fields))
        path = _spread(model, path(np.linspace(0.0, path.s[-1], images)), images)
        for _ in range(steps):
            moved, longest = _step(model, path, start.energy_density)
            path = _spread(model, moved, images)
            if longest <= _SETTLED * path.s[-1]:
                break
    return path


def _step(model: AbstractModel, path: Path, energy: float) -> tuple[Array, float]:
    """The images after a Newton step across the path, and the longest step."""
    kernels, zeros = point_kernels(model.potential_function), np.zeros(len(path.points) - 2)
    tangent, spacing = path.tangent(path.s[1:-1]), float(path.s[1] - path.s[0])
    root, inverse, bend = _bending(model, path.points, tangent, spacing)
    v, force = kernels.value_and_gradient(path.points[1:-1], model.params, zeros)
    curvature = inverse @ kernels.hessian(path.points[1:-1], model.params, zeros) @ inverse
    force = (inverse @ force[:, :, None])[:, :, 0]
    along = (root @ tangent[:, :, None])[:, :, 0]
    along = along / np.linalg.norm(along, axis=1, keepdims=True)
    usable = np.isfinite(v) & np.isfinite(force).all(1) & np.isfinite(curvature).all((1, 2))
    v, force = np.where(usable, v - energy, 0.0), np.where(usable[:, None], force, 0.0)
    curvature = np.where(usable[:, None, None], curvature, 0.0)
    across = np.eye(model.n_fields) - along[:, :, None] * along[:, None, :]
    values, vectors = np.linalg.eigh(across @ curvature @ across)
    stiffness = (vectors * np.abs(values)[:, None, :]) @ vectors.swapaxes(1, 2)
    weight = 2.0 * (np.maximum(v, 0.0) + _FLOOR * max(float(np.max(v)), 1e-300)) / spacing**2
    load = (across @ (weight[:, None] * bend - force)[:, :, None])[:, :, 0]
    m, n = load.shape
    matrix = np.zeros((m, n, m, n))
    i = np.arange(m)
    matrix[i, :, i, :] = stiffness + along[:, :, None] * along[:, None, :] * np.max(np.abs(values))
    matrix[i, :, i, :] += 2.0 * weight[:, None, None] * np.eye(n)
    matrix[i[1:], :, i[:-1], :] -= weight[1:, None, None] * np.eye(n)
    matrix[i[:-1], :, i[1:], :] -= weight[:-1, None, None] * np.eye(n)
    matrix = matrix.reshape(m * n, m * n) + 1e-12 * float(np.max(np.abs(matrix))) * np.eye(m * n)
    step = (across @ np.linalg.solve(matrix, load.ravel()).reshape(m, n, 1))[:, :, 0]
    longest = float(np.max(np.linalg.norm(step, axis=1)))
    x = path.points.copy()
    step = step * min(1.0, _LONGEST * path.s[-1] / max(longest, 1e-300))
    x[1:-1] += (inverse @ step[:, :, None])[:, :, 0]
    return x, longest


def _bending(model: AbstractModel, points: Array, tangent: Array, spacing: float) -> tuple[Array, Array, Array]:
    r"""K^1/2 and its inverse at the inner images, and K^-1/2 times the covariant second difference of the path.

    .. math:: h^2K\frac{D^2u}{ds^2} = K_+(u_+ - u) - K_-(u - u_-) - \tfrac12h^2\,\partial_u(u'^TKu')
    """
    steps, between = np.diff(points, axis=0), 0.5 * (points[1:] + points[:-1])
    flow = (metric_at(model, between) @ steps[:, :, None])[:, :, 0]
    bend = flow[1:] - flow[:-1]
    if model.density_function is not None:
        at = points[1:-1], model.params, np.zeros(len(tangent))
        whole = point_kernels(model.density_function).gradient(np.concatenate([at[0], tangent], axis=1), *at[1:])
        by_metric = whole[:, : model.n_fields] - point_kernels(model.potential_function).gradient(*at)
        bend = bend - spacing**2 * np.nan_to_num(by_metric)
    values, vectors = np.linalg.eigh(np.nan_to_num(metric_at(model, points[1:-1])))
    factors = np.sqrt(np.maximum(values, 1e-300))[:, None, :]
    root, inverse = ((vectors * f) @ vectors.swapaxes(1, 2) for f in (factors, 1.0 / factors))
    return root, inverse, (inverse @ bend[:, :, None])[:, :, 0]


def _spread(model: AbstractModel, points: Array, images: int) -> Path:
    """The points at equal arc lengths."""
    steps = _lengths(model, points)
    s = np.concatenate([[0.0], np.cumsum(np.maximum(steps, 1e-12 * (np.sum(steps) + 1e-300)))])
    even = CubicSpline(s, points)(np.linspace(0.0, s[-1], images))
    even[0], even[-1] = points[0], points[-1]
    return Path(np.concatenate([[0.0], np.cumsum(_lengths(model, even))]), even)


def _lengths(model: AbstractModel, points: Array) -> Array:
    """Distances of neighbouring points in the metric of kinetic terms between them."""
    steps = np.diff(points, axis=0)
    if model.density_function is None:
        return np.asarray(np.linalg.norm(steps * np.sqrt(model.kinetic), axis=1))
    metric = metric_at(model, 0.5 * (points[1:] + points[:-1]))
    return np.sqrt(np.maximum(np.einsum("pi,pij,pj->p", steps, metric, steps), 0.0))


def way_along(model: AbstractModel, path: Path, energy: float) -> tuple[float, float, Way | None]:
    """Barrier and tension of a path, and the table of V - ``energy`` along it; None if V is nowhere lower, or NaN."""
    kernels, reach = point_kernels(model.potential_function), float(path.s[-1])
    s = np.linspace(0.0, reach, 513)[1:]
    v = kernels.value(path(s), model.params, np.zeros(len(s))) - energy
    below = v < 0.0
    first = int(np.argmax(below)) if below.any() else len(s)
    barrier = float(np.max(v[:first], initial=0.0))
    tension = float(np.trapezoid(np.sqrt(2.0 * np.maximum(np.nan_to_num(v), 0.0)), s))
    if not below.any() or not np.all(np.isfinite(v)):
        return barrier, tension, None
    scale = max(float(s[first]), 1e-3 * reach)
    points = arc_lengths(reach, scale)
    value, force = kernels.value_and_gradient(path(points), model.params, np.zeros(len(points)))
    slope = np.sum(force * path.tangent(points), axis=1)
    value = value - energy
    value[0] = 0.0
    if not (np.all(np.isfinite(value)) and np.all(np.isfinite(slope)) and math.isfinite(barrier)):
        return barrier, tension, None
    slope[-1] = max(slope[-1], 0.0)  # the end is a minimum
    return barrier, tension, Way(reach, scale, value, slope)
