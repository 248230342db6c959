"""A theory that ends or stops its process at an end of a scanned range does not take the driver."""

import subprocess
import sys

import pytest
import tomli_w
from small_scan import TABLES

from supersoliton.config import load
from supersoliton.scans.execution.ends import check_ends

POTENTIAL = """
import os, signal

def V(u, p):
    if isinstance(p["a"], float) and p["a"] == 0.95:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0.5 * u[0]**2 - p["a"] * u[0]**4 + 0.5 * u[0]**6
"""
THEORY = """
import dataclasses, os, signal, time
from supersoliton.theory.base import AbstractModel

def V(u, p, r):
    return 0.5 * u[0]**2 - p["a"] * u[0]**4 + 0.5 * u[0]**6

@dataclasses.dataclass(frozen=True)
class Theory(AbstractModel):
    a: float = 1.0
    fields = ("f",)
    potential_function = staticmethod(V)

    def __post_init__(self):
        if self.a == 0.9:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.a == 0.8:
            time.sleep(600)
        if self.a > 1.5:
            raise ValueError(f"a must be at most 1.5, got {self.a}: lower it.")
"""


def write(folder, model, ends, **scan):
    (folder / "own.py").write_text(POTENTIAL if "function" in model else THEORY)
    settings = {**TABLES["scan"], "parameters": {"a": ends, "norm": [300.0, 500.0]}, "trials": 2, "workers": 2, **scan}
    guess = {"kind": "super_gaussian", "amplitude": 1.0, "width": 4.5}
    tables = {**TABLES, "model": model, "problem": {"guess": guess}, "scan": settings}
    (folder / "own.toml").write_text(tomli_w.dumps(tables))
    return folder / "own.toml"


def test_a_potential_is_not_tried_at_the_ends_in_the_driver(tmp_path):
    model = {"kind": "potential", "function": "own.py:V", "fields": ["f"], "params": {"a": 1}}
    command = [sys.executable, "-m", "supersoliton.cli", "scan", write(tmp_path, model, [0.95, 1.05])]
    done = subprocess.run([*command, "--out", tmp_path / "run"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "run" / "trials.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize("low", [0.9, 0.8])
def test_a_theory_that_kills_or_hangs_at_an_end_is_tried_apart(tmp_path, low):
    config = load(write(tmp_path, {"kind": "own.py:Theory"}, [low, 1.0], trial_timeout=5.0))
    check_ends(config, isolated=True)


@pytest.mark.parametrize("isolated", [True, False])
def test_a_theory_that_refuses_an_end_says_so(tmp_path, isolated):
    config = load(write(tmp_path, {"kind": "own.py:Theory"}, [0.95, 2.0]))
    with pytest.raises(ValueError, match=r"\[scan.parameters\] a reaches 2.0, but .*a must be at most 1.5, got 2.0"):
        check_ends(config, isolated=isolated)
