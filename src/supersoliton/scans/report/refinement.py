"""What the phase [scan.refine] gained, in sentences."""

from __future__ import annotations

from ...sampling.proposals import REFINE
from .records import Record


def sentences(record: Record) -> list[str]:
    """One sentence; none if no trial was refined."""
    origins = {one.number: one.user_attrs[REFINE]["origin"] for one in record.frozen if REFINE in one.user_attrs}
    refined = [trial for trial in record.trials if trial.number in origins]
    if not refined:
        return []
    front = {trial.number for trial in record.pareto}
    entered = sum(trial.number in front for trial in refined)
    each = ", ".join(f"{trial.number} from {origins[trial.number]}" for trial in refined)
    one = len(refined) == 1
    return [
        f"{len(refined)} {'member' if one else 'members'} of the front {'was' if one else 'were'} moved uphill in the "
        f"smooth objectives by exact derivatives (trials {each}): {entered} entered the Pareto front."
    ]
