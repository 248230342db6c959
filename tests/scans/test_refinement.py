"""The phase [scan.refine]: the points found are better, recorded and resumed like any other trial."""

import numpy as np
import pytest
import tomli_w
from small_scan import TABLES, read_rows

from supersoliton.config import loads
from supersoliton.sampling.proposals import REFINE, is_drawn
from supersoliton.scans.execution.apart import apart
from supersoliton.scans.loop import run_scan
from supersoliton.scans.refinement import refined_points

OBJECTIVES = ["octave_splitting", "omega"]
SCAN = {
    "trials": 4,
    "workers": 1,
    "sampler": "random",
    "cache": False,
    "seed": 1,
    "objectives": OBJECTIVES,
    "constraints": ["certified", "classically_stable"],
    "parameters": {"lambda_1": [0.02, 0.08], "g": [0.55, 0.7], "norm": {"low": 700, "high": 1500, "log": True}},
    "refine": {"points": 2},
}
GRID = {"edges": [0.0, 2.6, 4.9, 7.2, 9.9, 13.2, 18.0], "order": 10}


def config(**scan):
    return loads(tomli_w.dumps({**TABLES, "grid": GRID, "scan": {**SCAN, **scan}}))


def run(directory, settings):
    return run_scan(settings, directory, name="small", request={}, wanted=4, workers=1, quiet=True)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("refined")
    return directory, run(directory, config())


def test_refined_trials_are_better_than_their_origin(finished):
    directory, result = finished
    refined = [trial for trial in result.trials if not is_drawn(trial)]
    assert refined
    assert result.finished == 4
    for trial in refined:
        origin = result.trials[trial.user_attrs[REFINE]["origin"]]
        assert all(value <= 0 for value in trial.constraints.values())
        gains = np.array(trial.values) - np.array(origin.values)
        assert np.all(gains >= -1e-8)
        assert np.max(gains) > 1e-3
        for name, limits in config().scan.parameters.items():
            assert limits.low <= trial.params[name] <= limits.high
    rows = read_rows(directory)
    assert [row["refined"] for row in rows if row["refined"]] == [str(t.user_attrs[REFINE]["origin"]) for t in refined]


def test_a_finished_phase_is_not_repeated_and_a_part_of_it_is_completed(finished, tmp_path):
    directory, result = finished
    again = run(directory, config())
    assert (again.new, len(again.trials)) == (0, len(result.trials))
    # The first four trials alone give the same points; so do they with a part of the phase.
    trials = [trial for trial in result.trials if is_drawn(trial)]
    points = [one.point for one in refined_points(config(), trials, 4)]
    assert points == [trial.params for trial in result.trials if not is_drawn(trial)]
    partly = [*trials, next(trial for trial in result.trials if not is_drawn(trial))]
    assert [one.point for one in apart(refined_points, config(), partly, 4, seconds=300.0)] == points


def test_one_objective_climbs_to_the_edge_or_to_a_maximum(tmp_path):
    """octave_splitting rises with lambda_1, whose range ends: V'' of the vacuum says so."""
    result = run(tmp_path, config(objectives=["octave_splitting"], refine={"points": 1}))
    best = result.pareto[0]
    assert not is_drawn(best)
    origin = result.trials[best.user_attrs[REFINE]["origin"]]
    assert best.params["lambda_1"] == pytest.approx(min(0.08, origin.params["lambda_1"] + 0.25 * 0.06), rel=1e-6)


def test_objectives_without_derivatives_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\[scan.refine\] needs an objective with derivatives, got fractal_score"):
        run(tmp_path / "a", config(objectives=["fractal_score"]))
    assert not (tmp_path / "a").exists()
    with pytest.raises(ValueError, match=r"\[scan.refine\] points"):
        config(refine={"points": 0})


def test_a_minimised_objective_falls(tmp_path):
    """Of `omega` alone, minimised: the point found rotates slower than its origin."""
    result = run(tmp_path, config(objectives=[{"name": "omega", "direction": "minimize"}], refine={"points": 1}))
    best = result.pareto[0]
    assert not is_drawn(best)
    origin = result.trials[best.user_attrs[REFINE]["origin"]]
    assert best.values[0] < origin.values[0] - 1e-3
