"""Tasks in processes side by side, results in the order of the tasks; with one worker, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any


class LostWorker(RuntimeError):
    """A worker was killed; what was finished is kept."""


def in_order(function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]], workers: int) -> Iterator[Any]:
    """``function(*task)`` of every task. Raises LostWorker where a worker process is killed."""
    if workers == 1:
        for task in tasks:
            yield function(*task)
        return
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import BrokenProcessPool

    try:
        with parallel_config(backend="loky", inner_max_num_threads=1):
            calls = (delayed(function)(*task) for task in tasks)
            yield from Parallel(n_jobs=workers, return_as="generator", batch_size=1)(calls)
    except BrokenProcessPool as error:
        raise LostWorker(f"a worker process was killed ({type(error).__name__})") from error
