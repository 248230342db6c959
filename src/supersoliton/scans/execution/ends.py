"""The ends of the scanned ranges, tried with the user's theory in a process of their own."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from .executor import ONE_THREAD

if TYPE_CHECKING:
    from ...config import Config

_TRY = """
import pickle, sys
try:
    pickle.load(sys.stdin.buffer).check_ends()
except ValueError as error:
    sys.stdout.buffer.write(pickle.dumps(str(error)))
"""


def check_ends(config: Config, *, isolated: bool) -> None:
    """Raise ValueError if the user's theory refuses an end of a range.

    `isolated`: trials run in other processes, so that a theory that kills or stops its process at an end may not take
    this one. Such an end is no reason to refuse a scan: it costs the trials there. A Potential refuses no number.
    """
    from ...theory.potential import Potential

    if config.model.source is None or isinstance(config.model, Potential):
        return
    if not isolated:
        config.check_ends()
        return
    refused = b""
    with suppress(subprocess.TimeoutExpired):
        refused = subprocess.run(
            [sys.executable, "-c", _TRY],
            input=pickle.dumps(config),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            timeout=config.scan.trial_timeout,
            start_new_session=True,
            check=False,
        ).stdout
    if refused:
        raise ValueError(pickle.loads(refused))  # trusted: written by our own process
