"""Pictures of a state and of its fluctuation modes.

Works on anything that has a state's (or a mode list's) attributes, so that it can lie below the modules that make them.
Figures are built without pyplot: nothing global is held, a figure that is no longer used is gone. Axes are in natural
units (hbar = c = 1): lengths in 1/mass, a scalar field in d dimensions in mass^((d-1)/2).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe & Ito's colours, distinguishable for all common kinds of colour vision (M. Okabe and K. Ito, Color Universal
# Design, 2008), ordered by contrast with a white and with a dark page.
PALETTES = {
    "light": ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"),
    "dark": ("#56B4E9", "#E69F00", "#2BB68C", "#E29BC4", "#F0E442", "#E8743B"),
}
MAX_LISTED_FIELDS = 6  # one colour each; smaller fields are drawn thin and grey and counted in the legend

THEMES: dict[str, dict[str, str]] = {
    "light": {"ink": "#1b1f24", "faint": "#6b7480", "line": "#d5dae0", "paper": "#ffffff", "negative": "#D55E00"},
    "dark": {"ink": "#e4e8ec", "faint": "#9aa5b1", "line": "#3a424c", "paper": "#14181d", "negative": "#FF8A4C"},
}


@contextlib.contextmanager
def theme(name: str = "light") -> Iterator[dict[str, str]]:
    """Matplotlib's settings for pictures of this package; yields the theme's colours.

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


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure to a file; its suffix names the format (.png, .svg, .pdf)."""
    # half the time of the default compression for a tenth more bytes
    options: Any = {"pil_kwargs": {"compress_level": 3}} if path.suffix == ".png" else {}
    figure.savefig(path, dpi=150, **options)
    figure.clear()  # frees the artists even if the caller keeps the figure
    return path


def field_unit(dim: float) -> str:
    """Unit of a canonically normalised scalar field in d dimensions, mass^((d-1)/2), as matplotlib mathtext."""
    return {1.0: "", 2.0: " [mass$^{1/2}$]", 3.0: " [mass]"}.get(float(dim), f" [mass$^{{{dim - 1:g}/2}}$]")


def field_label(name: str) -> str:
    """``psi_3`` -> mathtext of Psi_3; any other name as it is, with its index as a subscript."""
    stem, _, index = name.rpartition("_")
    if not stem:
        stem, index = name, ""
    symbol = {"psi": r"\Psi", "phi": r"\Phi", "u": "u"}.get(stem.lower())
    if symbol is None or (index and not index.isdigit()):
        return name
    return f"${symbol}_{{{index}}}$" if index else f"${symbol}$"


def core_half_radius(r: np.ndarray, u: np.ndarray) -> float:
    """Largest radius at which |u(r) - u(R)| is half of its maximum; NaN for a homogeneous state or one that stays.

    Parameters
    ----------
    r : (n,) radii, ascending. u : (n, fields) values of the fields there.
    """
    deviation = np.linalg.norm(u - u[-1], axis=1)
    peak = deviation.max()
    if peak <= 1e-6 * (1.0 + np.abs(u).max()):
        return float("nan")
    last = int(np.flatnonzero(deviation >= 0.5 * peak)[-1])
    if last == len(r) - 1:
        return float("nan")
    inner, outer = deviation[last] / peak, deviation[last + 1] / peak
    return float(r[last] + (inner - 0.5) / (inner - outer) * (r[last + 1] - r[last]))


def plot_state(state: Any, *, title: str | None = None, theme_name: str = "light") -> Figure:
    """Profiles of a state's fields over the radius, the values at the boundary dashed, and its certificate in words.

    ``state`` has ``fields`` (an xarray.Dataset over r), ``energy``, ``status`` and ``certificate``, and is callable at
    any radius.
    """
    names = [str(name) for name in state.fields.data_vars]
    nodes = np.asarray(state.fields["r"], dtype=float)
    r = np.linspace(0.0, nodes[-1], 800)
    u = np.asarray(state(r), dtype=float)
    with theme(theme_name) as colours:
        # Margins by hand: constrained layout would take half of the time of drawing.
        figure = Figure(figsize=(8.0, 4.4))
        ax = figure.add_axes((0.075, 0.20, 0.67, 0.73))
        draw_profiles(ax, r, u, names, dim=state.problem.grid.dim, colours=colours)
        _draw_half_radius(ax, r, u[:, _carriers(state)], colours)
        ax.set_title(title or _state_title(state))
        note = certificate_words(state)
        figure.supxlabel(note, fontsize=8, color=colours["faint"], x=0.012, y=0.015, ha="left", va="bottom")
    return figure


def draw_profiles(
    ax: Axes, r: np.ndarray, u: np.ndarray, names: Sequence[str], *, dim: float, colours: dict[str, str]
) -> None:
    """Draw (n, fields) profiles on ``ax``: the largest fields in colour and named, the others thin and counted."""
    ax.axhline(0.0, color=colours["line"], lw=0.8, zorder=0)
    reach = np.abs(u).max(axis=0)
    named = _named_fields(reach, names)
    rest = [i for i in range(len(names)) if i not in named]
    palette = iter(palette_of(colours))
    for i in named:
        colour = colours["ink"] if names[i] == "phi" else next(palette)
        ax.plot(r, u[:, i], color=colour, lw=2.0, label=field_label(names[i]))
    for slot, i in enumerate(rest):
        label = f"{len(rest)} more, at most {_round_up(reach[rest].max())}" if slot == 0 else None
        ax.plot(r, u[:, i], color=colours["faint"], lw=0.7, alpha=0.7, label=label, zorder=1.5)
    _draw_boundary_values(ax, u, colours)
    ax.set_xlim(0.0, r[-1])
    ax.margins(y=0.08)
    ax.set_xlabel("r [1/mass]")
    ax.set_ylabel(f"field{field_unit(dim)}")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))  # outside: no curve is ever hidden


def _carriers(state: Any) -> np.ndarray:
    """Indices of the fields that carry the norm, all fields where there is none: they define a state's size."""
    carriers = np.flatnonzero(np.asarray(state.problem.carries_norm) > 0)
    return carriers if carriers.size else np.arange(len(state.problem.model.fields))


def _draw_half_radius(ax: Axes, r: np.ndarray, carriers: np.ndarray, colours: dict[str, str]) -> None:
    half = core_half_radius(r, carriers)
    if np.isfinite(half):
        ax.axvline(half, color=colours["faint"], lw=1.0, ls=":", zorder=0)
        ax.annotate(f"half-radius {half:.3g}", (half, 1.0), xycoords=("data", "axes fraction"), xytext=(4, -2),
                    textcoords="offset points", va="top", fontsize=8, color=colours["faint"])  # fmt: skip


def palette_of(colours: dict[str, str]) -> tuple[str, ...]:
    """The colours of lines that go with a theme's page."""
    return PALETTES["dark" if colours is THEMES["dark"] else "light"]


def _named_fields(reach: np.ndarray, names: Sequence[str]) -> list[int]:
    """Indices of the fields worth a colour: all of a few, else the largest ones; the Higgs field always."""
    if len(names) <= MAX_LISTED_FIELDS + 1:
        return list(range(len(names)))
    special = [i for i, name in enumerate(names) if name == "phi"]
    others = [int(i) for i in np.argsort(-reach, kind="stable") if i not in special]
    seen = [i for i in others[:MAX_LISTED_FIELDS] if reach[i] > 0.02 * reach[others[0]] and reach[i] > 1e-6]
    return sorted(seen) + special


def _round_up(value: float) -> str:
    """Two digits, never less than the value: it is printed as a bound."""
    if value < 1e-12:
        return "1e-12"
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return f"{math.ceil(value / unit * (1 - 1e-12)) * unit:.2g}"


def _draw_boundary_values(ax: Axes, u: np.ndarray, colours: dict[str, str]) -> None:
    """Dashed lines at the distinct non-zero values at the boundary (the vacuum, if the state is localised)."""
    values = np.unique(np.round(u[-1], 6))
    for value in values[np.abs(values) > 1e-3 * max(np.abs(u).max(), 1e-300)][:12]:
        ax.axhline(value, color=colours["faint"], lw=0.9, ls="--", zorder=1)


def _state_title(state: Any) -> str:
    kind = state.certificate.kind
    parts = [kind[:1].upper() + kind[1:], f"E = {state.energy:.8g}"]
    if state.problem.norm is not None:
        parts += [f"N = {state.norm:.6g}", f"ω² = {state.multiplier:.6g}"]
    return ",  ".join(parts)


def certificate_words(state: Any) -> str:
    """The certificate in one or two short lines of text."""
    c = state.certificate
    parts = [
        f"residual {c.residual:.1e}",
        f"discretisation {c.discretisation:.1e}",
        f"virial {c.virial:.1e}",
        f"negative modes {c.negative_modes}",
        f"translation mode {c.translation_mode:.1e}",
        f"norm in the outer tenth {c.boundary_fraction:.1e}",
    ]
    text = ", ".join(part for part in parts if "nan" not in part and "None" not in part)
    verdict = "certified" if c.certified else "not certified" + (f": {'; '.join(c.reasons)}" if c.reasons else "")
    return f"{verdict[:130]}\n{text}"


def plot_modes(modes: Any, *, title: str | None = None, theme_name: str = "light") -> Figure:
    """Level diagram of fluctuation modes, one column per angular momentum, with the continuum thresholds.

    ``modes`` is one mode list or a sequence of them (different l of one state); each has ``eigenvalues``, ``ell`` and
    ``continuum``. The ordinate is sign(lambda) sqrt|lambda|, so that a negative mode shows below zero.
    """
    columns = list(modes) if isinstance(modes, (list, tuple)) else [modes]
    # Where this operator's continuum begins: at fixed norm the vacuum masses are lowered by the multiplier.
    thresholds = signed_mass(np.asarray(columns[0].continuum, dtype=float))
    levels = [(f"ℓ = {column.ell}", signed_mass(np.asarray(column.eigenvalues, dtype=float))) for column in columns]
    with theme(theme_name) as colours:
        figure = Figure(figsize=(max(4.5, 2.2 + 1.3 * len(columns)), 4.6), layout="constrained")
        draw_levels(figure.add_subplot(), levels, thresholds, colours)
        figure.axes[0].set_title(title or "Fluctuation modes")
    return figure


def signed_mass(eigenvalues: np.ndarray) -> np.ndarray:
    """sign(lambda) sqrt|lambda|: the mass of a stable mode, minus the growth rate of an unstable one."""
    return np.sign(eigenvalues) * np.sqrt(np.abs(eigenvalues))


def draw_levels(
    ax: Axes, levels: Sequence[tuple[str, np.ndarray]], thresholds: np.ndarray, colours: dict[str, str]
) -> None:
    """Draw columns of (label, signed masses): filled ticks below the lowest threshold, thin above, orange if negative.

    Levels above 1.4 times the highest threshold (or, without thresholds, the lowest 30) are left out and counted.
    """
    finite = thresholds[np.isfinite(thresholds)]
    everything = np.concatenate([values for _, values in levels]) if levels else np.array([])
    lowest = float(finite.min()) if finite.size else np.inf
    if finite.size:
        top = 1.4 * float(finite.max())
    elif everything.size:
        top = float(np.sort(everything)[: 30 * len(levels)][-1])
    else:
        top = 1.0
    # A zero mode comes out as +-1e-10 or so in lambda, that is +-1e-5 here: neither sign of it means anything.
    zero = 1e-3 * (float(np.abs(finite).max()) if finite.size else 1.0)
    for x, (_, values) in enumerate(levels):
        shown = values[values <= top]
        for group, colour, width, alpha in (
            (shown[shown < -zero], colours["negative"], 2.0, 1.0),
            (shown[(shown >= -zero) & (shown < lowest)], palette_of(colours)[0], 2.0, 1.0),
            (shown[shown >= lowest], palette_of(colours)[0], 0.6, 0.45),
        ):
            if group.size:
                ax.hlines(group, x - 0.32, x + 0.32, color=colour, lw=width, alpha=alpha)
        hidden = int(np.sum(values > top))
        if hidden:
            ax.annotate(f"+{hidden} above", (x, top), ha="center", va="bottom", fontsize=8, color=colours["faint"])
        # Not "unstable": at fixed norm one negative mode of the unconstrained operator belongs to a stable Q-ball.
        negative = int(np.sum(values < -zero))
        if negative:
            place = (x, float(values.min()))
            ax.annotate(f"{negative} negative", place, xytext=(0, -3), textcoords="offset points",
                        ha="center", va="top", fontsize=8, color=colours["negative"])  # fmt: skip
    draw_thresholds(ax, finite, colours)
    if finite.size:
        ax.annotate("continuum\nfrom here", (len(levels) - 0.5, lowest), xytext=(3, 0), textcoords="offset points",
                    ha="left", va="center", fontsize=8, color=colours["faint"], annotation_clip=False)  # fmt: skip
    ax.axhline(0.0, color=colours["line"], lw=0.8, zorder=0)
    ax.set_xlim(-0.5, len(levels) - 0.5)
    ax.set_xticks(range(len(levels)), [label for label, _ in levels])
    ax.set_ylabel("sign(λ)·√|λ| [mass]")
    extent = np.concatenate([everything[everything <= top], finite, [0.0]])
    low, high = float(extent.min()), max(float(extent.max()), 1e-12)
    ax.set_ylim(low - 0.1 * (high - low), high + 0.08 * (high - low))


def draw_thresholds(ax: Axes, thresholds: np.ndarray, colours: dict[str, str]) -> None:
    """Dashed lines across the axes where continua begin."""
    distinct = np.unique(np.round(thresholds[np.isfinite(thresholds)], 6))
    ax.hlines(distinct, 0.0, 1.0, transform=ax.get_yaxis_transform(), color=colours["faint"], lw=0.8, ls="--", zorder=0)
