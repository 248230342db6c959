"""Progress on stderr: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Self

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from .text import plain

PLAIN_EVERY = 5.0  # seconds between plain lines


class PlainConsole(Console):
    """A console whose texts cannot steer the terminal; its own colours and movements remain."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=plain(segment.text))

    def on_broken_pipe(self) -> None:
        """Let the command end as it does wherever its reader has closed the pipe."""
        raise BrokenPipeError


class Display:
    """Context that redraws `view()` four times a second on a terminal; elsewhere it prints what `line` receives.

    `keep` leaves the last view on the terminal. `quiet` shows nothing.
    """

    def __init__(
        self,
        view: Callable[[], RenderableType],
        *,
        quiet: bool = False,
        keep: bool = False,
        console: Console | None = None,
    ) -> None:
        self._console = console or PlainConsole(stderr=True, highlight=False, soft_wrap=True)
        self._quiet, self._last = quiet, -math.inf
        self._live = None
        if not quiet and self._console.is_terminal:
            from rich.live import Live

            self._live = Live(console=self._console, get_renderable=view, refresh_per_second=4, transient=not keep)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def line(self, text: Callable[[], str], *, now: bool = False) -> bool:
        """Print a plain line if there is no live view, at most every PLAIN_EVERY seconds unless `now`.

        Returns whether it was printed.
        """
        time_now = time.monotonic()
        if self._quiet or self._live is not None or (time_now - self._last < PLAIN_EVERY and not now):
            return False
        self._last = time_now
        self.print(text())
        return True

    def print(self, text: str) -> None:
        """Print a line, also on a terminal."""
        if not self._quiet:
            self._console.print(text, markup=False, soft_wrap=True)


def duration(seconds: float) -> str:
    """A duration as text: "5 s", "1 min 15 s", "1 h 01 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
