r"""A theory given by its energy density in dimensionless form.

With :math:`u_i = F_iy_i`, r = L s and the strength K of the density times :math:`L^2`,

.. math:: E = KL^{d-2}\int d^ds\,\hat e(y, y', s; p),\qquad
    \hat e = \frac{L^2}{K}\,e(F y, F y'/L, L s; p) .
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy import ndarray as Array

from .base import Ends, PotentialFunction
from .derivatives import TINY, PointKernels, point_kernels
from .dimensionless import Dimensionless
from .radial import AtRest

# Names of the scales among the couplings: they are traced like these, so that one kernel serves every unit.
_LENGTH, _STRENGTH = "scale of the lengths", "scale of the density"


@dataclass(frozen=True)
class _DimensionlessDensity:
    """e^(z, p, s) of the module's formula, z = (y, y'); ``sizes`` are the F_i."""

    function: PotentialFunction
    sizes: tuple[float, ...]

    def __call__(self, z: Any, p: Mapping[str, Any], s: Any) -> Any:
        couplings, length, strength = _split(p)
        sizes = jnp.asarray(self.sizes)
        return self.function(z * jnp.concatenate([sizes, sizes / length]), couplings, s * length) * length**2 / strength

    def point_kernels(self) -> PointKernels:
        """The compiled kernels of e, with scaled arguments and results: nothing is compiled again."""
        inner, sizes = point_kernels(self.function), np.array(self.sizes)

        def scaled(kernel: Callable[..., Any], finish: Callable[..., Any]) -> Callable[..., Any]:
            def call(z: Any, p: Mapping[str, Any], s: Any) -> Any:
                couplings, length, strength = _split(p)
                factors = np.concatenate([sizes, sizes / length])
                z = np.asarray(z)
                z = np.where(np.abs(z) < TINY, np.copysign(TINY, z), z)
                return finish(kernel(z * factors, couplings, np.asarray(s) * length), factors, length**2 / strength)

            return call

        def value(v: Any, factors: Any, unit: float) -> Any:
            return v * unit

        def gradient(g: Any, factors: Any, unit: float) -> Any:
            return g * (factors * unit)

        return PointKernels(
            value=scaled(inner.value, value),
            gradient=scaled(inner.gradient, gradient),
            hessian=scaled(inner.hessian, lambda h, factors, unit: h * (factors[:, None] * factors * unit)),
            radial=scaled(inner.radial, value),
            value_and_gradient=scaled(
                inner.value_and_gradient,
                lambda pair, factors, unit: (value(pair[0], factors, unit), gradient(pair[1], factors, unit)),
            ),
        )


def _split(p: Mapping[str, Any]) -> tuple[dict[str, Any], Any, Any]:
    """The couplings of the theory, and the scales."""
    return {name: value for name, value in p.items() if name not in (_LENGTH, _STRENGTH)}, p[_LENGTH], p[_STRENGTH]


@dataclass(frozen=True, repr=False)
class DimensionlessDensity(Dimensionless):
    """``model`` in units of ``length`` and of the sizes of its fields; ``strength``: of its density times length^2."""

    strength: float = 1.0

    @property
    def params(self) -> dict[str, Any]:
        return {**self.model.params, _LENGTH: self.length, _STRENGTH: self.strength}

    @property
    def density_function(self) -> PotentialFunction:
        function = self.model.density_function
        assert function is not None
        return _DimensionlessDensity(function, tuple((1.0 / self.roots).tolist()))

    @property
    def potential_function(self) -> PotentialFunction:
        return AtRest(self.density_function)

    @property
    def ends(self) -> Ends | None:
        given = self.model.ends
        return None if given is None else Ends(*(_scaled(side, self.roots) for side in given))

    @property
    def eliminated(self) -> tuple[str, ...]:
        return self.model.eliminated

    @property
    def dimension(self) -> float | None:
        return self.model.dimension

    @property
    def least_shift(self) -> float:  # type: ignore[override]
        return self.model.least_shift

    def outer_radius(self, r: float) -> float:
        return self.model.outer_radius(r * self.length) / self.length

    def kinetic_at(self, u: Array, r: float) -> Array:
        given = self.model.kinetic_at(u / self.roots, r * self.length)
        return np.asarray(given / (self.roots[:, None] * self.roots * self.strength))

    def start(self, r: Array) -> Array | None:
        found = self.model.start(r * self.length)
        return None if found is None else found * self.roots

    @property
    def on_line(self) -> bool:
        return self.model.on_line

    def why_none(self) -> str | None:
        return self.model.why_none()

    def check_ends(self) -> None:
        self.model.check_ends()

    def given_potential(self, value: float) -> float:
        return self.model.given_potential(value * self.strength / self.length**2)


def _scaled(values: tuple[float | None, ...], roots: Array) -> tuple[float | None, ...]:
    return tuple(None if value is None else float(value * root) for value, root in zip(values, roots, strict=True))
