"""The progress line of a scan: live on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import math
import time

from rich.text import Text

from ..config.objectives import Objective
from ..machine.display import Display, duration


class Progress(Display):
    """Counts trials and shows how many are done and failed, the best value, the rate and the time left.

    `done` includes the trials of earlier runs, the rate counts this run only; `total` is the number asked for.
    """

    def __init__(self, *, done: int, failed: int, total: int, objective: Objective, best: float, quiet: bool) -> None:
        self.done, self.failed, self.total = done, failed, total
        self._objective, self.best = objective, best
        self._new = 0
        self._start = time.monotonic()
        self._shown = -1  # number of trials in the last plain line
        self.note = ""
        super().__init__(lambda: Text(self.status_line(), no_wrap=True, overflow="ellipsis"), quiet=quiet)

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        if self._shown != self.done:
            self.print(self.status_line())

    def ended(self, *, failed: bool, value: float) -> None:
        """Count a trial that has ended; `value` is its first objective, NaN if the trial is infeasible."""
        self.done += 1
        self._new += 1
        self.failed += failed
        if self._objective.is_better(value, self.best):
            self.best = value
        self.show()

    def show(self, note: str | None = None) -> None:
        """Show the line; `note` is added to it from now on."""
        if note is not None:
            self.note = note
        if self.line(self.status_line, now=note is not None):
            self._shown = self.done

    @property
    def rate(self) -> float:
        """Trials per second in this run; NaN before the first has ended."""
        elapsed = time.monotonic() - self._start
        return self._new / elapsed if self._new and elapsed > 0 else math.nan

    def status_line(self) -> str:
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
        # the note first: a narrow terminal cuts off the end of the line
        return " · ".join([self.note, *parts] if self.note else parts)
