"""Timing against a yardstick, the rows of results, and the sizes of the measurements.

The yardstick is a dense symmetric eigenproblem by SciPy, 300 of 949 eigenvalues (949 = 73 nodes of 13 fields). It is
timed before every measured call, so that other load slows both, and a row is the ratio of the two medians. Work in this
process is measured in processor time, work in other processes in wall time.
"""

from __future__ import annotations

import functools
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.linalg

UNKNOWNS, WANTED = 949, 300
CPU, WALL = "processor time", "wall time"

# (wall, processor) seconds of every yardstick of this process; their ratio measures other load on the machine
YARDSTICKS: list[tuple[float, float]] = []


@dataclass(frozen=True)
class Size:
    """Extent of the measurements; only the numbers of ``FULL``, which `make bench` uses, are meaningful."""

    name: str
    # repetitions of a call; random draws of the quickstart's couplings
    repetitions: int
    points: int
    # elements of the evaluation (None: the quickstart's mesh); cells of the finite differences
    elements: int | None
    differences: tuple[int, ...]
    # eigenvalues that both compute
    modes: int
    # numbers of fields and of elements whose growth is fitted
    fields: tuple[int, ...]
    meshes: tuple[int, ...]
    # numbers of fields of the bounces
    bounces: tuple[int, ...]
    # new processes, and trials of a scan
    processes: int
    trials: int


FULL = Size("full", 5, 12, None, (200, 400, 800), 300, (4, 8, 16, 32, 64), (4, 8, 16, 32, 64, 128),
            tuple(range(1, 9)), 3, 40)  # fmt: skip
QUICK = Size("quick", 3, 4, None, (100, 200), 300, (4, 8, 16, 32), (4, 8, 16, 32), (1, 2, 8), 1, 16)
# for the test suite: every row runs within seconds
TINY = Size("tiny", 1, 1, 4, (30, 60), 20, (3, 4), (2, 3), (1,), 1, 4)
SIZES = {size.name: size for size in (FULL, QUICK, TINY)}


@dataclass(frozen=True)
class Row:
    """One line of the table of targets.

    ``value`` in ``unit`` is the measurement; ``ratio`` (to ``ratio_to``) is compared with ``target``. Both are None if
    nothing was measured; ``note`` then gives the reason.
    """

    key: str
    work: str
    # the measurement
    value: float | None
    unit: str
    ratio: float | None
    ratio_to: str
    # the target
    target: float | None
    at_most: bool = True
    # further columns
    clock: str = CPU
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        if self.ratio is None or self.target is None:
            return None
        if not math.isfinite(self.ratio):
            return False
        return self.ratio <= self.target if self.at_most else self.ratio >= self.target

    @property
    def verdict(self) -> str:
        return {True: "met", False: "missed", None: "not measured" if self.ratio is None else "no target"}[self.met]


@functools.cache
def _matrix() -> np.ndarray:
    matrix = np.random.default_rng(0).standard_normal((UNKNOWNS, UNKNOWNS))
    return matrix + matrix.T


def yardstick() -> tuple[float, float]:
    """(wall, processor) seconds of the dense eigenproblem."""
    matrix = _matrix().copy()
    wall, cpu = time.perf_counter(), time.process_time()
    scipy.linalg.eigh(matrix, eigvals_only=True, subset_by_index=(0, WANTED - 1), overwrite_a=True, check_finite=False)
    YARDSTICKS.append((time.perf_counter() - wall, time.process_time() - cpu))
    return YARDSTICKS[-1]


def busyness() -> float:
    """Median ratio of wall to processor time of the yardsticks: 1 on an idle machine."""
    return float(np.median([wall / cpu for wall, cpu in YARDSTICKS])) if YARDSTICKS else float("nan")


@dataclass(frozen=True)
class Timing:
    """Seconds of several calls and of the yardsticks between them, and the results of the calls."""

    seconds: list[float]
    yardsticks: list[float]
    results: list[Any]

    @property
    def median(self) -> float:
        return float(np.median(self.seconds))

    @property
    def yardstick(self) -> float:
        return float(np.median(self.yardsticks))

    @property
    def ratio(self) -> float:
        return self.median / self.yardstick


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of a call, and its result."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def interleaved(calls: Sequence[Callable[[], Any]]) -> Timing:
    """Time each call in processor time, with a yardstick before it."""
    seconds, yardsticks, results = [], [], []
    for call in calls:
        yardsticks.append(yardstick()[1])
        taken, result = timed(call)
        seconds.append(taken)
        results.append(result)
    return Timing(seconds, yardsticks, results)


def in_yardsticks(key: str, work: str, timing: Timing, target: float, **details: Any) -> Row:
    """A row that compares a timing with the yardstick."""
    more = {"yardstick_seconds": timing.yardstick, "times": len(timing.seconds), **details}
    return Row(key, work, timing.median, "s", timing.ratio, "yardstick", target, details=more)


@contextmanager
def empty_cache() -> Iterator[None]:
    """A temporary cache folder with the compiled kernels but no evaluations, for this process and those it starts.

    Without it a scan would reuse the evaluations of an earlier one.
    """
    # here: a process that only measures yardsticks does not need JAX
    from supersoliton.machine.jax_setup import enable_compilation_cache

    kernels = enable_compilation_cache()  # of this process: keep its folder
    with tempfile.TemporaryDirectory() as folder:
        changed = {"SUPERSOLITON_CACHE": folder}
        if kernels is not None:
            changed["JAX_COMPILATION_CACHE_DIR"] = str(kernels)
            changed["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
            changed["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
        before = {name: os.environ.get(name) for name in changed}
        os.environ.update(changed)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


def say(words: str) -> None:
    """A line of progress."""
    print(f"  {words}", flush=True)
