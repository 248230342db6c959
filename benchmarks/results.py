"""benchmarks/results.json: machine, versions, date, and every row with its target."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import math
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from . import measure
from .measure import Row, Size

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results.json"
_PACKAGES = ("supersoliton", "jax", "jaxlib", "numpy", "scipy", "optuna")
_BUSY = 1.15  # wall over processor time of the yardstick


def cpu_model() -> str:
    """Name of the processor, with its family and model where /proc/cpuinfo has them."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor() or platform.machine()
    lines = (line.split(":", 1) for line in cpuinfo.read_text(errors="replace").splitlines() if ":" in line)
    known = {key.strip(): value.strip() for key, value in lines}
    name = known.get("model name", platform.machine())
    family = f" (family {known['cpu family']}, model {known['model']})" if "cpu family" in known else ""
    return name + family


def commit() -> str:
    """The measured commit, with "+" if src has uncommitted changes; empty outside a repository."""
    try:
        done = [
            subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
            for words in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "--", "src"])
        ]
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done[0] + ("+" if done[1] else "")


def surroundings() -> dict[str, Any]:
    """Machine and versions."""
    return {
        "machine": {"cpu": cpu_model(), "cores": os.cpu_count(), "system": platform.platform(terse=True)},
        "versions": {"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def as_record(row: Row, when: str, of: str) -> dict[str, Any]:
    """A row as it is written: its fields, its verdict, date and commit."""
    return _plain({**asdict(row), "met": row.met, "verdict": row.verdict, "date": when, "commit": of})


def write(path: Path, rows: Sequence[Row], size: Size, *, seconds: float, keep: bool) -> dict[str, Any]:
    """Write the file; with ``keep``, rows of an earlier run that were not measured now are kept."""
    when, of = datetime.date.today().isoformat(), commit()
    records = [as_record(row, when, of) for row in rows]
    if keep and path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        fresh = {record["key"]: record for record in records}
        old = [fresh.pop(record["key"], record) for record in before["rows"]]
        records = [*old, *fresh.values()]
    wall, cpu = np.median(measure.YARDSTICKS or [measure.yardstick()], axis=0)
    yardstick = {"unknowns": measure.UNKNOWNS, "eigenvalues": measure.WANTED, "wall_seconds": wall, "seconds": cpu}
    written = {
        **surroundings(), "date": when, "commit": of, "size": size.name, "seconds": round(seconds, 1),
        "yardstick": {**yardstick, "wall_over_processor": measure.busyness()}, "rows": records,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_plain(written), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return written


def _plain(value: Any) -> Any:
    """The value in types of JSON: floats rounded to four digits, NaN as null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    return value


def busy(written: dict[str, Any]) -> str:
    """A warning if the machine had other load, else an empty string."""
    ratio = written["yardstick"]["wall_over_processor"] or 1.0
    if ratio <= _BUSY:
        return ""
    return (
        f"The machine was busy: the yardstick's wall time was {ratio:.2f} times its processor time. "
        "Rows in wall time are then unreliable."
    )


def shown(number: float | None) -> str:
    """The number to three digits, or as a power of ten if it is very small or large."""
    if number is None:
        return "—"
    if number != 0 and (abs(number) < 0.01 or abs(number) >= 1e4):
        return f"{number:.0e}"
    return f"{number:.3g}" if abs(number) < 1000 else f"{number:.0f}"


def measured(record: dict[str, Any]) -> str:
    """The number that is compared with the target, with its unit."""
    if record["ratio"] is None:
        return "not measured"
    words = {
        "yardstick": "{} yardsticks", "faster": "{} × as fast", "second": "{} s", "exponent": "n^{}", "one step": "{}",
        "one": "{}", "% of the evaluation": "{} %", "of one worker's": "{} × one worker's",
        "of one core's": "{} × one core's",
    }  # fmt: skip
    return words.get(record["ratio_to"], "{} " + record["ratio_to"]).format(shown(record["ratio"]))


def target(record: dict[str, Any]) -> str:
    return "" if record["target"] is None else f"{'≤' if record['at_most'] else '≥'} {shown(record['target'])}"


def table(written: dict[str, Any]) -> str:
    """The table that `make bench` prints."""
    lines = [f"{'measured':>24s}  {'target':>8s}  {'':12s}  work (clock)"]
    for row in written["rows"]:
        note = f"; {row['note']}" if row["note"] else ""
        lines.append(
            f"{measured(row):>24s}  {target(row):>8s}  {row['verdict']:12s}  {row['work']} ({row['clock']}{note})"
        )
    return "\n".join(lines)
