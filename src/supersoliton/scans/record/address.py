"""Where a study is stored: study.db in its folder, unless [scan] storage names a database or a journal file.

    ""                              study.db, SQLite, in the folder of the scan
    "sqlite:///PATH"                another SQLite file
    "postgresql://…", "mysql://…"   a server; several scans may share one study there
    "journal:PATH"                  Optuna's journal file, for file systems on which SQLite cannot lock

In each of them it is an ordinary Optuna study, which `optuna.load_study` and optuna-dashboard open. Studies and files
of other programs are refused, never changed. Redis is not supported: Optuna reads pickles from it, so anybody who can
write to it could run code here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .folder import DATABASE
from .login import hide_password

# Scheme → default driver, and the command that installs it.
DRIVERS = {"postgresql": ("psycopg", "pip install 'psycopg[binary]'"), "mysql": ("pymysql", "pip install pymysql")}


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
    if scheme.partition("+")[0] in DRIVERS and rest.startswith("//"):
        return Address("server", url=storage)
    raise ValueError(
        f'[scan] storage must be "postgresql://…", "mysql://…", "sqlite:///PATH" or "journal:PATH", '
        f'got "{hide_password(storage)}": write one of them, or leave it out for {DATABASE} in the folder of the scan.'
    )
