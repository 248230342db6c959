"""The number of bound states in infinite space, in boxes of any size and with any wall, against exact levels."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

import supersoliton as ss
from problems import solved

WALLS = ("vacuum", "free", "decaying")


def poeschl_teller(u, p, r):
    """1/2 u^2 [m^2 - s(s + 1) sech^2 r]: m^2 - (s - n)^2 of parity (-1)^n; odd ones at d = 3, l = 0."""
    return 0.5 * u[0] ** 2 * (p["m2"] - p["s"] * (p["s"] + 1.0) / jnp.cosh(r) ** 2)


def levels(s, parity, m2=12.0):
    return [m2 - (s - n) ** 2 for n in range(10) if n < s and n % 2 == parity]


def modes(s, dim, r_max, wall, ell):
    grid = ss.RadialGrid(r_max, 10, 12, dim=dim)
    state = ss.solve(
        ss.Problem(ss.Potential(poeschl_teller, params={"m2": 12.0, "s": s}), grid, boundary=wall), np.zeros(121)
    )
    return ss.spectrum(state, 5, ell)


@pytest.mark.parametrize("wall", WALLS)
@pytest.mark.parametrize("r_max", [7.0, 15.0])
@pytest.mark.parametrize(("dim", "ell"), [(1, 0), (1, 1), (3, 0)])
def test_poeschl_teller(dim, ell, r_max, wall):
    """Levels that a wall lifts out are counted, waves that a free wall pulls in are not."""
    for s in (0.05, 0.9, 1.03, 1.97, 2.05, 3.3):
        expected = levels(s, 1 if dim == 3 else ell)
        found = modes(s, dim, r_max, wall, ell)
        assert (s, len(found.bound), found.undecided) == (s, len(expected), 0)
        assert found.bound == pytest.approx(expected, abs=1e-4 if r_max < 10.0 else 3e-6)


@pytest.mark.parametrize("wall", WALLS)
def test_a_kinetic_factor_divides_the_well(wall):
    """4 V with the kinetic factor 4 has the levels of V."""
    model = ss.Potential(lambda u, p, r: 4.0 * poeschl_teller(u, p, r), params={"m2": 12.0, "s": 1.3}, kinetic=(4.0,))
    state = ss.solve(ss.Problem(model, ss.RadialGrid(7.0, 10, 12, dim=1), boundary=wall), np.zeros(121))
    for ell in (0, 1):
        assert ss.spectrum(state, 5, ell).bound == pytest.approx(levels(1.3, ell), abs=1e-4)


@pytest.mark.parametrize("wall", WALLS)
@pytest.mark.parametrize(("s", "dim", "ell"), [(1.0, 1, 1), (2.0, 1, 0), (1.0, 3, 0)])
def test_a_state_exactly_at_the_threshold_is_undecided(s, dim, ell, wall):
    """The solution at the threshold is a tanh, or a polynomial of it: bounded, and not bound."""
    found = modes(s, dim, 15.0, wall, ell)
    assert (len(found.bound), found.undecided) == (len(levels(s, 1 if dim == 3 else ell)), 1)
    assert "1 undecided at it" in repr(found)


def coupled(u, p, r):
    """Two channels of masses^2 1 and m^2, coupled by a well."""
    well = 1.0 / jnp.cosh(r) ** 2
    square = u[0] ** 2 * (1.0 - p["a"] * well) + u[1] ** 2 * (p["m2"] - p["b"] * well)
    return 0.5 * square - p["c"] * well * u[0] * u[1]


def nodes_at_threshold(p, dim, ell, r_max=40.0):
    """The zeros of the determinant of the regular solutions at the lowest threshold, their columns kept apart by QR."""
    centrifugal = ell * (ell + dim - 2.0)

    def slope(r, flat):
        y, dy = flat.reshape(2, 2, 2)
        well = 1.0 / np.cosh(r) ** 2
        matrix = np.array([[-p["a"] * well, -p["c"] * well], [-p["c"] * well, p["m2"] - 1.0 - p["b"] * well]])
        matrix += centrifugal / r**2 * np.eye(2)
        return np.concatenate([dy.ravel(), (matrix @ y - (dim - 1.0) / r * dy).ravel()])

    r = 1e-3
    both = np.stack([r**ell * np.eye(2), ell * r ** max(ell - 1, 0) * np.eye(2)])
    count = 0
    for end in np.linspace(r, r_max, 301)[1:]:
        after = solve_ivp(slope, (r, end), both.ravel(), rtol=1e-8, atol=1e-11).y[:, -1].reshape(2, 2, 2)
        count += np.linalg.det(both[0]) * np.linalg.det(after[0]) < 0.0
        q, triangle = np.linalg.qr(after.reshape(4, 2))
        both, r = (q * np.sign(np.diag(triangle))).reshape(2, 2, 2), end
    return count


@pytest.mark.parametrize(("dim", "ell"), [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2)])
@pytest.mark.parametrize(
    "p", [{"a": 0.4, "b": 6.0, "c": 2.0, "m2": 1.6}, {"a": 5.0, "b": 1.0, "c": 0.7, "m2": 1.1}], ids=["heavy", "light"]
)
def test_two_channels_against_the_nodes_at_the_threshold(p, dim, ell):
    expected = nodes_at_threshold(p, dim, ell)
    for wall in ("vacuum", "free"):
        grid = ss.RadialGrid(9.0, 10, 12, dim=dim)
        problem = ss.Problem(ss.Potential(coupled, ("x", "y"), p), grid, boundary=wall, background=[0.0, 0.0])
        found = ss.spectrum(ss.solve(problem, np.zeros((121, 2))), 3, ell)
        assert (len(found.bound), found.undecided) == (expected, 0)


def test_the_kink_has_two_bound_states_and_a_resonance():
    """phi^4: 0 (even), 3 (odd), and at the threshold 4 an even solution that is bounded and not bound."""
    kink = solved("kink d=1")
    shape, translation = ss.spectrum(kink, 4, 0), ss.spectrum(kink, 4, 1)
    assert (len(shape.bound), shape.undecided) == (1, 0)
    assert (len(translation.bound), translation.undecided) == (1, 1)


@pytest.mark.parametrize("functions", [False, True])
def test_bound_states_beyond_those_asked_for(functions):
    """One mode asked for, four bound."""
    few = ss.spectrum(solved("octaves g=0.6 N=1200"), 1, functions=functions)
    many = ss.spectrum(solved("octaves g=0.6 N=1200"), 50)
    assert len(few.eigenvalues) == 1
    assert len(many.bound) == 4
    assert few.bound == pytest.approx(many.bound, abs=1e-10)


def test_the_outside_of_an_angular_momentum():
    """The translation is exact for any radius of a decaying boundary, if its condition is that of l = 1."""
    model = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - u[0] ** 4 + 0.5 * u[0] ** 6)
    problem = ss.Problem(model, ss.RadialGrid(14.0, 10, 12), omega=0.4, boundary="decaying", background=[0.0])
    state = ss.solve(problem, ss.SuperGaussian(1.0, 5.0))
    assert state.certificate.kind == "q-ball"
    found = ss.spectrum(state, 1, 1)
    assert abs(found.eigenvalues[0]) < 2e-9  # 3e-8 with the condition of l = 0
    assert len(found.zero_modes) == 1


def test_a_light_bound_state_is_no_translation():
    """l = 1 in d = 3 with an eigenvalue of 0.003, a mass of 0.055."""
    grid = ss.RadialGrid(15.0, 8, 12)

    def lowest(depth):
        model = ss.Potential(coupled, ("x", "y"), {"a": depth, "b": 0.0, "c": 0.0, "m2": 1.0})
        return ss.spectrum(ss.solve(ss.Problem(model, grid, background=[0.0, 0.0]), np.zeros((97, 2))), 2, 1)

    depth = brentq(lambda depth: lowest(depth).eigenvalues[0] - 0.003, 5.0, 15.0, rtol=1e-6)
    found = lowest(depth)
    assert found.eigenvalues[0] == pytest.approx(0.003, abs=1e-4)
    assert len(found.zero_modes) == 0
    assert found.bound_masses[0] == pytest.approx(0.003**0.5, rel=0.03)


def test_internal_zero_modes_are_neither_negative_nor_bound_masses():
    """An O(3) Q-ball: two zero modes at l = 0, and no particle of mass 1e-7."""
    model = ss.Potential(
        lambda u, p: 0.5 * jnp.sum(u**2) - jnp.sum(u**2) ** 2 + 0.5 * jnp.sum(u**2) ** 3, ("x", "y", "z")
    )
    grid = ss.RadialGrid(20.0, 10, 12)
    state = ss.solve(ss.Problem(model, grid, norm=100.0), lambda r: np.ones(3) * np.exp(-((r[:, None] / 4.5) ** 4)))
    found = ss.spectrum(state, 6)
    assert len(found.zero_modes) == 2
    assert len(found.negative) == 1  # L_+ at fixed frequency
    assert np.all(found.bound_masses > 1e-3)
