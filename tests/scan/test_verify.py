"""The verification phase: proposals on problems whose Pareto set is known, and as trials of a real scan."""

import json

import numpy as np
import optuna
import pytest
from scipy.stats import norm

from supersoliton.scan.front import nondominated
from supersoliton.scan.samplers import distributions
from supersoliton.scan.settings import Range, ScanSettings, VerifySettings
from supersoliton.scan.verify import (
    LEAST,
    Prediction,
    as_attribute,
    is_drawn,
    predicted_pareto_set,
    prediction,
    propose,
)

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
    assert [told.index for _, told in proposals] == list(range(15))
    points = np.array([list(point.values()) for point, _ in proposals])
    assert len({tuple(point) for point in points}) == 15
    assert max(off_the_segment(x) for x in points) < 0.05
    assert min(off_the_segment(np.array(list(t.params.values()))) for t in trials) > 0.03  # none of the trials did
    found = np.array([values_at(x) for x in points])
    everything = np.vstack([[t.values for t in trials], found])
    entered = np.intersect1d(nondominated(everything), np.arange(60, 75))
    assert len(entered) >= 12
    for (_, told), values in zip(proposals, found, strict=True):
        assert np.allclose(told.median, values, atol=0.02)
        assert told.feasible == 1.0
        assert min(told.skill) > 0.99


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


def test_constraints_bound_the_proposals():
    """Half of the segment is forbidden: proposals stay in the other half, and are called feasible."""
    drawn = np.random.default_rng(0).random((80, 3))
    trials = [trial_at(x, constraints={"left": x[0] - 0.45}) for x in drawn]
    proposals = propose(SETTINGS, trials, 15, after=80)
    assert len(proposals) == 15
    assert max(point["a"] for point, _ in proposals) < 0.5
    assert all(told.feasible >= 0.5 for _, told in proposals)


def test_too_few_feasible_trials_foretell_nothing():
    few = random_trials(LEAST - 1)
    infeasible = [trial_at(np.full(3, 0.1 * k), constraints={"c": 1.0}) for k in range(9)]
    undefined = [trial_at(np.full(3, 0.05 * k), constraints={"scored": 1.0}, values=[0.0, 0.0]) for k in range(9)]
    failed = [optuna.create_trial(state=optuna.trial.TrialState.FAIL)]
    assert propose(SETTINGS, [*few, *infeasible, *undefined, *failed], 15, after=9) == []
    assert propose(SETTINGS, [*few, trial_at([0.9, 0.9, 0.9]), *infeasible, *undefined, *failed], 3, after=9)


def test_the_predicted_set_is_not_beaten_by_a_grid():
    """On the surrogate itself: no point of a fine grid lies more than a hair above the set that mutation finds."""
    from supersoliton.scan.surrogate import fit

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
    told = Prediction(120, 0, 1.0, [0.0], [2.0], [1.0], [0.0], [2.0], [0.5], scales)
    found = 1.0 + 2.0 * np.sinh(0.5 * 3.0)
    assert told.errors([found]) == pytest.approx([1.5])
    trial = trial_at(np.full(3, 0.5), user_attrs=json.loads(json.dumps(as_attribute(told))))
    assert prediction(trial) == told
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
    for point, told in proposals:
        for _ in range(20):
            value = rugged(np.array(list(point.values())))
            inside += [low <= v <= high for v, low, high in zip(value, told.low, told.high, strict=True)]
            errors = told.errors(value)
            assert [abs(error) <= 1.0 for error in errors] == inside[-2:]
    assert np.mean(inside) == pytest.approx(norm.cdf(1) - norm.cdf(-1), abs=0.12)


def test_settings_are_checked():
    assert VerifySettings().points == 15
    with pytest.raises(ValueError, match=r"verify.points must be a whole number of at least 1, got 0: try 15"):
        VerifySettings(points=0)
