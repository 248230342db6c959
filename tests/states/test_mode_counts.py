"""Stability in all sectors, with the zero modes of symmetries apart: closed forms and independent dense matrices."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import supersoliton as ss
from dense_systems import dense_second_variation
from problems import cubic_nls, one_field_quartic, solved
from supersoliton.states.certificate import certify
from supersoliton.states.kinds import Kind

# Bounces of O(n)


def vector(u, p):
    """x/2 - b x^2 + c x^3 with x = |u|^2: along a ray V is that of one field."""
    x = jnp.sum(u**2)
    return 0.5 * x - p["b"] * x**2 + p["c"] * x**3


@functools.cache
def vector_bounce(n, dim):
    return ss.bounce(ss.Potential(vector, tuple("vwxyz"[:n]), {"b": 0.25, "c": 0.03}), [0.0] * n, dim=dim)


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_bounce_of_a_vector_has_one_negative_mode_and_a_zero_mode_for_each_rotation(n, dim):
    c = vector_bounce(n, dim).certificate
    assert (c.kind, c.negative_modes, c.zero_modes) == ("bounce", 1, n - 1)
    assert sum(c.negative_modes_by_sector) == 1
    assert c.certified, c.reasons
    assert not c.unstable
    assert c.modes_in_words == {1: "1 negative", 2: "1 negative, 1 zero mode", 4: "1 negative, 3 zero modes"}[n]


@pytest.mark.parametrize(("dim", "action"), [(3, 2933.6591446), (4, 294129.1596)])
@pytest.mark.parametrize("n", [2, 4])
def test_newtons_method_converges_to_rounding_where_the_second_variation_is_singular(n, dim, action):
    """The action is that of one field, by shooting; the residual used to stall at 1e-7."""
    state = vector_bounce(n, dim)
    assert state.action == pytest.approx(action, rel=1e-9)
    assert state.certificate.residual < 1e-12
    assert state.certificate.radius < 1e-11


def hidden(u, p):
    """Two complex fields, coupled by a phase-invariant term, in coordinates that hide the symmetry."""
    mix = scipy.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
    w = jnp.asarray(mix) @ u
    x, y = jnp.sum(w[:2] ** 2), jnp.sum(w[2:] ** 2)
    return 0.5 * x - 0.25 * x**2 + 0.03 * x**3 + 0.65 * y + 0.2 * y**2 - 0.6 * (w[0] * w[2] + w[1] * w[3])


def test_a_symmetry_nobody_named():
    """One U(1) rotates both fields at once: one zero mode among four fields."""
    c = ss.bounce(ss.Potential(hidden, tuple("abcd")), [0.0] * 4).certificate
    assert (c.kind, c.negative_modes, c.zero_modes) == ("bounce", 1, 1)
    assert c.certified, c.reasons


def sextic(u, p):
    x = jnp.sum(u**2)
    return 0.5 * x - x**2 + 0.5 * x**3


@pytest.mark.parametrize(("setting", "negative"), [({"norm": 100.0}, 0), ({"omega": 0.5}, 1)])
def test_q_balls_of_several_flavours_are_not_refused(setting, negative):
    state = ss.solve(ss.Problem(ss.Potential(sextic, ("x", "y", "z")), **setting))
    c = state.certificate
    assert (c.kind, c.negative_modes, c.zero_modes) == ("q-ball", negative, 2)
    assert c.certified, c.reasons


# Sectors


def mstb(u, p):
    """1/2 (f^2 + c^2 - 1)^2 + k^2 c^2/2 of Montonen, Sarker, Trullinger and Bishop."""
    return 0.5 * (u[0] ** 2 + u[1] ** 2 - 1.0) ** 2 + 0.5 * p["k2"] * u[1] ** 2


LINE = ss.RadialGrid(dim=1, edges=(0.0, 0.8, 1.7, 2.8, 4.0, 5.5, 7.5, 10.5, 16.0))


@pytest.mark.parametrize("k2", [0.25, 0.81, 1.21, 3.0])
def test_the_straight_kink_is_unstable_to_the_other_field(k2):
    """TK1 = (tanh x, 0): the lowest mode of the second field is sech x, with k^2 - 1."""
    problem = ss.Problem(ss.Potential(mstb, ("f", "c"), {"k2": k2}), LINE, boundary=[1.0, 0.0], parity="odd")
    state = ss.solve(problem, lambda x: np.stack([np.tanh(x), 0 * x], 1))
    c = state.certificate
    assert (c.kind, c.negative_modes) == ("kink", 0)
    assert c.negative_modes_by_sector == (0, int(k2 < 1.0))
    assert c.certified == (k2 > 1.0)
    assert ss.spectrum(state, 1, 1).eigenvalues[0] == pytest.approx(min(k2 - 1.0, 0.0), abs=1e-8)
    if k2 < 1.0:
        assert c.reasons == ("unstable: 1 negative mode of even parity",)
        assert c.unstable


def test_the_bent_kink_is_stable():
    """TK2 = (tanh kx, sqrt(1 - k^2) sech kx) solves the equations; E = 2k(1 - k^2/3)."""
    k = 0.8
    problem = ss.Problem(
        ss.Potential(mstb, ("f", "c"), {"k2": k**2}), LINE, boundary=[1.0, 0.0], parity=("odd", "even")
    )
    state = ss.solve(problem, lambda x: np.stack([np.tanh(k * x), 0.6 / np.cosh(k * x)], 1))
    assert state.energy == pytest.approx(2.0 * k * (1.0 - k**2 / 3.0), rel=1e-8)
    c = state.certificate
    assert (c.kind, c.negative_modes_by_sector) == ("kink", (0, 0))
    assert c.certified, c.reasons


def two_wells(u, p, r):
    """An attractive gas between two wells at r = +-2 on a line."""
    return 0.5 * p["depth"] * (1.0 - (r / 2.0) ** 2) ** 2 * u[0] ** 2 - 0.25 * p["g"] * u[0] ** 4


@pytest.mark.parametrize(("g", "odd"), [(0.01, 0), (3.0, 1)])
def test_an_attractive_gas_between_two_wells_falls_into_one_of_them(g, odd):
    """The even state is a minimum among even states, and unstable of odd parity once the attraction is strong."""
    grid = ss.RadialGrid(5.0, 8, 12, dim=1)
    state = ss.solve(ss.Problem(ss.Potential(two_wells, params={"depth": 4.0, "g": g}), grid, norm=1.0))
    c = state.certificate
    lowest = ss.spectrum(state, 1, 1).eigenvalues[0]
    assert (c.kind, c.negative_modes_by_sector) == ("trapped", (0, odd))
    assert (lowest < 0.0) == bool(odd)
    assert c.certified == (not odd)
    assert not odd or c.reasons == ("unstable: 1 negative mode of odd parity",)


def ring(u, p, r):
    """An attractive gas in a ring of radius 3."""
    return 0.5 * (r - 3.0) ** 2 * u[0] ** 2 - 0.25 * p["g"] * u[0] ** 4


@pytest.mark.parametrize("g", [0.1, 3.0, 12.0])
def test_an_attractive_gas_in_a_ring_gathers_on_one_side(g):
    """The counts at l = 0, 1, 2 are those of dense matrices, assembled independently."""
    grid = ss.RadialGrid(8.0, 8, 10, dim=2)
    state = ss.solve(
        ss.Problem(ss.Potential(ring, params={"g": g}), grid, norm=1.0), lambda r: np.exp(-((r - 3.0) ** 2))
    )
    c = state.certificate
    matrix, mass, _ = dense_second_variation(state.problem, state.u, state.multiplier)
    barrier = grid.assemble(grid.element_matrices(1.0 / grid.quadrature_points**2, of="mass"))[1:-1, 1:-1]
    expected = []
    for ell in (1, 2):
        values = scipy.linalg.eigh(matrix[1:, 1:] + ell**2 * barrier, mass[1:, 1:], eigvals_only=True)
        expected.append(int(np.sum(values < 0.0)))
    assert c.negative_modes_by_sector == (0, *expected)
    assert c.certified == (not any(expected)), c.reasons
    if any(expected):
        assert c.reasons[0].startswith("unstable: 1 negative mode at l = 1")


# Kinds


def beside(u, p):
    """The one-field bounce beside a field whose mass^2 is negative inside it."""
    return one_field_quartic(u, p) + 0.5 * (1.0 - p["g"] * u[0]) * u[1] ** 2 + u[1] ** 4


@pytest.mark.parametrize(("g", "kind"), [(0.05, "bounce"), (2.0, "excited")])
def test_a_second_negative_mode_is_no_bounce(g, kind):
    """Without radial nodes; the operator of the second field is -lap + 1 - g u."""
    one = ss.bounce(ss.Potential(one_field_quartic), [0.0])
    grid = ss.RadialGrid(order=12, edges=tuple(one.grid.element_edges))
    problem = ss.Problem(ss.Potential(beside, ("u", "x"), {"g": g}), grid, boundary="decaying")
    state = ss.solve(problem, lambda r: np.stack([one(r)[:, 0], 0 * r], 1))
    c = state.certificate
    mass = grid.mass
    well = grid.assemble(grid.element_matrices(1.0 - g * grid.at_quadrature(state.u)[..., 0], of="mass"))
    values = scipy.linalg.eigh((grid.stiffness + well)[:-1, :-1], mass[:-1, :-1], eigvals_only=True)
    assert c.negative_modes == 1 + int(np.sum(values < 0.0))
    assert (c.kind, c.negative_modes > 1) == (kind, kind == "excited")


def test_a_state_of_another_kind_than_wanted_is_not_certified():
    problem = ss.Problem(ss.Potential(cubic_nls), ss.RadialGrid(20.0, 8, 12))
    vacuum = ss.solve(problem, ss.Gaussian(0.1, 3.0))
    assert vacuum.certificate.certified
    asked = certify(problem, vacuum.solution, wanted=Kind.BOUNCE)
    assert asked.reasons == ("this is a vacuum, not a bounce",)
    bounce = solved("cubic NLS d=3 n=0")
    assert certify(bounce.problem, bounce.solution, wanted=Kind.BOUNCE).certified


def test_homogeneous_states_are_told_from_small_solitons_in_a_large_box():
    """The bounce of the cubic equation fills a millionth of this ball."""
    edges = (*solved("cubic NLS d=3 n=0").grid.element_edges, 60.0, 200.0, 600.0)
    problem = ss.Problem(ss.Potential(cubic_nls), ss.RadialGrid(order=12, edges=edges))
    state = ss.solve(problem, solved("cubic NLS d=3 n=0"))
    assert state.certificate.kind == "bounce"
    assert state.certificate.certified, state.certificate.reasons
