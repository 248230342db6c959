"""The rows of one evaluation: from one start, with the default multi-start, and the state alone.

The couplings are random draws of examples/quickstart.toml (NumPy seed 0). On three of them the accuracy is checked
against a mesh of order p + 6: the energy, and the modes in the whole basis.
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import supersoliton as ss
from supersoliton.config import loads
from supersoliton.evaluate.evaluation import Evaluation, evaluate
from supersoliton.guesses.guess import starting_fields

from .measure import Row, Size, Timing, in_yardsticks, interleaved, say

QUICKSTART = Path(__file__).resolve().parents[1] / "examples" / "quickstart.toml"
# Generic: it names the field of the deepest well, but its radius and amplitude are those of no solution.
GUESS = ss.Gaussian(amplitude=2.0, width=4.0, field=1)
_CHECKED = 3


def q_ball_model(n_octaves: int) -> ss.OctaveHiggs:
    """The theory of the README's Q-ball with ``n_octaves`` octaves."""
    couplings = {"m0_squared": 0.5, "g": 0.6, "delta": 0.2, "beta": 0.15, "lambda_1": 0.05, "lambda_2": 0.01}
    return ss.OctaveHiggs(n_octaves, quartic_sign=-1.0, mu_squared=-1.0, lambda_H=0.5, g_yukawa=0.1, **couplings)


def configuration(size: Size, guess: Any = None) -> Any:
    """The quickstart's configuration, with ``guess`` if given, on a smaller problem for ``size.elements``."""
    tables = tomllib.loads(QUICKSTART.read_text(encoding="utf-8"))
    tables["spectrum"] = {"n_modes": size.modes}
    if size.elements is not None:
        tables["grid"] = {"r_max": 25.0, "n_elements": size.elements, "order": 6}
        tables["model"]["n_octaves"] = 2
    cfg = loads(tables)
    return cfg if guess is None else replace(cfg, problem=replace(cfg.problem, guess=guess))


def points(cfg: Any, size: Size) -> list[dict[str, float]]:
    """``size.points`` random draws, and one more to compile with."""
    rng = np.random.default_rng(0)
    return [cfg.scan.sample(rng) for _ in range(size.points + 1)]


def accuracy(evaluation: Evaluation, n_modes: int) -> tuple[float, float]:
    """Relative errors of the energy and of the worst box mode of an evaluation."""
    state = evaluation.state
    assert state is not None
    finer = state.problem.with_grid(state.grid.refine(extra_order=6))
    reference = ss.solve(finer, state, ss.Newton())
    energy = abs(state.energy / reference.energy - 1.0)
    masses = ss.spectrum(reference, n_modes=n_modes).masses
    box = np.asarray(evaluation.spectra["box"])
    if len(box) != len(masses):
        return energy, float("inf")
    return energy, float(np.max(np.abs(box / masses - 1.0)))


def _stages(timing: Timing) -> dict[str, float]:
    """Median wall seconds of each stage."""
    names = timing.results[0].seconds
    return {name: float(np.median([e.seconds.get(name, np.nan) for e in timing.results])) for name in names}


def _row(key: str, work: str, cfg: Any, size: Size, target: float) -> Row:
    first, *draws = points(cfg, size)
    evaluate(cfg, first)
    timing = interleaved([functools.partial(evaluate, cfg, draw) for draw in draws])
    with_state = [e for e in timing.results if e.state is not None and e.state.converged]
    errors = [accuracy(e, size.modes) for e in with_state[:_CHECKED]]
    certified = sum(bool(e.values.get("certified")) for e in timing.results)
    return in_yardsticks(
        key,
        work,
        timing,
        target,
        stages_wall_seconds=_stages(timing),
        certified=f"{certified} of {len(draws)}",
        kinds=sorted({e.kind for e in timing.results}),
        energy_error=max((e for e, _ in errors), default=float("nan")),
        mode_error=max((m for _, m in errors), default=float("nan")),
        newton_steps=float(np.median([e.values.get("steps", np.nan) for e in timing.results])),
    )


def one_start(size: Size) -> list[Row]:
    say("one evaluation from one start")
    work = (
        "one evaluation from one start: Q-ball at quickstart's size to 1e-10, certificate, 300 box modes to 1e-5, "
        "bound states l = 0, 1, scores"
    )
    return [_row("one-start", work, configuration(size, GUESS), size, 1.3)]


def multi_start(size: Size) -> list[Row]:
    say("one evaluation with the default multi-start")
    return [_row("multi-start", "the same with the default multi-start", configuration(size), size, 2.5)]


def state_alone(size: Size) -> list[Row]:
    say("the state alone")
    cfg = configuration(size, GUESS)
    problems = [cfg.problem_at(point) for point in points(cfg, size)]
    for problem in problems:  # compute the vacuum now: it is not part of this row
        problem.vacuum  # noqa: B018
    calls = [functools.partial(lambda p: cfg.solver.run(p, starting_fields(p, GUESS)), problem) for problem in problems]
    calls[0]()
    timing = interleaved(calls[1:])
    steps = [solution.steps for solution in timing.results]
    found = {"converged": f"{sum(s.converged for s in timing.results)} of {len(steps)}", "most_steps": max(steps)}
    median = float(np.median(steps))
    return [
        in_yardsticks("state", "the state alone from a generic guess", timing, 0.3, **found),
        Row("state-steps", "its Newton steps", median, "steps", median, "one step", 20, clock="count", details=found),
    ]
