"""Small pieces of HTML: escaping, numbers, tables, pictures. Everything that comes from a user or a file is escaped."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Iterable, Sequence
from pathlib import Path


def escape(value: object) -> str:
    return html.escape(str(value), quote=True)


def number(value: float, digits: int = 4) -> str:
    """A number for reading: ``digits`` significant digits, a dash where it is not defined."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞" if value > 0 else "−∞"
    return f"{value:.{digits}g}".replace("-", "−")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, classes: str = "") -> str:
    """A table from escaped cells; cells that read as numbers are set to the right."""
    titles = "".join(f"<th scope='col'>{title}</th>" for title in head)
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in rows)
    content = f"<thead><tr>{titles}</tr></thead><tbody>{body}</tbody>"
    return f"<div class='scroll'><table class='{classes}'>{content}</table></div>"


def _cell(cell: str) -> str:
    is_number = cell[:1] in "0123456789−–∞" and not cell[1:2].isalpha()
    return f"<td class='n'>{cell}</td>" if is_number else f"<td>{cell}</td>"


def picture(light: Path, dark: Path, alt: str) -> str:
    """A picture inside the page, in the version that suits the reader's colour scheme."""
    return (
        f"<picture><source media='(prefers-color-scheme: dark)' srcset='{_data_uri(dark)}'>"
        f"<img src='{_data_uri(light)}' alt='{escape(alt)}'></picture>"
    )


def _data_uri(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def style() -> str:
    """The page's style sheet, inline."""
    return f"<style>{Path(__file__).with_name('style.css').read_text(encoding='utf-8')}</style>"
