"""J_B and J_F against integrals over k, sums of Bessel functions and each other; potentials of one loop."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import kn, yv

import supersoliton as ss
from supersoliton.transitions import thermal

KINDS = {"boson": (thermal.J_boson, 1.0), "fermion": (thermal.J_fermion, -1.0)}
kinds = pytest.mark.parametrize("kind", KINDS)


def integral(x, sign, rate=0):
    """J, or its first derivative, over k by the double exponential rule between the points of singular logarithms."""
    a = np.sqrt(max(-x, 0.0))
    singular = [2.0 * np.pi * (n if sign > 0 else n + 0.5) for n in range(int(a) + 1)]
    ends = sorted({0.0, a, *(np.sqrt(a * a - w * w) for w in singular if w < a)})
    ends += [ends[-1] + step for step in (1.0, 4.0, 12.0, 60.0)]
    t = np.linspace(-3.6, 3.6, 241)
    side = 0.5 * np.pi * np.sinh(t)
    share, weight = 1.0 / (1.0 + np.exp(-2.0 * side)), 0.25 * np.pi * np.cosh(t) / np.cosh(side) ** 2 * (t[1] - t[0])
    total = 0.0
    for low, high in itertools.pairwise(ends):
        k = low + (high - low) * share
        square = k * k + x
        e, q = np.sqrt(np.maximum(square, 1e-300)), np.sqrt(np.maximum(-square, 1e-300))
        turning = 0.5 * np.log(np.maximum((1.0 - sign * np.cos(q)) ** 2 + np.sin(q) ** 2, 1e-300))
        inside = 0.5 * k * k / e / np.expm1(e) if rate and sign > 0 else 0.5 * k * k / e / (np.exp(e) + 1.0)
        if not rate:
            inside = (
                sign
                * k
                * k
                * np.where(square > 0.0, np.log(-np.expm1(-e)) if sign > 0 else np.log1p(np.exp(-e)), turning)
            )
        total += (high - low) * np.sum(weight * inside)
    return total


@kinds
@pytest.mark.parametrize("x", [-60.0, -39.4, -5.0, -0.3, -1e-3, 0.0, 1e-6, 0.01, 0.5, 0.999999, 1.000001, 2.0, 10.0])
def test_they_are_the_integrals(kind, x):
    function, sign = KINDS[kind]
    assert float(function(x)) == pytest.approx(integral(x, sign), abs=3e-12)


@kinds
@pytest.mark.parametrize("x", [30.0, 900.0, 1e5])
def test_they_are_sums_of_bessel_functions_to_their_own_size(kind, x):
    """-x sum K_2(n sqrt x)/n^2, which is 1e-137 at x = 1e5."""
    function, sign = KINDS[kind]
    n = np.arange(1, 60)
    expected = -x * np.sum(sign ** (n + 1.0) * kn(2, n * np.sqrt(x)) / n**2)
    assert float(function(x)) == pytest.approx(expected, rel=1e-12, abs=0.0)


@kinds
@pytest.mark.parametrize("x", [-399.999, -400.001, -2000.0, -1e4])
def test_far_below_zero_they_are_sums_of_oscillating_ones(kind, x):
    function, sign = KINDS[kind]
    a, n = np.sqrt(-x), np.arange(1.0, 400_000.0)
    sums = np.cumsum(sign ** (n + 1.0) * yv(2, n * a) / n**2)
    expected = 0.5 * np.pi * a**2 * sums[-1000:].mean()
    assert float(function(x)) == pytest.approx(expected, abs=1e-8 * a**1.5)


@kinds
def test_at_zero_they_are_known(kind):
    function, sign = KINDS[kind]
    assert float(function(0.0)) == pytest.approx(-(np.pi**4) / 45 * (1.0 if sign > 0 else 7.0 / 8.0), rel=1e-15)
    assert float(jax.grad(function)(0.0)) == pytest.approx(np.pi**2 / (12.0 if sign > 0 else 24.0), rel=1e-14)


def test_the_two_are_related():
    """ln(1 - e^-2E) = ln(1 - e^-E) + ln(1 + e^-E), in J and its first two derivatives, across the regions."""
    x = jnp.array([-2e4, -700.0, -399.9, -50.0, -0.2, 0.3, 1.0, 3.0, 80.0])
    boson, fermion = thermal.J_boson, thermal.J_fermion
    for order in range(3):
        near, far = jax.vmap(boson)(x), 4.0**order / 8.0 * jax.vmap(boson)(4.0 * x)
        missed = jnp.abs(jax.vmap(fermion)(x) - (near - far))
        assert float(jnp.max(missed / (1.0 + jnp.abs(near) + jnp.abs(far)))) <= 2e-12
        boson, fermion = jax.grad(boson), jax.grad(fermion)


@kinds
def test_first_derivatives_are_the_integrals(kind):
    function, sign = KINDS[kind]
    x = np.array([0.2, 0.99, 1.01, 7.0, 40.0])
    assert jax.vmap(jax.grad(function))(x) == pytest.approx([integral(one, sign, rate=1) for one in x], rel=2e-12)


@kinds
def test_the_regions_meet(kind):
    function = KINDS[kind][0]
    for _ in range(3):
        for edge in (-400.0, 1.0):
            below, above = jax.vmap(function)(edge * jnp.array([1.0 - 1e-13, 1.0 + 1e-13]))
            assert float(below) == pytest.approx(float(above), rel=3e-11)
        function = jax.grad(function)


def test_arrays_of_any_shape_and_second_derivatives_are_finite():
    x = jnp.array([[-1e6, -500.0, -1.0], [0.0, 0.5, 1e6]])
    for function, _ in KINDS.values():
        assert function(x).shape == (2, 3)
        second = jax.vmap(jax.vmap(jax.grad(jax.grad(function))))(x)
        assert np.all(np.isfinite(np.asarray(second)))


TOP = thermal.Species(lambda u, p: 0.5 * u[0] ** 2, 12, fermion=True)
SCALARS = thermal.Species(
    lambda u, p: jnp.stack([3.0 * u[0] ** 2 - 1.0, u[0] ** 2 + 0.5]), [1, 3], thermal_mass=lambda u, p: jnp.full(2, 0.3)
)


def tree(u, p):
    return 0.25 * (u[0] ** 2 - 1.0) ** 2


def test_a_potential_is_the_sum_of_its_parts():
    v = thermal.one_loop(tree, [TOP, SCALARS], scale=2.0)
    u, t = jnp.array([1.3]), 0.7
    masses, freedom = np.array([0.5 * 1.69, 3 * 1.69 - 1, 1.69 + 0.5]), np.array([12, 1, 3])
    cold = np.array([-1.0, 1.0, 1.0]) * masses**2 * (np.log(masses / 4.0) - 1.5) / (64 * np.pi**2)
    warm = np.array([integral(m / t**2, -1.0 if i == 0 else 1.0) for i, m in enumerate(masses)]) * t**4 / (2 * np.pi**2)
    assert float(v(u, {"T": t})) == pytest.approx(float(tree(u, {})) + freedom @ (cold + warm), rel=1e-12)
    assert float(v(u, {"T": 0.0})) == pytest.approx(float(tree(u, {})) + freedom @ cold, rel=1e-14)
    assert np.isfinite(float(jax.grad(lambda t: v(u, {"T": t}))(0.0)))


def test_the_vacuum_stays_where_it_is():
    v = thermal.one_loop(tree, [TOP], vacuum=[1.0])
    cold = {"T": 0.0}
    slope, curvature = jax.grad(lambda x: v(x, cold)), jax.hessian(lambda x: v(x, cold))
    assert float(slope(jnp.array([1.0]))[0]) == pytest.approx(0.0, abs=1e-15)
    assert float(curvature(jnp.array([1.0]))[0, 0]) == pytest.approx(2.0, rel=1e-14)


def test_resummation_differs_at_two_loops_only():
    """In ms-bar at high T both add the ring term; they differ from each other by less than it."""
    u, p = jnp.array([0.4]), {"T": 5.0}
    plain, rings, everywhere = (
        float(thermal.one_loop(tree, [SCALARS], scale=2.0, resummation=how)(u, p))
        for how in (None, "arnold-espinosa", "parwani")
    )
    bare = np.array([3 * 0.16 - 1.0, 0.16 + 0.5])
    ring = -5.0 / (12 * np.pi) * np.array([1, 3]) @ ((bare + 7.5) ** 1.5 - np.maximum(bare, 0) ** 1.5)
    assert rings - plain == pytest.approx(ring, rel=1e-12)
    field = jax.grad(lambda u: thermal.one_loop(tree, [SCALARS], scale=2.0, resummation="parwani")(u, p))
    assert np.isfinite(float(field(u)[0]))
    assert everywhere != pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize(
    ("options", "word"),
    [({}, "scale"), ({"scale": 1.0, "vacuum": [1.0]}, "one of them"), ({"scale": -2.0}, "-2"),
     ({"scale": 1.0, "resummation": "daisy"}, "daisy")],
)  # fmt: skip
def test_mistakes_are_said(options, word):
    with pytest.raises(ValueError, match=word):
        thermal.one_loop(tree, [TOP], **options)


def test_species_are_checked():
    with pytest.raises(ValueError, match="freedom must be positive"):
        thermal.Species(lambda u, p: u[0], -12)
    with pytest.raises(ValueError, match="mass_squared must be a function"):
        thermal.Species(3.0, 1)


def test_vacua_of_it_are_found_at_any_temperature():
    for temperature, symmetric in ((0.0, False), (0.6, False), (3.0, True)):
        model = ss.Potential(thermal.one_loop(tree, [TOP], vacuum=[1.0]), params={"T": temperature})
        (lowest, *_) = ss.vacua(model)
        assert bool(abs(lowest.values[0]) < 1e-9) is symmetric


def test_minima_where_a_mass_is_imaginary_are_marked():
    """The scalar of V_0 = (u^2 - 1)^2/4 has m^2 = 3 u^2 - 1: negative exactly where |u| < 1/sqrt 3."""
    scalar = thermal.Species(lambda u, p: 3.0 * u[0] ** 2 - 1.0, 1)
    model = ss.Potential(thermal.one_loop(tree, [scalar, TOP], scale=2.0), params={"T": 0.5})
    found = ss.phases(model, start=0.1, stop=3.0, n_searches=3, n_starts=8)
    for phase in found:
        assert np.array_equal(phase.spurious, np.abs(phase.values[:, 0]) < 1.0 / np.sqrt(3.0))
    assert any(phase.spurious.any() for phase in found)
    assert "m² < 0 in the loop from" in repr(found)
    plain = ss.phases(ss.Potential(tree, params={"T": 0.5}), start=0.1, stop=3.0, n_searches=2, n_starts=8)
    assert not any(phase.spurious.any() for phase in plain)
