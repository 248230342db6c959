"""A folder of entries shared by many processes: read without locks, written atomically, limited in size.

An entry is one file, ``evaluations/VERSION/ab/abcdef…``: VERSION is that of the numerics, the name is the key. A file
is written under a temporary name and renamed, so a reader finds all of it or nothing even if a writer is killed.
Writers hold a lock file and keep the sum of all sizes in a file; above the limit the least recently used entries are
removed. The time of last use is the modification time of the file, set when it is read.
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
from ...machine.paths import cache_directory, no_link, private_folder
from .entry import Damaged, unpack

DEFAULT_SIZE = 1000.0  # MB; an evaluation of thirteen fields takes 30 to 40 kB
_ENTRIES = "evaluations"
_MB = 1_000_000
_AFTER_REMOVAL = 0.9  # size after a removal relative to the limit, so that the folder is rarely listed
_KEY = re.compile(r"[0-9a-f]{64}")
_FOLDER = re.compile(r"[0-9a-f]{2}")


@dataclass(frozen=True)
class Usage:
    """Contents of a store: entries and bytes of all versions, and of the current one."""

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
    """Entries of one version of the numerics in `directory` (default :func:`cache_directory`).

    `size` is the limit on the sum of all entries, in MB. The methods raise OSError if the folder cannot be used.
    """

    def __init__(self, version: str, *, directory: Path | None = None, size: float = DEFAULT_SIZE) -> None:
        self._root = cache_directory() if directory is None else directory
        self.directory = self._root / _ENTRIES
        self.version, self.limit = version, int(size * _MB)

    def path(self, key: str) -> Path:
        return self.directory / self.version / key[:2] / key

    def read(self, key: str) -> bytes | None:
        """The bytes of a key, unchecked; None if there is no entry. Counts as a use."""
        path = self.path(key)
        private_folder(self._root, _ENTRIES, self.version, key[:2], make=False)
        try:
            data = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        # may fail if another process has removed the file or the folder is read-only; the bytes are still valid
        with contextlib.suppress(OSError):
            os.utime(path)
        return data

    def write(self, key: str, data: bytes) -> bool:
        """Store the bytes of a key; False if they alone exceed the limit."""
        if len(data) > self.limit:
            return False
        path = self.path(key)
        private_folder(self._root, _ENTRIES, self.version, key[:2])

        def write(draft: Path) -> None:
            draft.write_bytes(data)
            self._note(total)  # before the rename: if killed between the two, the sum is too large, never too small

        with self._locked():
            before = path.stat().st_size if path.exists() else 0
            total = self._total() + len(data)
            write_atomically(path, write)
            after = total - before
            if after > self.limit:
                after = self._remove_oldest(path)
            if after != total:
                self._note(after)
        return True

    def discard(self, key: str) -> None:
        """Remove an entry, e.g. a damaged one."""
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
        with self._locked():
            kept = self.version if stale_only else None
            files = [file for file in self._files() if file.path.parent.parent.name != kept]
            for file in files:
                file.path.unlink(missing_ok=True)
            self._sweep()
            self._note(sum(file.size for file in self._files()))
        return len(files), sum(file.size for file in files)

    def verify(self) -> tuple[int, list[tuple[Path, str]]]:
        """Read every entry; returns the number of intact ones, and the damaged ones with the reasons."""
        intact, damaged = 0, []
        for file in self._files():
            try:
                unpack(file.path.name, file.path.read_bytes())
                intact += 1
            except Damaged as error:
                damaged.append((file.path, str(error)))
            except FileNotFoundError:
                continue  # removed since the folder was listed
            except OSError as error:
                damaged.append((file.path, f"it cannot be read ({error.strerror})"))
        return intact, damaged

    def _files(self) -> list[_File]:
        found = []
        for path in self._paths():
            if _KEY.fullmatch(path.name):
                with contextlib.suppress(FileNotFoundError):
                    status = path.stat()
                    found.append(_File(path, status.st_size, status.st_mtime))
        return found

    def _paths(self) -> Iterator[Path]:
        """Every file in the folders of entries; folders with other names are ignored."""
        for version in _folders(self.directory):
            for folder in _folders(version):
                if _FOLDER.fullmatch(folder.name):
                    with contextlib.suppress(FileNotFoundError):
                        yield from sorted(folder.iterdir())

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock of the writers; the system releases it if the process is killed."""
        private_folder(self._root, _ENTRIES, make=False)
        with open(self.directory / ".lock", "w", opener=no_link) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _total(self) -> int:
        """Bytes of all entries, as recorded by the last writer; counted again if the record is lost."""
        try:
            text = (self.directory / ".total").read_text()
            if text.endswith("\n"):  # else the writer was killed in the middle of the number
                return int(text)
        except (OSError, ValueError):
            pass
        return sum(file.size for file in self._files())

    def _note(self, total: int) -> None:
        # Overwritten at constant width instead of truncated: ext4 writes a truncated file to disk at once, 5 ms here.
        descriptor = os.open(self.directory / ".total", os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
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
            if total <= _AFTER_REMOVAL * self.limit:
                break
            if file.path != kept:
                file.path.unlink(missing_ok=True)
                total -= file.size
        return total

    def _sweep(self) -> None:
        """Remove temporary files of killed writers. The caller holds the lock, so no running writer has any."""
        for path in self._paths():
            if path.name.startswith("."):
                path.unlink(missing_ok=True)


def _folders(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.is_dir() and not path.is_symlink())
    except (FileNotFoundError, NotADirectoryError):
        return []
