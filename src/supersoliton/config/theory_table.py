"""The theory of a configuration, and the mesh that goes with it: the tables [model] and [grid]."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..elements.grid import RadialGrid
from ..machine import user_files
from ..problem.problem import Problem
from ..theory.base import THEORIES, AbstractModel, find_theory
from ..theory.density import Density
from ..theory.potential import Potential
from . import user_potential
from .schema import as_table, build, check_keys, is_finite, reworded


def read_mesh(table: Mapping[str, Any] | None, model: AbstractModel) -> RadialGrid:
    """The mesh of [grid]; without that table that of a theory with ends is the one on which its state is found."""
    own = {} if model.dimension is None else {"dim": model.dimension}
    if table is None and model.ends is not None:
        from ..search.solve import solve  # here: a driver of a scan starts faster without SciPy's optimisers

        try:
            state = solve(Problem(model))
        except ValueError:  # it needs a guess, which [problem.guess] may give: any mesh will do until then
            state = None
        if state is not None and state.converged:
            return state.grid
    return build("grid", RadialGrid, {**own, **(table or {})})


def read_model(table: Mapping[str, Any], base: Path) -> tuple[AbstractModel, dict[str, Any]]:
    """The theory of [model], and that table with its defaults and absolute paths. Raises ValueError."""
    values = dict(table)
    theory, kind = find_theory("[model] kind", values.pop("kind", next(iter(THEORIES))), base)
    of_density = issubclass(theory, Density)
    if not issubclass(theory, Potential | Density):
        model = build("model", theory, values)
        return model, {"kind": kind, **as_table(model)}
    check_keys("model", values, user_potential.DENSITY_KEYS if of_density else user_potential.KEYS)
    if not isinstance(values.get("function"), str):
        got = values.get("function", "nothing")
        raise ValueError(f'[model] function must be "file.py:name", got {got!r}: name the file and the function.')
    if not is_finite(values):
        raise ValueError(f"[model] params must be finite numbers, got {values.get('params')!r}: correct them.")
    for key in ("function", "reference", "kinetic"):
        if isinstance(values.get(key), str):
            values[key] = user_files.resolve(f"[model] {key}", values[key], base)
    try:
        make = user_potential.make_density if of_density else user_potential.make_model
        return make(values), {"kind": kind, **values}
    except (ValueError, TypeError) as error:
        raise ValueError(reworded("model", str(error))) from error
