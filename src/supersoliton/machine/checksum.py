"""A checksum inside the file that it is of: the SHA-256 of the file with zeros in its place."""

from __future__ import annotations

import hashlib
import re

PLACE = b"sha256:" + b"0" * 64  # what a writer puts where the checksum belongs
_CHECKSUM = re.compile(rb"sha256:[0-9a-f]{64}")


def seal(content: bytes) -> bytes:
    """The content with its checksum in the place for it."""
    return content.replace(PLACE, _of(content), 1)


def is_intact(content: bytes) -> bool | None:
    """Whether a content matches its checksum; None without one."""
    found = _CHECKSUM.search(content)
    return None if found is None else found[0] == _of(content[: found.start()] + PLACE + content[found.end() :])


def _of(content: bytes) -> bytes:
    return b"sha256:" + hashlib.sha256(content).hexdigest().encode()
