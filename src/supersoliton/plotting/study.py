"""Figures of a scan: every pair of objectives against each other, and all trials in parallel coordinates.

Needs only the attributes of `StudyPoint`, so it does not import the classes of trials.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from .canvas import Picture
from .theme import axis_label, palette_of, theme

# One marker and one palette colour (-1: grey) per kind of state, so that a print without colours is readable.
KIND_MARKERS = {
    "q-ball": ("o", 0),
    "minimum at fixed norm": ("P", 5),
    "bounce": ("D", 1),
    "excited": ("^", 2),
    "kink": (">", 2),
    "trapped": ("<", 2),
    "soliton": ("D", 0),
    "condensate": ("p", 3),
    "vacuum": ("s", 4),
    "delocalised": ("v", 5),
    "no transition": ("s", -1),
    "no nucleation": ("v", 3),
    "unconverged": (".", -1),
}
_MANY = 500  # dots are pixels beyond this number in a vector format, where each takes 100 bytes
MAX_POINTS = 4000  # more dots overlap: beyond this, dominated trials are thinned


class StudyPoint(Protocol):
    """The attributes of a trial that are drawn."""

    @property
    def number(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def objectives(self) -> tuple[float, ...]: ...
    @property
    def couplings(self) -> Mapping[str, float]: ...
    @property
    def is_feasible(self) -> bool: ...


def plot_study(
    trials: Sequence[Any],
    pareto: Sequence[Any],
    objectives: Sequence[str],
    *,
    log: Collection[str] = (),
    theme_name: str = "light",
) -> Figure:
    """Projections of the Pareto front, and below them parallel coordinates of all trials (each a `StudyPoint`).

    ``log``: the couplings that are scanned on a logarithmic scale.
    """
    axes = _pairs(objectives)
    columns = min(3, len(axes))
    rows = math.ceil(len(axes) / columns)
    parameters = tuple(dict.fromkeys(name for trial in trials for name in trial.couplings))
    width = max(4.0 * columns if columns > 1 else 6.5, 1.1 * (len(parameters) + len(objectives)))
    with theme(theme_name) as colours:
        figure = Picture(figsize=(width, 3.5 * rows + 4.2), layout="constrained")
        top, bottom = np.ravel(np.array(figure.subfigures(2, 1, height_ratios=[3.5 * rows, 4.0])))
        for panel, (x, y) in enumerate(axes):
            draw_trials(top.add_subplot(rows, columns, panel + 1), trials, pareto, objectives, x, y, colours)
        handles, labels = top.axes[0].get_legend_handles_labels()
        if labels:
            top.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 2 * columns))
        draw_parallel(bottom.add_subplot(), trials, pareto, parameters, objectives, colours, log)
    return figure


def plot_projections(
    trials: Sequence[Any],
    pareto: Sequence[Any],
    objectives: Sequence[str],
    *,
    label: Callable[[str], str] = axis_label,
    theme_name: str = "light",
) -> Figure:
    """Every pair of objectives against each other; a single objective against the trial's number.

    ``label``: name of an objective -> its axis label.
    """
    axes = _pairs(objectives)
    columns = min(3, len(axes))
    rows = math.ceil(len(axes) / columns)
    with theme(theme_name) as colours:
        figure = Figure(figsize=(4.0 * columns if columns > 1 else 6.5, 3.7 * rows + 0.3), layout="constrained")
        for panel, (x, y) in enumerate(axes):
            draw_trials(figure.add_subplot(rows, columns, panel + 1), trials, pareto, objectives, x, y, colours, label)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 2 * columns))
    return figure


def _pairs(objectives: Sequence[str]) -> list[tuple[int | None, int]]:
    return [*itertools.combinations(range(len(objectives)), 2)] or [(None, 0)]


def draw_trials(
    ax: Axes,
    trials: Sequence[Any],
    pareto: Sequence[Any],
    objectives: Sequence[str],
    x: int | None,
    y: int,
    colours: dict[str, str],
    label: Callable[[str], str] = axis_label,
) -> None:
    """Draw trials by kind, hollow if infeasible, the Pareto set ringed; `x` None: the trial's number."""

    def place(group: Sequence[Any]) -> tuple[list[float], list[float]]:
        across = [float(t.number) if x is None else t.objectives[x] for t in group]
        return across, [t.objectives[y] for t in group]

    pixels = len(trials) > _MANY
    for kind, group in group_by_kind(thin(trials, keep=pareto)).items():
        marker, slot = kind_marker(kind)
        colour = colours["faint"] if slot < 0 else palette_of(colours)[slot]
        feasible = [t for t in group if t.is_feasible]
        infeasible = [t for t in group if not t.is_feasible]
        if feasible:
            ax.scatter(*place(feasible), s=26, marker=marker, color=colour, alpha=0.75, lw=0, label=kind,
                       rasterized=pixels)  # fmt: skip
        if infeasible:
            ax.scatter(*place(infeasible), s=22, marker=marker, facecolors="none", edgecolors=colour, lw=0.9, alpha=0.8,
                       label=f"{kind}, infeasible", rasterized=pixels)  # fmt: skip
    if pareto:
        ax.scatter(*place(pareto), s=80, marker="o", facecolors="none", edgecolors=colours["ink"], lw=1.2,
                   label="Pareto-optimal" if len(objectives) > 1 else "best")  # fmt: skip
    ax.set_xlabel("trial" if x is None else label(objectives[x]))
    ax.set_ylabel(label(objectives[y]))
    ax.margins(0.08)
    for axis, column in (("x", x), ("y", y)):
        if column is not None and wants_log([t.objectives[column] for t in trials]):
            logarithmic(ax.xaxis if axis == "x" else ax.yaxis)
    if x is None:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def draw_parallel(
    ax: Axes,
    trials: Sequence[Any],
    pareto: Sequence[Any],
    parameters: Sequence[str],
    objectives: Sequence[str],
    colours: dict[str, str],
    logarithmically: Collection[str] = (),
) -> None:
    """Draw a line per trial across couplings and objectives, each with its own scale; Pareto-optimal ones thick."""
    names = [*parameters, *objectives]
    shown = thin(trials, keep=pareto, at_most=1000)
    best = {trial.number for trial in pareto}
    table = np.array([[*(t.couplings.get(n, math.nan) for n in parameters), *t.objectives] for t in shown], dtype=float)
    ax.set_axis_off()
    if not len(table):
        return
    heights = np.empty_like(table)
    for k, name in enumerate(names):
        column = table[:, k]
        log = name in logarithmically or (k >= len(parameters) and wants_log(column[np.isfinite(column)].tolist()))
        values = np.log10(column) if log else column
        low, high = np.nanmin(values), np.nanmax(values)
        heights[:, k] = (values - low) / (high - low) if high > low else 0.5
        ends = (10**low, 10**high) if log else (low, high)
        ax.axvline(k, color=colours["faint"], lw=0.8, zorder=3)
        for height, end, shift, side in ((0.0, ends[0], -4, "top"), (1.0, ends[1], 4, "bottom")):
            word = f"{end:.4g}" if end >= 1000 else f"{end:.3g}"
            ax.annotate(word, (k, height), xytext=(0, shift), textcoords="offset points",
                        ha="center", va=side, fontsize=8, color=colours["faint"])  # fmt: skip
        words = axis_label(name).replace(" ", "\n") if k >= len(parameters) else name
        label = words + ("\n(log)" if log else "")
        ax.annotate(label, (k, 0.0), xytext=(0, -18), textcoords="offset points", ha="center", va="top", fontsize=9,
                    fontweight="bold" if k >= len(parameters) else "normal")  # fmt: skip
    ranked = np.array([2 if t.number in best else 1 if t.is_feasible else 0 for t in shown])
    x = np.arange(len(names), dtype=float)
    for rank, colour, width, alpha, words in (
        (0, colours["faint"], 0.5, 0.25, "infeasible"),
        (1, palette_of(colours)[0], 0.6, max(0.08, min(0.5, 60 / len(shown))), "feasible"),
        (2, palette_of(colours)[0], 1.6, 0.95, "Pareto-optimal" if len(objectives) > 1 else "best"),
    ):
        lines = [np.column_stack([x, row]) for row in heights[ranked == rank]]
        if lines:
            ax.add_collection(
                LineCollection(lines, colors=colour, linewidths=width, alpha=alpha, zorder=1 + 0.1 * rank)
            )
            ax.plot([], [], color=colour, lw=max(width, 1.2), label=words)
    ax.set_xlim(-0.4, len(names) - 0.6)
    ax.set_ylim(0.0, 1.0)
    note = f" ({len(shown)} of {len(trials)} trials are drawn)" if len(shown) < len(trials) else ""
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.06), ncols=3, title=note or None, title_fontsize=8)


def logarithmic(axis: Axis) -> None:
    """Make an axis logarithmic, with plain numbers at 1, 2 and 5 of each decade (1 only over three decades)."""
    (axis.axes.set_xscale if isinstance(axis, XAxis) else axis.axes.set_yscale)("log")
    low, high = axis.get_view_interval()
    steps = (1.0, 2.0, 5.0) if high < 1000 * low else (1.0,)
    axis.set_major_locator(LogLocator(subs=steps, numticks=20))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_locator(NullLocator())


def wants_log(values: Sequence[float]) -> bool:
    """Whether values need a logarithmic axis: positive, and over more than two decades."""
    return bool(len(values) and min(values) > 0 and max(values) > 100.0 * min(values))


def kind_marker(kind: str) -> tuple[str, int]:
    """Marker and number of the colour of a kind; an unknown kind has those of an unconverged state."""
    return KIND_MARKERS.get(kind, KIND_MARKERS["unconverged"])


def group_by_kind(trials: Sequence[Any]) -> dict[str, list[Any]]:
    """Trials by kind, known kinds first."""
    groups: dict[str, list[Any]] = {}
    for kind in [*KIND_MARKERS, *sorted({t.kind for t in trials} - set(KIND_MARKERS))]:
        group = [trial for trial in trials if trial.kind == kind]
        if group:
            groups[kind] = group
    return groups


def thin(trials: Sequence[Any], *, keep: Sequence[Any], at_most: int = MAX_POINTS) -> list[Any]:
    """At most ``at_most`` trials, evenly spread over the scan, always with those in ``keep``."""
    if len(trials) <= at_most:
        return list(trials)
    numbers = {trial.number for trial in keep}
    chosen = {int(i) for i in np.linspace(0, len(trials) - 1, max(at_most - len(keep), 0))}
    return [trial for i, trial in enumerate(trials) if i in chosen or trial.number in numbers]
