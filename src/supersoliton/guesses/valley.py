r"""The lowest way between two minima of V: a string relaxed to the valley floor.

On the minimum-energy path the force is parallel to the path. Images at equal arc length take Newton steps across the
path, with the modulus of V'' (so stiff directions need no small steps), and are then spread evenly again (W. E, W. Ren,
E. Vanden-Eijnden, *Phys. Rev. B* **66** (2002) 052301).
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
from .shooting import Way, arc_lengths

_IMAGES = (24, 96)  # the finer path follows a bent valley between the images of the coarser one
_STEPS = (40, 6)
_SETTLED = 1e-4  # steps across the path, relative to its length, at which it counts as relaxed
_LONGEST = 0.1  # longest step across the path, relative to its length
_SOFT = 1e-3  # least curvature in a step, relative to the largest on the path


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


def straight_path(model: AbstractModel, false_vacuum: Array, end: Array) -> Path:
    """The straight way to ``end``."""
    return _spread(model, np.linspace(0.0, 1.0, _IMAGES[0])[:, None] * (end - false_vacuum) + false_vacuum, _IMAGES[0])


def valley(model: AbstractModel, false_vacuum: Array, end: Array) -> Path:
    """The straight way to ``end`` relaxed to the floor of V."""
    path = straight_path(model, false_vacuum, end)
    for images, steps in zip(_IMAGES, _STEPS, strict=True):
        path = _spread(model, path(np.linspace(0.0, path.s[-1], images)), images)
        for _ in range(steps):
            moved, largest = _across(model, path)
            path = _spread(model, moved, images)
            if largest <= _SETTLED * path.s[-1]:
                break
    return path


def _across(model: AbstractModel, path: Path) -> tuple[Array, float]:
    """The images after a Newton step across the path, and the longest step (both in the metric)."""
    kernels, root = point_kernels(model.potential_function), np.sqrt(model.kinetic)
    inner, zeros = path.points[1:-1], np.zeros(len(path.points) - 2)
    force = kernels.gradient(inner, model.params, zeros) / root
    curvature = kernels.hessian(inner, model.params, zeros) / (root[:, None] * root)
    along = path.tangent(path.s[1:-1]) * root
    along = along / np.linalg.norm(along, axis=1, keepdims=True)
    usable = np.isfinite(force).all(1) & np.isfinite(curvature).all((1, 2))
    force, curvature = np.where(usable[:, None], force, 0.0), np.where(usable[:, None, None], curvature, 0.0)
    across = np.eye(len(root)) - along[:, :, None] * along[:, None, :]
    values, vectors = np.linalg.eigh(across @ curvature @ across)
    stiff = np.maximum(np.abs(values), _SOFT * np.max(np.abs(values)) + 1e-300)
    pull = (across @ force[:, :, None])[:, :, 0]
    step = -np.einsum("iab,ib,icb,ic->ia", vectors, 1.0 / stiff, vectors, pull)
    step = (across @ step[:, :, None])[:, :, 0]
    length = np.linalg.norm(step, axis=1)
    longest = _LONGEST * path.s[-1]
    step *= np.minimum(1.0, longest / np.maximum(length, 1e-300))[:, None]
    moved = path.points.copy()
    moved[1:-1] += step / root
    return moved, float(np.max(length))


def _spread(model: AbstractModel, points: Array, images: int) -> Path:
    """The points at equal arc lengths."""
    steps = np.linalg.norm(np.diff(points, axis=0) * np.sqrt(model.kinetic), axis=1)
    s = np.concatenate([[0.0], np.cumsum(np.maximum(steps, 1e-12 * (np.sum(steps) + 1e-300)))])
    even = CubicSpline(s, points)(np.linspace(0.0, s[-1], images))
    even[0], even[-1] = points[0], points[-1]
    steps = np.linalg.norm(np.diff(even, axis=0) * np.sqrt(model.kinetic), axis=1)
    return Path(np.concatenate([[0.0], np.cumsum(steps)]), even)


def way_along(model: AbstractModel, path: Path, energy: float) -> tuple[float, Way | None]:
    """The barrier on a path, and the table of V - ``energy`` along it; None if V is nowhere lower or not finite."""
    kernels, reach = point_kernels(model.potential_function), float(path.s[-1])
    s = np.linspace(0.0, reach, 513)[1:]
    v = kernels.value(path(s), model.params, np.zeros(len(s))) - energy
    below = v < 0.0
    first = int(np.argmax(below)) if below.any() else len(s)
    barrier = float(np.max(v[:first], initial=0.0))
    if not below.any() or not np.all(np.isfinite(v)):
        return barrier, None
    scale = max(float(s[first]), 1e-3 * reach)
    points = arc_lengths(reach, scale)
    value, force = kernels.value_and_gradient(path(points), model.params, np.zeros(len(points)))
    slope = np.sum(force * path.tangent(points), axis=1)
    value = value - energy
    value[0] = 0.0
    if not (np.all(np.isfinite(value)) and np.all(np.isfinite(slope)) and math.isfinite(barrier)):
        return barrier, None
    slope[-1] = max(slope[-1], 0.0)  # the end is a minimum
    return barrier, Way(reach, scale, value, slope)
