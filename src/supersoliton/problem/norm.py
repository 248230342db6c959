r"""The norm that carries the charge, :math:`N = \int\sum_ck_cu_c^2`, and what it adds to force and second variation.

Where the kinetic matrix depends on the fields, complex fields of one common frequency have the kinetic energy
:math:`\tfrac12\omega^2\phi_c^TK(\phi)\phi_c`, phi_c being the fields in N with the others replaced by 0, and

.. math:: N = \int\phi_c^TK(\phi)\,\phi_c\,d^dx .
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..theory.derivatives import point_kernels
from ..theory.field_metric import RotatingNorm
from . import functional


def of_fields(problem: Any, u: Array) -> float:
    """N inside the domain: sum_c k_c/k u_c^T M u_c with k the largest of the k_c, or from K(u)."""
    if problem.model.density_function is None:
        weights = problem.carries_norm * problem.model.kinetic / problem.norm_kinetic
        return float(np.sum(weights * u * (problem.grid.mass_form @ u)))
    kernels, points, radii = _at_points(problem, u)
    return float(problem.geometry.weights.ravel() @ kernels.value(points, problem.model.params, radii))


def half_slope(problem: Any, u: Array) -> Array:
    """Half of dN/du, (node, field): M_c u for constant kinetic factors."""
    if problem.model.density_function is None:
        return np.asarray(problem.grid.mass_form @ u) * problem.carries_norm
    kernels, points, radii = _at_points(problem, u)
    geo = problem.geometry
    by = 0.5 * kernels.gradient(points, problem.model.params, radii).reshape(*geo.weights.shape, -1)
    local = geo.values.swapaxes(1, 2) @ (geo.weights[:, :, None] * by)
    return functional.assemble(local, np.zeros(u.shape[1]))


def without_rotation(problem: Any, u: Array, curvature: Array, multiplier: float) -> tuple[Array, Array]:
    """The Hessian of the density less omega^2 N/2 at the quadrature points, and multiples of M besides, (field,)."""
    if problem.model.density_function is None:
        return curvature, -multiplier * problem.carries_norm
    n = u.shape[1]
    if multiplier == 0.0 or not problem.carries_norm.any():
        return curvature, np.zeros(n)
    kernels, points, radii = _at_points(problem, u)
    out = np.array(curvature)
    second = kernels.hessian(points, problem.model.params, radii)
    out[..., :n, :n] -= 0.5 * multiplier * second.reshape(*out.shape[:2], n, n)
    return out, np.zeros(n)


def at_infinity(problem: Any) -> Array:
    """The N of small fields at the edge, as a form (field, field) of them."""
    carries = problem.carries_norm
    if problem.model.density_function is None:
        return np.diag(carries)
    return carries[:, None] * problem.model.kinetic_at(problem.vacuum.values, problem.grid.r_max) * carries


def _at_points(problem: Any, u: Array) -> tuple[Any, Array, Array]:
    geo = problem.geometry
    norm = RotatingNorm(problem.model.density_function, tuple(problem.carries_norm.tolist()))
    points = functional.at_points(geo, np.asarray(u))[0].reshape(-1, u.shape[1])
    return point_kernels(norm), points, geo.radii.reshape(-1)
