"""Branches and derivatives of states that break a symmetry: those of one field along the same ray."""

import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss
from supersoliton.problem.zero_modes import Symmetries


def sextic(u, p):
    x = jnp.sum(u**2)
    return 0.5 * x - p["b"] * x**2 + 0.5 * x**3


@pytest.fixture(scope="module")
def balls():
    """The same Q-ball of one field and of two."""
    grid = ss.RadialGrid(20.0, 8, 10)
    models = [ss.Potential(sextic, names, {"b": 1.0}) for names in (("x",), ("x", "y"))]
    return [ss.solve(ss.Problem(model, grid, norm=100.0), ss.SuperGaussian(1.0, 4.5)) for model in models]


def test_a_branch_has_no_bifurcation_at_every_step(balls):
    """The sign of a zero mode used to change along the branch, and the corrector met a singular matrix."""
    one, two = (ss.continuation(ball, "b", 1.1) for ball in balls)
    assert two.reached
    assert not two.special
    assert set(two.values("negative_modes")) == {0}
    assert two.values("energy")[-1] == pytest.approx(one.values("energy")[-1], rel=1e-10)


def test_derivatives_do_not_turn_the_state(balls):
    one, two = (ss.sensitivity(ball, "b") for ball in balls)
    assert two.energy == pytest.approx(one.energy, rel=1e-9)
    direction = balls[1].u[0] / np.linalg.norm(balls[1].u[0])
    expected = one.fields[:, 0] * np.sign(balls[0].u[0, 0])
    assert two.fields == pytest.approx(expected[:, None] * direction, abs=1e-7 * np.max(np.abs(expected)))


def test_a_zero_mode_follows_its_state(balls):
    """The generator found at one state gives the zero mode of another."""
    ball = balls[1]
    symmetries = Symmetries(ball.problem, ball.u, ball.multiplier)
    other = ss.solve(ball.problem.replace(b=1.2), ball)
    mode = symmetries.at(other.problem, other.u)[:, :, 0]
    turned = other.u @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    cosine = np.sum(mode * turned) / np.linalg.norm(mode) / np.linalg.norm(turned)
    assert abs(cosine) == pytest.approx(1.0, abs=1e-6)
