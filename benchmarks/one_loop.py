"""The rows of one-loop determinants: supersoliton and BubbleDet 1.0.7 (arXiv:2308.15652) on the same bounces.

V = u^2/2 - u^3/2 + alpha u^4/8 in d = 2, 3 and 4, and -u^6/6 in d = 3, one of the bounces without a scale that
BubbleDet's paper tests itself on (-u^4/4 in d = 4 took it more than 150 s). Both are given the bounce; BubbleDet gets
it at 4000 radii, with V' and V''. `make bench` installs BubbleDet into .venv-bench. Calls alternate in one process,
after one to compile.
"""

from __future__ import annotations

import functools
import importlib
import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import supersoliton as ss

from .bounces import cosmo_transitions
from .measure import Row, Size, Timing, say, timed, yardstick

ALPHA, POINTS, TAIL = 0.5, 4000, 22.0
# S_1 at mu = 1. Of V_4 from python -m benchmarks.independent_one_loop; that of the other is from
# PHYSICS.md, section 7, at R = 1, where the integrands in R (BubbleDet's) and in ln R (ours) are the same.
REFERENCES = {"V4, d = 2": -0.1093950186, "V4, d = 3": 10.1782969415, "V4, d = 4": 1.3787056596,
              "u^6, d = 3": 4.41320655809}  # fmt: skip


class Case(NamedTuple):
    """A bounce, V, V' and V'' in NumPy, and the options of BubbleDet for it."""

    state: ss.State
    potential: tuple[Callable[[Any], Any], ...]
    options: dict[str, bool]


def quartic(dim: int) -> Case:
    state = ss.bounce(ss.Potential(lambda u, p: u[0] ** 2 / 2 - u[0] ** 3 / 2 + ALPHA * u[0] ** 4 / 8), [0.0], dim=dim)
    potential = (lambda x: x**2 / 2 - x**3 / 2 + ALPHA * x**4 / 8, lambda x: x - 1.5 * x**2 + ALPHA * x**3 / 2,
                 lambda x: 1.0 - 3.0 * x + 1.5 * ALPHA * x**2)  # fmt: skip
    return Case(state, potential, {})


def without_scale(dim: int) -> Case:
    """The bounce of -u^n/n, n = 2d/(d - 2), of size 1."""
    n, scale = (4, math.sqrt(8.0)) if dim == 4 else (6, 3.0**0.25)
    model = ss.Potential(lambda u, p: -(u[0] ** n) / n)
    grid = ss.RadialGrid(order=12, dim=dim, edges=(0.0, *np.geomspace(0.1, 1e5, 28)))
    problem = ss.Problem(model, grid, boundary="decaying", background=(0.0,))
    state = ss.solve(problem, lambda r: scale * (1.0 + r**2) ** (1.0 - dim / 2), solver=ss.Newton(target="stationary"))
    potential = (lambda x: -(x**n) / n, lambda x: -(x ** (n - 1)), lambda x: -(n - 1) * x ** (n - 2))
    return Case(state, potential, {"massless_Higgs": True, "scaleless": True})


CASES: dict[str, Callable[[], Case]] = {
    "V4, d = 2": functools.partial(quartic, 2), "V4, d = 3": functools.partial(quartic, 3),
    "V4, d = 4": functools.partial(quartic, 4), "u^6, d = 3": functools.partial(without_scale, 3),
}  # fmt: skip


def bubble_det() -> Any | None:
    """The module, or None if it is not installed."""
    cosmo_transitions()  # makes .venv-bench known
    try:
        return importlib.import_module("BubbleDet")
    except ImportError:
        return None


def theirs(module: Any, case: Case) -> Callable[[], tuple[float, float]]:
    """BubbleDet's S_1 and its error, as a call."""
    state, dim = case.state, round(case.state.problem.grid.dim)
    r = np.append(0.0, np.geomspace(1e-4, 1e3, POINTS)) if case.options else np.linspace(0.0, TAIL, POINTS)
    fields = np.array(state(np.minimum(r, state.grid.r_max)))[:, 0]
    outside = r > state.grid.r_max
    fields[outside] *= (state.grid.r_max / r[outside]) ** (dim / 2 - 0.5) * np.exp(state.grid.r_max - r[outside])
    value, slope, curvature = case.potential
    bubble = module.BubbleConfig(value, 0.0, r, fields, dim, dV=slope, d2V=curvature, **case.options)
    particle = module.ParticleConfig(W_Phi=curvature, zero_modes="Higgs")

    def call() -> tuple[float, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, error = module.BubbleDeterminant(bubble, [particle]).findDeterminant()
        return float(found), float(error)

    return call


def _compare(module: Any | None, name: str, repetitions: int) -> dict[str, Any]:
    case, exact = CASES[name](), REFERENCES[name]

    def ours() -> float:
        return ss.determinant(case.state).one_loop()

    def with_error() -> float:
        found = ss.determinant(case.state)
        found.one_loop()
        return found.error

    other = None if module is None else theirs(module, case)
    seconds: dict[str, list[float]] = {"ours": [], "error": [], "theirs": [], "yardstick": []}
    with_error()
    found = (math.nan, math.nan)
    for _ in range(repetitions):
        seconds["yardstick"].append(yardstick()[1])
        taken, value = timed(ours)
        seconds["ours"].append(taken)
        taken, error = timed(with_error)
        seconds["error"].append(taken)
        if other is not None:
            taken, found = timed(other)
            seconds["theirs"].append(taken)
    timing = Timing(seconds["ours"], seconds["yardstick"], [value])
    row = {
        "case": name, "exact": exact, "seconds": timing.median, "yardsticks": timing.ratio,
        "with_error_seconds": float(np.median(seconds["error"])), "off": abs(value - exact), "error": error,
    }  # fmt: skip
    if other is not None:
        median = float(np.median(seconds["theirs"]))
        row |= {
            "bubble_det_seconds": median, "bubble_det_off": abs(found[0] - exact), "bubble_det_error": found[1],
            "times_faster": median / row["with_error_seconds"],
        }  # fmt: skip
    return row


def one_loop(size: Size) -> list[Row]:
    module = bubble_det()
    if module is None:
        say("BubbleDet is not installed (make bench installs it into .venv-bench): not measured")
    names = list(CASES) if size.elements is None else ["V4, d = 4"]
    table = []
    for name in names:
        table.append(_compare(module, name, size.repetitions))
        row = table[-1]
        say(
            f"{name}: {row['seconds']:.3f} s, off by {row['off']:.0e}; BubbleDet "
            f"{row.get('bubble_det_seconds', math.nan):.3f} s, off by {row.get('bubble_det_off', math.nan):.0e}"
        )
    worst = max(row["off"] for row in table)
    rows = [
        Row("one-loop-error", f"largest error of S_1, {len(table)} bounces in d = 2, 3 and 4", worst, "absolute",
            worst, "one", 1e-6, clock="none", details={"rows": table}),
    ]  # fmt: skip
    work = "S_1 of one field in d = 4 with its error (V4), against BubbleDet, both given the bounce"
    four = next(row for row in table if row["case"] == "V4, d = 4")
    if module is None:
        rows.append(Row("one-loop", work, None, "s", None, "faster", 1.0, False, note="BubbleDet missing"))
    else:
        note = f"off by {four['off']:.0e}, BubbleDet by {four['bubble_det_off']:.0e}"
        rows.append(Row("one-loop", work, four["with_error_seconds"], "s", four["times_faster"], "faster", 1.0, False,
                        note=note, details={"rows": table}))  # fmt: skip
    return rows
