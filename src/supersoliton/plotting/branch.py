"""The figure of a branch: energy, norm and omega^2 over the parameter."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .canvas import Picture, figure_of
from .canvas import shown as shown_figure
from .theme import axis_label, palette_of, theme

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


def plot_branch(
    branch: Any,
    ax: Axes | None = None,
    *,
    x: str | None = None,
    y: str | None = None,
    title: str | None = None,
    theme_name: str = "light",
) -> Figure:
    """The numbers of a branch over its parameter, or one number over another.

    Without ``x``, ``y`` and ``ax``: of rotating states E_Q, E_Q/(m Q), Q and omega^2; of bounces the action S; of
    others E[f], N and omega^2, each over the parameter, without those that are fixed. Stretches with a minimum are
    solid, others dashed; folds, bifurcations and extrema of the norm are marked. Between the states the curves are
    cubics, with the exact slopes where these are known (dE_Q/dQ = omega, dE/dN = omega^2/2, dQ/domega, dN/domega^2).
    """
    names = _names(branch)
    for given in (name for name in (x, y) if name is not None):
        branch.values(given)  # raises ValueError for a name that is no column
    across = x or {"norm": "norm", "omega": "omega"}.get(branch.parameter, "parameter")
    parameter = {"omega": "multiplier"}.get(branch.parameter, branch.parameter)
    shown = [name for name in names if name not in (parameter, across)]
    shown = [name for name in shown if _varies(branch.values(name))] or shown[:1]
    if y is not None or ax is not None:
        shown = [y or shown[0]]
    with theme(theme_name) as colours:
        if ax is None:
            figure: Figure = Picture(figsize=(1.2 + 3.5 * len(shown), 4.0), layout="constrained")
            axes = list(figure.subplots(1, len(shown), squeeze=False)[0])
        else:
            figure, axes = figure_of(ax), [ax]
        for one, name, colour in zip(axes, shown, palette_of(colours), strict=False):
            _draw(one, branch, across, name, colour, colours)
            one.set_xlabel(branch.parameter if across == "parameter" else _label(across, names))
            one.set_ylabel(_label(name, names))
        _legend(axes[0], branch, colours)
        if ax is None:
            figure.suptitle(title or _title(branch), x=0.01, ha="left", fontsize=10, fontweight="bold")
        elif title:
            ax.set_title(title)
    return shown_figure(figure)


def _label(name: str, names: Mapping[str, str]) -> str:
    own = {"norm": "N [1/mass]", "omega": "ω [mass]"}
    return own.get(name) or names.get(name) or (_ROTATING | _AT_REST).get(name) or axis_label(name)


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


def _draw(ax: Axes, branch: Any, across: str, name: str, colour: str, colours: dict[str, str]) -> None:
    """Draw one quantity; the line changes from solid to dashed at the special point between two states, if any."""
    points, stable = _with_special_points(branch)
    x, y = (np.array([getattr(point, key) for point in points], dtype=float) for key in (across, name))
    slopes = np.array([_slope(branch.parameter, across, name, point) for point in points])
    # One line for each stretch of equal stability, so that dashes are not interrupted at every state.
    breaks = np.flatnonzero(stable[1:-1] != stable[:-2]) + 1
    edges = [0, *breaks.tolist(), len(x) - 1]
    for first, last in pairwise(edges):
        part = slice(first, last + 1)
        ax.plot(*_smooth(x[part], y[part], slopes[part]), "-" if stable[first] else "--", color=colour, lw=1.6)
    ax.plot(branch.values(across), branch.values(name), ".", color=colour, ms=2.5)
    for item in branch.special:
        place = getattr(item.point, across), getattr(item.point, name)
        ax.plot(*place, _MARKS[item.kind][0], ms=7, mfc=colours["paper"], mec=colours["ink"], mew=1.6, zorder=4)
    ax.margins(x=0.05, y=0.08)


def _slope(parameter: str, across: str, name: str, point: Any) -> float:
    """dy/dx at a point where it is exact: along the norm or the frequency, at fixed couplings; else NaN."""
    if parameter not in ("norm", "omega"):
        return math.nan
    known = {
        ("charge", "charged_energy"): point.omega,
        ("norm", "energy"): 0.5 * point.multiplier * point.problem.norm_kinetic,
        ("omega", "charge"): point.charge_slope,
        ("multiplier", "norm"): point.norm_slope,
    }
    return float(known.get((across, name), math.nan))


def _smooth(x: np.ndarray, y: np.ndarray, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A curve through the points, along its length: cubic, with these slopes where they are finite."""
    from scipy.interpolate import CubicHermiteSpline, PchipInterpolator

    sizes = [float(np.ptp(values)) or 1.0 for values in (x, y)]
    length = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x) / sizes[0], np.diff(y) / sizes[1]))])
    if len(x) < 3 or np.any(np.diff(length) <= 0.0) or not np.all(np.isfinite(length)):
        return x, y
    fine = np.unique(np.concatenate([length, np.linspace(0.0, length[-1], 400)]))
    along = PchipInterpolator(length, x)
    rates = along.derivative()(length)
    free = PchipInterpolator(length, y)
    # where x turns back its rate is 0 and the slope may be infinite: there the free curve has the better rate
    steep = ~np.isfinite(slopes) | (rates == 0.0)
    given = np.where(steep, free.derivative()(length), np.where(steep, 0.0, slopes) * rates)
    return along(fine), CubicHermiteSpline(length, y, given)(fine)


def _with_special_points(branch: Any) -> tuple[list[Any], np.ndarray]:
    """The points with the special ones inserted, and the stability of the stretch after each."""
    points: list[Any] = []
    stable: list[bool] = []
    for index, point in enumerate(branch.points):
        points.append(point)
        stable.append(point.stable)
        between = [item for item in branch.special if item.after_index == index]
        for k, item in enumerate(between):
            points.append(item.point)
            # After the last special point a stretch has the stability of the next state, before it that of this one.
            stable.append(branch.points[index + 1].stable if k == len(between) - 1 else point.stable)
    return points, np.array(stable)


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
