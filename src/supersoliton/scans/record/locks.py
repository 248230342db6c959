"""One scan at a time: lock files, which the system releases when a process ends, for any reason."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ...machine.paths import no_link
from .address import Address
from .folder import LOCK


@contextmanager
def only_one(directory: Path, address: Address) -> Iterator[None]:
    """Hold the lock of a folder, and that of the file of its study, by whatever path or link it is given.

    Raises ValueError if another scan holds one of them. Drivers on a server share a study and have a folder each.
    """
    with ExitStack() as stack:
        stack.enter_context(_locked(directory / LOCK, directory))
        if address.path is not None:
            path = address.path.resolve()
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_locked(path.with_name(f".{path.name}.lock"), address.path))
        yield


@contextmanager
def _locked(path: Path, what: Path) -> Iterator[None]:
    try:
        lock = open(path, "w", opener=no_link)  # noqa: SIM115
    except OSError as error:
        raise ValueError(f"cannot lock {path} ({error.strerror}): remove it, or give another --out.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(f"another scan is running in {what}: wait for it, or give another --out.") from error
        yield
