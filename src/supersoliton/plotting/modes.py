"""Level diagrams of fluctuation modes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .canvas import figure_of, panel, shown
from .theme import palette_of, theme

_SINGLE_LINES = 8  # up to so many thresholds are drawn as single lines
_CLOSE = 0.02  # fraction of the highest one: closer lines cannot be distinguished


def plot_modes(*columns: Any, ax: Axes | None = None, title: str | None = None, theme_name: str = "light") -> Figure:
    r"""Level diagram of fluctuation modes, one column per angular momentum, with the continuum thresholds.

    The ordinate is :math:`\mathrm{sign}(\lambda)\sqrt{|\lambda|}`, so that a negative mode is below zero.

    Parameters
    ----------
    *columns : Modes
        Modes of one state at different angular momenta.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if not given.
    title : str, optional
        "Fluctuation modes" if not given.
    theme_name : str, default "light"
        Its colours: ``"light"`` or ``"dark"``.

    Returns
    -------
    matplotlib Figure
        A notebook shows it; ``show()`` opens a window; ``savefig(path)`` writes it.

    Raises
    ------
    ValueError
        If there are no modes.

    Examples
    --------
    >>> V = lambda u, p: (u[0]**2 - 1)**2 / 4
    >>> problem = ss.Problem(ss.Potential(V), ss.RadialGrid(r_max=15.0, dim=1), line=(-1.0, 1.0))
    >>> modes = ss.spectrum(ss.solve(problem), n_modes=8)
    >>> ss.plot_modes(modes).axes[0].get_ylabel()
    'sign(λ)·√|λ| [mass]'
    """
    if not columns:
        raise ValueError("plot_modes: there are no modes: give those of spectrum(state)")
    # Thresholds of this operator's continuum: at fixed norm the vacuum masses are lowered by the multiplier.
    thresholds = signed_mass(np.asarray(columns[0].continuum, dtype=float))
    levels = [(f"ℓ = {column.ell}", signed_mass(np.asarray(column.eigenvalues, dtype=float))) for column in columns]
    with theme(theme_name) as colours:
        ax = panel(ax, (max(4.5, 2.2 + 1.3 * len(columns)), 4.6), layout="constrained")
        draw_levels(ax, levels, thresholds, colours)
        ax.set_title(title or "Fluctuation modes", pad=14.0)  # above "+5 above"
    return shown(figure_of(ax))


def plot_oscillations(
    *columns: Any, ax: Axes | None = None, title: str | None = None, theme_name: str = "light"
) -> Figure:
    """Level diagram of oscillation frequencies rho, one column per angular momentum; growth rates below zero."""
    levels = []
    for column in columns:
        steady = column.frequencies[column.frequencies.imag == 0.0].real
        levels.append((f"ℓ = {column.ell}", np.concatenate([-column.growth_rates[::-1], steady])))
    with theme(theme_name) as colours:
        ax = panel(ax, (max(4.5, 2.2 + 1.3 * len(columns)), 4.6), layout="constrained")
        draw_levels(ax, levels, np.asarray(columns[0].thresholds, dtype=float), colours)
        ax.set_ylabel("ρ; growth rates below zero [mass]")
        ax.set_title(title or f"Oscillations, ω = {columns[0].omega:.6g}", pad=14.0)
    return shown(figure_of(ax))


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
    # A zero mode is computed as about +-1e-10 in lambda, +-1e-5 here, with a random sign.
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
        # Not "unstable": the unconstrained operator of a stable Q-ball has one negative mode.
        negative = int(np.sum(values < -zero))
        if negative:
            place = (x, float(values.min()))
            ax.annotate(f"{negative} negative", place, xytext=(0, -3), textcoords="offset points",
                        ha="center", va="top", fontsize=8, color=colours["negative"])  # fmt: skip
    draw_thresholds(ax, finite, colours)
    if finite.size:
        inside = [f"{len(band)} thresholds" for band in _bands(finite)[:1] if len(band) > 1]
        words = "\n".join(["continuum", "from here", *inside])
        ax.annotate(words, (len(levels) - 0.5, lowest), xytext=(3, 0), textcoords="offset points",
                    ha="left", va="center", fontsize=8, color=colours["faint"], annotation_clip=False)  # fmt: skip
    ax.axhline(0.0, color=colours["line"], lw=0.8, zorder=0)
    ax.set_xlim(-0.5, len(levels) - 0.5)
    ax.set_xticks(range(len(levels)), [label for label, _ in levels])
    ax.set_ylabel("sign(λ)·√|λ| [mass]")
    extent = np.concatenate([everything[everything <= top], finite, [0.0]])
    low, high = float(extent.min()), max(float(extent.max()), 1e-12)
    ax.set_ylim(low - 0.1 * (high - low), high + 0.08 * (high - low))


def draw_thresholds(ax: Axes, thresholds: np.ndarray, colours: dict[str, str]) -> None:
    """Draw thresholds as dashed lines across the axes; many close together as a band with two edges."""
    for band in _bands(thresholds):
        edges = [band[0], band[-1]] if len(band) > 1 else band
        ax.hlines(edges, 0.0, 1.0, transform=ax.get_yaxis_transform(), color=colours["faint"], lw=0.8, ls="--",
                  zorder=0)  # fmt: skip
        if len(band) > 1:
            ax.axhspan(band[0], band[-1], color=colours["faint"], alpha=0.2, lw=0, zorder=0)


def _bands(thresholds: np.ndarray) -> list[np.ndarray]:
    """Distinct thresholds, ascending, in groups whose lines would overlap; a few thresholds are not grouped."""
    distinct = np.unique(np.round(thresholds[np.isfinite(thresholds)], 6))
    if len(distinct) <= _SINGLE_LINES:
        return [distinct[i : i + 1] for i in range(len(distinct))]
    return np.split(distinct, np.flatnonzero(np.diff(distinct) > _CLOSE * distinct[-1]) + 1)
