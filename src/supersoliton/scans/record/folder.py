"""The names of the files in the folder of a scan."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

DATABASE = "study.db"
TRIALS = "trials.csv"
STATES = "states"  # folder of the states and spectra of the Pareto set
HEARTBEAT = "heartbeat.log"
WORKERS_LOG = "workers.log"
LOCK = ".lock"
RESOLVED = "config.resolved.toml"
SURROGATE = "surrogate.joblib"  # only with save_surrogate
REPORT = "report.html"
REPORT_COVERS = "<meta name='trials' content='{}'>"  # in its head: the number of finished trials that it covers
_HEAD = 2000  # characters at the start of the page that contain it


def make_folder(directory: Path) -> None:
    """Create the folder of a scan. Raises ValueError if nothing can be written there."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        raise ValueError(f"cannot write to {directory} ({error.strerror}): give another folder with --out.") from error


def report_covers(folder: Path) -> int:
    """The number of finished trials that the report in a folder covers; 0 without a report or without the number."""
    try:
        with (folder / REPORT).open(encoding="utf-8") as page:
            found = re.search(REPORT_COVERS.format(r"(\d+)"), page.read(_HEAD))
    except (OSError, ValueError):
        return 0
    return int(found[1]) if found else 0
