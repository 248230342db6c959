"""A theory that ends or stops its process as it is read, or at an end of a range, does not take the driver."""

import subprocess
import sys

import pytest
import tomli_w
from small_scan import TABLES

from supersoliton.config import load, read
from supersoliton.scans.execution.ends import check_ends, check_reading

POTENTIAL = """
import os, signal

def V(u, p):
    if isinstance(p["a"], float) and p["a"] == 0.95:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0.5 * u[0]**2 - p["a"] * u[0]**4 + 0.5 * u[0]**6
"""
POISON = """
import ctypes, os

def V(u, p):
    if {when}:
        {what}
    return 0.5 * u[0]**2 - p["a"] * u[0]**4 + 0.5 * u[0]**6
"""
TRACED, CALLED = 'not isinstance(p["a"], int)', 'isinstance(p["a"], int)'  # by JAX, or at the couplings themselves
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


def write(folder, model, ends, code=None, **scan):
    (folder / "own.py").write_text(code or (POTENTIAL if "function" in model else THEORY))
    settings = {**TABLES["scan"], "parameters": {"a": ends, "norm": [300.0, 500.0]}, "trials": 2, "workers": 2, **scan}
    guess = {"kind": "super_gaussian", "amplitude": 1.0, "width": 4.5}
    tables = {**TABLES, "model": model, "problem": {"guess": guess}, "scan": settings}
    (folder / "own.toml").write_text(tomli_w.dumps(tables))
    return folder / "own.toml"


MODEL = {"kind": "potential", "function": "own.py:V", "fields": ["f"], "params": {"a": 1}}


def scan(file):
    command = [sys.executable, "-m", "supersoliton", "scan", file, "--out", file.parent / "run"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("what", "when", "seconds", "words"),
    [
        ("os._exit(0)", TRACED, 300.0, "ended with exit code 0"),
        ("os._exit(3)", CALLED, 300.0, "ended with exit code 3"),
        ("ctypes.string_at(0)", CALLED, 300.0, "was killed by SIGSEGV"),
        ("while True: pass", TRACED, 2.0, "gave no answer within 2 s"),
    ],
    ids=["ends", "ends as called", "segfault", "hangs"],
)
def test_a_theory_that_ends_or_stops_the_process_that_reads_it_is_refused(tmp_path, what, when, seconds, words):
    file = write(tmp_path, MODEL, [0.95, 1.05], POISON.format(when=when, what=what), trial_timeout=seconds)
    with pytest.raises(ValueError, match=rf"own.toml: the process that tried the code .* {words}: let that code"):
        check_reading(file, read(file)["scan"])


def test_a_process_that_is_killed_by_chance_is_started_again(tmp_path):
    """Two of three are killed, as by a machine that is short of memory."""
    count = (
        f"""open({str(tmp_path / "tried")!r}, "a").write("x") and os.path.getsize({str(tmp_path / "tried")!r}) < 3"""
    )
    code = POISON.format(when=CALLED, what=f"if {count}: os.kill(os.getpid(), 9)")
    file = write(tmp_path, MODEL, [0.95, 1.05], code)
    check_reading(file, read(file)["scan"])
    assert (tmp_path / "tried").read_text() == "xxx"


def test_a_scan_of_such_a_theory_ends_with_a_sentence_and_an_exit_code(tmp_path):
    done = scan(write(tmp_path, MODEL, [0.95, 1.05], POISON.format(when=CALLED, what="os._exit(0)")))
    assert done.returncode == 2
    assert done.stderr.startswith(f"supersoliton: {tmp_path / 'own.toml'}: the process that tried the code")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_what_is_wrong_with_a_theory_is_said_as_it_is_read(tmp_path):
    file = write(tmp_path, {**MODEL, "params": {"b": 1.0}}, [0.95, 1.05])
    with pytest.raises(ValueError, match=r"the function uses p\['a'\] but the couplings are b"):
        check_reading(file, read(file)["scan"])


def test_a_potential_is_not_tried_at_the_ends_in_the_driver(tmp_path):
    done = scan(write(tmp_path, MODEL, [0.95, 1.05]))
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
