"""The verification phase of a scan: predictions of a surrogate compared with the evaluated values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...plotting.html import escape, number, table
from ...sampling.pareto import hypervolume, nondominated
from ...sampling.proposals import SurrogatePrediction, prediction
from . import figures
from .records import Record, Trial
from .summary import join_words

WITHIN = {1: 68.3, 2: 95.4}  # standard deviations → percentage of a Gaussian within them


@dataclass(frozen=True)
class Verified:
    """One trial of the phase, its prediction, and whether it belongs to the Pareto set of the scan."""

    trial: Trial
    predicted: SurrogatePrediction
    entered: bool

    @property
    def errors(self) -> list[float]:
        """(found - predicted) / standard deviation, objective by objective."""
        return self.predicted.errors(self.trial.objectives)


def verified_trials(record: Record) -> list[Verified]:
    """The finished trials of the phase, in the order of their proposal."""
    predictions = {trial.number: prediction(trial) for trial in record.frozen}
    front = {trial.number for trial in record.pareto}
    found = []
    for trial in record.trials:
        predicted = predictions.get(trial.number)
        if predicted is not None:
            found.append(Verified(trial, predicted, trial.number in front))
    return sorted(found, key=lambda one: (one.predicted.after, one.predicted.index))


def sentences(record: Record) -> list[str]:
    """Predictions compared with results, in sentences; empty if there was no such phase."""
    verified = verified_trials(record)
    if not verified:
        return []
    count = len(verified)
    entered = sum(one.entered for one in verified)
    feasible = sum(one.trial.is_feasible for one in verified)
    expected = sum(one.predicted.feasible for one in verified)
    said = [
        f"{count} {'point' if count == 1 else 'points'} that a surrogate of the trials predicted to be best "
        f"{'was' if count == 1 else 'were'} evaluated: {entered} entered the Pareto front, and {feasible} "
        f"{'satisfies' if feasible == 1 else 'satisfy'} every constraint (expected: {expected:.3g})."
    ]
    errors = np.abs([one.errors for one in verified if one.trial.is_feasible])
    if errors.size:
        shares = [
            f"{np.mean(errors <= width) * 100:.0f} % within {'one standard deviation' if width == 1 else 'two'} "
            f"({share:.0f} % if the surrogate is right about its errors)"
            for width, share in WITHIN.items()
        ]
        said.append(
            f"Of the {errors.size} objective values of feasible points, {shares[0]} and {shares[1]} of the prediction."
        )
    before, after = _volumes(record, verified)
    if after > 0:
        said.append(
            f"The hypervolume of the front grew from {before:.3f} to {after:.3f} of the box of feasible values."
        )
    last = verified[-1].predicted
    skills = [
        f"{_words(name)} {max(skill, 0.0):.0%}" for name, skill in zip(record.objectives, last.skill, strict=True)
    ]
    said.append(
        f"The surrogate explains this share of the variance of trials left out of its fit: {join_words(skills)}."
    )
    return said


def _words(name: str) -> str:
    """An objective's name as words; it is escaped when the sentence is put into the page."""
    return name.replace("_", " ")


def section(record: Record) -> str:
    """The section of the page, empty if there was no such phase."""
    verified = verified_trials(record)
    if not verified:
        return ""
    head = ["trial", "probability of being feasible"]
    for name in record.objectives:
        head += [f"{figures.axis_label(name)}, predicted", "found", "error / σ"]
    head += ["violated constraints", "Pareto front"]
    rows = []
    for one in verified:
        predicted = one.predicted
        cells = [str(one.trial.number), number(predicted.feasible, 2)]
        for k, found in enumerate(one.trial.objectives):
            interval = f"{number(predicted.median[k])} ({number(predicted.low[k])} … {number(predicted.high[k])})"
            cells += [interval, f"<b>{number(found)}</b>", number(one.errors[k], 2)]
        broken = [name for name, value in one.trial.constraints.items() if not value <= 0]
        cells += [escape(", ".join(broken)) or "none", "entered" if one.entered else "–"]
        rows.append(cells)
    text = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences(record))
    note = (
        "<p class='note'>Predicted: the median and, in brackets, the 68 % interval. σ: the standard deviation of a new "
        "evaluation on the scale on which the surrogate is Gaussian, an inverse hyperbolic sine of the value.</p>"
    )
    return text + table([escape(title) for title in head], rows) + note


def _volumes(record: Record, verified: list[Verified]) -> tuple[float, float]:
    """Hypervolume of the feasible trials without and with this phase, as a fraction of their common box."""
    numbers = {one.trial.number for one in verified}
    feasible = record.feasible
    if len(feasible) < 2 or len(record.objectives) < 2:
        return 0.0, 0.0
    points = record.maximised(feasible)
    low, high = points.min(axis=0), points.max(axis=0)
    scaled = (points - low) / np.where(high > low, high - low, 1.0)
    before = np.array([trial.number not in numbers for trial in feasible])
    return _volume(scaled[before]), _volume(scaled)


def _volume(points: np.ndarray) -> float:
    return hypervolume(points[nondominated(points)]) if len(points) else 0.0
