"""One trial: pure, picklable, physical failures recorded, energies not above the known states."""

import dataclasses
import math
import pickle

import numpy as np
import pytest

import supersoliton as ss
from problems import OCTAVE_Q_BALLS, QUICKSTART_GRID, octave_model
from supersoliton.config import load, loads
from supersoliton.evaluate.evaluation import evaluate
from supersoliton.search.lowest import find_solutions

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
n_modes = 60
ell = [0, 1]
[score]
null_samples = 20
[scan]
trials = 1
[scan.parameters]
g = [0.5, 0.8]
norm = { low = 10, high = 5000, log = true }
"""
NAMES = {
    *("fractal_score", "hierarchy", "regularity", "enhanced_score", "null_mean", "null_std", "null_percentile"),
    *("mass_ratio", "octave_splitting", "energy", "energy_per_norm", "norm", "multiplier", "size", "octaves_in_core"),
    *("n_distinct", "residual", "discretisation", "box", "virial", "negative_modes", "translation_mode", "tail"),
    "boundary_fraction",
}
CONSTRAINTS = {
    "converged",
    "localised",
    "resolved",
    "stable",
    "vacuum_stable",
    "amplitude",
    "finite_energy",
    "higgs_mean",
}


@pytest.fixture(scope="module")
def cfg():
    return loads(SMALL)


@pytest.fixture(scope="module")
def trial(cfg):
    return evaluate(cfg, {"g": 0.6, "norm": 1200.0})


def test_a_soliton_satisfies_every_constraint(trial):
    assert (trial.status, trial.kind) == ("converged", "q-ball")
    assert trial.feasible
    assert set(trial.constraints) == CONSTRAINTS
    assert all(value <= 0 for value in trial.constraints.values())


def test_every_number_of_the_contract_is_recorded(trial):
    assert set(trial.values) >= NAMES
    assert all(isinstance(value, float) for value in trial.values.values())
    assert all(math.isfinite(trial.values[name]) for name in NAMES)
    assert set(trial.spectra) >= {"box", "thresholds", "bound_0", "bound_1"}
    assert set(trial.seconds) >= {"state", "spectrum", "scores", "total"}
    assert trial.seconds["total"] >= max(value for name, value in trial.seconds.items() if name != "total")


def test_the_numbers_are_those_of_the_state(trial):
    state, values = trial.state, trial.values
    assert values["energy"] == state.energy
    assert values["energy_per_norm"] == pytest.approx(state.energy / 1200.0)
    assert values["multiplier"] == state.multiplier
    assert values["norm"] == pytest.approx(1200.0, rel=1e-12)
    modes = ss.spectrum(state, n_modes=60, fast=True)
    assert trial.spectra["box"] == pytest.approx(modes.masses)
    # A trial's spectra use the reduced basis, good to 1e-5 (tests/fluctuations/test_spectrum.py).
    assert trial.spectra["bound_1"] == pytest.approx(ss.spectrum(state, 1, 1, fast=True).bound, abs=1e-12)
    assert trial.spectra["bound_1"] == pytest.approx(ss.spectrum(state, 5, 1).bound, abs=1e-5)
    assert values["hierarchy"] == pytest.approx(modes.masses.max() / modes.masses.min(), rel=1e-10)
    scores = ss.score(modes.masses, targets="particle", null_samples=20)
    assert values["fractal_score"] == pytest.approx(scores.fractal_score)
    assert values["null_percentile"] == pytest.approx(scores.null.percentile)


def test_the_same_point_gives_the_same_numbers(cfg, trial):
    again = evaluate(cfg, trial.point)
    assert again.values == pytest.approx(trial.values, rel=0, abs=0, nan_ok=True)
    assert np.array_equal(again.state.u, trial.state.u)
    assert again.constraints == trial.constraints


def test_an_evaluation_is_picklable_and_frozen(trial):
    back = pickle.loads(pickle.dumps(trial))
    assert back.values == pytest.approx(trial.values, nan_ok=True)
    assert np.array_equal(back.state.u, trial.state.u)
    with pytest.raises(AttributeError):
        trial.kind = "other"


def test_the_configuration_is_left_alone_and_the_point_is_plain(cfg, trial):
    assert cfg.model.g == 0.6
    point = {"g": np.float64(0.7), "norm": 900}
    found = evaluate(cfg, point)
    assert found.point == {"g": 0.7, "norm": 900.0}
    assert all(type(value) is float for value in found.point.values())
    assert found.state.problem.model.g == 0.7
    assert found.values["norm"] == pytest.approx(900.0)


def test_a_small_norm_is_delocalised_and_says_so(cfg):
    found = evaluate(cfg, {"g": 0.6, "norm": 15.0})
    assert found.kind == "delocalised"
    assert not found.feasible
    assert found.constraints["localised"] > 0
    assert found.constraints["converged"] <= 0


def test_an_unstable_vacuum_is_a_violated_constraint(cfg):
    found = evaluate(cfg, {"g": 0.6, "norm": 1200.0, "m0_squared": -2.0})
    assert found.constraints["vacuum_stable"] > 0
    assert math.isnan(found.values["mass_ratio"])
    assert not found.feasible


def test_a_solver_that_does_not_converge_is_recorded():
    cfg = loads(SMALL + "\n[solver]\nmax_steps = 1\n")
    found = evaluate(cfg, {"g": 0.6, "norm": 1200.0})
    assert found.kind == "unconverged"
    assert found.status.startswith("not converged within")
    assert found.constraints["converged"] > 0
    assert not found.feasible


def test_unbounded_energies_are_recorded_not_raised(cfg):
    """delta = 0, strong attraction: the energy at fixed norm is unbounded below in three dimensions."""
    found = evaluate(cfg, {"g": 5.0, "delta": 0.0, "norm": 3000.0})
    assert not found.feasible
    assert set(found.constraints) == CONSTRAINTS or found.state is None
    assert all(math.isfinite(value) for value in found.constraints.values())


def test_a_potential_without_a_vacuum_is_recorded_not_raised(cfg):
    """lambda_H = 0 with mu^2 < 0: no vacuum."""
    found = evaluate(cfg, {"lambda_H": 0.0, "g_yukawa": 0.0, "norm": 100.0})
    assert found.kind == "unconverged"
    assert "no minimum" in found.status
    assert found.state is None
    assert all(value > 0 for value in found.constraints.values())


def test_random_points_never_raise(cfg):
    rng = np.random.default_rng(5)
    for _ in range(6):
        point = {
            "g": rng.uniform(-3, 6),
            "norm": 10.0 ** rng.uniform(-2, 5),
            "m0_squared": rng.uniform(-3, 3),
            "delta": rng.uniform(0, 2),
            "lambda_1": rng.uniform(-4, 4),
            "mu_squared": rng.uniform(-3, 3),
            "g_yukawa": rng.uniform(-1, 1),
        }
        found = evaluate(cfg, point)
        assert found.kind
        assert found.status
        assert all(math.isfinite(value) for value in found.constraints.values())


def test_an_unknown_coupling_is_a_value_error(cfg):
    with pytest.raises(ValueError, match="nonsense"):
        evaluate(cfg, {"nonsense": 1.0})


@pytest.mark.parametrize("row", OCTAVE_Q_BALLS, ids=lambda row: f"g={row[0]} N={row[1]:g}")
def test_the_lowest_state_of_the_multi_start_is_not_above_the_published_one(row):
    g, norm, energy, *_ = row
    problem = ss.Problem(octave_model(g), QUICKSTART_GRID, norm=norm)
    found = find_solutions(problem, ss.Newton(), loads(SMALL).problem.guess).solutions
    assert found[0].converged
    energies = [problem.energy(solution.u) for solution in found]
    assert energies == sorted(energies)
    # 1e-8 of the published number: that much is the mesh's own error at g = 1.
    assert energies[0] <= energy * (1 + 1e-8)


def test_the_physical_spectrum_is_that_of_the_full_basis():
    """A compact Q-ball, whose translation the reduced basis of the box spectrum leaves at 1e-4."""
    cfg = load("examples/hierarchy.toml")
    cfg = dataclasses.replace(cfg, score=dataclasses.replace(cfg.score, spectrum="physical", null_samples=5))
    strong = {"g": 4.64, "m0_squared": 6.0, "delta": 1.2, "lambda_1": 1.0, "lambda_2": math.pi, "beta": 0.15}
    found = evaluate(cfg, {**strong, "g_yukawa": 0.1, "norm": 60.0})
    assert found.values["certified"] == 1.0
    channels = [ss.spectrum(found.state, 3, ell) for ell in (0, 1)]
    masses = np.concatenate([channels[0].thresholds, *(modes.bound_masses for modes in channels)])
    assert found.values["hierarchy"] == pytest.approx(masses.max() / masses.min(), abs=1e-6)
    assert 0 <= found.values["spectrum_error"] < 1e-3
    assert found.values["omega_squared"] == found.state.multiplier


def test_oscillations_are_a_spectrum_to_score():
    """Thresholds m +- omega and bound frequencies, of the full basis, at fixed charge."""
    cfg = loads(SMALL.replace("[score]", '[score]\nspectrum = "oscillations"'))
    found = evaluate(cfg, {"g": 0.6, "norm": 1200.0})
    exact = [ss.oscillations(found.state, ell) for ell in (0, 1)]
    for ell in (0, 1):
        assert found.spectra[f"oscillations_{ell}"] == pytest.approx(exact[ell].bound, abs=1e-6)
    masses = np.concatenate([exact[0].thresholds, *(one.bound for one in exact)])
    assert found.values["hierarchy"] == pytest.approx(masses.max() / masses.min(), rel=1e-5)
    resting = evaluate(cfg, {"g": 1.2, "norm": 1200.0})
    assert resting.values["omega_squared"] < 0
    assert math.isnan(resting.values["hierarchy"])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("norm = 1200.0", "", "needs rotating states"),
        ("n_octaves = 2\nm0_squared = 0.5\ng = 0.6\nlambda_1 = 0.05\nlambda_2 = 0.01\n", "", "complex fields"),
    ],
)
def test_oscillations_of_nothing_that_rotates_are_refused(old, new, words, tmp_path):
    text = SMALL.replace("[score]", '[score]\nspectrum = "oscillations"').replace(old, new)
    if "complex" in words:
        (tmp_path / "v.py").write_text("def v(u, p):\n    return p['g'] * u[0] ** 2\n")
        text = text.replace(
            "[model]", f'[model]\nkind = "potential"\nfunction = "{tmp_path}/v.py:v"\nparams = {{ g = 0.6 }}'
        )
    else:
        text = text.replace("norm = { low = 10, high = 5000, log = true }", "")
    with pytest.raises(ValueError, match=words):
        loads(text)
