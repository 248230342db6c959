"""States drawn over each other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .canvas import Picture, figure_of, shown
from .state import headline_words, theory_behind, visible_radius
from .symbols import field_label
from .theme import palette_of, theme

_COLUMNS = 3  # panels in a row


def compare(
    *states: Any,
    fields: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    r_max: float | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Profiles of several states over each other, a panel for each field.

    Parameters
    ----------
    *states : State
        The states, of any theories that have these fields.
    fields : sequence of str, optional
        Names of the fields; those that all states have, if not given.
    labels : sequence of str, optional
        Name of each state in the legend; its kind and first number if not given.
    r_max : float, optional
        Largest radius shown, in 1/mass; one that shows all of them if not given.
    ax : matplotlib Axes, optional
        Where to draw one field.

    Returns
    -------
    matplotlib Figure
        A notebook shows it; ``show()`` opens a window; ``savefig(path)`` writes it.

    Raises
    ------
    ValueError
        If there is no state, a field is not one of all states, or labels or axes do not fit.

    Examples
    --------
    >>> V = lambda u, p: p["lam"] / 4 * (u[0]**2 - 1)**2
    >>> problem = ss.Problem(ss.Potential(V, params={"lam": 1.0}), ss.RadialGrid(r_max=15.0, dim=1), line=(-1.0, 1.0))
    >>> figure = ss.compare(*(ss.solve(problem.replace(lam=lam)) for lam in (0.5, 1.0, 2.0)))
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['$u$']
    """
    if not states:
        raise ValueError("compare: there is no state: give one or more")
    theories = [theory_behind(state) for state in states]
    common = [name for name in theories[0].names_in_space if all(name in theory.names_in_space for theory in theories)]
    chosen = common if fields is None else list(fields)
    if not chosen or not set(chosen) <= set(common):
        raise ValueError(f"compare: fields must be among {', '.join(common) or 'those of all states: none'}")
    if labels is not None and len(labels) != len(states):
        raise ValueError(f"compare: there are {len(states)} states and {len(labels)} labels: give one for each")
    if ax is not None and len(chosen) > 1:
        raise ValueError(f"compare: one axes cannot show the fields {', '.join(chosen)}: choose one with fields=")
    edge = max(map(visible_radius, states)) if r_max is None else r_max
    with theme() as colours:
        axes = [ax] if ax is not None else _panels(len(chosen))
        for one, name in zip(axes, chosen, strict=True):
            for k, (state, theory) in enumerate(zip(states, theories, strict=True)):
                line, colour = _line(state, edge), palette_of(colours)[k % len(palette_of(colours))]
                style = itertools.islice(itertools.cycle(("-", "--", "-.", ":")), k, None)
                label = labels[k] if labels is not None else headline_words(state)
                values = np.asarray(state(line), dtype=float)[:, theory.names_in_space.index(name)]
                one.plot(line, values, next(style), color=colour, lw=1.8, label=label)
            one.set_xlabel("x [1/mass]" if states[0].problem.on_line else "r [1/mass]")
            one.set_ylabel(field_label(name, theories[0].symbols))
        axes[0].legend(loc="best")
    return shown(figure_of(axes[0]))


def _panels(count: int) -> list[Axes]:
    rows, columns = -(-count // _COLUMNS), min(count, _COLUMNS)
    figure = Picture(figsize=(1.0 + 4.2 * columns, 0.4 + 3.4 * rows), layout="constrained")
    return [figure.add_subplot(rows, columns, k + 1) for k in range(count)]


def _line(state: Any, edge: float) -> np.ndarray:
    last = min(edge, float(state.problem.grid.r_max))
    return np.linspace(-last if state.problem.on_line else 0.0, last, 800)
