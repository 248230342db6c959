"""The rows of scans: the speed-up of two workers, and the cost of asking, telling and recording.

Two workers: a scan of the quickstart with 1 and with 2 workers in processes of their own, at the same random points.
The rate counts trials from the first that ended with all workers running to the last. The note gives the speed-up of
two yardsticks in parallel, an upper limit for this machine.

Overhead: one worker in this process with the default sampler. Overhead is the processor time between the end of one
evaluation and the start of the next, including the state file and the study.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from supersoliton.scans import job
from supersoliton.states.state import State

from .evaluation import configuration
from .measure import WALL, Row, Size, empty_cache, say

_SKIPPED = 6  # first trials, during which workers start and samplers warm up


def _file(folder: Path, size: Size, **settings: Any) -> Path:
    tables = configuration(size).to_dict()
    tables["scan"] |= {"trials": size.trials, **settings}
    path = folder / "bench.toml"
    path.write_text(tomli_w.dumps(tables), encoding="utf-8")
    return path


# A scan without its report; prints when its trials ended.
_SCAN = """
import sys
from supersoliton.scans import job
job._reported = lambda result, *_: result
study = job.scan(sys.argv[1], out=sys.argv[2], workers=int(sys.argv[3]), quiet=True).study
print(*(trial.datetime_complete.timestamp() for trial in study.trials if trial.datetime_complete))
"""


def rate(size: Size, workers: int) -> float:
    """Trials per second of a scan in a process of its own, with all workers running."""
    with empty_cache(), tempfile.TemporaryDirectory() as folder:
        file = _file(Path(folder), size, sampler="random")
        command = [sys.executable, "-c", _SCAN, str(file), str(Path(folder) / "out"), str(workers)]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    ended = sorted(float(word) for word in said.splitlines()[-1].split())
    skipped = min(_SKIPPED, len(ended) // 2)
    return (len(ended) - 1 - skipped) / (ended[-1] - ended[skipped])


# Waits until the given time, then prints the seconds of a number of yardsticks.
_YARDSTICKS = """
import sys, time
from benchmarks.measure import yardstick
yardstick()
time.sleep(max(float(sys.argv[1]) - time.time(), 0.0))
start = time.perf_counter()
for _ in range(int(sys.argv[2])):
    yardstick()
print(time.perf_counter() - start)
"""
_AGREED = 0.25  # seconds per yardstick until the common start, for the imports


def _machine(yardsticks: int) -> float:
    """Speed-up of two processes on this machine: their rate of yardsticks over one process's."""
    rates = []
    for count in (1, 2):
        moment = str(time.time() + _AGREED * yardsticks)
        path = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        command = [sys.executable, "-c", _YARDSTICKS, moment, str(yardsticks)]
        running = [subprocess.Popen(command, env=path, stdout=subprocess.PIPE, text=True) for _ in range(count)]
        rates.append(sum(1.0 / float(process.communicate()[0]) for process in running))
    return rates[1] / rates[0]


def two_workers(size: Size) -> list[Row]:
    gain = _machine(min(12, size.trials))
    say(f"two yardsticks side by side: {gain:.2f} x one's rate on this machine")
    # one, two, one: a drift of the load cancels in the ratio
    single, double = [rate(size, 1)], rate(size, 2)
    if size.repetitions > 1:
        single.append(rate(size, 1))
    one = float(np.mean(single))
    say(f"trials per second: one worker {one:.2f}, two {double:.2f}")
    details = {"one_worker": one, "two_workers": double, "two_yardsticks": gain, "trials": size.trials}
    note = f"two yardsticks side by side gain {gain:.2f} x"
    ratio, work = double / one, "two workers: trials per second"
    return [Row("two-workers", work, double, "trials/s", ratio, "of one worker's", 1.8, False, WALL, note, details)]


@contextmanager
def _clocked(owner: Any, name: str) -> Iterator[list[tuple[float, float]]]:
    """Processor time at the start and the end of every call of a function in this process."""
    inner, spans = getattr(owner, name), []

    def call(*arguments: Any, **named: Any) -> Any:
        start = time.process_time()
        try:
            return inner(*arguments, **named)
        finally:
            spans.append((start, time.process_time()))

    setattr(owner, name, call)
    try:
        yield spans
    finally:
        setattr(owner, name, inner)


def overhead(size: Size) -> list[Row]:
    module = importlib.import_module("supersoliton.evaluate.evaluation")
    with (
        empty_cache(),
        tempfile.TemporaryDirectory() as folder,
        _clocked(module, "evaluate") as spans,
        _clocked(State, "save") as saved,
    ):
        job.scan(_file(Path(folder), size), out=Path(folder) / "out", workers=1, quiet=True)
    skipped = min(_SKIPPED, len(spans) // 2)
    between = [after[0] - before[1] for before, after in zip(spans[skipped:-1], spans[skipped + 1 :], strict=True)]
    inside = [end - start for start, end in spans[skipped:]]
    percent = 100.0 * float(np.mean(between)) / float(np.mean(inside))
    say(f"ask + tell + record: {1e3 * np.mean(between):.1f} ms a trial, {percent:.1f} % of the evaluation")
    details = {
        "overhead_seconds": float(np.mean(between)),
        "overhead_median_seconds": float(np.median(between)),
        "median_seconds_of_a_state_s_file": float(np.median([end - start for start, end in saved or [(0.0, 0.0)]])),
        "evaluation_seconds": float(np.mean(inside)),
        "trials": size.trials,
    }
    work = "ask + tell + record, of the evaluation"
    return [Row("overhead", work, float(np.mean(between)), "s", percent, "% of the evaluation", 5.0, details=details)]
