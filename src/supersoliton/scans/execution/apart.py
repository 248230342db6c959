"""Calls a function in a process of its own, where a user's theory cannot take the scan with it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from .executor import ONE_THREAD
from .worker import cause_of_death

# What the theory prints must not mix with the answer.
_CALL = """
import os, pickle, sys
answer = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
from supersoliton.scans.execution.worker import end_with_driver
end_with_driver()
try:
    function, arguments = pickle.load(sys.stdin.buffer)
    found = True, function(*arguments)
except ValueError as error:
    found = False, str(error)
answer.write(pickle.dumps(found))
answer.close()
"""
_SOON = 0.01  # seconds in which short arguments are written
_WAIT = 0.2  # seconds between two looks at whether to stop


def apart(
    function: Callable[..., Any],
    *arguments: object,
    seconds: float,
    stopped: Callable[[], bool] = lambda: False,
    meanwhile: Callable[[], object] = lambda: None,
    lost: Callable[[str], Any] = lambda how: None,
) -> Any:
    """The result of the function. ``meanwhile`` is called here once its process has been started.

    If that ends without a result, needs longer, or is to be ``stopped``: what ``lost`` makes of the words for it.
    Raises ValueError if the function does.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _CALL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,
    )
    given: bytes | None = pickle.dumps((function, arguments))
    deadline, wait, answer, late = time.monotonic() + seconds, _SOON, b"", False
    while True:
        try:
            answer = process.communicate(given, timeout=wait)[0]
            break
        except subprocess.TimeoutExpired:
            if given is not None:
                meanwhile()
            given, wait = None, _WAIT  # it is being written
            late = time.monotonic() > deadline
            if late or stopped():
                process.kill()
    if not answer:
        return lost(f"gave no answer within {seconds:g} s" if late else cause_of_death(process.returncode))
    succeeded, found = pickle.loads(answer)  # trusted: written by our own process
    if not succeeded:
        raise ValueError(found)
    return found
