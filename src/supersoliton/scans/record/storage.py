"""Opens and makes the study of a scan, wherever it is stored: an ordinary Optuna study in all cases.

Studies and files of other programs are refused, never changed.
"""

from __future__ import annotations

import contextlib
import time
import tomllib
import warnings
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import optuna
from optuna.trial import FrozenTrial
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from ...config.objectives import read_objectives
from ...config.scan import ScanSettings
from ...machine.atomic_write import write_atomically
from ...sampling.optuna_private import id_of, quiet_optuna, storage_of
from ...sampling.pareto import signs_of
from .address import DRIVERS
from .address import Address as Address
from .address import locate as locate
from .database import DatabaseRecord, read, snapshot, trouble
from .digests import check_trials, is_sealed, seal_mark
from .folder import DATABASE, RESOLVED
from .journal import JournalRecord, check, repair
from .login import connect_arguments
from .record import AbstractRecord, StorageTrouble
from .sqlite_file import read_studies

FORMAT = 2  # of our record: since 2 running trials are in the study, with their points; 1 can still be read
_MARK = "supersoliton"  # user attribute of a study of ours: the configuration that it was made for
Mark: TypeAlias = dict[str, Any]  # what a study was made for, as JSON: its configuration and format
_NOT_OURS = "keep it and give another folder with --out, or move it away."
_BUSY_SECONDS = 5.0  # how long one statement waits for a lock of SQLite; the scan itself waits longer
_MARK_SECONDS = 20.0  # how long another driver may take to mark the study that it is making


def read_mark(address: Address, name: str) -> Mark | None:
    """The configuration that the study at an address was made for; None if there is no study yet. Only reads.

    Raises ValueError for a file that is no study, or a study that is not ours or has another name.
    """
    if address.kind == "server":
        return _server_mark(address, name)
    assert address.path is not None
    if not address.path.exists():
        return None
    studies = _studies(address)
    if name not in studies:
        found = ", ".join(f'"{study}"' for study in studies) or "none"
        raise ValueError(f'{address.path} holds no study named "{name}" (it holds {found}): {_NOT_OURS}')
    if not studies[name]:
        raise ValueError(f'the study "{name}" in {address.path} was not made by a scan of supersoliton: {_NOT_OURS}')
    return mark_of(open_study(address, name), address)


def _studies(address: Address) -> dict[str, bool]:
    """Name of each study in a file → whether it is ours."""
    assert address.path is not None
    if address.kind == "sqlite":
        return read_studies(address.path, _MARK, _NOT_OURS)
    return {study.study_name: _MARK in study.user_attrs for study in _journal(address.path).get_all_studies()}


def _journal(path: Path) -> optuna.storages.JournalStorage:
    from optuna.storages.journal import JournalFileBackend

    try:
        if path.exists():
            check(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            # its lock is a link to the path as given here
            return optuna.storages.JournalStorage(JournalFileBackend(str(path.resolve())))
    except OSError as error:
        raise ValueError(f"cannot use {path} ({error.strerror}): give another storage.") from error
    except Exception as error:  # Optuna may fail anywhere in lines that are damaged
        reason = error if isinstance(error, ValueError) else f"it is damaged, {type(error).__name__}"
        raise ValueError(f"{path} is not a readable journal ({reason}): {_NOT_OURS}") from error


def _server_mark(address: Address, name: str) -> Mark | None:
    """The mark of a study on a server. Without a mark, another driver is just making it, or it is not ours."""
    deadline = time.monotonic() + _MARK_SECONDS
    while True:
        try:
            study = open_study(address, name)
        except _NoStudyError:
            return None
        with trouble(str(address)):
            marked, trials = _MARK in study.user_attrs, study.get_trials(deepcopy=False)
        if marked:
            return mark_of(study, address)
        if trials or time.monotonic() > deadline:
            raise ValueError(
                f'the study "{name}" in {address} was not made by a scan of supersoliton: rename the file of the scan, '
                "or give another storage."
            )
        time.sleep(0.2)


def mark_of(study: optuna.Study, where: object) -> Mark:
    """The mark of a study, empty without one. Raises ValueError if it, the objectives or directions are damaged."""
    with _undamaged(where):
        mark: Mark = dict(study.user_attrs.get(_MARK, {}))
        newer, sound = mark.get("format", 1) > FORMAT, is_sealed(mark)
        if mark.get("sealed") and not newer:
            entries = mark["config"].get("scan", {}).get("objectives")
            signs = [1.0] * len(study.directions) if entries is None else [o.sign for o in read_objectives(entries)]
            sound &= signs == signs_of(study.directions).tolist()
            sound &= entries is None or study.metric_names == [*read_objectives(entries)]
    if newer:
        raise ValueError(f"{where} was written by a newer supersoliton: install that, or {_NOT_OURS}")
    if not sound:
        raise ValueError(f"{where} is damaged: what it was made for does not match its digest: restore a copy of it.")
    return mark


def read_trials(study: optuna.Study, where: object) -> list[FrozenTrial]:
    """Every trial of a study, for reading. Raises ValueError if one is damaged."""
    with _undamaged(where):
        backend = storage_of(study)
        if isinstance(backend, optuna.storages.RDBStorage):  # in an eighth of the time of Optuna's get_trials
            backend.remove_session()  # one that was cut cannot be used again
            with snapshot(backend) as connection:
                trials = read(connection, id_of(study))
        else:
            trials = study.get_trials(deepcopy=False)
    check_trials(trials, mark_of(study, where), where)
    return trials


@contextmanager
def _undamaged(where: object) -> Iterator[None]:
    """Turn the errors of a server that does not answer, and of stored values that are none, into sentences."""
    try:
        with trouble(str(where)):
            yield
    except StorageTrouble as error:
        if error.temporary:
            raise
        raise ValueError(f"{error}.") from error
    except (
        ValueError, LookupError, TypeError, AttributeError, AssertionError, SQLAlchemyError,
        optuna.exceptions.OptunaError,
    ) as error:  # fmt: skip
        words = " ".join(str(error).split())
        raise ValueError(f"{where} is damaged ({type(error).__name__}: {words}): restore a copy of it.") from error


# Of a server that has never answered: more likely its address is wrong
_ABSENT = (
    "refused", "resolve", "translate", "timeout", "timed out", "no route", "can't connect", "does not exist", "unknown",
)  # fmt: skip
_reached: set[str] = set()  # addresses that have answered this process
_begun: set[tuple[str, str]] = set()  # addresses and names of the studies that this process has begun to make


class _NoStudyError(ValueError):
    pass


def open_study(address: Address, name: str, *, read_only: bool = False) -> optuna.Study:
    """The existing study. Raises ValueError if Optuna cannot read it (made by another version of Optuna)."""
    try:
        with quiet_optuna(), trouble(str(address)):
            return optuna.load_study(study_name=name, storage=_storage(address, read_only=read_only))
    except StorageTrouble:
        raise
    except KeyError as error:
        raise _NoStudyError(f'{address} holds no study named "{name}": {_NOT_OURS}') from error
    except (RuntimeError, optuna.exceptions.OptunaError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"Optuna cannot read {address} ({reason}): {_NOT_OURS}") from error


def find_study(folder: Path, storage: str = "") -> tuple[Address, str]:
    """Address and name of a folder's study; `storage` is its address as given by the user.

    A server is only called if the user gave its address: a folder that was received may name any, and the user's
    passwords would be sent to it. Raises ValueError if no scan ran in the folder.
    """
    try:
        record = tomllib.loads((folder / RESOLVED).read_text(encoding="utf-8")).get("record", {})
    except (OSError, ValueError):
        record = {}
    where = storage or str(record.get("storage", ""))
    address = locate(where, folder)
    if address.kind == "server" and not storage:
        raise ValueError(
            f"the study of {folder} is at {address}, which only its files say: add --storage URL to use it."
        )
    if address.path is not None and not address.path.is_file():
        name = DATABASE if not where else str(address)
        raise ValueError(f"{folder} holds no {name}, so no scan ran there: give a folder like runs/quickstart.")
    name = record.get("study")
    if name is None or (address.path is not None and name not in _studies(address)):  # an early version, or damage
        name = _only_study(address)
    return address, str(name)


def open_folder(folder: Path, storage: str = "") -> optuna.Study:
    """The study of a folder, to read only. Raises ValueError if there is none, or if Optuna cannot read it."""
    address, name = find_study(folder, storage)
    return open_study(address, name, read_only=True)


def _only_study(address: Address) -> str:
    """The name of the study in a file, if it holds one."""
    if address.path is None:
        raise ValueError(f"no scan with its study at {address} ran there: give a folder like runs/quickstart.")
    names = list(_studies(address))
    if len(names) != 1:
        raise ValueError(f"{address} holds {len(names)} studies, a scan's record holds one: give the folder of a scan.")
    return names[0]


def create_study(address: Address, name: str, settings: ScanSettings, mark: Mapping[str, object]) -> optuna.Study:
    """A new study with the directions of its objectives; if another driver makes it meanwhile, that one is opened.

    A file is made under another name and then moved into place, so that a kill leaves a complete study or none.
    """
    if address.path is None:
        with trouble(str(address)):
            try:
                ours = (str(address), name)
                backend, again = _storage(address), ours in _begun
                _begun.add(ours)
                _fill(backend, name, settings, mark)
            except optuna.exceptions.DuplicatedStudyError:
                if again and _MARK not in (study := open_study(address, name)).user_attrs:
                    set_mark(study, mark)  # the server went away between our study and its mark
                _server_mark(address, name)
        return open_study(address, name)
    address.path.parent.mkdir(parents=True, exist_ok=True)

    def write(draft: Path) -> None:
        try:
            storage = _storage(Address(address.kind, draft))
            _fill(storage, name, settings, mark)
            if isinstance(storage, optuna.storages.RDBStorage):
                _fold(storage)
        finally:
            for path in draft.parent.glob(f"{draft.name}?*"):  # SQLite's log, the journal's lock
                path.unlink()

    try:
        write_atomically(address.path, write)
    except optuna.exceptions.StorageInternalError as error:
        raise StorageTrouble(f"cannot make {address} ({error.__cause__}): free some space", temporary=False) from error
    return open_study(address, name)


def _fill(storage: Any, name: str, settings: ScanSettings, mark: Mapping[str, object]) -> None:
    with quiet_optuna():
        directions = [objective.direction for objective in settings.objectives]
        study = optuna.create_study(study_name=name, storage=storage, directions=directions)
        with warnings.catch_warnings():  # an experimental interface, which labels the axes of optuna-dashboard
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names([str(name) for name in settings.objectives])
        set_mark(study, {**mark, "sealed": True})  # every trial will have a digest


def set_mark(study: optuna.Study, mark: Mapping[str, object]) -> None:
    study.set_user_attr(_MARK, seal_mark({**mark, "format": FORMAT}))


def open_record(address: Address, study: optuna.Study) -> AbstractRecord:
    """The record of a study's trials, to read and to write. A file must have no other driver at the same time."""
    backend = storage_of(study)
    if address.kind == "journal":
        assert address.path is not None
        repair(address.path)
        return JournalRecord(study, backend, address.path)
    return DatabaseRecord(study, backend, shared=address.kind == "server", where=str(address))


def finish(address: Address, study: optuna.Study) -> None:
    """Fold SQLite's write-ahead log into its file, so that the file alone can be copied or moved."""
    if address.kind == "sqlite":
        with contextlib.suppress(SQLAlchemyError):  # a full disk, or a reader: the log stays next to the file
            _fold(storage_of(study))


def _fold(storage: optuna.storages.RDBStorage) -> None:
    storage.remove_session()
    with storage.engine.begin() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    storage.engine.dispose()


def _storage(address: Address, *, read_only: bool = False) -> Any:
    if address.kind == "journal":
        assert address.path is not None
        return _journal(address.path)
    if address.kind == "server":
        return _server(address, read_only=read_only)
    assert address.path is not None
    path = address.path.resolve()
    url = f"sqlite:///{path.as_uri()}?mode=ro&uri=true" if read_only else f"sqlite:///{path}"
    with _reworded(address):
        storage = optuna.storages.RDBStorage(
            url, engine_kwargs={"connect_args": {"timeout": _BUSY_SECONDS}}, skip_table_creation=read_only
        )
    storage.engine.dispose()  # the connection that made the tables lacks the settings below

    @event.listens_for(storage.engine, "connect")
    def _cheap_transactions(connection: Any, _record: Any) -> None:
        if not read_only:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")  # safe against a killed process; fsync only at checkpoints

    # Optuna does not close its connections, which Python 3.13 warns of: close them with the storage.
    weakref.finalize(storage, storage.engine.dispose)
    return storage


def _server(address: Address, *, read_only: bool) -> Any:
    url = make_url(address.url)
    name = url.drivername.partition("+")[0]
    driver, remedy = DRIVERS[name]
    if url.drivername == name:
        url = url.set(drivername=f"{name}+{driver}")
    options: dict[str, Any] = {"pool_pre_ping": True, "pool_recycle": 1800}
    for attempt in range(5):
        try:
            options["connect_args"] = connect_arguments(url, read_only=read_only)
            with _reworded(address):
                return optuna.storages.RDBStorage(
                    url.render_as_string(hide_password=False),
                    engine_kwargs=dict(options),
                    skip_table_creation=read_only,
                )
        except ImportError as error:
            raise ValueError(f"[scan] storage: {address} needs a driver that is not installed: {remedy}.") from error
        except SQLAlchemyError as error:  # another driver made the tables at the same moment
            if read_only:
                raise ValueError(f"{address} holds no study: give the address of a scan with --storage.") from error
            if attempt == 4:
                raise
            time.sleep(0.3)
    raise AssertionError


@contextmanager
def _reworded(address: Address) -> Iterator[None]:
    """A database that cannot be opened is a mistake in [scan] storage: raise ValueError instead."""
    try:
        with trouble(str(address)):
            yield
        _reached.add(str(address))
    except StorageTrouble as error:
        there = str(address) in _reached or not any(words in str(error).lower() for words in _ABSENT)
        if address.kind == "server" and error.temporary and there:
            raise  # it has answered before, and may again
        raise ValueError(f"{error}, or correct [scan] storage.") from error
