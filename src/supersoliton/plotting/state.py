"""The figure of a state: profiles of its fields over the radius.

Needs only a state's attributes, not its class, which is imported above this package.
"""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .canvas import Picture, figure_of
from .symbols import field_label
from .theme import field_unit, palette_of, theme

_LINE = 105  # characters of a note's line across the figure
_SYMBOLS = {"omega": "ω", "E_Q": "$E_Q$", "omega^2": "ω²", "dQ/domega": "dQ/dω"}
_IN_TITLE = 3  # numbers, the first ones; the others begin the note
_LEGEND_INSIDE = 3  # so many fields have their legend inside, where there is room next to few curves
_SEEN = 2e-3  # part of the range of the fields that is seen as a difference
_ROOM = 1.15  # the shown radius over that of the last visible difference
MAX_LISTED_FIELDS = 6  # fields with a colour; smaller ones are thin and grey, and counted in the legend


def plot_state(
    state: Any,
    ax: Axes | None = None,
    *,
    fields: Sequence[str] | None = None,
    r_max: float | None = None,
    certificate: bool = False,
    title: str | None = None,
    theme_name: str = "light",
) -> Figure:
    """Profiles of a state's fields over the radius, with dashed lines at the boundary values.

    ``state`` has ``problem``, ``half_radius``, ``headline``, ``status`` and ``certificate``, and is callable at any
    radius, or at any position on a line. Without ``r_max`` they are shown as far as they are seen to differ from the
    boundary values. ``certificate`` writes the checks of the state below.
    """
    line = state.problem.on_line
    edge = visible_radius(state) if r_max is None else r_max
    r = np.linspace(-edge if line else 0.0, edge, 800)
    model = theory_behind(state)
    chosen = _indices(model, fields)
    u = np.asarray(state(r), dtype=float)[:, chosen]
    with theme(theme_name) as colours:
        note = certificate_words(state) if certificate else ""
        if ax is None:
            # Fixed margins: constrained layout would take half of the drawing time.
            foot = 0.13 + 0.03 * len(note.splitlines())
            inside = len(chosen) <= _LEGEND_INSIDE
            ax = Picture(figsize=(8.0, 4.4)).add_axes((0.085, foot, 0.89 if inside else 0.66, 0.93 - foot))
        figure = figure_of(ax)
        labels = [field_label(model.names_in_space[i], model.symbols) for i in chosen]
        background = [chosen.index(i) for i in map(model.names_in_space.index, model.background) if i in chosen]
        draw_profiles(ax, r, u, labels, dim=_space(state), colours=colours, background=background)
        if model.ends is not None:  # in units of its own
            ax.set_xlabel("r")
            ax.set_ylabel("fields")
        if line:
            ax.set_xlabel("x [1/mass]")
        else:
            _draw_half_radius(ax, state.half_radius, colours)
        ax.set_title(title or _state_title(state))
        if note:
            figure.supxlabel(note, fontsize=8, color=colours["faint"], x=0.012, y=0.015, ha="left", va="bottom")
    return figure


def theory_behind(state: Any) -> Any:
    """The theory of a state; on a line that of the whole line."""
    return getattr(state.problem.model, "model", state.problem.model)


def visible_radius(state: Any) -> float:
    """A radius beyond which the fields are not seen to differ from their boundary values; the edge, if none is."""
    edge, line = float(state.problem.grid.r_max), state.problem.on_line
    r = np.linspace(-edge if line else 0.0, edge, 1601)
    u = np.asarray(state(r), dtype=float)
    ends = np.where(r[:, None] < 0.0, u[0], u[-1])
    away = np.any(np.abs(u - ends) > _SEEN * np.ptp(u, axis=0).max(), axis=1)
    return min(edge, _ROOM * float(np.abs(r[away]).max())) if away.any() else edge


def _indices(model: Any, fields: Sequence[str] | None) -> list[int]:
    if fields is None:
        return list(range(len(model.names_in_space)))
    unknown = [name for name in fields if name not in model.names_in_space]
    if unknown or not fields:
        got = repr(unknown[0]) if unknown else "none"
        raise ValueError(
            f"plot: fields must be among {', '.join(model.names_in_space)}, got {got}: name at least one of them"
        )
    return [model.names_in_space.index(name) for name in fields]


def draw_profiles(
    ax: Axes,
    r: np.ndarray,
    u: np.ndarray,
    labels: Sequence[str],
    *,
    dim: float,
    colours: dict[str, str],
    background: Sequence[int] = (),
) -> None:
    """Draw profiles, shape (n, fields), on ``ax``: the largest fields in colour and named, the others thin and counted.

    Fields with an index in ``background`` are named too, and drawn in the colour of the text.
    """
    ax.axhline(0.0, color=colours["line"], lw=0.8, zorder=0)
    # The margins are fixed, and units may be any; mathtext, whose parser is slow, only where a power of ten is shown.
    powers = [not 1e-2 < top < 1e5 for top in (np.abs(u).max(), np.abs(r).max())]
    ax.ticklabel_format(scilimits=(-2, 5), useMathText=any(powers))
    ax.yaxis.get_offset_text().set(x=1.0, ha="right")  # on the left is the title
    reach = np.abs(u).max(axis=0)
    named = named_fields(reach, background)
    rest = [i for i in range(len(labels)) if i not in named]
    palette = itertools.cycle(palette_of(colours))
    for slot, i in enumerate(named):
        colour = colours["ink"] if i in background else next(palette)
        dashes = "--" if slot >= MAX_LISTED_FIELDS and i not in background else "-"  # seven fields, six colours
        ax.plot(r, u[:, i], color=colour, lw=2.0, ls=dashes, label=labels[i])
    for slot, i in enumerate(rest):
        label = f"{len(rest)} more, at most {_round_up(reach[rest].max())}" if slot == 0 else None
        ax.plot(r, u[:, i], color=colours["faint"], lw=0.7, alpha=0.7, label=label, zorder=1.5)
    _draw_boundary_values(ax, u[[0, -1]] if r[0] < 0.0 else u[-1:], float(reach.max()), colours)
    ax.set_xlim(r[0], r[-1])
    ax.margins(y=0.08)
    ax.set_xlabel("r [1/mass]")
    ax.set_ylabel(f"field{field_unit(dim)}")
    if len(labels) <= _LEGEND_INSIDE:
        ax.legend(loc="best")
    else:
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))  # outside, so that it hides no curve


def _space(state: Any) -> float:
    """Number of space dimensions, which sets the unit of a field; one of a bounce's more than three is imaginary time.

    A bounce has no other number than its action.
    """
    dim = float(state.problem.grid.dim)
    return dim - 1.0 if dim > 3 and [number.symbol for number in state.headline] == ["S"] else dim


def _draw_half_radius(ax: Axes, half: float, colours: dict[str, str]) -> None:
    if math.isfinite(half):
        ax.axvline(half, color=colours["faint"], lw=1.0, ls=":", zorder=0)
        ax.annotate(f"half-radius {half:.3g}", (half, 1.0), xycoords=("data", "axes fraction"), xytext=(4, -2),
                    textcoords="offset points", va="top", fontsize=8, color=colours["faint"])  # fmt: skip


def named_fields(reach: np.ndarray, background: Sequence[int] = ()) -> list[int]:
    """Indices of the fields drawn in colour: all if there are few, else the largest; always those in `background`."""
    if len(reach) <= MAX_LISTED_FIELDS + 1:
        return list(range(len(reach)))
    others = [int(i) for i in np.argsort(-reach, kind="stable") if i not in background]
    seen = [i for i in others[:MAX_LISTED_FIELDS] if reach[i] > 0.02 * reach[others[0]] and reach[i] > 1e-6]
    return sorted(seen) + list(background)


def _round_up(value: float) -> str:
    """The value rounded up to two digits, as text; it is printed as a bound."""
    if value < 1e-12:
        return "1e-12"
    unit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return f"{math.ceil(value / unit * (1 - 1e-12)) * unit:.2g}"


def _draw_boundary_values(ax: Axes, ends: np.ndarray, reach: float, colours: dict[str, str]) -> None:
    """Draw dashed lines at the distinct non-zero boundary values (the vacuum, if the state is localised)."""
    values = np.unique(np.round(ends, 6))
    for value in values[np.abs(values) > 1e-3 * max(reach, 1e-300)][:12]:
        ax.axhline(value, color=colours["faint"], lw=0.9, ls="--", zorder=1)


def _state_title(state: Any) -> str:
    return headline_words(state, _IN_TITLE, ",  ")


def headline_words(state: Any, count: int = 1, between: str = ", ") -> str:
    """The kind of a state and its first numbers."""
    kind = state.certificate.kind
    return between.join([kind[:1].upper() + kind[1:], *_numbers(state)[:count]])


def _numbers(state: Any) -> list[str]:
    return [f"{_SYMBOLS.get(x.symbol, x.symbol)} = {x.value:.{min(x.digits, 8)}g}" for x in state.headline]


def certificate_words(state: Any) -> str:
    """The certificate in two or three lines of text: the verdict and its numbers."""
    c = state.certificate
    parts = [
        f"residual {c.residual:.1e}",
        f"discretisation {c.discretisation:.1e}",
        f"box {c.box:.1e}",
        f"virial {c.virial:.1e}",
        f"negative modes {c.negative_modes}",
        f"translation mode {c.translation_mode:.1e}",
        f"norm in the outer tenth {c.boundary_fraction:.1e}",
    ]
    parts = [part for part in parts if "nan" not in part and "None" not in part]
    more = _numbers(state)[_IN_TITLE:]
    if c.rotation is not None and more:
        parts = [c.rotation.verdict, *more, *parts]
    if c.certified:
        return "\n".join(_lines(["certified", *parts]))
    verdict = "not certified" + (f": {'; '.join(c.reasons)}" if c.reasons else "")
    return "\n".join([textwrap.shorten(verdict, _LINE, placeholder=" …"), *_lines(parts)])


def _lines(parts: Sequence[str]) -> list[str]:
    """The parts as lines of at most `_LINE` characters, broken between parts only."""
    tied = ", ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts)
    wrapped = textwrap.wrap(tied, _LINE, break_on_hyphens=False)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in wrapped]
