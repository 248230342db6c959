"""The range of a coupling, and its map to the unit interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Range:
    """The interval of a parameter.

    Parameters
    ----------
    low, high : float
        Its ends.
    log : bool, default false
        Uniform in the logarithm.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise ValueError(f"must be finite, got low = {self.low}, high = {self.high}: give finite numbers.")
        if not self.low < self.high:
            raise ValueError(f"needs low < high, got low = {self.low}, high = {self.high}: swap or change them.")
        if self.log and not self.low > 0:
            raise ValueError(f"is logarithmic and needs low > 0, got low = {self.low}: raise it or drop log.")

    @property
    def middle(self) -> float:
        """Arithmetic mean of the ends; geometric mean for a logarithmic range."""
        return math.sqrt(self.low * self.high) if self.log else 0.5 * (self.low + self.high)

    def unit(self, value: float) -> float:
        """The position of a value in the range: 0 at `low`, 1 at `high`."""
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            return ((math.log(value) if value > 0 else -math.inf) - low) / (high - low)
        return (value - self.low) / (self.high - self.low)

    def at(self, unit: float) -> float:
        """The value at a position, which may lie outside of 0 … 1."""
        return self.low * (self.high / self.low) ** unit if self.log else self.low + unit * (self.high - self.low)

    def rate(self, value: float) -> float:
        """The change of the value with its position, dvalue/dunit."""
        return value * math.log(self.high / self.low) if self.log else self.high - self.low

    def sample(self, rng: np.random.Generator) -> float:
        if self.log:
            value = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = rng.uniform(self.low, self.high)
        return float(min(max(value, self.low), self.high))  # exp(log(x)) equals x only to rounding
