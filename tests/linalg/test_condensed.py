"""The condensed factorisation against dense linear algebra, on random indefinite systems."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supersoliton.linalg import condensed

factor, solve = jax.jit(condensed.factor), jax.jit(condensed.solve)

# (elements, order, fields)
SHAPES = [(1, 2, 1), (2, 3, 2), (5, 4, 3)]


class System:
    """Random symmetric element matrices; the same system assembled densely."""

    def __init__(self, shape, seed, *, free_first=None, free_last=None, shift=0.0):
        self.elements, self.order, self.n = shape
        rng = np.random.default_rng(seed)
        size = (self.order + 1) * self.n
        blocks = rng.normal(size=(self.elements, size, size))
        self.blocks = blocks + blocks.swapaxes(1, 2) + shift * np.eye(size)
        outside = rng.normal(size=(self.n, self.n))
        self.exterior = outside + outside.T
        self.free_first = np.ones(self.n) if free_first is None else np.array(free_first, float)
        self.free_last = np.ones(self.n) if free_last is None else np.array(free_last, float)
        self.n_nodes = self.elements * self.order + 1
        dense = np.zeros((self.n_nodes * self.n,) * 2)
        for e, block in enumerate(self.blocks):
            at = slice(e * self.order * self.n, e * self.order * self.n + size)
            dense[at, at] += block
        dense[-self.n :, -self.n :] += self.exterior
        self.dense = dense
        mask = np.ones((self.n_nodes, self.n))
        mask[0] *= self.free_first
        mask[-1] *= self.free_last
        self.mask = mask.ravel() > 0
        self.rhs = rng.normal(size=(self.n_nodes, self.n, 3))
        self.factors = factor(*map(jnp.asarray, (self.blocks, self.free_first, self.free_last, self.exterior)))

    def dense_solution(self):
        x = np.zeros((self.n_nodes * self.n, 3))
        free = np.flatnonzero(self.mask)
        x[free] = np.linalg.solve(self.dense[np.ix_(free, free)], self.rhs.reshape(-1, 3)[free])
        return x.reshape(self.rhs.shape)

    def dense_inertia(self):
        values = np.linalg.eigvalsh(self.dense[np.ix_(self.mask, self.mask)])
        return int(np.sum(values < 0)), int(np.sum(values > 0))


def ends(n):
    """Every field free; the last node held; the first node held; some fields of both held."""
    some = [float(i % 2) for i in range(n)]
    return [(None, None), (None, [0.0] * n), ([0.0] * n, None), (some, [1.0 - x for x in some])]


CASES = [(shape, first, last) for shape in SHAPES for first, last in ends(shape[2])]


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
        return condensed.solve(condensed.factor(blocks, jnp.ones(2), jnp.ones(2), exterior), rhs)

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
