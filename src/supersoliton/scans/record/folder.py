"""The study that belongs to a folder: which one it is, the scan wrote into config.resolved.toml there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import optuna

from .storage import DATABASE, Address, locate, open_study

RESOLVED = "config.resolved.toml"
REPORT = "report.html"
REPORT_COVERS = "<meta name='trials' content='{}'>"  # in its head: how many finished trials it tells of
_HEAD = 2000  # characters that hold it


def report_covers(folder: Path) -> int:
    """How many finished trials the report in a folder tells of; 0 where there is none, or it does not say."""
    try:
        with (folder / REPORT).open(encoding="utf-8") as page:
            found = re.search(REPORT_COVERS.format(r"(\d+)"), page.read(_HEAD))
    except (OSError, ValueError):
        return 0
    return int(found[1]) if found else 0


def find_study(folder: Path, storage: str = "") -> tuple[Address, str]:
    """Address and name of a folder's study; `storage` is its address where a password was left out of the record.

    Raises ValueError where no scan ran in the folder.
    """
    try:
        record = tomllib.loads((folder / RESOLVED).read_text(encoding="utf-8")).get("record", {})
    except (OSError, ValueError):
        record = {}
    where = storage or str(record.get("storage", ""))
    address = locate(where, folder)
    if address.path is not None and not address.path.is_file():
        name = DATABASE if not where else str(address)
        raise ValueError(f"{folder} holds no {name}, so no scan ran there: give a folder like runs/quickstart.")
    return address, str(record["study"]) if "study" in record else _only_study(address)


def open_folder(folder: Path, storage: str = "") -> optuna.Study:
    """The study of a folder. Raises ValueError where there is none, or Optuna cannot read it."""
    return open_study(*find_study(folder, storage))


def _only_study(address: Address) -> str:
    """The name in a database of before its name was recorded: it holds one study."""
    if address.path is None:
        raise ValueError(f"no scan with its study at {address} ran there: give a folder like runs/quickstart.")
    try:
        names = optuna.get_all_study_names(f"sqlite:///{address.path}")
    except Exception as error:
        raise ValueError(f"{address} is not a study that Optuna can read: give the folder of a scan.") from error
    if len(names) != 1:
        raise ValueError(f"{address} holds {len(names)} studies, a scan's record holds one: give the folder of a scan.")
    return str(names[0])
