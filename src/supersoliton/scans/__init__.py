"""Scans: ask the sampler, evaluate, record, resume. `study.run_scan` is the loop."""

from typing import TYPE_CHECKING, Any

from ..config.scan import Range as Range
from ..config.scan import ScanSettings as ScanSettings

if TYPE_CHECKING:
    from .loop import ScanResult as ScanResult
    from .loop import run_scan as run_scan


def __getattr__(name: str) -> Any:
    if name in ("ScanResult", "run_scan"):
        from . import loop

        return getattr(loop, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
