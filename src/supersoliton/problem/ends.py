"""Conditions at the ends: those of a theory, parities in one dimension, and the two ends of a whole line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy import ndarray as Array

from .._checks import expect_constant_kinetic
from ..theory.base import AbstractModel
from ..theory.derivatives import point_kernels
from ..theory.polish import nearby_vacuum
from ..theory.vacua import Vacuum, vacuum_at
from ..theory.whole_line import WholeLine, fold, theory_of
from .far_fields import far_values

_PARITIES = ("even", "odd")
_DEGENERATE = 1e-9  # difference of V at the ends below which they are degenerate, relative to the barrier
_SAMPLES = 201  # points on the straight way between the ends


def check_own_ends(problem: Any) -> None:
    """Raise ValueError where the arguments of a problem contradict the dimension and the ends of its theory."""
    model, name = problem.model, type(problem.model).__name__
    if model.dimension is not None and float(problem.dimension) != float(model.dimension):
        raise ValueError(
            f"problem: {name} lives in dim = {model.dimension:g}, got dim = {problem.dimension:g}: leave dim out, or "
            f"use RadialGrid(..., dim={model.dimension:g})"
        )
    given = [n for n in ("norm", "omega", "norm_of", "background", "line") if getattr(problem, n) is not None]
    given += [n for n, usual in (("boundary", "vacuum"), ("parity", "even")) if getattr(problem, n) != usual]
    if model.ends is not None and given:
        raise ValueError(
            f"problem.{given[0]}: {name} has conditions at the origin and at infinity of its own, so {given[0]} is not "
            "given: leave it out"
        )


def at_edge(model: AbstractModel, vacuum: Vacuum, radius: float) -> Vacuum:
    """The vacuum of a theory with ends with the values at ``radius`` (0: infinity); that of other theories as it is."""
    if model.ends is None or model.density_function is None or radius == 0.0:
        return vacuum
    return replace(vacuum, values=far_values(model, np.array([radius]))[0])


def reached(problem: Any, u: Array) -> Vacuum:
    """The vacuum around a state: that of the problem, with the values that fields which are free there have reached."""
    free = free_fields(problem.model, 1) > 0.0
    return vacuum_at(problem.model, np.where(free, u[-1], problem.vacuum.values)) if free.any() else problem.vacuum


def free_fields(model: AbstractModel, side: int) -> Array:
    """1 for fields that the theory leaves free at the origin (``side`` 0) or at infinity (1), else 0; (n_fields,).

    A theory without ends leaves all free at the origin, and holds all at infinity.
    """
    if model.ends is None:
        return np.full(model.n_fields, 1.0 - side)
    return np.array([float(value is None) for value in model.ends[side]])


def eliminated_fields(model: AbstractModel) -> Array:
    """1 for the fields that a theory eliminates, else 0; (n_fields,)."""
    return np.array([float(name in model.eliminated) for name in model.fields])


def parity_of(given: Any, n_fields: int, dim: float) -> str | tuple[str, ...]:
    """ "even", "odd", or a tuple with one of them for each field where they differ. Raises ValueError."""
    each = (given,) * n_fields if isinstance(given, str) else tuple(given) if isinstance(given, list | tuple) else ()
    if any(one not in _PARITIES for one in each) or not each:
        raise ValueError(f'problem.parity must be "even" or "odd", got {given!r}: choose one, or one for each field')
    if len(each) != n_fields:
        raise ValueError(f"problem.parity must have one value for each of {n_fields} fields, got {given!r}: correct it")
    if "odd" in each and float(dim) != 1.0:
        raise ValueError(f'problem.parity "odd" needs dim = 1, got dim = {dim}: use "even"')
    return each[0] if len(set(each)) == 1 else each


def odd_fields(parity: str | Sequence[str], n_fields: int) -> Array:
    """Mask of the fields that are odd, (n_fields,)."""
    return np.array([one == "odd" for one in ((parity,) * n_fields if isinstance(parity, str) else parity)])


def stationary_values(problem: Any, name: str) -> tuple[float, ...]:
    """The stationary point of V next to the values given as ``name``. Raises ValueError if it is not a vacuum."""
    model, given, radius = problem.model, getattr(problem, name), problem.outer_radius
    n = model.n_fields
    try:
        values = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (n,) or not np.all(np.isfinite(values)):
        raise ValueError(f"problem.{name} must be {n} finite values, got {given!r}: give one for each field")
    values = nearby_vacuum(f"problem.{name}", problem.effective_model, values, radius).values
    lightest = vacuum_at(model, values, radius)
    if problem.norm is None and problem.omega is None and not lightest.stable and not model.explicit_r:
        raise ValueError(
            f"problem.{name} {values.tolist()} is not a vacuum: it has a tachyon of mass^2 "
            f"{lightest.masses_squared[0]:.4g}; use a minimum of V, see vacua(model)"
        )
    return tuple(float(x) for x in values)


def check_reflection(model: AbstractModel, odd: Array, vacuum: Array) -> None:
    """Raise ValueError where a state with these odd fields and this vacuum on the right cannot be half of a state."""
    value = point_kernels(model.potential_function).value
    # heuristic: points of the size of the vacuum; a symmetry that holds at eight random ones holds
    points = (np.max(np.abs(vacuum)) or 1.0) * np.random.default_rng(0).uniform(-1.0, 1.0, (8, len(vacuum)))
    mirrored = np.where(odd, -points, points)
    at, function = np.concatenate([points, mirrored]), model.density_function
    both = value(at, model.params, np.zeros(16))
    if function is not None:  # K(u) has to keep its form too
        both = point_kernels(function).value(np.concatenate([at, at], axis=1), model.params, np.zeros(16))
    if np.all(np.isfinite(both)) and np.max(np.abs(both[:8] - both[8:])) > 1e-9 * np.ptp(both):
        raise ValueError(
            f'problem.parity "odd": {"V" if function is None else "V or K"} changes when the sign of the odd fields '
            "changes, so the other half of the line is not the mirror image: use line=(left, right)"
        )
    if not odd.all() or not vacuum.any():
        return
    origin, outside = value(np.stack([np.zeros_like(vacuum), vacuum]), model.params, np.zeros(2))
    way = value(np.linspace(0.0, 1.0, _SAMPLES)[:, None] * vacuum, model.params, np.zeros(_SAMPLES))
    if origin - outside <= _DEGENERATE * np.ptp(way):
        relation = "degenerate with" if abs(origin - outside) <= _DEGENERATE * np.ptp(way) else "below"
        raise ValueError(
            f'problem.parity "odd": V at the origin, where all fields vanish, is {relation} V at {vacuum.tolist()}, so '
            "no kink passes through it: for a kink between the two use "
            f"line=({np.zeros_like(vacuum).tolist()}, {vacuum.tolist()})"
        )


def line_settings(problem: Any) -> dict[str, Any]:
    """The model, parity, background and polished ``line`` of a problem with a line.

    Raises
    ------
    ValueError : unless the ends are different, degenerate minima of V, and nothing else says what the ends are.
    """
    if float(problem.dimension) != 1.0:
        raise ValueError(f"problem.line needs dim = 1, got dim = {problem.dimension}: use RadialGrid(..., dim=1)")
    if problem.norm is not None:
        raise ValueError("problem.line and problem.norm exclude each other: fix the frequency instead")
    known = isinstance(problem.model, WholeLine)
    if not isinstance(problem.boundary, str) or not (
        known or (problem.background is None and problem.parity == "even")
    ):
        raise ValueError("problem.line gives the fields at both ends: leave out boundary, background and parity")
    inner = theory_of(problem.model)
    expect_constant_kinetic("problem.line", inner, 'use a half line, parity="odd"')
    if inner.explicit_r:
        raise ValueError("problem.line: V depends on r itself, so its origin is fixed: use the half line with parity")
    ends = _two_points(inner, problem.line)
    if not any(hasattr(value, "aval") for value in inner.params.values()):  # traced couplings have no value yet
        ends = np.stack([_minimum(inner, one) for one in ends])
        _check_degenerate(inner, ends)
    return {
        "model": problem.model if known else WholeLine(inner),
        "parity": ("even",) * inner.n_fields + ("odd",) * inner.n_fields,
        "background": tuple(fold(ends[0], ends[1]).tolist()),
        "line": tuple(tuple(end.tolist()) for end in ends),
    }


def _two_points(model: AbstractModel, line: Any) -> Array:
    n = model.n_fields
    try:
        given = np.asarray(line, dtype=float)
        given = given[:, None] if given.shape == (2,) and n == 1 else given
    except (TypeError, ValueError):
        given = np.empty(0)
    if given.shape != (2, n) or not np.all(np.isfinite(given)):
        raise ValueError(
            f"problem.line must be (left, right) with {n} finite values each, got {line!r}: e.g. "
            f"({[0.0] * n}, {[1.0] * n})"
        )
    if np.array_equal(given[0], given[1]):
        raise ValueError(
            f"problem.line: both ends are {given[0].tolist()}: give two different vacua; for a bounce in one dimension "
            "use ss.bounce(model, false_vacuum, dim=1)"
        )
    return given


def _minimum(model: AbstractModel, given: Array) -> Array:
    found = nearby_vacuum("problem.line", model, given)
    if not found.stable:
        raise ValueError(
            f"problem.line: {found.values.tolist()} is not a minimum of V: it has a tachyon of mass^2 "
            f"{found.masses_squared[0]:.4g}; see ss.vacua"
        )
    return found.values


def _check_degenerate(model: AbstractModel, ends: Array) -> None:
    way = ends[0] + np.linspace(0.0, 1.0, _SAMPLES)[:, None] * (ends[1] - ends[0])
    values = point_kernels(model.potential_function).value(way, model.params, np.zeros(_SAMPLES))
    left, right = float(values[0]), float(values[-1])
    barrier = float(np.nanmax(values) - min(left, right))
    if not abs(right - left) <= _DEGENERATE * barrier:
        lower = ends[0] if left < right else ends[1]
        raise ValueError(
            f"problem.line: V is {left:.9g} at {ends[0].tolist()} and {right:.9g} at {ends[1].tolist()}; the lower "
            f"vacuum {lower.tolist()} pushes the wall away, so there is no static kink: tune V until the two agree, or "
            "use ss.bounce for the decay of the upper one"
        )
