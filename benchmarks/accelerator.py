"""Batches of evaluations on an accelerator beside one CPU core: trials per second, and seconds of every stage.

python -m benchmarks.accelerator [--device auto|cpu|gpu|tpu] [--batches 1 16 256 1024] [--points N]

Where JAX finds no accelerator it says "not measured"; with --device cpu the same kernels are measured on the CPU, which
shows what they cost and nothing of an accelerator. Each batch is run twice: the first run compiles.
"""

# ruff: noqa: E402  (the environment must be set before the imports)

from __future__ import annotations

import argparse
import os
import platform
import sys
import time

# One thread, as in a worker of a scan; before NumPy is imported.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import jax
import numpy as np

from supersoliton import devices
from supersoliton.batch import evaluate_lanes
from supersoliton.evaluate import evaluate

from .accelerators import BATCHES
from .evaluation import configuration
from .measure import FULL


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accelerator", description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=devices.DEVICES, default="auto")
    parser.add_argument("--batches", nargs="+", type=int, default=list(BATCHES), metavar="N")
    parser.add_argument("--points", type=int, default=12, metavar="N", help="evaluations one by one on a CPU core")
    chosen = parser.parse_args(arguments)
    device = devices.find(chosen.device)
    print(f"machine: {platform.node()}, {_processor()}, jax {jax.__version__}; devices {devices.describe()}")
    if chosen.device != "cpu" and not devices.is_accelerator(device):
        print("not measured: JAX finds no accelerator here")
        return 0
    cfg = configuration(FULL)
    rng = np.random.default_rng(0)
    draws = [cfg.scan.sample(rng) for _ in range(max(*chosen.batches, chosen.points + 1))]
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        evaluate(cfg, draws[0])
        core = min(_timed(lambda: [evaluate(cfg, draw) for draw in draws[1 : chosen.points + 1]]) for _ in range(2))
    core /= chosen.points
    print(f"quickstart, one by one on one CPU core: {core:.3f} s of processor time a trial")
    print("batch  first run  again  a trial  of one by one   seconds of the second run, by stage (calls)")
    for count in chosen.batches:
        first = _wall(lambda n=count: evaluate_lanes(cfg, draws[:n], device=chosen.device))[0]
        seconds, (found, report) = _wall(lambda n=count: evaluate_lanes(cfg, draws[:n], device=chosen.device))
        stages = {name: f"{value:.2f} ({report.calls[name]})" for name, value in report.seconds.items()}
        stages["host"] = f"{report.on_host:.2f}"
        told = ", ".join(f"{name} {value}" for name, value in stages.items())
        print(
            f"{count:5d} {first:9.1f}s {seconds:6.2f}s {seconds / count:7.3f}s {seconds / count / core:12.2f}    {told}"
        )
        again = sum("host" in one.seconds for one in found)
        if again:
            print(f"      {again} of {count} again alone on the host")
    return 0


def _wall(call):  # type: ignore[no-untyped-def]
    """Seconds and result: wall time on an accelerator; on a CPU the processor's, as the machine may be busy."""
    start, cpu = time.perf_counter(), time.process_time()
    result = call()
    on_cpu = jax.local_devices()[0].platform == "cpu"
    return (time.process_time() - cpu if on_cpu else time.perf_counter() - start), result


def _timed(call) -> float:  # type: ignore[no-untyped-def]
    start = time.process_time()
    call()
    return time.process_time() - start


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
