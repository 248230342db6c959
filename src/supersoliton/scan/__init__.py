"""Scans: ask the sampler, evaluate, record, resume. `study.run_scan` is the loop."""

from typing import TYPE_CHECKING, Any

from .settings import Range as Range
from .settings import ScanSettings as ScanSettings

if TYPE_CHECKING:
    from .study import ScanResult as ScanResult
    from .study import run_scan as run_scan


def __getattr__(name: str) -> Any:
    if name in ("ScanResult", "run_scan"):
        from . import study

        return getattr(study, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
