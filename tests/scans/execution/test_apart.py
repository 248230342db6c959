"""Functions in a process of their own: their results, their errors, and their ends."""

import os
import signal
import time

import pytest

from supersoliton.scans.execution.apart import apart


def loud(x):
    print("what a theory prints")
    os.write(1, b"and what a library writes")
    return 2 * x


def refuses(x):
    raise ValueError(f"{x} is refused: give another.")


def dies():
    os.kill(os.getpid(), signal.SIGSEGV)


def test_results_and_refusals_come_back():
    assert apart(loud, 21, seconds=60.0) == 42
    with pytest.raises(ValueError, match="3 is refused: give another"):
        apart(refuses, 3, seconds=60.0)


def test_a_process_that_dies_hangs_or_is_stopped_has_no_result():
    assert apart(dies, seconds=60.0) is None
    assert apart(time.sleep, 600.0, seconds=1.0) is None
    assert apart(time.sleep, 600.0, seconds=600.0, stopped=lambda: True) is None
