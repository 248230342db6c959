"""Waiting for other processes without a limit that a busy machine could reach."""

import time

HUNG = 3600.0  # seconds after which a test counts as hung: no test needs them, on a machine of any load
ENDLESS = 100_000  # trials of a scan that a test stops: it does not end by itself before that, however late that comes


def wait_until(condition, *processes):
    """Poll until the condition holds. AssertionError if one of the processes ends before."""
    deadline = time.monotonic() + HUNG
    while not condition():
        for process in processes:
            assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
