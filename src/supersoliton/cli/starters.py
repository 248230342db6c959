"""Commented files to start from, `supersoliton init`, and the examples, `supersoliton example`."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path
from typing import Annotated

import typer

from .options import folder_for

_PACKAGE = Path(__file__).resolve().parents[1]
# In the wheel the examples are part of the package; in a source tree they are a folder of its root.
_EXAMPLES = next(place for place in (_PACKAGE / "examples", _PACKAGE.parents[1] / "examples") if place.is_dir())
_STARTERS = _EXAMPLES / "start"

Where = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Folder of the files. Default: this folder.", show_default=False),
]


def init(
    kind: Annotated[str, typer.Argument(metavar="[KIND]", help="What to find. Without it the kinds are listed.")] = "",
    out: Where = None,
) -> None:
    """Write a commented configuration for a kind of problem, and the file of its theory.

    Without KIND the kinds are listed. Files that exist are not replaced.
    """
    _write("kind", _STARTERS, kind.replace("-", "_"), out)


def example(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Its name. Without it the examples are listed.")] = "",
    out: Where = None,
) -> None:
    """Write one of the examples of the documentation.

    Without NAME the examples are listed. Files that exist are not replaced.
    """
    _write("example", _EXAMPLES, name, out)


def _write(what: str, source: Path, name: str, out: Path | None) -> None:
    # a kind is a configuration, which may have a theory of the same name
    files = sorted(path for path in source.iterdir() if path.suffix in (".toml", ".py"))
    known = [path for path in files if source is _EXAMPLES or path.suffix == ".toml"]
    if not name:
        margin = 2 + max(len(path.stem) for path in known)
        columns = shutil.get_terminal_size().columns
        for path in known:
            print(textwrap.fill(f"{path.stem:{margin}}{_title(path)}", columns, subsequent_indent=margin * " "))
        return
    chosen = [path for path in files if path.stem == name]
    if not chosen:
        names = ", ".join(dict.fromkeys(path.stem for path in known))
        raise ValueError(f"there is no {what} {name!r}: choose from {names}.")
    folder_for(out)
    copies = {(out or Path()) / path.name: path for path in chosen}
    there = [copy for copy in copies if copy.exists()]
    if there:
        raise ValueError(f"{there[0]} exists: move it away, or give another folder with --out.")
    for copy, path in copies.items():
        print(f"wrote {shutil.copyfile(path, copy)}")
    main = next((copy for copy in copies if copy.suffix == ".toml"), next(iter(copies)))
    print(f"next: {'supersoliton solve' if main.suffix == '.toml' else 'python'} {main}")


def _title(path: Path) -> str:
    """The first sentence of a file: of the comment or of the docstring at its head."""
    head = path.read_text(encoding="utf-8").lstrip('#"r ').partition("\n")[0]
    return head.partition(":   ")[0].strip().strip('"').rstrip(".")
