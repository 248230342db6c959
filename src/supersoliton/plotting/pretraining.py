"""The training curves of the networks of a warm start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from .theme import palette_of, theme

_NAMED = 6  # branches with a colour and a name


def plot_training(
    curves: Mapping[str, Sequence[Sequence[float]]], shares: Mapping[str, float], *, theme_name: str = "light"
) -> Figure:
    """The error of each branch's network over the steps: on training points (dotted), on points held out (solid).

    ``curves``: branch -> points (step, training error, held-out error), relative rms in L2. ``shares``: branch -> the
    fraction of the box in which it is lowest; the largest are named.
    """
    order = sorted((name for name in curves if curves[name]), key=lambda name: -shares.get(name, 0.0))
    with theme(theme_name) as colours:
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        ax = figure.add_subplot()
        for i, name in reversed(list(enumerate(order))):
            steps, training, held = zip(*curves[name], strict=True)
            named = i < _NAMED
            colour = palette_of(colours)[i] if named else colours["faint"]
            label = f"{name}  ({100.0 * shares.get(name, 0.0):.0f} % of the box)" if named else None
            ax.plot(steps, held, color=colour, lw=1.6 if named else 0.7, marker="o", ms=3 if named else 0, label=label)
            ax.plot(steps, training, color=colour, lw=1.0 if named else 0.5, ls=":")
        ax.set_yscale("log")
        ax.set_xlabel("Adam step")
        ax.set_ylabel("relative error of the fields (L², rms)")
        ax.set_title("Branch networks: held-out (solid) and training (dotted) error")
        ax.grid(axis="y", which="major")
        if order:
            handles, labels = ax.get_legend_handles_labels()
            rest = len(order) - _NAMED
            title = f"carriers and signs; {rest} rarer ones in grey" if rest > 0 else "carriers and signs"
            ax.legend(handles[::-1], labels[::-1], title=title, title_fontsize=9)
    return figure
