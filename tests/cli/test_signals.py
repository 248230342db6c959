"""Ctrl-C and SIGTERM at any moment of a command: a sentence and an exit code, and no trial is lost."""

import os
import random
import signal
import subprocess
import sys

import pytest
from benchmarks import soak

from waiting import HUNG, wait_until

COMMAND = [sys.executable, "-m", "supersoliton"]
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def start(*arguments, **options):
    """Start a command that does not inherit an ignored SIGINT, as a background shell gives it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options
        )
    finally:
        signal.signal(signal.SIGINT, before)


def answers(process):
    """Whether Python has started and our handler is there: SIGTERM is among the signals that it catches."""
    with open(f"/proc/{process.pid}/status") as status:
        caught = next(line for line in status if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def maps(process, library):
    """Whether a process has loaded a library."""
    with open(f"/proc/{process.pid}/maps") as found:
        return library in found.read()


def check_interrupted(process, number):
    _, err = process.communicate(timeout=HUNG)
    assert process.returncode == 128 + number, (process.returncode, err)
    assert err.splitlines()[-1] == "supersoliton: interrupted."
    assert "Traceback" not in err
    assert "Exception ignored" not in err


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("library", ["", "_multiarray_umath", "libjax_common.so", "matplotlib/_path"])
def test_a_signal_while_the_engine_is_imported_is_answered(tmp_path, library, number):
    """As soon as each library is mapped, that is in the middle of its import."""
    process = start("solve", os.path.abspath("examples/qball.toml"), "--out", tmp_path)
    wait_until(lambda: answers(process) and (library == "" or maps(process, library)), process)
    process.send_signal(number)
    check_interrupted(process, number)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(("count", "workers"), [(2, 1), pytest.param(200, 2, marks=pytest.mark.nightly)])
def test_no_trial_is_lost_whenever_a_scan_is_stopped(tmp_path, count, workers):
    """At random moments spread from its start to its end, resumed each time. See `soak.interrupt`."""
    file, run = soak.write(tmp_path), tmp_path / "run"
    found = soak.interrupt(file, run, count, random.Random(5), workers)
    assert found["interrupted"] > 0
    soak.check(run, found["trials"], soak.unbroken(file, tmp_path, found["trials"]))


LOST = """
import logging, os, signal, sys
from supersoliton.machine import signals
class Finaliser:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
with signals.Command():
    if sys.argv[1] == "finaliser":
        Finaliser()
        print("not reached")
    else:
        signals._SECONDS = 0.05
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except BaseException:  # as a library may
            logging.exception("as SQLAlchemy does")
            signal.pause()
"""


@pytest.mark.parametrize("way", ["finaliser", "caught"])
def test_an_interruption_that_code_swallows_is_not_lost(way):
    done = subprocess.run([sys.executable, "-c", LOST, way], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (143, "")
    assert done.stderr == "supersoliton: interrupted.\n"
