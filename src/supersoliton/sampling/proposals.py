"""The verification phase, [scan.verify]: what a surrogate of the finished trials predicts, evaluated for real.

When the trials asked for are finished, the predicted Pareto set is sought on the surrogate, the points that would add
most to the front found so far are evaluated as further trials, each with its prediction, to be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy import ndarray as Array
from optuna.trial import FrozenTrial, TrialState

from ..config.scan import ScanSettings
from .pareto import choose_largest_gains, nondominated
from .surrogate import Scale, Surrogate, fit, from_unit, to_unit

MARK = "verify"  # attribute of a trial of this phase: its SurrogatePrediction
LEAST = 20  # feasible trials without which nothing is predicted: fewer do not determine 7 length scales
_CANDIDATES = 2048  # a Sobol sequence over the box, then as many children of the best in each of the rounds
_STEPS = (0.2, 0.1, 0.05, 0.02)  # of the unit box: standard deviations by which children differ from their parents
_LIKELY = 0.5  # probability of being feasible below which a point is not proposed
_MOST = 300  # members of a predicted Pareto set among which the proposals are chosen


@dataclass(frozen=True)
class SurrogatePrediction:
    """The prediction of one trial, as stored in the study; lists run over the objectives.

    after, index, of     how many trials had been finished, the rank among the proposals, best first, and their number
    feasible             probability that all constraints hold
    mean, std            prediction of a new evaluation on the `scales` of the models, where it is Gaussian
    median, low, high    the same in the objective's own unit; two of three evaluations should lie in low … high
    skill                how much of each objective's variance the models predict of trials left out
    """

    after: int
    index: int
    of: int
    feasible: float
    mean: list[float]
    std: list[float]
    median: list[float]
    low: list[float]
    high: list[float]
    skill: list[float]
    scales: list[dict[str, float]]

    def errors(self, found: Sequence[float]) -> list[float]:
        """(found - predicted) / standard deviation of each objective, on the scale on which that is Gaussian."""
        return [
            (float(Scale(**scale).forward(value)) - mean) / std
            for scale, value, mean, std in zip(self.scales, found, self.mean, self.std, strict=True)
        ]


def prediction(trial: FrozenTrial) -> SurrogatePrediction | None:
    """The prediction of a trial; None for a trial that the sampler drew."""
    mark = trial.user_attrs.get(MARK)
    return None if mark is None else SurrogatePrediction(**mark)


def is_drawn(trial: FrozenTrial) -> bool:
    """Whether the sampler drew a trial, which then counts towards the number asked for."""
    return MARK not in trial.user_attrs


def is_pending(trials: Sequence[FrozenTrial], after: int) -> bool:
    """Whether the phase after so many finished trials has not begun, or has not ended."""
    marks = [trial.user_attrs[MARK] for trial in trials if trial.state.is_finished() and not is_drawn(trial)]
    done = {mark["index"]: mark["of"] for mark in marks if mark["after"] == after}
    return not done or len(done) < max(done.values())


def propose(
    settings: ScanSettings, trials: Sequence[FrozenTrial], count: int, *, after: int
) -> list[tuple[dict[str, float], SurrogatePrediction]]:
    """Points to evaluate, best first, each with its prediction; the same for the same trials.

    Trials of this phase are not fitted, so that an interrupted phase continues with the points that it had. Fewer
    than `count` where the predicted Pareto set is smaller; none where too few trials are feasible.
    """
    done = [
        trial
        for trial in trials
        if trial.state is TrialState.COMPLETE
        and not trial.constraints.get("scored", 0) > 0
        and trial.user_attrs.get(MARK, {}).get("after") != after
    ]
    feasible = np.array([all(value <= 0 for value in trial.constraints.values()) for trial in done], dtype=bool)
    if feasible.sum() < LEAST or count < 1:
        return []
    values = np.array([trial.values for trial in done], dtype=float)
    points = [trial.params for trial in done]
    names = dict.fromkeys(name for trial in done for name in trial.constraints)
    constraints = {name: np.array([trial.constraints.get(name, 1.0) for trial in done]) for name in names}
    surrogate = fit(settings.parameters, points, values, constraints, seed=settings.seed)
    scaled = np.stack(
        [m.scale.forward(column) for m, column in zip(surrogate.objectives, values.T, strict=True)], axis=1
    )
    best = np.flatnonzero(feasible)[nondominated(scaled[feasible])]
    known = to_unit(settings.parameters, points)
    units = predicted_pareto_set(surrogate, known[best], seed=settings.seed)
    units = units[[not (np.abs(known - unit) < 1e-9).all(axis=1).any() for unit in units]]
    if not len(units):
        return []
    lowest = scaled[feasible].min(axis=0)
    front = np.clip(scaled[best] - lowest, 0.0, None)
    chosen = choose_largest_gains(front, np.clip(surrogate.means(units) - lowest, 0.0, None), count)
    return _predictions(surrogate, units[chosen], after)


def predicted_pareto_set(surrogate: Surrogate, parents: Array, *, seed: int) -> Array:
    """Points of the unit box that no other beats in the predicted means, among those that are likely feasible.

    Sought by mutation with shrinking steps from a Sobol sequence and from `parents`, the Pareto set that was found;
    heuristic: means are smooth, and a round costs a tenth of a second.
    """
    from scipy.stats import qmc

    rng = np.random.default_rng(seed)
    units = np.vstack([parents, qmc.Sobol(parents.shape[1], seed=rng).random(_CANDIDATES)])
    for step in (*_STEPS, 0.0):
        units = units[surrogate.feasibility(units) >= _LIKELY]
        if not len(units):
            break
        means = surrogate.means(units)
        units = units[_thinned(means, nondominated(means), rng)]
        if step:
            born = units[rng.integers(len(units), size=_CANDIDATES)]
            # half of the coordinates change, so that a coupling at its bound can stay there
            change = rng.normal(0.0, step, born.shape) * (rng.random(born.shape) < 0.5)
            units = np.vstack([units, np.clip(born + change, 0.0, 1.0)])
    return np.asarray(units)


def _thinned(means: Array, front: Array, rng: np.random.Generator) -> Array:
    """At most so many of a front: the extremes, and the rest by lot."""
    if len(front) <= _MOST:
        return front
    ends = front[np.argmax(means[front], axis=0)]
    others = np.setdiff1d(front, ends)
    return np.sort(np.concatenate([np.unique(ends), rng.choice(others, _MOST - len(ends), replace=False)]))


def _predictions(surrogate: Surrogate, units: Array, after: int) -> list[tuple[dict[str, float], SurrogatePrediction]]:
    models = surrogate.objectives
    moments = [model.mean_and_std(units) for model in models]
    feasible = surrogate.feasibility(units)
    made = []
    for index, unit in enumerate(units):
        pairs = [(float(mean[index]), float(std[index])) for mean, std in moments]

        def quantile(shift: float, pairs: Sequence[tuple[float, float]] = pairs) -> list[float]:
            return [float(m.scale.back(mean + shift * std)) for m, (mean, std) in zip(models, pairs, strict=True)]

        made.append(
            (
                from_unit(surrogate.parameters, unit),
                SurrogatePrediction(
                    after=after,
                    index=index,
                    of=len(units),
                    feasible=float(feasible[index]),
                    mean=[mean for mean, _ in pairs],
                    std=[std for _, std in pairs],
                    median=quantile(0.0),
                    low=quantile(-1.0),
                    high=quantile(1.0),
                    skill=[model.skill for model in models],
                    scales=[asdict(model.scale) for model in models],
                ),
            )
        )
    return made


def as_attribute(predicted: SurrogatePrediction) -> Mapping[str, Any]:
    """The prediction as the study stores it."""
    return {MARK: asdict(predicted)}
