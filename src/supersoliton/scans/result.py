"""The result of a scan."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import optuna
from optuna.trial import FrozenTrial, TrialState

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ScanResult:
    """The result of a scan so far: the Optuna study, its folder, and the counts of its trials.

    study      ordinary Optuna study, as opened by `optuna.load_study`
    directory  folder of study.db, trials.csv, states, …
    pareto     feasible trials that no other dominates; empty if no trial is feasible
    counts     kind of state → number of trials; crashed trials count as "failed"
    finished, wanted, new   total number of finished trials, number asked for, number finished by this call
    verified                finished trials of [scan.verify] and [scan.refine], not included in `finished`
    trials                  every trial, by number, as read last
    interrupted             stopped by Ctrl-C before `wanted` was reached
    """

    study: optuna.Study
    directory: Path
    pareto: list[FrozenTrial]
    counts: dict[str, int]
    objectives: tuple[str, ...]
    finished: int
    wanted: int
    new: int = 0
    interrupted: bool = False
    verified: int = 0
    trials: list[FrozenTrial] = field(default_factory=list, repr=False)

    def plot(self) -> Figure:
        """Every pair of objectives with the Pareto front, and all trials across their couplings and objectives."""
        from ..plotting import plot_study

        trials = [t for t in self.trials if t.state is TrialState.COMPLETE]
        drawn = {t.number: _Drawn(t) for t in trials}
        log = {name for trial in trials for name, given in trial.distributions.items() if getattr(given, "log", False)}
        return plot_study(list(drawn.values()), [drawn[t.number] for t in self.pareto], self.objectives, log=log)


class _Drawn:
    """An Optuna trial with the attributes of `plotting.study.StudyPoint`."""

    def __init__(self, trial: FrozenTrial) -> None:
        self.number, self.couplings, self.objectives = trial.number, dict(trial.params), tuple(trial.values)
        self.kind = str(trial.user_attrs.get("kind", ""))
        self.is_feasible = is_feasible(trial)


def is_feasible(trial: FrozenTrial) -> bool:
    return trial.state is TrialState.COMPLETE and all(value <= 0 for value in trial.constraints.values())
