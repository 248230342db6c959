"""Units of a potential against closed forms, and their covariance under changes of units."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import supersoliton as ss
from supersoliton.theory.field_scales import scales_of_potential

# rho = (2 - 4x)/(1 - x) = sqrt(2) for V' = m^2 (t - t x), x = g t/m^2: the distance of a cubic term from a mass.
CUBIC = 2.0 * (2.0 - np.sqrt(2.0)) / (4.0 - np.sqrt(2.0))


def tilted(u, p):
    x = (u[0] - p["v"]) / p["f"]
    return p["L"] ** 4 * (0.5 * x**2 - x**3 / 3.0 + p["c"])


def model_of(**given):
    return ss.Potential(tilted, params={"L": 1.0, "f": 1.0, "v": 0.0, "c": 0.0} | given)


def test_closed_form_for_a_mass_and_a_cubic_term():
    """V = x^2/2 - x^3/3: the field scale where (2 - 4x)/(1 - x) = sqrt 2, the curvature V'(x)/x = 1 - x there."""
    scales = scales_of_potential(model_of())
    assert scales.field == pytest.approx(CUBIC, rel=1e-12)
    assert scales.curvature == pytest.approx(1.0 - 0.5 * CUBIC, rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.floats(-16, 19), st.floats(-16, 19))
def test_fields_and_potential_scale_independently(log_field, log_mass):
    """V = L^4 v(u/f): the field scale is f times, the curvature L^4/f^2 times that of v."""
    f, mass = 10.0**log_field, 10.0**log_mass
    scales = scales_of_potential(model_of(f=f, L=mass))
    assert scales.field == pytest.approx(CUBIC * f, rel=1e-11)
    assert scales.curvature == pytest.approx((1.0 - 0.5 * CUBIC) * mass**4 / f**2, rel=1e-11)


@pytest.mark.parametrize("distance", [1.0, 1e3, 1e6, 1e9])
def test_a_vacuum_far_from_the_origin_has_the_scale_of_its_barrier(distance):
    """The rounding of V' at u = 1e9 is not taken for a scale; u itself is known to 1e-7 of the distance there."""
    scales = scales_of_potential(model_of(v=distance), np.array([distance]))
    assert scales.field == pytest.approx(CUBIC, rel=1e-14 * max(1.0, distance))


@pytest.mark.parametrize("f", [1e-16, 1.0, 1e19])
def test_a_logarithm_at_the_origin_has_one_scale_in_any_unit(f):
    """V = u^2 (1 - ln(u^2/f^2)): its mass grows without end towards 0; rho = 2 - 2 ln 4/(...) leaves 2 at one place."""
    model = ss.Potential(lambda u, p: u[0] ** 2 * (1.0 - jnp.log(u[0] ** 2 / p["f"] ** 2)), params={"f": f})
    # V' = -2u ln(u^2/f^2), rho = 2 (y + ln 4)/y = sqrt 2 for y = ln(t^2/f^2) = -ln 4/(1 - 1/sqrt 2)
    expected = 2.0 * np.exp(-0.5 * np.log(4.0) / (1.0 - np.sqrt(0.5)))
    assert scales_of_potential(model).field == pytest.approx(expected * f, rel=1e-11)


def test_a_large_constant_has_no_effect():
    assert scales_of_potential(model_of(c=1e12)) == scales_of_potential(model_of())


def couplings(u, p):
    a, b, c = u
    return 0.5 * a**2 + 1.5 * b**2 + 4.0 * c**2 - a**3 + a**4 + 0.3 * a * b**2 + 0.1 * b**2 * c**2 + c**4


def test_permutations_and_rotations_of_the_fields():
    plain = scales_of_potential(ss.Potential(couplings, ("a", "b", "c")))
    rng = np.random.default_rng(3)
    for matrix in (np.eye(3)[[2, 0, 1]], np.eye(3)[[1, 0, 2]], np.linalg.qr(rng.normal(size=(3, 3)))[0]):
        turned = ss.Potential(lambda u, p, m=matrix: couplings(jnp.asarray(m) @ u, p), ("a", "b", "c"))
        scales = scales_of_potential(turned)
        assert (scales.field, scales.curvature) == pytest.approx((plain.field, plain.curvature), rel=1e-11)


def test_fields_far_apart_get_a_scale_each():
    """A field of 246 with one of 1e16: V = sum L_i^4 v(u_i/f_i), each scale that of its own term."""
    f = np.array([2.46e2, 1e16])

    def two(u, p):
        x = u / f
        return 1e8 * (0.5 * x[0] ** 2 - x[0] ** 3 / 3.0) + 1e30 * (0.5 * x[1] ** 2 - x[1] ** 3 / 3.0)

    scales = scales_of_potential(ss.Potential(two, ("h", "s")))
    assert scales.fields == pytest.approx(CUBIC * f, rel=1e-11)
    assert scales.field == pytest.approx(CUBIC * f[0], rel=1e-11)
    near = scales_of_potential(ss.Potential(lambda u, p: two(u * jnp.array([1.0, 1e13]), p), ("h", "s")))
    assert near.fields.tolist() == [near.field] * 2


@pytest.mark.parametrize(
    ("name", "function", "low", "high"),
    [
        ("u^2 ln u^2", lambda u, p: 0.5 * u[0] ** 2 * (1.0 - jnp.log(u[0] ** 2 / 1e10)), 1e4, 1e6),
        ("log", lambda u, p: jnp.log1p(1e-8 * u[0] ** 2), 3e3, 3e4),
        ("exp", lambda u, p: jnp.exp(u[0] / 50.0) - u[0] / 50.0, 10.0, 200.0),
        ("tiny mass", lambda u, p: 1e-30 * u[0] ** 2 - u[0] ** 4, 1e-16, 3e-15),
        ("massless", lambda u, p: -(u[0] ** 4) + 1e-6 * u[0] ** 6, 1e2, 3e3),
        ("246 and Planck", lambda u, p: 0.03 * (u[0] ** 2 - 246.0**2) ** 2 + u[0] ** 6 / 1.2e19**2, 50.0, 500.0),
        ("wall", lambda u, p: -jnp.sqrt(1.0 - u[0] / 7.0), 0.7, 14.0),
        ("tilt", lambda u, p: u[0] + 0.5 * u[0] ** 2 - 1e-3 * u[0] ** 3, 30.0, 700.0),
        ("only off the axes", lambda u, p: u[0] ** 2 + u[1] ** 2 - 1e-4 * u[0] ** 2 * u[1] ** 2, 30.0, 300.0),
    ],
)
def test_the_scale_is_that_of_the_first_departure(name, function, low, high):
    """Known by eye from the formula: within a factor of a few of where the next term takes over."""
    fields = ("a", "b")[: 2 if name == "only off the axes" else 1]
    scales = scales_of_potential(ss.Potential(function, fields))
    assert low < scales.field < high


@pytest.mark.parametrize(("power", "curvature"), [(2, 2.0), (4, 4.0)])
def test_a_pure_power_has_no_scale(power, curvature):
    """The point's size, or 1 at the origin; the curvature is V'(1)/1."""
    model = ss.Potential(lambda u, p: u[0] ** power)
    assert scales_of_potential(model).field == 1.0
    assert scales_of_potential(model).curvature == pytest.approx(curvature, rel=1e-14)
