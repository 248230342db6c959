"""The interface to the recorded trials, implemented by `database` and `journal`.

A transaction is written as a whole or not at all. Trials are written when they begin too, so that the points that a
killed driver was evaluating are known.
"""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TypeVar

import optuna
from optuna.trial import FrozenTrial

from ...machine.text import plain
from .heartbeat import every

PATIENCE = 600.0  # seconds to wait for a database that does not answer
PAUSE = 1.0  # seconds between two tries
RERUN = "then run the same command again: nothing that was recorded is lost."
T = TypeVar("T")


class StorageTrouble(RuntimeError):
    """The record cannot be written or read; nothing of the transaction was recorded.

    `temporary`: it may end without intervention (a lock, a server that does not answer), so wait and retry.
    """

    def __init__(self, words: str, *, temporary: bool) -> None:
        super().__init__(words)
        self.temporary = temporary


def patiently(action: Callable[[], T], *, quiet: bool) -> T:
    """The result of an action on the record, repeated while a server that has answered before does not."""
    since, shown = time.monotonic(), ""
    while True:
        try:
            return action()
        except StorageTrouble as error:
            waited = time.monotonic() - since
            if not error.temporary or waited > PATIENCE:
                after = f" after {waited / 60:.0f} min" if error.temporary else ""
                raise StorageTrouble(f"{error}{after}, {RERUN}", temporary=False) from error
            if not quiet and str(error) != shown:
                shown = str(error)
                print(plain(f"waiting: {shown}"), file=sys.stderr, flush=True)
        time.sleep(PAUSE)


class AbstractTransaction(ABC):
    """All that is read and written between two waits for workers."""

    @abstractmethod
    def changed_by_others(self) -> list[FrozenTrial]:
        """Trials that other drivers began or ended since the last transaction, sorted by number."""

    @abstractmethod
    def begin(self, trial: FrozenTrial) -> None:
        """Record a trial that starts now, with its point; its number follows the last."""

    @abstractmethod
    def end(self, trial: FrozenTrial) -> None:
        """Record the end of a trial of ours."""

    @abstractmethod
    def set_attribute(self, number: int, name: str, value: int) -> None:
        """Set an attribute of a running trial of ours."""

    @abstractmethod
    def abandoned(self, most: int) -> list[int]:
        """Take over up to `most` trials whose driver is gone; returns their numbers."""


class AbstractRecord(ABC):
    """A recorded study, an ordinary Optuna study."""

    study: optuna.Study
    shared: bool = False  # other drivers may write to it while we do
    renewal: float = 10.0  # seconds between renewals of the lease on our running trials

    @abstractmethod
    def load(self) -> list[FrozenTrial]:
        """Every trial, sorted by number; also call it after trouble. Raises StorageTrouble."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[AbstractTransaction]:
        """One transaction. Raises StorageTrouble on entry or exit."""

    def renew(self) -> None:
        """Show other drivers that this one still runs."""
        return

    @abstractmethod
    def close(self) -> None:
        """Close connections, and release our trials."""


@contextmanager
def lease(record: AbstractRecord) -> Iterator[None]:
    """While open, renew the lease on our running trials every few seconds, if there may be other drivers."""

    def renew() -> None:
        with suppress(StorageTrouble):  # the transactions of the scan fail too, and report it
            record.renew()

    with every(record.renewal, renew) if record.shared else nullcontext():
        yield
