"""What a record of trials must be able to do; `rows` does it in the tables of a database, `journal` in a log.

Whatever happens between two turns of the scan goes to the disk in one of them, as a whole or not at all: trials begin
(so that a driver that is killed leaves behind which points it was at) and trials end.
"""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

import optuna
from optuna.trial import FrozenTrial


class StorageTrouble(RuntimeError):
    """The record cannot be written or read, in one sentence; nothing of the turn is on disk.

    `passing`: it may pass by itself (another process holds a lock, a server is away), so it is worth waiting.
    """

    def __init__(self, words: str, *, passing: bool) -> None:
        super().__init__(words)
        self.passing = passing


class AbstractTurn(ABC):
    """What is read and written between two waits for workers."""

    @abstractmethod
    def news(self) -> list[FrozenTrial]:
        """Trials that other drivers began or ended since the last turn, as they are now, by number."""

    @abstractmethod
    def begin(self, trial: FrozenTrial) -> None:
        """Note a trial that starts now, with its point; its number follows the last."""

    @abstractmethod
    def end(self, trial: FrozenTrial) -> None:
        """Note what became of a trial that is ours."""

    @abstractmethod
    def mark(self, number: int, name: str, value: int) -> None:
        """Set an attribute of a running trial of ours."""

    @abstractmethod
    def abandoned(self, most: int) -> list[int]:
        """At most so many trials whose driver is gone; they are ours from now on."""


class AbstractDisk(ABC):
    """The study on disk, an ordinary one of Optuna's."""

    study: optuna.Study
    shared: bool = False  # other drivers may write to it while we do
    pulse: float = 10.0  # seconds between signs of life to them

    @abstractmethod
    def load(self) -> list[FrozenTrial]:
        """Every trial by number. Also the way to begin again after trouble. Raises StorageTrouble."""

    @abstractmethod
    def turn(self) -> AbstractContextManager[AbstractTurn]:
        """One transaction. Raises StorageTrouble, on entry or at its end."""

    def beat(self) -> None:
        """Tell other drivers that ours still lives."""
        return

    @abstractmethod
    def close(self) -> None:
        """Let go of what is open, and of our trials."""


class Pulse:
    """While it is open, other drivers are told every few seconds that this one lives."""

    def __init__(self, disk: AbstractDisk) -> None:
        self._disk = disk
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def __enter__(self) -> Pulse:
        if self._disk.shared:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._disk.pulse):
            with contextlib.suppress(StorageTrouble):  # the turns of the scan meet it too, and tell
                self._disk.beat()
