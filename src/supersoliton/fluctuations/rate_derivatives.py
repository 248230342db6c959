"""Derivatives of a decay rate in the couplings, by differences between converged bounces."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..problem.couplings import with_couplings
from ..problem.problem import DiscreteProblem
from ..solvers.newton import Newton
from .background import Background
from .channel import Channels
from .determinant import Determinant
from .spectrum import spectrum

# Of seven couplings around the given one: the change of V or V'' along the bounce by one step, relative to their
# sizes. The error of the difference of sixth order falls with the sixth power of the step, rounding grows as 1/step.
_STEP = 2e-3
_TRIALS = 80  # factors to find that step from 1 in any unit
_SIXTH = np.array([3.0 / 4.0, -3.0 / 20.0, 1.0 / 60.0])  # central differences of order 6 and 4
_FOURTH = np.array([2.0 / 3.0, -1.0 / 12.0, 0.0])


class RateDerivative(NamedTuple):
    """Derivatives by one coupling, each per unit of the coupling.

    Attributes
    ----------
    S0, S1 : float
        Those of the action (in a heat bath, over the temperature) and of the one-loop action at fixed scale.
    log_rate : float
        That of ln(Gamma/V).
    error : float
        Estimated error of ``log_rate``: the difference between central differences of order 6 and 4.
    """

    S0: float
    S1: float
    log_rate: float
    error: float


def rate_derivative(found: Determinant, name: str, scale: float, temperature: float | None) -> RateDerivative:
    """The derivatives by the coupling ``name``, from six bounces at other values of it."""
    background = found._channels.background
    value, step = float(background.problem.model.params[name]), _step(background, name)
    if step == 0.0:
        return RateDerivative(0.0, 0.0, 0.0, 0.0)
    sides = [
        [_values(found, {name: value + sign * k * step}, scale, temperature) for k in (1, 2, 3)] for sign in (1.0, -1.0)
    ]
    change = (np.array(sides[0]) - np.array(sides[1])) / step
    s0, s1, _ = (float(x) for x in _SIXTH @ change)
    rates = [float(weights @ change @ [-1.0, -1.0, 1.0]) for weights in (_SIXTH, _FOURTH)]
    return RateDerivative(s0, s1, rates[0], abs(rates[1] - rates[0]))


def _values(
    found: Determinant, couplings: dict[str, float], scale: float, temperature: float | None
) -> tuple[float, float, float]:
    """S_0, S_1 and the logarithm of the thermal factor at other couplings."""
    background, scales = found._channels.background, found._scales
    problem = with_couplings(background.problem, couplings)
    solution = Newton(target="stationary").run(problem, background.u)
    if not solution.converged:
        name, value = next(iter(couplings.items()))
        raise ValueError(
            f"derivatives: the bounce could not be followed to {name} = {value:.6g} ({solution.status}): it may end "
            "near there"
        )
    action = float(problem.energy(solution.u) * scales.unit("energy"))
    channels = Channels(Background(problem, solution.u))
    other = Determinant(action, found.zero_modes, channels, scales, found._orbit_volume, found.scale_free)
    factor = 0.0
    if temperature is not None:
        point = SimpleNamespace(problem=problem, u=solution.u, multiplier=0.0)
        factor = 0.5 * math.log(abs(float(spectrum(point, n_modes=1).eigenvalues[0])))
    return action / (temperature or 1.0), float(other.one_loop(scale)), factor


def _step(background: Background, name: str) -> float:
    """The step of the coupling that changes V or V'' along the bounce by _STEP of their sizes; 0 if none does."""
    problem = background.problem
    value = float(problem.model.params[name])
    step = abs(value) or 1.0
    for _ in range(_TRIALS):
        change = _change(problem, background, {name: value + step})
        if change == 0.0 and step > 1e60:
            return 0.0
        if 0.5 * _STEP < change < 2.0 * _STEP:
            return step
        factor = _STEP / change if 0.0 < change < math.inf else 1e3 if change == 0.0 else 1e-3
        step *= min(max(factor, 1e-3), 1e3)
    return step


def _change(problem: DiscreteProblem, background: Background, couplings: dict[str, float]) -> float:
    other = problem.replace(model=problem.model.replace(**couplings))
    other.__dict__["vacuum"] = problem.vacuum
    with np.errstate(all="ignore"):
        curvatures: list[Array] = [one.curvature(background.u) for one in (problem, other)]
        change = float(np.max(np.abs(curvatures[1] - curvatures[0]))) / background.depth**2
    return change if math.isfinite(change) else math.inf
