"""The rows of scans: two workers beside one, and what asking, telling and recording cost.

Two workers: `supersoliton scan` on the quickstart with 1 and with 2 workers in processes of their own, the same random
points. The rate counts the trials between the first that ended after every worker had started and the last. Beside it
stands what two yardsticks side by side gain on this machine: no scan can gain more.

Overhead: one worker, in this process, the default sampler. Whatever happens between the end of one evaluation and the
start of the next is overhead, in processor time.
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
import optuna
import tomli_w

from supersoliton.scan.study import run_scan

from .evaluation import configuration
from .measure import WALL, Row, Size, say

_SKIPPED = 6  # first trials, in which workers start and samplers warm up


def _file(folder: Path, size: Size, **settings: Any) -> Path:
    tables = configuration(size).to_dict()
    tables["scan"] |= {"trials": size.trials, **settings}
    path = folder / "bench.toml"
    path.write_text(tomli_w.dumps(tables), encoding="utf-8")
    return path


def rate(size: Size, workers: int) -> float:
    """Trials per second of a scan in a process of its own, once all workers run."""
    with tempfile.TemporaryDirectory() as folder:
        file, out = _file(Path(folder), size, sampler="random"), Path(folder) / "out"
        command = ["scan", str(file), "--workers", str(workers), "--out", str(out), "--quiet"]
        subprocess.run([sys.executable, "-m", "supersoliton.cli", *command], check=True, stdout=subprocess.DEVNULL)
        study = optuna.load_study(study_name="bench", storage=f"sqlite:///{out / 'study.db'}")
        ended = sorted(t.datetime_complete for t in study.get_trials(deepcopy=False) if t.datetime_complete)
    skipped = min(_SKIPPED, len(ended) // 2)
    return (len(ended) - 1 - skipped) / (ended[-1] - ended[skipped]).total_seconds()


_YARDSTICKS = "from benchmarks.measure import yardstick\nfor _ in range(12): yardstick()"


def _machine() -> float:
    """What two processes gain on this machine: the rate of yardsticks in two, over that in one."""
    seconds = []
    for count in (1, 2):
        start = time.perf_counter()
        path = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        running = [subprocess.Popen([sys.executable, "-c", _YARDSTICKS], env=path) for _ in range(count)]
        for process in running:
            process.wait()
        seconds.append((time.perf_counter() - start) / count)
    return seconds[0] / seconds[1]


def two_workers(size: Size) -> list[Row]:
    gain = _machine()
    say(f"two yardsticks side by side: {gain:.2f} x one's rate on this machine")
    # One, two, one: a machine that grows busier meanwhile does not tilt the ratio.
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
def _clocked() -> Iterator[list[tuple[float, float]]]:
    """Processor time at the start and the end of every evaluation in this process."""
    module = importlib.import_module("supersoliton.evaluate")
    true, spans = module.evaluate, []

    def evaluate(*arguments: Any, **named: Any) -> Any:
        start = time.process_time()
        try:
            return true(*arguments, **named)
        finally:
            spans.append((start, time.process_time()))

    module.evaluate = evaluate  # type: ignore[attr-defined]
    try:
        yield spans
    finally:
        module.evaluate = true  # type: ignore[attr-defined]


def overhead(size: Size) -> list[Row]:
    cfg = configuration(size).with_scan(trials=size.trials, workers=1)
    with tempfile.TemporaryDirectory() as folder, _clocked() as spans:
        run_scan(cfg, Path(folder), name="bench", request={}, wanted=size.trials, workers=1, quiet=True)
    skipped = min(_SKIPPED, len(spans) // 2)
    between = [after[0] - before[1] for before, after in zip(spans[skipped:-1], spans[skipped + 1 :], strict=True)]
    inside = [end - start for start, end in spans[skipped:]]
    percent = 100.0 * float(np.mean(between)) / float(np.mean(inside))
    say(f"ask + tell + record: {1e3 * np.mean(between):.1f} ms a trial, {percent:.1f} % of the evaluation")
    details = {
        "overhead_seconds": float(np.mean(between)),
        "overhead_median_seconds": float(np.median(between)),
        "evaluation_seconds": float(np.mean(inside)),
        "trials": size.trials,
        "sampler": cfg.scan.sampler,
    }
    work = "ask + tell + record, of the evaluation"
    return [Row("overhead", work, float(np.mean(between)), "s", percent, "% of the evaluation", 5.0, details=details)]
