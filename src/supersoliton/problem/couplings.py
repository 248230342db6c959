"""The problem at other values of its couplings: its theory, its vacuum and the values at its ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..theory.derivatives import point_kernels
from ..theory.vacua import slope, vacuum_at
from ..theory.whole_line import ends_of
from .problem import DiscreteProblem, Problem

# Relative step of the central difference of the exterior matrix, a smooth function of the masses: the best compromise
# of truncation (step^2) and rounding (1e-16/step) is the cube root of the rounding unit.
DIFFERENCE = 6e-6


def parameters_of(problem: Problem) -> dict[str, Any]:
    """The values of couplings, norm and frequency, by name; a theory with ends of its own has couplings only."""
    own = {} if problem.model.ends is not None else {"norm": problem.norm, "omega": problem.omega}
    return {**problem.model.params, **own}


def with_couplings(near: DiscreteProblem, couplings: Mapping[str, float]) -> DiscreteProblem:
    """The problem with other values of some couplings; its vacuum is followed from that of ``near``."""
    model = near.model.replace(**couplings)
    vacuum = _follow_vacuum(near, model) if model.ends is None else model.ends.outer
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


def rates_of_ends(problem: DiscreteProblem, parameter: str) -> tuple[Array, Array]:
    """Derivatives of the values that a theory demands at the origin and at infinity, by central differences."""
    value = float(problem.model.params[parameter])
    step = DIFFERENCE * (abs(value) or 1.0)
    low, high = (problem.model.replace(**{parameter: x}).ends for x in (value - step, value + step))
    assert low is not None
    assert high is not None
    return (high.inner - low.inner) / (2.0 * step), (high.outer - low.outer) / (2.0 * step)


def held_fixed(problem: DiscreteProblem) -> Array:
    """Mask of the fields whose vacuum value stays: those at 0 that carry a fixed norm or rotate, those of own ends."""
    if problem.model.ends is not None:
        return np.ones(problem.model.n_fields, bool)
    if problem.norm is None and problem.omega is None:
        return np.zeros(problem.model.n_fields, bool)
    return (problem.carries_norm > 0) & (problem.vacuum.values == 0.0)


def with_vacuum(other: DiscreteProblem, near: DiscreteProblem) -> DiscreteProblem:
    """``other`` with the vacuum of ``near``, which is not searched for again."""
    other.__dict__["vacuum"] = near.vacuum
    return other


def _follow_vacuum(near: DiscreteProblem, model: Any) -> Array:
    """Newton's method for V' = 0 from the vacuum of ``near``, in the fields whose vacuum value may change."""
    values = near.vacuum.values.copy()
    free = ~held_fixed(near)
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
