"""How functions that compute run: BLAS on one thread, and without NumPy's warnings.

A potential may overflow or be undefined anywhere. The numbers that follow are infinite or NaN, and solvers, searches
and certificates check for them and say so in words; NumPy's warnings of the same would only come first.

The blocks of a factorisation have a few hundred rows. When other programs use the same cores, a BLAS that splits them
over threads spends most of its time waiting: on a busy machine of two cores a Q-ball of 13 fields took 0.7 to 9 s with
OpenBLAS on two threads and 0.11 s on one; L-BFGS took ten times as long, the frequencies of a rotating state four
times. Large dense eigenproblems keep their threads (:mod:`..elements.eigenvalues`).
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
T = TypeVar("T")

# Per Python thread. If several run at once, threadpoolctl obeys one of them, so others may run on more threads: this
# costs time and does not change results.
_state = threading.local()


@functools.cache
def _libraries() -> ThreadpoolController:
    """The BLAS libraries of this process (4 ms to find, 0.01 ms to change their threads)."""
    return ThreadpoolController()


def current_call() -> object | None:
    """A token of the outermost call of a ``numerical`` function in this thread; None outside."""
    return getattr(_state, "within", None)


def numerical(function: Callable[P, T]) -> Callable[P, T]:
    """Run ``function`` with BLAS on one thread and without floating-point warnings; the caller's settings come back."""

    @functools.wraps(function)
    def within(*args: P.args, **kwargs: P.kwargs) -> T:
        if current_call() is not None:
            return function(*args, **kwargs)
        with _libraries().limit(limits=1, user_api="blas"), np.errstate(all="ignore"):
            _state.within = object()
            try:
                return function(*args, **kwargs)
            finally:
                _state.within = None

    return within
