"""Twice the fields on half a line are the fields on the line."""

import numpy as np
import pytest
from scipy.integrate import quad

import supersoliton as ss
from supersoliton.theory.whole_line import WholeLine, ends_of, fold, folded, unfold


def test_parts_are_even_and_odd_and_add_up():
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=(2, 7, 3))
    parts = fold(left, right)
    assert parts.shape == (7, 6)
    assert unfold(parts, np.ones(7)) == pytest.approx(right, rel=1e-14)
    assert unfold(parts, -np.ones(7)) == pytest.approx(left, rel=1e-14)
    x = np.linspace(0.0, 3.0, 5)
    assert folded(np.cosh, x, 1) == pytest.approx(np.stack([np.cosh(x), 0 * x], 1))
    assert folded(np.sinh, x, 1) == pytest.approx(np.stack([0 * x, np.sinh(x)], 1))
    assert ends_of(np.array([0.5, 0.5])) == ((0.0,), (1.0,))


def test_the_energy_is_the_integral_over_the_line():
    """Fields of no symmetry at all, against SciPy's quadrature of the energy density."""
    model = ss.Potential(lambda u, p: p["g"] * u[0] ** 2 * (1 - u[0]) ** 2, params={"g": 1.5}, kinetic=(2.0,))
    problem = ss.Problem(model, ss.RadialGrid(r_max=12.0, n_elements=12, dim=1), line=([0.0], [1.0]))

    def field(x):
        return 0.5 * (1 + np.tanh(x)) + 0.3 / np.cosh(x - 0.7)

    def density(x):
        slope = (field(x + 1e-6) - field(x - 1e-6)) / 2e-6
        return slope**2 + 1.5 * field(x) ** 2 * (1 - field(x)) ** 2

    exact = quad(density, -12.0, 12.0, epsabs=1e-11, limit=200)[0]
    assert problem.energy(folded(field, problem.grid.nodes, 1)) == pytest.approx(exact, rel=1e-8)


def test_the_theory_passes_its_couplings_on():
    model = WholeLine(ss.Potential(lambda u, p: p["g"] * u[0] ** 2, params={"g": 1.0}, kinetic=(3.0,)))
    assert model.params == {"g": 1.0}
    assert model.replace(g=2.0).model.params == {"g": 2.0}
    assert model.kinetic.tolist() == [3.0, 3.0]
    assert model.fields == ("u_even", "u_odd")
    assert model.describe() == model.model.describe()
