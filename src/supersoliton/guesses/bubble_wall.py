r"""Starts of a bounce: a straight path in field space and a tanh wall in space.

.. math:: u(r) = v + a\,(u_* - v)\,h(r/w),\qquad h(x) = \frac{\tanh(x+\rho) - \tanh(x-\rho)}{2\tanh\rho}

with u_* a point where V is lower than at the false vacuum v. Thick walls have rho -> 0 (h = sech^2), thin ones
rho >> 1. Under r -> r/s a static configuration has E = s^{d-2} T + s^d U; its maximum over s,

.. math:: \hat S = \frac{2T}{d}\left(\frac{(d-2)T}{-d\,U}\right)^{(d-2)/2},

is the action of the shape at its optimal size, and the bounce is the shape that minimises it (S. Coleman, V. Glaser,
A. Martin, *Commun. Math. Phys.* **58** (1978) 211). Here it is minimised over a and rho on a table of V.

U depends on the shape only through the volume in which h takes each value, which is the same for all potentials:

.. math:: U = S_d \int V(a h)\,d\mu_\rho(h),\qquad d\mu_\rho = x^{d-1}dx,

so the product of a table of V with a table of the measures gives U for all a and rho.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from ..elements.grid import sphere_area
from ..theory.base import AbstractModel
from ..theory.derivatives import point_kernels

_RATIOS = np.concatenate([[0.05], np.geomspace(0.3, 1.5e4, 50)])  # rho = radius / wall width
_TABLE = 400  # values of V along a path
_FORBIDDEN = 1e200  # replaces a V that is NaN or overflows
_POINTS = 600  # radii in the wall, and the same number inside a thin one
_HEIGHTS = np.linspace(0.0, 1.0, 400) ** 2  # values of h, denser near the false vacuum


@dataclass(frozen=True)
class Wall:
    """A start: estimated action, fields v + a (u_* - v) at the origin, ratio of radius to width, width of the wall."""

    action: float
    centre: Float[Array, " field"]
    false_vacuum: Float[Array, " field"]
    ratio: float
    width: float

    @property
    def radius(self) -> float:
        return self.ratio * self.width

    def __call__(self, r: Array) -> Float[Array, "node field"]:
        x = np.asarray(r) / self.width
        h = (np.tanh(x + self.ratio) - np.tanh(x - self.ratio)) / (2.0 * math.tanh(self.ratio))
        return self.false_vacuum + h[..., None] * (self.centre - self.false_vacuum)


def best_walls(model: AbstractModel, false_vacuum: Array, targets: Sequence[Array], dim: float) -> list[list[Wall]]:
    """The walls towards each target, least action first: one for each local minimum of the action over the amplitude.

    None where no wall has U < 0. For dim <= 2 the action has no maximum under scaling, so the shape of three dimensions
    is used.
    """
    if not targets:
        return []
    reach = np.linspace(0.0, 1.5, _TABLE)
    away = np.stack(targets) - false_vacuum
    paths = false_vacuum + reach[None, :, None] * away[:, None, :]
    value = point_kernels(model.potential_function).value
    tables = value(paths.reshape(-1, model.n_fields), model.params, np.zeros(len(targets) * _TABLE))
    with np.errstate(all="ignore"):
        return [
            _best_along(potential, false_vacuum, direction, float(np.sum(model.kinetic * direction**2)), dim)
            for potential, direction in zip(tables.reshape(len(targets), _TABLE), away, strict=True)
        ]


def _best_along(
    potential: Float[Array, " point"], false_vacuum: Array, direction: Array, kinetic: float, dim: float
) -> list[Wall]:
    d = dim if dim > 2.0 else 3.0
    reach = np.linspace(0.0, 1.5, _TABLE)
    potential = potential - potential[0]
    lower = np.isfinite(potential) & (potential < 0)
    table = np.clip(np.nan_to_num(potential, nan=_FORBIDDEN), -_FORBIDDEN, _FORBIDDEN)
    amplitudes = reach[lower & (reach > 0.02)]
    if not len(amplitudes):
        return []
    amplitudes = amplitudes[:: max(1, len(amplitudes) // 40)]
    measures, slopes = _shapes(d)
    area = sphere_area(d)
    # Tables over (amplitude, rho).
    u = area * (np.interp(amplitudes[:, None] * _HEIGHTS, reach, table) @ measures)
    t = 0.5 * area * kinetic * np.outer(amplitudes**2, slopes)
    usable = (u < 0) & (u > -_FORBIDDEN)
    if not usable.any():
        return []
    scale = (d - 2.0) * t / np.where(usable, -d * u, 1.0)
    action = np.where(usable, 2.0 / d * t * scale ** ((d - 2.0) / 2.0), np.inf)
    shapes = np.argmin(action, axis=1)
    least = np.concatenate([[np.inf], np.min(action, axis=1), [np.inf]])
    lowest = np.flatnonzero((least[1:-1] < least[:-2]) & (least[1:-1] <= least[2:]))

    def wall(at: int) -> Wall:
        shape = int(shapes[at])
        return Wall(
            action=float(action[at, shape]),
            centre=false_vacuum + amplitudes[at] * direction,
            false_vacuum=np.asarray(false_vacuum, float),
            ratio=float(_RATIOS[shape]),
            width=math.sqrt(float(scale[at, shape])),
        )

    return sorted((wall(int(at)) for at in lowest), key=lambda w: w.action)


@functools.lru_cache(maxsize=8)
def _shapes(d: float) -> tuple[Float[Array, "height ratio"], Float[Array, " ratio"]]:
    """For every shape: its measure over the heights (linear between them), and int h'^2 x^(d-1) dx."""
    measures, slopes = np.zeros((len(_HEIGHTS), len(_RATIOS))), np.zeros(len(_RATIOS))
    for k, rho in enumerate(_RATIOS):
        inside = max(rho - 20.0, 0.0)
        x = np.unique(np.concatenate([np.linspace(0.0, inside, _POINTS), np.linspace(inside, rho + 20.0, _POINTS)]))
        weight = x ** (d - 1.0) * np.gradient(x)
        h = (np.tanh(x + rho) - np.tanh(x - rho)) / (2.0 * math.tanh(rho))
        near, far = np.minimum(np.abs(x - rho), 300.0), np.minimum(x + rho, 300.0)
        slope = (np.cosh(far) ** -2.0 - np.cosh(near) ** -2.0) / (2.0 * math.tanh(rho))
        slopes[k] = np.sum(weight * slope**2)
        cell = np.clip(np.searchsorted(_HEIGHTS, h, side="right") - 1, 0, len(_HEIGHTS) - 2)
        part = (h - _HEIGHTS[cell]) / (_HEIGHTS[cell + 1] - _HEIGHTS[cell])
        measures[:, k] += np.bincount(cell, weight * (1.0 - part), len(_HEIGHTS))
        measures[:, k] += np.bincount(cell + 1, weight * part, len(_HEIGHTS))
    return measures, slopes
