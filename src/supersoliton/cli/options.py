"""Arguments and options shared by several commands, and the JSON file that they write."""

from __future__ import annotations

import functools
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer


def place(path: Path | None) -> Path | None:
    """The path of an output file, refused before the computation if its folder does not exist."""
    if path is not None and not path.parent.is_dir():
        raise ValueError(f"cannot write {path} (there is no folder {path.parent}): create it or give another.")
    return path


def folder_for(out: Path | None) -> Path:
    """The folder for results, created and checked to be writable before the computation."""
    folder = Path.cwd() if out is None else out
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot write to {folder} ({error.strerror}): give another folder with --out.") from error
    if not os.access(folder, os.W_OK):
        raise ValueError(f"cannot write to {folder} (no permission): give another folder with --out.")
    return folder


def whole(least: int | None = None) -> Callable[[str], int]:
    """A parser of options that are whole numbers; others are refused in a message that repeats them."""
    return functools.partial(_number, int, "a whole number", least)


def real(least: float | None = None) -> Callable[[str], float]:
    """A parser of options that are numbers."""
    return functools.partial(_number, float, "a number", least)


def _number(kind: Callable[[str], Any], words: str, least: float | None, text: str) -> Any:
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if math.isfinite(value) and (least is None or value >= least):
        return value
    raise typer.BadParameter(f"{text!r} is not {words}{'' if least is None else f' of at least {least}'}")


File = Annotated[Path, typer.Argument(metavar="FILE.toml", help="The configuration.", show_default=False)]
Json = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="FILE", help="Also write the results as JSON to FILE.", show_default=False, callback=place
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]


def write_json(path: Path | None, data: Any) -> None:
    if path is None:
        return
    try:
        path.write_text(json.dumps(_plain(data), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ValueError(f"cannot write {path} ({error.strerror}): give another --json.") from error


def _plain(value: Any) -> Any:
    """The value for JSON, which has neither NaN nor infinity: both become null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
