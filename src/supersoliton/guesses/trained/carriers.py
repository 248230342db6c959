r"""Labels of branches: the fields that carry a soliton, with their signs.

A field carries the soliton if its share :math:`n_i = \int (u_i - v_i)^2` is at least 0.3 of the largest one. In the
states of `examples/quickstart.toml` the carriers have nearly equal shares and the other fields less than 0.1 of them,
except in 2 states of 100 (`docs/development/warm_start.md`).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from ...problem.problem import DiscreteProblem
from ...theory.base import AbstractModel
from ...theory.derivatives import point_kernels

_CARRIES = 0.3  # of the largest share


@dataclass(frozen=True, order=True)
class Carriers:
    """Indices of the carrying fields, ascending, and the sign of each."""

    carriers: tuple[int, ...]
    signs: tuple[int, ...]

    def __str__(self) -> str:
        return " ".join(f"{'+' if sign > 0 else '-'}{i}" for i, sign in zip(self.carriers, self.signs, strict=True))


def carriers_of(problem: DiscreteProblem, u: Float[Array, "node field"]) -> Carriers:
    """The carriers of nodal fields. If the potential is even, u and its mirror image have the same."""
    carriers = _carriers(problem, u)
    signs = [_sign(problem, u, i) for i in carriers]
    flip = signs[0] if signs and is_mirrored(problem) else 1
    return Carriers(carriers, tuple(flip * sign for sign in signs))


def oriented(problem: DiscreteProblem, u: Float[Array, "node field"]) -> Float[Array, "node field"]:
    """u or its mirror image, whichever has a positive first carrier."""
    carriers = _carriers(problem, u)
    if not carriers or not is_mirrored(problem) or _sign(problem, u, carriers[0]) > 0:
        return u
    return np.where(_may_carry(problem), -u, u)


def is_mirrored(problem: DiscreteProblem) -> bool:
    """Whether all fields that may carry vanish in the vacuum and V is even under a change of their common sign."""
    carry = _may_carry(problem)
    return not np.any(problem.vacuum.values[carry]) and _is_even(problem.model, tuple(carry.tolist()))


def _may_carry(problem: DiscreteProblem) -> Array:
    chosen = problem.carries_norm > 0
    return chosen if chosen.any() else np.ones(problem.model.n_fields, bool)


def _carriers(problem: DiscreteProblem, u: Array) -> tuple[int, ...]:
    away = (u - problem.vacuum.values) * _may_carry(problem)
    shares = np.sum(away * (problem.grid.mass @ away), axis=0)
    return tuple(int(i) for i in np.flatnonzero(shares > max(_CARRIES * shares.max(), 0.0)))


def _sign(problem: DiscreteProblem, u: Array, i: int) -> int:
    away = u[:, i] - problem.vacuum.values[i]
    return 1 if away[np.argmax(np.abs(away))] >= 0 else -1


@functools.lru_cache(maxsize=256)
def _is_even(model: AbstractModel, carry: tuple[bool, ...]) -> bool:
    u = np.random.default_rng(0).normal(size=(8, model.n_fields))
    both, radii = np.concatenate([u, np.where(carry, -u, u)]), np.linspace(0.0, 1.0, len(u))
    plain, mirrored = np.split(point_kernels(model.potential_function).value(both, model.params, np.tile(radii, 2)), 2)
    return bool(np.all(np.abs(plain - mirrored) <= 1e-12 * (1.0 + np.abs(plain))))
