"""Accepted and refused arguments, and the vacuum that a problem chooses."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import kve

import supersoliton as ss
from problems import QUICKSTART_GRID, cubic_nls, double_well, logarithmic, octave_model, one_field_quartic
from supersoliton.problem.exterior import decay_rate

GRID = ss.RadialGrid(15.0, 8, 12)
LINE = ss.RadialGrid(15.0, 8, 12, dim=1)
MODEL = ss.Potential(cubic_nls)

BAD = [
    ({"model": 3}, "problem.model"),
    ({"model": None}, "problem.model"),
    ({"grid": 3}, "problem.grid"),
    ({"dim": 2}, "problem.dim"),
    ({"dim": "x"}, "problem.dim"),
    ({"grid": None, "dim": 0}, "problem.dim"),
    ({"grid": None, "dim": math.nan}, "problem.dim"),
    ({"grid": None, "dim": "x"}, "problem.dim"),
    *(({"norm": value}, "problem.norm") for value in (0, -1.0, math.nan, math.inf, "5", True)),
    *(({"omega": value}, "problem.omega") for value in (math.nan, math.inf, "5", True)),
    ({"norm": 1.0, "omega": 1.0}, "problem.norm and problem.omega exclude each other"),
    ({"norm_of": ()}, "problem.norm_of"),
    ({"norm_of": "v"}, "problem.norm_of"),
    ({"norm_of": ("u", "v")}, "problem.norm_of"),
    ({"norm_of": 3}, "problem.norm_of"),
    ({"parity": "odd"}, "problem.parity"),
    ({"parity": "neither"}, "problem.parity"),
    ({"parity": None}, "problem.parity"),
    *(
        ({"boundary": value}, "problem.boundary")
        for value in ("walls", 3, None, [0.0, 0.0], [[0.0]], [math.nan], ["a"])
    ),
    ({"boundary": [0.3]}, r"is not a stationary point of V"),
    ({"boundary": "decaying", "norm": 1.0}, "problem.boundary"),
]


@pytest.mark.parametrize(("arguments", "words"), BAD)
def test_bad_input_is_one_plain_sentence(arguments, words):
    with pytest.raises(ValueError, match=words) as error:
        ss.Problem(**{"model": MODEL, "grid": GRID, **arguments})
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 400
    assert any(mark in message for mark in (":", ";"))  # what ... : remedy


def test_a_field_that_carries_the_norm_must_vanish_at_infinity():
    problem = ss.Problem(ss.Potential(lambda u, p: u[0] + u[0] ** 2), GRID, norm=1.0)
    with pytest.raises(ValueError, match="must vanish at infinity, but V has slope 1 there"):
        _ = problem.vacuum


@pytest.mark.parametrize("function", [lambda u, p: u[0], lambda u, p: jnp.nan * u[0]], ids=["linear", "NaN"])
def test_a_missing_vacuum_is_an_error(function):
    with pytest.raises(ValueError, match="has no minimum"):
        _ = ss.Problem(ss.Potential(function), GRID).vacuum


def test_the_origin_is_the_vacuum_if_it_is_a_minimum_even_a_false_one():
    model = ss.Potential(one_field_quartic)
    assert ss.vacua(model)[0].values[0] == pytest.approx(5.0, abs=1.1)  # the true vacuum is elsewhere
    assert ss.Problem(model, GRID).vacuum.values.tolist() == [0.0]
    assert ss.Problem(ss.Potential(double_well), GRID).vacuum.values.tolist() == [1.0]


def test_the_vacuum_of_a_q_ball_has_no_octaves_and_the_higgs_at_its_minimum():
    problem = ss.Problem(octave_model(0.6), QUICKSTART_GRID, norm=600.0)
    assert problem.vacuum.values == pytest.approx([0.0] * 12 + [math.sqrt(2.0)], abs=1e-12)
    condensed = ss.Problem(ss.OctaveHiggs(), QUICKSTART_GRID)
    assert np.max(np.abs(condensed.vacuum.values[:12])) > 1.0
    assert np.all(ss.Problem(ss.OctaveHiggs(), QUICKSTART_GRID, norm=600.0).vacuum.values[:12] == 0.0)


def test_given_values_are_the_vacuum():
    problem = ss.Problem(ss.Potential(double_well), LINE, boundary=[-1.0])
    assert problem.vacuum.values.tolist() == [-1.0]
    assert problem.boundary == (-1.0,)


def test_masks_of_values_held_fixed():
    held = ss.Problem(octave_model(0.6), QUICKSTART_GRID, norm=600.0).free_nodes
    assert held.shape == (97, 13)
    assert np.all(held[:-1] == 1.0)
    assert np.all(held[-1] == 0.0)
    for boundary in ("free", "decaying"):
        assert np.all(ss.Problem(MODEL, GRID, boundary=boundary).free_nodes == 1.0)
    odd = ss.Problem(ss.Potential(double_well), LINE, boundary=[1.0], parity="odd").free_nodes
    assert (odd[0, 0], odd[1, 0], odd[-1, 0]) == (0.0, 1.0, 0.0)


def test_norm_of_names_the_fields_that_carry_the_norm():
    model = octave_model(0.6)
    assert ss.Problem(model, GRID, norm=1.0).carries_norm.tolist() == [1.0] * 12 + [0.0]
    assert np.flatnonzero(ss.Problem(model, GRID, norm=1.0, norm_of="psi_3").carries_norm).tolist() == [3]
    chosen = ss.Problem(model, GRID, norm=1.0, norm_of=["psi_3", "phi"])
    assert np.flatnonzero(chosen.carries_norm).tolist() == [3, 12]
    u = np.ones((GRID.n_nodes, 13))
    assert chosen.norm_of_state(u) == pytest.approx(2 * 4 / 3 * math.pi * 15.0**3, rel=1e-12)


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 2.5])
@pytest.mark.parametrize("mass_squared", [0.3, 4.0])
def test_decay_rate_is_that_of_the_bessel_function(dim, mass_squared):
    """-u'/u of r^-nu K_nu(m r) by finite differences."""
    nu, m, r, h = dim / 2 - 1, math.sqrt(mass_squared), 3.0, 1e-5

    def log_u(x):
        return -nu * math.log(x) + math.log(kve(nu, m * x)) - m * x

    measured = -(log_u(r + h) - log_u(r - h)) / (2 * h)
    assert decay_rate(dim, mass_squared, r) == pytest.approx(measured, rel=1e-8)


def test_massless_fields_decay_as_the_coulomb_potential():
    assert [decay_rate(dim, 0.0, 4.0) for dim in (1, 2, 3, 4)] == pytest.approx([0.0, 0.0, 0.25, 0.5])
    assert decay_rate(3, 1e-12, 4.0) == pytest.approx(0.25, rel=1e-4)


def test_exterior_energy_is_that_of_the_decaying_solution():
    """1/2 X (u - v)^2 = the energy of v + a exp(-m r)/r outside the sphere, for a field with a kinetic factor."""
    model = ss.Potential(lambda u, p: 0.5 * 3.0 * (u[0] - 1.0) ** 2, kinetic=(2.0,))
    problem = ss.Problem(model, ss.RadialGrid(2.0, 8, 12), boundary="decaying")
    m = math.sqrt(1.5)

    def density(r):
        tail = np.exp(-m * (r - 2.0)) * 2.0 / r
        slope = -tail * (m + 1.0 / r)
        return 4 * math.pi * r**2 * (0.5 * 2.0 * slope**2 + 0.5 * 3.0 * tail**2)

    outside = quad(density, 2.0, math.inf)[0]
    assert 0.5 * problem.exterior()[0, 0] == pytest.approx(outside, rel=1e-9)


def test_a_rotating_field_decays_with_what_its_frequency_leaves_of_the_mass():
    """On a line u'' = (V'' - omega^2) u / k, so that X = 2 k sqrt((V'' - omega^2) / k)."""
    model = ss.Potential(lambda u, p: 0.5 * 3.0 * u[0] ** 2, kinetic=(2.0,))
    problem = ss.Problem(model, ss.RadialGrid(2.0, 8, 12, dim=1), omega=1.3, boundary="decaying")
    assert problem.exterior()[0, 0] == pytest.approx(2.0 * math.sqrt(2.0 * (3.0 - 1.3**2)), rel=1e-12)


def test_replace_takes_arguments_and_couplings():
    problem = ss.Problem(octave_model(0.6), QUICKSTART_GRID, norm=600.0)
    other = problem.replace(norm=700.0, g=0.9)
    assert (other.norm, other.model.g) == (700.0, 0.9)
    assert (problem.norm, problem.model.g) == (600.0, 0.6)
    with pytest.raises(ValueError, match="no coupling 'nonsense'"):
        problem.replace(nonsense=1.0)
    known = problem.vacuum
    assert problem.with_grid(GRID).grid is GRID
    assert problem.with_grid(GRID).vacuum is known  # not searched again


def test_a_singular_mass_at_the_vacuum_is_finite():
    """The logarithmic potential has an infinite mass at u = 0; it is evaluated next to it."""
    problem = ss.Problem(ss.Potential(logarithmic, params={"m": 1.0, "w": 1.0}), GRID)
    assert problem.vacuum.values.tolist() == [0.0]
    assert 100.0 < problem.vacuum.masses_squared[0] < math.inf


@pytest.mark.parametrize(("order", "divisor", "expected"), [(12, 2, 6), (12, 3, 4), (9, 3, 4), (3, 2, 3)])
def test_a_coarser_mesh_has_the_same_elements_of_lower_order(order, divisor, expected):
    problem = ss.Problem(MODEL, ss.RadialGrid(15.0, 8, order), omega=0.3)
    coarse = problem.coarser(divisor)
    assert coarse.grid.order == expected
    assert np.array_equal(coarse.grid.element_edges, problem.grid.element_edges)
    assert coarse.omega == problem.omega
