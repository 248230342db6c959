"""One thread for what is too small to share.

The blocks of a factorisation have a few hundred rows. A BLAS that splits them over threads waits for its threads longer
than it computes as soon as other programs want the same cores: on a busy machine of two cores a Q-ball of 13
fields took 0.7 to 9 s with OpenBLAS on two threads and 0.11 s on one; L-BFGS took ten times as long, the frequencies
of a rotating state four times. Large dense eigenproblems are another matter and keep their threads
(:mod:`.eigenvalues`).
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
T = TypeVar("T")

# One entry for each thread of Python. Where several are at work at once, threadpoolctl lets one of them set the number
# and ignores the others, so these may see what it gives back: that costs time and changes no number.
_here = threading.local()


@functools.cache
def _libraries() -> ThreadpoolController:
    """The BLAS libraries of this process. Looking for them takes 4 ms, changing their threads 0.01 ms."""
    return ThreadpoolController()


def one_thread(function: Callable[P, T]) -> Callable[P, T]:
    """The function, with BLAS on one thread while it runs; the caller's threads are given back afterwards.

    Within another such function it costs nothing.
    """

    @functools.wraps(function)
    def alone(*args: P.args, **kwargs: P.kwargs) -> T:
        if getattr(_here, "alone", False):
            return function(*args, **kwargs)
        with _libraries().limit(limits=1, user_api="blas"):
            _here.alone = True
            try:
                return function(*args, **kwargs)
            finally:
                _here.alone = False

    return alone
