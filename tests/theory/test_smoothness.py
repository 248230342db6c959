"""Which potentials can jump in a derivative."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss
from supersoliton.theory.dimensionless import Dimensionless
from supersoliton.theory.smoothness import is_analytic

SMOOTH = {
    "a polynomial": lambda u, p: 0.5 * u[0] ** 2 - p["g"] * u[0] ** 4,
    "trigonometric": lambda u, p: 1.0 - jnp.cos(u[0]) + p["g"] * jnp.exp(-(u[0] ** 2)),
    "a logarithm": lambda u, p: u[0] ** 2 * jnp.log(u[0] ** 2) * p["g"],
    "a root of a coupling": lambda u, p: jnp.where(p["g"] > 0.0, jnp.sqrt(p["g"]), 0.0) * u[0] ** 2,
    "within another function": lambda u, p: jax.jit(jnp.cosh)(u[0]) * p["g"],
    "a sum over fields": lambda u, p: p["g"] * jnp.sum(u**2) ** 2,
}
MAY_JUMP = {
    "a modulus": lambda u, p: jnp.abs(u[0]) * p["g"],
    "a case": lambda u, p: jnp.where(u[0] > 0.0, p["g"] * u[0] ** 2, u[0] ** 2),
    "a maximum": lambda u, p: jnp.maximum(u[0], p["g"]) ** 2,
    "a root of a square": lambda u, p: p["g"] * jnp.sqrt(u[0] ** 2),
    "a case within another function": lambda u, p: jax.jit(jax.nn.relu)(u[0]) * p["g"],
    "a step": lambda u, p: p["g"] * jnp.floor(u[0]),
    "an index": lambda u, p: jnp.array([1.0, 2.0])[jnp.int32(u[0])] * p["g"],
}


@pytest.mark.parametrize("name", [*SMOOTH, *MAY_JUMP])
def test_operations_decide(name):
    model = ss.Potential((SMOOTH | MAY_JUMP)[name], params={"g": 1.5})
    assert is_analytic(model) == (name in SMOOTH)
    assert is_analytic(Dimensionless(model, 2.0, 3.0)) == (name in SMOOTH)


def test_other_theories():
    x = np.linspace(0.0, 5.0, 20)
    assert is_analytic(ss.OctaveHiggs(3))
    assert not is_analytic(ss.Potential(ss.Table(x, x**2 - 0.2 * x**3)))
