"""Figures that show themselves: in a notebook as the value of a cell, in a script in a window."""

from __future__ import annotations

import io
import sys
from typing import Any, cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure


class Picture(Figure):
    """A matplotlib figure that a notebook shows as the value of a cell, and `show` in a window.

    It is not known to pyplot, which would keep it in memory, until it is shown.
    """

    def _repr_png_(self) -> bytes:
        pixels = io.BytesIO()
        self.savefig(pixels, format="png", dpi=2 * self.dpi)  # for fine screens; the next line halves it again
        return pixels.getvalue()

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"image/png": self._repr_png_()}, {"image/png": {"width": int(self.dpi * self.get_figwidth())}}

    def show(self, warn: bool = True) -> None:
        """Open a window, which is waited for in a script, as `pyplot.show` does."""
        self.manage()
        from matplotlib import pyplot

        pyplot.show()

    def manage(self) -> Picture:
        """Hand the figure to pyplot, so that `pyplot.show` shows it and `pyplot.gcf` is it."""
        from matplotlib import pyplot

        if self.canvas.manager is None:  # pyplot makes its figures by calling a class: this one exists already
            pyplot.figure(FigureClass=cast(Any, lambda *_, **__: self))
        return self


def shown(figure: Figure) -> Figure:
    """The figure, known to pyplot where a script uses that; a notebook shows it as it is."""
    if isinstance(figure, Picture) and "matplotlib.pyplot" in sys.modules and not _in_notebook():
        figure.manage()
    return figure


def panel(ax: Axes | None, figsize: tuple[float, float], **options: Any) -> Axes:
    """The axes to draw in: those given, or those of a new picture."""
    return Picture(figsize=figsize, **options).add_subplot() if ax is None else ax


def figure_of(ax: Axes) -> Figure:
    """The whole figure that has the axes."""
    return cast(Figure, ax.get_figure(root=True))


def _in_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")
