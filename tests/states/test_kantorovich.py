"""The estimated distance to the solution, against the distance itself."""

import dataclasses

import numpy as np
import pytest
from tests.problems import solved

from supersoliton.problem.residual import metric
from supersoliton.problem.tangent_space import TangentSpace
from supersoliton.problem.transfer import scale_to_norm
from supersoliton.states.kantorovich import kantorovich_radius


def h1(grid, v):
    return float(np.sqrt(np.sum(v * (metric(grid)[0] @ v))))


@pytest.mark.parametrize("name", ["cubic NLS d=3 n=0", "octaves g=0.6 N=600", "sech at fixed norm d=1"])
@pytest.mark.parametrize("size", [1e-4, 1e-6])
def test_radius_brackets_the_distance(name, size):
    """A state displaced by a known amount: the exact one lies within the radius, and not far inside it."""
    state = solved(name)
    problem, grid = state.problem, state.grid
    bump = np.exp(-((grid.nodes - 1.0) ** 2))[:, None] * problem.free_nodes * problem.carries_norm
    extent = h1(grid, state.u - problem.vacuum.values)
    u = state.u + size * extent * bump / h1(grid, bump)
    if problem.norm is not None:
        u = scale_to_norm(problem, u)
    multiplier = state.multiplier
    radius = kantorovich_radius(TangentSpace(problem, u, multiplier))
    distance = h1(grid, u - state.u) / extent
    assert radius.h < 0.5
    assert distance * 0.9 <= radius.relative <= 3.0 * distance


def test_the_radius_of_a_converged_state_is_rounding():
    assert solved("cubic NLS d=3 n=0").certificate.radius < 1e-11


def test_no_radius_far_from_a_solution():
    state = solved("cubic NLS d=3 n=0")
    far = 1.3 * state.u
    found = kantorovich_radius(TangentSpace(state.problem, far, 0.0))
    assert found.h > 0.5
    assert np.isnan(found.relative)
    assert dataclasses.replace(state.certificate).radius > 0.0
