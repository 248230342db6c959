"""Kinks on a line without a guess, compared with closed forms and with the integral of sqrt(2V) along the field."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

import supersoliton as ss

X = np.linspace(-8.0, 8.0, 65)


def montonen(kappa_squared):
    """MSTB: TK1 = (tanh x, 0), and for kappa < 1 TK2 = (tanh kx, sqrt(1 - k^2) sech kx), E = 2k(1 - k^2/3)."""
    return ss.Potential(
        lambda u, p: 0.5 * (u[0] ** 2 + u[1] ** 2 - 1) ** 2 + 0.5 * p["k2"] * u[1] ** 2,
        fields=("f", "c"),
        params={"k2": kappa_squared},
        constrained=("c",),
    )


def bnrt(mu):
    """Bazeia, Nascimento, Ribeiro, Toledo: V from W = f^3/3 - f + mu f c^2; a BPS kink costs |W(right) - W(left)|."""
    return ss.Potential(
        lambda u, p: 0.5 * (u[0] ** 2 - 1 + mu * u[1] ** 2) ** 2 + 0.5 * (2 * mu * u[0] * u[1]) ** 2,
        fields=("f", "c"),
    )


def one(function, **options):
    return ss.Potential(lambda u, p: function(u[0]), **options)


def by_quadrature(function, left, right):
    """The energy of a kink of one field with k = 1."""
    return quad(lambda u: float(jnp.sqrt(2.0 * jnp.maximum(function(u), 0.0))), left, right, epsabs=1e-12, limit=200)[0]


def lopsided(u):
    """Masses 1 and 11 at the two ends."""
    return 0.5 * u**2 * (1 - u) ** 2 * (1 + 10 * u**4) ** 2


def double_sine_gordon(u):
    return 1 - jnp.cos(u) + 0.5 * (1 - jnp.cos(u / 2))


KINKS = {
    "phi^4": (one(lambda u: 0.5 * (1 - u**2) ** 2), (-1.0, 1.0), 4 / 3),
    "phi^4, k = 4": (one(lambda u: 0.5 * (1 - u**2) ** 2, kinetic=(4.0,)), (-1.0, 1.0), 8 / 3),
    "phi^6": (one(lambda u: 0.5 * u**2 * (1 - u**2) ** 2), (0.0, 1.0), 1 / 4),
    "phi^6, backwards": (one(lambda u: 0.5 * u**2 * (1 - u**2) ** 2), (0.0, -1.0), 1 / 4),
    "phi^8, outer": (one(lambda u: 0.5 * (u**2 - 1) ** 2 * (u**2 - 4) ** 2), (1.0, 2.0), 22 / 15),
    "sine-Gordon": (one(lambda u: 1 - jnp.cos(u)), (0.0, 2 * np.pi), 8.0),
    "double sine-Gordon": (
        one(double_sine_gordon),
        (0.0, 4 * np.pi),
        2 * by_quadrature(double_sine_gordon, 0.0, 2 * np.pi),
    ),
    "unlike masses": (one(lopsided), (0.0, 1.0), by_quadrature(lopsided, 0.0, 1.0)),
    "power-law tail 1/x": (one(lambda u: 0.5 * u**4 * (1 - u**2) ** 2), (0.0, 1.0), 2 / 15),
    "power-law tails 1/x": (one(lambda u: 0.5 * (1 - u**2) ** 4), (-1.0, 1.0), 16 / 15),
    "MSTB, TK2": (montonen(0.25), ([-1.0, 0.0], [1.0, 0.0]), 11 / 12),
    "MSTB, TK1": (montonen(1.44), ([-1.0, 0.0], [1.0, 0.0]), 4 / 3),
    "BNRT": (bnrt(0.25), ([-1.0, 0.0], [1.0, 0.0]), 4 / 3),
    "BNRT, half": (bnrt(0.25), ([1.0, 0.0], [0.0, 2.0]), 2 / 3),
}


@functools.cache
def kink(name):
    model, line, _ = KINKS[name]
    return ss.solve(ss.Problem(model, line=line))


@pytest.mark.parametrize("name", KINKS)
def test_the_energy_is_exact(name):
    state, exact = kink(name), KINKS[name][2]
    assert state.energy == pytest.approx(exact, rel=1e-10)
    c = state.certificate
    assert c.certified, c.reasons
    assert abs(state.energy - exact) <= c.energy_error * exact + 1e-14
    assert (c.kind, c.negative_modes) == ("kink", 0)
    assert abs(c.translation_mode) < 1e-9
    for x, end in zip((-1e9, 1e9), state.problem.line, strict=True):
        assert state(x) == pytest.approx(end, abs=1e-12)
    modes = ss.spectrum(state, 4)
    assert len(modes.negative) == 0
    if "tail" not in name:  # a massless continuum begins at the zero mode
        assert len(modes.zero_modes) == (2 if name == "BNRT" else 1)  # E of BNRT's kinks has a modulus


@pytest.mark.parametrize("unit", [1e-12, 1e9])
def test_in_any_unit(unit):
    """Fields and masses in units of M: E = M/4 in d = 1 for V = M^2 u^2 (1 - u^2)^2/2 with fields of order 1."""
    model = ss.Potential(lambda u, p: 0.5 * (p["M"] * u[0]) ** 2 * (1 - u[0] ** 2) ** 2, params={"M": unit})
    state = ss.solve(ss.Problem(model, line=([0.0], [1.0])))
    assert state.energy == pytest.approx(unit / 4, rel=1e-12)
    assert state.certificate.certified
    assert ss.spectrum(state, 3).continuum == pytest.approx([unit**2, 4 * unit**2], rel=1e-9)
    assert state(np.array([-60.0, 60.0]) / unit)[:, 0] == pytest.approx([0.0, 1.0], abs=1e-8)
    small = ss.Potential(
        lambda u, p: 0.5 * u[0] ** 2 * (1 - (u[0] / p["M"]) ** 2) ** 2,
        params={"M": unit},
    )
    assert ss.solve(ss.Problem(small, line=([0.0], [unit]))).energy == pytest.approx(unit**2 / 4, rel=1e-12)


@pytest.mark.parametrize("name", ["phi^6", "phi^4", "unlike masses", "power-law tail 1/x"])
def test_the_first_integral_holds_at_every_point(name):
    """1/2 k u'^2 = V, which fixes the profile of one field up to its position."""
    model, _, _ = KINKS[name]
    state = kink(name)
    x = np.linspace(-3.0, 3.0, 31)
    slope = (state(x + 1e-4) - state(x - 1e-4))[:, 0] / 2e-4
    values = np.array([float(model.function(u, {})) for u in state(x)])
    assert 0.5 * model.kinetic[0] * slope**2 == pytest.approx(values, rel=1e-5, abs=1e-8)


def test_phi_six_is_the_closed_form():
    state = kink("phi^6")
    shifted = state(0.0)[0]  # u = (1 + exp(-2(x - a)))^(-1/2)
    centre = 0.5 * np.log(1 / shifted**2 - 1)
    assert state(X)[:, 0] == pytest.approx((1 + np.exp(-2 * (X - centre))) ** -0.5, abs=1e-7)
    slope = np.gradient(state(np.linspace(-20, 20, 40001))[:, 0])
    assert np.average(np.linspace(-20, 20, 40001), weights=slope**2) == pytest.approx(0.0, abs=1e-4)  # its centre


def test_the_line_agrees_with_the_odd_half_line():
    grid = ss.RadialGrid(r_max=14.0, n_elements=12, dim=1)
    model = KINKS["phi^4"][0]
    half = ss.solve(ss.Problem(model, grid, boundary=[1.0], parity="odd"), np.tanh)
    whole = ss.solve(ss.Problem(model, grid, line=(-1.0, 1.0)))
    assert whole.energy == pytest.approx(half.energy, rel=1e-13)
    assert whole(X) == pytest.approx(half(X), abs=1e-10)
    parities = [ss.spectrum(half, 4, ell).eigenvalues for ell in (0, 1)]
    assert ss.spectrum(whole, 6).eigenvalues == pytest.approx(np.sort(np.concatenate(parities))[:6], abs=1e-9)


def test_both_kinks_of_two_fields():
    """The lower one without a guess, the other from one; TK1's modes are those of two Poschl-Teller wells."""
    lower = kink("MSTB, TK2")
    exact = np.stack([np.tanh(0.5 * X), np.sqrt(0.75) / np.cosh(0.5 * X)], axis=1)
    assert np.abs(lower(X)) == pytest.approx(np.abs(exact), abs=1e-6)
    upper = ss.solve(lower.problem, lambda x: np.stack([np.tanh(x), 0.0 * x], axis=1))
    assert upper.energy == pytest.approx(4 / 3, rel=1e-9)
    assert "unstable: 1 negative mode" in "; ".join(upper.certificate.reasons)
    modes = ss.spectrum(upper, 4)
    assert modes.negative == pytest.approx([0.25 - 1.0], abs=1e-8)
    assert modes.zero_modes == pytest.approx([0.0], abs=1e-8)
    assert modes.continuum == pytest.approx([0.25, 0.25, 4.0, 4.0])
    found = ss.find_states(ss.Problem(montonen(0.25), line=KINKS["MSTB, TK2"][1]))
    assert [state.energy for state in found] == pytest.approx([11 / 12, 4 / 3], rel=1e-9)


def test_parity_per_field_has_the_same_kink():
    grid = ss.RadialGrid(r_max=26.0, n_elements=14, dim=1)
    problem = ss.Problem(montonen(0.25), grid, boundary=[1.0, 0.0], parity=("odd", "even"))
    minimise = ss.Newton(target="minimum")
    state = ss.solve(problem, lambda x: np.stack([np.tanh(x), 0.5 / np.cosh(x)], axis=1), minimise)
    assert state.energy == pytest.approx(11 / 12, rel=1e-10)
    assert state(-X) == pytest.approx(state(X) * [-1.0, 1.0])
    same, other = (ss.spectrum(state, 3, ell).eigenvalues for ell in (0, 1))
    line = ss.spectrum(ss.solve(ss.Problem(montonen(0.25), grid, line=KINKS["MSTB, TK2"][1])), 5).eigenvalues
    assert line == pytest.approx(np.sort(np.concatenate([same, other]))[:5], abs=1e-8)
    assert other[0] == pytest.approx(0.0, abs=1e-9)


def test_a_rotating_kink():
    """At frequency omega the mass^2 of the rotating field is kappa^2 - omega^2; the action is that of a static kink."""
    state = ss.solve(ss.Problem(montonen(0.5), line=KINKS["MSTB, TK2"][1], omega=0.5))
    assert state.action == pytest.approx(11 / 12, rel=1e-10)
    assert state.norm == pytest.approx(3.0, rel=1e-8)  # int (1 - k^2) sech^2 kx dx at k = 1/2


APART = [
    (one(lambda u: 1 - jnp.cos(u)), (0.0, 4 * np.pi), r"no static kink .* as low at \[6.28319\]"),
    (one(lambda u: 0.5 * u**2 * (1 - u**2) ** 2), (-1.0, 1.0), r"no static kink .* as low at \[0.0\]"),
    (one(lambda u: 0.5 * (1 - u**2) ** 2 * (u**2 - 0.02)), (-1.0, 1.0), r"falls below both ends at \[0.0\]"),
    (one(lambda u: 0.5 * u**6 * (1 - u**2) ** 2), (0.0, 1.0), r"power 5.9 .* give a grid"),
    (bnrt(0.25), ([0.0, -2.0], [0.0, 2.0]), r"no stable kink .* as low at \[-?1.0, 0.0\]"),
]


@pytest.mark.parametrize(("model", "line", "words"), APART)
def test_where_there_is_no_kink_the_vacuum_between_is_named(model, line, words):
    with pytest.raises(ValueError, match=words) as error:
        ss.solve(ss.Problem(model, line=line))
    assert "\n" not in str(error.value)


def test_guesses_on_a_line():
    state = kink("phi^4")
    for guess in (np.tanh, state, state.u, lambda x: np.tanh(x)[:, None]):
        assert ss.solve(state.problem, guess).energy == pytest.approx(4 / 3, rel=1e-12)
    with pytest.raises(ValueError, match="on a line a wall is needed"):
        ss.solve(state.problem, ss.Gaussian())
    with pytest.raises(ValueError, match=r"spectrum\.ell must be 0 on a line"):
        ss.spectrum(state, 3, ell=1)
