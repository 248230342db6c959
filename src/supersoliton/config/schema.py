"""A dataclass as the schema of a table: its fields are the keys, with their types and defaults.

Every error message names the table and key, the value received and the remedy.
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from .old_names import successor

Component = TypeVar("Component")

_WORDS = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "a text in quotes",
    type(None): "nothing",
}


def build(table: str, cls: type[Component], values: Mapping[str, object], *, also: Iterable[str] = ()) -> Component:
    """Make `cls(**values)` after checking keys and types; `table` is named in errors, `also` lists keys read elsewhere.

    Whole numbers become floats, and lists tuples, according to the type of the field. The component's own checks
    follow; their "grid.r_max must …" becomes "[grid] r_max must …". Raises ValueError.
    """
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}  # type: ignore[arg-type]
    check_keys(table, values, [*fields, *also])
    arguments = {
        name: _checked(f"[{table}] {name}", value, hints[name], fields[name])
        for name, value in values.items()
        if name in fields
    }
    missing = [name for name in fields if name not in arguments and _required(fields[name])]
    if missing:
        raise ValueError(f"[{table}] {missing[0]} is missing: add it.")
    return construct(table, cls, **arguments)


def construct(table: str, make: Callable[..., Component], **arguments: object) -> Component:
    """Call `make`, with the error of a component reworded as one about the table."""
    try:
        return make(**arguments)
    except ValueError as error:
        raise ValueError(reworded(table, str(error))) from error


def reworded(table: str, message: str) -> str:
    """ "grid.r_max must be …" → "[grid] r_max must be …"; a message without a key is prefixed with the table."""
    root = table.split(".")[-1]
    if message.startswith("["):
        return message
    result, changed = re.subn(rf"^(?:{re.escape(table)}|{re.escape(root)})\.(\w+)", rf"[{table}] \1", message)
    return result if changed else f"[{table}]: {message}"


def check_keys(table: str, values: Mapping[str, object], known: Iterable[str]) -> None:
    """Refuse a key that `known` does not list; name its successor if it is a name of v39, else the nearest one."""
    known = list(dict.fromkeys(known))
    for key in values:
        if key not in known:
            remedy = successor(str(key), table, known)
            if not remedy:
                by_lower = {name.lower(): name for name in known}
                near = get_close_matches(str(key).lower(), by_lower, n=1)
                remedy = f'did you mean "{by_lower[near[0]]}"?' if near else f"known keys are {', '.join(known)}."
            raise ValueError(f"[{table}] has no key {key!r} (value {values[key]!r}): {remedy}")


def as_table(values: object) -> dict[str, Any]:
    """The fields of a component as a TOML table: tuples become lists, and None is omitted, as TOML has no null."""
    assert dataclasses.is_dataclass(values)
    return {f.name: _plain(getattr(values, f.name)) for f in dataclasses.fields(values) if _given(values, f)}


def _given(values: object, field: dataclasses.Field[object]) -> bool:
    return field.init and getattr(values, field.name) is not None


def _plain(value: object) -> object:
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return value


def _required(field: dataclasses.Field[object]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _checked(where: str, value: object, hint: object, field: dataclasses.Field[object]) -> object:
    fits, converted = fit(value, hint)
    if not fits:
        default = "" if _required(field) or field.default is None else f", e.g. {_shown(field.default)}"
        if field.default is dataclasses.MISSING:
            default = ""
        raise ValueError(f"{where} must be {_describe(hint)}, got {_shown(value)}: correct it{default}.")
    if not is_finite(converted):
        raise ValueError(f"{where} must be finite, got {_shown(value)}: give a finite number.")
    return converted


def fit(value: object, hint: object) -> tuple[bool, object]:
    """Whether a TOML value is of the annotated type, and the value converted to it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True, value
    if origin in (typing.Union, types.UnionType):
        for option in sorted(arguments, key=lambda option: option is float):  # 3 stays an int if an int is allowed
            fits, converted = fit(value, option)
            if fits:
                return True, converted
        return False, value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            return False, value
        pairs = [fit(item, arguments[0]) for item in value]
        return all(fits for fits, _ in pairs), tuple(item for _, item in pairs)
    if origin is dict or hint is dict:
        return isinstance(value, Mapping), value
    if hint is float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False, value
        return True, float(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool), value
    if isinstance(hint, type):
        return isinstance(value, hint), value
    return True, value


def is_finite(value: object) -> bool:
    """Whether a value contains no NaN and no infinity, at any depth."""
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, Mapping):
        return all(is_finite(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(is_finite(item) for item in value)
    return True


def _describe(hint: object) -> str:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_describe(option) for option in arguments if option is not type(None)))
    if origin is tuple:
        return f"a list [{_describe(arguments[0])}, …]"
    if origin is dict or hint is dict:
        return "a table"
    return _WORDS.get(hint, str(hint)) if isinstance(hint, type) else str(hint)


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else repr(value)
