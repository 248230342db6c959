"""Trials as rows of Optuna's tables: SQLite, PostgreSQL, MySQL.

Optuna's own storage writes a transaction for every parameter, attribute and constraint: 20 to 30 ms a trial in SQLite;
one transaction per trial takes 1 ms. A server may have several drivers: a row lock on the study serialises their
transactions, so that each driver sees the trials of the others before it asks for a point. A running trial has a
heartbeat, by the server's clock; a trial whose heartbeat stops is taken over.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import DBAPIError, IntegrityError, PendingRollbackError, ProgrammingError, SQLAlchemyError

from ...sampling.optuna_private import (
    BEATS,
    PARAMS,
    STUDIES,
    SYSTEM_ATTRS,
    TRIALS,
    USER_ATTRS,
    VALUES,
    id_of,
    row_of,
    stored_to_value,
    value_to_stored,
)
from .record import AbstractRecord, AbstractTransaction, StorageTrouble

LEASE = 60.0  # seconds without a heartbeat after which a running trial counts as abandoned
_REFUSALS = ("authentication", "access denied", "no password")  # of a login: to wait does not help
_NEVER = datetime(2000, 1, 1)  # the heartbeat of a trial that its driver released
# Made once, because SQLAlchemy looks up the compiled text by the whole statement, which a statement remembers.
_INSERT = {table: table.insert() for table in (TRIALS, PARAMS, VALUES, USER_ATTRS, SYSTEM_ATTRS)}
_END = (
    TRIALS.update()
    .where(TRIALS.c.trial_id == sa.bindparam("row"))
    .values(state=sa.bindparam("ended"), datetime_complete=sa.bindparam("at"))
)


class DatabaseRecord(AbstractRecord):
    """The trials of one study in a relational database."""

    def __init__(self, study: optuna.Study, storage: optuna.storages.RDBStorage, *, shared: bool, where: str) -> None:
        self.study, self.shared, self.storage, self._where = study, shared, storage, where
        self._id, self.renewal = id_of(study), LEASE / 6
        self._open: dict[int, tuple[int, frozenset[str]]] = {}  # number of a running trial → row, attributes it has
        self._mine: set[int] = set()  # rows of our running trials
        self._last = -1  # newest row seen
        self._orphans: list[int] = []  # running trials found in a study that no other driver can be using

    def load(self) -> list[FrozenTrial]:
        with trouble(self._where):
            self.storage.engine.dispose()  # after an error, new connections
            try:
                with snapshot(self.storage) as connection:
                    trials = read(connection, self._id)
            except (ValueError, LookupError, TypeError) as error:  # a value that is none
                reason = f"{type(error).__name__}: {error}"
                raise StorageTrouble(
                    f"{self._where} is damaged ({reason}): restore a copy of it", temporary=False
                ) from error
        self._open.clear()
        self._see(trials)
        self._mine &= {row for row, _ in self._open.values()}
        self._orphans = [] if self.shared else sorted(self._open)
        return trials

    def _see(self, trials: Iterable[FrozenTrial]) -> None:
        for trial in trials:
            self._last = max(self._last, row_of(trial))
            if trial.state.is_finished():
                self._open.pop(trial.number, None)
            else:
                self._open[trial.number] = (row_of(trial), frozenset(trial.user_attrs) | set(trial.system_attrs))

    @contextmanager
    def transaction(self) -> Iterator[AbstractTransaction]:
        with trouble(self._where), self.storage.engine.begin() as connection:
            if self.shared:
                connection.execute(sa.select(STUDIES.c.study_id).filter_by(study_id=self._id).with_for_update())
            yield _Transaction(self, connection)

    def renew(self) -> None:
        rows = sorted(self._mine.copy())  # the scan's thread changes it
        if not self.shared or not rows:
            return
        with trouble(self._where), self.storage.engine.begin() as connection:
            connection.execute(BEATS.update().where(BEATS.c.trial_id.in_(rows)).values(heartbeat=_now(connection)))

    def close(self) -> None:
        try:
            with self.storage.engine.begin() as connection:
                if self._mine:
                    left = BEATS.c.trial_id.in_(sorted(self._mine))
                    connection.execute(BEATS.update().where(left).values(heartbeat=_NEVER))
        except SQLAlchemyError:
            pass  # the server does not answer: the trials are taken over when their heartbeats are old
        self.storage.remove_session()
        self.storage.engine.dispose()


class _Transaction(AbstractTransaction):
    def __init__(self, rows: DatabaseRecord, connection: sa.Connection) -> None:
        self._rows, self._connection = rows, connection

    def changed_by_others(self) -> list[FrozenTrial]:
        rows = self._rows
        if not rows.shared:
            return []
        theirs = {row for row, _ in rows._open.values()} - rows._mine
        trials = read(self._connection, rows._id, sa.or_(TRIALS.c.trial_id > rows._last, TRIALS.c.trial_id.in_(theirs)))
        rows._see(trials)
        return trials

    def begin(self, trial: FrozenTrial) -> None:
        row = self._connection.execute(
            _INSERT[TRIALS],
            {
                "number": trial.number,
                "study_id": self._rows._id,
                "state": TrialState.RUNNING,
                "datetime_start": _utc(trial.datetime_start),
            },
        ).inserted_primary_key
        assert row is not None
        key = int(row[0])
        parameters = [
            {
                "trial_id": key,
                "param_name": name,
                "param_value": trial.distributions[name].to_internal_repr(value),
                "distribution_json": distribution_to_json(trial.distributions[name]),
            }
            for name, value in trial.params.items()
        ]
        self._insert(PARAMS, parameters)
        self._attributes(key, trial.user_attrs, trial.system_attrs)
        self._rows._open[trial.number] = (key, frozenset(trial.user_attrs) | set(trial.system_attrs))
        self._rows._last = max(self._rows._last, key)
        self._claim(key)

    def end(self, trial: FrozenTrial) -> None:
        key, known = self._rows._open.pop(trial.number)
        self._connection.execute(_END, {"row": key, "ended": trial.state, "at": _utc(trial.datetime_complete)})
        self._insert(VALUES, [_value(key, i, value) for i, value in enumerate(trial.values or ())])
        self._attributes(
            key,
            {name: value for name, value in trial.user_attrs.items() if name not in known},
            {name: value for name, value in trial.system_attrs.items() if name not in known},
        )
        self._rows._mine.discard(key)

    def set_attribute(self, number: int, name: str, value: int) -> None:
        key, known = self._rows._open[number]
        self._connection.execute(USER_ATTRS.delete().where(USER_ATTRS.c.trial_id == key, USER_ATTRS.c.key == name))
        self._attributes(key, {name: value}, {})
        self._rows._open[number] = (key, known | {name})

    def abandoned(self, most: int) -> list[int]:
        rows = self._rows
        if not rows.shared:
            taken, rows._orphans = rows._orphans[:most], rows._orphans[most:]
            return taken
        theirs = {row: number for number, (row, _) in rows._open.items() if row not in rows._mine}
        if not theirs or most <= 0:
            return []
        old = _now(self._connection) - timedelta(seconds=LEASE)
        query = sa.select(BEATS.c.trial_id).where(BEATS.c.trial_id.in_(sorted(theirs)), BEATS.c.heartbeat < old)
        keys = [int(key) for key in self._connection.execute(query.order_by(BEATS.c.trial_id).limit(most)).scalars()]
        for key in keys:
            self._claim(key)
        return [theirs[key] for key in keys]

    def _claim(self, key: int) -> None:
        rows = self._rows
        rows._mine.add(key)
        if rows.shared:
            now = _now(self._connection)
            known = self._connection.execute(BEATS.update().where(BEATS.c.trial_id == key).values(heartbeat=now))
            if not known.rowcount:
                self._connection.execute(BEATS.insert(), {"trial_id": key, "heartbeat": now})

    def _attributes(self, key: int, user: Mapping[str, object], system: Mapping[str, object]) -> None:
        for table, attributes in ((USER_ATTRS, user), (SYSTEM_ATTRS, system)):
            self._insert(
                table,
                [{"trial_id": key, "key": name, "value_json": json.dumps(value)} for name, value in attributes.items()],
            )

    def _insert(self, table: sa.Table, rows: list[dict[str, object]]) -> None:
        if rows:
            self._connection.execute(_INSERT[table], rows)


@contextmanager
def snapshot(storage: optuna.storages.RDBStorage) -> Iterator[sa.Connection]:
    """A connection whose queries all see one moment: between two of them another driver may end a trial."""
    with storage.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")  # which Python's driver leaves out before a SELECT
        else:
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def read(connection: sa.Connection, study: int, *conditions: sa.ColumnElement[bool]) -> list[FrozenTrial]:
    """Trials of a study by number: what Optuna's `get_all_trials` returns, in an eighth of its time.

    Several queries: the connection is a `snapshot`, or holds the lock of the study.
    """
    mine = sa.select(TRIALS.c.trial_id).filter_by(study_id=study).where(*conditions)
    columns: dict[str, dict[int, dict[Any, Any]]] = {}

    def collect(name: str, table: sa.Table, *wanted: sa.Column[Any]) -> Iterator[tuple[dict[Any, Any], Any]]:
        found = columns.setdefault(name, {})
        query = sa.select(table.c.trial_id, *wanted).where(table.c.trial_id.in_(mine))
        for key, *values in connection.execute(query.order_by(next(iter(table.primary_key)))):
            yield found.setdefault(key, {}), values

    known: dict[str, BaseDistribution] = {}  # JSON of a distribution → the distribution, one object for all trials
    for row, (name, value, text) in collect(
        "params", PARAMS, *_named(PARAMS, "param_name param_value distribution_json")
    ):
        if text not in known:
            known[text] = json_to_distribution(text)
        row[name] = (known[text], known[text].to_external_repr(value))
    for row, (objective, value, kind) in collect("values", VALUES, *_named(VALUES, "objective value value_type")):
        row[objective] = stored_to_value(value, kind)
    for name, table in (("user", USER_ATTRS), ("system", SYSTEM_ATTRS)):
        for row, (key, text) in collect(name, table, *_named(table, "key value_json")):
            row[key] = json.loads(text)
    query = sa.select(TRIALS).filter_by(study_id=study).where(*conditions).order_by(TRIALS.c.number)
    return [
        FrozenTrial(
            number=trial.number,
            state=trial.state,
            value=None,
            values=[value for _, value in sorted(columns["values"].get(trial.trial_id, {}).items())] or None,
            datetime_start=_local(trial.datetime_start),
            datetime_complete=_local(trial.datetime_complete),
            params={name: value for name, (_, value) in columns["params"].get(trial.trial_id, {}).items()},
            distributions={name: kind for name, (kind, _) in columns["params"].get(trial.trial_id, {}).items()},
            user_attrs=columns["user"].get(trial.trial_id, {}),
            system_attrs=columns["system"].get(trial.trial_id, {}),
            intermediate_values={},
            trial_id=trial.trial_id,
        )
        for trial in connection.execute(query)
    ]


def _named(table: sa.Table, names: str) -> list[sa.Column[Any]]:
    return [table.c[name] for name in names.split()]


@contextmanager
def trouble(where: str) -> Iterator[None]:
    """Turn errors of the database into StorageTrouble; errors in our SQL are raised unchanged."""
    try:
        yield
    except (DBAPIError, PendingRollbackError, optuna.exceptions.StorageInternalError) as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, DBAPIError):
            cause = cause.__cause__ or cause.__context__
        if cause is None or isinstance(cause, IntegrityError | ProgrammingError):
            raise
        raise _reworded(cause, where) from error


def _reworded(error: DBAPIError, where: str) -> StorageTrouble:
    reason = " ".join(str(error.orig).split())
    if "full" in reason or "No space left" in reason or "disk I/O error" in reason:
        return StorageTrouble(f"the disk of {where} is full or failing ({reason}): free some space", temporary=False)
    if "readonly" in reason or "read-only" in reason or "unable to open" in reason:
        return StorageTrouble(f"{where} cannot be written ({reason}): make it writable", temporary=False)
    if any(words in reason for words in ("malformed", "not a database", "no such")):
        return StorageTrouble(f"{where} is damaged ({reason}): restore a copy of it", temporary=False)
    if any(words in reason.lower() for words in _REFUSALS):
        return StorageTrouble(f"{where} refuses the login ({reason}): correct its user or password", temporary=False)
    if "locked" in reason or "busy" in reason:
        return StorageTrouble(f"another program has locked {where} ({reason}): let it finish", temporary=True)
    if isinstance(error.orig, sqlite3.Error):  # a text that is no UTF-8, for example
        return StorageTrouble(f"{where} is damaged ({reason:.80}): restore a copy of it", temporary=False)
    return StorageTrouble(f"{where} does not answer ({reason}): check its server", temporary=True)


def _now(connection: sa.Connection) -> datetime:
    """The time by the database's clock: the clocks of several machines may differ."""
    # MySQL's CURRENT_TIMESTAMP is local time, which jumps in spring: every trial would seem abandoned
    clock = sa.func.utc_timestamp if connection.dialect.name in ("mysql", "mariadb") else sa.func.current_timestamp
    now = connection.execute(sa.select(clock())).scalar_one()
    if isinstance(now, str):  # SQLite
        now = datetime.fromisoformat(now)
    return now.astimezone(UTC).replace(tzinfo=None) if now.tzinfo else now


def _utc(local: datetime | None) -> datetime | None:
    """Optuna keeps naive times in UTC and shows them as naive local ones."""
    return None if local is None else local.astimezone(UTC).replace(tzinfo=None)


def _local(utc: datetime | None) -> datetime | None:
    return None if utc is None else utc.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)


def _value(key: int, objective: int, value: float) -> dict[str, object]:
    stored, kind = value_to_stored(value)
    return {"trial_id": key, "objective": objective, "value": stored, "value_type": kind}
