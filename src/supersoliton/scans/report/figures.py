"""Figures of a scan: Pareto projections, importances, hypervolume, score percentiles, spectra of one trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ...plotting import (
    axis_label,
    draw_levels,
    draw_thresholds,
    logarithmic,
    palette_of,
    plot_projections,
    signed_mass,
    theme,
)
from ...scores.fractal import NULL_PERCENTILE
from .analysis import Share
from .records import Record, Trial
from .summary import null_percentiles


def pareto_projections(record: Record) -> Figure:
    """Every pair of objectives against each other; a single objective against the trial's number."""
    return plot_projections(record.trials, record.pareto, record.objectives, label=record.label)


def importance_bars(importances: Mapping[str, Mapping[str, Share]], labels: Mapping[str, str] | None = None) -> Figure:
    """One panel per objective: the share of each coupling in reaching its best tenth, with its standard error.

    ``labels``: name of a coupling -> how it is written.
    """
    names = sorted({name for shares in importances.values() for name in shares})
    order = sorted(names, key=lambda name: max(shares[name].value for shares in importances.values()))
    with theme() as colours:
        width = 3.4 * len(importances) if len(importances) > 1 else 4.4
        figure = Figure(figsize=(width, 0.32 * len(order) + 1.2), layout="constrained")
        panels = figure.subplots(1, len(importances), sharey=True, squeeze=False)[0]
        for ax, (objective, shares) in zip(panels, importances.items(), strict=True):
            widths, errors = zip(*(shares[name] for name in order), strict=True)
            ax.barh(range(len(order)), widths, xerr=errors, color=palette_of(colours)[0], height=0.65,
                    error_kw={"ecolor": colours["faint"], "lw": 1.2})  # fmt: skip
            ax.set_yticks(range(len(order)), [(labels or {}).get(name, name) for name in order])
            ax.tick_params(axis="y", length=0)
            ax.set_xlim(0, max(0.01, *(w + e for w, e in zip(widths, errors, strict=True))) * 1.05)  # with its errors
            ax.set_title(axis_label(objective))
            ax.set_xlabel("importance")
    return figure


def history(numbers: Sequence[int], values: Sequence[float], label: str) -> Figure:
    """A quantity that only improves (hypervolume, best value so far) over the trials."""
    with theme() as colours:
        figure = Figure(figsize=(6.5, 3.2), layout="constrained")
        ax = figure.add_subplot()
        ax.step(numbers, values, where="mid", color=palette_of(colours)[0], lw=2.0)  # "mid" shows the last value too
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlabel("trial")
        ax.set_ylabel(label)
        ax.margins(x=0.01)
        ax.grid(axis="y", lw=0.6)
    return figure


def null_histogram(trials: Sequence[Trial]) -> Figure:
    """Histograms of the percentiles of the trials' fractal_score in both nulls; flat if the spectra are random too."""
    percentiles, fair = null_percentiles(trials), null_percentiles(trials, "shape")
    with theme() as colours:
        figure = Figure(figsize=(6.5, 3.2), layout="constrained")
        ax = figure.add_subplot()
        bins = np.linspace(0, 100, 21)
        ax.hist(percentiles, bins=bins, color=palette_of(colours)[0], edgecolor=colours["paper"], label="log-uniform")  # type: ignore[arg-type]
        if fair.size:
            ax.hist(fair, bins=bins, histtype="step", color=palette_of(colours)[1], lw=2.0, label="equal shape")  # type: ignore[arg-type]
        ax.axhline(percentiles.size / 20, color=colours["faint"], lw=1.0, ls="--", label="expected for random spectra")
        ax.axvline(NULL_PERCENTILE, color=colours["negative"], lw=1.4, label=f"{NULL_PERCENTILE:.0f}th percentile")
        ax.set_xlabel("percentile of the fractal score among random spectra")
        ax.set_ylabel("trials")
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set_xlim(0, 100)
        figure.legend(loc="outside upper left", ncols=2)
    return figure


def spectrum_figure(spectra: Mapping[str, Sequence[float]]) -> Figure:
    """A trial's stored spectra: bound states per l below the continuum, and the box modes by rank.

    ``bound_<l>`` and ``continuum`` are eigenvalues [mass^2] (at fixed norm of L_+, lowered by omega^2 for fields that
    rotate), ``box`` the masses at l = 0 in the box.
    """
    thresholds = signed_mass(np.asarray(spectra.get("continuum", ()), dtype=float))
    bound = sorted((name for name in spectra if name.startswith("bound_")), key=lambda name: int(name.split("_")[1]))
    levels = [(f"ℓ = {name.split('_')[1]}", signed_mass(np.asarray(spectra[name], dtype=float))) for name in bound]
    box = np.sort(np.asarray(spectra.get("box", ()), dtype=float))
    with theme() as colours:
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
        logarithmic(right.xaxis)
        if box.size and box[0] > 0:
            logarithmic(right.yaxis)
    return figure
