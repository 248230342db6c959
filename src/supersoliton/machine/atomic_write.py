"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, content: str | bytes | Callable[[Path], None], *, sync: bool = False) -> None:
    """Write a file so that a reader, or a kill in the middle, finds the old file or the new one, never half of it.

    `content` is the text, the bytes, or a function that writes the file whose path it is given (with the ending of
    `path`, by which some libraries choose the format). `sync`: the file survives a power cut once this returns.
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
    finally:
        draft.unlink(missing_ok=True)
