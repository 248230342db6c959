"""The user's code, tried in a process of its own: as it is read, and at the ends of the scanned ranges."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...config.scan import ScanSettings
from ...config.scan_table import read_scan
from .apart import apart
from .choose import is_isolated
from .executor import RETRIES

if TYPE_CHECKING:
    from ...config import Config


def check_reading(path: Path, scan: Mapping[str, object]) -> None:
    """Raise ValueError if reading a configuration, which calls the user's theory, ends or stops its process.

    `scan` is the table [scan]. Nothing is tried where trials run in this process.
    """
    settings = settings_of(scan, path.parent)
    if not is_isolated(settings, settings.workers):
        return
    deadline, how = time.monotonic() + settings.trial_timeout, ""
    for _ in range(RETRIES + 1):
        left = deadline - time.monotonic()
        if left > 0:
            how = apart(_read, path, seconds=left, meanwhile=_import_all, lost=lambda words: words)
        if not how:
            return
    raise ValueError(
        f"{path}: the process that tried the code which this file names {how}: let that code neither end its process "
        "nor run without end."
    )


def settings_of(scan: Mapping[str, object], base: Path) -> ScanSettings:
    """Those of the table [scan]; the defaults for one that is wrong: the rest is read, to tell what is."""
    try:
        return read_scan(scan, base)
    except (ValueError, TypeError):
        return ScanSettings()


def code_evaluated(tables: Mapping[str, object]) -> list[str]:
    """The names of the user's theory and scores in a configuration."""
    model, score = (table if isinstance(table := tables.get(name), Mapping) else {} for name in ("model", "score"))
    own = score.get("own", [])
    named = map(model.get, ("function", "reference", "kinetic", "kind"))
    names = [*named, *(own if isinstance(own, list) else [])]
    return [name for name in names if isinstance(name, str) and ":" in name]


def _import_all() -> None:
    """What the other process imports too, at the same time: JAX takes a second."""
    from ...config import configuration  # noqa: F401


def _read(path: Path) -> None:
    from ...config import load
    from ...evaluate.cache.keys import user_code

    try:
        user_code(load(path))
    except ValueError:
        raise
    except Exception:  # noqa: BLE001  the driver, which then reads it too, shows where this comes from
        return


def check_ends(config: Config, *, isolated: bool) -> None:
    """Raise ValueError if the user's theory refuses an end of a range.

    `isolated`: trials run in other processes, so that a theory that kills or stops its process at an end may not take
    this one. Such an end is no reason to refuse a scan: it costs the trials there. A Potential refuses no number.
    """
    from ...theory.potential import Potential

    if config.model.source is None or isinstance(config.model, Potential):
        return
    if not isolated:
        config.check_ends()
        return
    apart(config.check_ends, seconds=config.scan.trial_timeout)
