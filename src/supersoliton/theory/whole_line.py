r"""A theory on the whole line, written as twice the fields on half of it.

With the even and the odd part of each field, :math:`s(x) = \tfrac12[u(x) + u(-x)]` and
:math:`a(x) = \tfrac12[u(x) - u(-x)]`,

.. math:: \int_{-R}^{R}\left[\tfrac12 k u'^2 + V(u)\right]dx
          = 2\int_0^R\left[\tfrac12 k(s'^2 + a'^2) + \tfrac12 V(s + a) + \tfrac12 V(s - a)\right]dx .

At the origin s has zero slope and a vanishes, which is all that continuity of u and u' demands. So the line is a
problem on the half line with parities, and its meshes, solvers, certificates and spectra serve it unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy import ndarray as Array

from .base import AbstractModel, PotentialFunction


@dataclass(frozen=True)
class _BothHalves:
    """V(s + a)/2 + V(s - a)/2; equal for equal potentials, so that compiled kernels are shared."""

    function: PotentialFunction

    def __call__(self, u: Any, p: Mapping[str, Any], r: Any) -> Any:
        even, odd = jnp.split(jnp.asarray(u), 2)
        return 0.5 * (self.function(even + odd, p, r) + self.function(even - odd, p, r))


@dataclass(frozen=True)
class WholeLine(AbstractModel):
    """The even parts, then the odd parts, of the fields of ``model`` on the line."""

    model: AbstractModel

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(f"{name}_{part}" for part in ("even", "odd") for name in self.model.fields)

    @property
    def params(self) -> dict[str, Any]:
        return self.model.params

    @property
    def potential_function(self) -> PotentialFunction:
        return _BothHalves(self.model.potential_function)

    @property
    def constrained(self) -> Array:
        return np.tile(self.model.constrained, 2)

    @property
    def kinetic(self) -> Array:
        return np.tile(self.model.kinetic, 2)

    def replace(self, **couplings: Any) -> WholeLine:
        return replace(self, model=self.model.replace(**couplings))

    def describe(self) -> dict[str, Any]:
        """The description of ``model``: a problem with a ``line`` makes this class of it."""
        return self.model.describe()

    @property
    def source(self) -> Any:
        return self.model.source


def fold(left: Any, right: Any) -> Array:
    """Even and odd parts (..., 2 n) of fields (..., n) at -x and at x."""
    left, right = np.asarray(left, dtype=float), np.asarray(right, dtype=float)
    return np.concatenate([0.5 * (right + left), 0.5 * (right - left)], axis=-1)


def unfold(parts: Array, x: Array) -> Array:
    """Fields (..., n) at ``x`` (...), from even and odd parts (..., 2 n) at \\|x\\|."""
    even, odd = np.split(parts, 2, axis=-1)
    return np.asarray(even + np.where(np.asarray(x) < 0.0, -1.0, 1.0)[..., None] * odd)


def ends_of(parts: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Field values at the left and the right end, from their even and odd parts."""
    left, right = unfold(np.tile(parts, (2, 1)), np.array([-1.0, 1.0]))
    return tuple(left.tolist()), tuple(right.tolist())


def folded(function: Callable[[Array], Any], x: Array, n_fields: int) -> Array:
    """Even and odd parts at ``x`` >= 0 of a function of the position on the line, which returns (x, field) or (x,)."""

    def at(points: Array) -> Array:
        values = np.asarray(function(points), dtype=float)
        return values[:, None] if n_fields == 1 and values.ndim == 1 else values

    return fold(at(-x), at(x))


def theory_of(model: AbstractModel) -> AbstractModel:
    """The theory of a problem: that of its fields, not of their even and odd parts on a line."""
    return model.model if isinstance(model, WholeLine) else model
