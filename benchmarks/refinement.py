"""Hypervolume of `tpe` with [scan.refine] and of `tpe` alone in the same time: python -m benchmarks.refinement

Two octaves on a small mesh, two objectives; smooth: splitting of the vacuum masses and omega; rough: fractal_score
(hits are steps) and omega. For each seed a scan of TRIALS trials with the phase takes some time; `tpe` alone has that
time. The hypervolume is that of the feasible points in the box of all feasible points of both.
"""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path

import numpy as np
import tomli_w

TRIALS, POINTS, SEEDS = 24, 5, 5
MORE = 1.5  # of the trials that `tpe` alone should need for the time
OBJECTIVES = {"smooth": ["octave_splitting", "omega"], "rough": ["fractal_score", "omega"]}


def tables(objectives: list[str], seed: int) -> dict[str, dict[str, object]]:
    return {
        "model": {"n_octaves": 2, "m0_squared": 0.5, "lambda_1": 0.05, "lambda_2": 0.01},
        "grid": {"edges": [0.0, 2.6, 4.9, 7.2, 9.9, 13.2, 18.0], "order": 10},
        "spectrum": {"n_modes": 20, "ell": [0, 1]},
        "score": {"null_samples": 20, "spectrum": "physical"},
        "scan": {
            "workers": 1, "sampler": "tpe", "cache": False, "seed": seed, "objectives": objectives,
            "constraints": ["certified", "classically_stable"],
            "parameters": {
                "lambda_1": [0.02, 0.08], "g": [0.55, 0.7], "norm": {"low": 700, "high": 1500, "log": True},
                "g_yukawa": [0.05, 0.2],
            },
        },
    }  # fmt: skip


def run(
    objectives: list[str], seed: int, wanted: int, seconds: float | None = None
) -> tuple[list[np.ndarray], float, float]:
    """The objectives of the feasible trials, and the seconds of all trials and of those drawn.

    With ``seconds``, of the trials that `tpe` alone ended in that time.
    """
    from supersoliton.config import loads
    from supersoliton.scans.loop import run_scan

    given = tables(objectives, seed)
    if seconds is None:
        given["scan"]["refine"] = {"points": POINTS}
    with tempfile.TemporaryDirectory() as folder:
        config = loads(tomli_w.dumps(given))
        result = run_scan(config, Path(folder) / "scan", name="scan", request={}, wanted=wanted, workers=1, quiet=True)
        ended = [trial for trial in result.trials if trial.values and all(v <= 0 for v in trial.constraints.values())]
        first = min(trial.datetime_start for trial in result.trials)
        at = {trial.number: (trial.datetime_complete - first).total_seconds() for trial in result.trials}
        ended = [trial for trial in ended if seconds is None or at[trial.number] <= seconds]
        return [np.array(trial.values) for trial in ended], max(at.values()), at[wanted - 1]


def volumes(*sets: list[np.ndarray]) -> list[float]:
    """The hypervolume of each set in their common box."""
    from supersoliton.sampling.pareto import hypervolume, nondominated

    every = np.concatenate(sets)
    low, high = every.min(axis=0), every.max(axis=0)
    scaled = [(np.array(one) - low) / np.where(high > low, high - low, 1.0) for one in sets]
    return [hypervolume(one[nondominated(one)]) for one in scaled]


def main() -> None:
    print("objectives  seed  seconds  tpe alone: points  volume   with refine: points  volume")
    run(OBJECTIVES["smooth"], 99, 4)  # compiles
    for kind, objectives in OBJECTIVES.items():
        for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS):
            refined, seconds, drawing = run(objectives, seed, TRIALS)
            alone, _, _ = run(objectives, seed, math.ceil(MORE * TRIALS * seconds / drawing), seconds)
            before, after = volumes(alone, refined)
            figures = f"{seconds:7.1f}  {len(alone):17d}  {before:6.3f}  {len(refined):20d}  {after:6.3f}"
            print(f"{kind:10s}  {seed:4d}  {figures}", flush=True)


if __name__ == "__main__":
    main()
