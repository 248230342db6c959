"""The heartbeat of a scan: one JSON object per line of heartbeat.log, appended every half minute."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import psutil

from ...machine.paths import no_link

_TAIL = 8192  # bytes read at the end of the file; a line has about 200


@dataclass(frozen=True)
class Beat:
    """A line of the file: trials done, asked for, running and failed; trials per minute (None before the first ends);
    what they run on; time [s since 1970]; memory of the scan [MiB]; whether the scan has ended."""

    done: int
    total: int
    running: int
    failed: int
    rate: float | None
    where: str
    time: float = 0.0
    memory: int = 0
    ended: bool = False


@contextmanager
def every(seconds: float, call: Callable[[], None]) -> Iterator[None]:
    """Call a function every `seconds` while open, in a thread and thus also while a trial runs in this process."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(seconds):
            call()

    thread = threading.Thread(target=run, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def heartbeat(path: Path, describe: Callable[[], Beat], *, seconds: float = 30.0) -> Iterator[None]:
    """Append a beat at the start, every `seconds` and at the end; `describe` gives the state of the scan."""

    def append(ended: bool = False) -> None:
        beat = replace(describe(), time=round(time.time(), 3), memory=_memory() >> 20, ended=ended)
        local = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(beat.time))
        # a full disk is reported by the record of the trials; a lost beat does not matter
        with suppress(OSError), open(path, "a", encoding="utf-8", opener=no_link) as file:
            file.write(json.dumps({"local": local, **asdict(beat)}) + "\n")

    append()
    try:
        with every(seconds, append):
            yield
    finally:
        append(ended=True)


def last_beat(path: Path) -> Beat | None:
    """The last complete beat in the file; None if there is none, as in the files of earlier versions (not JSON)."""
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
        with suppress(psutil.NoSuchProcess):  # it may have ended since it was listed
            total += child.memory_info().rss
    return int(total)
