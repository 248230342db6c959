"""Gaussian processes fitted to the trials of a scan: predictions with uncertainty at points not evaluated.

C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning (2006): prediction eq. 2.25 and 2.26,
leave-one-out eq. 5.12.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy import ndarray as Array

from .._ranges import Range

# Numbers of trials: for fitting the length scales, half a second a model, and for the prediction.
FITTED, USED = 300, 1500
_LENGTHS = (0.05, 20.0)  # of the unit box: shorter is not resolved by the trials; longer means no dependence
_NOISE = (1e-6, 1.0)  # variance that no length scale explains: scores jump where a mode crosses a threshold


@dataclass(frozen=True)
class Scale:
    """The scale on which a quantity is modelled: (asinh((y - centre) / width) - mean) / std.

    Scores have tails, e.g. one mass ratio of 20 among many of 5, which would dominate the fit; the inverse hyperbolic
    sine is linear within the quartiles and logarithmic far from them.
    """

    centre: float
    width: float
    mean: float
    std: float

    @classmethod
    def of(cls, values: Array) -> Scale:
        centre = float(np.median(values))
        width = float(np.subtract(*np.percentile(values, [75, 25]))) or float(np.std(values)) or 1.0
        bent = np.arcsinh((values - centre) / width)
        return cls(centre, width, float(bent.mean()), float(bent.std()) or 1.0)

    def forward(self, values: Any) -> Any:
        return (np.arcsinh((np.asarray(values) - self.centre) / self.width) - self.mean) / self.std

    def back(self, scaled: Any) -> Any:
        return self.centre + self.width * np.sinh(self.mean + self.std * np.asarray(scaled))

    def times(self, sign: float) -> Scale:
        """The scale on which `sign` times a quantity is `sign` times as large."""
        return replace(self, centre=float(sign * self.centre), mean=float(sign * self.mean))


class Model:
    """One quantity over the unit box: its scale and the process fitted on it.

    `left_out` are the leave-one-out errors, found minus predicted, of each trial. `skill` is 1 minus the ratio of their
    mean square to the variance: 1 is a perfect prediction, 0 is no better than the mean of the trials.
    """

    def __init__(self, units: Array, values: Array, *, seed: int) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

        self.scale = Scale.of(values)
        targets = self.scale.forward(values)
        kernel = ConstantKernel(1.0, (1e-2, 1e2)) * Matern(
            np.full(units.shape[1], 0.5), length_scale_bounds=_LENGTHS, nu=2.5
        ) + WhiteKernel(0.1, _NOISE)
        few = _spread(len(units), FITTED, seed)
        with warnings.catch_warnings():
            # the length scale of a coupling that does not matter is at its bound
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = GaussianProcessRegressor(kernel, random_state=seed).fit(units[few], targets[few])
        self._process = GaussianProcessRegressor(fitted.kernel_, optimizer=None).fit(units, targets)
        self.left_out = self._left_out(targets)
        spread = float(np.sum((targets - targets.mean()) ** 2))
        self.skill = 1.0 - float(np.sum(self.left_out**2)) / spread if spread else 0.0

    def _left_out(self, targets: Array) -> Array:
        from scipy.linalg import cho_solve

        inverse = cho_solve((self._process.L_, True), np.eye(len(targets)))
        return np.asarray((inverse @ targets) / np.diag(inverse))

    def mean(self, units: Array) -> Array:
        """Predicted means on the model's scale."""
        return np.asarray(self._process.predict(units))

    def mean_and_std(self, units: Array) -> tuple[Array, Array]:
        """Predicted means and standard deviations of a new evaluation, on the model's scale."""
        mean, std = self._process.predict(units, return_std=True)
        return np.asarray(mean), np.asarray(std)


@dataclass(frozen=True)
class Surrogate:
    """A model of each objective, fitted to the feasible trials, and of each constraint that some trial violates."""

    parameters: Mapping[str, Range]
    objectives: tuple[Model, ...]
    constraints: Mapping[str, Model]

    def means(self, units: Array) -> Array:
        """Predicted objectives on their scales, shape (point, objective)."""
        return np.stack([model.mean(units) for model in self.objectives], axis=1)

    def feasibility(self, units: Array) -> Array:
        """Probability that all constraints hold, taken as independent."""
        from scipy.stats import norm

        chance = np.ones(len(units))
        for model in self.constraints.values():
            mean, std = model.mean_and_std(units)
            chance *= norm.cdf((model.scale.forward(0.0) - mean) / std)
        return chance


def fit(
    parameters: Mapping[str, Range],
    points: Sequence[Mapping[str, float]],
    values: Array,
    constraints: Mapping[str, Array],
    *,
    seed: int = 0,
) -> Surrogate:
    """Fit to trials: `values` of shape (trial, objective), each constraint of shape (trial,), satisfied at <= 0.

    Objectives are fitted to the feasible trials alone: those of a state that is no soliton are meaningless. Constraints
    are clipped to ±1, because only their sign and small values matter. Of more than 1500 trials, the best and a random
    choice of the others are used.
    """
    units = to_unit(parameters, points)
    feasible = (
        np.all([np.asarray(c) <= 0 for c in constraints.values()], axis=0) if constraints else np.full(len(units), True)
    )
    good = np.flatnonzero(feasible)
    kept = good[_best_and_others(values[good], USED, seed)]
    objectives = tuple(Model(units[kept], column[kept], seed=seed) for column in values.T)
    violated = {name: np.clip(c, -1.0, 1.0) for name, c in constraints.items() if np.max(c) > 0}
    some = np.union1d(np.flatnonzero(~feasible)[-USED // 2 :], good[_spread(len(good), USED // 2, seed)])
    models = {name: Model(units[some], c[some], seed=seed) for name, c in violated.items()}
    return Surrogate(parameters, objectives, models)


def to_unit(parameters: Mapping[str, Range], points: Sequence[Mapping[str, float]]) -> Array:
    """Couplings → coordinates in the unit box, logarithmic where the range is; shape (point, parameter)."""
    columns = [[limits.unit(point[name]) for point in points] for name, limits in parameters.items()]
    return np.array(columns).T


def from_unit(parameters: Mapping[str, Range], unit: Array) -> dict[str, float]:
    """A point of the unit box → couplings, exactly within their ranges."""
    pairs = zip(parameters.items(), unit, strict=True)
    return {name: min(max(limits.at(float(x)), limits.low), limits.high) for (name, limits), x in pairs}


def _spread(total: int, most: int, seed: int) -> Array:
    """At most `most` of the indices below `total`, ascending, chosen at random."""
    if total <= most:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, most, replace=False))


def _best_and_others(values: Array, most: int, seed: int) -> Array:
    """Indices of at most `most` rows: for each objective the best tenth of `most`, then a random choice."""
    if len(values) <= most:
        return np.arange(len(values))
    best = np.unique(np.argsort(-values, axis=0)[: most // 10])
    others = np.setdiff1d(np.arange(len(values)), best)
    return np.sort(np.concatenate([best, others[_spread(len(others), most - len(best), seed)]]))
