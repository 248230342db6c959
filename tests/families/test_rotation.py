"""Q-balls as rotating states, against the closed form of the cubic equation in one dimension.

V = u^2/2 - u^4/4: f = sqrt(2 w) sech(sqrt(w) x) with w = 1 - omega^2 has N = 4 sqrt(w), so dN/d(omega^2) = -2/sqrt(w)
and dQ/d omega = 4 sqrt(w) - 4 omega^2/sqrt(w), which changes sign at omega^2 = 1/2.
"""

import math

import numpy as np
import pytest
from tests.problems import solved

import supersoliton as ss


def cubic(u, p):
    return 0.5 * u[0] ** 2 - 0.25 * u[0] ** 4


def rotating(norm):
    problem = ss.Problem(ss.Potential(cubic), ss.RadialGrid(30.0, 12, 12, 1), norm=norm)
    return ss.solve(problem, ss.Gaussian(0.5, 4.0))


@pytest.mark.parametrize("norm", [2.0, 2.7, 3.0])
def test_slopes_are_those_of_the_closed_form(norm):
    state = rotating(norm)
    w = (norm / 4.0) ** 2
    found = ss.rotation(state)
    assert found.omega == pytest.approx(math.sqrt(1.0 - w), rel=1e-9)
    assert found.charge == pytest.approx(norm * math.sqrt(1.0 - w), rel=1e-9)
    assert found.norm_slope == pytest.approx(-2.0 / math.sqrt(w), rel=1e-7)
    assert found.charge_slope == pytest.approx(4.0 * math.sqrt(w) - 4.0 * (1.0 - w) / math.sqrt(w), rel=1e-6)
    assert found.classically_stable == (1.0 - w > 0.5)
    # E of the field alone is (4/3) w^(3/2) + omega^2 N / 2: the action is that of the equation with mass^2 w.
    assert found.energy == pytest.approx(4.0 / 3.0 * w**1.5 + (1.0 - w) * norm, rel=1e-9)
    assert found.energy_per_charge == pytest.approx(found.energy / found.charge, rel=1e-12)  # m = 1


def test_energy_per_charge_is_the_frequency():
    found = ss.rotation(solved("octaves g=0.6 N=1200"))
    assert found.identity < 1e-6
    assert found.classically_stable
    assert found.stable_against_quanta


def test_a_false_vacuum_has_no_frequency():
    state = solved("octaves g=1.0 N=600")  # omega^2 = -0.07
    found = ss.rotation(state)
    assert state.certificate.kind == "minimum at fixed norm"
    assert found.minimum_at_fixed_norm
    assert not found.classically_stable
    assert "nothing rotates" in repr(state)
    assert all(math.isnan(x) for x in (found.omega, found.charge, found.energy, found.identity, state.charge))
    assert np.isfinite(found.norm_slope)


def test_only_states_with_norm_or_frequency_rotate():
    with pytest.raises(ValueError, match="neither fixed norm nor frequency"):
        ss.rotation(solved("cubic NLS d=1 n=0"))


@pytest.mark.parametrize("grid", [None, ss.RadialGrid(25.0, 12, 12)])
def test_fixed_frequency_is_the_bounce_of_the_lowered_potential(grid):
    """f'' + 2 f'/r = (1 - k^2) f - 4 f^3 + 3 f^5 with k = omega = 1/2, without a guess; reference/states.json."""
    model = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - u[0] ** 4 + 0.5 * u[0] ** 6)
    state = ss.solve(ss.Problem(model, grid, dim=None if grid else 3, omega=0.5))
    assert state.certificate.certified
    assert state.certificate.kind == "q-ball"
    assert state.action == pytest.approx(25.767221931763068, rel=1e-9)
    assert state.norm == pytest.approx(353.21970763197777, rel=1e-9)
    assert state(0.0)[0] == pytest.approx(1.0518616053426133, abs=1e-8)
    assert ss.rotation(state).identity < 1e-5


def test_a_branch_of_q_balls_has_its_charge_and_energy():
    """Along it dE_Q/dQ = omega and dQ/domega is the slope, by differences of its points; E_Q and Q are drawn."""
    model = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - u[0] ** 4 + 0.5 * u[0] ** 6)
    state = ss.solve(ss.Problem(model, ss.RadialGrid(25.0, 12, 12), norm=400.0), ss.SuperGaussian(1.0, 4.5))
    branch = ss.continuation(state, "norm", 380.0, step=0.002, max_step=0.002)
    omega, charge, energy = (branch.values(name) for name in ("omega", "charge", "charged_energy"))
    middle = slice(1, -1)
    assert np.gradient(energy, charge)[middle] == pytest.approx(omega[middle], rel=1e-6)
    assert np.gradient(charge, omega)[middle] == pytest.approx(branch.values("charge_slope")[middle], rel=1e-4)
    assert branch.values("energy_per_charge")[0] == pytest.approx(state.certificate.rotation.energy_per_charge)
    labels = [ax.get_ylabel() for ax in branch.plot().axes]
    assert labels == ["$E_Q$ [mass]", "$E_Q$ / ($m_{free}$ Q)", "Q", "ω² [mass²]"]


def test_fixed_frequency_of_the_octaves():
    model = ss.OctaveHiggs(n_octaves=3, m0_squared=0.5, g=0.6, lambda_1=0.05, lambda_2=0.01)
    state = ss.solve(ss.Problem(model, ss.RadialGrid(), omega=math.sqrt(0.47)))
    assert state.certificate.certified
    again = ss.solve(ss.Problem(model, ss.RadialGrid(), norm=state.norm), state)
    assert again.multiplier == pytest.approx(0.47, abs=1e-8)
