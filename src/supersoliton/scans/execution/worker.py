"""A worker process: `python -m supersoliton.scans.execution.worker FD` evaluates points until its pipe is closed.

A plain command instead of multiprocessing's spawn, which would run the user's main script again in every worker.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import pickle
import resource
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path

OUT_OF_MEMORY = errno.ENOMEM  # exit code
_PR_SET_PDEATHSIG = 1  # of Linux's prctl


def main(descriptor: int) -> None:
    """Send None when ready, then answer each (ticket, point) with (ticket, Outcome)."""
    end_with_driver()
    pipe = Connection(descriptor)
    try:
        # trusted: sent by the driver of the same user. Unpickling imports JAX, which reads the environment it has set
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
        return  # the driver has closed the pipe or is gone
    except MemoryError:  # outside of a trial, where it is the trial's
        sys.exit(OUT_OF_MEMORY)


def end_with_driver() -> None:
    """On Linux: end when the driver ends, even in a trial that hangs, and be killed first when memory runs out."""
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        Path("/proc/self/oom_score_adj").write_text("1000")
    if os.getppid() != parent:  # the driver ended before prctl was called
        sys.exit(1)


def cause_of_death(code: int) -> str:
    """How a process ended, from its exit code as `subprocess` gives it."""
    if code == OUT_OF_MEMORY:
        return "ran out of memory, see worker_memory"
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"


if __name__ == "__main__":
    main(int(sys.argv[1]))
