"""The batched count of negative eigenvalues against dense linear algebra."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dense_systems import CASES, System
from supersoliton.elements import batched

negative = jax.jit(batched.negative)


@pytest.mark.parametrize(("shape", "first", "last"), CASES)
@pytest.mark.parametrize("shift", [0.0, 40.0, -40.0], ids=["indefinite", "positive", "negative"])
def test_the_count_is_that_of_the_dense_matrix(shape, first, last, shift):
    for seed in range(3):
        system = System(shape, seed, free_first=first, free_last=last, shift=shift)
        count, uncertain = negative(system.factors)
        assert not uncertain
        assert int(count) == system.dense_inertia()[0]


def test_the_count_is_uncertain_for_a_singular_pivot_and_for_nan():
    system = System((2, 3, 2), 0)
    flat = system.blocks.copy()
    flat[0, 2:4] = flat[0, :, 2:4] = 0.0  # zero diagonal block at the first inner node of the first element
    free = jnp.ones(2)
    for blocks in (flat, np.full_like(flat, np.nan)):
        assert negative(batched.factor(jnp.asarray(blocks), free, free, jnp.zeros((2, 2))))[1]
