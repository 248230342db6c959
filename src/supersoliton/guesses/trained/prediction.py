"""Predicted states of a trained branch, by its network, regression or nearest solved state.

The one with the smallest residual (of the discrete equation on the problem's mesh, in the dual norm) is used.
Predictions far from a solution, or on another branch, are rejected.

A start labelled with a branch can relax to another branch if the first has ended or is no longer a minimum. So a
prediction must have a residual below 0.0015 after its correction and, at fixed norm, no negative mode, counted on a
coarse mesh (`docs/development/warm_start.md`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ...problem.problem import DiscreteProblem
from ...problem.residual import metric
from ...problem.tangent_space import TangentSpace
from ...problem.transfer import transfer
from ...solvers import globalisation
from .carriers import Carriers, carriers_of
from .galerkin import TOLERANCE, GalerkinPoint, correct
from .library import BranchModel, Library

_MAX_START_RESIDUAL = 0.07  # above it no correction has converged
_MAX_RESIDUAL = 1.5e-3  # after the correction: above it the branch has ended or changed
_SAFETY = 10.0  # energy error bound over the estimate from the residual


class Prediction(NamedTuple):
    """A predicted state on the problem's mesh, with the model that it is from."""

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
        """Upper bound on the error of the energy: ten times (residual)^2 |w|^2 in the norm of H^1.

        The energy error is half the second variation along the error of the fields. Infinite far from a state.
        """
        error = self.point.error
        return error**2 * self._error_bound(problem) if error < globalisation.NEAR else np.inf

    def tolerance_for(self, problem: DiscreteProblem, gap: float) -> float:
        """Residual at which the energy error bound is below ``gap``."""
        return min(float(np.sqrt(max(gap, 0.0) / self._error_bound(problem))), globalisation.NEAR)

    def _error_bound(self, problem: DiscreteProblem) -> float:
        w = self.u - problem.vacuum.values
        return _SAFETY * float(np.sum(w * (metric(problem.grid).matrix @ w)))  # type: ignore[arg-type]


def predict(library: Library, problem: DiscreteProblem, branch: Carriers, sources: Sequence[str]) -> Prediction | None:
    """The prediction of smallest residual on a branch; None if the branch was not trained.

    The nearest solved state is tried only if no fit is usable, because its error is ten times that of a usable fit.
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
    problem: DiscreteProblem, coarse: DiscreteProblem, start: Prediction, steps: int, tolerance: float = TOLERANCE
) -> Prediction | None:
    """The prediction after Newton steps in the branch's basis; None if it is rejected.

    ``coarse``: the same problem on a coarser mesh. ``tolerance``: the residual at which the steps stop.
    """
    if not start.point.error < (_MAX_START_RESIDUAL if steps else globalisation.NEAR):
        return None
    tolerance = min(tolerance, _MAX_RESIDUAL)
    point = correct(start.point, steps, tolerance, start.variation)
    if steps > 1 and not point.error < tolerance:  # the estimate of the last residual was too low
        point = correct(point, steps - 1, tolerance)
    if (steps and not point.error < _MAX_RESIDUAL) or carriers_of(problem, point.u) != start.model.branch:
        return None
    better = start._replace(point=point)
    return better if is_minimum(problem, coarse, better) else None


def is_minimum(problem: DiscreteProblem, coarse: DiscreteProblem, start: Prediction) -> bool:
    """Whether the second variation has no negative mode at fixed norm; True without norm."""
    if problem.norm is None:
        return True
    u = transfer(problem, start.u, coarse)
    return TangentSpace(coarse, u, start.point.unscaled_force.multiplier).count_negative() == 0
