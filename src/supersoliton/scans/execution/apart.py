"""Calls a function in a process of its own, where a user's theory cannot take the scan with it."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from .executor import ONE_THREAD
from .worker import cause_of_death

# What the theory prints must not mix with the answers. The alarm ends the process, whatever it does.
_CALL = """
import os, pickle, signal, sys
answer = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
from supersoliton.scans.execution.worker import end_with_driver
end_with_driver()
try:
    calls, seconds = pickle.load(sys.stdin.buffer)
    for function, arguments in calls:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        answer.write(pickle.dumps((True, function(*arguments))))
        answer.flush()
except ValueError as error:
    answer.write(pickle.dumps((False, str(error))))
answer.close()
"""
_SOON = 0.01  # seconds in which short arguments are written
_WAIT = 0.2  # seconds between two looks at whether to stop
_START = 600.0  # seconds in which a process has started on any machine
_LONG = 1e9  # seconds: more than a timer takes

Call = tuple[Callable[..., Any], tuple[Any, ...]]


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
    answers, how = _run([(function, arguments)], seconds, seconds, stopped, meanwhile)
    return _value(answers[0]) if answers else lost(how)


def each_apart(calls: Sequence[Call], *, seconds: float, lost: Callable[[str], Any]) -> list[Any]:
    """The results of calls, each a function and its arguments, in one process.

    For a call that ends this process, or needs more ``seconds``: what ``lost`` makes of the words for it. The calls
    after it run in another process. Raises ValueError if a function does.
    """
    found: list[Any] = []
    while left := calls[len(found) :]:
        answers, how = _run(left, seconds, _START + seconds * len(left))
        found += [*map(_value, answers), *([lost(how)] if len(answers) < len(left) else [])]
    return found


def _value(answer: tuple[bool, Any]) -> Any:
    succeeded, found = answer
    if not succeeded:
        raise ValueError(found)
    return found


def _run(
    calls: Sequence[Call],
    each: float,
    seconds: float,
    stopped: Callable[[], bool] = lambda: False,
    meanwhile: Callable[[], object] = lambda: None,
) -> tuple[list[tuple[bool, Any]], str]:
    """The answers of calls up to the first that gives none within ``each`` second, and how the process ended."""
    process = subprocess.Popen(
        [sys.executable, "-c", _CALL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,
    )
    given: bytes | None = pickle.dumps((list(calls), min(each, _LONG)))
    deadline, wait, answer, late = time.monotonic() + seconds, _SOON, b"", False
    try:
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
    except BaseException:  # Ctrl-C: it does not reach the process, which may run without end
        process.kill()
        raise
    late = late or process.returncode == -signal.SIGALRM
    return _answers(answer), f"gave no answer within {each:g} s" if late else cause_of_death(process.returncode)


def _answers(written: bytes) -> list[tuple[bool, Any]]:
    """The whole answers; trusted: written by our own process."""
    found, stream = [], io.BytesIO(written)
    with contextlib.suppress(EOFError, pickle.UnpicklingError):  # the end, or the process ended as it wrote
        while True:
            found.append(pickle.load(stream))
    return found
