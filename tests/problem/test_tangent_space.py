"""Bordered solutions, projections, inertia and modes of the second variation against dense linear algebra."""

import gc
import weakref

import numpy as np
import pytest
import scipy.linalg

import supersoliton as ss
from dense_systems import dense_second_variation
from problems import solved
from supersoliton.problem.tangent_space import Bordered, TangentSpace, constraints_of, norm_border, solve_each

# A state at fixed norm of several fields, one of odd parity, one whose fields decay beyond the mesh; and a shift that
# leaves each a few negative modes.
STATES = {"octaves g=0.6 N=600": -0.9, "kink d=1": -4.5, "cubic NLS d=3 n=1": 0.0}
each_state = pytest.mark.parametrize("name", STATES)
each_count = pytest.mark.parametrize("count", [0, 1, 2])


class Dense:
    """The tangent space of ``name`` with ``count`` constraints, and its dense matrices over the free nodes."""

    def __init__(self, name, count, sigma=None):
        state, rng = solved(name), np.random.default_rng(3)
        self.problem, self.u = state.problem, state.u
        self.sigma = STATES[name] if sigma is None else sigma
        free = self.problem.free_nodes
        constraints = rng.normal(size=(*self.u.shape, count)) * free[:, :, None]
        if count:  # the norm, if a field carries it
            border = norm_border(self.problem, self.u)
            constraints[:, :, 0] = border if np.any(border) else constraints[:, :, 0]
        given = {"sigma": self.sigma, "constraints": constraints}
        self.space = TangentSpace(self.problem, self.u, state.multiplier, **given)
        self.free = free.ravel() > 0
        matrix, self.mass, _ = dense_second_variation(self.problem, self.u, state.multiplier)
        self.matrix = matrix + self.sigma * self.mass
        self.borders = self.flat(constraints)
        self.loads = rng.normal(size=(*self.u.shape, 3))
        self.goals = rng.normal(size=(count, 3))

    def flat(self, x):
        return x.reshape(self.free.size, -1)[self.free]

    def bordered(self):
        k = self.borders.shape[1]
        return np.block([[self.matrix, self.borders], [self.borders.T, np.zeros((k, k))]])

    def on_the_tangent_space(self):
        """Eigenvalues relative to the mass matrix, ascending, and the eigenvectors."""
        basis = scipy.linalg.null_space(self.borders.T) if self.borders.size else np.eye(len(self.matrix))
        values, vectors = scipy.linalg.eigh(basis.T @ self.matrix @ basis, basis.T @ self.mass @ basis)
        return values, basis @ vectors

    def angle(self, v, w):
        """1 - |cos| of the angle between two directions in L2."""
        v = self.flat(v)[:, 0]
        return 1.0 - abs(v @ self.mass @ w) / np.sqrt((v @ self.mass @ v) * (w @ self.mass @ w))


@each_state
@each_count
def test_bordered_solutions(name, count):
    dense = Dense(name, count)
    expected = np.linalg.solve(dense.bordered(), np.vstack([dense.flat(dense.loads), dense.goals]))
    x, c = dense.space.solve(dense.loads, dense.goals)
    size = len(dense.matrix)
    assert dense.flat(x) == pytest.approx(expected[:size], abs=1e-9 * np.abs(expected[:size]).max())
    assert c == pytest.approx(expected[size:], rel=1e-8, abs=1e-9)
    assert np.all(x.reshape(dense.free.size, -1)[~dense.free] == 0.0)
    alone, multipliers = dense.space.solve(dense.loads[:, :, 1], dense.goals[:, 1])
    assert alone == pytest.approx(x[:, :, 1], rel=1e-9, abs=1e-9 * np.abs(x).max())
    assert multipliers == pytest.approx(c[:, 1], rel=1e-8, abs=1e-9)


@each_state
@each_count
def test_projection_is_along_the_operator(name, count):
    """It satisfies the constraints and moves x by A^-1 of a combination of the borders."""
    dense = Dense(name, count)
    x, _ = dense.space.project(dense.loads * dense.space.free[:, :, None], dense.goals)
    moved = dense.flat(x) - dense.flat(dense.loads)
    assert dense.borders.T @ dense.flat(x) == pytest.approx(dense.goals, abs=1e-9)
    load = dense.matrix @ moved
    rest = load - (dense.borders @ np.linalg.lstsq(dense.borders, load)[0] if count else 0.0)
    assert np.abs(rest).max() <= 1e-8 * max(np.abs(load).max(), 1.0)


@each_state
def test_the_operator(name):
    dense = Dense(name, 0)
    x = dense.loads[:, :, 0] * dense.space.free
    expected = dense.matrix @ dense.flat(x)[:, 0]
    assert dense.flat(dense.space.apply(x))[:, 0] == pytest.approx(expected, abs=1e-11 * np.abs(expected).max())


@each_state
@each_count
@pytest.mark.parametrize("sigma", [-3.3, -0.5, 0.3, 20.0])
def test_inertia_on_the_tangent_space(name, count, sigma):
    dense = Dense(name, count, sigma)
    expected = int(np.sum(dense.on_the_tangent_space()[0] < 0.0))
    assert dense.space.count_negative() == expected
    assert dense.space.shifted(sigma + 1.0).count_negative() == int(np.sum(dense.on_the_tangent_space()[0] < -1.0))


@each_state
@each_count
def test_lowest_mode(name, count):
    """Its Rayleigh quotient is near the lowest eigenvalue, below the second, and it satisfies the constraints."""
    dense = Dense(name, count)
    values, vectors = dense.on_the_tangent_space()
    negative, mode = dense.space.lowest_mode()
    assert negative == int(np.sum(values < 0.0))
    assert negative > 0
    v = dense.flat(mode)[:, 0]
    quotient = (v @ dense.matrix @ v) / (v @ dense.mass @ v)
    assert values[0] - 1e-9 * abs(values[0]) <= quotient <= values[0] + 0.01 * (values[1] - values[0])
    assert dense.angle(mode, vectors[:, 0]) < 0.01
    assert dense.borders.T @ v == pytest.approx(np.zeros(count), abs=1e-8 * np.abs(dense.borders).max(initial=1.0))


def test_the_direction_is_zero_without_negative_modes():
    negative, mode = Dense("kink d=1", 1, 20.0).space.lowest_mode()
    assert negative == 0
    assert not np.any(mode)


@each_state
@each_count
def test_nearest_mode(name, count):
    """Inverse iteration converges to the eigenvalue next to 0 and returns it without the shift."""
    dense = Dense(name, count, STATES[name] + 0.5)
    values, vectors = dense.on_the_tangent_space()
    nearest = int(np.argmin(np.abs(values)))
    value, mode = dense.space.nearest_mode(count=200)
    assert value + dense.sigma == pytest.approx(values[nearest], rel=1e-8)
    assert dense.angle(mode, vectors[:, nearest]) < 1e-8


@pytest.mark.parametrize("name", ["octaves g=0.6 N=600", "cubic NLS d=3 n=1"])
def test_one_higher_angular_momentum(name):
    """l = 1 adds the centrifugal term and holds the origin; translations have the eigenvalue 0."""
    state = solved(name)
    space = TangentSpace(state.problem, state.u, state.multiplier, sigma=1e-3, ell=1)
    assert np.all(space.free[0] == 0.0)
    value, mode = space.nearest_mode(count=40)
    spectrum = ss.spectrum(state, n_modes=6, ell=1).eigenvalues
    assert value == pytest.approx(spectrum[np.argmin(np.abs(spectrum))], abs=1e-9)
    operator = space.apply(mode) - 1e-3 * (state.grid.mass @ mode) * space.free
    assert np.abs(operator - value * (state.grid.mass @ mode) * space.free).max() < 1e-8


def test_the_constraints_of_a_problem():
    fixed, free = solved("octaves g=0.6 N=600"), solved("kink d=1")
    normal = constraints_of(fixed.problem, fixed.u)
    h = 1e-6 * np.random.default_rng(0).normal(size=fixed.u.shape) * fixed.problem.free_nodes
    change = fixed.problem.norm_of_state(fixed.u + h) - fixed.problem.norm_of_state(fixed.u - h)
    assert 4.0 * np.sum(normal[:, :, 0] * h) == pytest.approx(change, rel=1e-6)
    assert constraints_of(free.problem, free.u).shape == (*free.u.shape, 0)
    space = TangentSpace(fixed.problem, fixed.u, fixed.multiplier)
    assert space.at_fixed_norm() is space


@pytest.mark.parametrize("count", [1, 2])
def test_rows_and_corner(count):
    """A general bordered system, A regular."""
    rng = np.random.default_rng(5)
    a, b, r, d = (rng.normal(size=shape) for shape in ((6, 6), (6, count), (6, count), (count, count)))
    load, goals = rng.normal(size=6), rng.normal(size=count)
    expected = np.linalg.solve(np.block([[a, b], [r.T, d]]), np.concatenate([load, goals]))
    system = Bordered(lambda x: np.linalg.solve(a, x), b, rows=r, corner=d)
    for _ in range(2):  # the second time with the stored images
        x, c = system.solve(load, goals)
        assert np.concatenate([x, c]) == pytest.approx(expected, rel=1e-10)


@each_count
def test_the_inverse_is_called_once(count):
    """Loads and borders together in the first call, loads only in later ones."""
    asked = []
    b = np.eye(5)[:, :count]

    def invert(x):
        asked.append(x.shape[-1])
        return x / np.arange(1.0, 6.0)[:, None]

    system = Bordered(invert, b)
    system.solve(np.ones((5, 2)), np.zeros((count, 2)))
    system.solve(np.ones(5))
    assert asked == [2 + count, 1]


def test_a_border_of_zeros_constrains_nothing():
    x, c = Bordered(lambda x: 2.0 * x, np.zeros((4, 1))).solve(np.ones(4), np.array([3.0]))
    assert x.tolist() == [2.0] * 4
    assert c.tolist() == [0.0]


def test_several_points_at_once():
    state = solved("octaves g=0.6 N=600")
    problem = state.problem
    fields = [state.u, 1.1 * state.u]
    curvatures, shifts = (
        np.stack([problem.curvature(u) for u in fields]),
        np.stack([s - state.multiplier * problem.carries_norm for s in (0.2, 0.7)]),
    )
    loads = np.random.default_rng(1).normal(size=(2, *state.u.shape))
    together = solve_each(problem, fields, curvatures, shifts, loads)
    for u, sigma, load, found in zip(fields, (0.2, 0.7), loads, together, strict=True):
        matrix, mass, border = dense_second_variation(problem, u, state.multiplier)
        system = np.block([[matrix + sigma * mass, border[:, None]], [border[None, :], np.zeros((1, 1))]])
        free = problem.free_nodes.ravel() > 0
        expected = np.linalg.solve(system, np.append(load.ravel()[free], 0.0))[:-1]
        assert found.ravel()[free] == pytest.approx(expected, abs=1e-9 * np.abs(expected).max())


def test_factors_are_freed_at_once():
    """There is no reference cycle: factors that wait for the garbage collector slow every step down."""
    state = solved("kink d=1")
    space = TangentSpace(state.problem, state.u, state.multiplier)
    space.solve(np.ones_like(state.u))
    seen = weakref.ref(space)
    gc.disable()
    try:
        del space
        assert seen() is None
    finally:
        gc.enable()
