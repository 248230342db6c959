"""`supersoliton validate`: checks the claims about the octave model; prints them or writes JSON or a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Json, Quiet, place, write_json

if TYPE_CHECKING:
    from ..validate.claim import Claim


def validate(
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="Check this claim only; can be repeated.", show_default=False),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--page", metavar="FILE.md", help="Write a Markdown page to FILE.", show_default=False, callback=place
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write validation.html with figures to DIR.", show_default=False),
    ] = None,
    json_file: Json = None,
    quiet: Quiet = False,
) -> None:
    """Check the claims about the octave model; print claim, result and verdict.

    The claims are from the script parameter_scan_supersoliton_v39_STABLE_HIERARCHY.py.
    """
    from ..validate import check_all

    if page is not None and page.suffix != ".md":
        raise ValueError(f"--page must be a file that ends in .md, got {page}: for HTML give a folder with --out.")
    if only is not None and page is not None:
        raise ValueError("--page needs all claims: leave --only out.")
    claims = check_all(tuple(only or ()), tell=lambda line: None if quiet else typer.echo(line, err=True))
    saved = _write(claims, page, out)
    if not quiet:
        for claim in claims:
            _print(claim)
        for path in saved:
            typer.echo(str(path))
    write_json(json_file, {"claims": [claim.data() for claim in claims], "saved": [str(path) for path in saved]})


def _write(claims: list[Claim], page: Path | None, out: Path | None) -> list[Path]:
    from ..validate.page import write_markdown, write_page

    saved: list[Path] = []
    if page is not None:
        saved.append(write_markdown(claims, page))
    if out is not None:
        saved.append(write_page(claims, out))
    return saved


def _print(claim: Claim) -> None:
    from rich.table import Table as Grid
    from rich.text import Text

    from ..machine.display import PlainConsole
    from ..validate.page import shown

    console = PlainConsole(highlight=False)
    grid = Grid.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    rows: list[tuple[str, Any]] = [
        ("claimed", shown(claim.claimed)),
        ("found", shown(claim.found)),
        ("verdict", f"{claim.verdict}: {shown(claim.reason)}"),
        ("command", claim.command),
    ]
    for name, words in rows:
        grid.add_row(name, Text(words, style="bold" if name == "verdict" else ""))
    console.print(Text(claim.title, style="bold"))
    console.print(grid)
    console.print()
