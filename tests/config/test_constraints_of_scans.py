"""Constraints that a scan asks for: their values from recorded numbers, in a configuration, and with the cache."""

import math

import pytest

from supersoliton.config import load, loads
from supersoliton.config.constraints import CONSTRAINTS, chosen
from supersoliton.evaluate.cache.memory import evaluate_cached
from supersoliton.evaluate.evaluation import evaluate

STABLE = {"omega": 0.5, "charge": 10.0, "charge_slope": -40.0, "modes_at_fixed_charge": 0.0, "energy_per_charge": 0.9}
SMALL = """
[model]
n_octaves = 2
m0_squared = 0.5
g = 0.6
lambda_1 = 0.05
lambda_2 = 0.01
[problem]
norm = 1200.0
[spectrum]
n_modes = 20
[score]
null_samples = 5
[scan]
trials = 1
constraints = ["classically_stable", "stable_against_quanta"]
[scan.parameters]
g = [0.5, 1.2]
"""


@pytest.mark.parametrize(
    ("changes", "satisfied"),
    [
        ({}, True),
        ({"charge_slope": 40.0, "modes_at_fixed_charge": 1.0}, False),
        ({"modes_at_fixed_charge": 2.0}, False),  # excited, with dQ/domega < 0
        ({"charge_slope": 4.0}, True),  # a trapped state without a negative mode of L_+
        ({"omega": math.nan, "charge": math.nan, "charge_slope": math.nan}, False),  # nothing rotates
    ],
)
def test_classical_stability(changes, satisfied):
    value = CONSTRAINTS["classically_stable"].value({**STABLE, **changes})
    assert math.isfinite(value)
    assert (value <= 0) == satisfied
    assert CONSTRAINTS["classically_stable"].value({}) > 0


def test_it_guides_a_sampler_through_the_change_of_stability():
    """Near dQ/domega = 0 the value is the logarithmic slope on both sides."""
    for slope in (-2.0, -0.2, 0.2, 2.0):
        values = {**STABLE, "charge_slope": slope, "modes_at_fixed_charge": float(slope > 0)}
        assert CONSTRAINTS["classically_stable"].value(values) == pytest.approx(slope * 0.5 / 10.0)


@pytest.mark.parametrize(("ratio", "satisfied"), [(0.9, True), (1.0, False), (1.1, False), (math.nan, False)])
def test_quanta(ratio, satisfied):
    assert (chosen(["stable_against_quanta"], {"energy_per_charge": ratio})["stable_against_quanta"] <= 0) == satisfied


def test_a_trial_has_them_if_the_scan_asks():
    """At g = 0.6 the Q-ball is stable; at g = 1.2 omega^2 < 0, so that nothing rotates."""
    cfg = loads(SMALL)
    stable, resting = (evaluate(cfg, {"g": g}) for g in (0.6, 1.2))
    assert stable.feasible
    assert stable.values["charge_slope"] == pytest.approx(stable.state.certificate.rotation.charge_slope)
    assert resting.kind == "minimum at fixed norm"
    assert resting.constraints["stable"] <= 0  # a minimum all the same
    assert resting.constraints["classically_stable"] > 0
    plain = evaluate(loads(SMALL.replace('["classically_stable", "stable_against_quanta"]', "[]")), {"g": 1.2})
    assert not {*CONSTRAINTS} & {*plain.constraints}


@pytest.mark.parametrize(("certified", "satisfied"), [(1.0, True), (0.0, False), (math.nan, False)])
def test_certified(certified, satisfied):
    assert (chosen(["certified"], {"certified": certified})["certified"] <= 0) == satisfied


@pytest.mark.parametrize(("squared", "satisfied"), [(0.4, True), (0.0, False), (-50.0, False), (math.nan, False)])
def test_rotating(squared, satisfied):
    """omega^2 < 0 rotates at no frequency; the value is smooth through 0 and of order 1."""
    value = chosen(["rotating"], {"omega_squared": squared, "lightest_squared": 0.5})["rotating"]
    assert (value <= 0) == satisfied
    assert -1.0 <= value <= 1.0


def test_a_state_that_only_the_mesh_fails_is_judged_on_a_finer_one(tmp_path):
    """Ten elements of order 6 fail the certificate; at order 10 the state passes all of it, and the cache keeps it."""
    coarse = loads(SMALL.replace("[problem]", "[grid]\nn_elements = 10\norder = 6\n[problem]"))
    found = evaluate(coarse, {"g": 0.6})
    assert found.values["certified"] == 1.0
    assert found.state.grid.order == 10
    assert "finer_mesh" in found.seconds
    assert evaluate_cached(coarse, {"g": 0.6}, directory=tmp_path).values["energy"] == found.values["energy"]
    again = evaluate_cached(coarse, {"g": 0.6}, directory=tmp_path)  # from the cache, on the finer mesh again
    assert again.state.grid == found.state.grid
    assert again.state.problem.energy(again.state.u) == pytest.approx(found.values["energy"], rel=1e-14)


def test_the_examples_ask_for_them():
    for name in ("quickstart", "hierarchy"):
        assert load(f"examples/{name}.toml").scan.constraints == ("certified", "rotating", "classically_stable")


def test_an_unknown_one_is_refused():
    with pytest.raises(ValueError, match='no constraint "stabel": choose from certified, rotating, classically_stable'):
        loads(SMALL.replace('["classically_stable", "stable_against_quanta"]', '["stabel"]'))
