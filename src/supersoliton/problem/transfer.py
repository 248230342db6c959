"""Nodal fields carried to a fixed norm and to another mesh."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from .asymptotics import decay_length
from .problem import DiscreteProblem


def scale_to_norm(problem: DiscreteProblem, u: Array) -> Array:
    """Rescale the constrained fields so that their norm is ``problem.norm``."""
    assert problem.norm is not None
    carried = problem.norm_of_state(u)
    if not carried > 0:
        names = [f for f, c in zip(problem.model.fields, problem.carries_norm, strict=True) if c]
        raise ValueError(
            f"guess: the fields {', '.join(names)} vanish, so they cannot be scaled to norm {problem.norm:g}: "
            "start with at least one of them non-zero"
        )
    factor = math.sqrt(float(problem.norm) / carried)
    return np.where(problem.carries_norm > 0, u * factor, u)


def transfer(problem: DiscreteProblem, u: Array, target: DiscreteProblem) -> Array:
    """Carry nodal fields to another mesh (the vacuum beyond the old domain), with its boundary values and norm."""
    old, new = problem.grid, target.grid
    nodes = new.nodes
    inside = nodes <= old.r_max
    out = np.tile(problem.vacuum.values, (len(nodes), 1))
    out[inside] = old.interpolate(u, nodes[inside])
    if not inside.all():  # continue the last value with the tail's rate, so that no step is made
        rate = 1.0 / min(decay_length(problem, old.r_max), old.r_max)
        tail = np.exp(-rate * (nodes[~inside] - old.r_max))
        out[~inside] += tail[:, None] * (u[-1] - problem.vacuum.values)
    held = target.free_nodes == 0
    edge = np.zeros_like(out)
    edge[-1] = target.vacuum.values
    out[held] = edge[held]
    return scale_to_norm(target, out) if target.norm is not None else out
