"""Where a study is kept: study.db beside its files unless [scan] storage names a database or a journal file.

    ""                              study.db, SQLite, in the folder of the scan
    "sqlite:///PATH"                another SQLite file
    "postgresql://…", "mysql://…"   a server; several scans may share one study there
    "journal:PATH"                  Optuna's journal file, for file systems on which SQLite cannot lock

In each of them it is an ordinary Optuna study, which `optuna.load_study` and optuna-dashboard open. What is not ours is
refused, never changed. Redis is not offered: Optuna reads pickles from it, which whoever writes to it could have made.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import time
import warnings
import weakref
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from ...config.scan import ScanSettings
from ...sampling.samplers import quiet_optuna
from .database import Rows, trouble
from .journal import Journal, check, mend
from .record import AbstractDisk, StorageTrouble

DATABASE = "study.db"
FORMAT = 2  # of our record: since 2 running trials are in the study, with their points; 1 is read as it is
_MARK = "supersoliton"  # the study's user attribute that says it is ours, and what it was asked for
_NOT_OURS = "keep it and give another folder with --out, or move it away."
_BUSY_SECONDS = 5.0  # how long one statement waits for a lock of SQLite's; the scan itself waits longer
_MARK_SECONDS = 20.0  # how long another driver may take to mark the study that it is making
# Scheme → the driver where the address names none, and what brings it.
_DRIVERS = {
    "postgresql": ("psycopg", "pip install 'psycopg[binary]'"),
    "mysql": ("pymysql", "pip install pymysql"),
}


@dataclass(frozen=True)
class Address:
    """Where a study is kept: the file of a SQLite database or journal, or the URL of a server."""

    kind: str  # "sqlite", "journal" or "server"
    path: Path | None = None
    url: str = ""

    def __str__(self) -> str:
        return str(self.path) if self.path else hide_password(self.url)


def locate(storage: str, directory: Path) -> Address:
    """The address that [scan] storage names, for the scan in `directory`. Raises ValueError."""
    scheme, _, rest = storage.partition(":")
    if not storage:
        return Address("sqlite", directory / DATABASE)
    if scheme == "journal" and rest:
        return Address("journal", Path(rest))
    if scheme == "sqlite" and re.match(r"///.", rest) and "?" not in rest:
        return Address("sqlite", Path(rest[3:]))
    if scheme.partition("+")[0] in _DRIVERS and rest.startswith("//"):
        return Address("server", url=storage)
    raise ValueError(
        f'[scan] storage must be "postgresql://…", "mysql://…", "sqlite:///PATH" or "journal:PATH", '
        f'got "{hide_password(storage)}": write one of them, or leave it out for {DATABASE} in the folder of the scan.'
    )


def without_password(url: str) -> str:
    """The URL as it may be written to files; PostgreSQL takes a password from ~/.pgpass or PGPASSWORD too."""
    return re.sub(r"(://[^/:@]*):.*@", r"\1@", url)


def hide_password(url: str) -> str:
    """The URL as it may be shown."""
    return re.sub(r"(://[^/:@]*):.*@", r"\1:***@", url)


def read_mark(address: Address, name: str) -> dict[str, Any] | None:
    """What the study at an address was asked for; None where there is no study yet. Files are only read.

    Raises ValueError for a file that is no study, or a study that is not ours or of another name.
    """
    if address.kind == "server":
        return _server_mark(address, name)
    assert address.path is not None
    if not address.path.exists():
        return None
    if address.kind == "sqlite":
        studies = _sqlite_studies(address.path)
    else:
        studies = {study.study_name: _MARK in study.user_attrs for study in _journal(address.path).get_all_studies()}
    if name not in studies:
        found = ", ".join(f'"{study}"' for study in studies) or "none"
        raise ValueError(f'{address.path} holds no study named "{name}" (it holds {found}): {_NOT_OURS}')
    if not studies[name]:
        raise ValueError(f'the study "{name}" in {address.path} was not made by a scan of supersoliton: {_NOT_OURS}')
    return _checked(dict(open_study(address, name).user_attrs[_MARK]), address)


def _sqlite_studies(path: Path) -> dict[str, bool]:
    """Name of each study in a file → whether it is ours; opened for reading only."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            studies = dict(database.execute("SELECT study_name, study_id FROM studies"))
            marked = database.execute("SELECT study_id FROM study_user_attributes WHERE key = ?", (_MARK,)).fetchall()
    except sqlite3.Error as error:
        if not os.access(path.parent, os.W_OK):  # its log of changes lies beside it, and a reader makes it anew
            raise ValueError(f"cannot write to {path.parent} (no permission): give another folder.") from error
        raise ValueError(f"{path} is not a readable study ({error}): {_NOT_OURS}") from error
    return {study: (key,) in marked for study, key in studies.items()}


def _journal(path: Path) -> optuna.storages.JournalStorage:
    from optuna.storages.journal import JournalFileBackend

    try:
        if path.exists():
            check(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            # its lock is a link to the path as it is given here
            return optuna.storages.JournalStorage(JournalFileBackend(str(path.resolve())))
    except ValueError as error:
        raise ValueError(f"{path} is not a readable journal ({error}): {_NOT_OURS}") from error
    except OSError as error:
        raise ValueError(f"cannot use {path} ({error.strerror}): give another storage.") from error


def _server_mark(address: Address, name: str) -> dict[str, Any] | None:
    """A study without a mark is being made by another driver at this moment, or is somebody else's."""
    deadline = time.monotonic() + _MARK_SECONDS
    while True:
        try:
            study = open_study(address, name)
        except _NoStudyError:
            return None
        mark = study.user_attrs.get(_MARK)
        if mark is not None:
            return _checked(dict(mark), address)
        if study.get_trials(deepcopy=False) or time.monotonic() > deadline:
            raise ValueError(
                f'the study "{name}" in {address} was not made by a scan of supersoliton: rename the file of the scan, '
                "or give another storage."
            )
        time.sleep(0.2)


def _checked(mark: dict[str, Any], address: Address) -> dict[str, Any]:
    if mark.get("format", 1) > FORMAT:
        raise ValueError(f"{address} was written by a newer supersoliton: install that, or {_NOT_OURS}")
    return mark


class _NoStudyError(ValueError):
    pass


def open_study(address: Address, name: str) -> optuna.Study:
    """The existing study. Raises ValueError where Optuna cannot read it (made by another version of Optuna)."""
    try:
        with quiet_optuna():
            return optuna.load_study(study_name=name, storage=_storage(address))
    except KeyError as error:
        raise _NoStudyError(f'{address} holds no study named "{name}": {_NOT_OURS}') from error
    except (RuntimeError, optuna.exceptions.OptunaError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"Optuna cannot read {address} ({reason}): {_NOT_OURS}") from error


def create_study(address: Address, name: str, settings: ScanSettings, mark: Mapping[str, Any]) -> optuna.Study:
    """A new study, every objective maximised; one that another driver makes at the same time is opened.

    A file is made under another name and then moved into place, so that a kill leaves a whole study or none.
    """
    if address.path is None:
        try:
            _fill(_storage(address), name, settings, mark)
        except optuna.exceptions.DuplicatedStudyError:
            _server_mark(address, name)
        return open_study(address, name)
    draft = Address(address.kind, address.path.with_name(f".{address.path.name}.{os.getpid()}"))
    assert draft.path is not None
    address.path.parent.mkdir(parents=True, exist_ok=True)
    try:
        draft.path.unlink(missing_ok=True)
        storage = _storage(draft)
        _fill(storage, name, settings, mark)
        if isinstance(storage, optuna.storages.RDBStorage):
            _fold(storage)
        draft.path.rename(address.path)
    except optuna.exceptions.StorageInternalError as error:
        raise StorageTrouble(f"cannot make {address} ({error.__cause__}): free some space", passing=False) from error
    finally:
        for path in address.path.parent.glob(f"{draft.path.name}*"):
            path.unlink()
    return open_study(address, name)


def _fill(storage: Any, name: str, settings: ScanSettings, mark: Mapping[str, Any]) -> None:
    with quiet_optuna():
        directions = [optuna.study.StudyDirection.MAXIMIZE] * len(settings.objectives)
        study = optuna.create_study(study_name=name, storage=storage, directions=directions)
        with warnings.catch_warnings():  # the axes of optuna-dashboard are worth an interface that may change
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(list(settings.objectives))
        set_mark(study, mark)


def set_mark(study: optuna.Study, mark: Mapping[str, Any]) -> None:
    study.set_user_attr(_MARK, {**mark, "format": FORMAT})


def open_disk(address: Address, study: optuna.Study) -> AbstractDisk:
    """The record of a study's trials, to read and to write. No other driver may be at a file at the same time."""
    backend = _backend(study)
    if address.kind == "journal":
        assert address.path is not None
        mend(address.path)
        return Journal(study, backend, address.path)
    return Rows(study, backend, shared=address.kind == "server", where=str(address))


def finish(address: Address, study: optuna.Study) -> None:
    """Fold SQLite's write-ahead log into its file, so that this can be copied or moved alone."""
    if address.kind == "sqlite":
        with contextlib.suppress(SQLAlchemyError):  # a full disk, or a reader at work: the log stays beside the file
            _fold(_backend(study))


def _fold(storage: optuna.storages.RDBStorage) -> None:
    storage.remove_session()
    with storage.engine.begin() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    storage.engine.dispose()


def _backend(study: optuna.Study) -> Any:
    storage: Any = study._storage  # Optuna wraps the storage it is given and offers no way back to it
    return getattr(storage, "_backend", storage) if not isinstance(storage, optuna.storages.JournalStorage) else storage


def _storage(address: Address) -> Any:
    if address.kind == "journal":
        assert address.path is not None
        return _journal(address.path)
    if address.kind == "server":
        return _server(address)
    assert address.path is not None
    with _told(address):
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{address.path.resolve()}", engine_kwargs={"connect_args": {"timeout": _BUSY_SECONDS}}
        )
    storage.engine.dispose()  # the connection that made the tables knows nothing of the settings below

    @event.listens_for(storage.engine, "connect")
    def _cheap_transactions(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")  # safe against a killed process; fsync only at checkpoints

    # A study is let go of, not closed: then its connections are, which Python 3.13 else warns of.
    weakref.finalize(storage, storage.engine.dispose)
    return storage


def _server(address: Address) -> Any:
    url = make_url(address.url)
    name = url.drivername.partition("+")[0]
    driver, remedy = _DRIVERS[name]
    if url.drivername == name:
        url = url.set(drivername=f"{name}+{driver}")
    options: dict[str, Any] = {"pool_pre_ping": True, "pool_recycle": 1800}
    # a driver that is stopped in the middle of a turn must not hold the others up for ever
    if "psycopg" in url.drivername:
        limits = "-c lock_timeout=60000 -c idle_in_transaction_session_timeout=120000"
        options["connect_args"] = {"connect_timeout": 10, "options": limits}
    if url.drivername in ("mysql+pymysql", "mysql+mysqldb"):
        limits = "SET SESSION innodb_lock_wait_timeout = 60, SESSION wait_timeout = 120"
        options["connect_args"] = {"connect_timeout": 10, "init_command": limits}
    for attempt in range(5):
        try:
            with _told(address):
                return optuna.storages.RDBStorage(
                    url.render_as_string(hide_password=False), engine_kwargs=dict(options)
                )
        except ImportError as error:
            raise ValueError(f"[scan] storage: {address} needs a driver that is not installed: {remedy}.") from error
        except SQLAlchemyError:  # another driver made the tables between our look and our making them
            if attempt == 4:
                raise
            time.sleep(0.3)
    raise AssertionError


@contextmanager
def _told(address: Address) -> Iterator[None]:
    """Opening is where a wrong address shows: one sentence."""
    try:
        with trouble(str(address)):
            yield
    except StorageTrouble as error:
        raise ValueError(f"{error}, or correct [scan] storage.") from error
