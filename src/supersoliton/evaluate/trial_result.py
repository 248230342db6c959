"""What is found at one set of couplings, as plain data: what an evaluation computes, and what the cache keeps of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from numpy import ndarray as Array


@dataclass(frozen=True)
class TrialResult:
    """``values`` and ``constraints`` are flat; a constraint is satisfied at <= 0."""

    point: dict[str, float]
    # what was found
    status: str
    kind: str
    reasons: tuple[str, ...]
    values: dict[str, float]
    constraints: dict[str, float]
    # beside it
    seconds: dict[str, float]
    spectra: dict[str, Array] = field(repr=False)
    start: str  # what the search's lowest state started from: "analytic", or a source of the ladder

    @property
    def feasible(self) -> bool:
        return all(value <= 0 for value in self.constraints.values())
