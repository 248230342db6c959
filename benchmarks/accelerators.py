"""Batches of the evaluation on an accelerator, compared with one CPU core; "not measured" where there is none.

python -m benchmarks.accelerators [--device auto|cpu|gpu|tpu] [--batches 1 16 256 1024]

With --device cpu the same kernels run in batches on the CPU.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from supersoliton.evaluate.evaluation import evaluate
from supersoliton.machine import devices

from .evaluation import GUESS, configuration
from .measure import FULL, WALL, Row, Size, say

BATCHES = (1, 16, 256, 1024)
_MAX_SECONDS = 60.0  # after a batch that takes longer, no larger one is tried


def batches(size: Size, device: str, counts: tuple[int, ...] = BATCHES) -> Iterator[dict[str, Any]]:
    """Yield trials per second and seconds per stage of each batch, timed in its second run (without compilation)."""
    from supersoliton.evaluate.batch import evaluate_tasks  # here: earlier versions have no batches

    cfg = configuration(size, GUESS)
    rng = np.random.default_rng(0)
    draws = [cfg.scan.sample(rng) for _ in range(max(counts))]
    for count in counts:
        start = time.perf_counter()
        evaluate_tasks(cfg, draws[:count], device=device)
        first = time.perf_counter() - start
        start = time.perf_counter()
        found, report = evaluate_tasks(cfg, draws[:count], device=device)
        seconds = time.perf_counter() - start
        row = {"batch": count, "seconds": seconds, "per_second": count / seconds, "stages": dict(report.seconds)}
        row["first_seconds"] = first  # compiling included
        row["stages"]["host"] = report.on_host
        row["converged"] = sum(one.status == "converged" for one in found)
        row["alone_on_the_host"] = sum("host" in one.seconds for one in found)
        yield row
        if seconds > _MAX_SECONDS:
            return


def words(row: dict[str, Any]) -> str:
    stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in row["stages"].items())
    rate = f"{row['per_second']:.2f} trials per second, first run {row['first_seconds']:.1f} s"
    return f"batch of {row['batch']}: {rate}; seconds: {stages}"


def on_one_core(size: Size) -> float:
    """Trials per second of `evaluate`, one after the other, on the CPU."""
    cfg = configuration(size, GUESS)
    rng = np.random.default_rng(0)
    draws = [cfg.scan.sample(rng) for _ in range(size.points + 1)]
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        evaluate(cfg, draws[0])
        start = time.perf_counter()
        for draw in itertools.islice(draws, 1, None):
            evaluate(cfg, draw)
        return size.points / (time.perf_counter() - start)


def accelerators(size: Size) -> list[Row]:
    found = [device for device in jax.devices() if device.platform != "cpu"]
    say(f"accelerators: {', '.join(device.device_kind for device in found) or 'none'}")
    work = "evaluations in batches on an accelerator: trials per second"
    if not found:
        return [Row("accelerator", work, None, "trials/s", None, "of one core's", None, False, note="none found")]
    core, rows = on_one_core(size), []
    for row in batches(size, "auto"):
        say(words(row))
        rows.append(row)
    best = max(rows, key=lambda row: row["per_second"])
    details = {"device": found[0].device_kind, "one_core_per_second": core, "batches": rows}
    note = f"{found[0].device_kind}, a batch of {best['batch']}"
    value = best["per_second"]
    return [
        Row("accelerator", work, value, "trials/s", value / core, "of one core's", None, False, WALL, note, details)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accelerators", description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=devices.DEVICES, default="auto")
    parser.add_argument("--batches", nargs="+", type=int, default=list(BATCHES), metavar="N")
    chosen = parser.parse_args()
    print(f"devices: {devices.describe_devices()}")
    if chosen.device != "cpu" and not devices.is_accelerator(devices.find(chosen.device)):
        print("not measured: JAX finds no accelerator here")
        return
    print(f"one by one on one CPU core: {on_one_core(FULL):.2f} trials per second", flush=True)
    for row in batches(FULL, chosen.device, tuple(chosen.batches)):
        print(words(row), flush=True)


if __name__ == "__main__":
    main()
