"""Quantities of a whole scan: importance of the couplings and growth of the hypervolume."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from ...plotting import thin
from ...sampling.pareto import hypervolume
from .records import Record, Trial

# PED-ANOVA compares the best tenth with the rest and needs at least two trials in it; with fewer it is noise.
MIN_TRIALS_FOR_IMPORTANCE = 20
# More trials change the shares by less than their error.
MAX_FOR_IMPORTANCE = 2000
_BEST = 0.1
_GRID, _RANDOM, _RESAMPLED = 40, 100, 40  # points of a density; random choices for the chance level; resamplings


class Share(NamedTuple):
    """The share of a coupling in reaching the best tenth of an objective, and its standard error."""

    value: float
    error: float


def importances(record: Record) -> dict[str, dict[str, Share]]:
    """Share of each coupling in reaching the best tenth of each objective, among feasible trials if there are enough.

    The divergence of PED-ANOVA (S. Watanabe, A. Bansal, F. Hutter, IJCAI 2023, arXiv:2304.10255) less what as many
    trials chosen at random have; 0 within the 95 % of these, and for couplings that changed nothing before the first
    trial. Errors are those of resampled trials (bootstrap). Empty when there are fewer than 20 trials, fewer than two
    couplings, or the objective never varies.
    """
    chosen: Sequence[Trial] = record.feasible if len(record.feasible) >= MIN_TRIALS_FOR_IMPORTANCE else record.trials
    if len(chosen) < MIN_TRIALS_FOR_IMPORTANCE or len(record.parameters) < 2:
        return {}
    chosen = thin(chosen, keep=(), at_most=MAX_FOR_IMPORTANCE)
    kernels = {name: _kernels(np.array([trial.couplings.get(name, np.nan) for trial in chosen]))
               for name in record.parameters}  # fmt: skip
    result = {}
    for index, objective in enumerate(record.objectives):
        values = record.maximised(chosen)[:, index]
        if not np.isfinite(values).all() or np.ptp(values) <= 1e-12 * np.abs(values).max():
            continue
        live = {name: k for name, k in kernels.items() if name not in record.unchanged.get(objective, ())}
        shares = _shares(np.stack(list(live.values())), values) if live else []
        nothing = dict.fromkeys(record.parameters, Share(0.0, 0.0))
        result[objective] = nothing | dict(zip(live, shares, strict=True))
    return result


def _kernels(x: np.ndarray) -> np.ndarray:
    """A smooth bump at the rank of each trial's coupling, each of integral 1 on the unit interval; (trial, point)."""
    ranks = (rankdata(x) - 0.5) / len(x)
    width = max(0.1, 1.0 / len(x) ** 0.5)
    grid = (np.arange(_GRID) + 0.5) / _GRID
    bumps = np.exp(-0.5 * ((grid - ranks[:, None]) / width) ** 2)
    return bumps / bumps.mean(axis=1, keepdims=True)


def _shares(kernels: np.ndarray, values: np.ndarray) -> list[Share]:
    """Shares of couplings, from their ``kernels`` (coupling, trial, point)."""
    rng, n = np.random.default_rng(0), len(values)
    best = max(2, round(_BEST * n))

    def divergence(trials: np.ndarray, top: np.ndarray) -> np.ndarray:
        density = kernels[:, trials].mean(axis=1)
        return np.asarray(np.mean((kernels[:, top].mean(axis=1) / density - 1.0) ** 2 * density, axis=1))

    def best_of(trials: np.ndarray) -> np.ndarray:
        return trials[np.argsort(values[trials], kind="stable")[-best:]]

    every = np.arange(n)
    chance = np.array([divergence(every, rng.choice(n, best, replace=False)) for _ in range(_RANDOM)])
    excess = divergence(every, best_of(every))
    excess = np.where(excess > np.quantile(chance, 0.95, axis=0), excess - chance.mean(axis=0), 0.0)
    drawn = [rng.integers(0, n, n) for _ in range(_RESAMPLED)]
    again = np.array([np.maximum(divergence(one, best_of(one)) - chance.mean(axis=0), 0.0) for one in drawn])
    errors = np.std(again / np.maximum(again.sum(axis=1, keepdims=True), 1e-300), axis=0)
    total = excess.sum()
    return [Share(float(x / total) if total else 0.0, float(e)) for x, e in zip(excess, errors, strict=True)]


def growth(record: Record) -> tuple[list[int], list[float], str]:
    """Numbers of the trials, the quantity that grows over them, and its name.

    With one objective the best feasible value so far; with more the hypervolume of the feasible trials relative to
    their worst values, normalised so that 1 would mean one trial that is best in every objective. Empty if fewer than
    two trials are feasible.
    """
    feasible = {trial.number for trial in record.feasible}
    if len(feasible) < 2:
        return [], [], ""
    points = record.maximised(record.feasible)
    numbers = [trial.number for trial in record.trials]
    if points.shape[1] == 1:
        ours = np.array([t.number in feasible for t in record.trials])
        best = np.maximum.accumulate(np.where(ours, record.maximised(record.trials)[:, 0], -np.inf))
        known = np.isfinite(best)
        shown = (record.signs[0] * best[known]).tolist()
        return np.array(numbers)[known].tolist(), shown, f"best {record.objectives[0]} so far"
    worst, best = points.min(axis=0), points.max(axis=0)
    span = np.where(best > worst, best - worst, 1.0)
    front = np.empty((0, points.shape[1]))
    volumes, volume = [], 0.0
    for trial in record.trials:
        if trial.number in feasible:
            point = (record.signs * trial.objectives - worst) / span
            if not (front >= point).all(axis=1).any():
                front = np.vstack([front[(front > point).any(axis=1)], point])
                volume = hypervolume(front)
        volumes.append(volume)
    return numbers, volumes, "hypervolume (fraction of the box)"
