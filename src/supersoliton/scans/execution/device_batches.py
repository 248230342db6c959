"""Trials in batches on one device: an accelerator if there is one, or the CPU if a batch is asked for."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...machine import devices
from ..trial import Outcome, run_trial
from .executor import AbstractExecutor

DEFAULT_BATCH = 64  # trials at once on an accelerator; not measured, see docs/accelerators.md


class Batches(AbstractExecutor):
    """`size` trials at a time, in tasks of this process that share every kernel on `device`.

    The cache of evaluations is not used: its entries are reproducible to the last bit, and a device rounds differently.
    """

    def __init__(self, config: Any, scratch: Path, *, size: int, device: Any) -> None:
        self._config, self._scratch = config.with_scan(cache=False), scratch
        self._size, self._device = size, device
        self._waiting: list[tuple[int, Mapping[str, float]]] = []
        self._repeated = 0

    @property
    def room(self) -> int:
        return self._size - len(self._waiting)

    @property
    def running(self) -> int:
        return len(self._waiting)

    @property
    def where(self) -> str:
        used = f"{self._device.platform}:{self._device.id}"
        words = f"devices {devices.describe_devices()}, batches of {self._size} on {used}"
        return f"{words}, {self._repeated} repeated on the host" if self._repeated else words

    def submit(self, ticket: int, point: Mapping[str, float]) -> None:
        self._waiting.append((ticket, point))

    def wait(self, timeout: float) -> list[tuple[int, Outcome]]:
        from ...evaluate.batch import evaluate_in_task
        from ...machine import batching

        jobs = [
            functools.partial(run_trial, self._config, point, self._scratch, evaluate_in_task)
            for _, point in self._waiting
        ]
        outcomes, errors, _ = batching.run(jobs, self._device)
        for error in errors:
            if error is not None:  # not an error of a trial, which run_trial records
                raise error
        self._repeated += sum("host" in outcome.seconds for outcome in outcomes)
        done = [(ticket, outcome) for (ticket, _), outcome in zip(self._waiting, outcomes, strict=True)]
        self._waiting.clear()
        return done

    def close(self) -> None:
        self._waiting.clear()


def make_batches(config: Any, scratch: Path) -> Batches | None:
    """The executor of batches if `scan.batch` asks for one or `scan.device` is an accelerator; else None.

    Raises ValueError if JAX does not find the device.
    """
    size, device = config.scan.batch, devices.find(config.scan.device)
    if not devices.is_accelerator(device) and size == 0:
        return None
    return Batches(config, scratch, size=size or DEFAULT_BATCH, device=device)
