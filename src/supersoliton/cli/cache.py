"""`supersoliton cache info | clear | verify`: what the cache of evaluations holds. Never starts the engine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from .help import App
from .options import Json, write_json

if TYPE_CHECKING:
    from ..evaluate.cache import Store

app = App(help="What was evaluated before and is kept: see it, empty it, check it.")


@app.command()
def info(json_file: Json = None) -> None:
    """Print the folder, the number of evaluations, their size and when they were last used."""
    store = _store()
    usage = store.usage()
    data = {
        "folder": str(store.directory),
        "version": store.version,
        "entries": usage.entries,
        "bytes": usage.bytes,
        "current_entries": usage.current_entries,
        "current_bytes": usage.current_bytes,
        "oldest_use": _day(usage.oldest_use),
        "newest_use": _day(usage.newest_use),
        "default_limit_bytes": store.limit,
    }
    print(store.directory)
    print(f"{usage.entries} evaluations, {_megabytes(usage.bytes)} (a scan keeps it below its cache_size,")
    print(f"{_megabytes(store.limit)} unless the file says otherwise)")
    print(f"{usage.current_entries} of them, {_megabytes(usage.current_bytes)}, of this version of the numerics")
    if usage.entries:
        print(f"last used between {data['oldest_use']} and {data['newest_use']}")
    write_json(json_file, data)


@app.command()
def clear(
    stale: Annotated[bool, typer.Option("--stale", metavar="", help="Only those of other versions.")] = False,
    json_file: Json = None,
) -> None:
    """Remove the evaluations; the compiled kernels beside them stay."""
    store = _store()
    removed, freed = store.clear(stale_only=stale)
    print(f"removed {removed} evaluations, {_megabytes(freed)}")
    write_json(json_file, {"removed": removed, "bytes": freed})


@app.command()
def verify(
    remove: Annotated[bool, typer.Option("--remove", metavar="", help="Remove what is damaged.")] = False,
    json_file: Json = None,
) -> None:
    """Read every evaluation and compare its checksum; exit code 1 where one is damaged.

    A damaged one is never used: a scan that meets it says so and computes it again.
    """
    sound, damaged = _store().verify()
    for path, reason in damaged:
        print(f"{path}: {reason}")
        if remove:
            path.unlink(missing_ok=True)
    print(f"{sound} evaluations are sound, {len(damaged)} damaged{' (removed)' if remove and damaged else ''}")
    write_json(
        json_file, {"sound": sound, "damaged": {str(path): reason for path, reason in damaged}, "removed": remove}
    )
    if damaged:
        raise typer.Exit(1)


def _store() -> Store:
    from ..evaluate.cache import Store
    from ..evaluate.cache.keys import numerics_version

    return Store(numerics_version())


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def _day(seconds: float | None) -> str | None:
    return None if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
