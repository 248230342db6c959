"""Sizes and masses against closed forms."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq

import supersoliton as ss
from problems import QUICKSTART_GRID, REFERENCE, cubic_nls, solved
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


def test_half_radius_of_a_dip_and_of_all_fields_if_none_carries_a_norm():
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


def test_a_vacuum_has_no_size():
    problem = ss.Problem(ss.Potential(cubic_nls), ss.RadialGrid(20.0, 8, 12))
    state = ss.solve(problem, np.zeros(97))
    assert math.isnan(observables.size(state))


def test_the_lightest_mass_of_a_vacuum_in_closed_form():
    problem = ss.Problem(ss.Potential(cubic_nls), QUICKSTART_GRID, norm=1.0)
    assert observables.lightest_squared(problem) == pytest.approx(1.0)
