"""Small pieces of HTML: escaping, numbers, tables. All text from users and files is escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from . import PALETTES, THEMES


def escape(value: object) -> str:
    return html.escape(str(value), quote=True)


def number(value: float, digits: int = 4) -> str:
    """A number as text with ``digits`` significant digits; a dash if it is not defined."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞" if value > 0 else "−∞"
    return f"{value:.{digits}g}".replace("-", "−")


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, classes: str = "", trials: Sequence[int] | None = None
) -> str:
    """A table of cells that are HTML already; a column of numbers is aligned to the right.

    ``trials``: the number of each row's trial, which the panel shows when the pointer is on the row.
    """
    body = [list(row) for row in rows]
    numeric = [all(_reads_as_number(cell) for cell in column) for column in zip(*body, strict=True)] or [False] * len(
        head
    )
    marks = [" class='n'" if is_number else "" for is_number in numeric]
    titles = "".join(f"<th scope='col'{mark}>{title}</th>" for mark, title in zip(marks, head, strict=True))
    lines = (
        "".join(f"<td{mark or _words(cell)}>{cell}</td>" for mark, cell in zip(marks, row, strict=True)) for row in body
    )
    starts = [f"<tr data-trial='{number}'>" for number in trials] if trials is not None else ["<tr>"] * len(body)
    filled = "".join(f"{start}{line}</tr>" for start, line in zip(starts, lines, strict=True))
    content = f"<thead><tr>{titles}</tr></thead><tbody>{filled}</tbody>"
    return f"<div class='scroll'><table class='{classes}'>{content}</table></div>"


def _reads_as_number(cell: str) -> bool:
    bare = cell.removeprefix("<b>").removesuffix("</b>").replace("−", "-")
    if bare in ("", "–", "∞", "-∞"):
        return True
    try:
        float(bare)
    except ValueError:
        return False
    return True


def _words(cell: str) -> str:
    """The class of a cell with a long text, which may wrap."""
    return " class='words'" if len(cell) > 30 else ""


def style() -> str:
    """The page's style sheet, inline, with the palette of the figures: ``--kind-<slot>``, slot -1 is grey."""
    sheet = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    names = {
        theme: "".join(f"--kind-{slot}:{colour};" for slot, colour in enumerate(colours))
        + f"--negative:{THEMES[theme]['negative']};"
        for theme, colours in PALETTES.items()
    }
    palette = f":root{{--kind--1:#808a94;{names['light']}}}"
    dark = f"@media screen and (prefers-color-scheme:dark){{:root:not(.paper){{{names['dark']}}}}}"
    return f"<style>{sheet}{palette}{dark}</style>"
