"""States of theories with conditions at both ends, cold, on a mesh chosen here: published and exact values."""

import numpy as np
import pytest

import supersoliton as ss
from supersoliton.states.accuracy import virial
from supersoliton.states.kinds import Kind

# Energies over theory.energy_unit, and the digits to which they are known: the exact ones, and those of PHYSICS.md,
# section 6, computed independently with other meshes.
EXACT = [(ss.Vortex(winding=n, lam=1.0), float(n)) for n in (1, 2, 5, 20)]
EXACT += [(ss.Monopole(beta=0.0), 1.0), (ss.ChernSimonsVortex(kappa=1.0), 1.0), (ss.ChernSimonsVortex(kappa=0.2), 1.0)]
KNOWN = [
    (ss.Vortex(winding=1, lam=0.5), 0.8679102902927, 1e-13),
    (ss.Vortex(winding=3, lam=0.5), 2.4355042853570, 1e-13),
    (ss.Vortex(winding=1, lam=2.0), 1.1567609413310, 1e-13),
    (ss.Monopole(beta=0.1), 1.041055950319, 1e-12),
    (ss.Monopole(beta=1.0), 1.237701039529, 1e-12),
    (ss.Monopole(beta=5.0), 1.513438275088, 1e-12),
    (ss.Sphaleron(lam=0.1), 1.799393429267, 1e-12),
    (ss.Sphaleron(lam=1.0), 2.065993266664, 1e-12),
    (ss.Sphaleron(lam=100.0), 2.568241479877, 1e-12),
    (ss.Skyrmion(pion_mass=0.0), 1.231445697432, 1e-12),
    (ss.Skyrmion(pion_mass=1.0), 1.416223466101, 1e-12),
    (ss.BabySkyrmion(winding=1, mu_squared=0.1), 1.564245753963, 1e-12),
]


def found(theory, grid=None):
    state = ss.solve(ss.Problem(theory, grid))
    assert state.converged
    return state, state.energy / theory.energy_unit


@pytest.mark.parametrize(("theory", "exact"), EXACT, ids=repr)
def test_exact_energies(theory, exact):
    state, energy = found(theory)
    assert energy == pytest.approx(exact, rel=1e-12)
    assert abs(energy / exact - 1.0) <= state.certificate.energy_error + 1e-15


@pytest.mark.parametrize(("theory", "known", "digits"), KNOWN, ids=repr)
def test_known_energies(theory, known, digits):
    state, energy = found(theory)
    c = state.certificate
    assert energy == pytest.approx(known, rel=1e-10)
    assert abs(energy - known) <= c.energy_error * energy + digits
    assert c.certified
    assert c.kind is Kind.SOLITON
    assert (c.negative_modes, c.zero_modes, c.negative_modes_by_sector) == (0, 0, (0,))
    assert c.energy_error < 1e-12
    assert c.virial < 1e-12
    assert c.radius < 1e-11
    assert state.steps <= 12
    assert "a minimum within the ansatz" in repr(state)
    assert "stable" not in repr(state)


@pytest.mark.parametrize("r_max", [4.0, 6.0, 8.0, 10.0])
def test_the_stated_error_covers_a_box_that_is_too_small(r_max):
    state, energy = found(ss.Vortex(), ss.RadialGrid(r_max=r_max, n_elements=8, dim=2))
    assert 1e-9 < abs(energy - 1.0) <= state.certificate.energy_error < 10.0 * abs(energy - 1.0)
    assert state.certificate.certified == (r_max > 9.0)


def test_power_tails_continue_beyond_the_mesh():
    """The BPS monopole has K = r/sinh r and h = coth r - 1/r; a massless Skyrmion falls like 1/r^2."""
    state, _ = found(ss.Monopole(beta=0.0))
    r = np.array([0.3, 1.0, 3.0, 10.0, 14.0])
    exact = np.stack([1.0 / np.tanh(r) - 1.0 / r, r / np.sinh(r)], axis=1)
    np.testing.assert_allclose(state(r), exact, atol=1e-9)
    np.testing.assert_array_equal(state.problem.free_last, [1.0, 0.0])
    skyrmion, _ = found(ss.Skyrmion(pion_mass=0.0))
    tail = np.array([20.0, 40.0, 70.0])
    np.testing.assert_allclose(skyrmion(tail)[:, 0] * tail**2, skyrmion(70.0)[0] * 70.0**2, rtol=1e-4)


@pytest.mark.parametrize("r_max", [4.0, 8.0, 12.0])
@pytest.mark.parametrize(
    ("theory", "known"), [(ss.Monopole(beta=0.0), 1.0), (ss.Skyrmion(pion_mass=0.0), 1.231445697432)], ids=repr
)
def test_the_stated_error_covers_what_is_not_linear_beyond_a_small_box(theory, known, r_max):
    state, energy = found(theory, ss.RadialGrid(r_max=r_max, n_elements=12, dim=3))
    assert 1e-9 < abs(energy / known - 1.0) <= state.certificate.energy_error < 100.0 * abs(energy / known - 1.0)


@pytest.mark.parametrize("order", [4, 5, 6])
def test_the_stated_error_covers_a_coarse_mesh(order):
    theory, exact = ss.Vortex(winding=2), 2.0
    state, energy = found(theory, ss.RadialGrid(r_max=24.0, n_elements=6, order=order, dim=2))
    assert 1e-9 < abs(energy / exact - 1.0) <= state.certificate.energy_error < 30.0 * abs(energy / exact - 1.0)


def scaled_vortex(field, length, unit):
    """A vortex of lam = 2 in units of the user."""

    def e(u, du, r, p):
        f, a, df, da, x = u[0] / p["F"], u[1], du[0] * p["L"] / p["F"], du[1] * p["L"], r / p["L"]
        return p["E"] / 2 * (df**2 + (da**2 + (1 - a) ** 2 * f**2) / x**2 + p["lam"] / 4 * (1 - f**2) ** 2)

    params = {"lam": 2.0, "F": field, "L": length, "E": unit}
    ends = {"origin": {"f": 0.0, "a": 0.0}, "infinity": {"f": field, "a": 1.0}}
    return ss.Density(e, fields=("f", "a"), params=params, dim=2, **ends)


@pytest.mark.parametrize("field", [1e-6, 1e6])
@pytest.mark.parametrize(("length", "unit"), [(1e-6, 1e-6), (1e6, 1e-6), (1e6, 1e6)])
@pytest.mark.parametrize("box", [None, 25.0])
def test_results_do_not_depend_on_the_units(field, length, unit, box):
    grid = None if box is None else ss.RadialGrid(r_max=box * length, n_elements=16, dim=2)
    state, energy = found(scaled_vortex(field, length, unit), grid)
    assert energy / (np.pi * unit * length**2) == pytest.approx(1.1567609413310, rel=1e-12)
    assert state.certificate.certified
    assert state.steps <= 8
    np.testing.assert_allclose(state.problem.vacuum.masses * length, [1.0, np.sqrt(2.0)], rtol=1e-9)
    at = 0.7 * length
    reference = ss.solve(ss.Problem(ss.Vortex(lam=2.0)))(0.7)
    np.testing.assert_allclose(state(at) / [field, 1.0], reference, rtol=1e-7)


def test_the_profiles_obey_bogomolnys_equations():
    """At critical coupling f' = n (1 - a) f/r and n a' = r (1 - f^2)/2, from the square that is completed."""
    state, _ = found(ss.Vortex(winding=3))
    r = np.linspace(0.5, 8.0, 30)
    slopes = state.grid.interpolate(state.grid.differentiate(state.u), r)
    f, a = state(r).T
    np.testing.assert_allclose(slopes[:, 0], 3 * (1 - a) * f / r, atol=1e-8)
    np.testing.assert_allclose(3 * slopes[:, 1], r * (1 - f**2) / 2, atol=1e-8)


def test_a_wrong_profile_is_not_certified():
    """The virial identity sees a state that is not stationary."""
    state, _ = found(ss.Skyrmion(pion_mass=1.0))
    assert virial(state.problem, state.u, 0.0) < 1e-13
    wide = state.grid.interpolate(state.u, 0.9 * state.grid.nodes)
    assert virial(state.problem, wide, 0.0) > 1e-3


def test_the_ground_state_of_schroedinger_and_newton():
    """The eigenvalue of norm 1; at any norm the virial theorem gives W = -4 T."""
    state, _ = found(ss.SchroedingerNewton())
    assert state.observables["epsilon"] == pytest.approx(-0.16276920784214, rel=1e-12)
    assert state.certificate.certified
    assert state.steps <= 12
    psi, phi = state.u.T
    kinetic = 0.5 * float(state.grid.integrate(state.grid.differentiate(psi) ** 2))
    well = 0.5 * float(state.grid.integrate(phi * psi**2))
    assert well == pytest.approx(-2.0 * kinetic, rel=1e-8)
    assert "a minimum at fixed norm within the ansatz, with potential eliminated" in repr(state)


def test_a_gauged_q_ball_is_a_saddle_that_newtons_method_finds_and_minimisers_refuse():
    state, _ = found(ss.GaugedQBall(omega=0.7, q=0.05))
    known = {"action": 8.1051471606, "charge": 42.4768573499, "energy": 37.8389473055}
    assert state.observables == pytest.approx(known, rel=1e-11)
    assert state.certificate.certified
    assert state.steps <= 12
    assert "1 negative mode: a saddle within the ansatz, with g eliminated" in repr(state)
    for solver in (ss.LBFGS(), ss.Newton(target="minimum")):
        with pytest.raises(ValueError, match="saddles by construction, in all fields together: use Newton"):
            ss.solve(state.problem, solver=solver)


def test_the_energy_of_a_gauged_q_ball_changes_by_the_frequency_times_the_charge():
    """dE = omega dQ along the states of one gauge coupling."""
    near = [ss.solve(ss.Problem(ss.GaugedQBall(omega=0.7 + h, q=0.1))).observables for h in (-1e-4, 1e-4)]
    energy, charge = (near[1][name] - near[0][name] for name in ("energy", "charge"))
    assert energy / charge == pytest.approx(0.7, rel=1e-6)
