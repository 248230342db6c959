"""Chooses the executor of a scan from its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...machine import devices
from .executor import AbstractExecutor
from .in_process import InProcess

if TYPE_CHECKING:
    from ...config import Config
    from ...config.scan import ScanSettings


def make_executor(config: Config, scratch: Path, *, workers: int, log: Path) -> AbstractExecutor:
    """The executor named in [scan]; "auto": this process for one worker or an accelerator, else `workers` more."""
    settings = config.scan
    if settings.executor == "dask" or settings.scheduler:
        from .dask_cluster import Dask

        cluster = Dask(config, scratch, scheduler=settings.scheduler, workers=workers, limit=settings.trial_timeout)
        return _behind_the_cache(config, scratch, cluster)
    if not is_isolated(settings, workers):
        return InProcess(config, scratch)
    from .processes import LocalProcesses

    limits = {"limit": settings.trial_timeout, "memory": settings.worker_memory}
    return _behind_the_cache(config, scratch, LocalProcesses(config, scratch, count=workers, log=log, **limits))


def is_isolated(settings: ScanSettings, workers: int) -> bool:
    """Whether trials run in other processes than this one."""
    if settings.executor == "dask" or settings.scheduler:
        return True
    alone = workers == 1 or settings.device in devices.ACCELERATORS
    return not (settings.executor == "in_process" or (settings.executor == "auto" and alone))


def _behind_the_cache(config: Config, scratch: Path, others: AbstractExecutor) -> AbstractExecutor:
    if not config.scan.cache:
        return others
    from .recalled import CachedExecutor

    return CachedExecutor(config, scratch, others)
