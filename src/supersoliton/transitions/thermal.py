r"""The thermal functions of one loop, and effective potentials at finite temperature made of them.

.. math:: J_B(x) = \int_0^\infty k^2\ln\left(1 - e^{-E}\right)dk,\qquad
          J_F(x) = -\int_0^\infty k^2\ln\left(1 + e^{-E}\right)dk,\qquad E = \sqrt{k^2 + x}

with x = m^2/T^2. For x > 1 the substitution E = sqrt(x) + s^2 makes the integrand an even, analytic function of s,
whose sum over equidistant points converges exponentially. Below, the sum over Matsubara frequencies w_n (2 pi n, or pi
times the odd numbers) is used,

.. math:: J_B = -\frac{\pi^4}{45} + \frac{\pi^2x}{12} - \frac\pi6x_+^{3/2} - \frac{x^2}{32}\ln\frac{|x|}{a}
          - \frac\pi3\sum_n\left[(x + \omega_n^2)_+^{3/2} - \omega_n^3 - \tfrac32x\omega_n
          - \frac{3x^2}{8\omega_n}\right]

with its tail by the Hurwitz zeta function. For x < 0 it is the real part of J: negative bases contribute none. Far
below 0, with x = -a^2, the sum of Bessel functions is one of polylogarithms, by their asymptotic expansion:

.. math:: J_B = \frac{\pi a^2}2\sum_n\frac{Y_2(na)}{n^2} = \sqrt{\frac\pi2}\,a^{3/2}\,\mathrm{Im}\,e^{-5\pi i/4}
          \sum_k\frac{i^kc_k}{a^k}\,\mathrm{Li}_{k+5/2}(e^{ia}) .
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import binom, gamma, zeta

from .._checks import is_number

_LOW, _HIGH = -400.0, 1.0  # x between which the sum over Matsubara frequencies is used
_TERMS = 10  # frequencies one by one
_POWERS = np.arange(3, 18)  # of x in the sum of the others: (400 / w_11^2)^15 is below rounding
_STEP, _POINTS = 0.2, 33  # of the sum over s: the nearest singularity is at s = i
_NOTHING = 1e-60  # x that counts as 0: the second derivatives of its logarithm would overflow
_ORDERS, _ANGLES = 12, 50  # terms of Y_2's expansion, of the polylogarithms'
_EULER = float(np.euler_gamma)


def J_boson(x: Any) -> Any:
    r"""Thermal function of a boson, :math:`\int_0^\infty k^2\ln(1 - e^{-\sqrt{k^2 + x}})\,dk`.

    Parameters
    ----------
    x : array_like
        m^2/T^2, any real number.

    Returns
    -------
    jax.Array
        J_B to 1e-12 of its scale; for x < 0 its real part.

    Notes
    -----
    A JAX function: derivatives of any order are those of J. At x = 0 the second derivative is infinite (from above as
    :math:`x^{-1/2}`); there, and below 10^-60, its regular part is returned.

    References
    ----------
    L. Dolan, R. Jackiw, *Phys. Rev. D* **9** (1974) 3320.

    Examples
    --------
    >>> print(f"{ss.thermal.J_boson(0.0):.10f} {ss.thermal.J_boson(4.0):.10f}")
    -2.1646464674 -1.0332425148
    """
    return _thermal(jnp.asarray(x, dtype=float), 1.0)


def J_fermion(x: Any) -> Any:
    r"""Thermal function of a fermion, :math:`-\int_0^\infty k^2\ln(1 + e^{-\sqrt{k^2 + x}})\,dk`.

    Parameters
    ----------
    x : array_like
        m^2/T^2, any real number.

    Returns
    -------
    jax.Array
        J_F to 1e-12 of its scale; for x < 0 its real part. A fermion of n degrees of freedom adds
        :math:`n\,T^4J_F/(2\pi^2)` to V, with n > 0.

    Notes
    -----
    As :func:`J_boson`; the second derivative at x = 0 is infinite as ln x.

    Examples
    --------
    >>> print(f"{ss.thermal.J_fermion(0.0):.10f} {ss.thermal.J_fermion(4.0):.10f}")
    -1.8940656590 -0.9983464283
    """
    return _thermal(jnp.asarray(x, dtype=float), -1.0)


@dataclass(frozen=True)
class Species:
    r"""Particles in the loop: their masses squared as functions of the fields.

    Parameters
    ----------
    mass_squared : callable
        ``m2(u, p)``: one mass^2 or an array of them, in JAX; ``p`` holds the couplings and T.
    freedom : float or sequence of float
        Degrees of freedom, positive: one number, or one for each mass.
    fermion : bool, default False
        Whether they are fermions.
    constant : float, default 1.5
        c of the logarithm in the MS-bar scheme: 3/2 for scalars and fermions, 5/6 for gauge bosons.
    thermal_mass : callable, optional
        ``Pi(u, p)``: the thermal mass^2 over T^2, in the shape of the masses; for ``resummation``.
    """

    mass_squared: Callable[[Any, Any], Any]
    freedom: float | Sequence[float]
    fermion: bool = False
    constant: float = 1.5
    thermal_mass: Callable[[Any, Any], Any] | None = None

    def __post_init__(self) -> None:
        for name in ("mass_squared", "thermal_mass"):
            value = getattr(self, name)
            if not callable(value) and not (name == "thermal_mass" and value is None):
                raise ValueError(f"Species.{name} must be a function of (u, p), got {value!r}: give lambda u, p: ...")
        if not np.all(np.asarray(self.freedom, dtype=float) > 0):
            raise ValueError(f"Species.freedom must be positive, got {self.freedom!r}: fermion=True has its sign")


def one_loop(
    tree: Callable[[Any, Any], Any],
    species: Sequence[Species],
    *,
    scale: float | None = None,
    vacuum: Sequence[float] | None = None,
    resummation: str | None = None,
) -> Callable[[Any, Any], Any]:
    r"""The effective potential of one loop at temperature ``p["T"]``, a function for :class:`.Potential`.

    .. math:: V = V_0 + \frac{1}{64\pi^2}\sum_i\pm n_im_i^4\left(\ln\frac{|m_i^2|}{\mu^2} - c_i\right)
              + \frac{T^4}{2\pi^2}\sum_in_iJ_\pm\left(\frac{m_i^2}{T^2}\right)

    Parameters
    ----------
    tree : callable
        V_0(u, p).
    species : sequence of Species
        The particles in the loop.
    scale : float, optional
        The scale mu of MS-bar. Either this or ``vacuum`` is given.
    vacuum : sequence of float, optional
        Fields of the tree-level vacuum: with its masses m_0, the loop at T = 0 is
        :math:`m^4(\ln|m^2/m_0^2| - \tfrac32) + 2m^2m_0^2` (over 64 pi^2), which leaves the vacuum and its masses where
        they are. Particles that are massless there must be left out.
    resummation : {"parwani", "arnold-espinosa"}, optional
        What is done with ``thermal_mass``: added to m^2 everywhere, or only in the ring term
        :math:`-\frac{T}{12\pi}\sum n[(m^2 + \Pi)^{3/2} - m^3]` of bosons.

    Returns
    -------
    callable
        V(u, p), for ``ss.Potential(V, fields=..., params={"T": 100.0, ...})``. Where m^2 < 0 its real part; phases
        there are marked. Its ``masses_squared(u, p)`` are those of all particles.

    Raises
    ------
    ValueError
        If neither or both of ``scale`` and ``vacuum`` are given, or ``resummation`` is unknown.

    References
    ----------
    S. Coleman, E. Weinberg, *Phys. Rev. D* **7** (1973) 1888; R. R. Parwani, *Phys. Rev. D* **45** (1992) 4695; P.
    Arnold, O. Espinosa, *Phys. Rev. D* **47** (1993) 3546.

    Examples
    --------
    >>> top = ss.thermal.Species(lambda u, p: 0.5 * u[0]**2, 12, fermion=True)
    >>> V = ss.thermal.one_loop(lambda u, p: 0.03 * (u[0]**2 - 246.0**2)**2, [top], scale=173.0)
    >>> model = ss.Potential(V, fields=("h",), params={"T": 100.0})
    >>> ss.vacua(model)[0].values
    array([203.08...])
    """
    if (scale is None) == (vacuum is None):
        raise ValueError("one_loop needs either scale (of MS-bar) or vacuum (whose masses it keeps): give one of them")
    if scale is not None and not (is_number(scale) and scale > 0):
        raise ValueError(f"one_loop: scale must be a positive number, got {scale!r}: give a mass")
    if resummation not in (None, "parwani", "arnold-espinosa"):
        raise ValueError(
            f'one_loop: resummation must be "parwani" or "arnold-espinosa", got {resummation!r}: choose one'
        )
    loop = tuple(species)

    def potential(u: Any, p: Any) -> Any:
        temperature = p["T"]
        t = jnp.where(temperature == 0.0, 1.0, temperature)
        total = tree(u, p)
        for one in loop:
            bare = jnp.asarray(one.mass_squared(u, p))
            moved = bare if one.thermal_mass is None else bare + t**2 * one.thermal_mass(u, p)
            m2 = moved if resummation == "parwani" else bare
            freedom = jnp.asarray(one.freedom, dtype=float)
            if vacuum is None:
                cold = _coleman_weinberg(m2, scale**2, one.constant)  # type: ignore[operator]
            else:
                m2_there = jnp.asarray(one.mass_squared(jnp.asarray(vacuum, dtype=float), p))
                cold = _coleman_weinberg(m2, m2_there, 1.5) + 2.0 * m2 * m2_there
            warm = (J_fermion if one.fermion else J_boson)(jnp.where(temperature == 0.0, 0.0, m2 / t**2))
            parts = (-cold if one.fermion else cold) / (64.0 * math.pi**2) + temperature**4 / (2.0 * math.pi**2) * warm
            if resummation == "arnold-espinosa" and not one.fermion:
                parts = parts - temperature / (12.0 * math.pi) * (_power(moved) - _power(bare))
            total = total + jnp.sum(freedom * parts)
        return total

    def masses_squared(u: Any, p: Any) -> Any:
        """All masses squared in the loop at T = p["T"], as they enter J."""
        parts = []
        for one in loop:
            moved = resummation == "parwani" and one.thermal_mass is not None
            heat = p["T"] ** 2 * one.thermal_mass(u, p) if moved else 0.0  # type: ignore[misc]
            parts.append(jnp.ravel(one.mass_squared(u, p) + heat))
        return jnp.concatenate(parts) if parts else jnp.zeros(0)

    potential.masses_squared = masses_squared  # type: ignore[attr-defined]
    return potential


def _coleman_weinberg(m2: Any, scale: Any, constant: float) -> Any:
    size = jnp.where(jnp.abs(m2) < _NOTHING * scale, scale, jnp.abs(m2))
    return m2**2 * (jnp.log(size / scale) - constant)


def _thermal(x: Any, statistics: float) -> Any:
    return _derivative(x, statistics, 0)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _derivative(x: Any, statistics: float, order: int) -> Any:
    """The derivative of J of order 0, 1 or 2. Each is the rule for that before: less to compile than their formulas."""
    low, high = x < _LOW, x > _HIGH
    between = _matsubara(jnp.where(low | high, 0.0, x), statistics, order)
    above = _sum_of_points(jnp.where(high, x, 2.0), statistics, order)
    far = _polylogarithms(jnp.where(low, x, -500.0), statistics, order)
    return jnp.where(low, far, jnp.where(high, above, between))


@_derivative.defjvp
def _rule(statistics: float, order: int, at: Any, along: Any) -> Any:
    value = _derivative(at[0], statistics, order)
    if order < 2:
        return value, _derivative(at[0], statistics, order + 1) * along[0]
    return value, jax.jvp(functools.partial(_derivative.fun, statistics=statistics, order=order), at, along)[1]


def _sum_of_points(x: Any, statistics: float, order: int) -> Any:
    """J = -1/3 int k^4/E/(e^E -+ 1) dk, dJ/dx = 1/2 int k^2/E/(e^E -+ 1) dk and d2J/dx2 = -1/4 int dk/E/(e^E -+ 1)."""
    s = _STEP * np.arange(_POINTS)
    y = jnp.sqrt(x)[..., None]
    momentum = jnp.sqrt(s**2 + 2.0 * y)  # over s
    number = 1.0 / (jnp.exp(y + s**2) - statistics)
    inside: Any
    if order == 0:
        inside = -2.0 / 3.0 * s**4 * momentum**3 * number
    elif order == 1:
        inside = s**2 * momentum * number
    else:
        inside = -0.5 * number / momentum * np.where(s == 0.0, 0.5, 1.0)
    return _STEP * jnp.sum(inside, axis=-1)


def _matsubara(x: Any, statistics: float, order: int) -> Any:
    boson = statistics > 0
    number = np.arange(1, _TERMS + 1)
    frequency = math.pi * (2.0 * number if boson else 2.0 * number - 1.0)
    scale = math.log((16.0 if boson else 1.0) * math.pi**2) + 1.5 - 2.0 * _EULER
    log = jnp.log(jnp.where(jnp.abs(x) < _NOTHING, 1.0, jnp.abs(x))) - scale
    y = x[..., None] / frequency**2
    terms = jnp.sum(frequency ** (3.0 - 2.0 * order) * _remainder(y, order), axis=-1)
    powers = _POWERS.astype(float)
    tail = binom(1.5, powers) * (2.0 * math.pi) ** (3.0 - 2.0 * powers)
    tail *= zeta(2.0 * powers - 3.0, _TERMS + (1.0 if boson else 0.5))
    for lowered in range(order):
        tail *= powers - lowered
    rest: Any = jnp.zeros_like(x)
    for coefficient in tail[::-1]:  # Horner's rule
        rest = rest * x + coefficient
    total = math.pi / 3.0 * (terms + rest * x ** (3 - order))
    constants = (-(math.pi**4) / 45.0, math.pi**2 / 12.0) if boson else (-7.0 * math.pi**4 / 360.0, math.pi**2 / 24.0)
    polynomial = constants[0] + constants[1] * x if order == 0 else constants[1] if order == 1 else 0.0
    cut = (x**2 / 32.0 * log, x / 16.0 * log + x / 32.0, log / 16.0 + 3.0 / 32.0)[order]
    static = -math.pi / (6.0, 4.0, 8.0)[order] * _power(x, 1.5 - order) if boson else 0.0
    return polynomial + static - statistics * (cut + total)


def _remainder(y: Any, order: int) -> Any:
    """(1 + y)^(3/2) - 1 - 3y/2 - 3y^2/8 or a derivative, without cancellation; without the power for y < -1."""
    root = jnp.sqrt(jnp.where(y > -1.0, 1.0 + y, 1.0))
    ratio = y / (1.0 + root)  # root - 1
    if order == 0:
        return jnp.where(y > -1.0, -(ratio**3) * (3.0 * root + 1.0) / 8.0, -1.0 - 1.5 * y - 0.375 * y**2)
    if order == 1:
        return jnp.where(y > -1.0, -0.75 * ratio**2, -1.5 - 0.75 * y)
    return jnp.where(y > -1.0, -0.75 * ratio / root, -0.75)


def _polylogarithms(x: Any, statistics: float, order: int) -> Any:
    """pi a^2/2 sum Y_2(na)/n^2, with the derivatives -pi a/4 sum Y_1(na)/n and pi/8 sum Y_0(na)."""
    a = jnp.sqrt(-x)
    angle = a if statistics > 0 else a + math.pi
    angle = angle - 2.0 * math.pi * jnp.round(angle / (2.0 * math.pi))
    size = jnp.where(angle == 0.0, 1.0, jnp.abs(angle))
    regular, singular = _expansion(2 - order)
    smooth = jnp.sum((_powers(angle, _ANGLES) @ regular) * _powers(1.0 / a, _ORDERS), axis=-1)
    side = jnp.where(angle[..., None] > 0.0, singular[0], singular[1])
    sharp = size ** (1.5 - order) * jnp.sum(side * _powers(size / a, _ORDERS), axis=-1)
    factor = math.sqrt(2.0 * math.pi) * (0.5 * a**1.5, -0.25 * jnp.sqrt(a), 0.125 / jnp.sqrt(a))[order]
    return statistics * factor * (smooth + jnp.where(angle == 0.0, 0.0, sharp))


def _powers(x: Any, count: int) -> Any:
    """x^0 to x^(count - 1) along a new axis, by doubling: few operations to compile and to run."""
    powers, factor = jnp.ones_like(x)[..., None], x[..., None]
    while powers.shape[-1] < count:
        powers, factor = jnp.concatenate([powers, powers * factor], axis=-1), factor**2
    return powers[..., :count]


@functools.cache
def _expansion(nu: int) -> tuple[Any, Any]:
    """sqrt(pi a/2) sum Y_nu(na)/n^nu, in powers of the angle t and of 1/a, and in those of t/a on both sides.

    It is the imaginary part of e^(-i pi (nu/2 + 1/4)) sum_k i^k c_k / a^k Li_s(e^(it)) with s = k + nu + 1/2, where
    Li_s(e^(it)) = Gamma(1 - s) (-it)^(s - 1) + sum_j zeta(s - j) (it)^j / j!.
    """
    k, j = np.arange(_ORDERS), np.arange(_ANGLES)
    s = k + nu + 0.5
    bessel = np.cumprod(np.concatenate([[1.0], (4.0 * nu**2 - (2.0 * k[1:] - 1.0) ** 2) / (8.0 * k[1:])]))
    turned = np.exp(-1j * math.pi * (0.5 * nu + 0.25)) * 1j**k * bessel
    regular = np.imag(turned * 1j ** j[:, None] * _zeta(s - j[:, None]) / gamma(j[:, None] + 1.0))
    sides = np.exp(-0.5j * math.pi * np.array([[1.0], [-1.0]]) * (s - 1.0))
    return regular, np.imag(turned * gamma(1.0 - s) * sides)


def _zeta(s: Any) -> Any:
    """Riemann's function for any half-integers, below 1 by its functional equation."""
    mirrored = (
        2.0**s * math.pi ** (s - 1.0) * np.sin(0.5 * math.pi * s) * gamma(1.0 - s) * zeta(np.maximum(1.0 - s, 1.5))
    )
    below = np.where(s == 0.5, -1.4603545088095868, mirrored)
    return np.where(s > 1.0, zeta(np.maximum(s, 1.5)), below)


def _power(x: Any, exponent: float = 1.5) -> Any:
    """A power of x > 0, else 0."""
    return jnp.where(x > _NOTHING, jnp.where(x > _NOTHING, x, 1.0) ** exponent, 0.0)
