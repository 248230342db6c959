"""Small blocks run on one BLAS thread, for any setting of the calling program."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from dense_systems import SHAPES, System, factors
from supersoliton import validate
from supersoliton.elements import eigenvalues, lapack
from supersoliton.machine.arithmetic import numerical
from supersoliton.validate import mass_ratio


def threads():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(2, user_api="blas"):
        if threads() != {2}:
            pytest.skip("this BLAS has one thread only")
        yield


def test_the_callers_threads_are_restored():
    assert numerical(threads)() == {1}
    assert numerical(lambda: (numerical(threads)(), threads()))() == ({1}, {1})
    assert threads() == {2}
    with pytest.raises(ZeroDivisionError):
        numerical(lambda: 1 / 0)()
    assert threads() == {2}


def test_a_claim_about_one_core_is_checked_on_one(monkeypatch):
    seen = []
    monkeypatch.setattr(mass_ratio, "check", lambda: seen.append(threads()) or claim)
    claim = validate.check("sextic")
    validate.check("mass_ratio")
    assert seen == [{1}]


def test_factorisation_solution_and_inertia_run_on_one(monkeypatch):
    seen = []

    def spied(name):
        original = getattr(lapack, name)
        monkeypatch.setattr(lapack, name, lambda *a, **k: seen.append((name, threads())) or original(*a, **k))

    for name in ("dgbtrf", "dgbtrs", "dsytrf"):
        spied(name)
    system = System(SHAPES[0], 0, shift=40.0)
    found = factors(system)
    lapack.solve(found, system.rhs)
    lapack.inertia(found)
    assert {name for name, _ in seen} == {"dgbtrf", "dgbtrs", "dsytrf"}
    assert all(number == {1} for _, number in seen)
    assert threads() == {2}


@pytest.mark.parametrize(("rows", "expected"), [(20, {1}), (eigenvalues._ONE_THREAD + 1, {2})])
def test_only_large_eigenproblems_use_several_threads(monkeypatch, rows, expected):
    seen = []
    monkeypatch.setattr(eigenvalues.scipy.linalg, "eigh", lambda a, **_: seen.append(threads()) or a[0])
    eigenvalues.all_eigenvalues(np.eye(rows))
    assert seen == [expected]
