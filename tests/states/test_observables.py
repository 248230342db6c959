"""Sizes, cores and mass ratios against closed forms."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

import supersoliton as ss
from problems import QUICKSTART_GRID, REFERENCE, cubic_nls, octave_model, solved, strong_model
from supersoliton.solvers.base import Solution
from supersoliton.states import observables
from supersoliton.states.state import make_state


def test_size_is_the_half_radius():
    # f'' + 2f'/r = (1 - k^2) f - 4f^3 + 3f^5 shot from f(0) by Runge-Kutta at 1e-12; the reference file's R_half,
    # 4.582476, is an interpolation good to 2e-5.
    assert observables.size(solved("Q-ball k=0.5")) == pytest.approx(4.58240496, rel=1e-8)
    assert observables.size(solved("Q-ball k=0.5")) == pytest.approx(REFERENCE["q_ball"]["R_half"], rel=2e-5)
    assert observables.size(solved("cubic NLS d=1 n=0")) == pytest.approx(math.acosh(2.0), rel=1e-8)
    assert observables.size(solved("logarithmic d=3 m=1 w=1")) == pytest.approx(math.sqrt(2 * math.log(2.0)), rel=1e-8)
    assert observables.size(solved("octaves strong coupling N=60")) == pytest.approx(1.2, abs=0.05)


def fall_to(far: float, height: float) -> ss.State:
    """The profile far + height exp(-r^2/2), not solved, around the vacuum of a double well at ``far``."""
    model = ss.Potential(lambda u, p: 0.25 * (u[0] ** 2 - p["far"] ** 2) ** 2, ("u",), params={"far": far})
    problem = ss.Problem(model, QUICKSTART_GRID, boundary=(far,))
    u = far + height * np.exp(-(problem.grid.nodes[:, None] ** 2) / 2.0)
    return make_state(problem, Solution(u, 0.0, "converged", 0.0, 0, (), 0.0))


def test_half_radius_counts_a_fall_like_a_rise_and_takes_all_fields_where_none_carries_a_norm():
    exact = math.sqrt(2.0 * math.log(2.0))
    assert fall_to(1.4, 1.0).half_radius == pytest.approx(exact, rel=1e-7)
    assert fall_to(1.4, -1.0).half_radius == pytest.approx(exact, rel=1e-7)
    assert math.isnan(fall_to(1.4, 0.0).half_radius)
    assert solved("Q-ball k=0.5").half_radius == observables.size(solved("Q-ball k=0.5"))


def test_the_core_radius_is_the_half_radius_to_the_mesh():
    state = fall_to(1.4, -1.0)
    nodes = state.grid.nodes
    inner = nodes[nodes < state.half_radius].max()
    assert observables.core_radius(state.problem, state.u) == inner


def test_size_combines_the_carrying_fields_and_leaves_the_higgs_out():
    state = solved("octaves g=0.6 N=1200")

    def strength(r):
        return float(np.sqrt(np.sum(state(r)[:12] ** 2)))

    r = np.linspace(0, 25, 3000)
    peak = max(strength(x) for x in r)
    expected = brentq(lambda x: strength(x) - 0.5 * peak, 2.0, 24.0)
    assert observables.size(state) == pytest.approx(expected, rel=1e-4)


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
    assert observables.octaves_in_core(solved(name)) == count


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


def test_a_vacuum_has_no_size_and_no_core():
    problem = ss.Problem(ss.Potential(cubic_nls), ss.RadialGrid(20.0, 8, 12))
    state = ss.solve(problem, np.zeros(97))
    assert math.isnan(observables.size(state))
    assert observables.octaves_in_core(state) == 0


def test_mass_ratio_and_splitting_by_hand():
    """Two octaves: 0.9 +- lambda_1 and the Higgs mass^2 = 2."""
    problem = ss.Problem(octave_model(0.6, n_octaves=2), QUICKSTART_GRID, norm=600.0)
    masses = observables.vacuum_masses(problem)
    assert masses["mass_ratio"] == pytest.approx(math.sqrt(2.0 / 0.85), rel=1e-12)
    assert masses["octave_splitting"] == pytest.approx(math.sqrt(0.95 / 0.85), rel=1e-12)
    assert masses["lightest_squared"] == pytest.approx(0.85, rel=1e-12)


def test_hierarchical_decay_reduces_the_splitting():
    """beta = 0.15 makes the octave splitting smaller, not two or three times larger."""
    found = []
    for beta in (0.0, 0.15):
        model = octave_model(0.1, quartic_sign=1, beta=beta)
        found.append(observables.vacuum_masses(ss.Problem(model, QUICKSTART_GRID, norm=1.0))["octave_splitting"])
    assert found[1] < found[0]


def test_vacuum_masses_of_the_strong_couplings():
    """1.41 ... 3.46, stable down to m0^2 + 2 g_Y v^2 = 4.41."""
    problem = ss.Problem(strong_model(), QUICKSTART_GRID, norm=60.0)
    assert np.sqrt(problem.vacuum.masses_squared[[0, -1]]) == pytest.approx([1.41, 3.46], abs=6e-3)
    for m0_squared, stable in ((4.41 - 0.4 + 0.02, True), (4.41 - 0.4 - 0.02, False)):
        masses = observables.vacuum_masses(problem.replace(m0_squared=m0_squared))
        assert (masses["lightest_squared"] > 0) is stable
        assert math.isnan(masses["mass_ratio"]) is not stable


def test_models_without_a_higgs_field_have_no_ratio():
    masses = observables.vacuum_masses(ss.Problem(ss.Potential(cubic_nls), QUICKSTART_GRID, norm=1.0))
    assert math.isnan(masses["mass_ratio"])
    assert masses["lightest_squared"] == pytest.approx(1.0)


def test_mean_modulus_is_the_average_over_the_ball():
    state = solved("octaves g=0.6 N=1200")
    exact = quad(lambda r: 3.0 * r**2 * abs(float(state(r)[12])) / 25.0**3, 0.0, 25.0, limit=200)[0]
    assert observables.mean_modulus(state, "phi") == pytest.approx(exact, rel=1e-7)
    assert math.isnan(observables.mean_modulus(state, "nothing"))
