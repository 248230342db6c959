r"""A theory in dimensionless, canonically normalised fields.

With :math:`u_i = F y_i/\sqrt{k_i}` and r = L s,

.. math::
    E = F^2L^{d-2}\int d^ds\left[\tfrac12\sum_iy_i'^2 + \hat V(y) - \hat V_\infty\right],\qquad
    \hat V(y; p, s) = \frac{L^2}{F^2}\,\big[V(u; p, r) - V_0\big] .

The scales are those of :mod:`..problem.scales`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from .base import AbstractModel, ComplexifiedFunction, PotentialFunction
from .derivatives import TINY, CouplingKernels, PointKernels, coupling_kernels, point_kernels

# Names of the scales among the couplings: they are traced like these, so that one kernel serves every unit.
_POINTS = 32  # of Gauss's rule for V from its slope
_SCALES = ("scale of the fields", "scale of the lengths", "offset of V")


@dataclass(frozen=True)
class _DimensionlessPotential:
    """V^(y, p, s) of the module's formula; ``roots`` are the square roots of the kinetic factors.

    Or the density of z = (y, y') of a theory whose kinetic terms depend on the fields.
    """

    function: PotentialFunction
    roots: tuple[float, ...]
    names: tuple[str, ...]  # of the scales
    origin: tuple[float, ...] = ()  # where V is V_0, if V is the integral of its slope from there
    with_slopes: bool = False  # a function of (y, y')

    def __call__(self, y: Any, p: Mapping[str, Any], s: Any) -> Any:
        couplings, (field, length, offset) = _split(p, self.names)
        factors = field / jnp.asarray(self.roots)
        factors = jnp.concatenate([factors, factors / length]) if self.with_slopes else factors
        value = self.function(y * factors, couplings, s * length)
        return (value - offset) * (length / field) ** 2

    def point_kernels(self) -> PointKernels:
        """The compiled kernels of V, with scaled arguments and results: nothing is compiled again."""
        inner, roots = point_kernels(self.function), np.array(self.roots)

        def scaled(kernel: Callable[..., Any], finish: Callable[..., Any]) -> Callable[..., Any]:
            def call(y: Any, p: Mapping[str, Any], s: Any) -> Any:
                couplings, (field, length, offset) = _split(p, self.names)
                factors = field / roots
                factors = np.concatenate([factors, factors / length]) if self.with_slopes else factors
                y = np.asarray(y)
                y = np.where(np.abs(y) < TINY, np.copysign(TINY, y), y)  # zero in these units, not in those of V
                result = kernel(y * factors, couplings, np.asarray(s) * length)
                return finish(result, factors, (length / field) ** 2, offset)

            return call

        def from_slopes(y: Any, p: Mapping[str, Any], s: Any) -> Any:
            """V less V_0 by Gauss's rule along the straight way from the origin."""
            origin, s = np.array(self.origin), np.asarray(s)
            away, force = np.asarray(y) - origin, scaled(inner.gradient, gradient)
            total = np.zeros(len(away))
            for t, weight in zip(*_rule(), strict=True):
                total += weight * np.sum(away * force(origin + t * away, p, s), axis=1)
            return total

        def both_from_slopes(y: Any, p: Mapping[str, Any], s: Any) -> Any:
            return from_slopes(y, p, s), scaled(inner.gradient, gradient)(y, p, s)

        def value(v: Any, factors: Any, unit: float, offset: float) -> Any:
            return (v - offset) * unit

        def gradient(g: Any, factors: Any, unit: float, offset: float) -> Any:
            return g * (factors * unit)

        def hessian(h: Any, factors: Any, unit: float, offset: float) -> Any:
            return h * (factors[:, None] * factors * unit)

        def both(pair: Any, *units: Any) -> Any:
            return value(pair[0], *units), gradient(pair[1], *units)

        return PointKernels(
            value=from_slopes if self.origin else scaled(inner.value, value),
            gradient=scaled(inner.gradient, gradient),
            hessian=scaled(inner.hessian, hessian),
            radial=scaled(inner.radial, lambda v, factors, unit, offset: v * unit),
            value_and_gradient=both_from_slopes if self.origin else scaled(inner.value_and_gradient, both),
        )

    def coupling_kernels(self) -> CouplingKernels:
        """The same for derivatives in the couplings of V; the scales do not vary."""
        inner, roots = coupling_kernels(self.function), np.array(self.roots)

        def scaled(kernel: Callable[..., Any], finish: Callable[..., Any]) -> Callable[..., Any]:
            def call(y: Any, p: Any, direction: Any, s: Any, dy: Any = None, course: Any = None) -> Any:
                couplings, (field, length, _) = _split(p, self.names)
                factors = field / roots
                y = np.asarray(y)
                y = np.where(np.abs(y) < TINY, np.copysign(TINY, y), y)
                further = [] if dy is None else [np.asarray(dy) * factors]
                further += [] if course is None else [_split(course, self.names)[0]]
                along = _split(direction, self.names)[0]
                result = kernel(y * factors, couplings, along, np.asarray(s) * length, *further)
                return finish(result, factors, (length / field) ** 2)

            return call

        return CouplingKernels(
            force=scaled(inner.force, lambda g, factors, unit: g * (factors * unit)),
            energy=scaled(inner.energy, lambda pair, factors, unit: (pair[0] * unit, pair[1] * unit)),
            curvature=scaled(inner.curvature, lambda h, factors, unit: h * (factors[:, None] * factors * unit)),
        )


@functools.cache
def _rule() -> tuple[list[float], list[float]]:
    """Points on [0, 1] and weights of Gauss's rule."""
    x, w = np.polynomial.legendre.leggauss(_POINTS)
    return (0.5 * (x + 1.0)).tolist(), (0.5 * w).tolist()


@dataclass(frozen=True)
class _DimensionlessComplexified:
    """V^ of complex fields, from V(re, im, p, r)."""

    function: ComplexifiedFunction
    roots: tuple[float, ...]
    names: tuple[str, ...]

    def __call__(self, re: Any, im: Any, p: Mapping[str, Any], s: Any) -> Any:
        couplings, (field, length, offset) = _split(p, self.names)
        factors = field / jnp.asarray(self.roots)
        value = self.function(re * factors, im * factors, couplings, s * length)
        return (value - offset) * (length / field) ** 2


def _split(p: Mapping[str, Any], names: tuple[str, ...]) -> tuple[dict[str, Any], list[Any]]:
    """The couplings of the theory, and the scales."""
    return {name: value for name, value in p.items() if name not in names}, [p[name] for name in names]


@dataclass(frozen=True)
class Dimensionless(AbstractModel):
    """``model`` in units of ``field`` and ``length``, with ``offset`` subtracted from V.

    Where the rounding of a large constant in V would show, V is the integral of its slope from ``origin``. ``units``:
    1/unit^2 of each field, where the theory has no constant kinetic factors.
    """

    model: AbstractModel
    field: float
    length: float
    offset: float = 0.0
    origin: tuple[float, ...] = ()
    units: tuple[float, ...] = ()

    @property
    def roots(self) -> np.ndarray:
        """Square roots of the kinetic factors, shape (n_fields,)."""
        return np.sqrt(np.array(self.units) if self.units else self.model.kinetic)

    @property
    def fields(self) -> tuple[str, ...]:
        return self.model.fields

    @property
    def params(self) -> dict[str, Any]:
        return {**self.model.params, **dict(zip(self._names, (self.field, self.length, self.offset), strict=True))}

    @property
    def _names(self) -> tuple[str, ...]:
        """Names of the scales that the couplings of ``model``, which may be dimensionless too, do not have."""
        names: tuple[str, ...] = _SCALES
        while names[0] in self.model.params:
            names = tuple(f"{name}'" for name in names)
        return names

    @property
    def potential_function(self) -> PotentialFunction:
        return _DimensionlessPotential(
            self.model.potential_function, tuple(self.roots.tolist()), self._names, self.origin
        )

    @property
    def density_function(self) -> PotentialFunction | None:
        function = self.model.density_function
        if function is None:
            return None
        return _DimensionlessPotential(function, tuple(self.roots.tolist()), self._names, with_slopes=True)

    def kinetic_at(self, u: np.ndarray, r: float) -> np.ndarray:
        if self.model.density_function is None:
            return self.kinetic
        given = self.model.kinetic_at(u * self.field / self.roots, r * self.length)
        return np.asarray(given / (self.roots[:, None] * self.roots))

    @property
    def complexified_potential(self) -> ComplexifiedFunction | None:
        function = self.model.complexified_potential
        return None if function is None else self.complexify(function)

    def complexify(self, function: ComplexifiedFunction) -> ComplexifiedFunction:
        """V(re, im, p, r) of the theory in these units."""
        return _DimensionlessComplexified(function, tuple(self.roots.tolist()), self._names)

    @property
    def constrained(self) -> np.ndarray:
        return self.model.constrained

    @property
    def explicit_r(self) -> bool:
        return self.model.explicit_r

    def follow(self, u: np.ndarray) -> np.ndarray:
        factors = self.field / self.roots
        return self.model.follow(u * factors) / factors

    def lowest_minimum(self, held: np.ndarray) -> np.ndarray | None:
        found = self.model.lowest_minimum(held)
        return None if found is None else found * self.roots / self.field

    def given_fields(self, values: np.ndarray) -> np.ndarray:
        return self.model.given_fields(values * self.field / self.roots)

    def given_potential(self, value: float) -> float:
        return self.model.given_potential(value * (self.field / self.length) ** 2 + self.offset)

    def given_length(self, value: float) -> float:
        return self.model.given_length(value * self.length)

    def given_mass_squared(self, value: float) -> float:
        return self.model.given_mass_squared(value / self.length**2)

    def replace(self, **couplings: Any) -> Dimensionless:
        return replace(self, model=self.model.replace(**couplings))

    def __repr__(self) -> str:
        return repr(self.model)
