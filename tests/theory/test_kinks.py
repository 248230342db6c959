"""Jumps of V'' on a path, against potentials made of pieces."""

import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss
from supersoliton.theory.kinks import kinks


@pytest.mark.parametrize("unit", [1.0, 1e-9, 1e15])
def test_two_parabolas_that_meet(unit):
    """V'' is 2 below u = 0.3 and 4 above."""
    at = 0.3 * unit

    def joined(u, p):
        return jnp.where(u[0] < at, u[0] ** 2, 2.0 * (u[0] - at) ** 2 + 2.0 * at * (u[0] - at) + at**2)

    (found,) = kinks(ss.Potential(joined), unit * np.linspace(1.3, -1.0, 97)[:, None])
    assert found.values == pytest.approx([at], rel=1e-9)
    assert found.jump == pytest.approx(2.0, rel=1e-9)
    assert found.position == pytest.approx(96.0 * (1.3 - 0.3) / 2.3, rel=1e-9)


def test_a_curved_path_meets_a_line_twice():
    model = ss.Potential(lambda u, p: jnp.sum(u**2) + jnp.maximum(u[0] - 0.5, 0.0) ** 2, ("a", "b"))
    angle = np.linspace(-2.0, 2.0, 201)
    found = kinks(model, np.stack([np.cos(angle), np.sin(angle)], 1))
    assert [k.values[0] for k in found] == pytest.approx([0.5, 0.5], abs=1e-9)
    assert [k.jump for k in found] == pytest.approx([2.0, 2.0], rel=1e-6)


@pytest.mark.parametrize("function", [lambda u, p: jnp.tanh(20.0 * u[0]), lambda u, p: u[0] ** 4 - u[0] ** 2])
def test_a_smooth_potential_has_none(function):
    assert kinks(ss.Potential(function), np.linspace(-1.0, 1.0, 50)[:, None]) == []
