"""A worker process: `python -m supersoliton.scans.execution.worker FD` evaluates points until its pipe is closed.

A plain command rather than multiprocessing's spawn: that would run the user's main script once more in every worker.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pickle
import resource
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # of Linux's prctl


def main(descriptor: int) -> None:
    """Send None when ready, then answer each (ticket, point) with (ticket, Outcome)."""
    _be_expendable()
    pipe = Connection(descriptor)
    try:
        # what the driver of this very user sent through the pipe that it made; the engine is imported by unpickling,
        # after the driver has set this process's environment
        config, scratch, memory = pickle.loads(pipe.recv_bytes())
        from ...machine.jax_setup import enable_compilation_cache
        from ..trial import run_trial

        enable_compilation_cache()
        if memory:
            limit = int(memory * 2**30)
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        pipe.send(None)
        while True:
            ticket, point = pipe.recv()
            pipe.send((ticket, run_trial(config, point, scratch)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the driver is done, or gone


def _be_expendable() -> None:
    """On Linux: do not outlive the driver, not even in a trial that hangs; and be the first to go when memory ends."""
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        Path("/proc/self/oom_score_adj").write_text("1000")
    if os.getppid() != parent:  # it went before it could be noticed
        sys.exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
