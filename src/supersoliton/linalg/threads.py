"""One thread for what is too small to share.

The blocks of a factorisation have a few hundred rows. A BLAS that splits them over threads waits for its threads longer
than it computes, above all where other programs want the same cores: on a shared machine of two cores a Q-ball of 12
octaves took 0.7 to 9 s with OpenBLAS on two threads and 0.11 s on one. Large dense eigenproblems are another matter and
keep their threads (:mod:`.eigenvalues`).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
T = TypeVar("T")


@functools.cache
def _controller() -> ThreadpoolController:
    """The BLAS libraries of this process. Looking for them takes 4 ms, changing their threads 0.01 ms."""
    return ThreadpoolController()


@functools.cache
def _is_alone() -> bool:
    """Whether a variable has told BLAS to keep to one thread, as in the workers of a scan: nothing is to be changed."""
    told = os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS")
    return told == "1" and all(library.num_threads == 1 for library in _controller().lib_controllers)


def one_thread(function: Callable[P, T]) -> Callable[P, T]:
    """The function, with BLAS on one thread while it runs; the caller's threads are given back afterwards."""

    @functools.wraps(function)
    def alone(*args: P.args, **kwargs: P.kwargs) -> T:
        if _is_alone():
            return function(*args, **kwargs)
        with _controller().limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return alone
