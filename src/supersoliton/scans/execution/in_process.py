"""Trials one at a time in this process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...machine import devices
from ..trial import Outcome, run_trial
from .executor import AbstractExecutor

if TYPE_CHECKING:
    from ...config import Config


class InProcess(AbstractExecutor):
    """One trial at a time in this process: no time limit can be enforced, and a crash of the process ends the scan."""

    def __init__(self, config: Config, scratch: Path) -> None:
        self._config, self._scratch = config, scratch
        if config.scan.device in devices.ACCELERATORS:
            # entries of the cache are reproducible to the last bit, and an accelerator rounds differently
            self._config, self.device = config.with_scan(cache=False), config.scan.device
        self._waiting: list[tuple[int, Mapping[str, float]]] = []

    @property
    def room(self) -> int:
        return 1 - len(self._waiting)

    @property
    def running(self) -> int:
        return len(self._waiting)

    @property
    def is_isolated(self) -> bool:
        return False

    def submit(self, ticket: int, point: Mapping[str, float]) -> None:
        self._waiting.append((ticket, point))

    def wait(self, timeout: float) -> list[tuple[int, Outcome]]:
        done = [(ticket, run_trial(self._config, point, self._scratch)) for ticket, point in self._waiting]
        self._waiting.clear()
        return done

    def close(self) -> None:
        self._waiting.clear()
