"""A study's SQLite file, looked at before Optuna opens it, for reading only."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from ...sampling.optuna_private import TABLES


def read_studies(path: Path, key: str, refused: str) -> dict[str, bool]:
    """Name of each study in a file → whether it has the attribute `key`.

    Raises ValueError, which ends in `refused`, if the file is damaged or no study.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            studies = dict(database.execute("SELECT study_name, study_id FROM studies"))
            marked = database.execute("SELECT study_id FROM study_user_attributes WHERE key = ?", (key,)).fetchall()
            for table in TABLES:  # a lost table would be created again, empty
                database.execute(f"SELECT {', '.join(table.columns.keys())} FROM {table.name} LIMIT 0")
            found = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except (sqlite3.Error, UnicodeError) as error:
        if not os.access(path.parent, os.W_OK):  # a reader has to create its log of changes, in the same folder
            raise ValueError(f"cannot write to {path.parent} (no permission): give another folder.") from error
        raise ValueError(f"{path} is not a readable study ({' '.join(str(error).split())}): {refused}") from error
    if found != "ok":
        raise ValueError(f"{path} is damaged ({' '.join(str(found).split())}): restore a copy of it.")
    return {study: (number,) in marked for study, number in studies.items()}
