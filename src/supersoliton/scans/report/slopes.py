"""The slope of every objective in every coupling for the best trials, and the direction that raises the hierarchy."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ..._ranges import Range
from ...families.slopes import Slopes
from ...plotting.html import escape, number, table
from .records import Record, Trial
from .states import Why, is_fed_back
from .summary import join_words

RAISED, HELD = "hierarchy", "fractal_score"
_EDGE = 1e-3  # of a range: a coupling nearer to its end does not move out of it
_SMALL = 0.01  # parts of a direction that are not mentioned


def section(record: Record, found: Mapping[int, Slopes | Why]) -> str:
    """A table of slopes and a sentence for each of these trials, or the reason why there is none."""
    if is_fed_back(record):
        return "<p>The slopes of the objectives are not computed: the couplings are fed back from each state.</p>"
    if not found:
        return ""
    parts, more = [], len(record.pareto) - len(found)
    trials = {trial.number: trial for trial in record.pareto}
    for at, slopes in found.items():
        if isinstance(slopes, Slopes):
            parts.append(_table(record, trials[at], slopes))
        else:
            parts.append(f"<p>Trial {at} has no slopes: {escape(slopes)}.</p>")
    note = (
        "<p>Exact derivatives of the objectives in each coupling, of the best trials: those of the masses by the "
        "theorem of Hellmann and Feynman, with that of the state. The hit score is a step function, so a fractal score "
        "has the slope of its correlation up to the next step: a target that becomes or ceases to be a hit, or a ratio "
        "that passes 1.01. “None”: not smooth, as a count or a percentile, or of unknown derivative.</p>"
    )
    if more > 0:
        parts.append(f"<p class='note'>Those of the other {more}: <code>ss.slopes(ss.load(file))</code>.</p>")
    return note + "".join(parts)


def _table(record: Record, trial: Trial, found: Slopes) -> str:
    ranges = ranges_of(record)
    scale = _scale(trial, found, ranges) if all(name in ranges for name in found.parameters) else None
    rows = []
    for name in record.objectives:
        cells = [found.slope(name, parameter) for parameter in found.parameters]
        words = [number(cell) if math.isfinite(cell) else "none" for cell in cells]
        rows.append([escape(record.label(name)), *words, _next_step(found, name, scale)])
    head = [f"trial {trial.number}", *(f"d / d {name}" for name in found.parameters), "next step"]
    advice = "".join(f"<p>{escape(sentence)}</p>" for sentence in [tune(record, trial, found)] if sentence)
    return table([escape(title) for title in head], rows) + advice


def _scale(trial: Trial, found: Slopes, ranges: Mapping[str, Range]) -> np.ndarray:
    """The change of each coupling with its position in its range."""
    return np.array([ranges[name].rate(trial.couplings[name]) for name in found.parameters])


def _next_step(found: Slopes, name: str, scale: np.ndarray | None) -> str:
    """The nearest step of a number, in parts of a range."""
    reach = found.reach.get(name)
    if reach is None or scale is None or not np.isfinite(reach).any():
        return "–"
    shares = reach / scale
    nearest = int(np.nanargmin(shares))
    return f"{number(100.0 * float(shares[nearest]), 2)} % of the range of {escape(found.parameters[nearest])}"


def ranges_of(record: Record) -> dict[str, Range]:
    """The scanned ranges of the configuration."""
    given = record.config.get("scan", {}).get("parameters", {})
    return {
        name: Range(**spec) if isinstance(spec, Mapping) else Range(float(spec[0]), float(spec[1]))
        for name, spec in given.items()
    }


def direction(record: Record, trial: Trial, found: Slopes) -> tuple[np.ndarray, float] | None:
    """The unit step in parts of the ranges that raises the hierarchy most at constant score, and how much it does.

    The gradient of the hierarchy without its part along that of the score. A coupling at an end of its range, which
    the step would leave, is held. None without a slope of the hierarchy.
    """
    ranges = ranges_of(record)
    if any(name not in ranges for name in found.parameters):
        return None
    positions = np.array([ranges[name].unit(trial.couplings[name]) for name in found.parameters])
    scale = _scale(trial, found, ranges)
    rise, score = (scale * found.slopes.get(name, np.array(math.nan)) for name in (RAISED, HELD))
    if not np.isfinite(rise).all():
        return None
    score = score if np.isfinite(score).all() else np.zeros(len(rise))
    free = np.ones(len(rise), dtype=bool)
    while free.any():
        step, held = rise * free, score * free
        if np.any(held):
            step = step - held * (held @ step) / (held @ held)
        size = float(np.linalg.norm(step))
        if size <= 1e-12 * float(np.linalg.norm(rise)):
            return None
        out = free & (((positions > 1 - _EDGE) & (step > 0)) | ((positions < _EDGE) & (step < 0)))
        if not out.any():
            return step / size, size
        free &= ~out
    return None


def tune(record: Record, trial: Trial, found: Slopes) -> str:
    """The direction in words; empty without one."""
    best = direction(record, trial, found)
    if best is None:
        return ""
    step, gain = best
    order = [k for k in np.argsort(-np.abs(step)) if abs(step[k]) >= _SMALL]
    moves = join_words([f"{found.parameters[k]} by {step[k]:+.2f}" for k in order])
    held = "at constant fractal score " if np.isfinite(found.slopes.get(HELD, [math.nan])).all() else ""
    return (
        f"Tune: from trial {trial.number} the hierarchy, {found.values[RAISED]:.4g}, rises most {held}in the direction "
        f"that changes, in parts of the ranges, {moves}: to first order by {0.1 * gain:.3g} for a tenth of such a step."
    )
