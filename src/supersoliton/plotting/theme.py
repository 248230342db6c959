"""Colours, settings and labels shared by all figures.

Figures are built without pyplot, which would keep them in memory. Axes are in natural units (hbar = c = 1): lengths in
1/mass, a scalar field in d dimensions in mass^((d-1)/2).
"""

from __future__ import annotations

import base64
import contextlib
import html
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

# Okabe & Ito's colours, distinguishable for all common kinds of colour vision (M. Okabe and K. Ito, Color Universal
# Design, 2008), ordered by contrast with a white and with a dark page.
PALETTES = {
    "light": ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"),
    "dark": ("#56B4E9", "#E69F00", "#2BB68C", "#E29BC4", "#F0E442", "#E8743B"),
}
THEMES: dict[str, dict[str, str]] = {
    "light": {"ink": "#1b1f24", "faint": "#6b7480", "line": "#d5dae0", "paper": "#ffffff", "negative": "#D55E00"},
    "dark": {"ink": "#e4e8ec", "faint": "#9aa5b1", "line": "#3a424c", "paper": "#14181d", "negative": "#E69F00"},
}

# Names of the style sheet's colours. The negative one is that of a line.
_PAGE_COLOURS = {f"kind-{i}": colour for i, colour in enumerate(PALETTES["light"])} | {
    name: colour for name, colour in THEMES["light"].items() if name != "negative"
}


@contextlib.contextmanager
def theme(name: str = "light") -> Iterator[dict[str, str]]:
    """Matplotlib's settings for figures of this package; yields the theme's colours.

    Raises
    ------
    ValueError : for a theme that does not exist.
    """
    if name not in THEMES:
        raise ValueError(f"theme must be one of {sorted(THEMES)}, got {name!r}")
    colours = THEMES[name]
    settings: Any = {
        "figure.facecolor": colours["paper"],
        "axes.facecolor": colours["paper"],
        "text.color": colours["ink"],
        "axes.labelcolor": colours["ink"],
        "axes.edgecolor": colours["faint"],
        "xtick.color": colours["faint"],
        "ytick.color": colours["faint"],
        "xtick.labelcolor": colours["ink"],
        "ytick.labelcolor": colours["ink"],
        "grid.color": colours["line"],
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": 10,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "legend.fontsize": 9,
        "font.size": 10,
        "svg.hashsalt": "supersoliton",
    }
    with matplotlib.rc_context(settings):
        yield colours


def save_figure(figure: Figure, path: Path, metadata: Mapping[str, str] | None = None) -> Path:
    """Write a figure to a file; its suffix names the format (.png, .svg, .pdf)."""
    # half the time of the default compression, a tenth more bytes
    options: Any = {"pil_kwargs": {"compress_level": 3}} if path.suffix == ".png" else {}
    figure.savefig(path, dpi=150, metadata=metadata, **options)
    figure.clear()  # frees the artists even if the caller keeps the figure
    return path


def page_figure(figure: Figure, path: Path, alt: str) -> str:
    """Write a figure of the light theme to an SVG file and return it as HTML, in the colours of the page.

    Drawn once for the light page, the dark one and paper, in a quarter of the time of a PNG for each.
    """
    width = 90 * figure.get_figwidth()  # at 90 pixels per inch the letters are as large as those of the notes
    with matplotlib.rc_context({"svg.hashsalt": path.stem}):  # no two pictures of a page share a name
        figure.savefig(path, dpi=150, metadata={"Date": None})
    figure.clear()
    drawn = path.read_text(encoding="utf-8")
    for name, colour in _PAGE_COLOURS.items():
        drawn = drawn.replace(f": {colour.lower()}", f": var(--{name})")
    _, _, content = drawn.partition("<svg ")[2].partition(">")
    view = " ".join(f"{72 * inches:g}" for inches in (0, 0, *figure.get_size_inches()))
    return (
        f"<div class='picture'><svg role='img' aria-label='{html.escape(alt)}' viewBox='{view}' "
        f"style='width: {width:.0f}px'>{content}</div>"
    )


def inline_figure(figure: Figure, alt: str) -> str:
    """A figure as an HTML element with embedded pixels, for a notebook; two pixels per CSS pixel."""
    width, pixels = 72 * figure.get_figwidth(), io.BytesIO()
    figure.savefig(pixels, format="png", dpi=144)
    data = base64.b64encode(pixels.getvalue()).decode("ascii")
    return f"<img src='data:image/png;base64,{data}' alt='{html.escape(alt)}' style='width: {width:.0f}px'>"


def field_unit(dim: float) -> str:
    """Unit of a canonically normalised scalar field in d dimensions, mass^((d-1)/2), as matplotlib mathtext."""
    return {1.0: "", 2.0: " [mass$^{1/2}$]", 3.0: " [mass]"}.get(float(dim), f" [mass$^{{{dim - 1:g}/2}}$]")


def palette_of(colours: dict[str, str]) -> tuple[str, ...]:
    """The line colours of a theme."""
    return PALETTES["dark" if colours is THEMES["dark"] else "light"]


# Units of recorded numbers in natural units, by name; those of an energy in space.
UNITS = {
    "energy": "mass", "charged_energy": "mass", "omega": "mass", "norm": "1/mass", "size": "1/mass",
    "charge_slope": "1/mass", "multiplier": "mass²", "omega_squared": "mass²", "energy_per_norm": "mass²",
    "lightest_squared": "mass²", "translation_mode": "mass²",
}  # fmt: skip


def axis_label(name: str) -> str:
    """``energy_per_norm`` -> "energy per norm [mass²]": the name with its unit in natural units, if any."""
    return name.replace("_", " ") + (f" [{UNITS[name]}]" if name in UNITS else "")
