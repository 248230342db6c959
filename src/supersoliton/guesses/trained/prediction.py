"""Predicted states of a trained branch: by its network or regression, whichever errs less, or its nearest solved state.

Before a prediction is used its residual is computed: that of the discrete equation on the problem's own mesh, in the
dual norm. A start that is not near a solution, or that is on another branch, is none.

A name is not a destination: where a branch has ended, or is no minimum any more, a start of the search that still
bears its name flows to another, lower state. So what is predicted has to solve its equation to 0.0015 after the
correction, and where minima are sought its second variation must have no negative mode; that is counted on a coarse
mesh (`docs/warm_start.md`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ...problem.problem import DiscreteProblem
from ...problem.residual import metric
from ...problem.tangent_space import TangentSpace
from ...solvers import globalisation
from .carriers import Carriers, carriers_of
from .galerkin import TOLERANCE, GalerkinPoint, correct
from .library import BranchModel, Library

_MAX_START_RESIDUAL = 0.07  # residual that no correction has mended
_AFTER = 1.5e-3  # residual after the correction above which a branch is not what it was where it was trained
_DOUBT = 10.0  # times that an energy may err more than the residual tells


class Prediction(NamedTuple):
    """A start on the problem's mesh, and what predicted it."""

    point: GalerkinPoint
    source: str
    model: BranchModel
    variation: Array | None = None  # the second variation in the model's basis

    @property
    def u(self) -> Array:
        return self.point.u

    @property
    def energy(self) -> float:
        return self.point.energy

    def error_bound(self, problem: DiscreteProblem) -> float:
        """What the energy may lie above that of the state: ten times (error)^2 |w|^2 in the norm of H^1.

        Near a state it errs by half the second variation along the error. Infinite where
        the start is not near one.
        """
        error = self.point.error
        return error**2 * self._error_bound(problem) if error < globalisation.NEAR else np.inf

    def tolerance_for(self, problem: DiscreteProblem, gap: float) -> float:
        """The residual at which the energy is doubted by no more than ``gap``."""
        return min(float(np.sqrt(max(gap, 0.0) / self._error_bound(problem))), globalisation.NEAR)

    def _error_bound(self, problem: DiscreteProblem) -> float:
        w = self.u - problem.vacuum.values
        return _DOUBT * float(np.sum(w * (metric(problem.grid).matrix @ w)))  # type: ignore[arg-type]


def predict(library: Library, problem: DiscreteProblem, branch: Carriers, sources: Sequence[str]) -> Prediction | None:
    """The start of smallest residual on a branch; None where nothing is known of the branch.

    The nearest state is looked at where what was fitted is missing or hopeless; elsewhere it errs ten times more.
    """
    model = library.models.get(branch)
    if model is None:
        return None
    x = library.box.unit_of(problem)
    best: tuple[GalerkinPoint, str] | None = None
    for source in sources:
        fitted = best is not None and best[0].error < _MAX_START_RESIDUAL
        coefficients = None if source == "neighbour" and fitted else model.predict(source, x)
        if coefficients is None:
            continue
        point = GalerkinPoint(problem, model.basis, coefficients)
        if best is None or point.error < best[0].error:
            best = point, source
    if best is None:
        return None
    return Prediction(*best, model, None if model.variation is None else model.variation(x))


def corrected(
    problem: DiscreteProblem, coarse: DiscreteProblem, start: Prediction, steps: int, enough: float = TOLERANCE
) -> Prediction | None:
    """The start after Newton steps within the branch's basis; None where it is not to be trusted.

    ``coarse``: the same problem on a coarser mesh. ``enough``: the residual from which no more steps are taken.
    """
    if not start.point.error < (_MAX_START_RESIDUAL if steps else globalisation.NEAR):
        return None
    enough = min(enough, _AFTER)
    point = correct(start.point, steps, enough, start.variation)
    if steps > 1 and not point.error < enough:  # where it had not been looked at
        point = correct(point, steps - 1, enough)
    if (steps and not point.error < _AFTER) or carriers_of(problem, point.u) != start.model.branch:
        return None
    better = start._replace(point=point)
    return better if is_minimum(problem, coarse, better) else None


def is_minimum(problem: DiscreteProblem, coarse: DiscreteProblem, start: Prediction) -> bool:
    """Whether the second variation has no negative mode at fixed norm; without norm any stationary point will do."""
    if problem.norm is None:
        return True
    u = problem.grid.interpolate(start.u, coarse.grid.nodes)
    return TangentSpace(coarse, u, start.point.at.multiplier).count_negative() == 0
