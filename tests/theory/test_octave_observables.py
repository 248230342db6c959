"""Observables of the octave tower against closed forms and the published table."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

import supersoliton as ss
from problems import QUICKSTART_GRID, octave_model, solved, strong_model
from supersoliton.states.observables import lightest_squared
from supersoliton.theory.octave_observables import mass_ratios, mean_higgs, octaves_in_core


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("octaves g=0.6 N=600", 1),
        ("octaves g=0.6 N=1200", 2),
        ("octaves g=0.6 N=2500", 3),
        ("octaves g=0.6 N=5000", 4),
        ("octaves g=0.8 N=600", 1),
        ("octaves strong coupling N=60", 3),
    ],
)
def test_octaves_in_the_core_are_those_published(name, count):
    assert octaves_in_core(solved(name)) == count


def test_cores_and_higgs_of_the_table():
    """Psi_1 = -1.922 alone at N = 600; Phi(0) = 0.928, 0.459, 0.141, 0.028, 0.794, 0.681."""
    first = solved("octaves g=0.6 N=600")
    assert abs(first.u[0, 1]) == pytest.approx(1.922, abs=1e-3)
    assert abs(solved("octaves g=1.0 N=600").u[0, 1]) == pytest.approx(2.426, abs=1e-3)
    names = [f"octaves g=0.6 N={n}" for n in (600, 1200, 2500, 5000)] + ["octaves g=0.8 N=600", "octaves g=1.0 N=600"]
    found = [float(abs(solved(name).u[0, -1])) for name in names]
    assert found == pytest.approx([0.928, 0.459, 0.141, 0.028, 0.794, 0.681], abs=6e-4)
    strong = solved("octaves strong coupling N=60").u[0]
    assert np.abs(strong[[0, 2, 4]]) == pytest.approx([1.98, 2.16, 1.59], abs=5e-3)
    assert np.sign(strong[0] * strong[2]) == np.sign(strong[2] * strong[4]) == -1


def test_mass_ratio_and_splitting_by_hand():
    """Two octaves: 0.9 +- lambda_1 and the Higgs mass^2 = 2."""
    problem = ss.Problem(octave_model(0.6, n_octaves=2), QUICKSTART_GRID, norm=600.0)
    masses = mass_ratios(problem)
    assert masses["mass_ratio"] == pytest.approx(math.sqrt(2.0 / 0.85), rel=1e-12)
    assert masses["octave_splitting"] == pytest.approx(math.sqrt(0.95 / 0.85), rel=1e-12)
    assert lightest_squared(problem) == pytest.approx(0.85, rel=1e-12)


def test_hierarchical_decay_reduces_the_splitting():
    """beta = 0.15 makes the octave splitting smaller, not two or three times larger."""
    found = []
    for beta in (0.0, 0.15):
        model = octave_model(0.1, quartic_sign=1, beta=beta)
        found.append(mass_ratios(ss.Problem(model, QUICKSTART_GRID, norm=1.0))["octave_splitting"])
    assert found[1] < found[0]


def test_vacuum_masses_of_the_strong_couplings():
    """1.41 ... 3.46, stable down to m0^2 + 2 g_Y v^2 = 4.41."""
    problem = ss.Problem(strong_model(), QUICKSTART_GRID, norm=60.0)
    assert np.sqrt(problem.vacuum.masses_squared[[0, -1]]) == pytest.approx([1.41, 3.46], abs=6e-3)
    for m0_squared, stable in ((4.41 - 0.4 + 0.02, True), (4.41 - 0.4 - 0.02, False)):
        moved = problem.replace(m0_squared=m0_squared)
        assert (lightest_squared(moved) > 0) is stable
        assert math.isnan(mass_ratios(moved)["mass_ratio"]) is not stable


def test_a_vacuum_has_no_octave_in_its_core():
    problem = ss.Problem(octave_model(0.6, n_octaves=2), QUICKSTART_GRID)
    assert octaves_in_core(ss.solve(problem, np.tile(problem.vacuum.values, (QUICKSTART_GRID.n_nodes, 1)))) == 0


def test_the_mean_higgs_field_is_the_average_over_the_ball():
    state = solved("octaves g=0.6 N=1200")
    exact = quad(lambda r: 3.0 * r**2 * abs(float(state(r)[12])) / 25.0**3, 0.0, 25.0, limit=200)[0]
    assert mean_higgs(state) == pytest.approx(exact, rel=1e-7)
