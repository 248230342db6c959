"""Scans: ask the sampler, evaluate, record, resume. `loop.run_scan` is the loop."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .loop import ScanResult as ScanResult
    from .loop import run_scan as run_scan


def __getattr__(name: str) -> Any:
    """Import the loop, and Optuna with it, when it is needed: to watch a scan it is not."""
    if name in ("ScanResult", "run_scan"):
        return getattr(import_module(".loop", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
