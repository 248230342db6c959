"""The page of every configuration key, and the JSON schema for editors, from the classes that read the file.

make docs        or        python docs/configuration.py        writes both files here

Types and defaults are those of the classes, meanings those of their docstrings, examples those of `examples/`.
"""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import griffe

from supersoliton._ranges import Range
from supersoliton.config import configuration, schema, user_potential
from supersoliton.config.scan import RefineSettings, ScanSettings, VerifySettings
from supersoliton.config.tables import ProblemSettings, SpectrumSettings, TransitionSettings
from supersoliton.config.warm_start import WarmStartSettings
from supersoliton.elements.grid import RadialGrid
from supersoliton.scores.score import ScoreSettings
from supersoliton.search.feedback import SelfConsistent
from supersoliton.theory.base import THEORIES
from supersoliton.theory.density import Density
from supersoliton.theory.potential import Potential

ROOT = Path(__file__).resolve().parents[1]
PAGE, SCHEMA = ROOT / "docs" / "configuration.md", ROOT / "docs" / "configuration.schema.json"
# What the first key of a theory of one's own holds in a file, in place of the function itself.
REQUIRED = "required"
_FUNCTION = '"file.py:name" of the function, relative to the configuration. '
# The kinds that need no `kind`.
_FIRST = {
    table: next(iter(kinds))
    for table, kinds in (
        ("model", THEORIES), ("problem.guess", configuration._GUESSES), ("solver", configuration._SOLVERS)
    )
}  # fmt: skip
_USERS = {Potential: user_potential.KEYS, Density: user_potential.DENSITY_KEYS}


class Key(NamedTuple):
    """A key of a table: its type in words and as a JSON schema, its default as TOML, and its meaning."""

    name: str
    kind: str
    schema: dict[str, Any]
    default: str
    meaning: str


class Section(NamedTuple):
    """A table, or one kind of it: its name, the value of `kind` that chooses it, a sentence, and its keys."""

    table: str
    kind: str
    words: str
    keys: list[Key]


def sections() -> list[Section]:
    """All tables of a configuration, in the order of the file."""
    found = [_section("model", cls, kind) for kind, cls in THEORIES.items()]
    found += [_section("grid", RadialGrid), _section("problem", ProblemSettings)]
    found += [_section("problem.guess", cls, kind) for kind, cls in configuration._GUESSES.items()]
    found += [_section("problem.self_consistent", SelfConsistent)]
    found += [_section("solver", cls, kind) for kind, cls in configuration._SOLVERS.items()]
    found += [_section("spectrum", SpectrumSettings), _section("score", ScoreSettings)]
    found += [_section("transition", TransitionSettings), _section("warm_start", WarmStartSettings)]
    found += [_section("scan", ScanSettings)]
    found += [_section("scan.parameters.NAME", Range), _section("scan.verify", VerifySettings)]
    return [*found, _section("scan.refine", RefineSettings)]


def _section(table: str, cls: type, kind: str = "") -> Section:
    words, meanings = _documented(cls)
    if cls in _USERS:
        own = [name for name in _USERS[cls] if name != "kind"]
        keys = [_key_of_users(name, meanings[name]) for name in own]
    else:
        hints = typing.get_type_hints(cls)
        fields = [field for field in dataclasses.fields(cls) if field.init]
        keys = [_key(field, hints[field.name], meanings[field.name]) for field in fields]
    return Section(table, kind, words, keys)


def _documented(cls: type) -> tuple[str, dict[str, str]]:
    """The first sentence of a docstring, and the meaning of each parameter."""
    text = griffe.Docstring(typing.cast(str, cls.__doc__), lineno=1)
    parts = griffe.parse_numpy(text, warnings=False)
    words = next(part.value for part in parts if part.kind is griffe.DocstringSectionKind.text)
    meanings: dict[str, str] = {}
    for part in parts:
        if part.kind is griffe.DocstringSectionKind.parameters:
            for one in part.value:
                meanings |= {name.strip(): _markdown(one.description) for name in one.name.split(",")}
    return _markdown(words.partition("\n\n")[0]), meanings


def _markdown(text: str) -> str:
    """reStructuredText of a docstring in a cell of a table."""
    text = re.sub(r":math:`([^`]+)`", r"$`\1`$", " ".join(text.split()))
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text)
    return text.replace("``", "`").replace("|", "&#124;")


def _key(field: dataclasses.Field[Any], hint: Any, meaning: str) -> Key:
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    missing = default is dataclasses.MISSING
    if field.name == "objectives":
        shape: dict[str, Any] = {"type": "array", "items": {"type": ["string", "object"]}}
        kind = "list"
    else:
        shape, kind = _schema(hint), _words(hint)
    return Key(field.name, kind, shape, REQUIRED if missing else _toml(default), meaning)


def _key_of_users(name: str, meaning: str) -> Key:
    """A key of a potential or density: a function in a file, and tables and lists as they are written there."""
    number, text = {"type": "number"}, {"type": "string"}
    shapes: dict[str, tuple[dict[str, Any], str, str]] = {
        "function": (text, "text", REQUIRED),
        "fields": ({"type": "array", "items": text}, "list of text", '["u"]'),
        "params": ({"type": "object", "additionalProperties": number}, "table of numbers", "{}"),
        "constrained": ({"type": "array", "items": text}, "list of text", "all fields"),
        "kinetic": ({"type": ["array", "string"]}, "list of numbers", "ones"),
        "origin": ({"type": "object"}, "table of numbers", "{}"),
        "infinity": ({"type": "object"}, "table of numbers", "{}"),
        "dim": (number, "number", "3.0"),
        "line": ({"type": "array"}, "list of two lists of numbers", ""),
        "reference": (text, "text", ""),
        "eliminate": ({"type": "array", "items": text}, "list of text", "[]"),
    }
    shape, kind, default = shapes[name]
    return Key(name, kind, shape, default, (_FUNCTION if name in ("function", "reference") else "") + meaning)


_NAMES = {float: ("number", "number"), int: ("integer", "whole number"), bool: ("boolean", "true or false")}
_NAMES |= {str: ("string", "text")}


def _options(hint: Any) -> Iterator[Any]:
    """The types of a union that a file can hold."""
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    for one in typing.get_args(hint) if union else (hint,):
        if one is not type(None):
            yield one


def _schema(hint: Any) -> dict[str, Any]:
    shapes = [_shape(one) for one in _options(hint)]
    return shapes[0] if len(shapes) == 1 else {"anyOf": shapes}


def _shape(hint: Any) -> dict[str, Any]:
    if hint in _NAMES:
        return {"type": _NAMES[hint][0]}
    if typing.get_origin(hint) is tuple:
        return {"type": "array", "items": _schema(typing.get_args(hint)[0])}
    return {"type": "object"} if typing.get_origin(hint) in (dict, Mapping) or isinstance(hint, type) else {}


def _words(hint: Any) -> str:
    words = []
    for one in _options(hint):
        if one in _NAMES:
            words.append(_NAMES[one][1])
        elif typing.get_origin(one) is tuple:
            words.append(f"list of {_plural(_words(typing.get_args(one)[0]))}")
        else:
            words.append("table")
    return " or ".join(dict.fromkeys(words))


def _plural(word: str) -> str:
    return " or ".join(re.sub(r"(number|list|table)\b", r"\1s", part, count=1) for part in word.split(" or "))


def _toml(value: Any) -> str:
    if value is None:
        return ""
    plain = schema._plain(value)
    if isinstance(plain, list) and plain and not isinstance(plain[0], str | int | float):
        plain = [str(item) for item in plain]
    if isinstance(plain, bool):
        return str(plain).lower()
    if isinstance(plain, str):
        return f'"{plain}"'
    return json.dumps(plain) if isinstance(plain, list | Mapping) else repr(plain)


def examples() -> dict[tuple[str, str, str], str]:
    """(table, kind, key) -> the line in which an example gives it, the shortest one."""
    found: dict[tuple[str, str, str], str] = {}
    for path in sorted((ROOT / "examples").rglob("*.toml")):
        for head, body in re.findall(r"^\[([\w.]+)\]\n(.*?)(?=^\[|\Z)", path.read_text(encoding="utf-8"), re.M | re.S):
            table = "scan.parameters.NAME" if head == "scan.parameters" else head
            lines = [_without_comment(line) for line in re.findall(r"^\w+ = .*$", body, re.M)]
            given = {line.partition(" = ")[0]: line for line in lines}
            kind = given.get("kind", "").partition(" = ")[2].strip('"') or _FIRST.get(table, "")
            for name, line in given.items():
                found[table, kind, name] = min(found.get((table, kind, name), line), line, key=len)
    return found


def _without_comment(line: str) -> str:
    """The line up to its comment; a # in a text is none."""
    for end in [match.start() for match in re.finditer("#", line)]:
        try:
            tomllib.loads(line[:end])
        except tomllib.TOMLDecodeError:
            continue
        return line[:end].rstrip()
    return line.rstrip()


def page() -> str:
    """The page of all keys."""
    shown, text, last = examples(), HEAD, ""
    for section in sections():
        if section.table != last:
            text += f"\n## [{section.table}]\n\n{OF_TABLES.get(section.table, '')}"
            last = section.table
        text += f'\n### kind = "{section.kind}"\n\n{section.words}\n' if section.kind else f"\n{section.words}\n"
        if section.keys:
            text += "\n| key | type | default | meaning | example |\n|---|---|---|---|---|\n"
        for key in section.keys:
            default = key.default if re.match(r'^[\w"\[{.-]', key.default) and " " not in key.default else ""
            example = shown.get((section.table, section.kind, key.name), f"{key.name} = {default}" if default else "")
            cells = [f"`{key.name}`", key.kind, f"`{key.default}`" if key.default else "–", key.meaning]
            cells.append(f"`{example}`" if example else "")
            text += f"| {' | '.join(cells)} |\n"
    return text


HEAD = """# Configuration

A configuration is a TOML file: `supersoliton solve FILE.toml`, `ss.scan("FILE.toml")`. Every table and every key may be
left out, unless its default says "required"; a key that is not listed here is refused, with the nearest one that is.
`supersoliton init` writes commented files, and each scan writes `config.resolved.toml` with every key and its value.
Masses, lengths and couplings are in whatever unit the file uses throughout: a length is in 1/mass.

Editors that know JSON schemas (VS Code with Even Better TOML, PyCharm, Helix with taplo) complete and check these keys
with a first line

```toml
#:schema configuration.schema.json
```

and [configuration.schema.json](configuration.schema.json) next to the file. This page and the schema are written by
`make docs` from the classes that read the file.
"""

OF_TABLES = {
    "model": (
        'The theory. `kind` chooses it, `"octave_higgs"` if it is not given; `"file.py:Class"` names a class of '
        "your own.\n"
    ),
    "problem.guess": "How the search starts. `kind` chooses it.\n",
    "solver": "How a start is brought to a state. `kind` chooses it.\n",
    "scan.parameters.NAME": (
        "The range of a coupling, or of `norm`: `g = [0.5, 0.8]`, or a table "
        "`norm = { low = 400, high = 5000, log = true }`.\n"
    ),
}


def json_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of a configuration."""
    tables: dict[str, Any] = {}
    for table in dict.fromkeys(section.table for section in sections()):
        kinds = [section for section in sections() if section.table == table]
        shapes = [_of_section(section) for section in kinds]
        if table == "model":  # a class of one's own, with keys of its own
            shapes.append({"properties": {"kind": {"type": "string", "pattern": ":"}}, "required": ["kind"]})
        tables[table] = shapes[0] if len(shapes) == 1 else {"type": "object", "anyOf": shapes}
    limits = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    tables["scan"]["properties"] |= {
        "parameters": {
            "type": "object",
            "additionalProperties": {"anyOf": [limits, tables.pop("scan.parameters.NAME")]},
        },
        "verify": tables.pop("scan.verify"),
        "refine": tables.pop("scan.refine"),
    }
    tables["problem"]["properties"] |= {
        "guess": tables.pop("problem.guess"),
        "self_consistent": tables.pop("problem.self_consistent"),
    }
    digest = {"type": "string", "description": "Of the file; written by the program."}
    tables["warm_start"]["properties"]["digest"] = digest
    recorded = {name: {"type": "object"} for name in configuration._RECORDED}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A configuration of supersoliton",
        "type": "object",
        "properties": tables | recorded,
        "additionalProperties": False,
    }


def _of_section(section: Section) -> dict[str, Any]:
    properties = {key.name: key.schema | {"description": key.meaning} for key in section.keys}
    required = [key.name for key in section.keys if key.default == REQUIRED]
    if section.kind:
        properties["kind"] = {"const": section.kind}
        if section.kind not in _FIRST.values():
            required.append("kind")
    shape = {"type": "object", "description": section.words, "properties": properties, "additionalProperties": False}
    return shape | ({"required": required} if required else {})


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")
    SCHEMA.write_text(json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} and {SCHEMA.relative_to(ROOT)} written")


if __name__ == "__main__":
    main()
