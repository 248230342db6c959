"""Atomic writing of files: whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, content: str | bytes | Callable[[Path], None], *, sync: bool = False) -> None:
    """Write a file atomically: a reader finds the old file or the new one, also if the process is killed meanwhile.

    `content` is the text, the bytes, or a function that writes to the temporary path it receives (with the suffix of
    `path`, because some libraries choose the format by it). `sync`: flush to disk, so that it survives a power cut.
    """
    draft = path.with_name(f".{path.stem}.{os.getpid()}.{secrets.token_hex(6)}{path.suffix}")
    # made by us: nobody else can have put a link there
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    try:
        with open(descriptor, "wb") as file:
            if not callable(content):
                file.write(content if isinstance(content, bytes) else content.encode())
        if callable(content):
            content(draft)
        if sync:
            with draft.open("rb") as whole:
                os.fsync(whole.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
