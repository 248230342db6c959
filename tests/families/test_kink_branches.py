"""Branches and derivatives of kinks on a line, compared with closed forms."""

import jax
import numpy as np
import pytest

import supersoliton as ss


def montonen(u, p):
    return 0.5 * (u[0] ** 2 + u[1] ** 2 - 1) ** 2 + 0.5 * p["k2"] * u[1] ** 2


def tilted(u, p):
    """1/2 (a^2 - u^2)^2 (1 + b u)^2: E = int (a^2 - u^2)(1 + b u) du = 4 a^3/3 for every b."""
    return 0.5 * (p["a"] ** 2 - u[0] ** 2) ** 2 * (1 + p["b"] * u[0]) ** 2


def problem(k2):
    model = ss.Potential(montonen, fields=("f", "c"), params={"k2": k2})
    return ss.Problem(model, line=([-1.0, 0.0], [1.0, 0.0]))


def test_the_lower_kink_along_its_coupling():
    state = ss.solve(problem(0.25))
    branch = ss.continuation(state, "k2", 0.5)
    k = np.sqrt(branch.parameters)
    assert branch.reached
    assert branch.energies == pytest.approx(2 * k * (1 - k**2 / 3), rel=1e-9)
    assert branch.stable.all()
    # dE/dk2 = (1 - k^2)/k
    assert ss.sensitivity(state, "k2").energy == pytest.approx(0.75 / 0.5, rel=1e-8)
    assert jax.grad(lambda k2: ss.solve(problem(0.25).replace(k2=k2)).energy)(0.25) == pytest.approx(1.5, rel=1e-8)


def test_the_upper_kink_becomes_stable_where_the_lower_one_ends():
    start = ss.solve(problem(0.5)).problem
    upper = ss.solve(start, lambda x: np.stack([np.tanh(x), 0.0 * x], axis=1))
    branch = ss.continuation(upper, "k2", 1.3)
    assert branch.reached
    assert branch.energies == pytest.approx(4.0 / 3.0, rel=1e-9)
    (special,) = branch.bifurcations
    assert special.parameter == pytest.approx(1.0, abs=1e-7)  # lowest mode k^2 - 1
    assert branch.stable[-1]
    assert not branch.stable[0]


def test_vacua_that_move_are_followed():
    state = ss.solve(ss.Problem(ss.Potential(tilted, params={"a": 1.0, "b": 0.2}), line=(-1.0, 1.0)))
    branch = ss.continuation(state, "a", 1.4)
    assert branch.reached
    assert branch.energies == pytest.approx(4.0 / 3.0 * branch.parameters**3, rel=1e-9)
    end = branch.state(-1)
    assert end.problem.line == (pytest.approx((-1.4,)), pytest.approx((1.4,)))
    assert end.certificate.certified
    assert ss.sensitivity(state, "b").energy == pytest.approx(0.0, abs=1e-8)
