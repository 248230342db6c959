"""Endurance tests of scans: killed workers, killed drivers, and 10,000 trials.

python -m benchmarks.soak workers [--trials 200] [--kills 20]     kill -9 of workers at random moments
python -m benchmarks.soak driver  [--trials 200] [--kills 20]     kill -9 of the scan itself, then resume, each time
python -m benchmarks.soak long    [--trials 10000]                memory and rate of many cheap trials

A trial is an evaluation of a one-field Q-ball on a coarse mesh (25 ms). At the end every trial must have run exactly
once, at the points of an uninterrupted scan, and study.db, trials.csv and the stored states must agree. The test suite
runs the first two.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
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


def start(file: Path, out: Path, trials: int, workers: int = 2, **options: Any) -> psutil.Popen:
    command = [sys.executable, "-m", "supersoliton.cli", "scan", str(file), "--out", str(out), "--quiet"]
    return psutil.Popen([*command, "--trials", str(trials), "--workers", str(workers)], **options)


def workers_of(driver: psutil.Popen) -> list[psutil.Process]:
    try:
        found = [
            child for child in driver.children() if "supersoliton.scans.execution.worker" in " ".join(child.cmdline())
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
    """Memory of driver and workers, and rates, over the course of a long scan."""
    driver = start(file, out, trials)
    samples: list[tuple[float, int, float, float, float]] = []  # time, rows, MiB, processor seconds: driver and all
    while driver.poll() is None:
        try:
            family = [driver, *workers_of(driver)]
            memory = sum(process.memory_info().rss for process in family) / 2**20
            mine = sum(driver.cpu_times()[:2])
            cpu = mine + sum(sum(process.cpu_times()[:2]) for process in family[1:])
            samples.append((time.monotonic(), rows(out), memory, mine, cpu))
        except psutil.Error:
            break
        time.sleep(2.0)
    if driver.wait() != 0:
        raise SystemExit(f"the scan ended with exit code {driver.returncode}")
    data = np.array([sample for sample in samples if 0.05 * trials <= sample[1] < trials])
    fifths = np.array_split(data, 5)
    return {
        "memory MiB": [round(float(np.median(part[:, 2]))) for part in fifths],
        "trials per second": [round(float(np.ptp(part[:, 1]) / np.ptp(part[:, 0])), 2) for part in fifths],
        "trials per processor second": [round(float(np.ptp(part[:, 1]) / np.ptp(part[:, 4])), 2) for part in fifths],
        "driver's ms per trial": [round(float(1e3 * np.ptp(part[:, 3]) / np.ptp(part[:, 1])), 2) for part in fifths],
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("workers", "driver", "long"))
    parser.add_argument("--trials", type=int, default=None)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    trials = chosen.trials or (10_000 if chosen.what == "long" else 200)
    rng, begun = random.Random(chosen.seed), time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file, out = write(folder), folder / "out"
        report: dict[str, Any]
        if chosen.what == "long":
            report = soak(file, out, trials)
        else:
            kill = kill_workers if chosen.what == "workers" else kill_drivers
            report = {"kills": kill(file, out, trials, chosen.kills, rng)}
        report |= check(out, trials, unbroken(file, folder, trials))
        report["seconds"] = round(time.monotonic() - begun)
    print(json.dumps({"what": chosen.what, "trials": trials, **report}, indent=1))


if __name__ == "__main__":
    main()
