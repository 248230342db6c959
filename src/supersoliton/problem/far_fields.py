r"""Fields of a density far from the core, where they follow v(r), at which e is stationary: :math:`e_u(v, 0, r) = 0`.

For most theories v is the value at infinity at every radius. The amplitude of a global vortex has a source instead:
:math:`v = 1 - n^2/2r^2 - \dots`. What v misses of the equations,

.. math:: \rho = r^{1-d}(r^{d-1}e_{u'})' - e_u\quad\text{at } (v, v', r),

changes the energy outside of a radius R by :math:`\tfrac12S_d\int_R^\infty r^{d-1}\rho^2/e_{uu}\,dr`, which is stated
as its error.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import RadialGrid, sphere_area
from ..theory.base import AbstractModel
from ..theory.derivatives import point_kernels

_POINTS, _DEGREE = 64, 24  # of Gauss's rule in R/r, and of the polynomial whose slopes are taken
_STEPS = 30  # of Newton's method for v
_ROUNDING = 1e-13  # of the size of a field: smaller differences from the value at infinity are no source


class Outside(NamedTuple):
    """The space outside a mesh: z = (v, v'), radii and weights of a rule there; and the derivative of the energy there
    by the fields at the edge, ``pull``, and its ``error``."""

    z: Array
    radii: Array
    weights: Array
    pull: Array
    error: float


def far_values(model: AbstractModel, radii: Array) -> Array:
    """v at large radii, (point, field); the values at infinity where Newton's method leads nowhere near them."""
    assert model.ends is not None
    assert model.density_function is not None
    kernels, n, sizes = point_kernels(model.density_function), model.n_fields, model.ends.sizes
    start = np.tile(model.ends.outer, (len(radii), 1))
    v = start.copy()
    with np.errstate(all="ignore"):
        for _ in range(_STEPS):
            z = np.concatenate([v, np.zeros_like(v)], axis=1)
            slope = kernels.gradient(z, model.params, radii)[:, :n]
            if not slope.any() or not np.all(np.isfinite(slope)):
                break
            matrix = np.nan_to_num(kernels.hessian(z, model.params, radii)[:, :n, :n])
            step = (np.linalg.pinv(matrix, rcond=1e-12, hermitian=True) @ slope[:, :, None])[:, :, 0]
            v = v - step
            if np.all(np.abs(step) <= 1e-15 * sizes):
                break
    away = np.max(np.abs(v - start) / sizes, axis=1)
    return np.where(((away > _ROUNDING) & (away < 0.5))[:, None], v, start)


def outside(model: AbstractModel, grid: RadialGrid) -> Outside:
    """Integrals over all space outside the mesh, where the fields are v."""
    assert model.ends is not None
    assert model.density_function is not None
    x, w = np.polynomial.legendre.leggauss(_POINTS)
    x, w, d = np.append(0.5 * (x + 1.0), 1.0), np.append(0.5 * w, 0.0), float(grid.dim)  # the last one is the edge
    r, area = grid.r_max / x, sphere_area(d)
    weights = area * w * grid.r_max / x**2 * r ** (d - 1.0)
    v = far_values(model, r)
    if not (v - model.ends.outer).any():
        z = np.concatenate([v, np.zeros_like(v)], axis=1)[:-1]
        return Outside(z, r[:-1], weights[:-1], np.zeros(v.shape[1]), 0.0)
    by_radius = (-(x**2) / grid.r_max)[:, None]
    z = np.concatenate([v, _slopes(x, v) * by_radius], axis=1)
    kernels, n = point_kernels(model.density_function), v.shape[1]
    gradient, hessian = (f(z, model.params, r) for f in (kernels.gradient, kernels.hessian))
    momentum = r[:, None] ** (d - 1.0) * gradient[:, n:]
    rho = _slopes(x, momentum) * by_radius / r[:, None] ** (d - 1.0) - gradient[:, :n]
    stiffness, kinetic = (
        np.abs(np.diagonal(hessian, axis1=1, axis2=2)[:, part]) for part in (slice(n), slice(n, None))
    )
    missed = rho**2 / np.maximum(np.maximum(stiffness, kinetic / r[:, None] ** 2), 1e-300)
    return Outside(z[:-1], r[:-1], weights[:-1], -area * momentum[-1], 0.5 * float(weights @ missed.sum(axis=1)))


def _slopes(x: Array, values: Array) -> Array:
    """Slopes by x of the polynomial through ``values``."""
    series = np.polynomial.legendre.legfit(2.0 * x - 1.0, values, _DEGREE)
    return np.asarray(2.0 * np.polynomial.legendre.legval(2.0 * x - 1.0, np.polynomial.legendre.legder(series))).T
