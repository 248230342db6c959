"""A potential that ends or stops its process while the report is written costs what is computed of its states."""

import dataclasses
import html
import re
import subprocess
import sys

import pytest
import tomli_w
from small_scan import TABLES

import supersoliton as ss
from supersoliton.scans.report import records, states

# Whoever evaluates V does what the file beside it says.
POTENTIAL = """
import ctypes, os, pathlib, time

HERE = pathlib.Path(__file__).parent

def V(u, p):
    exec((HERE / "poison.txt").read_text())
    return 0.5 * u[0]**2 - p["a"] * u[0]**4 + 0.5 * u[0]**6
"""
REPORT = "if isinstance(p['a'], float) and p['a'] < 1.0 and (HERE / 'run/report').is_dir(): os._exit(3)"


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """A scan by two workers, whose potential ends whoever evaluates it at one of its two points in the report."""
    folder = tmp_path_factory.mktemp("poison")
    (folder / "own.py").write_text(POTENTIAL)
    (folder / "poison.txt").write_text(REPORT)
    ranges = {"a": [0.95, 1.05], "norm": [300.0, 500.0]}
    objectives = ["multiplier", {"name": "energy", "direction": "minimize"}]
    settings = {**TABLES["scan"], "parameters": ranges, "trials": 2, "workers": 2, "seed": 1, "objectives": objectives}
    guess = {"kind": "super_gaussian", "amplitude": 1.0, "width": 4.5}
    model = {"kind": "potential", "function": "own.py:V", "fields": ["f"], "params": {"a": 1.0}}
    tables = {**TABLES, "model": model, "problem": {"guess": guess}, "scan": settings}
    (folder / "own.toml").write_text(tomli_w.dumps(tables))
    command = [sys.executable, "-m", "supersoliton", "scan", folder / "own.toml", "--out", folder / "run"]
    return folder, subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def record(scanned):
    found = records.read_record(scanned[0] / "run", trust=True)
    bad = [trial for trial in found.trials if trial.couplings["a"] < 1.0]
    assert len(bad) == 1
    return dataclasses.replace(found, pareto=(*bad, *(trial for trial in found.trials if trial not in bad)))


def words(path):
    text = re.sub(r"<(script|style).*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def test_the_driver_of_a_scan_survives_it_and_writes_the_report(scanned, record):
    """The trial there has neither slopes nor a picture, and both are told; the other trial has its own."""
    folder, done = scanned
    assert done.returncode == 0, done.stderr
    text = words(folder / "run" / "report.html")
    bad, good = record.pareto
    lost = "the process that computed this ended with exit code 3."
    assert f"Trial {bad.number} has no slopes: {lost}" in text
    assert f"The picture of the state cannot be drawn: {lost}" in text
    drawn = [path.stem for path in (folder / "run" / "report").glob("trial_0000?.svg")]
    assert drawn == [f"trial_{good.number:05d}"]
    exact = ss.slopes(ss.load(record.state_file(good), trust=True), ["a", "norm"], n_modes=20, ell=(0,))
    assert f"Trial {good.number} has no slopes" not in text
    for name in record.objectives:
        for parameter in ("a", "norm"):
            assert f"{exact.slope(name, parameter):.4g}".replace("-", "−") in text


@pytest.mark.parametrize(
    ("poison", "seconds", "why"),
    [
        ("ctypes.string_at(0)", 900.0, "the process that computed this was killed by SIGSEGV"),
        ("while True: pass", 0.2, "the process that computed this gave no answer within 0.2 s"),
        ("raise RuntimeError('no table')", 900.0, "no table"),
    ],
    ids=["segfault", "hangs", "raises"],
)
def test_why_a_picture_is_missing_is_told(scanned, record, tmp_path, poison, seconds, why):
    (scanned[0] / "poison.txt").write_text(poison)
    scan = {**record.config["scan"], "trial_timeout": seconds}
    problem = {"self_consistent": {"feedback": ["a"]}}  # no slopes
    record = dataclasses.replace(record, config={**record.config, "scan": scan, "problem": problem})
    bad = record.pareto[0]
    computed = states.compute(record, [bad], tmp_path)
    assert isinstance(computed.pictures[bad.number], states.Why)
    assert why in computed.pictures[bad.number]
    assert not computed.slopes
