"""The rows of new processes: first call of a potential, second call with the cache, start of the command line.

The measure is the wall time of the whole process, including the interpreter. The processor time is reported too,
because the wall time depends on the load of the machine.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from .measure import WALL, Row, Size, say, yardstick

HERE = Path(__file__).resolve().parent
KINDS = ("bounce", "state")


def run(arguments: list[str], **environment: str) -> tuple[float, float]:
    """(wall, processor) seconds of a process. Raises CalledProcessError if it fails."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], env={**os.environ, **environment}, stdout=subprocess.DEVNULL, check=True
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _row(key: str, work: str, seconds: list[tuple[float, float]], target: float, note: str = "") -> Row:
    wall, cpu = (float(np.median(column)) for column in zip(*seconds, strict=True))
    details = {"processor_seconds": cpu, "times": len(seconds)}
    return Row(key, work, wall, "s", wall, "second", target, clock=WALL, note=note, details=details)


def first_calls(size: Size) -> list[Row]:
    """Import, compile and solve without a cache and again with it; the slower of two kinds of states."""
    rows: dict[str, list[Row]] = {"first": [], "second": []}
    for kind in KINDS if size.repetitions > 1 else KINDS[:1]:
        taken: dict[str, list[tuple[float, float]]] = {"first": [], "second": []}
        for _ in range(size.processes):
            yardstick()
            with tempfile.TemporaryDirectory() as cache:
                for which in taken:
                    taken[which].append(run([str(HERE / "first_call.py"), kind], SUPERSOLITON_CACHE=cache))
        said = []
        for which, (words, target) in {
            "first": ("a new user potential, nothing cached: import + compile + solve", 4.0),
            "second": ("the same in a second process, with the cache", 2.0),
        }.items():
            rows[which].append(_row(f"{which}-call", words, taken[which], target, kind))
            said.append(f"{which} {rows[which][-1].value:.2f} s")
        say(f"a new potential, {kind}: {', '.join(said)}")
    out = []
    for found in rows.values():
        worst = max(found, key=lambda row: row.value or 0.0)
        worst.details.update({f"{row.note}_seconds": row.value for row in found})
        out.append(worst)
    return out


def command_line(size: Size) -> list[Row]:
    script = Path(sys.executable).with_name("supersoliton")
    command = [str(script), "--help"] if script.exists() else ["-m", "supersoliton", "--help"]
    run(command)  # now the files are in memory
    row = _row("command-line", "supersoliton --help", [run(command) for _ in range(3 * size.repetitions)], 0.4)
    say(f"supersoliton --help: {row.value:.2f} s")
    return [row]
