"""A folder of entries that many processes share: read without waiting, written whole or not at all, bounded in size.

An entry is one file, ``evaluations/VERSION/ab/abcdef…``: VERSION that of the numerics, the name the key. A file is
written beside its place and renamed into it, so a reader finds all of it or nothing, whatever is killed when. Writers
take turns (a lock file) and keep the sum of all sizes in a file; when it passes the limit, those least recently used
are removed. The time of last use is the file's own modification time, set when it is read.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...machine.atomic_write import write_atomically
from ...machine.paths import cache_directory
from .entry import Damaged, unpack

DEFAULT_SIZE = 1000.0  # MB; an evaluation of thirteen fields takes 30 to 40 kB
_MB = 1_000_000
_KEPT = 0.9  # of the limit after removing, so that the folder is listed once in a tenth of the limit
_KEY = re.compile(r"[0-9a-f]{64}")
_FOLDER = re.compile(r"[0-9a-f]{2}")


@dataclass(frozen=True)
class Usage:
    """What lies in a store: entries and bytes in all, and of those of the version asked for."""

    entries: int
    bytes: int
    current_entries: int
    current_bytes: int
    oldest_use: float | None  # seconds since the epoch
    newest_use: float | None


@dataclass(frozen=True)
class _File:
    path: Path
    size: int
    used: float


class Store:
    """Entries of one version of the numerics in `directory` (that of :func:`cache_directory` unless given).

    `size` is the largest sum of all entries' bytes, in MB. The methods raise OSError where the folder cannot be used.
    """

    def __init__(self, version: str, *, directory: Path | None = None, size: float = DEFAULT_SIZE) -> None:
        self.directory = (cache_directory() if directory is None else directory) / "evaluations"
        self.version, self.limit = version, int(size * _MB)

    def path(self, key: str) -> Path:
        return self.directory / self.version / key[:2] / key

    def read(self, key: str) -> bytes | None:
        """The bytes kept under a key, unchecked; None where there are none. Counts as a use."""
        path = self.path(key)
        try:
            data = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        # another process may have removed it since, or the folder may be read-only: the bytes are good all the same
        with contextlib.suppress(OSError):
            os.utime(path)
        return data

    def write(self, key: str, data: bytes) -> bool:
        """Keep the bytes under a key; False where they alone are over the limit."""
        if len(data) > self.limit:
            return False
        path = self.path(key)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)  # nobody else's business, and nobody else's hand
        path.parent.mkdir(parents=True, exist_ok=True)

        def write(draft: Path) -> None:
            draft.write_bytes(data)
            self._note(total)  # before it is in place: a kill between the two leaves the sum too large, never too small

        with self._turn():
            before = path.stat().st_size if path.exists() else 0
            total = self._total() + len(data)
            write_atomically(path, write)
            total -= before
            if total > self.limit:
                total = self._remove_oldest(path)
            self._note(total)
        return True

    def discard(self, key: str) -> None:
        """Forget an entry, e.g. a damaged one."""
        self.path(key).unlink(missing_ok=True)

    def usage(self) -> Usage:
        files = self._files()
        own = [file for file in files if file.path.parent.parent.name == self.version]
        times = [file.used for file in files]
        return Usage(
            entries=len(files),
            bytes=sum(file.size for file in files),
            current_entries=len(own),
            current_bytes=sum(file.size for file in own),
            oldest_use=min(times, default=None),
            newest_use=max(times, default=None),
        )

    def clear(self, *, stale_only: bool = False) -> tuple[int, int]:
        """Remove every entry, or those of other versions; returns how many and their bytes."""
        if not self.directory.is_dir():
            return 0, 0
        with self._turn():
            kept = self.version if stale_only else None
            files = [file for file in self._files() if file.path.parent.parent.name != kept]
            for file in files:
                file.path.unlink(missing_ok=True)
            self._sweep()
            self._note(sum(file.size for file in self._files()))
        return len(files), sum(file.size for file in files)

    def verify(self) -> tuple[int, list[tuple[Path, str]]]:
        """Read every entry; returns how many are sound, and those that are not, with the reason."""
        sound, damaged = 0, []
        for file in self._files():
            try:
                unpack(file.path.name, file.path.read_bytes())
                sound += 1
            except Damaged as error:
                damaged.append((file.path, str(error)))
            except FileNotFoundError:
                continue  # removed since the folder was listed
            except OSError as error:
                damaged.append((file.path, f"it cannot be read ({error.strerror})"))
        return sound, damaged

    def _files(self) -> list[_File]:
        found = []
        for path in self._paths():
            if _KEY.fullmatch(path.name):
                with contextlib.suppress(FileNotFoundError):
                    status = path.stat()
                    found.append(_File(path, status.st_size, status.st_mtime))
        return found

    def _paths(self) -> Iterator[Path]:
        """Every file in the folders of entries; nothing that is not named as ours is looked at."""
        for version in _folders(self.directory):
            for folder in _folders(version):
                if _FOLDER.fullmatch(folder.name):
                    with contextlib.suppress(FileNotFoundError):
                        yield from sorted(folder.iterdir())

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for the writers before; the system ends the turn of a process that is killed."""
        with (self.directory / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _total(self) -> int:
        """Bytes of all entries, as noted by the last writer; counted anew where the note is lost."""
        try:
            text = (self.directory / ".total").read_text()
            if text.endswith("\n"):  # else the writer was killed in the middle of the number
                return int(text)
        except (OSError, ValueError):
            pass
        return sum(file.size for file in self._files())

    def _note(self, total: int) -> None:
        # Of one width and written over, not cut and written: ext4 takes a file cut to nothing for one that must reach
        # the disk at once, 5 ms here.
        descriptor = os.open(self.directory / ".total", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, b"%020d\n" % total)
        finally:
            os.close(descriptor)

    def _remove_oldest(self, kept: Path) -> int:
        """Remove the least recently used entries, but not `kept`; returns the bytes left."""
        self._sweep()
        files = sorted(self._files(), key=lambda file: file.used)
        total = sum(file.size for file in files)
        for file in files:
            if total <= _KEPT * self.limit:
                break
            if file.path != kept:
                file.path.unlink(missing_ok=True)
                total -= file.size
        return total

    def _sweep(self) -> None:
        """Remove the drafts of killed writers: drafts are written in turn, so none here belongs to a living one."""
        for path in self._paths():
            if path.name.startswith("."):
                path.unlink(missing_ok=True)


def _folders(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.is_dir() and not path.is_symlink())
    except (FileNotFoundError, NotADirectoryError):
        return []
