"""Trials per second on an accelerator and on one CPU core, the same draws one after the other.

python -m benchmarks.accelerators [--device auto|cpu|gpu|tpu]
"""

from __future__ import annotations

import argparse
import time

import jax

from supersoliton.evaluate.evaluation import evaluate
from supersoliton.machine import devices

from .evaluation import GUESS, configuration, points
from .measure import FULL, Size


def rate(size: Size, device: jax.Device) -> float:
    """Trials per second of `evaluate` with V and its derivatives on this device, compiled before."""
    cfg = configuration(size, GUESS)
    first, *draws = points(cfg, size)
    with jax.default_device(device):
        evaluate(cfg, first)
        start = time.perf_counter()
        for draw in draws:
            evaluate(cfg, draw)
        return len(draws) / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accelerators", description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=devices.DEVICES, default="auto")
    device = devices.find(parser.parse_args().device)
    print(f"devices: {devices.describe_devices()}")
    print(f"one CPU core: {rate(FULL, devices.find('cpu')):.2f} trials per second", flush=True)
    if device.platform == "cpu":
        print("accelerator: not measured, JAX finds none here")
    else:
        print(f"{device.device_kind}: {rate(FULL, device):.2f} trials per second")


if __name__ == "__main__":
    main()
