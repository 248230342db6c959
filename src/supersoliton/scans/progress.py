"""What a scan says while it runs: one live line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import math
import time
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

_PLAIN_EVERY = 5.0  # seconds between plain lines, where there is no terminal to rewrite


class Progress:
    """Counts trials and tells: done, failed, best, rate, time left.

    `done` counts finished trials including those of earlier runs, of which `total` are wanted; the rate is of this run.
    """

    def __init__(self, *, done: int, failed: int, total: int, objective: str, best: float, quiet: bool) -> None:
        self.done, self.failed, self.total = done, failed, total
        self.running = 0
        self._objective, self.best = objective, best
        self._new = 0
        self._start = time.monotonic()
        self._told = -math.inf
        self._said = -1  # number of trials that the last plain line spoke of
        self.note = ""
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._live: Live | None = None

    def __enter__(self) -> Progress:
        if not self._quiet and self._console.is_terminal:
            self._live = Live(
                console=self._console, get_renderable=self._line, refresh_per_second=4, transient=True, screen=False
            )
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()
        if not self._quiet and self._said != self.done:
            self._console.print(self.words())

    def ended(self, *, failed: bool, value: float) -> None:
        """A trial has ended; `value` is its first objective, or NaN where that does not count."""
        self.done += 1
        self._new += 1
        self.failed += failed
        if value == value and not value <= self.best:
            self.best = value
        self.tell()

    def tell(self, note: str | None = None) -> None:
        """Show the line; `note` is something to add to it from now on."""
        if note is not None:
            self.note = note
            self._told = -math.inf
        if self._quiet or self._live is not None:  # the live line renews itself
            return
        now = time.monotonic()
        if now - self._told >= _PLAIN_EVERY:
            self._told, self._said = now, self.done
            self._console.print(self.words())

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
                parts.append(f"{_duration(left / self.rate)} left")
        elif self.done < self.total:
            parts.append("starting")
        # first, since a narrow terminal cuts the line's end: what to do next must be read
        return " · ".join([self.note, *parts] if self.note else parts)

    def _line(self) -> Text:
        return Text(self.words(), no_wrap=True, overflow="ellipsis")


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
