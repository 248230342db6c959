"""The decay rate of a false vacuum, with its one-loop prefactor."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import Any

from .._checks import expect_state, is_number
from ..machine.arithmetic import numerical
from ..states.kinds import Kind
from .determinant import Determinant, determinant
from .rate_derivatives import RateDerivative, rate_derivative
from .spectrum import spectrum


@dataclass(frozen=True)
class DecayRate:
    r"""ln of the decay rate per volume, and what it consists of.

    .. math:: \ln\frac\Gamma V = -S_0 - S_1 + \left[\ln\frac{\sqrt{|\lambda_-|}}{2\pi}\text{ in a heat bath}\right]

    Attributes
    ----------
    S0 : float
        The action of the bounce; in a heat bath, its energy over the temperature.
    S1 : float
        The one-loop action, with the Jacobians of the zero modes: exp(-S1) is in mass^d.
    negative_eigenvalue : float
        The negative eigenvalue of the second variation, in mass^2.
    log_rate : float
        ln(Gamma/V), with Gamma/V in mass^d, and in mass^(d + 1) in a heat bath.
    scale_derivative : float
        d log_rate / d ln(scale) at fixed couplings. The couplings' own one-loop running cancels it.
    error : float
        Estimated absolute error of ``log_rate``; that of higher orders is not in it.
    scale : float
        The renormalisation scale mu, in mass.
    temperature : float or None
        The temperature, in mass; None for tunnelling at zero temperature.
    derivatives : dict
        By each coupling ``S0``, ``S1``, ``log_rate`` and their ``error``, by differences between converged bounces.
    """

    S0: float
    S1: float
    negative_eigenvalue: float
    log_rate: float
    scale_derivative: float
    error: float
    scale: float
    temperature: float | None = None
    _determinant: Determinant | None = field(default=None, repr=False, compare=False)
    _couplings: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @functools.cached_property
    @numerical
    def derivatives(self) -> dict[str, RateDerivative]:
        """By each coupling: those of S_0, S_1 and ln(Gamma/V), and an error.

        Central differences of sixth order between converged bounces at six neighbouring values of the coupling, at a
        fixed scale; computed when asked for.
        """
        found, scale, bath = self._determinant, self.scale, self.temperature
        return {} if found is None else {name: rate_derivative(found, name, scale, bath) for name in self._couplings}

    def __repr__(self) -> str:
        bath = "" if self.temperature is None else f", T = {self.temperature:g}"
        return (
            f"DecayRate(ln(Γ/V) = {self.log_rate:.10g} ± {self.error:.1g}: S0 = {self.S0:.10g}, S1 = {self.S1:.10g} at "
            f"μ = {self.scale:g}{bath}, λ = {self.negative_eigenvalue:.8g})"
        )


def decay_rate(
    bounce: Any, scale: float = 1.0, *, temperature: float | None = None, orbit_volume: float | None = None
) -> DecayRate:
    """The one-loop rate of the decay that a bounce describes, in d = 1, 2, 3 and 4.

    Parameters
    ----------
    bounce : State
        A converged bounce.
    scale : float, default 1.0
        Renormalisation scale mu in mass, at which the couplings of V are given (MS-bar).
    temperature : float, optional
        Temperature in mass, for a static bounce in d dimensions of space within a heat bath: the action is its energy
        over the temperature, and the rate has the factor sqrt|lambda|/2 pi. Only the static fluctuations are in S1; V
        is the effective potential of the static fields.
    orbit_volume : float, optional
        As for :func:`.determinant`.

    Returns
    -------
    DecayRate
        The rate, its parts and its error.

    Raises
    ------
    ValueError
        If the state is not a bounce with one negative mode, or its determinant is not defined.

    References
    ----------
    C. G. Callan, S. Coleman, *Phys. Rev. D* **16** (1977) 1762; I. Affleck, *Phys. Rev. Lett.* **46** (1981) 388.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - u[0]**3 / 2 + u[0]**4 / 16)
    >>> rate = ss.decay_rate(ss.bounce(model, false_vacuum=[0.0], dim=3))
    >>> print(f"{rate.S0:.6f} {rate.S1:.6f} {rate.negative_eigenvalue:.5f} {rate.log_rate:.6f}")
    35.882293 10.178297 -0.86463 -46.060590
    """
    expect_state("decay_rate", bounce)
    for name, value in (("scale", scale), ("temperature", temperature)):
        if value is not None and not (is_number(value) and value > 0):
            raise ValueError(f"decay_rate: {name} must be a positive mass, got {value!r}: try 1.0")
    kind = bounce.certificate.kind
    if kind != Kind.BOUNCE:
        raise ValueError(f"decay_rate: the state is not a bounce but {kind}: use bounce(model, false_vacuum)")
    found = determinant(bounce, orbit_volume=orbit_volume)
    modes = spectrum(bounce, n_modes=2)
    negative = modes.eigenvalues[0]
    if not (negative < 0.0 and bounce.certificate.negative_modes == 1):
        raise ValueError(
            f"decay_rate: the bounce has {bounce.certificate.negative_modes} negative modes, a decay has one: use the "
            "bounce of least action"
        )
    one_loop = found.one_loop(scale)
    bath = 1.0 if temperature is None else float(temperature)
    zeros = float(found.dim) + sum(count for ell, count in found.zero_modes.items() if ell == 0)
    classical, one_loop = bounce.action / bath, one_loop + 0.5 * zeros * math.log(bath)
    factor = 0.0 if temperature is None else math.log(math.sqrt(-negative) / (2.0 * math.pi))
    error = found.error + abs(classical) * bounce.certificate.energy_error
    return DecayRate(
        S0=classical,
        S1=float(one_loop),
        negative_eigenvalue=float(negative),
        log_rate=float(factor - classical - one_loop),
        scale_derivative=-float(found.one_loop(math.e * scale) - found.one_loop(scale)),
        error=float(error),
        scale=float(scale),
        temperature=None if temperature is None else bath,
        _determinant=found,
        _couplings=tuple(name for name, value in bounce.problem.model.params.items() if is_number(value)),
    )
