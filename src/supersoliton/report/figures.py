"""Pictures of a scan: Pareto projections, importances, hypervolume, the null of the scores, spectra of one trial."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from ..plotting import draw_levels, draw_thresholds, palette_of, signed_mass, theme
from .records import Record, Trial
from .summary import NULL_PERCENTILE, null_percentiles

# One marker and one palette colour per kind: the picture survives a printer without colours.
KIND_MARKERS = {
    "q-ball": ("o", 0),
    "bounce": ("D", 1),
    "excited": ("^", 2),
    "kink": (">", 2),
    "trapped": ("<", 2),
    "condensate": ("p", 3),
    "vacuum": ("s", 4),
    "delocalised": ("v", 5),
}
MAX_POINTS = 4000  # more dots are not seen, only drawn: beyond this, dominated trials are thinned


def pareto_projections(record: Record, *, theme_name: str = "light") -> Figure:
    """Every pair of objectives against each other; a single objective against the trial's number."""
    axes: list[tuple[int | None, int]] = [*itertools.combinations(range(len(record.objectives)), 2)] or [(None, 0)]
    columns = min(3, len(axes))
    rows = math.ceil(len(axes) / columns)
    with theme(theme_name) as colours:
        figure = Figure(figsize=(4.0 * columns if columns > 1 else 6.5, 3.7 * rows + 0.3), layout="constrained")
        for panel, (x, y) in enumerate(axes):
            ax = figure.add_subplot(rows, columns, panel + 1)
            _draw_trials(ax, record, x, y, colours)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 2 * columns))
    return figure


def _draw_trials(ax: Axes, record: Record, x: int | None, y: int, colours: dict[str, str]) -> None:
    def place(trials: Sequence[Trial]) -> tuple[list[float], list[float]]:
        across = [float(t.number) if x is None else t.objectives[x] for t in trials]
        return across, [t.objectives[y] for t in trials]

    shown = thin(record.trials, keep=record.pareto)
    for kind, group in group_by_kind(shown).items():
        marker, slot = KIND_MARKERS.get(kind, (".", -1))
        colour = colours["faint"] if slot < 0 else palette_of(colours)[slot]
        feasible = [t for t in group if t.is_feasible]
        infeasible = [t for t in group if not t.is_feasible]
        # Hollow: some constraint does not hold.
        if feasible:
            ax.scatter(*place(feasible), s=26, marker=marker, color=colour, alpha=0.75, lw=0, label=kind)
        if infeasible:
            ax.scatter(*place(infeasible), s=22, marker=marker, facecolors="none", edgecolors=colour, lw=0.9, alpha=0.8,
                       label=f"{kind}, infeasible")  # fmt: skip
    if record.pareto:
        ax.scatter(*place(record.pareto), s=80, marker="o", facecolors="none", edgecolors=colours["ink"], lw=1.2,
                   label="Pareto-optimal" if len(record.objectives) > 1 else "best")  # fmt: skip
    ax.set_xlabel("trial" if x is None else axis_label(record.objectives[x]))
    ax.set_ylabel(axis_label(record.objectives[y]))
    ax.margins(0.08)
    for axis, column in (("x", x), ("y", y)):
        if column is not None and wants_log([t.objectives[column] for t in record.trials]):
            _logarithmic(ax.xaxis if axis == "x" else ax.yaxis)


def _logarithmic(axis: Axis) -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5 of each decade (1 only over more than two decades)."""
    (axis.axes.set_xscale if isinstance(axis, XAxis) else axis.axes.set_yscale)("log")
    low, high = axis.get_view_interval()
    steps = (1.0, 2.0, 5.0) if high < 100 * low else (1.0,)
    axis.set_major_locator(LogLocator(subs=steps, numticks=20))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_locator(NullLocator())


def wants_log(values: Sequence[float]) -> bool:
    """Positive values over more than two decades are read better on a logarithmic axis."""
    return bool(values) and min(values) > 0 and max(values) > 100 * min(values)


def group_by_kind(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    groups: dict[str, list[Trial]] = {}
    for kind in [*KIND_MARKERS, *sorted({t.kind for t in trials} - set(KIND_MARKERS))]:
        group = [trial for trial in trials if trial.kind == kind]
        if group:
            groups[kind] = group
    return groups


def thin(trials: Sequence[Trial], *, keep: Sequence[Trial], at_most: int = MAX_POINTS) -> list[Trial]:
    """At most ``at_most`` trials, evenly spread over the scan, always with those in ``keep``."""
    if len(trials) <= at_most:
        return list(trials)
    numbers = {trial.number for trial in keep}
    chosen = {int(i) for i in np.linspace(0, len(trials) - 1, at_most - len(keep))}
    return [trial for i, trial in enumerate(trials) if i in chosen or trial.number in numbers]


def axis_label(name: str) -> str:
    """``fractal_score`` -> fractal score; with the unit where the quantity has one (natural units)."""
    units = {"energy": "mass", "size": "1/mass", "multiplier": "mass²", "energy_per_norm": "mass²"}
    return name.replace("_", " ") + (f" [{units[name]}]" if name in units else "")


def importance_bars(importances: Mapping[str, Mapping[str, float]], *, theme_name: str = "light") -> Figure:
    """One panel per objective: the share ``importances[objective][coupling]`` in reaching its best tenth."""
    names = sorted({name for shares in importances.values() for name in shares})
    order = sorted(names, key=lambda name: max(shares.get(name, 0.0) for shares in importances.values()))
    with theme(theme_name) as colours:
        width = 3.4 * len(importances) if len(importances) > 1 else 6.0
        figure = Figure(figsize=(width, 0.32 * len(order) + 1.2), layout="constrained")
        panels = figure.subplots(1, len(importances), sharey=True, squeeze=False)[0]
        for ax, (objective, shares) in zip(panels, importances.items(), strict=True):
            widths = [shares.get(name, 0.0) for name in order]
            ax.barh(range(len(order)), widths, color=palette_of(colours)[0], height=0.65)
            ax.set_yticks(range(len(order)), order)
            ax.tick_params(axis="y", length=0)
            ax.set_xlim(0, max([*widths, 0.01]) * 1.15)
            ax.set_title(axis_label(objective))
            ax.set_xlabel("importance")
    return figure


def history(numbers: Sequence[int], values: Sequence[float], label: str, *, theme_name: str = "light") -> Figure:
    """A quantity that only grows (hypervolume, best value so far) over the trials."""
    with theme(theme_name) as colours:
        figure = Figure(figsize=(6.5, 3.2), layout="constrained")
        ax = figure.add_subplot()
        ax.step(numbers, values, where="post", color=palette_of(colours)[0], lw=2.0)
        ax.set_xlabel("trial")
        ax.set_ylabel(label)
        ax.margins(x=0.01)
        ax.grid(axis="y", lw=0.6)
    return figure


def null_histogram(trials: Sequence[Trial], *, theme_name: str = "light") -> Figure:
    """Where the trials' fractal_score lies within the null of its own spectrum; flat if scores were random."""
    percentiles = null_percentiles(trials)
    with theme(theme_name) as colours:
        figure = Figure(figsize=(6.5, 3.2), layout="constrained")
        ax = figure.add_subplot()
        bins = np.linspace(0, 100, 21)
        ax.hist(percentiles, bins=bins, color=palette_of(colours)[0], edgecolor=colours["paper"])  # type: ignore[arg-type]
        ax.axhline(percentiles.size / 20, color=colours["faint"], lw=1.0, ls="--", label="expected of random spectra")
        ax.axvline(NULL_PERCENTILE, color=colours["negative"], lw=1.4, label=f"{NULL_PERCENTILE:.0f}th percentile")
        ax.set_xlabel("percentile of the fractal score within its own null")
        ax.set_ylabel("trials")
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlim(0, 100)
        figure.legend(loc="outside upper left", ncols=2)
    return figure


def spectrum_figure(spectra: Mapping[str, Sequence[float]], *, theme_name: str = "light") -> Figure:
    """A trial's stored spectra: bound states per l below the continuum, and the box modes by rank.

    ``bound_<l>`` and ``continuum`` are eigenvalues (mass^2; at fixed norm of L_+, so less omega^2 for the octaves),
    ``box`` the masses at l = 0 in the box.
    """
    thresholds = signed_mass(np.asarray(spectra.get("continuum", ()), dtype=float))
    bound = sorted((name for name in spectra if name.startswith("bound_")), key=lambda name: int(name.split("_")[1]))
    levels = [(f"ℓ = {name.split('_')[1]}", signed_mass(np.asarray(spectra[name], dtype=float))) for name in bound]
    box = np.sort(np.asarray(spectra.get("box", ()), dtype=float))
    with theme(theme_name) as colours:
        figure = Figure(figsize=(8.0, 3.6))  # margins by hand, see plotting.plot_state
        left = figure.add_axes((0.085, 0.14, 0.30, 0.77))
        right = figure.add_axes((0.56, 0.14, 0.42, 0.77))
        draw_levels(left, levels, thresholds, colours)
        left.set_title("Bound states below the continuum")
        empty = [x for x, (_, values) in enumerate(levels) if not values.size]
        for x in empty:
            left.annotate("none", (x, 0.02), ha="center", va="bottom", fontsize=8, color=colours["faint"])
        right.set_title(f"Box modes, ℓ = 0 ({box.size})")
        right.plot(np.arange(1, box.size + 1), box, ".", ms=4, color=palette_of(colours)[0])
        draw_thresholds(right, thresholds, colours)
        right.set_xlabel("rank")
        right.set_ylabel("m = √λ [mass]")
        _logarithmic(right.xaxis)
        if box.size and box[0] > 0:
            _logarithmic(right.yaxis)
    return figure
