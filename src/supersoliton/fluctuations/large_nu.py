r"""Sums over all l, with what ln T_l is at large l.

For fixed masses, with nu = l + d/2 - 1 and ln T_l = I_1/nu + I_3/nu^3 + ...,

.. math:: I_1 = \tfrac12\int r\,\mathrm{tr}(W - M^2)\,dr,\qquad I_3 = -\tfrac18\int r^3\mathrm{tr}(W^2 - M^4)\,dr .

These two are what minimal subtraction takes away. The other terms are those of the uniform series (:mod:`.uniform`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array
from scipy.special import zeta

from ..elements.grid import differentiation_matrix, lobatto_nodes
from .background import Background
from .spectrum import degeneracy
from .uniform import UniformSeries, log_weights

_FITTED = (9, 11, 13, 15)  # powers of 1/nu whose coefficients are fitted
_FIRST, _MOST = 16, 512  # angular momenta summed one by one: at first, at most
_ABOVE = 1.25  # the fit begins so far above the nu at which the uniform series begins
_SMALL = 1e-10  # error of the sum that is small enough
_ROUNDING = 1e-14  # of ln T_l, measured
_SINGLE = 24  # l beyond the last at which the series is summed term by term, before an integral
_PANEL = 12  # order of the panels of that integral
# Euler and Maclaurin's coefficients of the derivatives of order 1, 3 and 5 half a step before the first term
_MIDPOINT = {1: 1.0 / 24.0, 3: -7.0 / 5760.0, 5: 31.0 / 967680.0}


@dataclass(frozen=True, eq=False)
class LargeNu:
    """I_1 and I_3, the moments that depend on the renormalisation scale, and the other terms."""

    coefficients: Float[Array, "2"]
    moments: dict[int, tuple[float, float]]  # d: m and m_log of the term m_log + m ln(mu) in S_1
    rest: UniformSeries

    def leading(self, nu: Array) -> Array:
        """The terms that are subtracted; nothing at nu = 0."""
        nu = np.asarray(nu, dtype=float)
        inverse = np.divide(1.0, nu, out=np.zeros_like(nu), where=nu > 0.0)
        return np.asarray(inverse * self.coefficients[0] + inverse**3 * self.coefficients[1])

    def __call__(self, nu: Array) -> Array:
        """ln T_l; NaN where the series has not begun."""
        return np.asarray(self.leading(nu) + self.rest(nu))


def large_nu(background: Background) -> LargeNu:
    """The series of a background."""
    mesh = background.mesh(0.0, smooth=True)
    r, dt, free = mesh.nodes[mesh.element_nodes], log_weights(mesh), background.mass_squared
    local = background.excess(mesh.nodes)[mesh.element_nodes]
    first = r**2 * np.trace(local, axis1=2, axis2=3)
    second = r**4 * np.einsum("eaij,eaji->ea", local, local + 2.0 * free)
    coefficients = np.array([np.sum(dt * first) / 2.0, -np.sum(dt * second) / 8.0])
    logs = np.log(np.maximum(0.5 * r, np.finfo(float).tiny)) + np.euler_gamma
    terms = {2: (0.5, first, 0.0), 4: (-1.0 / 16.0, second, 1.0)}
    moments = {
        d: (c * float(np.sum(dt * f)), c * float(np.sum(dt * f * (logs + constant))))
        for d, (c, f, constant) in terms.items()
    }
    return LargeNu(coefficients, moments, UniformSeries(background))


def finite_part(dim: int, large: LargeNu, scale: float) -> float:
    """What minimal subtraction at ``scale`` adds to half the sum of ln T_l less its two leading terms."""
    if dim == 3:
        return float(0.5 * np.pi**2 * large.coefficients[1])
    slope, constant = large.moments[dim]
    back = float(zeta(3.0) * large.coefficients[1]) if dim == 2 else 0.0
    return constant + slope * float(np.log(scale)) + back


def subtracted_sum(
    dim: int, large: LargeNu, log_ratios: Callable[[Array], Array], limit: int = _MOST
) -> tuple[float, float, int]:
    """Half the sum over l of degeneracy (ln T_l - I_1/nu - I_3/nu^3), its error, and the last l not extrapolated.

    In d = 2, nothing is subtracted at l = 0, where nu = 0.
    """
    last, values = min(max(_FIRST, int(2.0 * _ABOVE * large.rest.least)), limit), np.empty(0)
    while True:
        ells = np.arange(last + 1)
        nu = ells + dim / 2.0 - 1.0
        values = np.append(values, log_ratios(ells[len(values) :]))
        tail, error = _tail(dim, large, nu, values)
        copies = np.array([degeneracy(dim, int(ell)) for ell in ells])
        rounding = 0.5 * _ROUNDING * float(np.sum(copies))
        if error <= max(_SMALL, rounding) or last >= limit:
            break
        last = min(last + last // 2, limit)
    return 0.5 * float(copies @ (values - large.leading(nu))) + tail, error + rounding, last


def _tail(dim: int, large: LargeNu, nu: Array, values: Array) -> tuple[float, float]:
    """Half the sum beyond the last nu, with further powers fitted to the upper half of the values, and its error."""
    upper = np.flatnonzero(nu > max(0.5 * nu[-1], large.rest.least))
    rest, sums = values[upper] - large(nu[upper]), []
    share = 2.0 if dim < 4 else 1.0  # degeneracy = share nu^(d - 2)
    known = 0.5 * share * _sum_beyond(lambda x: x ** (dim - 2.0) * large.rest(x), nu[-1] + 1.0, large.rest.reach)
    for count in (len(_FITTED) - 1, len(_FITTED)):
        scaled = (nu[upper, None] / nu[-1]) ** -np.array(_FITTED[:count], dtype=float)
        fit = np.linalg.lstsq(scaled, rest, rcond=None)[0]
        beyond = [share * float(zeta(p - dim + 2.0, nu[-1] + 1.0)) for p in _FITTED[:count]]
        sums.append(0.5 * sum(c * nu[-1] ** p * x for c, p, x in zip(fit, _FITTED, beyond, strict=False)))
    return known + sums[-1], abs(sums[1] - sums[0])


def _sum_beyond(g: Callable[[Array], Array], first: float, reach: float) -> float:
    """The sum of g at ``first``, first + 1, ..., for a g that is a series in 1/nu beyond ``reach``.

    Term by term at first, then by Euler and Maclaurin's formula, with the integral over doubling panels.
    """
    total = float(np.sum(g(first + np.arange(_SINGLE))))
    start = first + _SINGLE - 0.5
    nodes, weights = np.polynomial.legendre.leggauss(_PANEL)
    steepness = differentiation_matrix(_PANEL) * 2.0 / start
    values = g(start * (1.5 + 0.5 * lobatto_nodes(_PANEL)))
    for order, factor in _MIDPOINT.items():
        total += factor * float((np.linalg.matrix_power(steepness, order) @ values)[0])
    panels = max(1, int(np.ceil(np.log2(2.0 * max(reach, start) / start))))
    edges = np.append(2.0 ** -np.arange(panels + 1.0), 0.0)  # in s = start / nu
    for high, low in pairwise(edges):
        s = 0.5 * (high + low) + 0.5 * (high - low) * nodes
        total += 0.5 * (high - low) * float(weights @ (g(start / s) * start / s**2))
    return total
