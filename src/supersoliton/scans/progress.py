"""What a scan shows while it runs: one live line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import math
import time

from rich.text import Text

from ..machine.display import Display, duration


class Progress(Display):
    """Counts trials and shows: done, failed, best, rate, time left.

    `done` counts finished trials including those of earlier runs, of which `total` are wanted; the rate is of this run.
    """

    def __init__(self, *, done: int, failed: int, total: int, objective: str, best: float, quiet: bool) -> None:
        self.done, self.failed, self.total = done, failed, total
        self._objective, self.best = objective, best
        self._new = 0
        self._start = time.monotonic()
        self._shown = -1  # number of trials in the last plain line
        self.note = ""
        super().__init__(lambda: Text(self.words(), no_wrap=True, overflow="ellipsis"), quiet=quiet)

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        if self._shown != self.done:
            self.print(self.words())

    def ended(self, *, failed: bool, value: float) -> None:
        """A trial has ended; `value` is its first objective, or NaN where that does not count."""
        self.done += 1
        self._new += 1
        self.failed += failed
        if value == value and not value <= self.best:
            self.best = value
        self.show()

    def show(self, note: str | None = None) -> None:
        """Show the line; `note` is added to it from now on."""
        if note is not None:
            self.note = note
        if self.line(self.words, now=note is not None):
            self._shown = self.done

    @property
    def rate(self) -> float:
        """Trials per second of this run; NaN before the first has ended."""
        elapsed = time.monotonic() - self._start
        return self._new / elapsed if self._new and elapsed > 0 else math.nan

    def words(self) -> str:
        parts = [f"{self.done}/{self.total} done", f"{self.failed} failed"]
        if not math.isnan(self.best):
            parts.append(f"best {self._objective} {self.best:.4g}")
        if not math.isnan(self.rate):
            parts.append(f"{60.0 * self.rate:.1f} trials/min")
            left = max(self.total - self.done, 0)
            if left:
                parts.append(f"{duration(left / self.rate)} left")
        elif self.done < self.total:
            parts.append("starting")
        # first, since a narrow terminal cuts the line's end: what to do next must be read
        return " · ".join([self.note, *parts] if self.note else parts)
