"""Trials whose evaluations are in the cache are answered in the driver process, without a worker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..trial import Outcome, recall_trial
from .executor import AbstractExecutor

if TYPE_CHECKING:
    from ...config import Config


class CachedExecutor(AbstractExecutor):
    """Answers from the cache; points without an entry, or with a damaged one, go to the executor `others`."""

    def __init__(self, config: Config, scratch: Path, others: AbstractExecutor) -> None:
        self._config, self._scratch, self._others = config, scratch, others
        self._found: list[tuple[int, Outcome]] = []

    @property
    def room(self) -> int:
        return self._others.room - len(self._found)

    @property
    def running(self) -> int:
        return self._others.running + len(self._found)

    @property
    def is_isolated(self) -> bool:
        return self._others.is_isolated

    @property
    def where(self) -> str:
        return self._others.where

    def submit(self, ticket: int, point: Mapping[str, float]) -> None:
        try:
            outcome, _ = recall_trial(self._config, point, self._scratch)
        except (OSError, ValueError):  # e.g. a full disk: a worker fails too, and reports it
            outcome = None
        if outcome is None:
            self._others.submit(ticket, point)
        else:
            self._found.append((ticket, outcome))

    def wait(self, timeout: float) -> list[tuple[int, Outcome]]:
        done, self._found = self._found, []
        if self._others.running:
            done += self._others.wait(0.0 if done else timeout)
        return done

    def close(self) -> None:
        self._found.clear()
        self._others.close()
