"""Line plots of one or more panels, for a light or a dark page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from numpy import ndarray as Array

from ..plotting import palette_of, theme
from .claim import Picture

_LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))  # distinct without colours


@dataclass(frozen=True)
class Curve:
    """A line, with points where ``marker`` is given; ``label`` goes into the legend."""

    label: str
    x: Float[Array, " point"]
    y: Float[Array, " point"]
    marker: str = ""


@dataclass(frozen=True)
class Panel:
    """One axes: ``log`` names the logarithmic axes, "x", "y", "xy" or "" ("s": y symmetric, linear around 0)."""

    curves: Sequence[Curve]
    x_label: str
    y_label: str
    title: str = ""
    log: str = ""


def picture(name: str, alt: str, *panels: Panel) -> Picture:
    """Panels side by side, each with its legend below it."""

    def draw() -> Figure:
        with theme() as colours:
            figure = Figure(figsize=(7.2 if len(panels) == 1 else 4.9 * len(panels), 4.6), layout="constrained")
            for i, panel in enumerate(panels):
                ax = figure.add_subplot(1, len(panels), i + 1)
                for j, curve in enumerate(panel.curves):
                    ax.plot(curve.x, curve.y, color=palette_of(colours)[j % 6], ls=_LINES[j % 6], lw=1.8,
                            marker=curve.marker or None, ms=5, label=curve.label)  # fmt: skip
                ax.margins(0.06)
                if "x" in panel.log:
                    _logarithmic(ax)
                if "y" in panel.log:
                    ax.set_yscale("log")
                if "s" in panel.log:
                    ax.set_yscale("symlog", linthresh=100.0)
                ax.grid(lw=0.5)
                ax.set_xlabel(panel.x_label)
                ax.set_ylabel(panel.y_label)
                ax.set_title(panel.title)
                if len(panel.curves) > 1:
                    columns = 2 if len(panel.curves) > 2 and len(panels) == 1 else 1
                    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=columns)
        return figure

    return Picture(name, alt, draw)


def _logarithmic(ax: Axes) -> None:
    """A logarithmic abscissa with plain numbers at 1, 2 and 5 of each decade."""
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=20))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
