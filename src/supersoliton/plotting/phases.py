"""The figures of phases, with their transitions, and of the action of bubbles over the temperature."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter
from scipy.interpolate import CubicHermiteSpline

from .canvas import Picture, figure_of, panel, shown
from .symbols import field_label
from .theme import palette_of, theme

_POINTS = 120  # on each phase


def plot_phases(phases: Any, *, theme_name: str = "light") -> Figure:
    """One panel for each field, and one for V over the lowest phase; a colour for each phase."""
    fields = phases[0].fields if len(phases) else ()
    with theme(theme_name) as colours:
        figure = Picture(figsize=(1.2 + 3.4 * (len(fields) + 1), 3.9), layout="constrained")
        *panels, depth = figure.subplots(1, len(fields) + 1, squeeze=False)[0]
        curves = [_curve(phase) for phase in phases]
        for k, (phase, (x, values, energy)) in enumerate(zip(phases, curves, strict=True)):
            colour = palette_of(colours)[k % len(palette_of(colours))]
            for ax, column in zip(panels, values.T, strict=True):
                ax.plot(x, column, color=colour, lw=2.0)
            least = np.min([_energy_at(other, x) for other in phases], axis=0)
            depth.plot(x, energy - least, color=colour, lw=2.0, label=f"phase {k}")
            for end, word in ((0, phase.ends[0]), (-1, phase.ends[1])):
                if word in ("fold", "lost"):
                    depth.plot(x[end], (energy - least)[end], "o", ms=6, mfc=colours["paper"], mec=colour, zorder=4)
        for ax, name in zip(panels, fields, strict=True):
            ax.set_ylabel(field_label(name, {}))
        depth.set_ylabel("V above the lowest phase")
        for ax in (*panels, depth):
            for one in phases.transitions:
                ax.axvline(one.critical, color=colours["faint"], lw=0.9, ls="--" if one.order == 1 else ":", zorder=0)
            ax.set_xlabel(phases.parameter)
        depth.plot([], [], "--", color=colours["faint"], lw=0.9, label="first order")
        if any(one.order == 2 for one in phases.transitions):
            depth.plot([], [], ":", color=colours["faint"], lw=0.9, label="second order")
        depth.plot([], [], "o", ms=6, mfc=colours["paper"], mec=colours["ink"], label="end of a phase")
        figure.legend(loc="outside upper left", ncols=6)
    return shown(figure)


def _curve(phase: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = np.unique([*np.linspace(phase.low, phase.high, _POINTS), *phase.parameters])
    return x, np.array([phase(t) for t in x]), np.array([phase.energy_density(t) for t in x])


def _energy_at(phase: Any, x: np.ndarray) -> np.ndarray:
    return np.array([phase.energy_density(t) if phase.low <= t <= phase.high else np.inf for t in x])


def plot_action(found: Any, ax: Axes | None = None, *, theme_name: str = "light") -> Figure:
    """S_3/T over T of the bounces of a nucleation, with the tangents' cubic between them, the criterion and T_n."""
    rows = np.array(found.history)
    with theme(theme_name) as colours:
        ax = panel(ax, (5.2, 3.9), layout="constrained")
        t, over = rows[:, 0], rows[:, 1] / rows[:, 0]
        if len(t) > 1:
            # over ln(T_c - T), in which thin walls are a straight line
            x = np.log(found.transition.critical - t)
            spline = CubicHermiteSpline(x[::-1], np.log(over * t)[::-1], -(rows[:, 2] / rows[:, 1] * np.exp(x))[::-1])
            fine = np.linspace(x[-1], x[0], _POINTS)
            at = found.transition.critical - np.exp(fine)
            ax.plot(at, np.exp(spline(fine)) / at, color=colours["ink"], lw=1.6)
        ax.plot(t, over, "o", ms=6, mfc=colours["paper"], mec=colours["ink"], label="bounces")
        ax.axhline(found.action_over_T, color=colours["faint"], lw=0.9, ls="--", zorder=0)
        ax.axvline(found.transition.critical, color=colours["faint"], lw=0.9, ls=":", zorder=0, label="critical")
        if np.isfinite(found.temperature):
            ax.plot(found.temperature, found.action_over_T, "o", ms=7, color=palette_of(colours)[0], label="nucleation")
        ax.set_yscale("log")
        for axis_formatter in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
            axis_formatter(StrMethodFormatter("{x:g}"))
        ax.set_xlabel(found.transition.high.curve.system.parameter)
        ax.set_ylabel("S₃/T")
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)
    return shown(figure_of(ax))
