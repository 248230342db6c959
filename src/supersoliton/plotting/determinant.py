"""Picture of a one-loop determinant."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .canvas import figure_of, panel, shown
from .theme import palette_of, theme

_MOST = 30  # angular momenta shown


def plot_determinant(found: Any, series: Any, ax: Axes | None = None, theme_name: str = "light") -> Figure:
    """ln \\|T_l\\| over l with ``series``, the uniform series, where it is within the picture."""
    with theme(theme_name) as colours:
        ax = panel(ax, (5.6, 3.8), layout="constrained")
        last = 0 if found.on_line else 1 if found.dim == 1 else _MOST
        ells = np.array([ell for ell in range(last + 1) if ell not in found.zero_modes])
        values = np.array([found.log_ratio(int(ell)) for ell in ells])
        negative = np.array([found.sign(int(ell)) < 0 for ell in ells], dtype=bool)
        colour = palette_of(colours)[0]
        ax.plot(ells[~negative], values[~negative], "o", ms=4, color=colour, label="ln|T_l|")
        if negative.any():
            ax.plot(ells[negative], values[negative], "o", ms=6, color=colours["negative"], label="T_l negative")
        for ell in found.zero_modes:
            ax.axvline(ell, color=colours["faint"], lw=0.8, ls=":", label="zero modes")
        if last > 1:
            fine = np.linspace(0.5, last, 400)
            curve = series(fine + found.dim / 2.0 - 1.0)
            low, high = float(values.min()), float(values.max())
            inside = (curve > low - (high - low)) & (curve < high + 0.1 * (high - low))
            first = np.flatnonzero(~inside)[-1] + 1 if not inside.all() else 0
            ax.plot(fine[first:], curve[first:], color=palette_of(colours)[1], lw=1.2, label="uniform series")
        ax.set_xlabel("angular momentum l")
        ax.set_ylabel("ln|T_l|")
        ax.legend(fontsize=8)
    return shown(figure_of(ax))
