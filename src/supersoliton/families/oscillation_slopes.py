r"""Derivatives of the frequencies at which a rotating state oscillates, and of their thresholds.

The equations of :mod:`..fluctuations.oscillations` are a symmetric problem T(rho) x = 0 of x = (a, b), so for real rho

.. math:: \frac{d\rho}{dp} = \frac{\int a\,V''_{+,p}\,a + b\,V''_{-,p}\,b - (\omega^2)_p(c\,a^2 + b^2)
          - 4\omega_p\rho\,c\,ab}{\int 2\rho(a^2 + b^2) + 4\omega\,c\,ab},

where the index p is the derivative along the state. That of V''_-, a function of the fields at each point, is taken by
a central difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy import ndarray as Array

from ..fluctuations.oscillations import Oscillations, oscillations
from ..fluctuations.spectrum import channels_of
from ..problem.complexified import imaginary_curvature
from ..problem.couplings import DIFFERENCE
from ..problem.scales import OnScales, Scales, on_scales
from ..states.state import State
from ..theory.vacua import mass_matrix
from .family import Family, family_of
from .sensitivity import Sensitivity, per_parameter


def oscillation_masses(
    state: State, along: Sequence[Sensitivity], vacuum: Array, ell: Sequence[int]
) -> tuple[Array, Array]:
    """Thresholds and bound frequencies, and their derivatives (parameter, frequency); none where nothing rotates."""
    if not (state.converged and state.multiplier > 0):
        return np.empty(0), np.empty((len(along), 0))
    inner, scales = on_scales(state)
    faster = np.array([one.multiplier for one in along]) / (2.0 * math.sqrt(state.multiplier))
    parts = [_thresholds(state, vacuum, faster)]
    for one in channels_of(state.problem, ell):
        found = oscillations(inner, one, functions=True, fast=True)
        chosen = np.flatnonzero(np.isin(found.frequencies, found.bound))
        rates = [[_rate(inner, scales, s, found, int(k)) for k in chosen] for s in along]
        frequencies = found.frequencies.real[chosen] * scales.unit("mass")
        parts.append((frequencies, np.array(rates).reshape(len(along), len(chosen))))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts], axis=1)


def _thresholds(state: State, vacuum: Array, faster: Array) -> tuple[Array, Array]:
    """m - omega and m + omega of the fields that rotate and m of the others, where positive."""
    problem, omega = state.problem, math.sqrt(state.multiplier)
    matrix = mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max)
    values, rates = [np.empty(0)], [np.empty((len(vacuum), 0))]
    rotates = problem.carries_norm > 0
    for chosen, signs in ((rotates, (-1.0, 1.0)), (~rotates, (0.0,))):
        squared, modes = np.linalg.eigh(matrix[np.ix_(chosen, chosen)])
        change = np.einsum("ik,pij,jk->pk", modes, vacuum[:, chosen][:, :, chosen], modes)
        masses = np.sqrt(np.maximum(squared, 0.0))
        for sign in signs:
            open_ = (squared > 0) & (masses + sign * omega > 0)
            values.append(masses[open_] + sign * omega)
            rates.append(change[:, open_] / (2.0 * masses[open_]) + sign * faster[:, None])
    return np.concatenate(values), np.concatenate(rates, axis=1)


def _rate(inner: OnScales, scales: Scales, along: Sensitivity, found: Oscillations, k: int) -> float:
    """The derivative of one frequency, in the user's units."""
    assert found.real is not None
    assert found.imaginary is not None
    problem, grid = inner.problem, inner.problem.grid
    a, b = found.real[:, :, k], found.imaginary[:, :, k]
    phase = a.flat[int(np.argmax(np.abs(a)))]
    a, b = (grid.at_quadrature((x / phase).real) for x in (a, b))
    family = family_of(problem, along.parameter, scales)
    du = scales.reduce_fields(along.fields)
    plus = family.curvature_rate(inner.u, du)
    minus = _imaginary_rate(family, inner, plus, du)
    weights, c = grid.quadrature_weights, problem.carries_norm

    def integral(x: Array, y: Array) -> float:
        return float(np.einsum("eq,eqi,eqi->", weights, x, y))

    def form(matrix: Array, x: Array) -> float:
        return integral(x, np.einsum("eqij,eqj->eqi", matrix, x))

    mass = scales.unit("mass")
    rho, omega = float(found.frequencies[k].real) * mass, found.omega * mass
    shift = along.multiplier * (integral(c * a, a) + integral(b, b))
    turned = 4.0 * integral(c * a, b)
    change = (form(plus, a) + form(minus, b)) * mass**2 - shift - turned * rho * along.multiplier / (2.0 * omega)
    return change / (2.0 * rho * (integral(a, a) + integral(b, b)) + turned * omega)


def _imaginary_rate(family: Family, inner: OnScales, plus: Array, du: Array) -> Array:
    """The rate of V'' in the imaginary direction, by a central difference along fields and parameter.

    V'' in the real direction, whose rate is ``plus``, changes by ``DIFFERENCE`` of itself over its step.
    """
    problem, per = inner.problem, per_parameter(family)
    largest = float(np.max(np.abs(plus)))
    if not largest > 0.0:
        return np.zeros_like(plus)
    step = DIFFERENCE * float(np.max(np.abs(problem.curvature(inner.u)))) / largest  # of the user's parameter
    q = family.point(inner.u, inner.multiplier).q
    ends = [
        imaginary_curvature(family.problem_at(problem, q + s * step * per), inner.u + s * step * du)
        for s in (1.0, -1.0)
    ]
    return ((ends[0] - ends[1]) / (2.0 * step)).reshape(plus.shape)
