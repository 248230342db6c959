"""Checks of 15 claims made with the script ``parameter_scan_supersoliton_v39_STABLE_HIERARCHY.py`` (in this room:
"the script").

One claim per file, with a function ``check`` that returns a :class:`~.claim.Claim`; its arguments are sizes, by default
those of the claim. The bugs of the script are reproduced in :mod:`.original` and nowhere else.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .claim import Claim

# In the order of the page; each is a file of this folder.
NAMES = ("gradient_norm", "final_energy", "mass_ratio", "origin", "biharmonic", "sextic", "hierarchical_coupling",
         "scan_box", "script_trials", "condensate", "stability", "q_balls", "fractal_score", "hierarchy",
         "trial_cost")  # fmt: skip


def check(name: str) -> Claim:
    """Check one claim at its full size. Raises ValueError for a name that is not in NAMES."""
    _demand_known(name)
    from ..machine.arithmetic import numerical

    start = time.perf_counter()
    # one thread: the claims about time are about one core
    claim: Claim = numerical(importlib.import_module(f".{name}", __package__).check)()
    return claim.timed(time.perf_counter() - start)


def check_all(names: Sequence[str] = (), tell: Callable[[str], None] = lambda line: None) -> list[Claim]:
    """Check the named claims (default: all); ``tell`` receives a line of progress before and after each."""
    for name in names:
        _demand_known(name)
    wanted = [name for name in NAMES if name in names] if names else list(NAMES)
    claims = []
    for i, name in enumerate(wanted, 1):
        tell(f"{i}/{len(wanted)} {name} ...")
        claims.append(check(name))
        tell(f"{i}/{len(wanted)} {name}: {claims[-1].verdict} ({claims[-1].seconds:.1f} s)")
    return claims


def _demand_known(name: str) -> None:
    if name not in NAMES:
        raise ValueError(f"there is no claim {name!r}: choose from {', '.join(NAMES)}.")
