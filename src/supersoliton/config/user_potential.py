"""A potential named in a configuration as `function = "file.py:name"`."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

KEYS = ("kind", "function", "fields", "params", "constrained", "kinetic")


def resolve(function: str, base: Path) -> str:
    """The same "file.py:name" with the file's absolute path; `base` is the folder of the configuration."""
    path, separator, name = function.rpartition(":")
    if not separator or not path or not name.isidentifier():
        raise ValueError(f'[model] function must be "file.py:name", got "{function}": name the file and the function.')
    return f"{(base / path).resolve()}:{name}"


def make_model(table: Mapping[str, Any]) -> Any:
    """The Potential of a resolved [model] table.

    `name` is either V(u, p) or V(u, p, r), with `fields` and `params` given in the table, or a function without
    arguments that returns a Potential, whose `params` the table may override. Raises ValueError.
    """
    from ..theory import Potential

    path, _, name = table["function"].rpartition(":")
    function = getattr(_module(Path(path)), name, None)
    if not callable(function):
        raise ValueError(f'[model] function: {path} has no function "{name}": correct the name.')
    parameters = table.get("params", {})
    if _needs_arguments(function):
        optional: dict[str, Any] = {key: tuple(table[key]) for key in ("constrained", "kinetic") if key in table}
        return Potential(function, tuple(table.get("fields", ("u",))), dict(parameters), **optional)
    model = function()
    if not isinstance(model, Potential):
        raise ValueError(f'[model] function "{name}" of {path} must return a Potential, got {model!r}: return one.')
    excess = [key for key in ("fields", "constrained", "kinetic") if key in table]
    if excess:
        raise ValueError(f'[model] {excess[0]}: "{name}" returns a Potential that has it already: leave it out.')
    return model.replace(**parameters) if parameters else model


def _needs_arguments(function: Any) -> bool:
    return any(
        p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        for p in inspect.signature(function).parameters.values()
    )


def _module(path: Path) -> ModuleType:
    """Import a file under a name made from its path and content, so that its functions pickle between processes."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"[model] function: cannot read {path} ({error.strerror}): correct the path.") from error
    name = f"supersoliton_user_{hashlib.sha256(str(path).encode() + content).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"[model] function: {path} is no Python file: its name must end in .py.")
    module = importlib.util.module_from_spec(spec)
    # What was loaded, whatever becomes of the file: evaluations in the cache are known by it.
    vars(module)["__supersoliton_source__"] = hashlib.sha256(content).hexdigest()
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ValueError(f"[model] function: {path} fails with {type(error).__name__}: {error}: correct it.") from error
    return module
