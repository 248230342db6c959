"""The estimated errors of eigenvalues against closed forms, on meshes from good to coarse and in boxes too small."""

import math

import numpy as np
import pytest

import supersoliton as ss
from problems import BY_NAME, cubic_nls, double_well, logarithmic_case, solved
from supersoliton.fluctuations.operator import scalar_basis

SECH_EDGES = np.array([0.0, 1.2, 2.5, 4.0, 6.0, 9.0, 13.0, 19.0, 28.0])
KINK_EDGES = np.array([0.0, 0.8, 1.7, 2.8, 4.0, 5.5, 7.5, 10.5, 16.0])


def logarithmic_rows(n_elements, order):
    for dim in (1, 2, 3, 4):
        case = logarithmic_case(dim)
        grid = ss.RadialGrid(8.0, n_elements, order, dim=dim)
        state = ss.solve(ss.Problem(case.problem().model, grid), case.guess)
        for ell, exact in case.spectrum.items():
            yield state, ell, exact


def kink_rows(size, order):
    grid = ss.RadialGrid(order=order, dim=1, edges=tuple(size * KINK_EDGES))
    problem = ss.Problem(ss.Potential(double_well), grid, boundary=[1.0], parity="odd")
    state = ss.solve(problem, lambda r: r / (1.0 + r))
    yield state, 0, [3.0]
    yield state, 1, [0.0]


def sech_rows(size, order):
    grid = ss.RadialGrid(order=order, dim=1, edges=tuple(size * SECH_EDGES))
    for settings in ({"norm": 4.0}, {"boundary": "vacuum"}, {"boundary": "decaying"}):
        state = ss.solve(ss.Problem(ss.Potential(cubic_nls), grid, **settings), lambda r: 1.414 / np.cosh(r))
        yield state, 0, [-3.0]
        yield state, 1, [0.0]


def free_rows(order):
    model = ss.Potential(lambda u, p: 0.5 * p["m2"] * u[0] ** 2, params={"m2": 0.49})
    state = ss.solve(ss.Problem(model, ss.RadialGrid(25.0, 8, order)), ss.Gaussian(0.1, 3.0))
    yield state, 0, 0.49 + (np.arange(1, 31) * math.pi / 25.0) ** 2


def all_rows():
    for n_elements, order in ((8, 12), (8, 7)):
        yield from logarithmic_rows(n_elements, order)
    for size in (1.0, 0.375):
        for order in (12, 7):
            yield from kink_rows(size, order)
            yield from sech_rows(size, order)
    yield from free_rows(12)
    yield from free_rows(7)


def test_estimates_are_honest():
    """The true error is below the estimate in 95 % of cases, and the estimate within a factor 100 or at rounding."""
    below, near = [], []
    for state, ell, exact in all_rows():
        assert state.converged
        modes = ss.spectrum(state, len(exact), ell, errors=True)
        problem = state.problem
        basis = scalar_basis(state.grid, ell, problem.parity == "odd", bool(problem.free_last[0] == 0.0))
        rounding = 1000 * np.finfo(float).eps * basis.kappa[-1]
        true = np.abs(modes.eigenvalues - exact)
        below += list(true <= modes.errors)
        near += list((modes.errors <= 100.0 * true) | (modes.errors <= rounding))
    assert len(below) > 150
    assert np.mean(below) >= 0.95
    assert np.mean(near) >= 0.95


@pytest.mark.parametrize("name", ["cubic NLS d=3 n=0", "quadratic NLS d=3", "octaves g=0.6 N=600"])
def test_error_estimates_hold_in_the_catalogue(name):
    """Published eigenvalues (to their own accuracy), and the translation mode of twelve octaves, which must be 0."""
    case, state = BY_NAME[name], solved(name)
    for ell, exact in {**case.spectrum, 1: [0.0]}.items():
        modes = ss.spectrum(state, len(exact), ell, errors=True)
        accuracy = 1e-12 if exact == [0.0] else 1e-8  # the table prints ten digits of lambda
        assert np.all(np.abs(modes.eigenvalues - exact) <= modes.errors + accuracy)
        assert np.all(modes.errors < 1e-4)


def test_errors_are_computed_only_when_asked_for():
    state = solved("kink d=1")
    assert ss.spectrum(state, 3).errors is None
    asked = ss.spectrum(state, 3, errors=True)
    assert asked.errors.shape == (3,)
    assert asked.eigenvalues == pytest.approx(ss.spectrum(state, 3).eigenvalues, abs=1e-12)
    assert asked.functions is None


def test_errors_of_the_reduced_basis_include_its_own():
    """300 modes of the reduced basis differ from the full ones by less than their estimates."""
    state = solved("octaves strong coupling N=60")
    fast = ss.spectrum(state, 60, fast=True, errors=True)
    assert np.all(np.abs(fast.eigenvalues - ss.spectrum(state, 60).eigenvalues) <= fast.errors)
