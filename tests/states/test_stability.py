"""Charge, energy and stability of rotating states, against closed forms, thin walls and measured growth rates."""

import functools
import json
import math
from dataclasses import asdict, replace

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import make_interp_spline
from tests.problems import octave_model, solved

import supersoliton as ss
from supersoliton.fluctuations.operator import Operator
from supersoliton.problem.complexified import known_imaginary_curvature
from supersoliton.states.mode_counts import count_modes
from supersoliton.states.stability import Rotation, charged_mass, rotation_of


def sextic(u, p):
    """The Q-ball potential with free quanta of mass 1."""
    return 0.5 * u[0] ** 2 - u[0] ** 4 + 0.5 * u[0] ** 6


def gausson(u, p):
    return 0.5 * u[0] ** 2 * (1.0 - jnp.log(u[0] ** 2))


@pytest.mark.parametrize("omega", [0.4, 0.7, 0.72, 0.9])
@pytest.mark.parametrize("dim", [1, 2, 2.5, 3, 4])
def test_logarithmic_q_ball_in_closed_form(dim, omega):
    """f = exp((d - omega^2 - r^2)/2) with N = pi^(d/2) e^(d - omega^2), so dQ/domega = N (1 - 2 omega^2)."""
    problem = ss.Problem(ss.Potential(gausson), ss.RadialGrid(9.0, 10, 12, dim=dim), omega=omega)
    state = ss.solve(problem, lambda r: 0.98 * np.exp(0.5 * (dim - omega**2 - 0.98 * r**2)))
    norm = math.pi ** (dim / 2) * math.exp(dim - omega**2)
    found = state.certificate.rotation
    assert found.charge == pytest.approx(omega * norm, rel=1e-12)
    assert found.charge_slope == pytest.approx(norm * (1.0 - 2.0 * omega**2), rel=1e-10)
    # E_Q = S + omega Q, and S = N/2 in every dimension.
    assert found.energy == pytest.approx(norm * (0.5 + omega**2), rel=1e-12)
    assert (found.negative_modes, found.phase_modes) == ((1, 0), (0,))
    assert found.minimum_at_fixed_norm
    assert found.classically_stable == (omega**2 > 0.5)
    assert found.classically_stable == ss.oscillations(state, 0, 3, complexified="modulus").stable


def test_thin_wall():
    """R = 2 sigma/epsilon with sigma = 1/4, epsilon = omega^2/2: Q = omega 4 pi R^3/3, dlnQ/dlnomega = -5, O(1/R)."""
    omega, charge = 0.05, 4.0 * math.pi / 3.0 * 400.0**3 * 0.05
    found = ss.solve(ss.Problem(ss.Potential(sextic), omega=omega)).certificate.rotation
    assert found.charge == pytest.approx(charge, rel=4e-3)
    assert found.charge_slope * omega / found.charge == pytest.approx(-5.0, rel=4e-3)
    assert found.energy / found.charge == pytest.approx(1.25 * omega, rel=2e-3)  # of dE_Q/dQ = omega ~ Q^(-1/5)
    assert found.classically_stable


# Rough profiles with one node, at omega -> values at r = 0, 1, 2, ...
ROUGH = {
    0.6: [1.07, 1.07, 1.07, 1.07, 1.07, 1.03, 0.74, 0.22, -0.17, -0.53, -0.69, -0.51, -0.25, -0.11, -0.05, -0.02, 0.0],
    0.8: [1.11, 1.11, 1.08, 0.85, 0.28, -0.12, -0.4, -0.52, -0.41, -0.24, -0.12, -0.06, -0.03, -0.02, -0.01, 0.0],
}


@functools.cache
def q_balls(omega):
    """The ground state and the first excited state at this frequency."""
    problem = ss.Problem(ss.Potential(sextic), ss.RadialGrid(25.0, 12, 12), omega=omega)
    rough = make_interp_spline(np.arange(len(ROUGH[omega])), ROUGH[omega])

    def profile(r):
        return np.where(r < len(ROUGH[omega]) - 1, rough(np.minimum(r, len(ROUGH[omega]) - 1)), 0.0)

    return ss.solve(problem), ss.solve(problem, profile, ss.Newton(target="stationary"))


@pytest.mark.parametrize("omega", ROUGH)
def test_an_excited_q_ball_is_unstable_although_its_charge_falls(omega):
    """F2: dQ/domega < 0, and modes grow at l = 0, 1, 2; a ground state has no growing mode."""
    ground, excited = q_balls(omega)
    found = excited.certificate.rotation
    assert excited.certificate.kind == "excited"
    assert found.charge_slope < 0
    assert not found.classically_stable
    assert "classically unstable" in found.verdict
    assert ss.rotation(excited).classically_stable is False
    # Every channel that grows has a negative mode at fixed charge, and one with an odd number of them does grow.
    for state in (ground, excited):
        modes = (*state.certificate.rotation.modes_at_fixed_charge, 0, 0, 0)
        for ell in (0, 1, 2):
            grows = not ss.oscillations(state, ell, 3, complexified="modulus").stable
            assert grows == (state is excited)
            assert grows <= (modes[ell] > 0)
            assert grows >= bool(modes[ell] % 2)
    assert ground.certificate.rotation.classically_stable
    # L_- f = 0: by Sturm's theorem n(L_-) is the number of nodes.
    assert (ground.certificate.rotation.phase_modes[0], found.phase_modes[0]) == (0, 1)


def test_the_counts_are_those_of_the_whole_spectrum():
    """n(L_+) and n(L_-) at each l from all eigenvalues of dense matrices."""
    excited = q_balls(0.8)[1]
    found = excited.certificate.rotation
    for ell, count in enumerate(found.negative_modes):
        assert np.sum(ss.spectrum(excited, 4, ell).eigenvalues < -1e-6) == count
    curvature = known_imaginary_curvature(excited.problem, excited.u)
    for ell, count in enumerate(found.phase_modes):
        matrix = Operator(excited.problem, excited.u, excited.multiplier, ell, curvature=curvature).matrix
        assert np.sum(np.linalg.eigvalsh(matrix) < -1e-7) == count


def test_the_trial_of_the_quickstart_with_the_best_score_is_unstable():
    """dQ/domega = +1480 and a growth rate of 0.164, both measured before this file was written."""
    couplings = {"lambda_1": 0.0813765528626109, "lambda_2": 0.007338086696633382, "beta": 0.2366535292033967}
    model = octave_model(
        0.6689942104519717, m0_squared=0.3379802213302134, g_yukawa=0.26673749740758085, **couplings
    )  # fmt: skip
    edges = (0.0, 2.6, 4.9, 7.2, 9.9, 13.2, 17.0, 21.0, 25.0)
    problem = ss.Problem(model, ss.RadialGrid(edges=edges, order=12), norm=4789.9747055675225)
    state = ss.solve(problem, ss.SuperGaussian(2.0, 4.5, (0, 1, 2, 3), alternate=True))
    found = state.certificate.rotation
    assert state.certificate.certified
    assert found.charge_slope == pytest.approx(1475.84, rel=1e-4)
    assert found.minimum_at_fixed_norm
    assert not found.classically_stable
    assert found.stable_against_quanta
    assert found.verdict.startswith("classically unstable (dQ/domega > 0)")


def test_the_strong_coupling_q_ball_is_unstable():
    """Its growth rate is 1.257 (docs/development/decisions.md)."""
    found = solved("octaves strong coupling N=60").certificate.rotation
    assert found.charge_slope == pytest.approx(53.11, rel=1e-3)
    assert not found.classically_stable
    assert found.minimum_at_fixed_norm


@pytest.mark.parametrize("factor", [4.0, 0.25])
def test_a_kinetic_factor_is_a_change_of_units_of_the_field(factor):
    """F1: with u = x/sqrt(k) it is the same theory: equal omega, Q, E_Q and slopes."""
    root = math.sqrt(factor)
    model = ss.Potential(lambda u, p: sextic(u * root, p), fields=("f",), kinetic=(factor,))
    grid = ss.RadialGrid(20.0, 10, 12)
    state = ss.solve(ss.Problem(model, grid, norm=400.0 / factor), ss.SuperGaussian(1.0 / root, 4.5))
    plain = ss.solve(ss.Problem(ss.Potential(sextic), grid, norm=400.0), ss.SuperGaussian(1.0, 4.5))
    found, right = ss.rotation(state), ss.rotation(plain)
    assert right.omega == pytest.approx(0.488837, abs=1e-6)
    assert right.charge == pytest.approx(195.5347, abs=1e-4)
    for name in ("omega", "charge", "energy", "energy_per_charge", "norm_slope", "charge_slope"):
        assert getattr(found, name) == pytest.approx(getattr(right, name), rel=1e-9), name
    assert found.identity < 1e-5
    assert found.verdict == right.verdict == "classically stable, stable against free quanta"
    assert (state.omega, state.charge, state.charged_energy) == pytest.approx((right.omega, right.charge, right.energy))
    assert ss.oscillations(state, 0, 3, complexified="modulus").omega == pytest.approx(found.omega, rel=1e-12)


def test_different_kinetic_factors():
    """The same theory in canonical fields: N is that of the fields with the largest factor, omega, Q and E_Q agree."""

    def coupled(f, g):
        return sextic([f], None) + 0.5 * g**2 + 0.1 * f**2 * g**2

    grid, start = ss.RadialGrid(20.0, 10, 12), ss.SuperGaussian(1.0, 4.5, field=(0,))
    canonical = ss.Potential(lambda u, p: coupled(u[0], u[1]), ("f", "g"))
    right = ss.solve(ss.Problem(canonical, grid, norm=400.0), start)
    model = ss.Potential(lambda u, p: coupled(u[0], jnp.sqrt(2.0) * u[1]), ("f", "g"), kinetic=(1.0, 2.0))
    found = ss.solve(ss.Problem(model, grid, norm=200.0), start)
    for name in ("omega", "charge", "energy", "energy_per_charge", "charge_slope"):
        one, other = (getattr(ss.rotation(state), name) for state in (right, found))
        assert other == pytest.approx(one, rel=1e-9), name


def test_the_quanta_are_those_that_carry_the_charge():
    """A lighter neutral field cannot take the charge away: m is the mass of the charged one."""
    model = ss.Potential(lambda u, p: sextic(u, p) + 0.5 * 0.01 * u[1] ** 2, ("f", "chi"))
    problem = ss.Problem(model, ss.RadialGrid(20.0, 10, 12), norm=400.0, norm_of=["f"])
    state = ss.solve(problem, ss.SuperGaussian(1.0, 4.5, field=(0,)))
    assert charged_mass(problem) == pytest.approx(1.0)
    assert state.certificate.rotation.energy_per_charge == pytest.approx(0.6312264643, rel=1e-8)


def test_a_short_domain_with_the_decaying_exterior_has_the_whole_charge():
    """Q, E_Q and dQ/domega count what is outside: r_max = 9 against 30, up to the linear exterior."""
    wide, short = (
        ss.solve(
            ss.Problem(ss.Potential(sextic), ss.RadialGrid(r, n, 12), omega=0.6, boundary="decaying"),
            ss.SuperGaussian(1.0, 4.0),
        )
        for r, n in ((30.0, 20), (9.0, 12))
    )
    a, b = wide.certificate.rotation, short.certificate.rotation
    assert short.norm < (1.0 - 2e-5) * wide.norm  # the norm inside is short by far more than the errors below
    for name in ("charge", "energy", "charge_slope", "norm_slope"):
        assert getattr(b, name) == pytest.approx(getattr(a, name), rel=1e-7), name


def test_fields_with_a_phase_each():
    """Two equal flavours: each field has its own zero mode of L_-, none is counted; the same Q-ball as one flavour."""

    def flavours(u, p):
        square = jnp.sum(u**2)
        return 0.5 * square - square**2 + 0.5 * square**3

    model = ss.Potential(flavours, ("a", "b"))
    problem = ss.Problem(model, ss.RadialGrid(20.0, 10, 12), norm=400.0)
    one = ss.solve(ss.Problem(ss.Potential(sextic), problem.grid, norm=400.0), ss.SuperGaussian(1.0, 4.5))
    u = np.concatenate([0.6 * one.u, 0.8 * one.u], axis=1)
    state = ss.solve(problem, u, ss.Newton(target="stationary"))
    modes = count_modes(problem, u, one.multiplier, homogeneous=False)
    found = rotation_of(problem, u, one.multiplier, modes)
    assert state.energy == pytest.approx(one.energy, rel=1e-9)
    assert (found.negative_modes, found.phase_modes) == ((1, 0), (0,))
    assert found.classically_stable
    assert found.charge_slope == pytest.approx(one.certificate.rotation.charge_slope, rel=1e-9)


def test_a_coupling_that_leaves_the_complex_theory_open_is_said():
    """u_0 u_1 may be Re(u_0* u_1) or |u_0 u_1|: L_- is not counted, and the verdict says so."""
    model = ss.Potential(lambda u, p: sextic(u, p) + 0.5 * u[1] ** 2 - 0.1 * u[0] * u[1], ("f", "g"))
    problem = ss.Problem(model, ss.RadialGrid(20.0, 10, 12), norm=400.0)
    found = ss.solve(problem, ss.SuperGaussian(1.0, 4.5, field=(0,))).certificate.rotation
    assert found.phase_modes is None
    assert "L_- not known" in found.verdict


def test_without_rotation_it_is_a_bounce():
    """omega = 0 at fixed frequency: nothing is held and nothing rotates."""
    model = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - 0.5 * u[0] ** 3)
    state = ss.solve(ss.Problem(model, omega=0.0))
    assert state.certificate.kind == "bounce"
    assert state.action == pytest.approx(ss.bounce(model, [0.0]).action, rel=1e-8)
    assert f"S = {state.action:.12g}" in repr(state)


def test_a_record_restores_it():
    found = solved("octaves g=0.6 N=1200").certificate.rotation
    assert Rotation.from_record(json.loads(json.dumps(asdict(found)))) == replace(
        found, identity=pytest.approx(math.nan, nan_ok=True)
    )
    assert Rotation.from_record(None) is None


def test_near_the_threshold_free_quanta_have_less_energy():
    """Small Q-balls of u^2 - u^4 in three dimensions are those of the cubic equation: E > m Q and dQ/domega > 0."""
    model = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - u[0] ** 4 + 0.5 * u[0] ** 6)
    found = ss.rotation(ss.solve(ss.Problem(model, omega=0.98)))
    assert 1.0 < found.energy_per_charge < 1.1
    assert found.charge_slope > 0
    assert not found.stable_against_quanta
    assert not found.classically_stable
