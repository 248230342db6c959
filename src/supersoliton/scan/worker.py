"""The other end of a pipe: `python -m supersoliton.scan.worker FD` evaluates points until its driver hangs up.

A plain command rather than multiprocessing's spawn: that would run the user's main script once more in every worker.
"""

from __future__ import annotations

import pickle
import sys
from multiprocessing.connection import Connection


def main(descriptor: int) -> None:
    """Say None when ready, then answer each (ticket, point) with (ticket, Outcome)."""
    pipe = Connection(descriptor)
    try:
        # the engine is imported by unpickling, after the driver has set this process's environment
        config, scratch = pickle.loads(pipe.recv_bytes())
        from ..engine import enable_compilation_cache
        from .trial import run_trial

        enable_compilation_cache()
        pipe.send(None)
        while True:
            ticket, point = pipe.recv()
            pipe.send((ticket, run_trial(config, point, scratch)))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the driver is done, or gone


if __name__ == "__main__":
    main(int(sys.argv[1]))
