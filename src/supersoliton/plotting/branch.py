"""The figure of a branch: energy, norm and omega^2 over the parameter."""

from __future__ import annotations

import textwrap
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import palette_of, theme

_ROTATING = {
    "charged_energy": "$E_Q$ [mass]",
    "energy_per_charge": "$E_Q$ / ($m_{free}$ Q)",
    "charge": "Q",
    "multiplier": "ω² [mass²]",
}
_AT_REST = {"energy": "E[f] [mass]", "norm": "N [1/mass]", "multiplier": "ω² [mass²]"}
_SPACE = 3  # dimensions of space; a bounce of more has imaginary time among them, and its action no unit
_STROKE = 0.022  # half of a tangent's length, in parts of the panel
_MARKS = {"fold": ("o", "fold"), "bifurcation": ("D", "bifurcation"), "norm extremum": ("s", "extremum of N")}


def plot_branch(branch: Any, *, title: str | None = None, theme_name: str = "light") -> Figure:
    """The numbers of a branch over its parameter, without those that are fixed or the parameter itself.

    Of rotating states E_Q, E_Q/(m Q), Q and omega^2; of bounces the action S; of others E[f], N and omega^2. Stretches
    with a minimum are solid, others dashed; folds, bifurcations and extrema of the norm are marked.
    """
    names = _names(branch)
    parameter = {"omega": "multiplier"}.get(branch.parameter, branch.parameter)
    shown = [name for name in names if name != parameter]
    shown = [name for name in shown if _varies(branch.values(name))] or shown[:1]
    with theme(theme_name) as colours:
        figure = Figure(figsize=(1.2 + 3.5 * len(shown), 4.0), layout="constrained")
        axes = figure.subplots(1, len(shown), squeeze=False)[0]
        for ax, name, colour in zip(axes, shown, palette_of(colours), strict=False):
            _draw(ax, branch, name, colour, colours)
            ax.set_xlabel({"norm": "N [1/mass]", "omega": "ω [mass]"}.get(branch.parameter, branch.parameter))
            ax.set_ylabel(names[name])
        _legend(axes[0], branch, colours)
        figure.suptitle(title or _title(branch), x=0.01, ha="left", fontsize=10, fontweight="bold")
    return figure


def plot_slopes(branch: Any, curves: dict[str, tuple[np.ndarray, np.ndarray]], *, theme_name: str = "light") -> Figure:
    """Numbers along a branch, each with its slope at every state as a short stroke of the tangent.

    ``curves``: label -> (values, slopes), one of each for every point of the branch.
    """
    columns = min(len(curves), 4)
    with theme(theme_name) as colours:
        rows = -(-len(curves) // columns)
        figure = Figure(figsize=(3.1 * columns, 0.5 + 2.5 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, (label, (values, slopes)) in zip(axes, curves.items(), strict=False):
            _draw_tangents(ax, branch, values, slopes, colours)
            ax.set_ylabel(label)
            ax.set_xlabel(branch.parameter)
        for ax in axes[len(curves) :]:
            ax.set_visible(False)
        axes[0].plot([], [], "-", color=palette_of(colours)[1], lw=2.4, label="slope")
        _legend(axes[0], branch, colours, dotted=True)
        figure.suptitle(_title(branch), x=0.01, ha="left", fontsize=10, fontweight="bold")
    return figure


def _draw_tangents(ax: Axes, branch: Any, values: np.ndarray, slopes: np.ndarray, colours: dict[str, str]) -> None:
    """One curve, dashed where unstable, with strokes of one length on the page; special points dotted."""
    x, stable = branch.parameters, branch.stable
    colour, other = palette_of(colours)[:2]
    for k in range(len(x) - 1):
        ax.plot(x[k : k + 2], values[k : k + 2], "-" if stable[k] and stable[k + 1] else "--", color=colour, lw=1.2)
    width, height = (float(np.nanmax(y) - np.nanmin(y)) or 1.0 for y in (x, values))
    along = np.stack([np.ones(len(x)) / width, slopes / height])
    along = _STROKE * along / np.linalg.norm(along, axis=0)
    ends = np.stack([x, values]) + np.array([-1.0, 1.0])[:, None, None] * along * np.array([[width], [height]])
    ax.plot(*np.moveaxis(ends, 1, 0), "-", color=other, lw=2.4)
    ax.plot(x, values, ".", color=colours["ink"], ms=3)
    for item in branch.special:
        ax.axvline(item.parameter, color=colours["faint"], lw=0.8, ls=":")
    ax.margins(x=0.05, y=0.12)


def _names(branch: Any) -> dict[str, str]:
    """The quantities of this kind of branch with their labels."""
    if branch.holds_norm:
        return _ROTATING if np.all(np.isfinite(branch.values("omega"))) else _AT_REST
    symbol, dim = "E", float(branch.points[0].problem.grid.dim)
    if all(point.negative_modes > 0 for point in branch.points):
        symbol = "S"
    return {"energy": symbol + ("" if symbol == "S" and dim > _SPACE else " [mass]")}


def _varies(values: np.ndarray) -> bool:
    return bool(np.ptp(values) > 1e-12 * np.max(np.abs(values)))


def _title(branch: Any) -> str:
    return "\n".join(textwrap.wrap(f"{len(branch)} states: {branch.status}", 60)[:3])


def _draw(ax: Axes, branch: Any, name: str, colour: str, colours: dict[str, str]) -> None:
    """Draw one quantity; the line changes from solid to dashed at the special point between two states, if any."""
    x, y, stable = _with_special_points(branch, name)
    # One line for each stretch of equal stability, so that dashes are not interrupted at every state.
    breaks = np.flatnonzero(stable[1:-1] != stable[:-2]) + 1
    edges = [0, *breaks.tolist(), len(x) - 1]
    for first, last in pairwise(edges):
        style = "-" if stable[first] else "--"
        ax.plot(x[first : last + 1], y[first : last + 1], style, color=colour, lw=1.6)
    ax.plot(branch.parameters, branch.values(name), ".", color=colour, ms=2.5)
    for item in branch.special:
        marker = _MARKS[item.kind][0]
        value = getattr(item.point, name)
        ax.plot(item.parameter, value, marker, ms=7, mfc=colours["paper"], mec=colours["ink"], mew=1.6, zorder=4)
    ax.margins(x=0.05, y=0.08)


def _with_special_points(branch: Any, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Abscissae, ordinates and stability of the stretch after each point, with special points inserted."""
    x: list[float] = []
    y: list[float] = []
    stable: list[bool] = []
    for index, point in enumerate(branch.points):
        x.append(point.parameter)
        y.append(getattr(point, name))
        stable.append(point.stable)
        between = [item for item in branch.special if item.after_index == index]
        for k, item in enumerate(between):
            x.append(item.parameter)
            y.append(getattr(item.point, name))
            # After the last special point a stretch has the stability of the next state, before it that of this one.
            stable.append(branch.points[index + 1].stable if k == len(between) - 1 else point.stable)
    return np.array(x), np.array(y), np.array(stable)


def _legend(ax: Axes, branch: Any, colours: dict[str, str], *, dotted: bool = False) -> None:
    """``dotted``: special points are dotted lines, not markers."""
    words = ("minimum at fixed norm", "saddle at fixed norm") if branch.holds_norm else ("stable", "unstable")
    for stable, style, word in ((True, "-", words[0]), (False, "--", words[1])):
        if any(point.stable == stable for point in branch.points):
            ax.plot([], [], style, color=colours["faint"], label=word)
    for kind in sorted({item.kind for item in branch.special}):
        marker, word = _MARKS[kind]
        if dotted:
            ax.plot([], [], ":", color=colours["faint"], lw=0.8, label=word)
            continue
        ax.plot([], [], marker, ms=7, mfc=colours["paper"], mec=colours["ink"], mew=1.6, ls="", label=word)
    ax.legend(loc="best")
