"""Functions in a process of their own: their results, their errors, and their ends."""

import os
import signal
import time

import pytest

from supersoliton.scans.execution.apart import apart, each_apart
from waiting import HUNG


def loud(x):
    print("what a theory prints")
    os.write(1, b"and what a library writes")
    return 2 * x


def refuses(x):
    raise ValueError(f"{x} is refused: give another.")


def dies():
    os.kill(os.getpid(), signal.SIGSEGV)


def test_results_and_refusals_come_back():
    assert apart(loud, 21, seconds=HUNG) == 42
    with pytest.raises(ValueError, match="3 is refused: give another"):
        apart(refuses, 3, seconds=HUNG)


def test_a_process_that_dies_hangs_or_is_stopped_has_no_result():
    assert apart(dies, seconds=HUNG) is None
    assert apart(time.sleep, 600.0, seconds=1.0) is None
    assert apart(time.sleep, 600.0, seconds=600.0, stopped=lambda: True) is None


def test_calls_after_one_that_dies_run_in_another_process():
    """Two processes: what has been answered is kept, and the words for the death are those of its call alone."""
    calls = [(loud, (1,)), (os.getpid, ()), (dies, ()), (os.getpid, ()), (loud, (2,))]
    one, before, death, after, two = each_apart(calls, seconds=HUNG, lost=str.upper)
    assert (one, death, two) == (2, "WAS KILLED BY SIGSEGV", 4)
    assert len({before, after, os.getpid()}) == 3


def test_a_call_that_hangs_costs_its_time_and_no_other():
    calls = [(time.sleep, (600.0,)), (refuses, (3,))]
    with pytest.raises(ValueError, match="3 is refused: give another"):
        each_apart(calls[1:], seconds=HUNG, lost=str)
    assert each_apart(calls[:1], seconds=0.5, lost=str) == ["gave no answer within 0.5 s"]
