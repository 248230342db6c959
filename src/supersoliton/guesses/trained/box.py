"""The couplings that a warm start is trained over, as coordinates from -1 to 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from ...problem.problem import DiscreteProblem


@dataclass(frozen=True)
class Box:
    """Ranges low ... high of named couplings ("norm" among them), some of them logarithmic."""

    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    log: tuple[bool, ...]

    @classmethod
    def of(cls, ranges: Mapping[str, Any]) -> Box:
        """Of a scan's ranges: name -> something with ``low``, ``high`` and ``log``."""
        names = tuple(ranges)
        return cls(
            names,
            tuple(float(ranges[name].low) for name in names),
            tuple(float(ranges[name].high) for name in names),
            tuple(bool(ranges[name].log) for name in names),
        )

    def unit(self, point: Mapping[str, float]) -> Float[Array, " coupling"]:
        """Coordinates of a point, -1 at ``low`` and 1 at ``high``."""
        out = []
        for name, low, high, log in zip(self.names, self.low, self.high, self.log, strict=True):
            value = float(point[name])
            if log:
                value, low, high = math.log(value) if value > 0 else -math.inf, math.log(low), math.log(high)
            out.append(2.0 * (value - low) / (high - low) - 1.0)
        return np.array(out)

    def point(self, x: Float[Array, " coupling"]) -> dict[str, float]:
        """The couplings at given coordinates."""
        out = {}
        for value, name, low, high, log in zip(x, self.names, self.low, self.high, self.log, strict=True):
            share = 0.5 * (float(value) + 1.0)
            out[name] = low * (high / low) ** share if log else low + share * (high - low)
        return out

    def unit_of(self, problem: DiscreteProblem) -> Float[Array, " coupling"]:
        """Coordinates of a problem's own couplings."""
        return self.unit({name: value_of(problem, name) for name in self.names})


def value_of(problem: DiscreteProblem, name: str) -> float:
    """A coupling of the model, or the norm."""
    return float(problem.norm or 0.0) if name == "norm" else float(problem.model.params[name])
