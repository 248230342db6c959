"""Derivatives of states along couplings, against the exact ones."""

import numpy as np
import pytest

import supersoliton as ss
from supersoliton.families.sensitivity import tangents


def problem():
    model = ss.OctaveHiggs(
        n_octaves=2, m0_squared=0.5, g=0.6, quartic_sign=-1, delta=0.2, beta=0.15, lambda_1=0.05, lambda_2=0.01,
        mu_squared=-1.0, lambda_H=0.5, g_yukawa=0.1,
    )  # fmt: skip
    grid = ss.RadialGrid(order=9, edges=(0.0, 2.6, 4.9, 7.2, 9.9, 13.2, 18.0))
    return ss.Problem(model, grid, norm=900.0)


@pytest.fixture(scope="module")
def state():
    return ss.solve(problem(), guess=ss.SuperGaussian(2.0, 3.5, field=(0, 1), alternate=True))


@pytest.mark.parametrize("name", ["g", "norm", "g_yukawa", "lambda_1", "m0_squared"])
def test_at_fixed_vacuum(state, name):
    """Two terms are added, each with the rounding error of a difference over a step of 1e-5; ten of these are allowed.

    The terms are the change at fixed omega and the one that restores the norm. For m0_squared and (if neighbours have
    opposite signs) lambda_1, which change omega^2 alone, the two cancel to the last digit.
    """
    exact, along_norm = ss.sensitivity(state, name), ss.sensitivity(state, "norm")
    restored = np.abs(along_norm.fields).max() * abs(exact.multiplier / along_norm.multiplier)
    rounding = np.finfo(float).eps / 1e-5
    bound = 10.0 * rounding * (np.abs(exact.fields).max() + restored)
    assert tangents(state.problem, state.u, [name])[0] == pytest.approx(exact.fields, abs=bound, rel=0.0)


@pytest.mark.parametrize("name", ["mu_squared", "lambda_H"])
def test_where_the_vacuum_moves(state, name):
    """Against solutions on both sides: the fields less their own vacuum, whose last value stays zero."""
    h = 1e-3
    ends = []
    for sign in (1.0, -1.0):
        there = state.problem.replace(**{name: state.problem.model.params[name] + sign * h})
        moved = ss.solve(there, guess=state.u)
        ends.append(moved.u - there.vacuum.values)
    expected = (ends[0] - ends[1]) / (2.0 * h)
    found = tangents(state.problem, state.u, [name])[0]
    assert np.all(found[-1] == 0.0)
    assert found == pytest.approx(expected, abs=1e-4 * np.max(np.abs(expected)))


def test_several_at_once(state):
    names = ("g", "norm", "mu_squared")
    one_by_one = np.concatenate([tangents(state.problem, state.u, [name]) for name in names])
    assert tangents(state.problem, state.u, names) == pytest.approx(one_by_one, abs=1e-10)


def gross_pitaevskii(u, p, r):
    return 0.5 * r**2 * u[0] ** 2 + 0.25 * p["c"] * u[0] ** 4


def test_without_norm():
    """u'' = u - a u^3 in d = 1: u = sqrt(2/a) sech r, du/da = -u / (2 a)."""
    model = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - 0.25 * p["a"] * u[0] ** 4, ("u",), {"a": 1.3})
    line = ss.Problem(model, ss.RadialGrid(r_max=20.0, n_elements=12, order=12, dim=1))
    exact = np.sqrt(2.0 / 1.3) / np.cosh(line.grid.nodes)
    state = ss.solve(line, guess=exact)
    found = tangents(line, state.u, ["a"])[0][:, 0]
    assert found == pytest.approx(-state.u[:, 0] / 2.6, abs=1e-7)
