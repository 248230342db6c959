r"""The start of a bounce without a guess: a straight path in field space and a tanh wall in space.

.. math:: u(r) = v + a\,(u_* - v)\,h(r/w),\qquad h(x) = \frac{\tanh(x+\rho) - \tanh(x-\rho)}{2\tanh\rho}

with u_* a point where V is lower than at the false vacuum v. Thick walls have rho -> 0 (h = sech^2), thin ones
rho >> 1. Under r -> r/s a static configuration has E = s^{d-2} T + s^d U; its maximum over s,

.. math:: \hat S = \frac{2T}{d}\left(\frac{(d-2)T}{-d\,U}\right)^{(d-2)/2},

is the action that the shape would have at its own best size, and the bounce is the shape that minimises it (S. Coleman,
V. Glaser, A. Martin, *Commun. Math. Phys.* **58** (1978) 211). a and rho are chosen by it on a table of V.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from ..grid import sphere_area
from ..models.base import AbstractModel
from ..pointwise import point_kernels

_RATIOS = np.concatenate([[0.05], np.geomspace(0.3, 1.5e4, 50)])  # rho = radius / wall width
_TABLE = 400
_FORBIDDEN = 1e200  # stands for a V that is no number or overflows
_POINTS = 600  # in the wall, and as many inside it where it is thin


@dataclass(frozen=True)
class Wall:
    """A start: its estimated action, the far point a (u_* - v) + v at the origin, radius and width of the wall."""

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


def best_wall(model: AbstractModel, false_vacuum: Array, target: Array, dim: float) -> Wall | None:
    """The wall of least action towards ``target``; None where V is nowhere lower along the way.

    For dim <= 2 the scale argument has no maximum, and the shape is found in three dimensions.
    """
    d = dim if dim > 2.0 else 3.0
    reach = np.linspace(0.0, 1.5, _TABLE)
    path = false_vacuum + reach[:, None] * (target - false_vacuum)
    potential = point_kernels(model.potential_function).value(path, model.params, np.zeros(_TABLE))
    potential = potential - potential[0]
    lower = np.isfinite(potential) & (potential < 0)
    table = np.clip(np.nan_to_num(potential, nan=_FORBIDDEN), -_FORBIDDEN, _FORBIDDEN)
    if not lower.any():
        return None
    kinetic = float(np.sum(model.kinetic * (target - false_vacuum) ** 2))
    amplitudes = reach[lower & (reach > 0.02)]
    amplitudes = amplitudes[:: max(1, len(amplitudes) // 40)]
    best: Wall | None = None
    for rho in _RATIOS:
        inside = max(rho - 20.0, 0.0)
        x = np.union1d(np.linspace(0.0, inside, _POINTS), np.linspace(inside, rho + 20.0, _POINTS))
        weight = x ** (d - 1.0) * np.gradient(x)
        h = (np.tanh(x + rho) - np.tanh(x - rho)) / (2.0 * math.tanh(rho))
        slope = (np.cosh(np.minimum(x + rho, 300.0)) ** -2.0 - np.cosh(np.minimum(np.abs(x - rho), 300.0)) ** -2.0) / (
            2.0 * math.tanh(rho)
        )
        gradient = 0.5 * kinetic * amplitudes**2 * float(np.sum(weight * slope**2))
        depth = np.array([np.sum(weight * np.interp(a * h, reach, table)) for a in amplitudes])
        area = sphere_area(d)
        gradient, depth = area * gradient, area * depth
        usable = (depth < 0) & (depth > -_FORBIDDEN)
        if not usable.any():
            continue
        t, u = gradient[usable], depth[usable]
        scale = (d - 2.0) * t / (-d * u)
        action = 2.0 / d * t * scale ** ((d - 2.0) / 2.0)
        i = int(np.argmin(action))
        if best is None or action[i] < best.action:
            centre = false_vacuum + amplitudes[usable][i] * (target - false_vacuum)
            best = Wall(
                float(action[i]), centre, np.asarray(false_vacuum, float), float(rho), math.sqrt(float(scale[i]))
            )
    return best
