r"""Conditions that decide before any work that a problem has no localised state.

*Oscillation*: if V'' - omega^2 has a negative eigenvalue in the vacuum, the fields outside oscillate. *Energy*, one
field: the profile equation is a motion with friction in -U, U = V - omega^2 u^2/2, that starts at rest and ends in the
vacuum, where U = 0: U must be negative somewhere. *Pohozaev*, one field, d > 2: from the equation times u and the
virial identity,

.. math:: \int d^dx\,\left[d\,U - \tfrac{d-2}{2}\,u\,U'\right] = 0 ,

so the bracket must change its sign. For potentials that fall like |u|^p with p >= 2d/(d-2) it does not.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from ..problem.exterior import gap_matrix
from ..problem.problem import Problem
from .line import FAR
from .nodal import has_line, line_of
from .refusal import breaks_pohozaev_at

_SAMPLES = 4000  # |u| at which the conditions for one field are examined
_LEAST = 1e-3  # |u| below which V is that of the mass term
_ROUNDING = 1e-9  # relative


def why_none(problem: Problem) -> str | None:
    """Why the problem has no localised state, if a condition decides it; a clause for a sentence."""
    with np.errstate(all="ignore"):  # where V is not finite, the comparisons below are false and nothing is claimed
        if problem.norm is not None:
            return _never_bound(problem)
        if problem.model.explicit_r or problem.parity != "even":
            return None
        return _oscillating(problem) or _above_the_vacuum(problem)


def _oscillating(problem: Problem) -> str | None:
    if problem.omega is None:
        return None
    matrix = gap_matrix(problem.model, problem.vacuum.values, problem.multiplier_shift, 0.0)
    free = gap_matrix(problem.model, problem.vacuum.values, np.zeros(len(matrix)), 0.0)
    if not (np.all(np.isfinite(matrix)) and np.linalg.eigvalsh(free)[0] >= 0.0):
        return None
    if np.linalg.eigvalsh(matrix)[0] >= -_ROUNDING * float(np.max(np.abs(free))):
        return None
    lightest = max(float(np.linalg.eigvalsh(free)[0]), 0.0)
    mass, omega = (_given_mass(problem, squared) for squared in (lightest, float(problem.omega) ** 2))
    return (
        f"at omega = {omega:g} the fields outside oscillate (the lightest mass is {mass:.6g}), "
        "so no localised state exists: choose a smaller omega"
    )


def _samples(problem: Problem, shift: Array) -> tuple[Array, Array, Array]:
    """u - vacuum of both signs, U and dU/du."""
    size = np.geomspace(_LEAST, FAR, _SAMPLES)
    x = np.concatenate([-size[::-1], size])
    return x, *line_of(problem, shift).at_points(x, np.zeros(len(x)))


def _above_the_vacuum(problem: Problem) -> str | None:
    if not has_line(problem):
        return None
    omega = 0.0 if problem.omega is None else abs(float(problem.omega))
    x, energy, slope = _samples(problem, problem.multiplier_shift)
    if np.all(energy > _ROUNDING * x**2):
        if problem.omega is None:
            return "V is nowhere below its value in the vacuum, so no localised state exists"
        return _never_bound(problem) or _too_slow(problem, omega, x, energy)
    dim = float(problem.dimension)
    if dim > 2.0 and np.all(np.isfinite(energy + slope)) and breaks_pohozaev_at(x * slope, energy, dim):
        power = f"|u|^{2.0 * dim / (dim - 2.0):.3g}"
        return (
            f"by Pohozaev's identity no localised state exists in d = {dim:g}: d U - (d-2)/2 u U' has one sign, "
            f"as for potentials that fall like {power} or faster"
        )
    return None


def _too_slow(problem: Problem, omega: float, x: Array, energy: Array) -> str:
    ratio = 2.0 * energy / x**2 + float(problem.multiplier_shift[0])
    at = int(np.argmin(ratio))
    return (
        f"at omega = {_given_mass(problem, omega**2):g} no localised state exists, because 2V/u^2 is nowhere below "
        f"omega^2: choose omega above {_given_mass(problem, max(float(ratio[at]), 0.0)):.4g}"
    )


def _given_mass(problem: Problem, squared: float) -> float:
    """The root of a mass squared, in the user's units."""
    return math.sqrt(problem.model.given_mass_squared(squared))


def _never_bound(problem: Problem) -> str | None:
    """Whether 2V/u^2 lies above the mass^2 everywhere, so that nothing binds at any norm or frequency."""
    if not has_line(problem):
        return None
    mass = line_of(problem, np.zeros(1)).curvature(0.0)
    x, energy, _ = _samples(problem, np.zeros(1))
    if mass > 0.0 and np.all(2.0 * energy / x**2 >= mass * (1.0 - _ROUNDING)):
        return "2V/u^2 is nowhere below the mass squared, so nothing binds the field, whatever its norm or frequency"
    return None
