"""The H^1 metric on the host: its inverse as a matrix and as a banded factor."""

import numpy as np
import pytest

import supersoliton as ss
from supersoliton.problem.residual import BandedInverse, host_metric, metric


@pytest.mark.parametrize("n_elements", [2, 8, 16])
@pytest.mark.parametrize("dim", [1, 2.5, 3])
def test_the_inverse_undoes_the_metric(n_elements, dim):
    grid = ss.RadialGrid(7.0, n_elements, 12, dim=dim)
    matrix, inverse = host_metric(grid)
    assert isinstance(inverse, BandedInverse) == (grid.n_nodes > 128)
    columns = np.random.default_rng(0).normal(size=(grid.n_nodes, 3))
    exact = (grid.stiffness + grid.mass) @ columns
    assert matrix @ columns == pytest.approx(exact, abs=1e-13 * np.abs(exact).max())
    assert matrix @ (inverse @ columns) == pytest.approx(columns, abs=1e-10)
    assert inverse @ columns == pytest.approx(metric(grid).inverse @ columns, rel=1e-9, abs=1e-9)
