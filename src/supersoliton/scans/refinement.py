r"""The phase [scan.refine]: members of the front moved uphill in the smooth objectives by exact derivatives.

From a trial with objectives y_0 it solves the Chebyshev problem

.. math:: \max_{x,\,\tau}\ \tau\quad\text{with}\quad y_j(x) \ge y_{0,j} + \tau s_j,\qquad x\ \text{in the ranges},

s_j being the range of objective j over the front, by sequential quadratic programming (D. Kraft, *A software package
for sequential quadratic programming* (1988)). Objectives that are not smooth are left to the evaluation of the point
found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy import ndarray as Array
from optuna.trial import FrozenTrial, TrialState

from ..config.objectives import Objective
from ..sampling.pareto import nondominated
from ..sampling.proposals import REFINE, Planned, of_phase

if TYPE_CHECKING:
    from ..config import Config
    from .stopping import Stop

_ITERATIONS, _ACCURACY = 15, 1e-7  # of the quadratic programs
_REACH = 0.25  # of the unit box: how far a point may move
_LEAST = 1e-4  # of the unit box: a move that is no other point
_SHARES = (1.0, 0.75, 0.5, 0.25)  # of the way, where its end is not feasible
_LOST = -1e3  # ranges of an objective: its value where there is no state


def smooth_objectives(config: Config) -> list[Objective]:
    """The objectives that have exact derivatives; ``hierarchy`` only of the physical masses."""
    from ..families.path_of_states import MEASURED

    ratios = config.model.vacuum_ratios(np.eye(config.model.n_fields))
    known = {*MEASURED, *ratios, *(("hierarchy",) if config.score.spectrum == "physical" else ())}
    return [name for name in config.scan.objectives if name in known]


def check_refine(config: Config) -> None:
    """Raise ValueError if no objective of the scan has exact derivatives."""
    if config.scan.refine is None:
        return
    if not smooth_objectives(config):
        got = ", ".join(config.scan.objectives)
        raise ValueError(
            f"[scan.refine] needs an objective with derivatives, got {got}: add omega, energy, norm, "
            'hierarchy (with [score] spectrum = "physical") or a ratio of vacuum masses, or leave the table out.'
        )
    if config.problem.self_consistent is not None:
        raise ValueError("[scan.refine] and [problem.self_consistent] exclude each other: leave one of them out.")


def refined_points(
    config: Config, trials: Sequence[FrozenTrial], after: int, stop: Stop | None = None
) -> list[Planned]:
    """The points to evaluate when ``after`` trials are finished; the same for the same trials.

    The objectives of the trials are times their signs, and so maximised. The members with the best come first. Trials
    of this phase are left out, so that an interrupted phase continues with the same points.
    """
    done = [
        trial
        for trial in trials
        if trial.state is TrialState.COMPLETE
        and not of_phase(trial, REFINE, after)
        and all(value <= 0 for value in trial.constraints.values())
    ]
    if not done:
        return []
    values = np.array([trial.values for trial in done])
    front = nondominated(values)
    ranges = np.ptp(values[front], axis=0)
    ranges = np.where(ranges > 0, ranges, np.maximum(np.abs(values[front]).max(axis=0), 1e-12))
    order = front[np.argsort(-((values[front] - values[front].min(axis=0)) / ranges).max(axis=1), kind="stable")]
    columns = [config.scan.objectives.index(name) for name in smooth_objectives(config)]
    found: list[tuple[int, dict[str, float]]] = []
    for index in order[: config.scan.refine.points if config.scan.refine else 0]:
        if stop is not None and stop.is_set():
            return []
        trial = done[int(index)]
        point = _Climb(config, dict(trial.params), ranges[columns]).run()
        if point is not None:
            found.append((trial.number, point))
    return [
        Planned(point, {REFINE: {"after": after, "index": k, "of": len(found), "origin": origin}})
        for k, (origin, point) in enumerate(found)
    ]


class _Climb:
    """The way from one point; unknowns are the couplings in the unit box and tau."""

    def __init__(self, config: Config, point: dict[str, float], ranges: Array) -> None:
        self.config, self.limits, self.ranges = config, config.scan.parameters, ranges
        self.point, self.names = point, list(config.scan.parameters)
        self.x = np.array([self.limits[name].unit(point[name]) for name in self.names])
        self.aims = smooth_objectives(config)
        self.signs = np.array([aim.sign for aim in self.aims])

    # What needs JAX or SciPy's optimisers is imported here: a finished scan is read without the one, and the driver of
    # a scan starts in 0.2 s less without the others.

    def run(self) -> dict[str, float] | None:
        """The point at the end of the way or on it that an evaluation finds feasible and no worse, if any."""
        from scipy.optimize import minimize

        from ..evaluate.evaluation import evaluate
        from ..families.design_targets import Targets
        from ..families.path_of_states import Path, StateLost

        self.lost = (StateLost, ValueError)
        start = evaluate(self.config, self.point)
        if start.state is None:
            return None
        self.path = Path(start.state, self.names)
        self.targets = Targets(dict.fromkeys(self.aims, 1.0), "physical", self.config.spectrum.ell, self.config.model)
        self.targets.follow(self.targets.levels(self.path, self.path.values))
        self.first = self._objectives(self.x)
        low, high = np.maximum(self.x - _REACH, 0.0), np.minimum(self.x + _REACH, 1.0)
        found = minimize(
            lambda z: -z[-1],
            np.append(self.x, 0.0),
            jac=lambda z: np.append(np.zeros(len(z) - 1), -1.0),
            method="SLSQP",
            bounds=[*zip(low, high, strict=True), (0.0, None)],
            constraints={"type": "ineq", "fun": self._gains, "jac": self._slopes},
            options={"maxiter": _ITERATIONS, "ftol": _ACCURACY},
        )
        way = found.x[:-1] - self.x
        if not np.max(np.abs(way)) > _LEAST:
            return None
        for share in _SHARES:
            point = dict(zip(self.names, self._values(self.x + share * way).tolist(), strict=True))
            there = evaluate(self.config, point)
            if there.feasible and not any(aim.is_better(start.values[aim], there.values[aim]) for aim in self.aims):
                return point
        return None

    def _values(self, x: Array) -> Array:
        pairs = zip(self.names, x, strict=True)
        return np.array([min(max(self.limits[n].at(at), self.limits[n].low), self.limits[n].high) for n, at in pairs])

    def _objectives(self, x: Array) -> Array:
        """The smooth objectives, maximised, over their ranges."""
        values = self._values(x)
        found = self.targets.values(self.path, values, self.targets.levels(self.path, values))
        return self.signs * found / self.ranges

    def _gains(self, z: Array) -> Array:
        try:
            return self._objectives(z[:-1]) - self.first - z[-1]
        except self.lost:  # the line search comes back
            return np.full(len(self.aims), _LOST)

    def _slopes(self, z: Array) -> Array:
        values = self._values(z[:-1])
        self.path.accept(values)
        slopes = self.targets.slopes(self.path, self.targets.levels(self.path, values, slopes=True))
        per = [self.limits[name].rate(value) for name, value in zip(self.names, values, strict=True)]
        return np.column_stack([slopes * per * (self.signs / self.ranges)[:, None], -np.ones(len(self.aims))])
