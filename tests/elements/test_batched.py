"""The condensed factorisation against dense linear algebra, on random indefinite systems."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dense_systems import CASES, System
from supersoliton.elements import batched

solve = jax.jit(batched.solve)


@pytest.mark.parametrize(("shape", "first", "last"), CASES)
@pytest.mark.parametrize("shift", [0.0, 40.0, -40.0], ids=["indefinite", "positive", "negative"])
def test_solution_is_that_of_the_dense_matrix(shape, first, last, shift):
    for seed in range(3):
        system = System(shape, seed, free_first=first, free_last=last, shift=shift)
        exact = system.dense_solution()
        found = np.asarray(solve(system.factors, jnp.asarray(system.rhs)))
        assert found == pytest.approx(exact, abs=1e-9 * np.abs(exact).max())


def test_fixed_values_are_zero_and_their_loads_are_ignored():
    system = System((2, 3, 2), 7, free_first=[0.0, 1.0], free_last=[1.0, 0.0])
    x = np.asarray(solve(system.factors, jnp.asarray(system.rhs)))
    assert np.all(x[0, 0] == 0.0)
    assert np.all(x[-1, 1] == 0.0)
    changed = system.rhs.copy()
    changed[0, 0] += 100.0
    changed[-1, 1] -= 100.0
    assert np.array_equal(np.asarray(solve(system.factors, jnp.asarray(changed))), x)


def test_batches_under_vmap():
    systems = [System((2, 3, 2), seed) for seed in range(4)]
    stacked = [jnp.stack([jnp.asarray(getattr(s, name)) for s in systems]) for name in ("blocks", "exterior", "rhs")]

    @jax.jit
    @jax.vmap
    def one(blocks, exterior, rhs):
        return batched.solve(batched.factor(blocks, jnp.ones(2), jnp.ones(2), exterior), rhs)

    together = np.asarray(one(*stacked))
    for x, system in zip(together, systems, strict=True):
        assert x == pytest.approx(system.dense_solution(), abs=1e-9)


def test_solution_is_differentiable():
    """d(x)/d(rhs) is the inverse matrix: a column of it by forward differentiation."""
    system = System((2, 3, 2), 3)
    rhs = jnp.asarray(system.rhs[:, :, :1])
    unit = jnp.zeros_like(rhs).at[2, 1, 0].set(1.0)
    _, tangent = jax.jvp(lambda b: solve(system.factors, b), (rhs,), (unit,))
    column = np.linalg.solve(system.dense, np.asarray(unit).ravel())
    assert np.asarray(tangent).ravel() == pytest.approx(column, abs=1e-9 * np.abs(column).max())
