"""Places on a path through field space where V'' jumps: potentials made of pieces, splines, tables."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from .base import AbstractModel
from .derivatives import point_kernels

_SUSPECTS = 16  # intervals looked into, those across which V'' changes most
_HALVINGS = 40
_JUMP = 1e-4  # change of V'' relative to its largest on the path that counts, across 1e-12 of the path's interval


class Kink(NamedTuple):
    """A jump of V'': ``position`` on the path (2.5 is halfway between points 2 and 3), fields, size of the jump."""

    position: float
    values: Float[Array, " field"]
    jump: float


def kinks(
    model: AbstractModel, path: Float[Array, "point field"], radii: Float[Array, " point"] | None = None
) -> list[Kink]:
    """The kinks on a path of points, in order; between neighbours the path is straight.

    Parameters
    ----------
    model : AbstractModel
        The theory.
    path : ndarray of shape (n_points, n_fields)
        Field values, for example of a state at its quadrature points.
    radii : ndarray of shape (n_points,), optional
        Their radii, for a potential that depends on r; zeros if not given.
    """
    path = np.asarray(path, float)
    r = np.zeros(len(path)) if radii is None else np.asarray(radii, float)
    hessian, params = point_kernels(model.potential_function).hessian, model.params

    def curvature(position: Array) -> Array:
        left = np.minimum(position.astype(int), len(path) - 2)
        share = position - left
        points = path[left] + share[:, None] * (path[left + 1] - path[left])
        return hessian(points, params, r[left] + share * (r[left + 1] - r[left]))

    at = np.arange(len(path), dtype=float)
    ends = curvature(at)
    largest = float(np.max(np.abs(ends)))
    change = np.abs(np.diff(ends, axis=0)).max((1, 2))
    which = np.sort(np.argsort(-change, kind="stable")[:_SUSPECTS])
    which = which[change[which] > _JUMP * largest]
    if len(which) == 0:
        return []
    low, high = at[which], at[which + 1]
    below, above = ends[which], ends[which + 1]
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        here = curvature(middle)
        left = np.abs(here - below).max((1, 2)) > np.abs(above - here).max((1, 2))
        high, above = np.where(left, middle, high), np.where(left[:, None, None], here, above)
        low, below = np.where(left, low, middle), np.where(left[:, None, None], below, here)
    jump = np.abs(above - below).max((1, 2))
    found = []
    for k in np.flatnonzero(jump > _JUMP * largest):
        index = min(int(low[k]), len(path) - 2)
        point = path[index] + (low[k] - index) * (path[index + 1] - path[index])
        found.append(Kink(float(low[k]), point, float(jump[k])))
    return found
