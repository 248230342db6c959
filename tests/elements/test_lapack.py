"""The host's condensed factorisation against dense linear algebra, on random systems of every signature."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dense_systems import CASES, SHAPES, System, factors
from supersoliton.elements import lapack
from supersoliton.elements.packing import lower_triangle, packing, whole


@pytest.mark.parametrize(("shape", "first", "last"), CASES)
@pytest.mark.parametrize("shift", [0.0, 40.0, -40.0], ids=["indefinite", "positive", "negative"])
def test_solution_and_inertia_are_those_of_the_dense_matrix(shape, first, last, shift):
    for seed in range(3):
        system = System(shape, seed, free_first=first, free_last=last, shift=shift)
        exact = system.dense_solution()
        found = factors(system)
        cholesky = [part.pivots is None for part in found.interior]
        assert all(cholesky) if shift > 0 else not any(cholesky) if shift < 0 else True  # both branches are tested
        assert lapack.solve(found, system.rhs) == pytest.approx(exact, abs=1e-9 * np.abs(exact).max())
        assert lapack.inertia(found) == system.dense_inertia()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-12.0, 12.0))
def test_inertia_of_any_indefinite_system(seed, shift):
    """The shift moves the spectrum through zero, so that every count between none and all occurs."""
    system = System((5, 4, 3), seed, free_last=[0.0, 1.0, 0.0], shift=shift)
    assert lapack.inertia(factors(system)) == system.dense_inertia()


def test_fixed_values_are_zero_and_their_loads_are_ignored():
    system = System((2, 3, 2), 7, free_first=[0.0, 1.0], free_last=[1.0, 0.0])
    x = lapack.solve(factors(system), system.rhs)
    assert np.all(x[0, 0] == 0.0)
    assert np.all(x[-1, 1] == 0.0)
    changed = system.rhs.copy()
    changed[0, 0] += 100.0
    changed[-1, 1] -= 100.0
    assert np.array_equal(lapack.solve(factors(system), changed), x)


@pytest.mark.parametrize("shape", SHAPES)
def test_matvec_is_the_dense_product(shape):
    system = System(shape, 11)
    exact = (system.dense @ system.rhs.reshape(-1, 3)).reshape(system.rhs.shape)
    product = lapack.matvec(system.blocks, system.exterior, system.rhs)
    assert product == pytest.approx(exact, abs=1e-12 * np.abs(exact).max())


@pytest.mark.parametrize("spoiled", [np.nan, np.inf, 0.0], ids=["NaN", "infinite", "singular"])
def test_a_spoiled_matrix_gives_no_solution_and_no_warning(spoiled):
    system = System((2, 3, 2), 7)
    system.blocks[:] = spoiled
    system.exterior[:] = spoiled
    assert not np.any(np.isfinite(lapack.solve(factors(system), system.rhs)))


@pytest.mark.parametrize(("nodes", "fields"), [(3, 1), (4, 2), (13, 8)])
def test_a_product_of_two_symmetric_matrices_is_restored_from_its_packed_entries(nodes, fields):
    rng = np.random.default_rng(nodes)
    a, b = (x + x.T for x in (rng.normal(size=(nodes, nodes)), rng.normal(size=(fields, fields))))
    entries = np.outer(a[lower_triangle(nodes)], b[lower_triangle(fields)]).ravel()
    dense = np.kron(a, b)  # row = node * fields + field
    assert np.array_equal(entries[whole(nodes, fields)], dense)
    inside, ends = slice(fields, -fields), np.r_[:fields, -fields:0]
    parts = packing(nodes, fields)
    assert np.array_equal(entries[parts.interior], dense[inside, inside])
    assert np.array_equal(entries[parts.coupling], dense[inside][:, ends])
    assert np.array_equal(entries[parts.ends], dense[np.ix_(ends, ends)])
