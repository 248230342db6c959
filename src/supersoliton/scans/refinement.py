r"""The phase [scan.refine]: members of the front moved uphill in the smooth objectives by exact derivatives.

From a trial with objectives y_0 it solves the Chebyshev problem

.. math:: \max_{x,\,\tau}\ \tau\quad\text{with}\quad y_j(x) \ge y_{0,j} + \tau s_j,\qquad x\ \text{in the ranges},

s_j being the range of objective j over the front, by sequential quadratic programming (D. Kraft, *A software package
for sequential quadratic programming* (1988)). Objectives that are not smooth are left to the evaluation of the point
found.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy.optimize
from numpy import ndarray as Array
from optuna.trial import FrozenTrial, TrialState

from ..config.objectives import Objective
from ..evaluate.evaluation import evaluate
from ..families.design_targets import STATE_VALUES, Targets
from ..families.path_of_states import Path, StateLost
from ..sampling.pareto import nondominated
from ..sampling.proposals import REFINE, Planned, of_phase
from ..states.state import State

if TYPE_CHECKING:
    from ..config import Config
    from .stopping import Stop

_ITERATIONS, _ACCURACY = 15, 1e-7  # of the quadratic programs
_REACH = 0.25  # of the unit box: how far a point may move
_LEAST = 1e-4  # of the unit box: a move that is no other point
_SHARES = (1.0, 0.75, 0.5, 0.25)  # of the way, where the state at its end does not pass its checks
_LOST = -1e3  # ranges of an objective: its value where there is no state


def smooth_objectives(config: Config) -> list[Objective]:
    """The objectives that have exact derivatives; ``hierarchy`` only of the physical masses."""
    ratios = config.model.vacuum_ratios(np.eye(config.model.n_fields))
    known = {*STATE_VALUES, *ratios, *(("hierarchy",) if config.score.spectrum == "physical" else ())}
    return [name for name in config.scan.objectives if name in known]


def check_refine(config: Config) -> None:
    """Raise ValueError if no objective of the scan has exact derivatives."""
    if not smooth_objectives(config):
        got = ", ".join(config.scan.objectives)
        raise ValueError(
            f"[scan.refine] needs an objective with derivatives, got {got}: add one of {', '.join(STATE_VALUES)}, "
            'hierarchy (with [score] spectrum = "physical") or a ratio of vacuum masses, or leave the table out.'
        )
    if config.problem.self_consistent is not None:
        raise ValueError("[scan.refine] and [problem.self_consistent] exclude each other: leave one of them out.")


def refined_points(
    config: Config, trials: Sequence[FrozenTrial], count: int, after: int, stop: Stop | None = None
) -> list[Planned]:
    """The points to evaluate, for up to ``count`` members of the front; the same for the same trials.

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
    for index in order[:count]:
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

    def run(self) -> dict[str, float] | None:
        """The best point whose state passes its checks; None if there is none beyond the start."""
        state = evaluate(self.config, self.point).state
        if state is None or not self._passes(state):
            return None
        self.path = Path(state, self.names)
        self.targets = Targets(dict.fromkeys(self.aims, 1.0), "physical", self.config.spectrum.ell, self.config.model)
        self.targets.follow(self.targets.levels(self.path, self.path.values))
        self.first = self._objectives(self.x)
        low, high = np.maximum(self.x - _REACH, 0.0), np.minimum(self.x + _REACH, 1.0)
        found = scipy.optimize.minimize(
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
            values = self._values(self.x + share * way)
            try:
                self.path.accept(values)
                if np.min(self._objectives(self.x + share * way) - self.first) < 0.0:
                    continue
            except (StateLost, ValueError):
                continue
            if self._passes(self.path.certified()):
                return dict(zip(self.names, values.tolist(), strict=True))
        return None

    def _passes(self, state: State) -> bool:
        asked, rotation = self.config.scan.constraints, state.certificate.rotation
        stable = rotation is not None and rotation.classically_stable
        certified = state.certificate.certified or state.certificate.needs_finer_mesh  # which an evaluation takes
        return certified and (stable or "classically_stable" not in asked)

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
        except (StateLost, ValueError):  # the line search comes back
            return np.full(len(self.aims), _LOST)

    def _slopes(self, z: Array) -> Array:
        values = self._values(z[:-1])
        self.path.accept(values)
        slopes = self.targets.slopes(self.path, self.targets.levels(self.path, values, slopes=True))
        limits = [self.limits[name] for name in self.names]
        per = [
            v * math.log(one.high / one.low) if one.log else one.high - one.low
            for v, one in zip(values, limits, strict=True)
        ]
        return np.column_stack([slopes * per * (self.signs / self.ranges)[:, None], -np.ones(len(self.aims))])
