"""The surrogate against functions that are known: what it predicts is right, and as sure as it says."""

import numpy as np
import pytest
from scipy.stats import norm, qmc

from supersoliton.config.scan import Range
from supersoliton.sampling.surrogate import Model, Scale, fit, from_unit, to_unit

PARAMETERS = {"a": Range(-1.0, 3.0), "b": Range(1e-3, 10.0, log=True), "c": Range(0.0, 1.0)}


def units(count, seed=0):
    return qmc.Sobol(3, seed=seed).random(count)


def test_the_unit_box_and_back():
    corners = [from_unit(PARAMETERS, np.full(3, x)) for x in (0.0, 0.5, 1.0)]
    assert corners[0] == pytest.approx({"a": -1.0, "b": 1e-3, "c": 0.0})
    assert corners[2] == pytest.approx({"a": 3.0, "b": 10.0, "c": 1.0})
    assert corners[1] == pytest.approx({"a": 1.0, "b": 0.1, "c": 0.5})
    given = units(64)
    points = [from_unit(PARAMETERS, unit) for unit in given]
    assert all(PARAMETERS[name].low <= point[name] <= PARAMETERS[name].high for point in points for name in PARAMETERS)
    assert np.allclose(to_unit(PARAMETERS, points), given, atol=1e-14)


@pytest.mark.parametrize(
    "values", [np.random.default_rng(0).standard_cauchy(200), np.full(9, 4.0), np.array([0.0] * 99 + [7.0])]
)
def test_a_scale_goes_there_and_back(values):
    scale = Scale.of(values)
    assert np.allclose(scale.back(scale.forward(values)), values, rtol=1e-12, atol=1e-12)
    assert np.isfinite(scale.forward(values)).all()
    assert (np.diff(scale.forward(np.sort(values))) >= 0).all()


def test_a_smooth_function_is_predicted_and_its_skill_is_estimated():
    def truth(u):
        return np.exp(2.0 * u[:, 0]) + np.sin(5.0 * u[:, 1])  # and nothing of the third

    model = Model(units(64), truth(units(64)), seed=0)
    new = np.random.default_rng(1).random((500, 3))
    found, mean = model.scale.forward(truth(new)), model.mean(new)
    skill = 1.0 - np.sum((found - mean) ** 2) / np.sum((found - found.mean()) ** 2)
    assert skill > 0.995
    assert model.skill == pytest.approx(skill, abs=0.01)


def test_noise_has_no_skill_and_errors_are_as_large_as_predicted():
    noise = np.random.default_rng(2).standard_normal(256)
    model = Model(units(256), noise, seed=0)
    assert abs(model.skill) < 0.15
    mean, std = model.mean_and_std(np.random.default_rng(3).random((400, 3)))
    errors = (model.scale.forward(np.random.default_rng(4).standard_normal(400)) - mean) / std
    for width in (1.0, 2.0):
        expected = norm.cdf(width) - norm.cdf(-width)
        assert np.mean(np.abs(errors) < width) == pytest.approx(
            expected, abs=3.5 * np.sqrt(expected * (1 - expected) / 400)
        )


def test_leave_one_out_is_what_leaving_out_gives():
    """The formula against eight models refitted without one trial, at the same length scales."""
    from sklearn.gaussian_process import GaussianProcessRegressor

    u, values = units(32), np.sin(4.0 * units(32)[:, 0]) + units(32)[:, 2]
    model = Model(u, values, seed=0)
    targets = model.scale.forward(values)
    process = model._process
    errors = []
    for out in range(32):
        kept = np.arange(32) != out
        left = GaussianProcessRegressor(process.kernel_, optimizer=None).fit(u[kept], targets[kept])
        errors.append(targets[out] - left.predict(u[out : out + 1])[0])
    assert model.skill == pytest.approx(
        1.0 - np.sum(np.square(errors)) / np.sum((targets - targets.mean()) ** 2), rel=1e-6
    )


def test_the_chance_of_being_feasible():
    u = units(128)
    points = [from_unit(PARAMETERS, unit) for unit in u]
    constraints = {"half": 1e3 * (u[:, 0] - 0.5), "always": np.full(128, -1.0)}
    surrogate = fit(PARAMETERS, points, u[:, :2], constraints)
    assert list(surrogate.constraints) == ["half"]
    new = np.random.default_rng(5).random((300, 3))
    chance = surrogate.feasibility(new)
    assert (chance[new[:, 0] < 0.4] > 0.9).all()
    assert (chance[new[:, 0] > 0.6] < 0.1).all()


def test_objectives_are_those_of_feasible_trials():
    """Values of infeasible trials, however large, change no prediction."""
    u = units(64)
    points = [from_unit(PARAMETERS, unit) for unit in u]
    infeasible = u[:, 1] > 0.7
    values = np.sin(3.0 * u[:, :1])
    wild = np.where(infeasible[:, None], 1e6, values)
    constraints = {"c": np.where(infeasible, 1.0, -1.0)}
    new = np.random.default_rng(6).random((20, 3))
    means = [fit(PARAMETERS, points, v, constraints).means(new) for v in (values, wild)]
    assert np.array_equal(*means)
    assert np.allclose(
        fit(PARAMETERS, points, wild, constraints).objectives[0].scale.back(means[1][:, 0]),
        np.sin(3.0 * new[:, 0]),
        atol=0.02,
    )


def test_many_trials_are_thinned_and_the_best_kept():
    rng = np.random.default_rng(7)
    u = rng.random((2000, 3))
    points = [from_unit(PARAMETERS, unit) for unit in u]
    values = np.sin(3.0 * u[:, :1]) + u[:, 1:2]
    surrogate = fit(PARAMETERS, points, values, {})
    new = rng.random((100, 3))
    assert np.allclose(
        surrogate.objectives[0].scale.back(surrogate.means(new)[:, 0]), np.sin(3.0 * new[:, 0]) + new[:, 1], atol=0.02
    )
