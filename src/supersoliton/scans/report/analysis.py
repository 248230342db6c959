"""Quantities of a whole scan: importance of the couplings and growth of the hypervolume."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import optuna
from optuna.importance import PedAnovaImportanceEvaluator

from ...plotting import thin
from ...sampling.pareto import hypervolume
from .records import Record, Trial

# PED-ANOVA compares the best tenth with the rest and needs at least two trials in it; with fewer it is noise.
MIN_TRIALS_FOR_IMPORTANCE = 20
# More trials change the shares by less than their noise, and each takes Optuna a millisecond per objective.
MAX_FOR_IMPORTANCE = 2000


def importances(record: Record) -> dict[str, dict[str, float]]:
    """Share of each coupling in reaching the best tenth of each objective, among feasible trials if there are enough.

    PED-ANOVA (S. Watanabe, A. Bansal, F. Hutter, IJCAI 2023, arXiv:2304.10255). Empty when there are fewer than
    20 trials, fewer than two couplings, or the objective never varies.
    """
    chosen: Sequence[Trial] = record.feasible if len(record.feasible) >= MIN_TRIALS_FOR_IMPORTANCE else record.trials
    if len(chosen) < MIN_TRIALS_FOR_IMPORTANCE or len(record.parameters) < 2:
        return {}
    chosen = thin(chosen, keep=(), at_most=MAX_FOR_IMPORTANCE)
    numbers = {trial.number for trial in chosen}
    frozen = [trial for trial in record.frozen if trial.number in numbers]
    result = {}
    for index, name in enumerate(record.objectives):
        values = np.array([trial.objectives[index] for trial in chosen])
        if not np.isfinite(values).all() or np.ptp(values) <= 1e-12 * np.abs(values).max():
            continue
        shares = _ped_anova(frozen, index)
        result[name] = {coupling: float(share) for coupling, share in shares.items()}
    return result


def _ped_anova(frozen: list[optuna.trial.FrozenTrial], index: int) -> dict[str, float]:
    """Importances for one objective, from a study in memory of these trials alone that minimises its negative."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # hides "a new study was created"
    try:
        study = optuna.create_study(direction="minimize")
        for t in frozen:
            study.add_trial(
                optuna.trial.create_trial(params=t.params, distributions=t.distributions, value=-t.values[index])
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.importance.get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    finally:
        optuna.logging.set_verbosity(verbosity)


def growth(record: Record) -> tuple[list[int], list[float], str]:
    """Numbers of the trials, the quantity that grows over them, and its name.

    With one objective the best feasible value so far; with more the hypervolume of the feasible trials relative to
    their worst values, normalised so that 1 would mean one trial that is best in every objective. All objectives are
    maximised. Empty if fewer than two trials are feasible.
    """
    feasible = {trial.number for trial in record.feasible}
    if len(feasible) < 2:
        return [], [], ""
    points = np.array([trial.objectives for trial in record.feasible])
    numbers = [trial.number for trial in record.trials]
    if points.shape[1] == 1:
        best = np.maximum.accumulate([t.objectives[0] if t.number in feasible else -np.inf for t in record.trials])
        known = np.isfinite(best)
        return list(np.array(numbers)[known]), list(best[known]), f"best {record.objectives[0]} so far"
    worst, best = points.min(axis=0), points.max(axis=0)
    span = np.where(best > worst, best - worst, 1.0)
    front = np.empty((0, points.shape[1]))
    volumes, volume = [], 0.0
    for trial in record.trials:
        if trial.number in feasible:
            point = (np.array(trial.objectives) - worst) / span
            if not (front >= point).all(axis=1).any():
                front = np.vstack([front[(front > point).any(axis=1)], point])
                volume = hypervolume(front)
        volumes.append(volume)
    return numbers, volumes, "hypervolume (fraction of the box)"
