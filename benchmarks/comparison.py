"""The rows of finite differences: the same problem from the same guess, to the same accuracy.

The problem is the README's Q-ball (12 octaves, g = 0.6, N = 1200, R = 25). Both programs compute the state and its
lowest 300 modes. Ours is timed on the cheapest of a few meshes whose errors of the energy and of the worst mode are
below those of 800 cells. The cost of finite differences at the accuracy of the quickstart's mesh is extrapolated and
marked so.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np

import supersoliton as ss
from supersoliton.guesses.guess import starting_fields

from .evaluation import GUESS, q_ball_model
from .finite_differences import FiniteDifferences, Found
from .measure import Row, Size, Timing, interleaved, say, yardstick

R_MAX, NORM = 25.0, 1200.0
# (elements, order), cheapest first; the last has the quickstart's size.
MESHES = ((5, 10), (3, 16), (8, 8), (8, 12))
CLASS = 1e-5  # error of the worst mode that the row of one evaluation requires
MAX_SECONDS = 60.0


def reference(theory: ss.OctaveHiggs, guess: Any, modes: int) -> tuple[float, np.ndarray]:
    """Energy and eigenvalues of the state nearest to ``guess``, on a much finer mesh than those compared."""
    grid = ss.RadialGrid(R_MAX, 12, 14)
    state = ss.solve(ss.Problem(theory, grid, norm=NORM), guess, ss.Newton())
    return state.energy, ss.spectrum(state, n_modes=modes).eigenvalues


def ours(theory: ss.OctaveHiggs, mesh: tuple[int, int], size: Size) -> tuple[Timing, float, np.ndarray]:
    """Timing, energy and eigenvalues of this program on one mesh (elements, order)."""
    problem = ss.Problem(theory, ss.RadialGrid(R_MAX, *mesh), norm=NORM)
    modes = min(size.modes, 13 * problem.model.n_fields)

    def call() -> tuple[ss.Solution, np.ndarray]:
        fresh = problem.with_grid(problem.grid)  # without the cached vacuum
        solution = ss.Newton().run(fresh, starting_fields(fresh, GUESS))
        point = SimpleNamespace(problem=fresh, u=solution.u, multiplier=solution.multiplier)
        return solution, ss.spectrum(point, n_modes=modes, fast=True).eigenvalues

    call()
    timing = interleaved([call] * size.repetitions)
    solution, values = timing.results[-1]
    return timing, problem.energy(solution.u), values


def theirs(theory: ss.OctaveHiggs, cells: int, size: Size) -> tuple[Found, FiniteDifferences]:
    scheme = FiniteDifferences(theory, NORM, R_MAX, cells)
    return scheme.solve(GUESS, min(size.modes, 20 * cells), max_seconds=MAX_SECONDS), scheme


def worst(values: np.ndarray, exact: np.ndarray) -> float:
    return float(np.max(np.abs(values / exact[: len(values)] - 1.0)))


def extrapolated(measured: list[dict[str, float]], wanted: float) -> dict[str, float]:
    """Cells and seconds for a mode error of ``wanted``, by power laws through the last two measurements."""
    (a, b), n = measured[-2:], math.log(measured[-1]["cells"] / measured[-2]["cells"])
    error = math.log(b["mode_error"] / a["mode_error"]) / n
    cost = math.log(b["seconds"] / a["seconds"]) / n
    factor = (wanted / b["mode_error"]) ** (1.0 / error)
    return {"cells": b["cells"] * factor, "seconds": b["seconds"] * factor**cost, "error_power": error, "power": cost}


def _tried(theory: ss.OctaveHiggs, size: Size, energy: float, exact: np.ndarray) -> list[dict[str, Any]]:
    """Cost and errors of this program on each of MESHES."""
    tried = []
    for mesh in MESHES if size.elements is None else MESHES[-1:]:
        timing, value, values = ours(theory, mesh, size)
        errors = {"energy_error": abs(value / energy - 1.0), "mode_error": worst(values, exact)}
        cost = {"seconds": timing.median, "yardsticks": timing.ratio}
        tried.append({"elements": mesh[0], "order": mesh[1], **cost, **errors})
    return tried


def finite_differences(size: Size) -> list[Row]:
    say("finite differences, L-BFGS-B and ARPACK")
    theory = q_ball_model(12 if size.elements is None else 2)
    measured: list[dict[str, Any]] = []
    energy = exact = None
    for cells in size.differences:
        before = yardstick()[1]
        found, scheme = theirs(theory, cells, size)
        yard = 0.5 * (before + yardstick()[1])

        def profile(r: np.ndarray, u: np.ndarray = found.u, at: np.ndarray = scheme.r) -> np.ndarray:
            return np.stack([np.interp(r, at, column) for column in u.T], axis=1)

        if exact is None:  # for the state of the first mesh; if a later mesh finds another state, its error is large
            energy, exact = reference(theory, profile, size.modes)
        measured.append(
            {
                "cells": cells,
                "seconds": found.seconds,
                "yardsticks": found.seconds / yard,
                "minimise_seconds": found.minimise_seconds,
                "iterations": found.iterations,
                "message": found.message,
                "energy_error": abs(found.energy / energy - 1.0),
                "mode_error": worst(found.eigenvalues, exact),
            }
        )
        say(f"{cells} cells: {found.seconds:.2f} s, E to {measured[-1]['energy_error']:.0e}")
    assert exact is not None
    assert energy is not None
    last = measured[-1]
    tried = _tried(theory, size, energy, exact)
    equal = [t for t in tried if t["energy_error"] <= last["energy_error"] and t["mode_error"] <= last["mode_error"]]
    chosen, finest = (equal or [tried[-1]])[0], tried[-1]
    more = extrapolated(measured, CLASS)
    details = {"differences": measured, "ours": tried, "chosen": chosen, "extrapolated": more}
    times = last["yardsticks"] / chosen["yardsticks"]
    name = f"finite differences ({last['cells']} points)"
    return [
        Row("differences", f"state and {size.modes} modes against {name} in L-BFGS-B and eigsh, both in the accuracy "
            f"class of the latter (E to {last['energy_error']:.0e}, modes to {last['mode_error']:.0e})",
            chosen["seconds"], "s", times, "faster", 100, at_most=False, details=details,
            note="" if equal else "no mesh tried was as accurate as they are"),
        Row("differences-full", f"the same, ours at full accuracy (E to {finest['energy_error']:.0e}, modes to "
            f"{finest['mode_error']:.0e}), theirs as before", finest["seconds"], "s",
            last["yardsticks"] / finest["yardsticks"], "faster", None, at_most=False),
        Row("differences-extrapolated", f"the same, both with modes to {CLASS:.0e}: theirs extrapolated to "
            f"{more['cells']:.0f} points and {more['seconds']:.0f} s, not run", finest["seconds"], "s",
            more["seconds"] / last["seconds"] * last["yardsticks"] / finest["yardsticks"], "faster", None,
            at_most=False),
    ]  # fmt: skip
