"""Derivatives of masses, against differences of independent solutions and a closed form."""

import math

import numpy as np
import pytest

import supersoliton as ss
from supersoliton.families.mass_derivatives import mass_derivatives

MODEL = ss.OctaveHiggs(n_octaves=2, m0_squared=0.5, g=0.6, lambda_1=0.05, lambda_2=0.01, g_yukawa=0.2)
PROBLEM = ss.Problem(MODEL, ss.RadialGrid(25.0, 12, 12), norm=3000.0)


@pytest.fixture(scope="module")
def state():
    return ss.solve(PROBLEM, ss.SuperGaussian(2.0, 3.5, (0,)))


def near(state, parameter, step):
    problem = state.problem
    start = getattr(problem, parameter, None) or problem.model.params[parameter]
    return ss.solve(problem.replace(**{parameter: start + step}), state)


def difference(state, parameter, measure, step):
    """Fourth-order central difference of independent solutions."""
    ahead, back, far, rear = (measure(near(state, parameter, k * step)) for k in (1, -1, 2, -2))
    return (8 * (ahead - back) - (far - rear)) / (12 * step)


def masses(state):
    return np.concatenate([one.masses[one.particle] for one in mass_derivatives(state)])


def slopes(state, *parameters):
    found = mass_derivatives(state, parameters)
    assert all(one.smooth.all() for one in found)
    return np.concatenate([one.slopes[:, one.particle] / (2.0 * one.masses[one.particle]) for one in found], axis=1)


def test_masses_are_those_of_the_spectrum(state):
    known = np.concatenate([ss.spectrum(state, 1).thresholds, *(ss.spectrum(state, 1, e).bound_masses for e in (0, 1))])
    assert np.sort(masses(state)) == pytest.approx(np.sort(known), rel=1e-7)


@pytest.mark.parametrize(("parameter", "step"), [("g", 1e-3), ("mu_squared", 2e-3), ("beta", 2e-3), ("norm", 10.0)])
def test_slopes_agree_with_differences(state, parameter, step):
    exact = difference(state, parameter, masses, step)
    assert slopes(state, parameter)[0] == pytest.approx(exact, abs=1e-6 * np.abs(exact).max())


def test_several_parameters_at_once(state):
    one_by_one = np.concatenate([slopes(state, name) for name in ("g", "norm", "lambda_1")])
    assert slopes(state, "g", "norm", "lambda_1") == pytest.approx(one_by_one, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("parameter", ["a", "b"])
def test_a_weakly_bound_mode_is_matched_to_space(parameter):
    """Its derivative is that in infinite space: the wall moves the level by more than 1e-4."""
    model = ss.Potential(
        lambda u, p: 0.5 * u[0] ** 2 - 0.25 * u[0] ** 4 + 0.5 * p["b"] * u[1] ** 2 - p["a"] * u[0] ** 2 * u[1] ** 2,
        ("u", "v"), {"a": 0.03, "b": 0.5}, constrained=("u",),
    )  # fmt: skip
    problem = ss.Problem(model, ss.RadialGrid(25.0, 16, 12, 1), omega=0.6)
    state = ss.solve(problem, lambda r: np.stack([1.1 / np.cosh(0.8 * r), 0.0 * r], axis=1))
    # u = sqrt(2 (1 - omega^2)) sech(k x), k^2 = 1 - omega^2: v'' well of Poeschl and Teller, s (s + 1) = 4 a
    s = 0.5 * (math.sqrt(1.0 + 16.0 * 0.03) - 1.0)
    bound = next(one for one in mass_derivatives(state, [parameter], ell=(0,)) if one.kind == "l = 0")
    level = int(np.argmin(np.abs(bound.squared - (0.5 - 0.64 * s**2))))
    assert bound.squared[level] == pytest.approx(0.5 - 0.64 * s**2, abs=1e-9)
    assert abs(ss.spectrum(state, 3).eigenvalues - bound.squared[level]).min() > 1e-4
    exact = {"a": -2.0 * 0.64 * s * 4.0 / (2.0 * s + 1.0), "b": 1.0}[parameter]
    assert bound.slopes[0, level] == pytest.approx(exact, rel=1e-7)


def test_equal_levels_have_derivatives_along_the_couplings():
    """Two fields of equal mass, each with a mass of its own: each coupling moves one level."""
    model = ss.Potential(
        lambda u, p: 0.5 * u[0] ** 2 - 0.25 * p["g"] * u[0] ** 4 + 0.5 * (p["a"] * u[1] ** 2 + p["b"] * u[2] ** 2),
        ("u", "v", "w"), {"g": 1.0, "a": 2.0, "b": 2.0}, constrained=("u",),
    )  # fmt: skip
    problem = ss.Problem(model, ss.RadialGrid(20.0, 10, 10, 1), omega=0.6)
    state = ss.solve(problem, lambda r: np.stack([1.1 / np.cosh(0.8 * r), 0.0 * r, 0.0 * r], axis=1))
    vacuum = mass_derivatives(state, ["a", "b"], ell=(0,))[0]
    assert vacuum.squared == pytest.approx([1.0, 2.0, 2.0])
    assert vacuum.smooth.all()
    assert np.sort(vacuum.slopes[:, 1:], axis=1) == pytest.approx(np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert vacuum.slopes[:, 1:].sum(axis=0) == pytest.approx([1.0, 1.0])
