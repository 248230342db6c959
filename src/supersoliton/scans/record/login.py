"""How a database server is logged in to: with limits of time, and no password in clear text."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy.engine import URL

_SECONDS = 10  # to connect
_LIBPQ = 16_00_00  # the first that can refuse a method
_TLS = ("require", "verify-ca", "verify-full")  # values of sslmode with which a password is not sent in clear


class _Refused:
    """Answers a MySQL server that asks for the password in clear text."""

    def __init__(self, _connection: object) -> None:
        return

    def authenticate(self, _packet: object) -> None:
        from pymysql.err import OperationalError

        raise OperationalError(0, "authentication failed: the server asks for the password in clear text")


def connect_arguments(url: URL, *, read_only: bool) -> dict[str, Any]:
    """Arguments of the driver for the server of a URL. Raises ImportError if the driver is not installed.

    A server of another owner, or somebody between, could ask for the password in clear text, and would be given it.
    """
    # a driver that is stopped in the middle of a transaction must not block the others
    if "psycopg" in url.drivername:
        limits = "-c lock_timeout=60000 -c idle_in_transaction_session_timeout=120000"
        limits += " -c default_transaction_read_only=on" if read_only else ""
        given: dict[str, Any] = {"connect_timeout": _SECONDS, "options": limits}
        if url.drivername == "postgresql+psycopg" and not url.query.keys() & {"require_auth"}:
            from psycopg.pq import version

            if url.query.get("sslmode") not in _TLS and version() >= _LIBPQ:
                given["require_auth"] = "!password"
        return given
    if url.drivername in ("mysql+pymysql", "mysql+mysqldb"):
        limits = "SET SESSION innodb_lock_wait_timeout = 60, SESSION wait_timeout = 120"
        limits = "SET SESSION TRANSACTION READ ONLY" if read_only else limits
        given = {"connect_timeout": _SECONDS, "init_command": limits}
        if url.drivername == "mysql+pymysql":  # mysqldb refuses it by itself
            given["auth_plugin_map"] = {"mysql_clear_password": _Refused, "dialog": _Refused}
        return given
    return {}


def without_password(url: str) -> str:
    """The URL as written to files; PostgreSQL also reads a password from ~/.pgpass or PGPASSWORD."""
    return re.sub(r"(://[^/:@]*):.*@", r"\1@", url)


def hide_password(url: str) -> str:
    """The URL as shown in messages."""
    return re.sub(r"(://[^/:@]*):.*@", r"\1:***@", url)
