"""Whether a configuration belongs to an existing study: all settings that choose or compute a trial must agree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Settings of [scan] that may change between runs of one study: they do not affect the trials.
FREE = (
    "mode", "trials", "workers", "executor", "scheduler", "trial_timeout", "worker_memory", "storage", "cache",
    "cache_size", "device", "verify", "save_surrogate",
)  # fmt: skip
_RECORDED = ("versions", "record")
_RANGE = ("low", "high")  # what --extend may change of a scanned parameter


def identity(tables: Mapping[str, object]) -> dict[str, object]:
    """The settings on which two runs of one study must agree: all but `FREE` of [scan] and the recorded tables."""
    kept = {key: value for key, value in tables.items() if key not in _RECORDED}
    scan = kept.get("scan")
    if isinstance(scan, Mapping):
        kept["scan"] = {key: value for key, value in scan.items() if key not in FREE}
    return kept


def check_same(directory: Path, old: Mapping[str, object], new: Mapping[str, object], *, extend: bool) -> bool:
    """Whether ranges were changed, which only `extend` permits.

    Raises ValueError that names the first other key in which two resolved configurations differ.
    """
    extended = False
    for path, before, now in differences("", old, new):
        table, _, key = path.rpartition(".")
        if table.startswith("scan.parameters.") and key in _RANGE and "(not set)" not in (before, now):
            extended = True
            if extend:
                continue
            remedy = "set it back to resume, add --extend to continue with the new range, or give another folder"
        else:
            remedy = "set it back to resume, or give another folder"
        where = f"[{table}] {key}" if table else f"[{key}]"
        change = f"was scanned with {where} = {before}, but now {where} = {now}"
        raise ValueError(f"{directory} {change}: {remedy} with --out.")
    return extended


def differences(path: str, old: object, new: object) -> list[tuple[str, object, object]]:
    """(key, old value, new value) wherever two tables differ, below the key `path`."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return [
            found
            for key in [*old, *(key for key in new if key not in old)]
            for found in differences(
                f"{path}.{key}" if path else str(key), old.get(key, "(not set)"), new.get(key, "(not set)")
            )
        ]
    return [] if old == new else [(path, old, new)]
