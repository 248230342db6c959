"""The octave tower against its formula, written out as loops in NumPy."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import supersoliton as ss
from supersoliton.theory.base import read_theory
from supersoliton.theory.octave_higgs import octave_higgs_potential

GRADIENT, HESSIAN = jax.jit(jax.grad(octave_higgs_potential)), jax.jit(jax.hessian(octave_higgs_potential))


def potential_by_loops(model, u):
    """V, term by term."""
    psi, phi = u[:-1], u[-1]
    n = model.n_octaves
    total = 0.5 * model.mu_squared * phi**2 + 0.25 * model.lambda_H * phi**4
    for o in range(n):
        total += 0.5 * model.m0_squared * psi[o] ** 2 + model.quartic_sign * 0.25 * model.g * psi[o] ** 4
        total += model.delta / 8.0 * psi[o] ** 6 + model.g_yukawa * phi**2 * psi[o] ** 2
        if o < n - 1:
            total += model.lambda_1 * 2.0 ** (-model.beta * o) * psi[o] * psi[o + 1]
        if o < n - 2:
            total += model.lambda_2 * 2.0 ** (-model.beta * o) * psi[o] * psi[o + 2]
    return total


def force_by_loops(model, u):
    """dV/du: lambda(o) towards the octaves above, lambda(o - 1) and lambda(o - 2) towards those below."""
    psi, phi = u[:-1], u[-1]
    n = model.n_octaves
    out = np.zeros(n + 1)
    for o in range(n):
        out[o] = model.m0_squared * psi[o] + model.quartic_sign * model.g * psi[o] ** 3
        out[o] += 0.75 * model.delta * psi[o] ** 5 + 2.0 * model.g_yukawa * phi**2 * psi[o]
        for step, strength in ((1, model.lambda_1), (2, model.lambda_2)):
            if o + step < n:
                out[o] += strength * 2.0 ** (-model.beta * o) * psi[o + step]
            if o - step >= 0:
                out[o] += strength * 2.0 ** (-model.beta * (o - step)) * psi[o - step]
    out[n] = model.mu_squared * phi + model.lambda_H * phi**3 + 2.0 * model.g_yukawa * phi * np.sum(psi**2)
    return out


COUPLINGS = {
    "m0_squared": 0.37,
    "g": 1.7,
    "delta": 0.4,
    "beta": 0.23,
    "lambda_1": 0.8,
    "lambda_2": -1.9,
    "mu_squared": -0.6,
    "lambda_H": 0.45,
    "g_yukawa": 0.31,
}


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 12])
def test_potential_and_force_agree_with_the_formula(n, sign):
    model = ss.OctaveHiggs(n_octaves=n, quartic_sign=sign, **COUPLINGS)
    rng = np.random.default_rng(n)
    for _ in range(5):
        u = 1.5 * rng.normal(size=n + 1)
        assert float(octave_higgs_potential(u, model.params, 0.0)) == pytest.approx(
            potential_by_loops(model, u), rel=1e-13
        )
        force = np.asarray(GRADIENT(jnp.asarray(u), model.params, 0.0))
        assert force == pytest.approx(force_by_loops(model, u), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", COUPLINGS)
def test_every_coupling_enters(name):
    u = np.linspace(0.5, 1.5, 5)
    model = ss.OctaveHiggs(n_octaves=4, **COUPLINGS)
    other = model.replace(**{name: 2.0 * COUPLINGS[name]})
    values = [float(octave_higgs_potential(u, m.params, 0.0)) for m in (model, other)]
    assert values[0] != pytest.approx(values[1], rel=1e-6)
    assert values[1] == pytest.approx(potential_by_loops(other, u), rel=1e-13)


def test_coupling_between_octaves_falls_by_the_octave():
    """Off-diagonal elements of V'': lambda 2^(-beta o), symmetric, nothing beyond the next-nearest."""
    model = ss.OctaveHiggs(n_octaves=5, **COUPLINGS)
    matrix = np.asarray(HESSIAN(jnp.zeros(6), model.params, 0.0))
    for o in range(4):
        assert matrix[o, o + 1] == matrix[o + 1, o] == pytest.approx(0.8 * 2 ** (-0.23 * o), rel=1e-14)
    for o in range(3):
        assert matrix[o, o + 2] == pytest.approx(-1.9 * 2 ** (-0.23 * o), rel=1e-14)
    assert matrix[0, 3] == matrix[0, 4] == matrix[1, 4] == 0.0
    assert np.diag(matrix) == pytest.approx([0.37] * 5 + [-0.6], rel=1e-14)


def test_one_octave_has_no_neighbours():
    model = ss.OctaveHiggs(n_octaves=1, **{**COUPLINGS, "lambda_1": 1e6, "lambda_2": 1e6})
    u = np.array([0.7, -0.4])
    assert float(octave_higgs_potential(u, model.params, 0.0)) == pytest.approx(potential_by_loops(model, u), rel=1e-14)


def test_defaults_are_the_published_ones():
    model = ss.OctaveHiggs()
    assert model.params == {
        "m0_squared": 0.01,
        "g": 4.64,
        "quartic_sign": -1.0,
        "delta": 0.2,
        "beta": 0.15,
        "lambda_1": 1.0,
        "lambda_2": math.pi,
        "mu_squared": -1.0,
        "lambda_H": 0.5,
        "g_yukawa": 0.1,
    }
    assert model.n_octaves == 12


def test_default_coupling_matrix_has_the_measured_eigenvalues():
    """-4.41 ... 5.58: the origin is unstable, the octaves condense."""
    matrix = np.asarray(HESSIAN(jnp.zeros(13), ss.OctaveHiggs().params, 0.0))
    values = np.linalg.eigvalsh(matrix[:12, :12] - 0.01 * np.eye(12))
    assert values[[0, -1]] == pytest.approx([-4.41, 5.58], abs=6e-3)


def test_names_and_constrained_fields():
    model = ss.OctaveHiggs(n_octaves=3)
    assert model.fields == ("psi_0", "psi_1", "psi_2", "phi")
    assert model.constrained.tolist() == [True, True, True, False]
    assert model.kinetic.tolist() == [1.0] * 4
    assert not model.explicit_r


def test_models_share_one_function_so_that_kernels_are_compiled_once():
    assert ss.OctaveHiggs(g=1.0).potential_function is ss.OctaveHiggs(n_octaves=2, g=3.0).potential_function


def test_followed_higgs_is_the_minimum_of_the_potential():
    model = ss.OctaveHiggs(n_octaves=2, m0_squared=0.5, g=0.6)
    u = np.zeros((3, 3))
    u[:, 0] = [0.0, 0.5, 4.0]
    phi = model.follow(u)[:, -1]
    assert phi[0] == pytest.approx(math.sqrt(2.0))
    slopes = [GRADIENT(jnp.array([psi, 0.0, x]), model.params, 0.0)[2] for x, psi in zip(phi, u[:, 0], strict=True)]
    assert [float(slope) for slope in slopes] == pytest.approx([0.0] * 3, abs=1e-14)
    assert phi[2] == 0.0  # expelled from a strong core
    assert np.array_equal(model.follow(u)[:, :-1], u[:, :-1])


BAD = {
    "n_octaves": [0, -1, 2.0, "12", None, True],
    "g": [math.nan, math.inf, "1", None, True],
    "quartic_sign": [0, 2, -0.5, math.nan],
    "delta": [-0.1, math.nan],
    "lambda_H": [-1e-9, -math.inf],
    "mu_squared": [[1.0], {}, -math.inf],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_bad_input_names_the_argument_and_the_value(name, value):
    with pytest.raises(ValueError, match=f"model.{name}") as error:
        ss.OctaveHiggs(**{name: value})
    assert repr(value) in str(error.value)
    assert "\n" not in str(error.value)


def test_unknown_coupling_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"has no coupling 'gamma'.*g_yukawa"):
        ss.OctaveHiggs().replace(gamma=1.0)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(COUPLINGS)), st.floats(allow_nan=True, allow_infinity=True))
def test_any_number_is_accepted_or_refused(name, value):
    bad = not math.isfinite(value) or (name in ("delta", "lambda_H") and value < 0)
    if bad:
        with pytest.raises(ValueError, match=f"model.{name}"):
            ss.OctaveHiggs(**{name: value})
    else:
        assert ss.OctaveHiggs(**{name: value}).params[name] == value


def test_couplings_of_single_octaves():
    """Split, the potential is the same; each coupling then moves its own octave's terms alone."""
    model = ss.OctaveHiggs(n_octaves=3, beta=0.3)
    split = model.split("m0_squared", "g", "delta", "lambda_1", "lambda_2")
    u = np.array([0.7, -0.4, 0.9, 0.5])
    assert split.potential_function is model.potential_function
    assert len(split.params) - len(model.params) == 3 + 3 + 3 + 2 + 1
    value = lambda m: float(m.potential_function(u, m.params, 0.0))  # noqa: E731
    assert value(split) == pytest.approx(value(model), rel=1e-15)
    changes = {
        "m0_squared_1": 0.5 * u[1] ** 2,
        "g_2": -0.25 * u[2] ** 4,
        "delta_0": 0.125 * u[0] ** 6,
        "lambda_1_1": 2.0**-0.3 * u[1] * u[2],
        "lambda_2_0": u[0] * u[2],
        "g": 0.0,
    }
    for name, slope in changes.items():
        moved = split.replace(**{name: split.params[name] + 0.1})
        assert value(moved) - value(split) == pytest.approx(0.1 * slope, abs=1e-14), name


def test_couplings_of_single_octaves_in_files_and_errors():
    model = ss.OctaveHiggs(n_octaves=3, per_octave={"g_1": 0.5})
    assert read_theory(model.describe()) == model
    assert "per_octave" not in ss.OctaveHiggs(n_octaves=3).describe()
    hash(model)
    for values, message in (
        ({"g_3": 0.5}, r"no coupling 'g_3': choose from m0_squared_0"),
        ({"delta_1": -1.0}, r"model.delta_1 must not be negative"),
        ({"g_1": float("nan")}, r"model.g_1 must be finite"),
        ([0.5], r"model.per_octave must be a table"),
    ):
        with pytest.raises(ValueError, match=message):
            ss.OctaveHiggs(n_octaves=3, per_octave=values)
    with pytest.raises(ValueError, match=r"split: there is no 'beta' of each octave"):
        model.split("beta")
