"""What pre-training says while it runs: a bar for each stage on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import math
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from .pretraining import Stage

_PLAIN_EVERY = 5.0  # seconds between plain lines


class Display:
    """Told the stages of a long piece of work as they go on; writes to stderr."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bars: Progress | None = None
        self._tasks: dict[str, int] = {}
        self._told = -math.inf

    def __enter__(self) -> Display:
        if not self._quiet and self._console.is_terminal:
            columns = (
                TextColumn("{task.description:24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                TimeRemainingColumn(), TextColumn("{task.fields[remark]}"),
            )  # fmt: skip
            self._bars = Progress(*columns, console=self._console)
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, stage: Stage) -> None:
        if self._quiet:
            return
        if self._bars is not None:
            if stage.name not in self._tasks:
                self._tasks[stage.name] = self._bars.add_task(stage.name, total=stage.wanted, remark="")
            self._bars.update(self._tasks[stage.name], completed=stage.done, total=stage.wanted, remark=stage.remark)  # type: ignore[arg-type]
            return
        now = time.monotonic()
        if now - self._told >= _PLAIN_EVERY or stage.done == stage.wanted:
            self._told = now
            remark = f" · {stage.remark}" if stage.remark else ""
            self._console.print(f"{stage.name} {stage.done}/{stage.wanted}{remark}")
