"""Location of the cache directory, which holds compiled kernels and finished evaluations."""

from __future__ import annotations

import os
from pathlib import Path

TRAINED_STARTS = "warm_start.npz"  # default file name in the folder of a scan


def cache_directory() -> Path:
    """``$SUPERSOLITON_CACHE``, else ``$XDG_CACHE_HOME/supersoliton``, else ``~/.cache/supersoliton``."""
    chosen = os.environ.get("SUPERSOLITON_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "supersoliton"
