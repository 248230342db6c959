"""V and its derivatives at lists of points, compiled once for all lengths.

Only the potential differs between models, so it is compiled separately, for blocks of a fixed number of points. The
linear algebra depends on shapes only; its compiled code is shared by all potentials and kept in the cache on disk.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..machine import jax_setup
from ..machine.jax_setup import AnyArray as Array
from .base import PotentialFunction

# Replaces a field of zero, so that potentials such as u^2 ln u^2, whose derivatives are 0 * infinity in JAX at u = 0,
# take their limit. The sixth power is still a floating-point number; the change is far below rounding.
TINY = 1e-45
# A field below this counts as zero: its square is still a floating-point number, and TINY of a dimensionless theory is
# above it in every unit.
_ZERO = 1e-120

# Lists are split and padded to blocks: pairs of (largest number of points, block length). A call costs as much as 300
# values of 8 fields; a block of 1024 fits the processor's cache (12,800 values take 0.6 ms, 0.7 to 0.9 ms in blocks of
# 8192).
SMALL_BLOCK = 128
_BLOCKS = ((4 * SMALL_BLOCK, SMALL_BLOCK), (math.inf, 1024))
# For a Hessian the points cost more than the call; a vacuum is one point and its search often a dozen (13 fields: 42 us
# for 16 points, 158 us for 128).
_SHORT = ((16, 16), (math.inf, SMALL_BLOCK))


def away_from_zero(u: Array) -> Array:
    return jnp.where(jnp.abs(u) < _ZERO, jnp.where(u < 0, -TINY, TINY), u)


@functools.lru_cache(maxsize=64)
def point_functions(function: PotentialFunction) -> tuple[Callable, Callable, Callable]:
    """V, dV/du and d2V/du2 as pure functions of (point field), params, (point)."""

    def value(u: Array, params: Any, r: Array) -> Array:
        return jax.vmap(function, in_axes=(0, None, 0))(away_from_zero(u), params, r)

    def gradient(u: Array, params: Any, r: Array) -> Array:
        return jax.vmap(jax.grad(function), in_axes=(0, None, 0))(away_from_zero(u), params, r)

    def hessian(u: Array, params: Any, r: Array) -> Array:
        # Fields first, so that operations over the points are contiguous: 0.6 of the time for 8 fields, 0.9 for 13.
        # Symmetric to rounding only: symmetrising costs more than the derivatives.
        across = away_from_zero(u).T
        n = across.shape[0]

        def slope(x: Array) -> Array:
            return jax.grad(lambda y: jnp.sum(jax.vmap(function, in_axes=(1, None, 0))(y, params, r)))(x)

        def column(direction: Array) -> Array:
            return jax.jvp(slope, (across,), (jnp.broadcast_to(direction[:, None], across.shape),))[1]

        return jax.vmap(column)(jnp.eye(n)).transpose(2, 0, 1)

    return value, gradient, hessian


class PointKernels(NamedTuple):
    """Compiled functions of (u (point, field), params, r (point)), for any number of points; NumPy in and out."""

    value: Callable[..., np.ndarray]
    gradient: Callable[..., np.ndarray]
    hessian: Callable[..., np.ndarray]
    radial: Callable[..., np.ndarray]  # r dV/dr at fixed fields
    value_and_gradient: Callable[..., tuple[np.ndarray, np.ndarray]]


@functools.lru_cache(maxsize=64)
def point_kernels(function: PotentialFunction) -> PointKernels:
    """The compiled kernels of a potential; one that is a transform of another V builds them from those of that V."""
    transformed = getattr(function, "point_kernels", None)
    if transformed is not None:
        kernels: PointKernels = transformed()
        return kernels
    jax_setup.enable_compilation_cache()
    value, _, hessian = point_functions(function)

    def radial(u: Array, params: Any, r: Array) -> Array:
        return jax.jvp(lambda x: value(u, params, x), (r,), (r,))[1]

    def both(u: Array, params: Any, r: Array) -> tuple[Array, Array]:
        derivatives = jax.vmap(jax.value_and_grad(function), in_axes=(0, None, 0))
        return derivatives(away_from_zero(u), params, r)

    pair = _blocked(both)

    def slope(u: Any, params: Any, r: Any) -> np.ndarray:
        return pair(u, params, r)[1]  # compiling a separate kernel costs as much as 2000 values

    return PointKernels(_blocked(value), slope, _blocked(hessian, _SHORT), _blocked(radial), pair)


@functools.lru_cache(maxsize=64)
def hessian_change(function: PotentialFunction) -> Callable[..., np.ndarray]:
    r"""The compiled :math:`V''(v + a) - V''(v) = \int_0^1\frac{d}{ds}V''(v + sa)\,ds`, of v and a side by side.

    The difference loses the digits of a large V''(v). By Gauss's rule, exact for polynomials V up to degree 18.
    """
    jax_setup.enable_compilation_cache()
    hessian = point_functions(function)[2]
    nodes, weights = np.polynomial.legendre.leggauss(8)

    def change(both: Array, params: Any, r: Array) -> Array:
        v, a = jnp.split(both, 2, axis=1)

        def slope(s: Array) -> Array:
            return jax.jvp(lambda x: hessian(v + x * a, params, r), (s,), (jnp.ones_like(s),))[1]

        return jnp.tensordot(0.5 * weights, jax.vmap(slope)(0.5 + 0.5 * nodes), axes=1)

    return _blocked(change, _SHORT)


class CouplingKernels(NamedTuple):
    """Derivatives at points in the couplings p, along ``direction``; NumPy in and out.

    force(u, params, direction, r): dV'/dp. energy(u, params, direction, r, du, course): dV/dp, and its change along
    the fields ``du`` and the change ``course`` of every coupling. curvature(u, params, direction, r, du): dV''/dp along
    a family whose fields change by ``du``.
    """

    force: Callable[..., np.ndarray]
    energy: Callable[..., tuple[np.ndarray, np.ndarray]]
    curvature: Callable[..., np.ndarray]


@functools.lru_cache(maxsize=64)
def coupling_kernels(function: PotentialFunction) -> CouplingKernels:
    """The compiled derivatives of a potential, or of a density, in its couplings; see :func:`point_kernels`."""
    transformed = getattr(function, "coupling_kernels", None)
    if transformed is not None:
        kernels: CouplingKernels = transformed()
        return kernels
    value, gradient, hessian = point_functions(function)

    def force(u: Any, params: Any, direction: Any, r: Any) -> Any:
        return jax.jvp(lambda p: gradient(u, p, r), (params,), (direction,))[1]

    def energy(u: Any, params: Any, direction: Any, r: Any, du: Any, course: Any) -> Any:
        def first(v: Any, moved: Any) -> Any:
            return jax.jvp(lambda p: value(v, p, r), (moved,), (direction,))[1]

        return jax.jvp(first, (u, params), (du, course))

    def curvature(u: Any, params: Any, direction: Any, r: Any, du: Any) -> Any:
        return jax.jvp(lambda v, p: hessian(v, p, r), (u, params), (du, direction))[1]

    return CouplingKernels(_in_blocks(force), _in_blocks(energy), _in_blocks(curvature))


def _blocked(function: Callable[..., Any], blocks: tuple[tuple[float, int], ...] = _BLOCKS) -> Callable[..., Any]:
    """``function`` for NumPy lists of any length, evaluated in blocks."""

    @functools.cache
    def compiled(names: tuple[str, ...]) -> Callable[..., Any]:
        """The kernel with the couplings ``names`` as one vector: a dict costs 5 microseconds per scalar."""

        def packed(u: Array, values: Array, rest: Any, r: Array) -> Any:
            return function(u, dict(zip(names, values, strict=True)) | rest, r)

        packed.__name__ = function.__name__
        return jax.jit(packed)

    def call(u: Any, params: Any, r: Any) -> Any:
        u, r = np.asarray(u, float), np.asarray(r, float)
        count = len(u)
        block = next(length for most, length in blocks if count <= most)
        names, values, rest = _vector(params)
        kernel = compiled(names)
        pieces = []
        for start in range(0, count, block):
            part, radii = _padded(u[start : start + block], block), _padded(r[start : start + block], block)
            pieces.append(kernel(part, values, rest, radii))
        return _joined(pieces, count)

    return call


def _in_blocks(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` of lists of points and of dicts of couplings, evaluated in small blocks: compiled once."""
    kernel = jax.jit(function)

    def call(*given: Any) -> Any:
        pieces, count = [], len(given[0])
        for start in range(0, count, SMALL_BLOCK):
            here = slice(start, start + SMALL_BLOCK)
            block = [x if isinstance(x, dict) else _padded(np.asarray(x, float)[here], SMALL_BLOCK) for x in given]
            pieces.append(kernel(*block))
        return _joined(pieces, count)

    return call


def _vector(params: Any) -> tuple[tuple[str, ...], np.ndarray, Any]:
    """Names and values of the couplings that are floats, and a dict of the others."""
    if {float}.issuperset(map(type, params.values())):  # the usual case, four times faster
        return tuple(params), np.array(list(params.values())), {}
    numbers = {name: value for name, value in params.items() if isinstance(value, float)}
    rest = {name: value for name, value in params.items() if name not in numbers}
    return tuple(numbers), np.array(list(numbers.values())), rest


def _padded(part: np.ndarray, length: int) -> np.ndarray:
    """``part`` padded with its last point, where the potential is evaluated anyway."""
    count = len(part)
    if count == length:
        return part
    out = np.empty((length, *part.shape[1:]))
    out[:count], out[count:] = part, part[-1]
    return out


def _joined(pieces: Sequence[Any], count: int) -> Any:
    """The first ``count`` results, an array or a tuple of arrays, of all blocks."""
    if isinstance(pieces[0], tuple):
        return tuple(_join(arrays)[:count] for arrays in zip(*pieces, strict=True))
    return _join(pieces)[:count]


def _join(arrays: Sequence[Any]) -> np.ndarray:
    return np.asarray(arrays[0]) if len(arrays) == 1 else np.concatenate([np.asarray(a) for a in arrays])
