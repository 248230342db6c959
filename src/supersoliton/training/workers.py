"""Parallel tasks with results in the order of the tasks; with one worker they run in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Result = TypeVar("Result")
_MEMORY_GROWTH = 8 << 30  # bytes that a worker may grow by


class LostWorker(RuntimeError):
    """A worker process was killed; finished tasks are kept."""


def in_order(function: Callable[..., Result], tasks: Iterable[tuple[object, ...]], workers: int) -> Iterator[Result]:
    """``function(*task)`` of every task. Raises LostWorker if a worker process is killed."""
    if workers == 1:
        for task in tasks:
            yield function(*task)
        return
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import BrokenProcessPool

    try:
        with parallel_config(backend="loky", inner_max_num_threads=1):
            calls = (delayed(_call)(function, task) for task in tasks)
            yield from Parallel(n_jobs=workers, return_as="generator", batch_size=1)(calls)
    except BrokenProcessPool as error:
        raise LostWorker(f"a worker process was killed ({type(error).__name__})") from error


def _call(function: Callable[..., Result], task: tuple[object, ...]) -> Result:
    """Call in a worker, where loky would take compiled kernels (300 MB) for a leak and restart, which costs seconds."""
    from joblib.externals.loky import process_executor

    if hasattr(process_executor, "_MAX_MEMORY_LEAK_SIZE"):
        process_executor._MAX_MEMORY_LEAK_SIZE = _MEMORY_GROWTH
    return function(*task)
