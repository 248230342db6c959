"""Atomic writing of files: whole or not at all."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, content: str | bytes | Callable[[Path], None], *, sync: bool = False) -> None:
    """Write a file atomically: a reader finds the old file or the new one, also if the process is killed meanwhile.

    `content` is the text, the bytes, or a function that writes to the temporary path it receives (with the suffix of
    `path`, because some libraries choose the format by it). `sync`: flush to disk, so that it survives a power cut.
    """
    draft = path.with_name(f".{path.stem}.{os.getpid()}.{threading.get_ident()}{path.suffix}")
    try:
        if callable(content):
            content(draft)
        elif isinstance(content, bytes):
            draft.write_bytes(content)
        else:
            draft.write_text(content, encoding="utf-8")
        if sync:
            with draft.open("rb") as file:
                os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
