"""A scan of which nothing will come: its first trials all fail, and for one reason."""

from __future__ import annotations

import re
from collections.abc import Sequence

TRIED = 5  # trials at the start of a run that have to fail


class NothingWorks(RuntimeError):
    """The first trials of a scan all failed for one reason."""


def check_first(errors: Sequence[str], earlier: int) -> None:
    """Raise NothingWorks if these are the errors of the first trials of a run, and all for one reason.

    ``errors``: of each trial that has ended in this run, empty for one that did not fail. ``earlier``: number of trials
    of earlier runs that did not fail.
    """
    if earlier or len(errors) < TRIED or not all(errors[:TRIED]):
        return
    reasons = [error.strip().splitlines()[-1] for error in errors[:TRIED]]
    # the numbers in it are those of the point
    if len({re.sub(r"-?[\d.]+(e[-+]?\d+)?", "#", reason) for reason in reasons}) > 1:
        return
    raise NothingWorks(
        f"the first {TRIED} trials all failed, so the scan stops: {reasons[0].rstrip('.')}. Correct that, and give "
        f"another folder with --out if the configuration changes; the same command tries {TRIED} more."
    )
