"""A problem with other values of its couplings, and the vacuum that goes with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..theory.derivatives import point_kernels
from ..theory.vacua import slope, vacuum_at
from ..theory.whole_line import ends_of
from .problem import DiscreteProblem


def with_couplings(near: DiscreteProblem, couplings: Mapping[str, float]) -> DiscreteProblem:
    """The problem with other values of some couplings; its vacuum is followed from that of ``near``."""
    model = near.model.replace(**couplings)
    vacuum = _follow_vacuum(near, model)
    changes: dict[str, Any] = {"model": model}
    if near.line is not None:
        changes["line"] = ends_of(vacuum)
    for name in ("boundary", "background"):
        given = getattr(near, name)
        if given is not None and not isinstance(given, str):
            changes[name] = tuple(float(x) for x in vacuum)
    other = near.replace(**changes)
    other.__dict__["vacuum"] = vacuum_at(model, vacuum, near.grid.r_max)
    return other


def _held_fixed(problem: DiscreteProblem) -> Array:
    """Mask of the fields whose vacuum value stays: those at 0 that carry a fixed norm or rotate, those of own ends."""
    if problem.model.ends is not None:
        return np.ones(problem.model.n_fields, bool)
    if problem.norm is None and problem.omega is None:
        return np.zeros(problem.model.n_fields, bool)
    return (problem.carries_norm > 0) & (problem.vacuum.values == 0.0)


def _follow_vacuum(near: DiscreteProblem, model: Any) -> Array:
    """Newton's method for V' = 0 from the vacuum of ``near``, in the fields whose vacuum value may change."""
    values = near.vacuum.values.copy()
    free = ~_held_fixed(near)
    radius = near.grid.r_max
    hessian = point_kernels(model.potential_function).hessian
    for _ in range(20):
        matrix = hessian(values[None], model.params, np.array([radius]))[0][np.ix_(free, free)]
        load = (slope(model, values, radius) - near.multiplier_shift * values)[free]
        if not (np.all(np.isfinite(matrix)) and np.all(np.isfinite(load))):
            raise ValueError("the potential is not finite at the vacuum")
        if not free.any() or np.max(np.abs(load)) <= 1e-15 * max(1.0, float(np.max(np.abs(matrix)))):
            break
        matrix = matrix - np.diag(near.multiplier_shift[free])
        step = np.linalg.lstsq(matrix, load, rcond=1e-12)[0]
        values[free] -= step
        if np.max(np.abs(step)) <= 1e-15 * max(1.0, float(np.max(np.abs(values)))):
            break
    return values
