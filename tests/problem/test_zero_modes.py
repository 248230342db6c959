"""Negative and zero modes against closed forms and against the symmetry itself."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss
from supersoliton.problem.tangent_space import TangentSpace
from supersoliton.problem.zero_modes import inertia, window

GRID = ss.RadialGrid(10.0, 6, 10)


def counted(problem, u, multiplier=0.0):
    eps = window(problem)
    below = TangentSpace(problem, u, multiplier, sigma=eps)
    return inertia(below, below.shifted(-eps))


def two_masses(u, p):
    return 0.5 * p["a"] * u[0] ** 2 + 0.5 * p["b"] * u[1] ** 2


@pytest.mark.parametrize(
    ("lowest", "negative", "zero"),
    [(-1e-3, 1, 0), (-1e-7, 1, 0), (-2e-8, 1, 0), (0.0, 0, 1), (2e-8, 0, 0), (1e-3, 0, 0)],
)
def test_a_small_eigenvalue_is_not_a_zero_mode(lowest, negative, zero):
    """A free field in a box, a + (n pi/R)^2: the lowest eigenvalue is what it is made to be, however small."""
    a = lowest - (math.pi / GRID.r_max) ** 2
    problem = ss.Problem(
        ss.Potential(two_masses, ("x", "y"), {"a": a, "b": 1.0}),
        GRID,
        boundary="vacuum",
        omega=0.0,
        background=[0.0, 0.0],
    )
    found = counted(problem, np.zeros((GRID.n_nodes, 2)))
    assert (found.negative, found.zero) == (negative, zero)


def test_a_flat_direction_is_a_zero_mode():
    """A field that V does not contain, free at r_max, can be shifted by a constant."""
    problem = ss.Problem(ss.Potential(two_masses, ("x", "y"), {"a": 1.0, "b": 0.0}), GRID, boundary="free")
    found = counted(problem, np.zeros((GRID.n_nodes, 2)))
    assert (found.negative, found.zero) == (0, 1)
    assert np.ptp(found.modes[:, 1, 0]) < 1e-8
    assert np.max(np.abs(found.modes[:, 0, 0])) < 1e-8


def sextic(u, p):
    """O(n): x/2 - x^2 + x^3/2 with x = |u|^2."""
    x = jnp.sum(u**2)
    return 0.5 * x - x**2 + 0.5 * x**3


def test_the_zero_modes_are_the_rotations_of_the_state():
    """Three fields that point along (2, -1, 2)/3: the modes are the two rotations of that direction, at fixed norm."""
    along = np.array([2.0, -1.0, 2.0]) / 3.0
    grid = ss.RadialGrid(20.0, 10, 12)
    problem = ss.Problem(ss.Potential(sextic, ("x", "y", "z")), grid, norm=100.0)
    state = ss.solve(problem, lambda r: along * np.exp(-((r[:, None] / 4.5) ** 4)))
    found = counted(problem, state.u, state.multiplier)
    assert (found.negative, found.zero) == (0, 2)
    along = state.u[0] / np.linalg.norm(state.u[0])  # rounding may turn the state
    profile = state.u @ along
    assert state.u == pytest.approx(profile[:, None] * along, abs=1e-9)
    shape = profile / math.sqrt(float(grid.integrate(profile[:, None] ** 2)[0]))
    for i in range(2):
        direction = found.modes[0, :, i] / shape[0]
        assert direction @ along == pytest.approx(0.0, abs=1e-6)
        assert np.linalg.norm(direction) == pytest.approx(1.0, abs=1e-6)
        assert found.modes[:, :, i] == pytest.approx(shape[:, None] * direction, abs=1e-6)


def test_a_count_with_zero_modes_does_not_depend_on_the_mesh():
    along = np.array([0.6, 0.8])
    for order in (8, 11, 14):
        problem = ss.Problem(ss.Potential(sextic, ("x", "y")), ss.RadialGrid(20.0, 8, order), norm=100.0)
        state = ss.solve(problem, lambda r: along * np.exp(-((r[:, None] / 4.5) ** 4)))
        found = counted(problem, state.u, state.multiplier)
        assert (found.negative, found.zero) == (0, 1)
