"""Nodal fields that satisfy the conditions of a problem, and their transfer to another mesh."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from .asymptotics import decay_length
from .norm import half_slope
from .problem import DiscreteProblem

_RESCALINGS, _LONGEST = 30, 2.0  # Newton steps to the norm, and the longest one


def scale_to_norm(problem: DiscreteProblem, u: Array) -> Array:
    """u with its constrained fields rescaled to the problem's norm; u if no norm is fixed.

    Raises ValueError if the constrained fields vanish.
    """
    if problem.norm is None:
        return u
    carried = problem.norm_of_state(u)
    if not carried > 0:
        names = [f for f, c in zip(problem.model.fields, problem.carries_norm, strict=True) if c]
        raise ValueError(
            f"guess: the fields {', '.join(names)} vanish, so they cannot be scaled to the norm of the problem: start "
            "with at least one of them non-zero"
        )
    factor = math.sqrt(float(problem.norm) / carried)
    scaled = np.where(problem.carries_norm > 0, u * factor, u)
    return scaled if problem.model.density_function is None else _rescaled(problem, scaled)


def _rescaled(problem: DiscreteProblem, u: Array) -> Array:
    """``u`` at the norm by Newton's method in the logarithm of the scale, where N is no square; NaN if it fails."""
    norm = float(problem.norm or 0.0)
    for _ in range(_RESCALINGS):
        carried = problem.norm_of_state(u)
        if abs(carried - norm) <= 4e-16 * norm:
            return u
        rate = 2.0 * float(np.sum(half_slope(problem, u) * u * problem.carries_norm))  # dN/d ln(scale)
        if not (rate > 0.0 and carried > 0.0):
            break
        factor = math.exp(min(max(math.log(norm / carried) * carried / rate, -_LONGEST), _LONGEST))
        u = np.where(problem.carries_norm > 0, u * factor, u)
    return u if abs(problem.norm_of_state(u) - norm) <= 1e-12 * norm else np.full_like(u, math.nan)


def satisfy_conditions(problem: DiscreteProblem, u: Array) -> Array:
    """u with the boundary values (at the origin 0 for odd parity or that of the theory, at r_max the vacuum) and the
    norm of the problem."""
    edge = np.zeros_like(u)
    edge[0] = 0.0 if problem.model.ends is None else problem.model.ends.inner
    edge[-1] = problem.vacuum.values
    placed = scale_to_norm(problem, np.where(problem.free_nodes > 0, u, edge))
    if problem.norm is not None and not np.all(np.isfinite(placed)):
        raise ValueError(
            f"guess: no multiple of these fields has the norm {problem.norm:.6g}, which depends on K(u): give another "
            "guess or another norm"
        )
    return placed


def transfer(problem: DiscreteProblem, u: Array, target: DiscreteProblem) -> Array:
    """Nodal fields of ``problem`` interpolated on the mesh of ``target``, with its boundary values and its norm.

    Outside the old domain the fields decay continuously to the old vacuum at the rate of the lightest mass.
    """
    old, nodes = problem.grid, target.grid.nodes
    inside = nodes <= old.r_max
    out = np.tile(problem.vacuum.values, (len(nodes), 1))
    out[inside] = old.interpolate(u, nodes[inside])
    if not inside.all():
        rate = 1.0 / min(decay_length(problem, old.r_max), old.r_max)
        tail = np.exp(-rate * (nodes[~inside] - old.r_max))
        out[~inside] += tail[:, None] * (u[-1] - problem.vacuum.values)
    return satisfy_conditions(target, out)
