"""Trajectories of a field along a tabulated way, many at once: the radial equation, compiled once for all potentials.

By the pair of orders 5 and 4 of Dormand and Prince; every trajectory has its own step. It ends as an overshoot where s
passes 0, as an undershoot where s turns back.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from ..machine.jax_setup import enable_compilation_cache
from .dormand_prince import ERROR, NODES, STAGES

BATCH = 128  # trajectories integrated together
_STEPS = 1500  # most steps of a trajectory; as many are kept of one that is recorded

# Points, coefficients of the cubic from each to the next, stretch of the points (evenly spaced in arsinh), and the
# energy below which a trajectory is an undershoot
Table = tuple[Array, Array, float, float]


def ends_of(table: Table, dim: float, states: Float[Array, "start 3"], tolerance: float) -> Array:
    """1 for overshoot, -1 for undershoot, 0 where neither is reached, from r, s, s' at the start."""
    count = len(states)
    padded = np.concatenate([states, np.repeat(states[-1:], -count % BATCH, axis=0)])
    batches = np.split(padded, len(padded) // BATCH)
    return np.concatenate([np.asarray(_integrator()(table, dim, batch, tolerance)) for batch in batches])[:count]


def recorded(table: Table, dim: float, states: Float[Array, "start 3"], tolerance: float) -> list[Array]:
    """r, s, s' along each trajectory."""
    paths, counts = _recorder()(table, dim, states, tolerance)
    return [path[:count] for path, count in zip(np.asarray(paths), np.asarray(counts), strict=True)]


def _piece(table: Any, s: Any) -> tuple[Any, Any]:
    """The coefficients of V, cubic around s, and the distance of s from their point."""
    points, cubics, stretch, _ = table
    scale, step = points[-1] / jnp.sinh(stretch), stretch / (points.shape[0] - 1)
    k = jnp.clip(jnp.arcsinh(s / scale) / step, 0, points.shape[0] - 2).astype(int)
    return cubics[k].T, s - points[k]


def _force(table: Any, s: Any) -> Any:
    (_, b, c, d), x = _piece(table, s)
    return b + x * (2.0 * c + 3.0 * d * x)


def _value(table: Any, s: Any) -> Any:
    (a, b, c, d), x = _piece(table, s)
    return a + x * (b + x * (c + x * d))


class _Flight(NamedTuple):
    r: Any
    s: Any
    v: Any  # s'
    a: Any  # s''
    step: Any
    verdict: Any
    size: Any  # the largest s


def _launched(table: Any, dim: Any, states: Any) -> _Flight:
    """The flights after a Taylor step from the origin, with the first step length."""
    r, s, v = states.T
    force, bump = _force(table, s), 1e-3 * s
    stiffness = jnp.abs(_force(table, s + bump) - _force(table, s - bump)) / (2.0 * bump)
    length = 1.0 / jnp.sqrt(stiffness + jnp.abs(force) / s + 1e-300)
    first = 0.02 * length
    at_origin = r == 0.0
    verdict = jnp.where(0.5 * v**2 <= _value(table, s), -1, 0)
    r, moved = jnp.where(at_origin, first, r), jnp.where(at_origin, s + 0.5 * force * first**2 / dim, s)
    v = jnp.where(at_origin, force * first / dim, v)
    return _Flight(r, moved, v, _force(table, moved) - (dim - 1.0) / r * v, 0.2 * length, verdict, s)


def _stepped(table: Any, dim: Any, tolerance: Any, flight: _Flight) -> _Flight:
    """One step of every flight that has not ended, kept where its error is small."""
    r, s, v, h = flight.r, flight.s, flight.v, flight.step
    vs, accelerations = [v], [flight.a]
    for weights, c in zip(STAGES[1:], NODES[1:], strict=True):
        new_s = s + h * sum(w * x for w, x in zip(weights, vs, strict=True) if w)
        new_v = v + h * sum(w * x for w, x in zip(weights, accelerations, strict=True) if w)
        vs.append(new_v)
        accelerations.append(_force(table, new_s) - (dim - 1.0) / (r + c * h) * new_v)
    errors = [h * sum(w * x for w, x in zip(ERROR, k, strict=True) if w) for k in (vs, accelerations)]
    worst = jnp.maximum(jnp.abs(errors[0]), jnp.abs(errors[1]) * h) / (tolerance * (jnp.abs(s) + 1e-2 * flight.size))
    worst = jnp.where(jnp.isfinite(worst), worst, 1e6)
    active = flight.verdict == 0
    kept = active & (worst <= 1.0)
    under = (new_v > 0.0) | (0.5 * new_v**2 - _value(table, new_s) <= table[3])
    verdict = jnp.where(kept, jnp.where(new_s <= 0.0, 1, jnp.where(under, -1, 0)), flight.verdict)
    factor = jnp.clip(0.9 * (worst + 1e-12) ** -0.2, 0.2, 4.0)
    ahead = _Flight(r + h, new_s, new_v, accelerations[-1], h, verdict, flight.size)
    moved = _Flight(*(jnp.where(kept, new, old) for new, old in zip(ahead, flight, strict=True)))
    return moved._replace(step=jnp.where(active, h * factor, h), verdict=verdict)


@functools.cache
def _integrator() -> Any:
    enable_compilation_cache()

    @jax.jit
    def shoot(table: Any, dim: Any, states: Any, tolerance: Any) -> Any:
        def more(carry: Any) -> Any:
            return (carry[0] < _STEPS) & jnp.any(carry[1].verdict == 0)

        def step(carry: Any) -> Any:
            return carry[0] + 1, _stepped(table, dim, tolerance, carry[1])

        return jax.lax.while_loop(more, step, (0, _launched(table, dim, states)))[1].verdict

    return shoot


@functools.cache
def _recorder() -> Any:
    enable_compilation_cache()

    @jax.jit
    def record(table: Any, dim: Any, states: Any, tolerance: Any) -> Any:
        def point(flight: _Flight) -> Any:
            return jnp.stack([flight.r, flight.s, flight.v], axis=1)

        def more(carry: Any) -> Any:
            return (carry[0] < _STEPS) & jnp.any(carry[1].verdict == 0)

        def step(carry: Any) -> Any:
            i, flight, path, count = carry
            new = _stepped(table, dim, tolerance, flight)
            moved = new.r > flight.r
            row = jnp.where(moved[:, None], point(new), path[sides, count])
            return i + 1, new, path.at[sides, count].set(row), count + moved

        first, sides = _launched(table, dim, states), jnp.arange(states.shape[0])
        path = jnp.zeros((states.shape[0], _STEPS + 2, 3)).at[:, 0].set(states).at[:, 1].set(point(first))
        count = jnp.where(states[:, 0] == 0.0, 2, 1)
        _, _, path, count = jax.lax.while_loop(more, step, (0, first, path, count))
        return path, count

    return record
