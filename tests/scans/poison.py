"""A configuration some of whose points kill, hang or bloat the process that evaluates them; workers import it."""

import os
import signal
import time

CRASH, HANG, BLOAT, GOOD = ({"g": g, "norm": 600.0} for g in (0.56, 0.57, 0.58, 0.6))


class Poison:
    """A real configuration, but for the first thing that an evaluation asks it for."""

    def __init__(self, config):
        self._config = config

    def __getattr__(self, name):
        if name == "_config":  # asked for while it is unpickled
            raise AttributeError(name)
        return getattr(self._config, name)

    def problem_at(self, point):
        if point == CRASH:
            os.kill(os.getpid(), signal.SIGSEGV)
        if point == HANG:
            while True:
                time.sleep(1.0)
        if point == BLOAT:
            self.bloated = bytearray(16 * 2**30)
        return self._config.problem_at(point)
