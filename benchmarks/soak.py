"""Endurance tests of scans: killed workers, killed drivers, signals, and 100,000 trials.

python -m benchmarks.soak workers [--trials 200] [--kills 50]     kill -9 of workers at random moments
python -m benchmarks.soak driver  [--trials 200] [--kills 50]     kill -9 of the scan itself, then resume, each time
python -m benchmarks.soak signals [--kills 200]                   Ctrl-C or SIGTERM at random moments, then resume
python -m benchmarks.soak long    [--trials 100000]               memory and rate of many cheap trials

A trial is an evaluation of a one-field Q-ball on a coarse mesh (25 ms). At the end every trial must have run exactly
once, at the points of an uninterrupted scan, and study.db, trials.csv and the stored states must agree. The test suite
runs the first three with fewer kills, and `make nightly` with as many.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import math
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from supersoliton.scans.record.storage import open_folder

POTENTIAL = "def V(u, p):\n    return 0.5 * u[0] ** 2 - 0.25 * p['g'] * u[0] ** 4 + u[0] ** 6 / 6\n"
TABLES = """
[model]
kind = "potential"
function = "cheap.py:V"
params = { g = 2.0 }
[grid]
r_max = 12.0
n_elements = 3
order = 6
[problem]
norm = 200.0
[problem.guess]
kind = "gaussian"
amplitude = 1.0
width = 3.0
[spectrum]
n_modes = 8
ell = [0]
[score]
null_samples = 10
[scan]
sampler = "random"
cache = false
objectives = ["hierarchy", "regularity"]
[scan.parameters]
g = [1.9, 2.4]
norm = [150.0, 400.0]
"""
_START_SECONDS = 3.0  # roughly the time until the first trial of a scan has ended


def write(folder: Path, storage: str = "") -> Path:
    """Write the configuration "cheap" of a scan of cheap trials."""
    (folder / "cheap.py").write_text(POTENTIAL)
    path = folder / "cheap.toml"
    path.write_text(TABLES.replace("[scan]", f"[scan]\nstorage = '{storage}'") if storage else TABLES)
    return path


def start(file: Path, out: Path, trials: int, workers: int = 2, *, quiet: bool = True, **options: Any) -> psutil.Popen:
    command = [sys.executable, "-m", "supersoliton", "scan", str(file), "--out", str(out)]
    command += ["--trials", str(trials), "--workers", str(workers), *(["--quiet"] if quiet else [])]
    return psutil.Popen(command, **options)


def workers_of(driver: psutil.Popen) -> list[psutil.Process]:
    try:
        found = [
            child
            for child in driver.children()
            if "-m supersoliton.scans.execution.worker" in " ".join(child.cmdline())
        ]
    except psutil.Error:
        return []
    return [child for child in found if child.status() != psutil.STATUS_ZOMBIE]


def rows(out: Path) -> int:
    path = out / "trials.csv"
    return max(path.read_bytes().count(b"\n") - 1, 0) if path.exists() else 0


def kill_workers(file: Path, out: Path, trials: int, kills: int, rng: random.Random) -> int:
    """Run a scan and kill its workers; return how many were killed."""
    driver = start(file, out, trials)
    killed = 0
    while driver.poll() is None:
        # a kill every few trials, spread over the scan
        if killed < kills and rows(out) >= trials * killed / (kills + 1):
            time.sleep(rng.uniform(0.0, 0.2))
            found = workers_of(driver)
            if found:
                rng.choice(found).kill()
                killed += 1
        time.sleep(0.02)
    if driver.returncode != 0:
        raise SystemExit(f"the scan ended with exit code {driver.returncode}")
    return killed


def kill_drivers(file: Path, out: Path, trials: int, kills: int, rng: random.Random) -> int:
    """Start, kill and resume the driver; return the number of kills.

    Each kill comes after a random number of trials, every other one possibly earlier, at a random time after the start:
    while the study is created or loaded, workers start, or a transaction runs. The number of trials between kills is
    limited so that all kills happen on a machine of any speed.
    """
    killed = 0
    while True:
        before, begun = rows(out), time.monotonic()
        driver = start(file, out, trials)
        moment = rng.uniform(0.0, _START_SECONDS) if killed % 2 else math.inf
        most = rng.randrange(max((trials - before) // (kills - killed + 1), 1)) + 1
        while driver.poll() is None and killed < kills:
            if time.monotonic() - begun > moment or rows(out) - before >= most:
                driver.kill()
                killed += 1
                break
            time.sleep(0.005)
        if driver.wait() == 0:
            return killed
        if driver.returncode != -9:
            raise SystemExit(f"the scan ended with exit code {driver.returncode}")


def interrupt(file: Path, out: Path, count: int, rng: random.Random, workers: int = 2) -> dict[str, int]:
    """Send Ctrl-C or SIGTERM to `count` scans at random moments spread over their life, each asked for 20 more trials.

    Raises AssertionError unless every scan ends with its exit code and a sentence, and keeps every finished trial.
    Returns how many ended so, how many had finished before, and how many were still starting Python itself, where no
    program can answer; and the number of finished trials.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored, and so had the scan
    counts = {"interrupted": 0, "finished before": 0, "while Python started": 0, "trials": 0}
    whole = _complete(file, out, step := 20, workers)
    counts["trials"] = step
    for k in range(count):
        number = rng.choice((signal.SIGINT, signal.SIGTERM))
        scan = start(file, out, counts["trials"] + step, workers, stderr=subprocess.PIPE, text=True)
        time.sleep(rng.uniform(k, k + 1) / count * whole)
        answers = _is_answering(scan)
        scan.send_signal(number)
        _, err = scan.communicate()
        if scan.returncode == 0:
            counts["finished before"] += 1
        elif not answers and scan.returncode in (-number, 1, 130):
            counts["while Python started"] += 1
        else:
            assert scan.returncode == 128 + number, (scan.returncode, err)
            assert err.splitlines()[-1] == "supersoliton: interrupted.", err
            assert "Traceback" not in err, err
            assert "Exception ignored" not in err, err
            counts["interrupted"] += 1
        found = _finished(out)
        assert found >= counts["trials"], "trials lost"
        counts["trials"] = found
    counts["trials"] += step
    _complete(file, out, counts["trials"], workers)
    return counts


def _complete(file: Path, out: Path, trials: int, workers: int) -> float:
    """The seconds of a scan that nothing interrupts."""
    begun = time.monotonic()
    code = start(file, out, trials, workers).wait()
    assert code == 0, f"the scan ended with exit code {code}"
    return time.monotonic() - begun


def _is_answering(process: psutil.Popen) -> bool:
    """Whether a process catches SIGTERM, as the program does from its first line on."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return True
    caught = next((line for line in status.splitlines() if line.startswith("SigCgt")), "SigCgt: ffff")
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def _finished(out: Path) -> int:
    """The number of finished trials of the study in a folder."""
    with contextlib.closing(sqlite3.connect(f"file:{out / 'study.db'}?mode=ro", uri=True)) as database:
        query = "SELECT count(*) FROM trials WHERE state IN ('COMPLETE', 'FAIL')"
        return int(database.execute(query).fetchone()[0])


def check(out: Path, trials: int, expected: dict[int, dict[str, float]] | None = None) -> dict[str, Any]:
    """Raise AssertionError unless the record is complete; return how often each state occurs."""
    study = open_folder(out)
    found = study.get_trials(deepcopy=False)
    assert [trial.number for trial in found] == list(range(trials)), "numbers lost or twice"
    for trial in found:
        assert trial.state.name == "COMPLETE" or (trial.state.name == "FAIL" and trial.user_attrs.get("error")), trial
    points = {trial.number: dict(trial.params) for trial in found}
    assert len({tuple(point.items()) for point in points.values()}) == trials, "a point twice"
    if expected is not None:
        wrong = [number for number in points if points[number] != expected[number]]
        assert not wrong, f"trials {wrong} are at other points than in an unbroken scan"
    with (out / "trials.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [int(row["number"]) for row in table] == list(range(trials)), "trials.csv is not the study"
    for row, trial in zip(table, found, strict=True):
        assert row["state"] == trial.state.name
        assert all(float(row[name]) == value for name, value in trial.params.items())
        if trial.state.name == "COMPLETE":
            assert float(row["energy"]) == trial.user_attrs["values"]["energy"]
    best = [t.number for t in study.best_trials if all(value <= 0 for value in t.constraints.values())]
    stored = sorted(path.name for path in (out / "states").iterdir())
    assert stored == sorted(f"trial_{n:05d}.{end}" for n in best for end in ("nc", "spectra.json")), "states"
    return {
        "states": dict(Counter(trial.state.name for trial in found)),
        "retaken": sum("begun" in t.user_attrs for t in found),
    }


def unbroken(file: Path, folder: Path, trials: int) -> dict[int, dict[str, float]]:
    """The points of the same scan without kills; the random sampler does not depend on results."""
    from supersoliton.config import load
    from supersoliton.scans.record.memory_study import MemoryStudy

    settings = load(file).scan
    study = MemoryStudy(settings, [])
    return {number: dict(study.ask().params) for number in range(trials)}


def soak(file: Path, out: Path, trials: int) -> dict[str, Any]:
    """Memory of driver and workers, and rates, over the course of a long scan; then its sizes and its readers."""
    driver = start(file, out, trials)
    table = _Rows(out)
    samples: list[tuple[float, int, float, float, float]] = []  # time, rows, MiB, processor seconds: driver and all
    while driver.poll() is None:
        try:
            family = [driver, *workers_of(driver)]
            memory = sum(process.memory_info().rss for process in family) / 2**20
            mine = sum(driver.cpu_times()[:2])
            cpu = mine + sum(sum(process.cpu_times()[:2]) for process in family[1:])
            samples.append((time.monotonic(), table.count(), memory, mine, cpu))
        except psutil.Error:
            break
        time.sleep(2.0)
    if driver.wait() != 0:
        raise SystemExit(f"the scan ended with exit code {driver.returncode}")
    data = np.array([sample for sample in samples if 0.05 * trials <= sample[1] < trials])
    tenths = np.array_split(data, 10)
    return {
        "memory MiB": [round(float(np.median(part[:, 2]))) for part in tenths],
        "trials per second": [round(float(np.ptp(part[:, 1]) / np.ptp(part[:, 0])), 2) for part in tenths],
        "trials per processor second": [round(float(np.ptp(part[:, 1]) / np.ptp(part[:, 4])), 2) for part in tenths],
        "driver's ms per trial": [round(float(1e3 * np.ptp(part[:, 3]) / np.ptp(part[:, 1])), 2) for part in tenths],
        "MB": {path.name: round(path.stat().st_size / 1e6, 1) for path in sorted(out.iterdir()) if path.is_file()},
        "report": _cost("report", str(out)),
        "watch": _cost("watch", str(out), "--once"),
        "resume": _cost("scan", str(file), "--out", str(out), "--trials", str(trials)),
    }


class _Rows:
    """Counts the rows of a growing table, reading each only once."""

    def __init__(self, out: Path) -> None:
        self._path, self._read, self._lines = out / "trials.csv", 0, 0

    def count(self) -> int:
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read)
                new = file.read()
            self._read += len(new)
            self._lines += new.count(b"\n")
        return max(self._lines - 1, 0)


def _cost(*arguments: str) -> dict[str, float]:
    """Seconds, processor seconds and the largest memory of a command."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = psutil.Popen([sys.executable, "-m", "supersoliton", *arguments], stdout=subprocess.DEVNULL)
    memory = 0.0
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):
            memory = max(memory, process.memory_info().rss / 2**20)
        time.sleep(0.05)
    assert process.returncode == 0, arguments
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"s": round(time.monotonic() - begun, 1), "processor s": round(used, 1), "MiB": round(memory)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("workers", "driver", "signals", "long"))
    parser.add_argument("--trials", type=int, default=None)
    parser.add_argument("--kills", type=int, default=None)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    trials = chosen.trials or (100_000 if chosen.what == "long" else 200)
    kills = chosen.kills or (200 if chosen.what == "signals" else 50)
    rng, begun = random.Random(chosen.seed), time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file, out = write(folder), folder / "out"
        report: dict[str, Any]
        if chosen.what == "long":
            report = soak(file, out, trials)
        elif chosen.what == "signals":
            report = interrupt(file, out, kills, rng)
            trials = report["trials"]
        else:
            kill = kill_workers if chosen.what == "workers" else kill_drivers
            report = {"kills": kill(file, out, trials, kills, rng)}
        report |= check(out, trials, unbroken(file, folder, trials))
        report["seconds"] = round(time.monotonic() - begun)
    print(json.dumps({"what": chosen.what, "trials": trials, **report}, indent=1))


if __name__ == "__main__":
    main()
