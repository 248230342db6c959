"""The result of a trial as plain data: from an evaluation or from the cache."""

from __future__ import annotations

from dataclasses import dataclass, field

from numpy import ndarray as Array


@dataclass(frozen=True)
class TrialResult:
    """Results at one set of couplings. ``constraints``: a value <= 0 means satisfied."""

    point: dict[str, float]
    # results
    status: str
    kind: str
    reasons: tuple[str, ...]
    values: dict[str, float]
    constraints: dict[str, float]
    hits: str  # the targets hit by the scored spectrum, "t/Z m7/m3 1.9%, …"
    # cost, spectra and origin
    seconds: dict[str, float]
    spectra: dict[str, Array] = field(repr=False)
    start: str  # start of the lowest state: "analytic", or the source of a prediction

    @property
    def feasible(self) -> bool:
        return all(value <= 0 for value in self.constraints.values())
