"""Kinetic terms K(u; p): the same physics in other fields, a heavy field integrated out, Q-balls of a sigma model."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss


def cubic(u, p):
    return 0.5 * u[0] ** 2 - 0.5 * u[0] ** 3


def two_wells(u, p):
    x, y = u
    return 0.5 * x**2 + 1.1 * y**2 - 0.5 * x**3 - 0.3 * x * x * y - 0.4 * y**3 + 0.1 * x**4 + 0.1 * y**4


def twisted(w):
    """Cartesian fields of a nonlinear map whose kinetic terms are mixed at the vacuum."""
    a, b = w
    return jnp.stack([jnp.sinh(a) + 0.3 * b * b + 0.2 * b, b + 0.25 * a * a - 0.2 * a + 0.1 * b**3])


def polar(w):
    """Cartesian fields around (1, 0) as radius 1 + a and angle b + 0.3 a: a flat metric."""
    rho, angle = 1.0 + w[0], w[1] + 0.3 * w[0]
    return jnp.stack([rho * jnp.cos(angle) - 1.0, rho * jnp.sin(angle)])


def redefined(function):
    def kinetic(w, p):
        jacobian = jax.jacfwd(function)(w)
        return jacobian.T @ jacobian

    return ss.Potential(lambda w, p: two_wells(function(w), p), ("a", "b"), kinetic=kinetic)


CANONICAL = {1: ss.Potential(cubic), 2: ss.Potential(two_wells, ("x", "y"))}
SINH = ss.Potential(lambda w, p: cubic(jnp.sinh(w), p), kinetic=lambda w, p: jnp.cosh(w) ** 2)
CURVED = {(1, 3): SINH, (1, 4): SINH, (2, 3): redefined(twisted), (2, 4): redefined(polar)}
MAP = {(1, 3): jnp.sinh, (1, 4): jnp.sinh, (2, 3): jax.vmap(twisted), (2, 4): jax.vmap(polar)}
TOWARDS = {(2, 4): [1.9, -0.3]}  # in polar fields V is periodic, and the search for minima from many starts misses it
CASES = list(CURVED)


@functools.cache
def pair(fields, dim):
    """A bounce in canonical fields, and the same in others; without a guess."""
    one, other = CANONICAL[fields], CURVED[fields, dim]
    false = [0.0] * fields
    return ss.bounce(one, false, dim=dim), ss.bounce(other, false, TOWARDS.get((fields, dim)), dim=dim)


@pytest.mark.parametrize(("fields", "dim"), CASES)
def test_a_redefinition_of_the_fields_keeps_the_bounce(fields, dim):
    one, other = pair(fields, dim)
    assert other.action == pytest.approx(one.action, rel=1e-12)
    assert abs(other.action - one.action) <= 10.0 * (one.certificate.errors.action + other.certificate.errors.action)
    r = np.linspace(0.0, 8.0, 9)
    np.testing.assert_allclose(MAP[fields, dim](jnp.asarray(other(r))), one(r), atol=1e-9)
    np.testing.assert_allclose(other.problem.vacuum.masses, one.problem.vacuum.masses, rtol=1e-12)
    assert (other.certificate.certified, other.certificate.kind) == (True, "bounce")
    assert other.certificate.negative_modes_by_sector == one.certificate.negative_modes_by_sector == (1, 0, 0)
    assert abs(other.certificate.translation_mode) < 1e-10  # u'(r) at l = 1


@pytest.mark.parametrize(("fields", "dim"), CASES)
def test_a_redefinition_keeps_the_spectrum(fields, dim):
    """A eta = lambda M_K eta, with bound states matched to the same exterior."""
    for ell in (0, 1):
        one, other = (ss.spectrum(state, 1, ell) for state in pair(fields, dim))
        assert other.eigenvalues[0] == pytest.approx(one.eigenvalues[0], rel=1e-9, abs=1e-10)  # negative, translation
        np.testing.assert_allclose(other.thresholds, one.thresholds, rtol=1e-12)
        if fields == 1:
            np.testing.assert_allclose(other.bound, one.bound, rtol=1e-9, atol=1e-10)


def test_mode_functions_are_normalised_with_k_and_the_translation_is_among_them():
    state = pair(1, 3)[1]
    modes = ss.spectrum(state, 3, 1, functions=True)
    at, w = (state.grid.at_quadrature(x) for x in (modes.functions[:, 0], state.u))
    weights = state.grid.quadrature_weights[..., None] * np.cosh(w) ** 2
    np.testing.assert_allclose(np.einsum("eqa,eqi,eqb->ab", at, weights, at), np.eye(3), atol=1e-10)
    slope = state.grid.differentiate(state.u)[:, 0]
    along = modes.functions[:, 0, 0] * slope[5] / modes.functions[5, 0, 0]
    np.testing.assert_allclose(along, slope, atol=1e-8)


def test_states_with_nodes_are_found_by_shooting_in_the_arc_length():
    def quartic(u, p):
        return 0.5 * u[0] ** 2 - 0.25 * u[0] ** 4

    curved = ss.Potential(lambda w, p: quartic(jnp.sinh(w), p), kinetic=lambda w, p: jnp.cosh(w) ** 2)
    found, expected = (ss.find_states(ss.Problem(m), max_nodes=1) for m in (curved, ss.Potential(quartic)))
    assert [state.energy for state in found] == pytest.approx([state.energy for state in expected], rel=1e-9)
    assert [state.certificate.kind for state in found] == ["bounce", "excited"]


def test_derivatives_of_the_action_agree_with_finite_differences():
    """A coupling of K and V: dS/da of K = cosh^2(a w), V(sinh(a w)/a), and none of the redefined theory's action."""

    def scaled(w, p):
        return cubic(jnp.sinh(p["a"] * w) / p["a"], p) + p["b"] * w[0] ** 4

    model = ss.Potential(scaled, params={"a": 1.0, "b": 0.0}, kinetic=lambda w, p: jnp.cosh(p["a"] * w) ** 2)
    state = ss.bounce(model, [0.0])
    assert abs(ss.sensitivity(state, "a").energy) <= 1e-9 * state.action

    def action(b):
        problem = ss.Problem(model.replace(b=b), state.grid, boundary="decaying", background=[0.0])
        return ss.solve(problem, state.u).action

    h = 1e-4
    by_differences = (action(-2 * h) - 8 * action(-h) + 8 * action(h) - action(2 * h)) / (12 * h)
    assert ss.sensitivity(state, "b").energy == pytest.approx(by_differences, rel=1e-7)


def test_a_heavy_field_integrated_out():
    """(X - u^2/2)^2 M^2/2 leaves K = 1 + u^2 as M grows; what is left of it falls as M^-2."""
    light = ss.bounce(ss.Potential(cubic, kinetic=lambda u, p: 1.0 + u**2), [0.0])
    ends = {"boundary": "decaying", "background": [0.0, 0.0]}

    def both(u, p):
        return cubic(u, p) + 0.5 * p["M"] ** 2 * (u[1] - 0.5 * u[0] ** 2) ** 2

    missing = []
    for mass in (20.0, 40.0):
        heavy = ss.Problem(ss.Potential(both, ("u", "X"), {"M": mass}), light.grid, **ends)
        state = ss.solve(heavy, np.column_stack([light.u, 0.5 * light.u**2]), ss.Newton(target="stationary"))
        assert state.converged
        missing.append(light.action - state.action)
    assert 0.0 < missing[1] < 1e-2 * light.action
    assert missing[0] / missing[1] == pytest.approx(4.0, rel=0.05)


def sextic(u, p):
    return 0.5 * u[0] ** 2 - 0.4 * u[0] ** 4 + u[0] ** 6 / 8


SIGMA = ss.Potential(sextic, kinetic=lambda u, p: 1.0 / (1.0 + 0.3 * u**2))


@functools.cache
def q_ball(omega):
    return ss.solve(ss.Problem(SIGMA, omega=omega))


def test_a_q_ball_of_a_sigma_model_solves_its_equation():
    """(r^2 K f')'/r^2 = K'f'^2/2 + V' - omega^2 (K f + K' f^2/2) by finite differences, and Q = omega int K f^2."""
    state, h = q_ball(0.9), 1e-2
    assert state.certificate.certified
    assert state.certificate.kind == "q-ball"
    assert state.certificate.negative_modes_by_sector == (1, 0, 0)  # at fixed frequency
    r = np.linspace(1.0, 6.0, 11)
    f = [state(r + k * h)[:, 0] for k in (-2, -1, 0, 1, 2)]
    slope = (f[0] - 8 * f[1] + 8 * f[3] - f[4]) / (12 * h)
    second = (-f[0] + 16 * f[1] - 30 * f[2] + 16 * f[3] - f[4]) / (12 * h**2)
    f = f[2]
    k, dk, dv = 1 / (1 + 0.3 * f**2), -0.6 * f / (1 + 0.3 * f**2) ** 2, f - 1.6 * f**3 + 0.75 * f**5
    force = k * second + 0.5 * dk * slope**2 + 2 / r * k * slope - dv + 0.81 * (k * f + 0.5 * dk * f**2)
    assert np.max(np.abs(force)) < 1e-6 * np.max(np.abs(dv))
    norm = float(state.grid.integrate(state.u[:, 0] ** 2 / (1 + 0.3 * state.u[:, 0] ** 2)))
    assert state.charge == pytest.approx(0.9 * norm, rel=1e-7)


def test_the_energy_of_a_q_ball_changes_by_omega_with_its_charge():
    h = 2e-4
    low, high = q_ball(0.9 - h), q_ball(0.9 + h)
    slope = (high.charged_energy - low.charged_energy) / (high.charge - low.charge)
    assert slope == pytest.approx(0.9, rel=2e-6)
    rotation = q_ball(0.9).certificate.rotation
    assert rotation.charge_slope == pytest.approx((high.charge - low.charge) / (2 * h), rel=1e-4)


def test_a_q_ball_at_fixed_norm_is_the_one_at_fixed_frequency():
    state = q_ball(0.9)
    fixed = ss.solve(ss.Problem(SIGMA, ss.RadialGrid(r_max=25.0), norm=state.norm))
    assert fixed.certificate.certified
    assert (fixed.omega, fixed.energy) == pytest.approx((0.9, state.energy), rel=1e-7)
    assert fixed.norm == pytest.approx(state.norm, rel=1e-12)
    assert fixed.certificate.negative_modes_by_sector == (0, 0, 0)  # at fixed norm


@pytest.mark.parametrize("field", [1e6, 3e-5])
def test_units_do_not_matter(field):
    """Fields in units of ``field``, lengths in units of 1/``field``."""

    def make(f):
        def v(u, p):
            return p["f"] ** 4 * sextic(u / p["f"], p)

        return ss.Potential(v, params={"f": f}, kinetic=lambda u, p: 2.0 / (1.0 + 0.3 * (u / p["f"]) ** 2))

    one, other = (ss.solve(ss.Problem(make(f), omega=0.7 * f)) for f in (1.0, field))
    assert other.energy / field == pytest.approx(one.energy, rel=1e-9)
    assert other.charge == pytest.approx(one.charge, rel=1e-9)
    assert other(0.0)[0] / field == pytest.approx(one(0.0)[0], rel=1e-9)
    assert (other.certificate.kind, other.certificate.reasons) == (one.certificate.kind, one.certificate.reasons)
    assert one.certificate.kind == "q-ball"


def test_what_is_not_right_yet_is_refused_in_words():
    state = pair(1, 3)[1]
    for call in (ss.determinant, ss.decay_rate, ss.slopes):
        with pytest.raises(ValueError, match=r"needs constant kinetic factors.*depend on the fields"):
            call(state)
    with pytest.raises(ValueError, match="oscillations needs constant kinetic factors"):
        ss.oscillations(q_ball(0.9))
    with pytest.raises(ValueError, match=r"problem.line needs constant kinetic factors.*parity"):
        ss.Problem(SINH, line=([0.0], [1.0]))
    with pytest.raises(ValueError, match="LBFGS at fixed norm needs constant"):
        ss.solve(ss.Problem(SIGMA, ss.RadialGrid(r_max=25.0), norm=200.0), ss.Gaussian(), ss.LBFGS())


def test_a_thin_wall_of_two_fields_follows_the_way_of_least_tension_in_the_metric():
    def wells(u, p):
        x, y = u
        return 2 * x**2 * (x - 1) ** 2 - 0.04 * x**3 * (1 - x / 2) + 0.8 * (y - 0.8 * x * (1 - x)) ** 2

    def bent(w):
        a, b = w
        return jnp.stack([a + 0.2 * a * a + 0.1 * b, b + 0.25 * a * a + 0.1 * b * a])

    def kinetic(w, p):
        jacobian = jax.jacfwd(bent)(w)
        return jacobian.T @ jacobian

    one = ss.bounce(ss.Potential(wells, ("x", "y")), [0.0, 0.0])
    other = ss.bounce(ss.Potential(lambda w, p: wells(bent(w), p), ("a", "b"), kinetic=kinetic), [0.0, 0.0])
    assert one.half_radius > 30.0
    assert other.action == pytest.approx(one.action, rel=1e-10)
    assert other.certificate.certified
