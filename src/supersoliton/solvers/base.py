"""What every solver has: its interface, the record of its solution, and its time budget."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from numpy import ndarray as Array

from ..machine import batching
from ..problem.problem import DiscreteProblem

CONVERGED = "converged"


@dataclass(frozen=True)
class Solution:
    """Where a solver ended: the fields at the nodes, the multiplier omega^2 (mass^2), and in words how it ended."""

    # the point
    u: Array  # (n_nodes, n_fields)
    multiplier: float  # omega^2; 0 without norm or frequency
    # how it ended
    status: str  # "converged", or in words why not
    residual: float
    # how it got there
    steps: int
    history: tuple[tuple[float, float], ...] = field(default=(), repr=False)  # (energy, residual) of each step
    seconds: float = 0.0

    @property
    def converged(self) -> bool:
        return self.status == CONVERGED


class AbstractSolver(ABC):
    """A method that takes a problem and starting fields to a stationary point."""

    @abstractmethod
    def run(self, problem: DiscreteProblem, u: Array) -> Solution:
        """Start from nodal fields ``u`` (n_nodes, n_fields) that satisfy the boundary condition and the norm."""


class Stopwatch:
    """Seconds since it was made, against a budget."""

    def __init__(self, budget: float | None) -> None:
        self.start, self.budget = batching.now(), budget

    @property
    def seconds(self) -> float:
        return batching.now() - self.start

    @property
    def expired(self) -> bool:
        return self.budget is not None and self.seconds > self.budget
