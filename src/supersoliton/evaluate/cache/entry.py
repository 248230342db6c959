"""One evaluation as bytes: a checksum, a JSON header, raw arrays. It contains no executable code.

    supersoliton-evaluation-1 \\n  SHA-256 of the rest, hex \\n  length of the header \\n  header (JSON)  arrays

Floats in JSON are read back with the same bits (NaN and infinities included); arrays are little-endian.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy import ndarray as Array

MAGIC = b"supersoliton-evaluation-1\n"
_KINDS = {"f8": "<f8", "u1": "|u1"}  # the only types of arrays: object arrays are not read


class Damaged(ValueError):
    """The bytes are not an intact entry."""


def pack(key: str, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """The bytes of an entry. `header` is plain data, `arrays` are of floats or bytes."""
    import numpy as np

    described, blocks = {}, []
    for name, array in arrays.items():
        kind = "u1" if array.dtype == np.uint8 else "f8"
        block = np.ascontiguousarray(array, dtype=_KINDS[kind]).tobytes()
        described[name] = {"kind": kind, "shape": list(array.shape)}
        blocks.append(block)
    text = json.dumps({"key": key, "header": header, "arrays": described}).encode()
    body = b"%d\n" % len(text) + text + b"".join(blocks)
    return MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def check(data: bytes) -> bytes:
    """The bytes after the checksum. Raises Damaged if they do not match it."""
    if not data.startswith(MAGIC):
        raise Damaged("it does not start with the header of an entry")
    start = len(MAGIC) + 65
    body = data[start:]
    if data[len(MAGIC) : start] != hashlib.sha256(body).hexdigest().encode() + b"\n":
        raise Damaged("its checksum does not match its content")
    return body


def unpack(key: str, data: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """Header and arrays of an entry. Raises Damaged if it is not intact or has another key."""
    import numpy as np

    body = check(data)
    try:
        length, rest = body.split(b"\n", 1)
        text, blocks = rest[: int(length)], rest[int(length) :]
        record = json.loads(text)
        if record["key"] != key:
            raise Damaged("it is the entry of another evaluation")
        arrays, at = {}, 0
        for name, about in record["arrays"].items():
            kind, shape = np.dtype(_KINDS[about["kind"]]), tuple(int(n) for n in about["shape"])
            count = math.prod(shape)
            # copied, because arrays from a buffer are read-only
            arrays[name] = np.frombuffer(blocks, dtype=kind, count=count, offset=at).reshape(shape).copy()
            at += count * kind.itemsize
        if at != len(blocks):
            raise Damaged("its arrays do not have the recorded lengths")
        return record["header"], arrays
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, Damaged):
            raise
        raise Damaged(f"it cannot be read ({type(error).__name__})") from error
