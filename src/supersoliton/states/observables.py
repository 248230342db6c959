"""Observables of a state in any theory: radii, and the lightest mass of the vacuum."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import sphere_area
from ..problem.energy_kernels import outside
from ..problem.exterior import power_tails
from ..problem.problem import DiscreteProblem
from ..problem.scales import reduced
from ..theory.derivatives import point_kernels
from ..theory.vacua import mass_matrix

_SAMPLES = 500
_SIGNS = 1e-6  # of the energy: the most that the density may have of the other sign
_POINTS = 40  # of Gauss's rule in an element, see energy_radii


def core_radius(problem: DiscreteProblem, u: Array) -> float:
    """Radius of the last node where |u - u_infinity| exceeds half of its maximum (:func:`size` to mesh resolution)."""
    return float(problem.grid.nodes[_last_above_half(np.linalg.norm(u - problem.vacuum.values, axis=1))])


def size(state: Any) -> float:
    """Outermost radius at which sqrt(sum (u - u_infinity)^2) over the fields that carry the norm is half its maximum.

    NaN if the fields vanish or do not fall to half (a vacuum, a condensate).
    """
    return half_radius(state, state.problem.carries_norm > 0)


def half_radius(state: Any, of: Array) -> float:
    """:func:`size` for the fields in the mask ``of``."""
    problem: DiscreteProblem = state.problem
    r = np.linspace(0.0, problem.grid.r_max, _SAMPLES)

    def strength(radius: Any) -> Any:
        away = problem.grid.interpolate(state.u, radius)[..., of] - problem.vacuum.values[of]
        return np.sqrt(np.sum(away**2, axis=-1))

    values = strength(r)
    half = 0.5 * float(np.max(values))
    if not half >= 1e-6 * reduced(problem)[1].field or (last := _last_above_half(values)) == _SAMPLES - 1:
        return float("nan")
    from scipy.optimize import brentq  # here: the driver of a scan does without

    return float(brentq(lambda x: float(strength(np.array(x))) - half, r[last], r[last + 1], xtol=1e-15 * float(r[-1])))


def _last_above_half(strength: Array) -> int:
    """Index of the last value above half of the maximum."""
    return int(np.flatnonzero(strength > 0.5 * np.max(strength))[-1])


def lightest_squared(problem: DiscreteProblem) -> float:
    """The smallest mass squared of the vacuum (negative for an unstable one); NaN if V'' is not finite there."""
    matrix = mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max)
    return float(np.linalg.eigh(matrix)[0][0]) if np.all(np.isfinite(matrix)) else float("nan")


def energy_radii(state: Any) -> tuple[float, float]:
    r"""The radius :math:`\langle r^2\rangle^{1/2}` over the energy density, and that of the ball with half the energy.

    Infinite where the first diverges; NaN where the density has both signs. A rotating state has that of E_Q.
    """
    grid, d = state.grid, float(state.grid.dim)
    r, w = grid.quadrature_points, grid.quadrature_weights
    e = _mass_density(state, r)
    far_r, far_w, far_e = _beyond(state)
    total = float(np.sum(w * e) + far_w @ far_e)
    if not np.sum(w * np.abs(e)) <= abs(total) * (1.0 + _SIGNS):
        return float("nan"), float("nan")
    mean = float(np.sum(w * e * r**2) + far_w @ (far_e * far_r**2)) / total
    ends = far_e * far_r ** (d + 2.0)  # it falls where the integral converges
    least = _SIGNS * abs(total) * grid.r_max**2
    diverges = len(far_r) > 0 and ends[np.argmax(far_r)] > 0.5 * ends[np.argmin(far_r)] > least
    rms, inside = float("inf") if diverges else float(np.sqrt(mean)), np.cumsum(np.sum(w * e, axis=1)) / total
    if not inside[-1] > 0.5:
        return rms, float("nan")
    from scipy.optimize import brentq  # here: the driver of a scan does without

    element = int(np.argmax(inside > 0.5))
    low, high = grid.element_edges[element : element + 2]
    before, (x, v) = (inside[element - 1] if element else 0.0), np.polynomial.legendre.leggauss(_POINTS)

    def missing(radius: float) -> float:
        at = low + 0.5 * (radius - low) * (x + 1.0)
        part = 0.5 * (radius - low) * float(v @ (sphere_area(d) * at ** (d - 1.0) * _mass_density(state, at)))
        return float(before + part / total - 0.5)

    half = float(brentq(missing, low, high, xtol=1e-14 * float(high)))
    return rms, half


def _mass_density(state: Any, r: Array) -> Array:
    """The energy density at radii, of E_Q for a rotating state; on a line the mean of both sides."""
    problem: DiscreteProblem = state.problem
    if problem.on_line:
        return np.asarray(0.5 * (state.energy_density(r) + state.energy_density(-r)))
    turning = 0.5 * max(state.multiplier, 0.0) * problem.carries_norm * problem.model.kinetic
    return np.asarray(state.energy_density(r) + state(r) ** 2 @ turning)


def _beyond(state: Any) -> tuple[Array, Array, Array]:
    """Radii and weights outside the mesh, and the energy density there; massless fields fall like a power."""
    problem: DiscreteProblem = state.problem
    model, grid, n = problem.model, problem.grid, problem.model.n_fields
    if model.ends is None or model.density_function is None:
        return np.empty(0), np.empty(0), np.empty(0)
    z, r, w = outside(model, grid)[:3]
    kinetic = np.diagonal(model.kinetic_at(model.ends.outer, grid.r_max))
    stiffness = sphere_area(grid.dim) * grid.r_max ** (grid.dim - 2.0) * kinetic
    s = np.diagonal(power_tails(model, grid.r_max)) / stiffness
    away = np.where(s > 0.0, state.u[-1] - model.ends.outer, 0.0) * (grid.r_max / r[:, None]) ** s
    z[:, :n] += away
    z[:, n:] -= s * away / r[:, None]
    return r, w, point_kernels(model.density_function).value(z, model.params, r)
