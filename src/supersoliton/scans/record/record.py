"""The interface to the recorded trials; `database` implements it with the tables of a database, `journal` with a log.

A transaction is written as a whole or not at all. Trials that begin are written too, so that the points that a killed
driver was evaluating are known.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

import optuna
from optuna.trial import FrozenTrial

from .heartbeat import every


class StorageTrouble(RuntimeError):
    """The record cannot be written or read, in one sentence; nothing of the transaction was recorded.

    `passing`: it may pass without intervention (another process holds a lock, a server is away), so wait and retry.
    """

    def __init__(self, words: str, *, passing: bool) -> None:
        super().__init__(words)
        self.passing = passing


class AbstractTransaction(ABC):
    """What is read and written between two waits for workers."""

    @abstractmethod
    def news(self) -> list[FrozenTrial]:
        """Trials that other drivers began or ended since the last transaction, as they are now, by number."""

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
        """Take over at most so many trials whose driver is gone."""


class AbstractRecord(ABC):
    """A recorded study, an ordinary one of Optuna's."""

    study: optuna.Study
    shared: bool = False  # other drivers may write to it while we do
    renewal: float = 10.0  # seconds between renewals of the lease on our running trials

    @abstractmethod
    def load(self) -> list[FrozenTrial]:
        """Every trial by number. Also the way to restart after trouble. Raises StorageTrouble."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[AbstractTransaction]:
        """One transaction. Raises StorageTrouble, on entry or at its end."""

    def renew(self) -> None:
        """Show other drivers that this one still runs."""
        return

    @abstractmethod
    def close(self) -> None:
        """Close what is open, and release our trials."""


@contextmanager
def lease(record: AbstractRecord) -> Iterator[None]:
    """While open, the claim on our running trials is renewed every few seconds, where there are other drivers."""

    def renew() -> None:
        with suppress(StorageTrouble):  # the transactions of the scan meet it too, and report it
            record.renew()

    with every(record.renewal, renew) if record.shared else nullcontext():
        yield
