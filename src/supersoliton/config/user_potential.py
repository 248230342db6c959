"""A potential or a density named in a configuration as `function = "file.py:name"`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ..machine import user_files
from ..theory import Density, Potential

KEYS = ("kind", "function", "fields", "params", "constrained", "kinetic")
DENSITY_KEYS = ("kind", "function", "fields", "params", "origin", "infinity", "dim", "line", "reference", "eliminate")
_WHERE = "[model] function"


def make_model(table: Mapping[str, Any]) -> Potential:
    """The Potential of a [model] table whose `function` is resolved.

    The function is either V(u, p) or V(u, p, r), with `fields` and `params` given in the table, or it has no arguments
    and returns a Potential, whose `params` the table may override. Raises ValueError.
    """
    function = user_files.find(_WHERE, table["function"])
    path, _, name = table["function"].rpartition(":")
    if not callable(function):
        raise ValueError(f'{_WHERE}: {path} has no function "{name}": correct the name.')
    parameters = table.get("params", {})
    if _needs_arguments(function):
        optional: dict[str, Any] = {key: tuple(table[key]) for key in ("constrained", "kinetic") if key in table}
        if isinstance(table.get("kinetic"), str):
            optional["kinetic"] = user_files.find("[model] kinetic", table["kinetic"])
        return Potential(function, tuple(table.get("fields", ("u",))), dict(parameters), **optional)
    model = function()
    if not isinstance(model, Potential):
        raise ValueError(f'{_WHERE} "{name}" of {path} must return a Potential, got {model!r}: return one.')
    excess = [key for key in ("fields", "constrained", "kinetic") if key in table]
    if excess:
        raise ValueError(f'[model] {excess[0]} is already set by the Potential that "{name}" returns: leave it out.')
    return model.replace(**parameters) if parameters else model


def make_density(table: Mapping[str, Any]) -> Density:
    """The Density of a [model] table whose `function`, e(u, du, r, p), is resolved. Raises ValueError."""
    named = {key: user_files.find(f"[model] {key}", table[key]) for key in ("function", "reference") if key in table}
    return Density(**{**table, **named})


def _needs_arguments(function: Callable[..., object]) -> bool:
    return any(
        p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        for p in inspect.signature(function).parameters.values()
    )
