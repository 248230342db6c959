"""`supersoliton cache info | clear | verify`: manages the cache of evaluations, without importing JAX."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from .help import App
from .options import Json, write_json

if TYPE_CHECKING:
    from ..evaluate.cache import Store

app = App(help="Show, clear or verify the cache of evaluations.")


@app.command()
def info(json_file: Json = None) -> None:
    """Print the folder of the cache, the number of evaluations, their size and last use."""
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
    print(f"{usage.entries} evaluations, {_megabytes(usage.bytes)} (a scan limits the cache to its cache_size,")
    print(f"{_megabytes(store.limit)} by default)")
    print(f"{usage.current_entries} of them, {_megabytes(usage.current_bytes)}, are from this version of the numerics")
    if usage.entries:
        print(f"last used between {data['oldest_use']} and {data['newest_use']}")
    write_json(json_file, data)


@app.command()
def clear(
    stale: Annotated[bool, typer.Option("--stale", help="Only entries of other versions.")] = False,
    json_file: Json = None,
) -> None:
    """Remove the stored evaluations, but not the compiled kernels."""
    store = _store()
    removed, freed = store.clear(stale_only=stale)
    print(f"removed {removed} evaluations, {_megabytes(freed)}")
    write_json(json_file, {"removed": removed, "bytes": freed})


@app.command()
def verify(
    remove: Annotated[bool, typer.Option("--remove", help="Remove damaged entries.")] = False,
    json_file: Json = None,
) -> None:
    """Verify the checksum of every evaluation; exit code 1 if one is damaged.

    A damaged entry is never used: a scan reports it and computes the evaluation again.
    """
    sound, damaged = _store().verify()
    for path, reason in damaged:
        print(f"{path}: {reason}")
        if remove:
            path.unlink(missing_ok=True)
    print(f"{sound} evaluations are intact, {len(damaged)} damaged{' (removed)' if remove and damaged else ''}")
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
