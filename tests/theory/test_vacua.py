"""Homogeneous states against closed forms and against polynomial roots."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import supersoliton as ss
from problems import double_well, octave_model
from supersoliton.theory.vacua import vacuum_at


def quartic(u, p):
    return p["a"] * u[0] + p["b"] * u[0] ** 2 + p["c"] * u[0] ** 3 + u[0] ** 4


def test_higgs_potential_has_two_vacua_at_the_closed_form_values():
    """V = mu^2/2 u^2 + l/4 u^4: u = +-sqrt(-mu^2/l), V = -mu^4/(4 l), m^2 = -2 mu^2; the positive one first."""
    model = ss.Potential(
        lambda u, p: 0.5 * p["mu2"] * u[0] ** 2 + 0.25 * p["l"] * u[0] ** 4, params={"mu2": -1.3, "l": 0.7}
    )
    found = ss.vacua(model)
    assert [float(v.values[0]) for v in found] == pytest.approx([np.sqrt(1.3 / 0.7), -np.sqrt(1.3 / 0.7)], rel=1e-12)
    assert [v.energy_density for v in found] == pytest.approx([-(1.3**2) / 2.8] * 2, rel=1e-12)
    assert [v.masses_squared[0] for v in found] == pytest.approx([2.6, 2.6], rel=1e-12)
    assert all(v.stable for v in found)


@settings(max_examples=40, deadline=None)
@given(st.floats(-2, 2), st.floats(-3, 3), st.floats(-2, 2))
def test_all_minima_of_a_quartic_are_found(a, b, c):
    """Against the roots of the derivative by NumPy's companion matrix."""
    polynomial = np.polynomial.Polynomial([0.0, a, b, c, 1.0])
    roots = polynomial.deriv().roots()
    real = np.sort(roots[np.abs(roots.imag) < 1e-9].real)
    curvature = polynomial.deriv(2)(real)
    if np.min(np.abs(curvature)) < 1e-2 or (len(real) > 1 and np.min(np.diff(real)) < 1e-2):
        return  # a degenerate point, known to few digits only
    minima = real[curvature > 0]
    found = ss.vacua(ss.Potential(quartic, params={"a": a, "b": b, "c": c}))
    assert sorted(float(v.values[0]) for v in found) == pytest.approx(list(minima), abs=1e-9)
    energies = [v.energy_density for v in found]
    ranks = [round(e, 9) for e in energies]  # nearer ones are ties, ordered by the fields
    assert ranks == sorted(ranks)
    assert energies == pytest.approx(sorted(polynomial(minima)), abs=1e-9)


def test_every_vacuum_of_two_coupled_wells_is_found():
    """Four minima near (+-1, +-1), split in energy by the coupling, in order."""
    model = ss.Potential(lambda u, p: jnp.sum((u**2 - 1) ** 2) + 0.1 * u[0] * u[1], ("a", "b"))
    found = ss.vacua(model)
    assert len(found) == 4
    assert [np.sign(v.values[0] * v.values[1]) for v in found] == [-1, -1, 1, 1]
    for v in found:  # 4 u^3 - 4 u + 0.1 s u = 0: u^2 = 1 - 0.025 s
        sign = np.sign(v.values[0] * v.values[1])
        assert v.values**2 == pytest.approx(1 - 0.025 * sign, rel=1e-12)


def test_masses_contain_the_kinetic_factors():
    """k^-1/2 V'' k^-1/2: eigenvalues of a 2 x 2 matrix by hand."""
    model = ss.Potential(lambda u, p: u[0] ** 2 + 3 * u[1] ** 2 + u[0] * u[1], ("a", "b"), kinetic=(4.0, 1.0))
    (found,) = ss.vacua(model)
    matrix = np.array([[2.0 / 4.0, 1.0 / 2.0], [1.0 / 2.0, 6.0]])
    assert found.masses_squared == pytest.approx(np.linalg.eigvalsh(matrix), rel=1e-12)
    assert found.masses == pytest.approx(np.sqrt(np.linalg.eigvalsh(matrix)), rel=1e-12)


def test_vacuum_of_the_octave_tower():
    """Psi = 0, Phi = sqrt(-mu^2/lambda_H); masses from the matrix written out by hand."""
    model = octave_model(0.6)
    lowest = ss.vacua(model)[0]
    assert lowest.values == pytest.approx([0.0] * 12 + [np.sqrt(2.0)], abs=1e-12)
    assert lowest.energy_density == pytest.approx(-0.5, rel=1e-12)
    octaves = (0.5 + 2 * 0.1 * 2.0) * np.eye(12)
    for o in range(11):
        octaves[o, o + 1] = octaves[o + 1, o] = 0.05 * 2 ** (-0.15 * o)
    for o in range(10):
        octaves[o, o + 2] = octaves[o + 2, o] = 0.01 * 2 ** (-0.15 * o)
    expected = np.sort(np.append(np.linalg.eigvalsh(octaves), 2.0))
    assert lowest.masses_squared == pytest.approx(expected, rel=1e-12)


def test_default_couplings_condense_the_octaves():
    """lambda_1 = 1, lambda_2 = pi, m0^2 = 0.01: the lowest state has Psi != 0, below every state with Psi = 0."""
    model = ss.OctaveHiggs()
    lowest = ss.vacua(model)[0]
    assert np.max(np.abs(lowest.values[:-1])) > 1.0
    assert lowest.stable
    assert lowest.energy_density < -0.5
    assert np.sum(np.diff(np.sign(lowest.values[:12])) != 0) >= 4  # signs alternate in pairs


def test_octaves_held_at_zero_stay_there():
    model = ss.OctaveHiggs()
    found = ss.vacua(model, held_at_zero=model.constrained)
    assert all(np.all(v.values[:-1] == 0.0) for v in found)
    assert abs(found[0].values[-1]) == pytest.approx(np.sqrt(2.0), rel=1e-12)
    assert not found[0].stable  # as a state of the whole theory
    assert found[0].masses_squared[0] == pytest.approx(-4.41 + 0.01 + 0.4, abs=0.01)
    assert np.isnan(found[0].masses[0])
    assert "unstable" in repr(found[0])


def test_explicit_radius_moves_the_vacuum():
    model = ss.Potential(lambda u, p, r: 0.5 * (u[0] - r) ** 2)
    assert [float(ss.vacua(model, r=r)[0].values[0]) for r in (0.0, 3.0)] == pytest.approx([0.0, 3.0], abs=1e-12)


@pytest.mark.parametrize(
    "function",
    [lambda u, p: u[0], lambda u, p: -(u[0] ** 2) - u[0] ** 4, lambda u, p: jnp.nan * u[0]],
    ids=["linear", "no bottom", "NaN"],
)
def test_potentials_without_a_minimum_have_no_vacuum(function):
    assert ss.vacua(ss.Potential(function)) == []


def test_masses_of_a_stable_vacuum_are_numbers():
    """A massless field whose mass^2 is negative by rounding is stable, so its mass is 0 and not NaN."""
    flat = vacuum_at(ss.Potential(lambda u, p: u[1] ** 2 - 1e-12 * u[0] ** 2, ("a", "b")), [0.0, 0.0])
    assert flat.stable
    assert flat.masses == pytest.approx([0.0, np.sqrt(2.0)], abs=1e-5)


@pytest.mark.parametrize("function", [lambda u, p: -(u[0] ** 4), lambda u, p: u[0] ** 3], ids=["maximum", "inflection"])
def test_a_point_without_curvature_is_no_minimum_for_that(function):
    assert ss.vacua(ss.Potential(function)) == []


def test_the_search_is_reproducible_and_order_is_by_energy():
    model = ss.Potential(double_well)
    first, second = ss.vacua(model, seed=4), ss.vacua(model, seed=4)
    assert [v.values.tolist() for v in first] == [v.values.tolist() for v in second] == [[1.0], [-1.0]]


def test_vacuum_at_accepts_any_point():
    top = vacuum_at(ss.Potential(double_well), [0.0])
    assert (top.energy_density, top.masses_squared.tolist(), top.stable) == (0.5, [-2.0], False)
    assert "V = 0.5" in repr(top)


def wells(u, p):
    return jnp.sum((u**2 - 1) ** 2) + p["k"] * u[0] * u[1] + p["tilt"] * (u[0] + u[1])


def test_a_known_minimum_is_left_out_and_no_other():
    """Four minima near (+-1, +-1); whichever is known already, the three others are found as before."""
    model = ss.Potential(wells, ("a", "b"), {"k": 0.1, "tilt": 0.05})
    everything = ss.vacua(model)
    assert len(everything) == 4
    for known in everything:
        others = [v for v in ss.vacua(model, known=known) if np.max(np.abs(v.values - known.values)) > 1e-6]
        expected = [v for v in everything if v is not known]
        assert [v.values.tolist() for v in others] == [pytest.approx(v.values.tolist(), rel=1e-12) for v in expected]


@pytest.mark.parametrize("size", [1e-3, 1.0, 50.0])
def test_wells_closer_than_the_first_steps_are_distinguished(size):
    """Mirror images at +-size: searches near one of them are not merged with searches near the other."""
    model = ss.Potential(lambda u, p: (u[0] ** 2 - p["s"] ** 2) ** 2 / p["s"] ** 4, params={"s": size})
    assert [float(v.values[0]) for v in ss.vacua(model)] == pytest.approx([size, -size], rel=1e-9)


def test_cached_derivatives_depend_on_couplings_and_radius():
    """The cache key contains the couplings, and r if V depends on it."""
    model = ss.Potential(wells, ("a", "b"), {"k": 0.1, "tilt": 0.0})
    for k in (0.1, 0.3, 0.1):
        assert vacuum_at(model.replace(k=k), [1.0, 1.0]).energy_density == pytest.approx(k, rel=1e-12)
    trap = ss.Potential(lambda u, p, r: 0.5 * r**2 * u[0] ** 2)
    for r in (1.0, 2.0, 1.0):
        assert vacuum_at(trap, [3.0], r).energy_density == pytest.approx(4.5 * r**2, rel=1e-12)
        assert vacuum_at(trap, [3.0], r).masses_squared == pytest.approx([r**2], rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.floats(-16, 19), st.floats(-16, 19))
def test_vacua_scale_with_the_units(log_field, log_mass):
    """V = L^4 v(u/f): two minima at 0 and f, V = 0 and -L^4/10, masses L^2/f times those of v."""
    f, mass = 10.0**log_field, 10.0**log_mass
    model = ss.Potential(
        lambda u, p: p["L"] ** 4 * (0.3 * (u[0] / p["f"]) ** 2 - (u[0] / p["f"]) ** 3 + 0.6 * (u[0] / p["f"]) ** 4),
        params={"f": f, "L": mass},
    )
    deep, shallow = ss.vacua(model)
    assert deep.values == pytest.approx([f], rel=1e-12)
    assert deep.energy_density == pytest.approx(-0.1 * mass**4, rel=1e-12)
    assert deep.masses == pytest.approx([np.sqrt(1.8) * mass**2 / f], rel=1e-12)
    assert shallow.values.tolist() == [0.0]
    assert shallow.masses == pytest.approx([np.sqrt(0.6) * mass**2 / f], rel=1e-12)


def test_minima_at_the_planck_scale_and_at_246():
    """One field: V = 0.1 (u^2 - 246^2)^2 (1 - u^2/M^2)^2 + ...; two fields: products of wells of their own."""
    planck = 1.2e19

    def both(u, p):
        return 0.1 * (u[0] ** 2 - 246.0**2) ** 2 * (1.0 - u[0] ** 2 / planck**2) ** 2

    found = sorted(float(v.values[0]) for v in ss.vacua(ss.Potential(both)))
    assert found == pytest.approx([-planck, -246.0, 246.0, planck], rel=1e-9)

    def apart(u, p):
        return 0.1 * (u[0] ** 2 - 246.0**2) ** 2 + 1e60 * ((u[1] / planck) ** 2 - 1.0) ** 2

    minima = ss.vacua(ss.Potential(apart, ("h", "s")))
    assert {(round(v.values[0]), round(v.values[1] / planck)) for v in minima} == {
        (246, 1),
        (246, -1),
        (-246, 1),
        (-246, -1),
    }
    assert len(minima) == 4
    for v in minima:
        assert np.abs(v.values) == pytest.approx([246.0, planck], rel=1e-9)
        assert v.masses == pytest.approx([np.sqrt(0.8) * 246.0, np.sqrt(8e60) / planck], rel=1e-9)


def test_a_large_constant_hides_no_minimum():
    model = ss.Potential(lambda u, p: 0.1 * (u[0] ** 4 - 8 * u[0] ** 3 + 10 * u[0] ** 2) + 1e12)
    assert [float(v.values[0]) for v in ss.vacua(model)] == pytest.approx([5.0, 0.0], abs=1e-7)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_a_sphere_of_minima_is_listed_once(n):
    (found,) = ss.vacua(ss.Potential(lambda u, p: (jnp.sum(u**2) - 9e4) ** 2, tuple("abcd"[:n])))
    assert np.linalg.norm(found.values) == pytest.approx(300.0, rel=1e-12)
    assert (found.flat, found.closed) == (n - 1, True)
    assert found.masses.tolist() == [0.0] * (n - 1) + [pytest.approx(np.sqrt(8 * 9e4), rel=1e-12)]
    assert ("circle of minima" in repr(found)) == (n == 2)


def test_flat_directions_massless_minima_and_two_circles():
    valley = ss.vacua(ss.Potential(lambda u, p: (u[0] ** 2 - 1) ** 2, ("a", "b")))
    assert [(abs(v.values[0]), v.flat, v.closed) for v in valley] == [(pytest.approx(1.0), 1, False)] * 2
    assert "1 flat direction" in repr(valley[0])
    (massless,) = ss.vacua(ss.Potential(lambda u, p: u[0] ** 4 + u[1] ** 2, ("a", "b")))
    assert (massless.values.tolist(), massless.flat) == ([0.0, 0.0], 0)
    circles = ss.vacua(
        ss.Potential(lambda u, p: (u[0] ** 2 + u[1] ** 2 - 1) ** 2 + 0.1 * (u[2] ** 2 - 1) ** 2, ("a", "b", "c"))
    )
    assert sorted(round(float(v.values[2]), 9) for v in circles) == [-1.0, 1.0]
    assert all(v.closed for v in circles)


def test_v_without_a_lower_bound_is_said():
    assert ss.vacua(ss.Potential(double_well)).unbounded is None
    assert ss.vacua(ss.Potential(lambda u, p: -jnp.exp(-(u[0] ** 2)))).unbounded is None
    assert ss.vacua(ss.Potential(lambda u, p: jnp.log1p(u[0] ** 2))).unbounded is None
    open_below = ss.vacua(ss.Potential(lambda u, p: u[0] ** 2 + u[1] ** 2 - u[0] ** 2 * u[1] ** 2, ("a", "b")))
    assert len(open_below) == 1
    far = 1e3 * open_below.unbounded
    assert np.sum(far**2) - far[0] ** 2 * far[1] ** 2 < -1e9
    assert "no lower bound" in repr(open_below)


def gaussian_wells(u, p):
    away = jnp.sum((u - p["c"]) ** 2, axis=1) / (2.0 * p["w"] ** 2)
    return 0.05 * jnp.sum(u**2) + 0.002 * jnp.sum(u**4) - jnp.sum(p["A"] * jnp.exp(-away))


@pytest.mark.parametrize("seed", range(3))
def test_all_wells_of_two_fields_against_a_fine_grid(seed):
    """Every point of a 400 x 400 grid that lies below its eight neighbours is next to a minimum found."""
    rng = np.random.default_rng(seed)
    couplings = {"c": 2.0 * rng.normal(size=(6, 2)), "A": rng.uniform(0.5, 2, 6), "w": rng.uniform(0.4, 0.9, 6)}
    found = np.array([v.values for v in ss.vacua(ss.Potential(gaussian_wells, ("a", "b"), couplings))])
    side = np.linspace(-7.0, 7.0, 400)
    a, b = np.meshgrid(side, side, indexing="ij")
    distance = (a[..., None] - couplings["c"][:, 0]) ** 2 + (b[..., None] - couplings["c"][:, 1]) ** 2
    wells = np.exp(-distance / (2 * couplings["w"] ** 2)) @ couplings["A"]
    v = 0.05 * (a**2 + b**2) + 0.002 * (a**4 + b**4) - wells
    middle = v[1:-1, 1:-1]
    lower = np.ones(middle.shape, bool)
    for i in range(3):
        for j in range(3):
            if (i, j) != (1, 1):
                lower &= middle < v[i : i + 398, j : j + 398]
    expected = np.stack([side[1:-1][k] for k in np.nonzero(lower)], 1)
    assert len(found) == len(expected)
    for point in expected:
        assert np.min(np.max(np.abs(found - point), axis=1)) < 0.05
