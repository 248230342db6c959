"""The verification phase: proposals on problems whose Pareto set is known, and as trials of a real scan."""

import dataclasses
import json
import shutil

import numpy as np
import optuna
import pytest
from scipy.stats import norm
from small_scan import load_small, points, read_rows, run_small

from supersoliton.config.scan import Range, ScanSettings, VerifySettings
from supersoliton.sampling.pareto import nondominated
from supersoliton.sampling.proposals import (
    LEAST,
    SurrogatePrediction,
    as_attribute,
    is_drawn,
    predicted_pareto_set,
    prediction,
    propose,
)
from supersoliton.sampling.samplers import distributions

ONE, OTHER = np.array([0.2, 0.3, 0.5]), np.array([0.7, 0.6, 0.5])
SETTINGS = ScanSettings(
    objectives=("fractal_score", "hierarchy"), parameters={name: Range(0.0, 1.0) for name in ("a", "b", "c")}
)


def values_at(x):
    """Nearness to two points: what no other point beats lies on the segment between them."""
    return [-float(np.sum((x - ONE) ** 2)), -float(np.sum((x - OTHER) ** 2))]


def trial_at(x, **changes):
    x = np.asarray(x, dtype=float)
    given = {"values": values_at(x), "constraints": {"c": -1.0}, **changes}
    return optuna.create_trial(
        params=dict(zip("abc", x.tolist(), strict=True)), distributions=distributions(SETTINGS), **given
    )


def random_trials(count, seed=0):
    return [trial_at(x) for x in np.random.default_rng(seed).random((count, 3))]


def off_the_segment(x):
    along = OTHER - ONE
    t = np.clip((x - ONE) @ along / (along @ along), 0.0, 1.0)
    return float(np.linalg.norm(x - ONE - t * along))


def test_proposals_lie_on_the_pareto_set_and_come_true():
    trials = random_trials(60)
    proposals = propose(SETTINGS, trials, 15, after=60)
    assert [predicted.index for _, predicted in proposals] == list(range(15))
    points = np.array([list(point.values()) for point, _ in proposals])
    assert len({tuple(point) for point in points}) == 15
    assert max(off_the_segment(x) for x in points) < 0.05
    assert min(off_the_segment(np.array(list(t.params.values()))) for t in trials) > 0.03  # none of the trials did
    found = np.array([values_at(x) for x in points])
    everything = np.vstack([[t.values for t in trials], found])
    entered = np.intersect1d(nondominated(everything), np.arange(60, 75))
    assert len(entered) >= 12
    for (_, predicted), values in zip(proposals, found, strict=True):
        assert np.allclose(predicted.median, values, atol=0.02)
        assert predicted.feasible == 1.0
        assert min(predicted.skill) > 0.99


def test_proposals_spread_over_the_front():
    """The largest gains in volume, not fifteen neighbours of the best guess."""
    points = np.array([list(point.values()) for point, _ in propose(SETTINGS, random_trials(60), 15, after=60)])
    along = (points - ONE) @ (OTHER - ONE) / np.sum((OTHER - ONE) ** 2)
    assert along.min() < 0.2
    assert along.max() > 0.8
    assert np.max(np.diff(np.sort(along))) < 0.25


def test_the_same_trials_give_the_same_proposals():
    trials = random_trials(40)
    assert propose(SETTINGS, trials, 5, after=40) == propose(SETTINGS, list(trials), 5, after=40)


def test_a_minimised_objective_is_predicted_in_its_own_unit():
    trials = random_trials(40)
    both = ("fractal_score", {"name": "hierarchy", "direction": "minimize"})
    flipped = dataclasses.replace(SETTINGS, objectives=both)
    proposals = propose(SETTINGS, trials, 5, after=40)
    others = propose(flipped, trials, 5, after=40)
    assert len(proposals) == 5
    for (point, one), (same, other) in zip(proposals, others, strict=True):
        assert same == point
        assert other.median == [one.median[0], -one.median[1]]
        assert [other.low[1], other.high[1]] == [-one.high[1], -one.low[1]]
        values = values_at(np.array(list(point.values())))
        errors = one.errors(values)
        assert other.errors([values[0], -values[1]]) == [errors[0], -errors[1]]


def test_constraints_bound_the_proposals():
    """Half of the segment is forbidden: proposals stay in the other half, and are called feasible."""
    drawn = np.random.default_rng(0).random((80, 3))
    trials = [trial_at(x, constraints={"left": x[0] - 0.45}) for x in drawn]
    proposals = propose(SETTINGS, trials, 15, after=80)
    assert len(proposals) == 15
    assert max(point["a"] for point, _ in proposals) < 0.5
    assert all(predicted.feasible >= 0.5 for _, predicted in proposals)


def test_too_few_feasible_trials_give_no_proposals():
    few = random_trials(LEAST - 1)
    infeasible = [trial_at(np.full(3, 0.1 * k), constraints={"c": 1.0}) for k in range(9)]
    undefined = [trial_at(np.full(3, 0.05 * k), constraints={"scored": 1.0}, values=[0.0, 0.0]) for k in range(9)]
    failed = [optuna.create_trial(state=optuna.trial.TrialState.FAIL)]
    assert propose(SETTINGS, [*few, *infeasible, *undefined, *failed], 15, after=9) == []
    assert propose(SETTINGS, [*few, trial_at([0.9, 0.9, 0.9]), *infeasible, *undefined, *failed], 3, after=9)


def test_the_predicted_set_is_not_beaten_by_a_grid():
    """On the surrogate itself: no point of a fine grid lies more than a hair above the set that mutation finds."""
    from supersoliton.sampling.surrogate import fit

    trials = random_trials(60)
    points = [t.params for t in trials]
    surrogate = fit(SETTINGS.parameters, points, np.array([t.values for t in trials]), {})
    parents = np.array([list(point.values()) for point in points])
    found = surrogate.means(predicted_pareto_set(surrogate, parents, seed=0))
    axis = np.linspace(0.0, 1.0, 21)
    grid = surrogate.means(np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3))
    best = grid[nondominated(grid)]
    assert all((found >= point - 0.02).all(axis=1).any() for point in best)  # of standard deviation 1


def test_standardised_errors():
    scales = [{"centre": 1.0, "width": 2.0, "mean": 0.0, "std": 0.5}]
    predicted = SurrogatePrediction(120, 0, 1, 1.0, [0.0], [2.0], [1.0], [0.0], [2.0], [0.5], scales)
    found = 1.0 + 2.0 * np.sinh(0.5 * 3.0)
    assert predicted.errors([found]) == pytest.approx([1.5])
    trial = trial_at(np.full(3, 0.5), user_attrs=json.loads(json.dumps(as_attribute(predicted))))
    assert prediction(trial) == predicted
    assert not is_drawn(trial)
    assert is_drawn(trial_at(np.full(3, 0.5)))
    assert prediction(trial_at(np.full(3, 0.5))) is None


def test_intervals_hold_what_they_say():
    """On a rugged function: about two of three new values lie in low … high."""
    rng = np.random.default_rng(1)

    def rugged(x):
        return (values_at(x) + rng.normal(0.0, 0.05, 2)).tolist()

    trials = [trial_at(x, values=rugged(x)) for x in rng.random((120, 3))]
    inside, proposals = [], propose(SETTINGS, trials, 15, after=120)
    for point, predicted in proposals:
        for _ in range(20):
            value = rugged(np.array(list(point.values())))
            inside += [low <= v <= high for v, low, high in zip(value, predicted.low, predicted.high, strict=True)]
            errors = predicted.errors(value)
            assert [abs(error) <= 1.0 for error in errors] == inside[-2:]
    assert np.mean(inside) == pytest.approx(norm.cdf(1) - norm.cdf(-1), abs=0.12)


def test_settings_are_checked():
    assert VerifySettings().points == 15
    with pytest.raises(ValueError, match=r"verify.points must be a whole number of at least 1, got 0: try 15"):
        VerifySettings(points=0)


@pytest.fixture(scope="module")
def verified(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verified")
    return folder, run_small(folder, folder / "run", trials=22, verify={"points": 4})


def predictions_of(result):
    """The trials of the phase by number, with their predictions."""
    pairs = [(trial, prediction(trial)) for trial in result.study.trials]
    return {trial.number: (trial, predicted) for trial, predicted in pairs if predicted is not None}


def test_the_phase_follows_the_trials_and_is_marked(verified):
    folder, result = verified
    assert (result.finished, result.verified, result.wanted, result.new, result.interrupted) == (22, 4, 22, 26, False)
    predicted = predictions_of(result)
    assert list(predicted) == [22, 23, 24, 25]
    assert [(one.after, one.index, one.of) for _, one in predicted.values()] == [(22, k, 4) for k in range(4)]
    for trial, one in predicted.values():
        assert trial.state is optuna.trial.TrialState.COMPLETE
        assert trial.values == [trial.user_attrs["values"][name] for name in ("fractal_score", "hierarchy")]
        assert len(one.errors(trial.values)) == 2
    assert [row["predicted"] for row in read_rows(folder / "run")] == [""] * 22 + ["0", "1", "2", "3"]


def test_the_points_are_those_proposed_from_the_trials_before(verified):
    folder, result = verified
    proposals = propose(load_small(folder, trials=22).scan, result.study.trials[:22], 4, after=22)
    assert [point for point, _ in proposals] == [trial.params for trial, _ in predictions_of(result).values()]


def test_a_finished_phase_is_not_repeated(verified):
    folder, _ = verified
    again = run_small(folder, folder / "run", trials=22, verify={"points": 4})
    assert (again.finished, again.verified, again.new) == (22, 4, 0)


def test_an_interrupted_phase_goes_on_with_its_points(verified, tmp_path, monkeypatch):
    """The driver dies at the third point of the phase."""
    from supersoliton.scans.axes import write_axes
    from supersoliton.scans.execution import in_process

    left, really = [24], in_process.run_trial

    def run_trial(*given):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return really(*given)

    (tmp_path / "run").mkdir()
    write_axes(tmp_path / "run", {})  # the axes are tested: only trials are counted
    monkeypatch.setattr(in_process, "run_trial", run_trial)
    with pytest.raises(KeyboardInterrupt):
        run_small(tmp_path, tmp_path / "run", trials=22, verify={"points": 4})
    monkeypatch.undo()
    resumed = run_small(tmp_path, tmp_path / "run", trials=22, verify={"points": 4})
    assert (resumed.finished, resumed.verified, resumed.new) == (22, 4, 2)
    assert points(resumed) == points(verified[1])


def test_more_trials_count_drawn_ones_and_bring_another_phase(verified, tmp_path):
    folder, result = verified
    shutil.copytree(folder / "run", tmp_path / "run")
    more = run_small(folder, tmp_path / "run", trials=24, verify={"points": 2})
    assert (more.finished, more.verified, more.new) == (24, 6, 4)
    predicted = predictions_of(more)
    assert [(n, one.after, one.index) for n, (_, one) in predicted.items()][4:] == [(28, 24, 0), (29, 24, 1)]
    assert points(more)[:26] == points(result)


def test_a_phase_asked_for_later_with_too_few_trials_says_so(tmp_path, capsys):
    from supersoliton.scans.loop import run_scan

    run_small(tmp_path, tmp_path / "run", trials=2)
    config = load_small(tmp_path, verify={"points": 4})
    late = run_scan(config, tmp_path / "run", name="small", request={}, wanted=2, workers=1)
    assert (late.finished, late.verified) == (2, 0)
    assert "too few feasible trials for a surrogate" in capsys.readouterr().err
