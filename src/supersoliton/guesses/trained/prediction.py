"""The ladder of starts: a branch's network or its regression, whichever errs less; else its nearest solved state.

What is foretold is measured before it is used: its residual is that of the discrete equation on the problem's own mesh,
in the dual norm. A start that is not near a solution, or that is on another branch, is none.

A name is not a destination: where a branch has ended, or is no minimum any more, a start of the search that still
bears its name flows to another, lower state. So what is foretold has to solve its equation to 0.0015 after the
correction, and where minima are sought its second variation must have no negative mode; that is counted on a coarse
mesh (`docs/warm_start.md`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ...problem.modes import count_negative, factorise
from ...problem.problem import DiscreteProblem
from ...problem.residual import metric
from ...solvers import globalisation
from .carriers import Branch, branch_of
from .galerkin import ENOUGH, Point, correct
from .library import BranchModel, Library

_HOPELESS = 0.07  # residual that no correction has mended
_AFTER = 1.5e-3  # residual after the correction above which a branch is not what it was where it was trained
_DOUBT = 10.0  # times that an energy may err more than the residual tells


class Foretold(NamedTuple):
    """A start on the problem's mesh, and what foretold it."""

    point: Point
    rung: str
    model: BranchModel
    variation: Array | None = None  # the second variation in the model's basis

    @property
    def u(self) -> Array:
        return self.point.u

    @property
    def energy(self) -> float:
        return self.point.energy

    def doubt(self, problem: DiscreteProblem) -> float:
        """What the energy may lie above that of the state: ten times (error)^2 |w|^2 in the norm of H^1.

        Near a state it errs by half the second variation along the error. Infinite where
        the start is not near one.
        """
        error = self.point.error
        return error**2 * self._doubted(problem) if error < globalisation.NEAR else np.inf

    def enough(self, problem: DiscreteProblem, gap: float) -> float:
        """The residual at which the energy is doubted by no more than ``gap``."""
        return min(float(np.sqrt(max(gap, 0.0) / self._doubted(problem))), globalisation.NEAR)

    def _doubted(self, problem: DiscreteProblem) -> float:
        w = self.u - problem.vacuum.values
        return _DOUBT * float(np.sum(w * (metric(problem.grid).matrix @ w)))  # type: ignore[arg-type]


def foretell(library: Library, problem: DiscreteProblem, branch: Branch, rungs: Sequence[str]) -> Foretold | None:
    """The start of smallest residual on a branch; None where nothing is known of the branch.

    The nearest state is looked at where what was fitted is missing or hopeless; elsewhere it errs ten times more.
    """
    model = library.models.get(branch)
    if model is None:
        return None
    x = library.box.unit_of(problem)
    best: tuple[Point, str] | None = None
    for rung in rungs:
        fitted = best is not None and best[0].error < _HOPELESS
        coefficients = None if rung == "neighbour" and fitted else model.foretell(rung, x)
        if coefficients is None:
            continue
        point = Point(problem, model.basis, coefficients)
        if best is None or point.error < best[0].error:
            best = point, rung
    if best is None:
        return None
    return Foretold(*best, model, None if model.variation is None else model.variation(x))


def corrected(
    problem: DiscreteProblem, coarse: DiscreteProblem, start: Foretold, steps: int, enough: float = ENOUGH
) -> Foretold | None:
    """The start after Newton steps within the branch's basis; None where it is not to be trusted.

    ``coarse``: the same problem on a coarser mesh. ``enough``: the residual from which no more steps are taken.
    """
    if not start.point.error < (_HOPELESS if steps else globalisation.NEAR):
        return None
    enough = min(enough, _AFTER)
    point = correct(start.point, steps, enough, start.variation)
    if steps > 1 and not point.error < enough:  # where it had not been looked at
        point = correct(point, steps - 1, enough)
    if (steps and not point.error < _AFTER) or branch_of(problem, point.u) != start.model.branch:
        return None
    better = start._replace(point=point)
    return better if is_minimum(problem, coarse, better) else None


def is_minimum(problem: DiscreteProblem, coarse: DiscreteProblem, start: Foretold) -> bool:
    """Whether the second variation has no negative mode at fixed norm; without norm any stationary point will do."""
    if problem.norm is None:
        return True
    u = problem.grid.interpolate(start.u, coarse.grid.nodes)
    factors = factorise(coarse, u, start.point.at.multiplier)
    return count_negative(coarse, u, factors) == 0
