"""The parameter ranges of a training, as a box of coordinates from -1 to 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from ..._ranges import Range
from ...problem.problem import DiscreteProblem


@dataclass(frozen=True)
class Box:
    """Ranges low ... high of couplings by name ("norm" may be one), on a linear or logarithmic scale."""

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    log: tuple[bool, ...]

    @classmethod
    def of(cls, ranges: Mapping[str, Range]) -> Box:
        names = tuple(ranges)
        return cls(
            names,
            tuple(float(ranges[name].low) for name in names),
            tuple(float(ranges[name].high) for name in names),
            tuple(bool(ranges[name].log) for name in names),
        )

    @property
    def ranges(self) -> dict[str, Range]:
        return dict(zip(self.names, map(Range, self.low, self.high, self.log), strict=True))

    def unit(self, point: Mapping[str, float]) -> Float[Array, " coupling"]:
        """Coordinates of a point, -1 at ``low`` and 1 at ``high``."""
        positions = [limits.unit(float(point[name])) for name, limits in self.ranges.items()]
        return 2.0 * np.array(positions) - 1.0

    def point(self, x: Float[Array, " coupling"]) -> dict[str, float]:
        """The couplings at given coordinates."""
        pairs = zip(x, self.ranges.items(), strict=True)
        return {name: limits.at(0.5 * (float(value) + 1.0)) for value, (name, limits) in pairs}

    def unit_of(self, problem: DiscreteProblem) -> Float[Array, " coupling"]:
        """Coordinates of a problem's own couplings."""
        return self.unit({name: value_of(problem, name) for name in self.names})


def value_of(problem: DiscreteProblem, name: str) -> float:
    """A coupling of the model, or the norm."""
    return float(problem.norm or 0.0) if name == "norm" else float(problem.model.params[name])
