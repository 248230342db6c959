"""Answers Ctrl-C and SIGTERM from the first instant of a command: a sentence and an exit code, never a traceback.

KeyboardInterrupt alone is not enough. Raised while a module is imported it may be caught there (a missing optional
part, it seems) or abort the process (inside the initialisation of JAX); raised in a finaliser it is printed and lost.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False  # typing and contextlib take longer to import than the rest
if TYPE_CHECKING:
    from types import FrameType
    from typing import Never

_ANSWERED = (signal.SIGINT, signal.SIGTERM)
_SECONDS = 20.0  # after which an interruption counts as lost: some code has caught it
_is_command = False  # whether this process is ours to end
_received = 0  # the first signal of a command


class Command:
    """A block that runs a command, which signals end. Afterwards they are ignored, because its result stands."""

    def __enter__(self) -> None:
        global _is_command
        _is_command = True
        for number in _ANSWERED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _receive)
        signal.signal(signal.SIGALRM, lambda *_: _end())
        sys.unraisablehook = _unraisable

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if _received and kind is not SystemExit:
            _end()  # whatever the interruption became on its way
        for number in (signal.SIGALRM, *_ANSWERED):
            signal.signal(number, signal.SIG_IGN)


def exit_code() -> int:
    """The exit code of a command that was interrupted: 128 + the number of the signal."""
    return 128 + (_received or signal.SIGINT)


def note(number: int) -> None:
    """Remember a signal that other code answers, for the exit code."""
    global _received
    _received = _received or number


def interrupt(frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt; in a command that is importing a module, end it."""
    if _is_command and (logging := sys.modules.get("logging")):
        logging.disable()  # of libraries that it passes through: SQLAlchemy logs it with a traceback
    while _is_command and frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            _end()
        frame = frame.f_back
    raise KeyboardInterrupt


def _receive(number: int, frame: FrameType | None) -> None:
    again = bool(_received)
    note(number)
    if again:
        _end()
    signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    interrupt(frame)


def _unraisable(lost: sys.UnraisableHookArgs) -> None:
    if issubclass(lost.exc_type, KeyboardInterrupt):
        _end()
    sys.__unraisablehook__(lost)


def _end() -> Never:
    """End this process at once; what a scan has recorded is complete at any time."""
    shown = "\x1b[?25h" if os.isatty(2) else ""  # the cursor, which a progress display hides
    os.write(2, f"{shown}supersoliton: interrupted.\n".encode())
    os._exit(exit_code())
