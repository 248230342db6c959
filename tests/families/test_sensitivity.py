"""Derivatives by the implicit function theorem, against differences of independent solutions and closed forms."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss
from supersoliton.families.mass_derivatives import eigenvalue_slopes
from supersoliton.families.sensitivity import sensitivities

MODEL = ss.OctaveHiggs(n_octaves=2, m0_squared=0.5, g=0.6, lambda_1=0.05, lambda_2=0.01)
PROBLEM = ss.Problem(MODEL, ss.RadialGrid(25.0, 12, 12), norm=600.0)


@pytest.fixture(scope="module")
def state():
    return ss.solve(PROBLEM, ss.SuperGaussian(2.0, 3.5, (0,)))


def near(state, parameter, step):
    start = getattr(PROBLEM, parameter, None) or MODEL.params[parameter]
    return ss.solve(PROBLEM.replace(**{parameter: start + step}), state)


def difference(state, parameter, measure, step):
    """Fourth-order central difference of independent solutions."""
    ahead, back, far, rear = (measure(near(state, parameter, k * step)) for k in (1, -1, 2, -2))
    return (8 * (ahead - back) - (far - rear)) / (12 * step)


@pytest.mark.parametrize("parameter", ["g", "lambda_1", "mu_squared", "g_yukawa", "beta", "norm"])
def test_slopes_agree_with_differences(state, parameter):
    step = {"norm": 2.0, "lambda_1": 5e-4}.get(parameter, 2e-3)  # small beside the parameter
    found = ss.sensitivity(state, parameter)
    assert found.energy == pytest.approx(difference(state, parameter, lambda s: s.energy, step), rel=2e-8, abs=1e-8)
    assert found.multiplier == pytest.approx(difference(state, parameter, lambda s: s.multiplier, step), rel=2e-7)
    fields = difference(state, parameter, lambda s: s.u, step)
    assert found.fields == pytest.approx(fields, abs=1e-6 * np.abs(fields).max())


@pytest.mark.parametrize("ell", [0, 1])
@pytest.mark.parametrize("parameter", ["g", "mu_squared", "norm"])
def test_eigenvalues_move_as_hellmann_and_feynman_say(state, parameter, ell):
    step = 2.0 if parameter == "norm" else 1e-3
    values, slopes = eigenvalue_slopes(state, parameter, 6, ell)
    exact = difference(state, parameter, lambda s: ss.spectrum(s, 6, ell).eigenvalues, step)
    assert values == pytest.approx(ss.spectrum(state, 6, ell).eigenvalues)
    assert slopes == pytest.approx(exact, abs=1e-6 * np.abs(exact).max())


def test_frequency_of_the_cubic_equation():
    """N = 4 sqrt(1 - omega^2), E - omega^2 N/2 = (4/3)(1 - omega^2)^(3/2) in one dimension."""
    model = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - 0.25 * u[0] ** 4)
    omega = 0.6
    state = ss.solve(ss.Problem(model, ss.RadialGrid(30.0, 12, 12, 1), omega=omega))
    found = ss.sensitivity(state, "omega")
    assert found.norm == pytest.approx(-4.0 * omega / math.sqrt(1 - omega**2), rel=1e-8)
    assert found.energy == pytest.approx(0.5 * omega**2 * found.norm, rel=1e-12)
    assert found.multiplier == pytest.approx(2.0 * omega)


@pytest.mark.parametrize("parameter", ["omega", "b"])
@pytest.mark.parametrize("dim", [1, 3])
def test_a_decaying_exterior_depends_on_the_parameter_itself(dim, parameter):
    """F16: on a short domain, against differences of independent solutions."""
    model = ss.Potential(lambda u, p: p["b"] * u[0] ** 2 - u[0] ** 4 + 0.5 * u[0] ** 6, params={"b": 0.5})
    problem = ss.Problem(model, ss.RadialGrid(7.0, 12, 12, dim=dim), omega=0.6, boundary="decaying")
    state = ss.solve(problem, ss.SuperGaussian(1.0, 4.0 if dim == 3 else 2.0))
    found = ss.sensitivity(state, parameter)
    start, step = (0.6, 1e-3) if parameter == "omega" else (0.5, 1e-3)

    def at(k):
        return ss.solve(problem.replace(**{parameter: start + k * step}), state)

    for name in ("energy", "norm"):
        values = {k: getattr(at(k), name) for k in (-2, -1, 1, 2)}
        exact = (8 * (values[1] - values[-1]) - (values[2] - values[-2])) / (12 * step)
        assert getattr(found, name) == pytest.approx(exact, rel=1e-7), name
    for ell in (0, 1):
        slopes = eigenvalue_slopes(state, parameter, 4, ell)[1]
        values = {k: ss.spectrum(at(k), 4, ell).eigenvalues for k in (-2, -1, 1, 2)}
        exact = (8 * (values[1] - values[-1]) - (values[2] - values[-2])) / (12 * step)
        assert slopes[:2] == pytest.approx(exact[:2], rel=1e-5, abs=1e-5)


def test_unknown_parameters_are_told(state):
    with pytest.raises(ValueError, match=r"no parameter 'omega'.*choose from"):
        ss.sensitivity(state, "omega")


def test_jax_differentiates_through_solve_and_spectrum(state):
    """jax.grad of a function of energy, action, omega^2, a mass and the central field, against differences."""

    def figure(g, norm):
        found = ss.solve(ss.Problem(MODEL.replace(g=g), PROBLEM.grid, norm=norm), state)
        if isinstance(found, ss.DifferentiableState):
            mass = jnp.sqrt(found.eigenvalues(4)[2])
        else:
            mass = ss.spectrum(found, 4).eigenvalues[2] ** 0.5
        return found.energy + 0.1 * found.action + 50.0 * found.multiplier + mass + found.u[0, 0]

    slopes = jax.grad(figure, argnums=(0, 1))(0.6, 600.0)
    for slope, (dg, dn) in zip(slopes, ((1e-3, 0.0), (0.0, 2.0)), strict=True):
        at = {k: float(figure(0.6 + k * dg, 600.0 + k * dn)) for k in (-2, -1, 1, 2)}
        exact = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * (dg + dn))
        assert float(slope) == pytest.approx(exact, rel=1e-7)
    with pytest.raises(ValueError, match=r"no value under jax.jit"):
        jax.jit(figure)(0.6, 600.0)


def test_several_parameters_share_one_factorisation():
    """Each has the derivatives that it has alone."""
    model = ss.Potential(
        lambda u, p: u[0] ** 2 / 2 - p["g"] * u[0] ** 4 / 4 + p["h"] * u[0] ** 6 / 8, params={"g": 1.6, "h": 1.0}
    )
    state = ss.solve(ss.Problem(model, ss.RadialGrid(r_max=30.0), norm=100.0))
    names = ["g", "h", "norm"]
    for name, one in zip(names, sensitivities(state, names), strict=True):
        alone = ss.sensitivity(state, name)
        assert (one.energy, one.multiplier) == pytest.approx((alone.energy, alone.multiplier), rel=1e-12)
        np.testing.assert_allclose(one.fields, alone.fields, rtol=0.0, atol=1e-11 * np.abs(alone.fields).max())
