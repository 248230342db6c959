"""A sign of life on the terminal while one long calculation runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def busy(doing: str, *, quiet: bool) -> Iterator[None]:
    """A spinner on stderr with the seconds that have passed; gone at the end. Nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        bar.add_task(doing, total=None)
        yield
