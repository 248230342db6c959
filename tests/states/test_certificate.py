"""Every entry of a certificate against an independent computation; true errors; the kind of each state."""

import math

import numpy as np
import pytest
import scipy.linalg

import supersoliton as ss
from dense_systems import dense_second_variation
from problems import BY_NAME, CASES, QUICKSTART_GRID, cubic_nls, double_well, octave_model, solved
from supersoliton.problem.residual import force
from supersoliton.solvers.base import Solution
from supersoliton.states import certificate
from supersoliton.states.accuracy import virial
from supersoliton.states.certificate import certify
from supersoliton.states.kinds import BOUNDARY_LIMIT
from supersoliton.theory.vacua import vacuum_at

LOCALISED = [case.name for case in CASES if case.kind in ("bounce", "q-ball", "excited")]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_kind_and_negative_modes_of_known_states(case):
    found = solved(case.name).certificate
    assert found.kind == case.kind
    assert found.negative_modes == case.negative_modes


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_entries_of_a_resolved_state_are_within_their_limits(case):
    c = solved(case.name).certificate
    assert c.residual <= 1e-10
    assert c.virial <= 1e-8
    assert c.discretisation <= 1e-8
    assert c.boundary_fraction <= 1e-8
    if c.discretisation < 1e-10:
        assert c.certified, c.reasons
        assert c.reasons == ()


@pytest.mark.parametrize("name", ["octaves g=0.6 N=1200", "cubic NLS d=3 n=1", "Gross-Pitaevskii beta=10"])
def test_negative_modes_are_those_of_the_dense_constrained_hessian(name):
    """Finite-difference-free: the dense second variation projected on the tangent space of the norm."""
    state = solved(name)
    matrix, mass, border = dense_second_variation(state.problem, state.u, state.multiplier)
    if state.problem.norm is not None:
        tangent = scipy.linalg.null_space(border[None, :])
        matrix, mass = tangent.T @ matrix @ tangent, tangent.T @ mass @ tangent
    values = scipy.linalg.eigh(matrix, mass, eigvals_only=True)
    assert np.sum(values < -1e-9) == state.certificate.negative_modes


@pytest.mark.parametrize("name", ["octaves g=0.6 N=600", "cubic NLS d=2 n=0"])
def test_the_residual_measures_the_distance_from_the_state(name):
    """A disturbance of size epsilon in H^1 has a dual residual of that order, and the same on any mesh."""
    state = solved(name)
    problem = state.problem
    bump = np.exp(-((problem.grid.nodes - 2.0) ** 2))[:, None] * problem.free_nodes
    found = [force(problem, state.u + eps * bump).residual for eps in (1e-6, 1e-5, 1e-4)]
    assert np.diff(np.log10(found)) == pytest.approx([1.0, 1.0], abs=0.01)
    fine = problem.with_grid(problem.grid.refine(extra_order=4))
    moved = np.exp(-((fine.grid.nodes - 2.0) ** 2))[:, None] * fine.free_nodes
    u = problem.grid.interpolate(state.u, fine.grid.nodes)
    assert force(fine, u + 1e-4 * moved).residual == pytest.approx(found[-1], rel=1e-3)


def test_what_is_not_stationary_to_ten_digits_is_not_certified():
    state = solved("quadratic NLS d=3")
    moved = state.u * (1.0 + 1e-8)
    residual = force(state.problem, moved).residual
    assert 1e-10 < residual < 1e-6
    c = certify(state.problem, Solution(moved, 0.0, "converged", residual, 1, (), 0.0))
    assert not c.certified
    assert c.reasons[0].startswith("residual")


def test_a_bounce_without_a_negative_mode_is_not_certified():
    """The negative mode of a bounce is counted as on a mesh on which it is lost."""
    state = solved("quadratic NLS d=3")
    c = state.certificate
    assert (c.kind, c.negative_modes_by_sector, c.certified) == ("bounce", (1, 0, 0), True)
    measured = {"linear": False, "unstable": (), "jumps": [], "kinetic": (1.0, 0.0), "eliminated": (0, 0)}
    counted = {**vars(c), "centre": 0.0, **measured}
    assert certificate._reasons(state.problem, state.solution, counted) == ()
    lost = {**counted, "negative_modes_by_sector": (0, 0, 0)}
    (reason,) = certificate._reasons(state.problem, state.solution, lost)
    assert "negative mode" in reason


def test_the_residual_is_the_dual_norm():
    """sqrt(F (K + M)^-1 F) / |u - v|_H1 with dense matrices; F from the energy by finite differences."""
    problem = ss.Problem(ss.Potential(cubic_nls), ss.RadialGrid(20.0, 8, 12))
    u = np.exp(-0.3 * problem.grid.nodes**2)[:, None] * problem.free_nodes
    f = np.zeros(len(u))
    for i in range(len(u) - 1):
        unit = np.zeros_like(u)
        unit[i] = 1e-5
        f[i] = (problem.energy(u + unit) - problem.energy(u - unit)) / 2e-5
    metric = problem.grid.stiffness + problem.grid.mass
    expected = math.sqrt(f @ np.linalg.solve(metric, f)) / math.sqrt(u[:, 0] @ metric @ u[:, 0])
    assert force(problem, u).residual == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", LOCALISED)
def test_the_translation_mode_agrees_with_the_spectrum(name):
    state = solved(name)
    values = ss.spectrum(state, n_modes=6, ell=1).eigenvalues
    nearest = values[np.argmin(np.abs(values))]
    assert state.certificate.translation_mode == pytest.approx(nearest, abs=2e-9 * max(1.0, np.abs(values).max()))


def test_entries_that_do_not_apply_are_nan():
    trap = solved("Gross-Pitaevskii beta=1").certificate
    assert math.isnan(trap.translation_mode)
    assert math.isnan(trap.tail)
    vacuum = ss.solve(
        ss.Problem(ss.Potential(cubic_nls), ss.RadialGrid(20.0, 8, 12)), ss.Gaussian(0.1, 3.0)
    ).certificate
    assert math.isnan(vacuum.boundary_fraction)
    assert math.isnan(vacuum.translation_mode)


@pytest.mark.parametrize("name", [n for n in LOCALISED if "logarithmic" not in n and "n=1" not in n])
def test_the_tail_decays_as_the_mass_gap_says(name):
    assert solved(name).certificate.tail == pytest.approx(1.0, abs=3e-3)


@pytest.mark.parametrize("name", ["octaves g=0.6 N=600", "cubic NLS d=3 n=0", "Gross-Pitaevskii beta=1"])
def test_the_boundary_fraction_is_that_of_a_fine_sum(name):
    state = solved(name)
    d, radius = state.grid.dim, state.grid.r_max

    def share(low, high):
        r = np.linspace(low, high, 40001)
        return np.trapezoid(r ** (d - 1) * np.sum((state(r) - state.problem.vacuum.values) ** 2, axis=1), r)

    expected = share(0.9 * radius, radius) / share(0.0, radius)
    assert state.certificate.boundary_fraction == pytest.approx(expected, rel=1e-4, abs=1e-14)


@pytest.mark.parametrize(
    "name", ["cubic NLS d=1 n=0", "octaves g=0.6 N=1200", "Gross-Pitaevskii beta=10", "Q-ball k=0.5"]
)
def test_the_virial_sees_a_state_that_is_not_stationary(name):
    """Shrink a state by 1 %: the identity fails by about as much."""
    state = solved(name)
    shrunk = state(np.minimum(1.01 * state.grid.nodes, state.grid.r_max))
    assert virial(state.problem, state.u, state.multiplier) <= 1e-8
    assert 1e-3 < virial(state.problem, shrunk, state.multiplier) < 0.2


# True and estimated errors

HONEST = [
    "cubic NLS d=1 n=0",
    "cubic NLS d=3 n=0",
    "cubic NLS d=3 n=1",
    "quadratic NLS d=3",
    "logarithmic d=2 m=1 w=1",
    "logarithmic d=4 m=1 w=1",
    "kink d=1",
    "sech at fixed norm d=1",
    "cubic-quintic w=0.1",
    "Q-ball k=0.5",
]


@pytest.mark.parametrize("order", [4, 8])
@pytest.mark.parametrize("name", HONEST)
def test_the_true_error_is_below_the_reported_one_and_within_a_factor_100(name, order):
    """Against the closed form or the reference, on meshes too coarse by order; the references are exact to 1e-12."""
    fine, case = solved(name), BY_NAME[name]
    truth = case.exact.get("energy", case.exact.get("action"))
    if fine.problem.omega is not None:
        truth = case.exact["action"] + 0.5 * fine.multiplier * case.exact["norm"]
    problem = fine.problem.with_grid(
        ss.RadialGrid(order=order, dim=fine.grid.dim, edges=tuple(fine.grid.element_edges))
    )
    state = ss.solve(problem, fine)
    assert state.converged, state.status
    true, reported = abs(state.energy / truth - 1.0), state.certificate.discretisation
    assert true <= reported + 1e-12
    assert reported <= 100.0 * true + 1e-12
    if reported > 1e-6:
        assert not state.certificate.certified
        assert any("refine the mesh" in reason for reason in state.certificate.reasons)


# Kinds


def octaves(norm=None, n=2, grid=QUICKSTART_GRID, **couplings):
    return ss.Problem(octave_model(0.6, n_octaves=n, **couplings), grid, norm=norm)


def test_vacuum():
    state = ss.solve(octaves(), ss.Gaussian(0.1, 50.0))
    assert state.certificate.kind == "vacuum"
    assert state.certificate.certified
    assert abs(state.energy) < 1e-10


def test_condensate_of_the_default_couplings():
    """lambda_1 = 1, lambda_2 = pi, m0^2 = 0.01, g = 4.64 with n = 12: octaves condense and fill the box."""
    state = ss.solve(ss.Problem(ss.OctaveHiggs(), QUICKSTART_GRID), ss.Gaussian(0.1, 50.0), ss.Newton(target="minimum"))
    assert state.converged, state.status
    assert state.certificate.kind == "condensate"
    assert np.max(np.abs(state.u[48, :12])) > 1.0


def test_delocalised_below_the_smallest_norm():
    state = ss.solve(octaves(norm=20.0), ss.Gaussian(1.0, 4.0, field=1))
    c = state.certificate
    assert c.kind == "delocalised"
    assert c.boundary_fraction > BOUNDARY_LIMIT
    assert not c.certified
    assert any(reason.startswith("delocalised: ") for reason in c.reasons)
    assert not c.localised


def test_a_homogeneous_saddle_is_unstable():
    """u = 0 between the two wells of a double well is a homogeneous saddle: a vacuum with negative modes."""
    problem = ss.Problem(ss.Potential(double_well), ss.RadialGrid(20.0, 8, 12), boundary="free")
    state = ss.solve(problem, np.zeros(97))
    assert state.certificate.negative_modes > 0
    assert not state.certificate.certified
    assert any(reason.startswith("unstable: ") for reason in state.certificate.reasons)


def test_excited_states_have_radial_nodes_and_more_negative_modes():
    c = solved("cubic NLS d=3 n=1").certificate
    assert (c.kind, c.negative_modes) == ("excited", 2)


def test_a_rotating_state_is_judged_at_fixed_charge():
    """The Q-ball at fixed frequency has one negative mode and is stable: certified."""
    c = solved("Q-ball k=0.5").certificate
    assert (c.kind, c.negative_modes) == ("q-ball", 1)
    assert c.certified, c.reasons


def test_a_q_ball_on_an_unstable_branch_is_unstable():
    """Cubic NLS in d = 3 at fixed frequency: dN/domega > 0, unstable by Vakhitov and Kolokolov."""
    problem = ss.Problem(ss.Potential(cubic_nls), BY_NAME["cubic NLS d=3 n=0"].problem().grid, omega=0.3)
    state = ss.solve(problem, solved("cubic NLS d=3 n=0"))
    assert state.converged, state.status
    assert state.certificate.kind == "q-ball"
    assert any(reason.startswith("unstable: ") for reason in state.certificate.reasons)


# Reasons


def meshes():
    fine = solved("cubic NLS d=3 n=0")
    for order in (4, 5, 6, 7, 8):
        grid = ss.RadialGrid(order=order, dim=3, edges=tuple(fine.grid.element_edges))
        yield ss.solve(fine.problem.with_grid(grid), fine).certificate


def test_every_entry_beyond_its_limit_is_a_reason_and_no_other():
    """On meshes of rising order; the virial and the translation mode pass through four decades above their limits."""
    found = list(meshes())
    for c in found:
        for word, exceeded in (
            ("virial", c.virial > 1e-8),
            ("translation", abs(c.translation_mode) > 1e-7),
            ("energy uncertain", c.discretisation > 1e-6),
        ):
            assert any(reason.startswith(word) for reason in c.reasons) == exceeded
    assert any(1e-8 < c.virial < 1e-6 for c in found)
    assert any(1e-7 < abs(c.translation_mode) < 1e-5 for c in found)
    assert any(c.certified for c in found)


def test_a_tachyon_of_the_vacuum_is_a_reason():
    """A second field with mass^2 -0.01, which the box of pi/R = 0.157 lifts: no negative mode, and still no vacuum."""
    model = ss.Potential(
        lambda u, p: 0.5 * u[0] ** 2 - u[0] ** 4 + 0.5 * u[0] ** 6 - 0.005 * u[1] ** 2 + 0.25 * u[1] ** 4, ("f", "s")
    )
    problem = ss.Problem(model, ss.RadialGrid(20.0, 10, 12), norm=100.0, norm_of=("f",), background=(0.0, 0.0))
    c = ss.solve(problem, lambda r: np.stack([np.exp(-((r / 4.5) ** 4)), 0 * r], 1)).certificate
    assert (c.kind, sum(c.negative_modes_by_sector)) == ("q-ball", 0)
    assert len(c.reasons) == 1
    assert c.reasons[0].startswith("the vacuum around it has a tachyon")


def test_a_tail_that_does_not_fit_the_vacuum_is_a_reason():
    """A false vacuum off by 1e-4: the fields approach the true value, and not at the rate of the mass."""
    model = ss.Potential(lambda u, p: u[0] ** 4 - u[0] ** 2 + 0.25 * u[0])
    state = ss.bounce(model, [0.6335175491806829], [-0.762844], dim=4)
    assert state.certificate.certified, state.certificate.reasons
    rounded = state.problem.with_grid(state.grid)
    rounded.__dict__["vacuum"] = vacuum_at(model, [0.6336])
    reasons = certify(rounded, state.solution).reasons
    assert any("tail" in reason for reason in reasons)


@pytest.mark.parametrize("dim", [2, 4])
def test_a_tail_without_a_mass_is_no_reason(dim):
    """u^2 ln u^2 has Gaussian tails: V' is linear nowhere."""
    c = solved(f"logarithmic d={dim} m=1 w=1").certificate
    assert abs(c.tail - 1.0) > 0.5
    assert c.certified, c.reasons
