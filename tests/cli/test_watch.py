"""Following a real scan from the files of its folder, and the scan's own progress on a terminal and in a file."""

import csv
import io
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from dataclasses import asdict

import pytest
from rich.console import Console

from supersoliton.cli.watch import Watch, watch
from supersoliton.scans.record.heartbeat import Beat, heartbeat, last_beat
from waiting import HUNG

FILE = """
[model]
n_octaves = 2
m0_squared = 0.5
quartic_sign = -1
lambda_1 = 0.05
lambda_2 = 0.01
[grid]
r_max = 20.0
n_elements = 6
order = 10
[spectrum]
n_modes = 40
[scan]
trials = 6
workers = 1
sampler = "random"
objectives = ["hierarchy", "regularity"]
cache = false
[scan.parameters]
g = [0.2, 0.8]
norm = { low = 300, high = 2000, log = true }
"""


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """A scan in a pseudo-terminal, followed while it runs: folder, output, and (done, state, line) over time."""
    folder = tmp_path_factory.mktemp("watch")
    (folder / "small.toml").write_text(FILE)
    driver, terminal = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "supersoliton",
        "scan",
        str(folder / "small.toml"),
        "--out",
        str(folder / "run"),
    ]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    said, seen, watched = b"", [], None
    deadline = time.monotonic() + HUNG
    while time.monotonic() < deadline:
        ready, _, _ = select.select([driver], [], [], 0.1)
        if ready:
            try:
                chunk = os.read(driver, 65536)
            except OSError:  # the scan has closed its end
                break
            if not chunk:
                break
            said += chunk
        if watched is None and (folder / "run" / "heartbeat.log").exists():
            watched = Watch(folder / "run")
        if watched is not None:
            watched.update()
            seen.append((watched.done, watched.state(), watched.line()))
    assert process.wait(timeout=HUNG) == 0, said.decode()
    os.close(driver)
    return folder / "run", said.decode(), seen


def test_counts_and_best_are_those_of_the_study(followed):
    import optuna

    folder, _, _ = followed
    study = optuna.load_study(study_name="small", storage=f"sqlite:///{folder / 'study.db'}")
    feasible = {t.number: t.values[0] for t in study.trials if all(x <= 0 for x in t.constraints.values())}
    watched = Watch(folder).update()
    assert (watched.done, watched.failed, watched.feasible) == (6, 0, len(feasible))
    if feasible:
        best = max(feasible, key=feasible.get)
        assert watched.best == (pytest.approx(feasible[best]), best)
    assert sum(watched.kinds.values()) == 6
    assert watched.state() == "finished"
    assert "6 of 6 done, 0 failed" in watched.line()


def test_it_is_followed_while_it_runs(followed):
    _, _, seen = followed
    counts = [done for done, _, _ in seen]
    assert counts == sorted(counts)
    assert any(state == "running" and done < 6 for done, state, _ in seen)


def test_progress_renews_one_line_on_a_terminal(followed):
    """rich's live line with its control sequences, and a plain line with the totals at the end."""
    _, said, _ = followed
    assert "\x1b[2K" in said
    assert said.count("6 done") >= 1
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said)
    assert re.search(r"6/6 done · 0 failed", plain)
    assert "trials/min" in plain


def test_progress_elsewhere_is_plain_lines(followed, tmp_path):
    folder, _, _ = followed
    (tmp_path / "small.toml").write_text(FILE)
    shutil.copytree(folder, tmp_path / "run")  # resumed for one more trial
    command = [sys.executable, "-m", "supersoliton", "scan", str(tmp_path / "small.toml"), "--trials", "7",
               "--out", str(tmp_path / "run")]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stdout + done.stderr
    assert "7/7 done" in done.stderr


def test_a_stopped_scan_and_a_partial_row(followed, tmp_path):
    folder, _, _ = followed
    old = tmp_path / "old"
    shutil.copytree(folder, old)
    text = (old / "trials.csv").read_text()
    lines = text.splitlines(keepends=True)
    (old / "trials.csv").write_text("".join(lines[:4]) + lines[4][:20])
    beat = Beat(3, 6, 2, 0, 4.5, "2 processes", time=1577836800.0, memory=512)
    (old / "heartbeat.log").write_text(
        "a line of an earlier version\n" + json.dumps(asdict(beat)) + '\n{"done": 3, "to'
    )
    watched = Watch(old).update()
    assert watched.done == 3
    assert "not running: the last heartbeat is" in watched.state()
    assert "4.5 trials/min" in watched.line()
    # the rest of the row is written: counted once
    with (old / "trials.csv").open("a") as file:
        file.write(lines[4][20:])
    assert watched.update().done == 4
    # a resumed scan rewrites the table
    (old / "new.csv").write_text(text)
    (old / "new.csv").replace(old / "trials.csv")
    assert watched.update().done == len(list(csv.reader(text.splitlines()))) - 1


def test_a_scan_that_stopped_early_is_not_called_running(tmp_path):
    """A driver records its end; a killed one counts as running until its last heartbeat is old."""

    def describe():
        return Beat(3, 5, 0, 0, 20.0, "on the cpu")

    with heartbeat(tmp_path / "heartbeat.log", describe):
        assert Watch(tmp_path).update().state() == "running"
        assert "left" in Watch(tmp_path).update().line()
    stopped = Watch(tmp_path).update()
    assert stopped.state() == "stopped: run the same command to resume"
    assert "left" not in stopped.line()
    with heartbeat(tmp_path / "heartbeat.log", describe):  # it is resumed
        assert Watch(tmp_path).update().state() == "running"


def test_the_heartbeat_of_an_earlier_version_is_named(tmp_path):
    line = "2025-01-01T00:00:00+0000 trial 3/6 running 2 failed 0 rate 4.50/min 2 processes memory 512 MiB\n"
    (tmp_path / "heartbeat.log").write_text(line)
    watched = Watch(tmp_path).update()
    assert watched.beat is None
    assert watched.state() == "heartbeat.log was written by an earlier version"


def test_nothing_is_written(followed):
    """Except for SQLite's table of locks (-shm), which every reader of a write-ahead log changes."""
    folder, _, _ = followed

    def times():
        return {p: p.stat().st_mtime_ns for p in folder.rglob("*") if not p.name.endswith("-shm")}

    before = times()
    assert any(path.name == "study.db" for path in before)
    Watch(folder).update()
    assert times() == before


def test_table_on_a_terminal_and_line_elsewhere(followed):
    folder, _, _ = followed
    for is_terminal in (True, False):
        console = Console(force_terminal=is_terminal, width=100, record=True, file=io.StringIO())
        watch(Watch(folder), console, seconds=0.1)
        assert "last heartbeat" in console.export_text()


def test_no_scan_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="holds no scan: give the folder of one"):
        Watch(tmp_path)
    with pytest.raises(ValueError, match="there is no folder"):
        Watch(tmp_path / "missing")
    assert last_beat(tmp_path / "heartbeat.log") is None


def test_it_starts_without_jax(followed):
    folder, _, _ = followed
    code = (
        "import sys\nfrom supersoliton.cli.commands import app\n"
        f"app(['watch', {str(folder)!r}, '--once'], standalone_mode=False)\n"
        "sys.exit(any(name in sys.modules for name in ('jax', 'numpy', 'scipy', 'optuna', 'matplotlib')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
