"""What a scan is asked to do: the [scan] and [scan.parameters] tables of a configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

SAMPLERS = ("tpe", "nsga2", "nsga3", "gp", "botorch", "random", "sobol")
FALLBACKS = ("tpe", "nsga2", "nsga3", "random", "sobol")  # those that need nothing beyond the dependencies


@dataclass(frozen=True)
class Range:
    """Values a parameter may take, low … high; `log` spreads them evenly in the logarithm."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise ValueError(f"must be finite, got low = {self.low}, high = {self.high}: give finite numbers.")
        if not self.low < self.high:
            raise ValueError(f"needs low < high, got low = {self.low}, high = {self.high}: exchange or widen them.")
        if self.log and not self.low > 0:
            raise ValueError(f"is logarithmic and needs low > 0, got low = {self.low}: raise it or drop log.")

    @property
    def middle(self) -> float:
        """Arithmetic middle; geometric where the range is logarithmic."""
        return math.sqrt(self.low * self.high) if self.log else 0.5 * (self.low + self.high)

    def sample(self, rng: np.random.Generator) -> float:
        if self.log:
            value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = rng.uniform(self.low, self.high)
        return float(min(max(value, self.low), self.high))  # exp(log(x)) may miss x by a rounding


@dataclass(frozen=True)
class ScanSettings:
    """How many trials, chosen how, run by how many workers, scored by what.

    sampler      "tpe", "nsga2" or "nsga3" (generations of `population`), "gp", "botorch", "random" or "sobol"
    fallback     draws instead where "gp" or "botorch" is not installed or fails
    workers      processes side by side; 1 runs in this process, and then the same seed gives the same trials
    objectives   names of recorded values, all maximised
    parameters   name of a coupling, or "norm" → its Range
    """

    trials: int = 24
    sampler: str = "tpe"
    fallback: str = "nsga2"
    population: int = 20
    seed: int = 0
    workers: int = 2
    objectives: tuple[str, ...] = ("fractal_score", "hierarchy", "regularity")
    parameters: Mapping[str, Range] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, least, remedy in (
            ("trials", 1, "ask for at least one trial"),
            ("workers", 1, "1 runs in this process, 2 in two processes"),
            ("population", 2, "nsga2 needs at least two parents, try 20"),
            ("seed", 0, "give a whole number from 0"),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"scan.{name} must be a whole number of at least {least}, got {value!r}: {remedy}.")
        if self.sampler not in SAMPLERS:
            raise ValueError(f"scan.sampler must be one of {', '.join(SAMPLERS)}, got {self.sampler!r}: choose one.")
        if self.fallback not in FALLBACKS:
            raise ValueError(f"scan.fallback must be one of {', '.join(FALLBACKS)}, got {self.fallback!r}: choose one.")
        if not self.objectives or len(set(self.objectives)) != len(self.objectives):
            raise ValueError(
                f'scan.objectives must be distinct names, got {list(self.objectives)}: e.g. ["fractal_score"].'
            )

    def sample(self, rng: np.random.Generator) -> dict[str, float]:
        """One point of the scanned box, uniform (log-uniform where asked): name → value."""
        return {name: limits.sample(rng) for name, limits in self.parameters.items()}
