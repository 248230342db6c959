"""The signs of life of a scan: one JSON object per line of heartbeat.log, appended every half minute."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import psutil

_TAIL = 8192  # bytes at the end of the file that are read: a line has some 200


@dataclass(frozen=True)
class Beat:
    """A line of the file: trials done of those wanted, running and failed, trials per minute (None: none yet), what
    they run on; the time (seconds since 1970), memory of the scan in MiB, whether the scan has ended since."""

    done: int
    total: int
    running: int
    failed: int
    rate: float | None
    where: str
    time: float = 0.0
    memory: int = 0
    ended: bool = False


class Heartbeat:
    """Appends a beat every `seconds`, one at the start and one at the end; `describe` gives the state of the scan.

    In a thread of its own, so that it beats while a trial runs in this process.
    """

    def __init__(self, path: Path, describe: Callable[[], Beat], *, seconds: float = 30.0) -> None:
        self._path, self._describe, self._seconds = path, describe, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._beat()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._beat(ended=True)

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self._beat()

    def _beat(self, ended: bool = False) -> None:
        beat = replace(self._describe(), time=round(time.time(), 3), memory=_memory() >> 20, ended=ended)
        local = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(beat.time))
        # a full disk is reported by the record of the trials, whose loss would matter
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"local": local, **asdict(beat)}) + "\n")


def last_beat(path: Path) -> Beat | None:
    """The last whole beat in the file; None without one, as in the files of earlier versions, which are no JSON."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        try:
            entry = json.loads(line)
            return Beat(**{field.name: entry[field.name] for field in fields(Beat)})
        except (ValueError, TypeError, KeyError):
            continue  # half a line, or another format
    return None


def _memory() -> int:
    """Resident memory of this process and its children, bytes."""
    total = psutil.Process().memory_info().rss
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it may end between the listing and the look
            total += child.memory_info().rss
    return int(total)
