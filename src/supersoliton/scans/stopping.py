"""Stops a scan on Ctrl-C: after its running trials, or at once on a second Ctrl-C or SIGTERM."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from ..machine import signals


class Stop:
    """Whether to stop, and whether to drop the running trials."""

    def __init__(self) -> None:
        self.signals = 0

    def is_set(self) -> bool:
        return self.signals > 0

    @property
    def dropped(self) -> bool:
        return self.signals > 1


@contextmanager
def stop_on_signal(stopping: Callable[[], None]) -> Iterator[Stop]:
    """Turn Ctrl-C into a request to stop; a second one, or SIGTERM, drops running trials. Main thread only."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def receive(number: int, frame: FrameType | None) -> None:
        signals.note(number)
        stop.signals += 1 if number == signal.SIGINT else 2  # after SIGTERM a kill follows soon
        if stop.dropped:
            signals.interrupt(frame)
        with suppress(RuntimeError):  # the signal came while another line was being printed
            stopping()

    before = {number: signal.signal(number, receive) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    except KeyboardInterrupt:
        if not stop.is_set():
            raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
