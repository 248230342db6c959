"""The suite's ground rules: one thread per process, shapes and types checked at the first calls, float64."""

# ruff: noqa: E402  (the environment must be set before the imports)

import math
import os
import sys

# Before NumPy, SciPy or JAX is imported: pytest-xdist runs the processes side by side, so more threads only fight.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ["MPLBACKEND"] = "Agg"

import type_checking

# Every function of the package is checked against its annotations. Must come before the first import of supersoliton.
type_checking.install()

import jax

jax.config.update("jax_enable_x64", True)

import pytest

from supersoliton.machine.jax_setup import enable_compilation_cache

# Compiled kernels are shared by all tests and their processes, whatever cache of evaluations they have.
if _kernels := enable_compilation_cache():
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(_kernels)
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"


def pytest_addoption(parser):
    parser.addoption(
        "--damages", type=int, default=20, help="flipped bits and cuts in each kind of file; make nightly: 1000"
    )
    parser.addoption(
        "--check-every-call",
        action="store_true",
        help=f"check the types of every call, not only of the first {type_checking.CALLS} of a function in a test file",
    )


@pytest.fixture
def n_damages(request):
    return request.config.getoption("--damages")


@pytest.fixture(scope="module", autouse=True)
def _checks_of_types(request):
    type_checking.renew(math.inf if request.config.getoption("--check-every-call") else type_checking.CALLS)


@pytest.fixture(autouse=True)
def _no_open_figures():
    """What a test draws is not kept by pyplot, if a test has imported it."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path_factory, monkeypatch):
    """Every test begins without evaluations of other tests (or of the user)."""
    monkeypatch.setenv("SUPERSOLITON_CACHE", str(tmp_path_factory.mktemp("cache")))
