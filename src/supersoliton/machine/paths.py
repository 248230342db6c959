"""Location of the cache directory, which holds compiled kernels and finished evaluations."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

TRAINED_STARTS = "warm_start.npz"  # default file name in the folder of a scan


def cache_directory() -> Path:
    """``$SUPERSOLITON_CACHE``, else ``$XDG_CACHE_HOME/supersoliton``, else ``~/.cache/supersoliton``."""
    chosen = os.environ.get("SUPERSOLITON_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "supersoliton"


def private_folder(root: Path, *below: str, make: bool = True) -> Path:
    """The folder ``root/below[0]/below[1]/...``, made if it is missing (or not, without `make`).

    Raises PermissionError if it, or a folder above it from `root` on, belongs to another user, can be written by
    others, or is a symbolic link (`root` may be a link of this user): kernels are run and numbers believed from there.
    """
    if make:
        root.parent.mkdir(parents=True, exist_ok=True)
    folder = root
    for name in ("", *below):
        folder = folder / name
        with suppress(FileExistsError):
            if make:
                folder.mkdir(mode=0o700)
        if make or os.path.lexists(folder):
            _check_private(folder, inside=bool(name))
            folder = folder if name else folder.resolve()
    return folder


def _check_private(folder: Path, *, inside: bool) -> None:
    known = [folder.lstat(), folder.stat()]
    reason = ""
    if inside and folder.is_symlink():
        reason = "it is a symbolic link: remove it"
    elif any(status.st_uid != os.geteuid() for status in known):
        reason = "it belongs to another user"
    elif known[-1].st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        reason = "others may write to it: chmod go-w it"
    if reason:
        raise PermissionError(errno.EPERM, f"{reason}, or set SUPERSOLITON_CACHE to a folder of your own", str(folder))


def no_link(path: str | Path, flags: int) -> int:
    """An opener for :func:`open` that refuses a symbolic link, which could lead to any file of the user."""
    try:
        return os.open(path, flags | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a symbolic link: remove it", str(path)) from error
        raise
