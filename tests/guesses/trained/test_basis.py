"""The basis of a branch, and regression over it."""

import warnings

import numpy as np
import pytest

import supersoliton as ss
from supersoliton.guesses.trained.basis import make_basis
from supersoliton.guesses.trained.network import Network
from supersoliton.guesses.trained.regression import GaussianProcess

GRID = ss.RadialGrid(r_max=8.0, n_elements=4, order=8)


def wall(radius):
    """A wall at ``radius`` and its derivative along the radius, one field."""
    x = GRID.nodes - radius
    return 0.5 * (1.0 - np.tanh(x))[:, None], 0.5 * (1.0 / np.cosh(x) ** 2)[:, None]


def relative(basis, w):
    away = w - basis.expand(basis.project(w))
    return float(np.sqrt(np.sum(away * (GRID.mass @ away)) / np.sum(w * (GRID.mass @ w))))


@pytest.fixture
def states():
    pairs = [wall(radius) for radius in np.linspace(2.0, 5.0, 6)]
    return np.stack([w for w, _ in pairs]), np.stack([t for _, t in pairs])


def test_modes_are_orthonormal_in_the_metric_of_the_mesh(states):
    basis = make_basis(GRID, *states, size=8)
    assert basis.size == 8
    gram = np.einsum("aik,ab,bil->kl", basis.modes, GRID.mass, basis.modes)
    assert gram == pytest.approx(np.eye(8), abs=1e-10)
    n = basis.modes.shape[1]
    assert basis.mass(np.ones(n)) == pytest.approx(np.eye(8), abs=1e-10)
    weights = np.arange(2.0, 2.0 + n)
    stiff = np.einsum("i,aik,ab,bil->kl", weights, basis.modes, GRID.stiffness, basis.modes)
    assert basis.stiffness(weights) == pytest.approx(stiff, rel=1e-12, abs=1e-12 * np.abs(stiff).max())
    assert basis.stiffness(np.ones(n)) != pytest.approx(stiff, rel=1e-3)  # each weight has its own


def test_states_of_the_basis_are_kept(states):
    basis = make_basis(GRID, *states, size=30)
    assert max(relative(basis, w) for w in states[0]) < 1e-10


def test_derivatives_improve_the_basis_between_the_states(states):
    between = [wall(radius)[0] for radius in (2.31, 3.77, 4.66)]
    without = make_basis(GRID, states[0], states[1][:0], size=30)
    with_ = make_basis(GRID, *states, size=30)
    assert max(relative(with_, w) for w in between) < 0.02 * max(relative(without, w) for w in between)


def test_at_points_is_what_the_mesh_interpolates(states):
    basis = make_basis(GRID, *states, size=5)
    there = GRID.at_quadrature(basis.modes[:, 0]).reshape(-1, 5)
    assert basis.at_points.dtype == np.float32
    roots = np.sqrt(GRID.quadrature_weights).reshape(-1, 1)
    assert basis.at_points[:, 0] == pytest.approx(roots * there, rel=1e-6, abs=1e-7)


def test_regression_is_that_of_scikit_learn():
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    random = np.random.default_rng(3)
    x = random.uniform(-1.0, 1.0, (20, 2))
    y = np.stack([np.sin(2.0 * x[:, 0]), x[:, 0] * x[:, 1]], axis=1)
    ours = GaussianProcess(x, y).regression(y)
    scale = y[:, 0].std()
    kernel = ConstantKernel(1.0) * RBF(np.full(2, 2.0), (0.1, 100.0)) + WhiteKernel(1e-6, (1e-10, 1e-1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = GaussianProcessRegressor(kernel).fit(x, y / scale)
    at = random.uniform(-1.0, 1.0, (7, 2))
    assert ours(at) == pytest.approx(scale * theirs.predict(at), abs=2e-4)  # theirs adds 1e-10 to the diagonal
    assert ours(at) == pytest.approx(np.stack([np.sin(2.0 * at[:, 0]), at[:, 0] * at[:, 1]], axis=1), abs=1e-2)


def test_a_network_by_hand():
    """One hidden unit: 3 silu(2x + 1) - 0.5, times the scale."""
    network = Network(
        (np.array([[2.0]], np.float32), np.array([[3.0]], np.float32)),
        (np.array([1.0], np.float32), np.array([-0.5], np.float32)),
        np.array([10.0], np.float32),
    )
    z = 2.0 * 0.25 + 1.0
    assert network(np.array([0.25])) == pytest.approx([10.0 * (3.0 * z / (1.0 + np.exp(-z)) - 0.5)], rel=1e-6)
    assert network(np.array([[0.25], [0.5]])).shape == (2, 1)


def test_regression_of_matrices_is_that_of_their_entries():
    """Symmetric, about their average, smoothed, and the same in single precision as in double."""
    random = np.random.default_rng(5)

    def matrix(x):
        a, b = np.sin(x[0]), x[1]
        return np.array([[2.0 + a, a * b, b], [a * b, 3.0, a], [b, a, 1.0 - b]])

    x = random.uniform(-1.0, 1.0, (40, 2))
    values = np.stack([matrix(one) for one in x])
    process = GaussianProcess(x, values.reshape(len(x), 9)[:, [0, 2, 1]])
    found = process.matrices(values)
    assert found.fit.weights.dtype == np.float32
    mean, spread = values.mean(axis=0), values.std(axis=0).max()
    for one in random.uniform(-0.8, 0.8, (5, 2)):
        told = found(one)
        assert np.array_equal(told, told.T)
        assert np.max(np.abs(told - matrix(one))) < 0.5 * spread
        away = (one - found.fit.at) / found.fit.lengths
        double = np.exp(-0.5 * np.sum(away**2, axis=-1)) @ found.fit.weights.astype(float)
        assert told[np.triu_indices(3)] == pytest.approx(mean[np.triu_indices(3)] + double, abs=5e-3 * spread)
