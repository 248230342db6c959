r"""The effective potential at fixed frequency.

At fixed frequency a Q-ball is a bounce of :math:`V - \tfrac12\omega^2\sum u_c^2` (S. Coleman,
*Nucl. Phys. B* **262** (1985) 263).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from .base import AbstractModel, PotentialFunction
from .derivatives import PointKernels, point_kernels
from .field_metric import RotatingNorm

_NAME = "omega_squared"


@dataclass(frozen=True)
class _EffectivePotential:
    """V(u, p, r) - omega^2/2 sum u_c^2; equal for equal fields, so that compiled kernels are shared."""

    function: PotentialFunction
    carries: tuple[float, ...]

    def __call__(self, u: Any, p: Mapping[str, Any], r: Any) -> Any:
        inner = {name: value for name, value in p.items() if name != _NAME}
        return self.function(u, inner, r) - 0.5 * p[_NAME] * jnp.sum(jnp.asarray(self.carries) * u**2)

    def point_kernels(self) -> PointKernels:
        """The kernels of V, with the terms of the rotation added: nothing is compiled again."""
        inner, carries = point_kernels(self.function), np.array(self.carries)

        def split(p: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
            return {name: value for name, value in p.items() if name != _NAME}, p[_NAME] * carries

        def value(u: Any, p: Mapping[str, Any], r: Any) -> Any:
            couplings, shift = split(p)
            return inner.value(u, couplings, r) - 0.5 * np.asarray(u) ** 2 @ shift

        def gradient(u: Any, p: Mapping[str, Any], r: Any) -> Any:
            couplings, shift = split(p)
            return inner.gradient(u, couplings, r) - np.asarray(u) * shift

        def hessian(u: Any, p: Mapping[str, Any], r: Any) -> Any:
            couplings, shift = split(p)
            return inner.hessian(u, couplings, r) - np.diag(shift)

        def radial(u: Any, p: Mapping[str, Any], r: Any) -> Any:
            return inner.radial(u, split(p)[0], r)

        def both(u: Any, p: Mapping[str, Any], r: Any) -> Any:
            couplings, shift = split(p)
            v, force = inner.value_and_gradient(u, couplings, r)
            return v - 0.5 * np.asarray(u) ** 2 @ shift, force - np.asarray(u) * shift

        return PointKernels(value, gradient, hessian, radial, both)


@dataclass(frozen=True)
class _EffectiveDensity:
    """V, or a density of (u, u'), less omega^2/2 of the norm density of a theory whose kinetic terms depend on u."""

    function: PotentialFunction
    norm: RotatingNorm

    def __call__(self, z: Any, p: Mapping[str, Any], r: Any) -> Any:
        inner = {name: value for name, value in p.items() if name != _NAME}
        return self.function(z, inner, r) - 0.5 * p[_NAME] * self.norm(z[: len(self.norm.carries)], inner, r)

    def point_kernels(self) -> PointKernels:
        """The kernels of both: nothing is compiled again."""
        inner, norm, n = point_kernels(self.function), point_kernels(self.norm), len(self.norm.carries)

        def less(name: str) -> Any:
            def call(z: Any, p: Mapping[str, Any], r: Any) -> Any:
                z, half = np.asarray(z), 0.5 * p[_NAME]
                given = {key: value for key, value in p.items() if key != _NAME}
                whole, part = getattr(inner, name)(z, given, r), getattr(norm, name)(z[:, :n], given, r)
                if isinstance(whole, tuple):
                    return whole[0] - half * part[0], _reduced(whole[1], half * part[1])
                return _reduced(whole, half * part)

            return call

        return PointKernels(*(less(name) for name in PointKernels._fields))


def _reduced(whole: Any, part: Any) -> Any:
    """``whole`` less ``part`` in the first entries of each axis."""
    out = np.array(whole)
    out[tuple(slice(size) for size in part.shape)] -= part
    return out


@dataclass(frozen=True)
class Rotating(AbstractModel):
    """``model`` with the effective potential at ``omega_squared``; ``carries`` is 1 for fields that rotate, else 0."""

    model: AbstractModel
    omega_squared: float
    carries: tuple[float, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        return self.model.fields

    @property
    def params(self) -> dict[str, Any]:
        return {**self.model.params, _NAME: self.omega_squared}

    @property
    def potential_function(self) -> PotentialFunction:
        return self._effective(self.model.potential_function)

    @property
    def density_function(self) -> PotentialFunction | None:
        density = self.model.density_function
        return None if density is None else self._effective(density)

    def _effective(self, function: PotentialFunction) -> PotentialFunction:
        density = self.model.density_function
        if density is None:
            return _EffectivePotential(function, self.carries)
        return _EffectiveDensity(function, RotatingNorm(density, self.carries))

    def kinetic_at(self, u: np.ndarray, r: float) -> np.ndarray:
        return self.model.kinetic_at(u, r)

    def field_units(self, around: np.ndarray) -> np.ndarray:
        return self.model.field_units(around)

    @property
    def constrained(self) -> np.ndarray:
        return np.array(self.carries) > 0

    @property
    def kinetic(self) -> np.ndarray:
        return self.model.kinetic

    def given_fields(self, values: np.ndarray) -> np.ndarray:
        return self.model.given_fields(values)

    def given_potential(self, value: float) -> float:
        return self.model.given_potential(value)

    def given_length(self, value: float) -> float:
        return self.model.given_length(value)

    def given_mass_squared(self, value: float) -> float:
        return self.model.given_mass_squared(value)

    @property
    def explicit_r(self) -> bool:
        return self.model.explicit_r

    def follow(self, u: np.ndarray) -> np.ndarray:
        return self.model.follow(u)

    def replace(self, **couplings: Any) -> Rotating:
        own = {name: couplings.pop(name) for name in (_NAME,) if name in couplings}
        return replace(self, model=self.model.replace(**couplings) if couplings else self.model, **own)
