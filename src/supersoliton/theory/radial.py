r"""Theories given by a radial energy density e(u, u', r; p), with values of the fields at the origin and at infinity.

.. math:: E = S_d\int_0^\infty r^{d-1}\,e(u, u', r; p)\,dr .

A density is a function of the 2n numbers z = (u, u'), so that everything for potentials (tracing, compiled kernels,
exact derivatives) serves it. Small deviations w from the fields v at infinity obey, with derivatives of e at (v, 0, r),

.. math:: \frac{1}{r^{d-1}}\,(r^{d-1} e_{u'u'}\,w')' = e_{uu}\,w ,

so that :math:`e_{u'u'}^{-1/2}\,e_{uu}\,e_{u'u'}^{-1/2}` at large r is the matrix of masses squared.
"""

from __future__ import annotations

import functools
import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy import ndarray as Array

from .base import AbstractModel, Column, Ends, PotentialFunction
from .derivatives import PointKernels, point_kernels
from .field_metric import by_slopes
from .fluctuation import Channel
from .vacua import canonical

# Radii at which the linearised equation is looked at: every unit in use.
_RADII = np.exp2(np.arange(-120.0, 121.0))
_FAR = 2.0**46  # (mass times radius)^2 from which on e_uu is that of infinity: what falls like 1/r^2 is rounding there
_OUTWARDS = np.exp2(np.arange(7.0))  # radii, in natural lengths, at which the strength of e is looked for
_MASSLESS = 1e-10  # of the largest mass^2
_STATIONARY = 1e-9  # of e_uu times the size of a field: the largest slope of e at infinity
_QUADRATIC = 1e-9  # change of e_u'u' with u' at which e is still of second order in it
_POINTS = 80  # of Gauss's rule on 0 <= r < infinity, in r/(r + L)
_NEAR, _MISSING, _BESIDE = 2.0**-20, 1e-6, 1e-8  # see _check_origin


@dataclass(frozen=True)
class AtRest:
    """e(u, 0, r; p), the density of constant fields, as a potential; its kernels are those of e."""

    density: PotentialFunction

    def __call__(self, u: Any, p: Mapping[str, Any], r: Any) -> Any:
        return self.density(jnp.concatenate([u, jnp.zeros_like(u)]), p, r)

    def point_kernels(self) -> PointKernels:
        """The compiled kernels of e, restricted to u: nothing is compiled again."""
        inner = point_kernels(self.density)

        def whole(u: Any) -> Array:
            return np.concatenate([u, np.zeros_like(u)], axis=1)

        def both(u: Any, p: Any, r: Any) -> tuple[Array, Array]:
            value, gradient = inner.value_and_gradient(whole(u), p, r)
            return value, gradient[:, : np.shape(u)[1]]

        return PointKernels(
            value=lambda u, p, r: inner.value(whole(u), p, r),
            gradient=lambda u, p, r: both(u, p, r)[1],
            hessian=lambda u, p, r: inner.hessian(whole(u), p, r)[:, : np.shape(u)[1], : np.shape(u)[1]],
            radial=lambda u, p, r: inner.radial(whole(u), p, r),
            value_and_gradient=both,
        )


@dataclass(frozen=True)
class OfBoth:
    """e(u, u', r; p) as a function of z = (u, u')."""

    function: Callable[[Any, Any, Any, Mapping[str, Any]], Any]

    def __call__(self, z: Any, p: Mapping[str, Any], r: Any) -> Any:
        u, slope = jnp.split(jnp.asarray(z), 2)
        return self.function(u, slope, r, p)


class FarField(NamedTuple):
    """The linearised equation at infinity: a radius that is far out, the masses^2 there, and the natural units."""

    radius: float
    masses_squared: Array
    length: float
    strength: float  # of e times length^2


class RadialTheory(AbstractModel):
    """A theory given by its energy density; subclasses define ``density_function`` and ``ends``."""

    min_amplitude = 0.0  # no field carries a norm
    columns: ClassVar[Mapping[str, Column]] = {
        "energy_ratio": Column("E/E₀", "energy over the unit of the theory, as the literature gives it", digits=10),
        "rms_radius": Column("√⟨r²⟩", "root of the mean of r² over the energy density; infinite where it diverges"),
        "half_energy_radius": Column("r(E/2)", "radius of the ball that has half of the energy"),
    }

    @property
    @abstractmethod
    def density_function(self) -> PotentialFunction:
        """The function e(z, params, r) of z = (u, u'), of shape (2 n_fields,)."""

    @property
    @abstractmethod
    def ends(self) -> Ends:
        """The values of the fields at the origin and at infinity."""

    @property
    @abstractmethod
    def dimension(self) -> float:
        """The dimension of space."""

    @property
    def potential_function(self) -> PotentialFunction:
        return AtRest(self.density_function)

    @property
    def constrained(self) -> Array:
        return np.zeros(self.n_fields, bool)

    @property
    def kinetic(self) -> Array:
        """1/size^2 of each field: a unit of each field, not a factor in the energy."""
        return 1.0 / self.ends.sizes**2

    @property
    def far_field(self) -> FarField:
        """The linearised equation at infinity."""
        params = tuple(self.params.items())
        key = self.density_function, params, self.ends, float(self.dimension)
        return _far_field(*key) if all(isinstance(x, float | int) for _, x in params) else _linearised(*key)

    @property
    def natural_units(self) -> tuple[float, float]:
        """The length of the lightest mass, and the largest e_u'u' size^2 of a field at about that radius."""
        return self.far_field.length, self.far_field.strength

    def outer_radius(self, r: float) -> float:
        return self.far_field.radius

    def kinetic_at(self, u: Array, r: float) -> Array:
        return by_slopes(self.density_function, self.params, u, r)

    def record(self, state: Any) -> dict[str, float]:
        """The numbers of ``columns``."""
        known = bool(np.all(np.isfinite(state.u)))
        own = self.observables(state) if known else {}
        found = {"energy_ratio": state.energy / self.energy_unit, **own}
        return {name: found.get(name, getattr(state, name, math.nan) if known else math.nan) for name in self.columns}

    def time_kinetic(self, u: Array, slopes: Array, r: Array) -> Array | None:
        r"""m of the kinetic energy density :math:`\tfrac12\dot u^Tm\,\dot u` at points, (point, field, field).

        It is that of a theory that is Lorentz invariant in t and r: :math:`e_{u'u'}` where that does not depend on u'.
        None where it does, or where a theory says that its fields obey no equation of second order in time.
        """
        kernel, n = point_kernels(self.density_function).hessian, self.n_fields
        moving, rest = (kernel(np.hstack([u, s]), self.params, r)[:, n:, n:] for s in (slopes, np.zeros_like(slopes)))
        same = np.abs(moving - rest) <= _QUADRATIC * np.max(np.abs(rest), axis=(1, 2), keepdims=True)
        return moving if np.all(same) else None

    @property
    def has_channels(self) -> bool:
        return type(self).channel is not RadialTheory.channel

    def channel(self, ell: int, u: Array, slopes: Array, r: Array) -> Channel | None:
        """Fluctuations of angular momentum l > 0 around u(r), outside of the ansatz; None where they are not known."""
        return None

    def check_ends(self) -> None:
        """Raise ValueError where no state with these ends has a finite energy."""
        far, ends, d = self.far_field, self.ends, float(self.dimension)
        kernels, name = point_kernels(self.density_function), type(self).__name__
        held = {side: dict(zip(self.fields, values, strict=True)) for side, values in ends._asdict().items()}
        outside = np.concatenate([ends.outer, np.zeros_like(ends.outer)])
        value, slope = kernels.value_and_gradient(outside[None], self.params, np.array([far.radius]))
        matrix = kernels.hessian(outside[None], self.params, np.array([far.radius]))[0]
        n = self.n_fields
        if not (np.isfinite(value[0]) and np.all(np.isfinite(slope)) and np.all(np.isfinite(matrix))):
            raise ValueError(
                f"{name}: the density is not finite at infinity, where the fields are {held['infinity']} (e = "
                f"{value[0]:.4g} at r = {far.radius:.3g}): correct infinity= or e"
            )
        stiffness = np.abs(matrix[:n, :n]).max(1) * ends.sizes
        if np.any(np.abs(slope[0, :n]) > _STATIONARY * stiffness):
            worst = self.fields[int(np.argmax(np.abs(slope[0, :n]) - _STATIONARY * stiffness))]
            raise ValueError(
                f"{name}: the fields at infinity, {held['infinity']}, are no vacuum: e has a slope in {worst} there; "
                "give values at which e is stationary"
            )
        if np.any(far.masses_squared < -_MASSLESS * np.max(np.abs(far.masses_squared), initial=0.0)):
            raise ValueError(
                f"{name}: the fields at infinity, {held['infinity']}, are no vacuum: a mass^2 there is "
                f"{np.min(far.masses_squared):.4g}; give values at which e has a minimum"
            )
        outer = np.array([1.0, 2.0, 4.0]) * far.radius
        size = np.abs(kernels.value(np.tile(outside, (3, 1)), self.params, outer)) * outer**d
        if size[2] > _MISSING * far.strength * far.length ** (d - 2.0) and not size[2] < 0.9 * size[1] < 0.81 * size[0]:
            raise ValueError(
                f"{name}: the energy is infinite because e does not fall faster than r^-{d:g} where the fields are "
                f"{held['infinity']}: subtract its value at infinity in e, or correct infinity="
            )
        self._check_origin(held["origin"])

    def _check_origin(self, held: Mapping[str, float | None]) -> None:
        """Raise ValueError where the values at the origin make the energy infinite."""
        far, d = self.far_field, float(self.dimension)
        # a little away from the values themselves, where a density may be 0/0
        inner = self.ends.inner + _BESIDE * (self.ends.outer - self.ends.inner)
        inside = np.concatenate([inner, np.zeros(self.n_fields)])
        radii = far.length * _NEAR * np.array([0.5, 1.0])
        e = point_kernels(self.density_function).value(np.tile(inside, (2, 1)), self.params, radii)
        size = np.abs(e) * radii**d
        if not np.all(np.isfinite(e)) or (
            size[0] > _MISSING * far.strength * far.length ** (d - 2.0) and size[0] > 0.9 * size[1]
        ):
            raise ValueError(
                f"{type(self).__name__}: the energy is infinite at the origin, where the fields are {held}: "
                "correct origin="
            )


@functools.lru_cache(maxsize=256)
def _far_field(function: PotentialFunction, params: tuple[tuple[str, Any], ...], ends: Ends, dim: float) -> FarField:
    return _linearised(function, params, ends, dim)


def _linearised(function: PotentialFunction, params: tuple[tuple[str, Any], ...], ends: Ends, dim: float) -> FarField:
    n, hessian = len(ends.outer), point_kernels(function).hessian
    z = np.tile(np.concatenate([ends.outer, np.zeros(n)]), (len(_RADII), 1))
    with np.errstate(all="ignore"):
        blocks = hessian(z, dict(params), _RADII)
        matrices = canonical(blocks[:, :n, :n], blocks[:, n:, n:])
        reach = np.abs(matrices).max((1, 2)) * _RADII**2
    massive = np.flatnonzero(np.isfinite(reach) & (reach >= _FAR))
    squared = np.linalg.eigvalsh(matrices[massive[0]]) if len(massive) else np.zeros(n)
    positive = squared[squared > _MASSLESS * np.max(np.abs(squared))]
    length = 1.0 / float(np.sqrt(positive[0])) if len(positive) else _least_energy(function, params, ends, dim)
    # without a mass the equation has no length: it is 1/r^2 everywhere
    radius = float(_RADII[massive[0]]) if len(massive) else length * math.sqrt(_FAR)
    outwards = hessian(z[: len(_OUTWARDS)], dict(params), length * _OUTWARDS)
    factors = np.abs(np.diagonal(outwards, axis1=1, axis2=2)[:, n:]) * ends.sizes**2
    strength = float(np.max(factors, where=np.isfinite(factors), initial=0.0)) or 1.0
    return FarField(radius, squared, length, strength)


def _least_energy(function: PotentialFunction, params: tuple[tuple[str, Any], ...], ends: Ends, dim: float) -> float:
    """The width of least energy of the profiles tanh^2(r/L) between the ends: a length where there is no mass."""
    x, w = np.polynomial.legendre.leggauss(_POINTS)
    x, w = 0.5 * (x + 1.0), 0.5 * w
    t = x / (1.0 - x)
    shape, slope = np.tanh(t) ** 2, 2.0 * np.tanh(t) / np.cosh(np.minimum(t, 300.0)) ** 2
    way = ends.outer - ends.inner
    u = np.broadcast_to(ends.inner + way * shape[:, None], (len(_RADII), _POINTS, len(way)))
    z = np.concatenate([u, way * slope[:, None] / _RADII[:, None, None]], axis=2).reshape(-1, 2 * len(way))
    with np.errstate(all="ignore"):
        e = point_kernels(function).value(z, dict(params), np.outer(_RADII, t).ravel()).reshape(len(_RADII), _POINTS)
        energies = _RADII**dim * (e @ (w * t ** (dim - 1.0) / (1.0 - x) ** 2))
    usable = np.isfinite(energies)
    return float(_RADII[np.argmin(np.where(usable, energies, np.inf))]) if usable.any() else 1.0
