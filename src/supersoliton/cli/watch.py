"""The progress of a scan, read from the files of its folder, from any terminal or machine with access to them.

Writes nothing, takes no lock, and starts quickly because it imports neither JAX nor Optuna.
"""

from __future__ import annotations

import csv
import io
import math
import sqlite3
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config.objectives import Objective, read_objectives
from ..machine.display import Display, duration
from ..scans.record.folder import DATABASE, HEARTBEAT, RESOLVED, TRIALS
from ..scans.record.heartbeat import Beat, last_beat

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_SILENT = 95.0  # seconds without a heartbeat (three are missing) after which a scan counts as not running


@dataclass
class Watch:
    """The progress of a scan at the last `update`, which reads only the new rows of trials.csv."""

    folder: Path
    # the configuration
    objectives: tuple[Objective, ...] = ()
    wanted: int | None = None
    # rows of trials.csv
    done: int = 0
    failed: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    feasible: int = 0
    best: tuple[float, int] = (math.nan, -1)
    # the rest
    beat: Beat | None = None
    running_since: dict[int, float] = field(default_factory=dict)
    _position: tuple[int, int] = (0, 0)  # inode of trials.csv, bytes of it that are counted
    _head: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.folder.is_dir():
            raise ValueError(f"there is no folder {self.folder}: give the folder of a scan, e.g. runs/quickstart.")
        if not any((self.folder / name).is_file() for name in (HEARTBEAT, RESOLVED, TRIALS)):
            raise ValueError(f"{self.folder} holds no scan: give the folder of one, e.g. runs/quickstart.")

    def update(self) -> Watch:
        self._read_config()
        self._read_trials()
        self.beat = last_beat(self.folder / HEARTBEAT)
        self.running_since = _running(self.folder / DATABASE)
        return self

    @property
    def total(self) -> int:
        """Number of trials wanted, including those that the driver has added to the file's."""
        return max(self.beat.total if self.beat else self.wanted or 0, self.done)

    @property
    def age(self) -> float:
        """Seconds since the last heartbeat, infinite without one; the clocks of two machines may differ."""
        return max(0.0, time.time() - self.beat.time) if self.beat else math.inf

    @property
    def is_finished(self) -> bool:
        return self.done >= self.total > 0 and (self.beat is None or self.beat.running == 0 or self.age > _SILENT)

    def state(self) -> str:
        if self.is_finished:
            return "finished"
        if self.beat is None:
            old = (self.folder / HEARTBEAT).is_file()
            return f"{HEARTBEAT} was written by an earlier version" if old else "no heartbeat yet"
        if self.beat.ended:
            return "stopped: run the same command to resume"
        if self.age > _SILENT:
            return f"not running: the last heartbeat is {duration(self.age)} old"
        return "running"

    def rows(self) -> list[tuple[str, str]]:
        """Name and text of each row."""
        rows = [("state", self.state()), ("trials", f"{self.done} of {self.total} done, {self.failed} failed")]
        if self.kinds:
            kinds = ", ".join(f"{count} {kind or 'of no kind'}" for kind, count in self.kinds.most_common())
            rows.append(("kinds", f"{kinds}; {self.feasible} feasible"))
        if self.objectives:
            number = f"{self.best[0]:.5g} (trial {self.best[1]})" if self.best[1] >= 0 else "no feasible trial yet"
            rows.append((f"best {self.objectives[0]}", number))
        if self.beat:
            rate = "–" if self.beat.rate is None else f"{self.beat.rate:.1f} trials/min"
            if self.beat.rate and self.total > self.done and self.age <= _SILENT and not self.beat.ended:
                rate += f", {duration(60 * (self.total - self.done) / self.beat.rate)} left"
            rows += [("rate", rate), ("workers", self._workers()), ("memory", f"{self.beat.memory} MiB")]
            rows.append(("last heartbeat", f"{duration(self.age)} ago"))
        return rows

    def line(self) -> str:
        """The rows in one line, without kinds and memory."""
        rows = dict(self.rows())
        rows.pop("kinds", None)
        rows.pop("memory", None)
        plain = ("state", "trials", "rate", "workers")
        words = [value if name in plain else f"{name} {value}" for name, value in rows.items()]
        return f"{self.folder.name}: {' · '.join(words)}"

    def _workers(self) -> str:
        assert self.beat is not None
        count = len(self.running_since) or self.beat.running
        longest = max((time.time() - since for since in self.running_since.values()), default=math.nan)
        since = f", the longest for {duration(longest)}" if longest > 0 else ""
        return f"{count} busy{since}; {self.beat.where}" if not self.is_finished else self.beat.where

    def _read_config(self) -> None:
        path = self.folder / RESOLVED
        if not self.objectives and path.is_file():
            scan = tomllib.loads(path.read_text(encoding="utf-8")).get("scan", {})
            self.objectives, self.wanted = read_objectives(scan.get("objectives", [])), scan.get("trials")

    def _read_trials(self) -> None:
        path = self.folder / TRIALS
        try:
            with path.open("rb") as file:
                inode, (known, start) = path.stat().st_ino, self._position
                if inode != known:  # the table was rewritten: start again
                    self.done = self.failed = self.feasible = start = 0
                    self.kinds, self.best = Counter(), (math.nan, -1)
                file.seek(start)
                new = file.read()
        except OSError:
            return
        whole = new.rfind(b"\n") + 1  # the last row may be half written
        self._position = (inode, start + whole)
        rows = csv.reader(io.StringIO(new[:whole].decode("utf-8"), newline=""))
        if start == 0:
            self._head = next(rows, [])
        for row in rows:
            self._count(dict(zip(self._head, row, strict=False)))

    def _count(self, row: dict[str, str]) -> None:
        self.done += 1
        if row.get("state") != "COMPLETE":
            self.failed += 1
            return
        self.kinds[row.get("kind", "")] += 1
        if not all(_number(value) <= 0 for name, value in row.items() if name.startswith("c_") and value):
            return
        self.feasible += 1
        value = _number(row.get(self.objectives[0], "")) if self.objectives else math.nan
        if self.objectives and self.objectives[0].is_better(value, self.best[0]):
            self.best = (value, int(row["number"]))


def _running(path: Path) -> dict[int, float]:
    """Number of each running trial → its start time; empty if the study is elsewhere or cannot be read now."""
    if not path.is_file():
        return {}
    query = "SELECT number, datetime_start FROM trials WHERE state = 'RUNNING'"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=1.0)) as database:
            rows = database.execute(query).fetchall()
        return {number: datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() for number, at in rows if at}
    except (sqlite3.Error, ValueError):
        return {}


def watch(watched: Watch, console: Console, *, seconds: float, sleep: Callable[[float], Any] = time.sleep) -> None:
    """Show progress until the scan is finished: a live table on a terminal, else a line at each change."""
    table, last = _table(watched.update()), -1
    with Display(lambda: table, keep=True, console=console) as display:
        while True:
            if watched.done != last or watched.is_finished:
                display.line(watched.line, now=True)
                last = watched.done
            if watched.is_finished:
                return
            sleep(seconds)
            table = _table(watched.update())


def _table(watched: Watch) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False, title=Text(watched.folder.name), title_justify="left")
    for name, words in watched.rows():
        table.add_row(Text(name, style="dim"), Text(words))
    return table


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
