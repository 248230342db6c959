"""A spinner on the terminal while one long calculation runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..machine.display import Display


@contextmanager
def busy(doing: str, *, quiet: bool) -> Iterator[None]:
    """A spinner on stderr with the elapsed time, removed at the end; nothing if stderr is not a terminal."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    bar = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    bar.add_task(doing, total=None)
    with Display(bar.get_renderable, quiet=quiet):
        yield
