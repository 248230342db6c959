"""The interface of solvers, their runs, solutions and limits."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy import ndarray as Array

from .._checks import is_number
from ..problem.energy_kernels import negative_fields
from ..problem.problem import DiscreteProblem
from ..problem.residual import Force
from ..problem.scales import Scales, reduced

CONVERGED = "converged"


@dataclass(frozen=True)
class Solution:
    """The result of a solver: fields, multiplier and status.

    Attributes
    ----------
    u : ndarray of shape (n_nodes, n_fields)
        Fields at the nodes.
    multiplier : float
        omega^2, in mass^2; 0 without norm or frequency.
    status : str
        ``"converged"``, or the reason why not.
    residual : float
        Dual norm of the force, relative.
    steps : int
        Number of steps.
    history : tuple of (float, float)
        Energy and residual after each step.
    seconds : float
        Wall time.
    converged : bool
        Whether ``status`` is ``"converged"``.
    """

    units: ClassVar[dict[str, str]] = {"u": "field", "multiplier": "mass^2", "history": "history"}

    u: Array
    multiplier: float
    status: str
    residual: float
    steps: int
    history: tuple[tuple[float, float], ...] = field(default=(), repr=False)
    seconds: float = 0.0

    @property
    def converged(self) -> bool:
        """Whether ``status`` is ``"converged"``."""
        return self.status == CONVERGED


@runtime_checkable
class FieldsOnMesh(Protocol):
    """What a State and a point of a branch share: fields at the nodes, the multiplier omega^2, and their problem."""

    @property
    def problem(self) -> DiscreteProblem: ...
    @property
    def u(self) -> Array: ...
    @property
    def multiplier(self) -> float: ...


class AbstractSolver(ABC):
    """A method that converges from starting fields to a stationary point of a problem."""

    @abstractmethod
    def run(self, problem: DiscreteProblem, u: Array) -> Solution:
        """Solve a dimensionless problem from fields ``u`` (n_nodes, n_fields) that satisfy its conditions and norm."""

    def solve(self, problem: DiscreteProblem, u: Array) -> Solution:
        """:meth:`run` for a problem and fields in any units."""
        inner, scales = reduced(problem)
        return scales.restore(self.dimensionless(scales).run(inner, scales.reduce_fields(u)))

    def dimensionless(self, scales: Scales) -> Self:
        """The solver with its options in units of the scales; most options are pure numbers."""
        return self


class Stopwatch:
    """Elapsed time in seconds, with an optional budget."""

    def __init__(self, budget: float | None) -> None:
        self.start, self.budget = time.perf_counter(), budget

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.start

    @property
    def expired(self) -> bool:
        return self.budget is not None and self.seconds > self.budget


class Run:
    """One run of a solver: its current point, its history and its limits."""

    u: Array
    energy: float
    at: Force

    def __init__(self, max_steps: int, watch: Stopwatch) -> None:
        self.max_steps, self.watch = max_steps, watch
        self.steps = 0
        self.history: list[tuple[float, float]] = []

    @property
    def finite(self) -> bool:
        return math.isfinite(self.energy) and math.isfinite(self.at.residual)

    def record(self) -> None:
        self.history.append((self.energy, self.at.residual))

    def stopped(self) -> str | None:
        """Why the run must stop (non-finite values, time, steps); None if it may continue."""
        if not self.finite:
            return "diverged: the energy or its gradient is not finite"
        if self.watch.expired:
            return f"out of time after {self.watch.seconds:.0f} s at residual {self.at.residual:.1e}"
        if self.steps >= self.max_steps:
            return f"not converged within {self.steps} steps: residual {self.at.residual:.1e}"
        return None

    def end(self, status: str) -> Solution:
        history, seconds = tuple(self.history), self.watch.seconds
        return Solution(np.asarray(self.u), self.at.multiplier, status, self.at.residual, self.steps, history, seconds)


_CONVEX = 1e-12  # of the largest curvature in the slopes: smaller negative ones are rounding


def expect_minimum(solver: str, problem: DiscreteProblem, u: Array) -> None:
    """Raise ValueError where the energy has no minimum by construction, or the density is not convex at the start u."""
    if names := negative_fields(problem.model, problem.grid.r_max):
        raise ValueError(
            f"{solver} minimises, but the gradient of {', '.join(names)} has a negative energy in {problem.model!r}, "
            "so that its states are saddles by construction"
            f"{', in all fields together' if problem.model.eliminated else ''}: use Newton()"
        )
    if problem.model.density_function is None:
        return
    n = problem.model.n_fields
    lowest = np.linalg.eigvalsh(np.nan_to_num(problem.curvature(u)[..., n:, n:]))[..., 0].ravel()
    if np.any(lowest < -_CONVEX * np.max(np.abs(lowest))):
        radius = problem.model.given_length(float(problem.grid.quadrature_points.ravel()[np.argmin(lowest)]))
        raise ValueError(
            f"{solver} minimises, but the density of {problem.model!r} is not convex in the slopes of the fields (at "
            f"r = {radius:.3g} of the start), so that rapid ripples lower the energy: use Newton()"
        )


def check_limits(tol: object, max_steps: object, max_seconds: object, *, usual: int) -> None:
    """Raise ValueError for invalid limits, with the remedy; ``usual`` is the number of steps to suggest."""
    if not (is_number(tol) and 1e-14 <= tol < 1):  # type: ignore[operator]
        raise ValueError(f"solver.tol must lie between 1e-14 and 1, got {tol!r}: try 1e-10")
    if isinstance(max_steps, bool) or not isinstance(max_steps, int) or max_steps < 1:
        raise ValueError(f"solver.max_steps must be an integer of at least 1, got {max_steps!r}: try {usual}")
    if max_seconds is not None and not (is_number(max_seconds) and max_seconds > 0):  # type: ignore[operator]
        raise ValueError(f"solver.max_seconds must be positive or none, got {max_seconds!r}: try 60")
