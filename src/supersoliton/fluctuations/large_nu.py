r"""ln T_l at large nu = l + d/2 - 1, and sums over all l.

With t = ln r the operator of l is :math:`-\partial_t^2 + \nu^2 + U`, :math:`U = r^2W`, so that

.. math:: \ln T_l = \sum_k I_{2k-1}\,\nu^{1-2k},\qquad
    I_1 = \tfrac12\int\mathrm{tr}\,U,\quad I_3 = -\tfrac18\int\mathrm{tr}\,U^2,\quad
    I_5 = \tfrac1{32}\int\mathrm{tr}(2U^3 + \dot U^2),\quad
    I_7 = -\tfrac1{128}\int\mathrm{tr}(5U^4 + 10U\dot U^2 + \ddot U^2),

each less the same of :math:`r^2M^2`, integrated over t: the conserved densities of the Korteweg-de Vries equation. Up
to I_7 each trace has one order of its matrices only, so that they hold for coupled fields.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array
from scipy.special import zeta

from ..elements.grid import differentiation_matrix, sphere_area
from .background import Background
from .spectrum import degeneracy

_POWERS = (1, 3, 5, 7)
_FITTED = (9, 11, 13, 15)  # powers of 1/nu whose coefficients are fitted
_FIRST, _MOST = 16, 512  # angular momenta summed one by one: at first, at most
_SMALL = 1e-10  # error of the sum that is small enough
_ROUNDING = 1e-13  # of ln T_l, measured


class LargeNu(NamedTuple):
    """I_1 to I_7, and the moments that depend on the renormalisation scale."""

    coefficients: Float[Array, " power"]
    moments: dict[int, tuple[float, float]]  # d: m and m_log of the term m_log + m ln(mu) in S_1

    def __call__(self, nu: Array) -> Array:
        """The first four terms of ln T_l."""
        powers = np.asarray(nu, dtype=float)[..., None] ** -np.array(_POWERS, dtype=float)
        return np.asarray(powers @ self.coefficients)


def large_nu(background: Background) -> LargeNu:
    """The coefficients for a background."""
    mesh = background.mesh(0.0)
    r, size = mesh.quadrature_points, np.diff(mesh.element_edges)
    free = background.mass_squared
    nodal = background.curvature(mesh.nodes)[mesh.element_nodes] - free
    local = background.curvature(r) - free  # (that of the nodes agrees to the accuracy of the interpolation)
    slopes = np.einsum("ab,e,ebij->eaij", differentiation_matrix(mesh.order), 2.0 / size, nodal)
    x = r[..., None, None]
    first = x * np.einsum("eqa,eaij->eqij", mesh.derivative, nodal)
    second = first + x**2 * np.einsum("eqa,eaij->eqij", mesh.derivative, slopes)
    dots = [x**2 * local, x**2 * (2.0 * local + first), x**2 * (4.0 * local + 4.0 * first + second)]
    weights = mesh.quadrature_weights / (sphere_area(mesh.dim) * r**mesh.dim)  # dt
    densities = _densities(dots, x**2 * free)
    factors = np.array([1.0 / 2.0, -1.0 / 8.0, 1.0 / 32.0, -1.0 / 128.0])
    coefficients = factors * np.array([np.sum(weights * one) for one in densities])
    logs = np.log(0.5 * r) + np.euler_gamma
    terms = {2: (0.5, densities[0], 0.0), 4: (-1.0 / 16.0, densities[1], 1.0)}
    moments = {
        d: (c * float(np.sum(weights * f)), c * float(np.sum(weights * f * (logs + constant))))
        for d, (c, f, constant) in terms.items()
    }
    return LargeNu(coefficients, moments)


def _densities(dots: list[Array], free: Array) -> list[Array]:
    """The traces of U, U^2, 2U^3 + U'^2 and 5U^4 + 10UU'^2 + U''^2 less the same of U_0 = ``free``.

    ``dots``: D = U - U_0 and its first and second derivative in t. No difference of large numbers is taken.
    """
    d, d1, d2 = dots
    u, u1, u2, free1, free2 = free + d, 2.0 * free + d1, 4.0 * free + d2, 2.0 * free, 4.0 * free

    def trace(*matrices: Array) -> Array:
        return np.asarray(np.trace(functools.reduce(np.matmul, matrices), axis1=-2, axis2=-1))

    def power(k: int) -> Array:
        return np.sum([trace(*[u] * j, d, *[free] * (k - 1 - j)) for j in range(k)], axis=0)

    square = trace(d1, u1 + free1)
    mixed = trace(d, u1, u1) + trace(free, d1, u1) + trace(free, free1, d1)
    return [power(1), power(2), 2.0 * power(3) + square, 5.0 * power(4) + 10.0 * mixed + trace(d2, u2 + free2)]


def finite_part(dim: int, large: LargeNu, scale: float) -> float:
    """What minimal subtraction at ``scale`` adds to half the sum of ln T_l less its two leading terms."""
    if dim == 3:
        return float(0.5 * np.pi**2 * large.coefficients[1])
    slope, constant = large.moments[dim]
    back = float(zeta(3.0) * large.coefficients[1]) if dim == 2 else 0.0
    return constant + slope * float(np.log(scale)) + back


def subtracted_sum(
    dim: int, large: LargeNu, log_ratio: Callable[[int], float], limit: int = _MOST
) -> tuple[float, float, int]:
    """Half the sum over l of degeneracy (ln T_l - I_1/nu - I_3/nu^3), its error, and the last l not extrapolated.

    In d = 2, nothing is subtracted at l = 0, where nu = 0.
    """
    last, values = min(_FIRST, limit), np.empty(0)
    while True:
        ells = np.arange(last + 1)
        nu = ells + dim / 2.0 - 1.0
        values = np.append(values, [log_ratio(int(ell)) for ell in ells[len(values) :]])
        tail, error = _tail(dim, large, nu, values)
        copies = np.array([degeneracy(dim, int(ell)) for ell in ells])
        rounding = 0.5 * _ROUNDING * float(np.sum(copies))
        if error <= max(_SMALL, rounding) or last >= limit:
            break
        last = min(last + last // 2, limit)
    leading = np.zeros(len(nu))
    leading[nu > 0.0] = (nu[nu > 0.0, None] ** [-1.0, -3.0]) @ large.coefficients[:2]
    return 0.5 * float(copies @ (values - leading)) + tail, error + rounding, last


def _tail(dim: int, large: LargeNu, nu: Array, values: Array) -> tuple[float, float]:
    """Half the sum beyond the last nu, with further powers fitted to the upper half of the values, and its error."""
    upper = slice(len(nu) // 2, None)
    rest, sums = values[upper] - large(nu[upper]), []
    share = 2.0 if dim < 4 else 1.0  # degeneracy = share nu^(d - 2)

    def beyond(power: float) -> float:
        return share * float(zeta(power - dim + 2.0, nu[-1] + 1.0))

    known = 0.5 * sum(c * beyond(p) for c, p in zip(large.coefficients[2:], _POWERS[2:], strict=True))
    for count in (len(_FITTED) - 1, len(_FITTED)):
        scaled = (nu[upper, None] / nu[-1]) ** -np.array(_FITTED[:count], dtype=float)
        fit = np.linalg.lstsq(scaled, rest, rcond=None)[0]
        sums.append(0.5 * sum(c * nu[-1] ** p * beyond(p) for c, p in zip(fit, _FITTED, strict=False)))
    return known + sums[-1], abs(sums[1] - sums[0])
