"""Checks of arguments, with readable messages."""

from __future__ import annotations

import math
import reprlib
from typing import Any

import numpy as np

_STATE = ("problem", "u", "multiplier")
_PROBLEM = ("model", "grid", "norm")
_MODEL = ("potential_function", "params", "n_fields")


def expect_state(call: str, value: Any) -> None:
    """Raise ValueError unless ``value`` has the attributes of a State."""
    _expect(call, "state", value, "a State", _STATE, "solve first, state = solve(problem)")


def expect_problem(call: str, value: Any) -> None:
    """Raise ValueError unless ``value`` has the attributes of a Problem."""
    _expect(call, "problem", value, "a Problem", _PROBLEM, "use Problem(model, grid)")


def expect_model(call: str, value: Any) -> None:
    """Raise ValueError unless ``value`` has the attributes of a model."""
    _expect(call, "model", value, "a model", _MODEL, "use Potential(...)")


def expect_potential(call: str, model: Any, remedy: str) -> None:
    """Raise ValueError for a theory that is given by an energy density, where a potential is needed."""
    if getattr(model, "ends", None) is not None:
        raise ValueError(
            f"{call} needs a potential, and {model!r} is given by its energy density, with conditions at both ends: "
            f"{remedy}"
        )


def expect_constant_kinetic(call: str, model: Any, reason: str) -> None:
    """Raise ValueError for a theory that is given by an energy density, or whose kinetic terms depend on the fields."""
    expect_potential(call, model, reason)
    if getattr(model, "density_function", None) is not None:
        raise ValueError(
            f"{call} needs constant kinetic factors, and those of {model!r} depend on the fields: {reason}"
        )


def _expect(call: str, name: str, value: Any, kind: str, attributes: tuple[str, ...], remedy: str) -> None:
    if not all(hasattr(value, attribute) for attribute in attributes):
        raise ValueError(f"{call}: {name} must be {kind}, got {reprlib.repr(value)}: {remedy}")


def expect_count(name: str, value: Any, remedy: str, *, least: int = 1) -> None:
    """Raise ValueError unless ``value`` is an integer of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}: {remedy}")


def is_positive(value: object) -> bool:
    """Whether ``value`` is a positive finite number, or traced by JAX, which has no value yet."""
    return hasattr(value, "aval") or (is_number(value) and value > 0)  # type: ignore[operator]


def is_number(value: object) -> bool:
    """Whether ``value`` is a finite real number (not a bool)."""
    return (
        isinstance(value, int | float | np.floating | np.integer)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )
