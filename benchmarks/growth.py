"""The rows of growth: how the cost of a state grows with the number of fields and of elements.

The README's Q-ball (N = 1200 in the second octave) is solved with various numbers of octaves and of elements of order
12. The exponent is the slope of the least-squares line through log t against log n; the exponent from the largest two
sizes, where overheads matter least, is printed as well.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import supersoliton as ss
from supersoliton.guesses.guess import starting_fields

from .evaluation import GUESS, q_ball_model
from .measure import Row, Size, interleaved, say

R_MAX, NORM, ELEMENTS, ORDER = 25.0, 1200.0, 8, 12


def problem(fields: int, elements: int) -> ss.Problem:
    return ss.Problem(q_ball_model(fields - 1), ss.RadialGrid(R_MAX, elements, ORDER), norm=NORM)


def exponent(sizes: Iterable[float], seconds: Iterable[float]) -> float:
    """Slope of the least-squares line through log t against log n."""
    return float(np.polyfit(np.log(list(sizes)), np.log(list(seconds)), 1)[0])


def _measure(sizes: tuple[int, ...], make: Callable[[int], ss.Problem], size: Size) -> list[dict[str, Any]]:
    out = []
    for n in sizes:
        on = make(n)
        on.vacuum  # noqa: B018  (compute it now, untimed)
        call = functools.partial(ss.Newton().run, on, starting_fields(on, GUESS))
        call()
        timing = interleaved([call] * size.repetitions)
        solution = timing.results[-1]
        out.append(
            {
                "n": n,
                "unknowns": int(np.sum(on.free_nodes)),
                "seconds": timing.median,
                "yardsticks": timing.ratio,
                "steps": solution.steps,
                "status": solution.status,
            }
        )
        say(f"{n}: {timing.median:.4f} s, {solution.steps} steps, {solution.status}")
    return out


def _row(key: str, words: str, found: list[dict[str, Any]], target: float) -> Row:
    # in yardsticks, so that other load on the machine does not change the exponent
    n, cost = [row["n"] for row in found], [row["yardsticks"] for row in found]
    step = [row["yardsticks"] / max(row["steps"], 1) for row in found]
    slope, largest = exponent(n, cost), exponent(n[-2:], cost[-2:])
    details = {
        "measured": found,
        "of_the_largest_two": largest,
        "of_one_step": exponent(n, step),
        "of_one_step_of_the_largest_two": exponent(n[-2:], step[-2:]),
    }
    note = f"{largest:.2f} between the largest two"
    return Row(key, words, slope, "exponent", slope, "exponent", target, details=details, note=note)


def growth(size: Size) -> list[Row]:
    say(f"growth with fields ({ELEMENTS} elements)")
    fields = _measure(size.fields, lambda n: problem(n, ELEMENTS if size.elements is None else 2), size)
    say("growth with elements (13 fields)")
    elements = _measure(size.meshes, lambda n: problem(13 if size.elements is None else 3, n), size)
    return [
        _row("growth-fields", f"growth of the solve with fields, n = {', '.join(map(str, size.fields))}", fields, 2.5),
        _row("growth-elements", f"growth with elements, {', '.join(map(str, size.meshes))}", elements, 1.2),
    ]
