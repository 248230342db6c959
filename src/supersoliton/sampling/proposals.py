"""The verification phase, [scan.verify]: proposes points that a surrogate of the finished trials predicts to be best.

When the trials asked for are finished, the predicted Pareto set is searched on the surrogate. The points that would add
most to the front found so far are evaluated as further trials and compared with their predictions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray as Array
from optuna.trial import FrozenTrial, TrialState

from ..config.scan import ScanSettings
from .pareto import choose_largest_gains, nondominated
from .surrogate import Scale, Surrogate, fit, from_unit, to_unit

MARK = "verify"  # attribute of a trial of this phase: its SurrogatePrediction
REFINE = "refine"  # attribute of a trial of the phase [scan.refine], see scans/refinement.py
MARKS = (MARK, REFINE)
LEAST = 20  # feasible trials needed for a prediction: fewer do not determine 7 length scales
_CANDIDATES = 2048  # points of a Sobol sequence over the box, and number of children in each round
_STEPS = (0.2, 0.1, 0.05, 0.02)  # of the unit box: standard deviation of the mutations in each round
_LIKELY = 0.5  # probability of being feasible below which a point is not proposed
_MOST = 300  # members of a predicted Pareto set among which the proposals are chosen


@dataclass(frozen=True)
class SurrogatePrediction:
    """The prediction of one trial, as stored in the study; lists run over the objectives.

    after, index, of     number of trials finished before, rank among the proposals (best first), number of proposals
    feasible             probability that all constraints hold
    mean, std            Gaussian prediction of a new evaluation on the `scales` of the models
    median, low, high    the same in the objective's own unit; low … high is the 68 % interval
    skill                share of each objective's variance that the models explain for trials left out of the fit
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
        """(found - predicted) / standard deviation of each objective, on the scale of its model."""
        return [
            (float(Scale(**scale).forward(value)) - mean) / std
            for scale, value, mean, std in zip(self.scales, found, self.mean, self.std, strict=True)
        ]


def prediction(trial: FrozenTrial) -> SurrogatePrediction | None:
    """The prediction of a trial; None for a trial that the sampler drew."""
    mark = trial.user_attrs.get(MARK)
    return None if mark is None else SurrogatePrediction(**mark)


def is_drawn(trial: FrozenTrial) -> bool:
    """Whether the sampler drew the trial; only then does it count towards the number asked for."""
    return not any(mark in trial.user_attrs for mark in MARKS)


def of_phase(trial: FrozenTrial, phase: str, after: int) -> bool:
    """Whether the trial is of this phase after as many trials."""
    return bool(trial.user_attrs.get(phase, {}).get("after") == after)


class Planned(NamedTuple):
    """A point of a phase, and its attribute in the study: {phase: mark}; a mark has "after", "index" and "of"."""

    point: dict[str, float]
    attributes: Mapping[str, Mapping[str, Any]]

    @property
    def key(self) -> tuple[str, int, int]:
        return _key(self.attributes)


def _key(attributes: Mapping[str, Any]) -> tuple[str, int, int]:
    phase = next(mark for mark in MARKS if mark in attributes)
    return phase, attributes[phase]["after"], attributes[phase]["index"]


def key_of(trial: FrozenTrial) -> tuple[str, int, int]:
    """The key of a planned trial."""
    return _key(trial.user_attrs)


def is_pending(trials: Sequence[FrozenTrial], after: int, phases: Sequence[str] = (MARK,)) -> bool:
    """Whether one of the phases that follow `after` finished trials is not complete."""
    ended = [trial.user_attrs for trial in trials if trial.state.is_finished()]
    for phase in phases:
        marks = [attributes[phase] for attributes in ended if phase in attributes]
        done = {mark["index"]: mark["of"] for mark in marks if mark["after"] == after}
        if not done or len(done) < max(done.values()):
            return True
    return False


def propose(
    settings: ScanSettings,
    trials: Sequence[FrozenTrial],
    count: int,
    *,
    after: int,
    keep: Callable[[Surrogate], None] | None = None,
) -> list[tuple[dict[str, float], SurrogatePrediction]]:
    """Points to evaluate, best first, each with its prediction; the same for the same trials.

    The objectives of the trials are times their signs, and so maximised; the predictions are in their own units.
    Trials of this phase are not fitted, so that an interrupted phase continues with the same points. Fewer than `count`
    if the predicted Pareto set is smaller, none if too few trials are feasible. ``keep`` receives the surrogate.
    """
    done = [
        trial
        for trial in trials
        if trial.state is TrialState.COMPLETE
        and not trial.constraints.get("scored", 0) > 0
        and not any(of_phase(trial, phase, after) for phase in MARKS)
    ]
    feasible = np.array([all(value <= 0 for value in trial.constraints.values()) for trial in done], dtype=bool)
    if feasible.sum() < LEAST or count < 1:
        return []
    values = np.array([trial.values for trial in done], dtype=float)
    points = [trial.params for trial in done]
    names = dict.fromkeys(name for trial in done for name in trial.constraints)
    constraints = {name: np.array([trial.constraints.get(name, 1.0) for trial in done]) for name in names}
    surrogate = fit(settings.parameters, points, values, constraints, seed=settings.seed)
    if keep is not None:
        keep(surrogate)
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
    return _predictions(surrogate, units[chosen], after, settings.signs)


def predicted_pareto_set(surrogate: Surrogate, parents: Array, *, seed: int) -> Array:
    """Points of the unit box that are Pareto-optimal in the predicted means, among those that are likely feasible.

    Searched by mutation with shrinking steps from a Sobol sequence and from `parents`, the Pareto set found so far;
    heuristic: means are smooth, and a round takes a tenth of a second.
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
    """At most `_MOST` members of a front: the best in each objective, and a random choice of the others."""
    if len(front) <= _MOST:
        return front
    ends = front[np.argmax(means[front], axis=0)]
    others = np.setdiff1d(front, ends)
    return np.sort(np.concatenate([np.unique(ends), rng.choice(others, _MOST - len(ends), replace=False)]))


def _predictions(
    surrogate: Surrogate, units: Array, after: int, signs: Array
) -> list[tuple[dict[str, float], SurrogatePrediction]]:
    models = surrogate.objectives
    scales = [model.scale.times(sign) for model, sign in zip(models, signs, strict=True)]
    found = [model.mean_and_std(units) for model in models]
    moments = [(sign * mean, std) for sign, (mean, std) in zip(signs, found, strict=True)]
    feasible = surrogate.feasibility(units)
    made = []
    for index, unit in enumerate(units):
        pairs = [(float(mean[index]), float(std[index])) for mean, std in moments]

        def quantile(shift: float, pairs: Sequence[tuple[float, float]] = pairs) -> list[float]:
            return [float(scale.back(mean + shift * std)) for scale, (mean, std) in zip(scales, pairs, strict=True)]

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
                    scales=[asdict(scale) for scale in scales],
                ),
            )
        )
    return made


def as_attribute(predicted: SurrogatePrediction) -> Mapping[str, Mapping[str, Any]]:
    """The prediction as the study stores it."""
    return {MARK: asdict(predicted)}
