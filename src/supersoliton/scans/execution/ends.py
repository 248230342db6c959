"""The ends of the scanned ranges, tried with the user's theory in a process of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .apart import apart

if TYPE_CHECKING:
    from ...config import Config


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
    apart(config.check_ends, seconds=config.scan.trial_timeout)
