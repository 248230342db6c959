"""The ladder of starts: a branch's network, its regression, its nearest solved state; whichever errs least.

What is foretold is measured before it is used: its residual is that of the discrete equation on the problem's own mesh,
in the dual norm. A start that is not near a solution, or that is on another branch, is none.

Near has to be near: where a branch ends or loses its stability, what is foretold of it is worse, and a start of the
search that still bears its name flows to another, lower state. Of 602 starts whose branch was trained 61 did; each of
these had a residual above 0.009 before the correction, or above 0.001 after it, and none is taken
(`docs/warm_start.md`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from .problem import Problem
from .solvers import rules
from .solvers.base import metric
from .solvers.galerkin import Point, correct, point_at
from .warm_start.branch import Branch, branch_of
from .warm_start.library import BranchModel, Library

_AFTER = 1e-3  # residual after the correction above which a branch is not what it was where it was trained
_DOUBT = 10.0  # times that an energy may err more than the residual tells


class Foretold(NamedTuple):
    """A start on the problem's mesh, and what foretold it."""

    point: Point
    rung: str
    model: BranchModel
    energy: float

    @property
    def u(self) -> Array:
        return self.point.u

    def doubt(self, problem: Problem) -> float:
        """What the energy may lie above that of the state: ten times (residual)^2 |w|^2 in the norm of H^1.

        Near a state it errs by half the second variation along the error, which the residual measures. Infinite where
        the start is not near one.
        """
        residual = self.point.at.residual
        if not residual < rules.NEAR:
            return np.inf
        w = self.u - problem.vacuum.values
        return _DOUBT * float(residual) ** 2 * float(np.sum(w * (metric(problem.grid).matrix @ w)))  # type: ignore[arg-type]


def foretell(library: Library, problem: Problem, branch: Branch, rungs: Sequence[str]) -> Foretold | None:
    """The start of smallest residual on a branch; None where nothing is known of the branch."""
    model = library.models.get(branch)
    if model is None:
        return None
    x = library.box.unit_of(problem)
    best: tuple[Point, str] | None = None
    for rung in rungs:
        coefficients = model.foretell(rung, x)
        if coefficients is None:
            continue
        point = point_at(problem, model.basis, coefficients)
        if best is None or point.at.residual < best[0].at.residual:
            best = point, rung
    return None if best is None else Foretold(*best, model, problem.energy(best[0].u))


def corrected(problem: Problem, start: Foretold, steps: int) -> Foretold | None:
    """The start after Newton steps within the branch's basis; None where it is not to be trusted."""
    if not start.point.at.residual < rules.NEAR:
        return None
    point = correct(problem, start.model.basis, start.point, steps)
    if (steps and not point.at.residual < _AFTER) or branch_of(problem, point.u) != start.model.branch:
        return None
    return Foretold(point, start.rung, start.model, problem.energy(point.u))
