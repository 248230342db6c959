"""Where the program keeps what it may lose: one folder for compiled kernels and finished evaluations."""

from __future__ import annotations

import os
from pathlib import Path

TRAINED_STARTS = "warm_start.npz"  # in the folder of a scan, unless its configuration names another file


def cache_directory() -> Path:
    """``$SUPERSOLITON_CACHE``, else ``$XDG_CACHE_HOME/supersoliton``, else ``~/.cache/supersoliton``."""
    chosen = os.environ.get("SUPERSOLITON_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "supersoliton"
