r"""Gaussian-process regression of coefficients on couplings: the posterior mean.

.. math:: c(x) = \sum_s \alpha_s \exp\big(-\tfrac12\textstyle\sum_j (x_j - x_{sj})^2/\ell_j^2\big)

with one length for each coupling, shared by all coefficients (C. E. Rasmussen, C. K. I. Williams, *Gaussian Processes
for Machine Learning* (2006), eq. 2.25). The lengths maximise the likelihood of the leading coefficients (scikit-learn).
"""

from __future__ import annotations

import functools
import math
import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

_MATRIX_NOISE = 1e-4  # of the variance of the process
_LEADING = 12  # coefficients that determine the lengths; the others are small


@dataclass(frozen=True, eq=False)
class Regression:
    """The posterior mean of coefficients (mode) over coordinates (coupling)."""

    at: Float[Array, "state coupling"]
    lengths: Float[Array, " coupling"]
    weights: Float[Array, "state mode"]

    def __call__(self, x: Float[Array, "*batch coupling"]) -> Float[Array, "*batch mode"]:
        x = np.asarray(x)
        away = (x[..., None, :] - self.at) / self.lengths
        return np.exp(-0.5 * np.sum(away**2, axis=-1)).astype(self.weights.dtype) @ self.weights


@dataclass(frozen=True, eq=False)
class MatrixRegression:
    """The posterior mean of symmetric matrices about their average, in single precision: enough for Newton steps."""

    fit: Regression  # of the entries on and above the diagonal, less their average
    mean: Float[Array, " entry"]

    def __call__(self, x: Float[Array, " coupling"]) -> Float[Array, "mode mode"]:
        entries = self.mean + self.fit(x)
        size = (math.isqrt(8 * len(entries) + 1) - 1) // 2
        rows, columns = _upper(size)
        matrix = np.empty((size, size))
        matrix[rows, columns] = entries
        matrix[columns, rows] = entries
        return matrix


class GaussianProcess:
    """A Gaussian process over coordinates, with lengths fitted to the leading coefficients of a few states.

    The noise level is fitted too, although evaluations have no noise.
    """

    def __init__(self, x: Float[Array, "state coupling"], coefficients: Float[Array, "state mode"]) -> None:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

        scale = float(coefficients[:, 0].std()) or 1.0
        kernel = ConstantKernel(1.0) * RBF(np.full(x.shape[1], 2.0), (0.1, 100.0)) + WhiteKernel(1e-6, (1e-10, 1e-1))
        with warnings.catch_warnings():
            # harmless: a length at its bound (the coupling has no effect), or an optimisation that stops early
            warnings.simplefilter("ignore", ConvergenceWarning)
            chosen = GaussianProcessRegressor(kernel).fit(x, coefficients[:, :_LEADING] / scale).kernel_
        self._noise = chosen.k2.noise_level / chosen.k1.k1.constant_value
        self._x, self._lengths = np.array(x), np.array(np.broadcast_to(chosen.k1.k2.length_scale, x.shape[1:]))
        away = (x[:, None] - x[None]) / self._lengths
        self._correlation = np.exp(-0.5 * np.sum(away**2, axis=-1))

    def regression(self, values: Float[Array, "state mode"]) -> Regression:
        """The posterior mean for these values at the states."""
        return self._fit(values, self._noise)

    def _fit(self, values: Array, noise: float) -> Regression:
        weights = np.linalg.solve(self._correlation + noise * np.eye(len(self._x)), values)
        return Regression(self._x, self._lengths, weights)

    def matrices(self, values: Float[Array, "state mode mode"]) -> MatrixRegression:
        """The posterior mean of symmetric matrices, smoothed (`docs/development/warm_start.md`).

        Without added noise the weights are so large, if the lengths are long, that they cancel in single precision.
        """
        rows, columns = _upper(values.shape[1])
        entries = values[:, rows, columns]
        mean = entries.mean(axis=0)
        fit = self._fit(entries - mean, max(self._noise, _MATRIX_NOISE))
        single = Regression(fit.at, fit.lengths, fit.weights.astype(np.float32))
        return MatrixRegression(single, mean.astype(np.float32))


@functools.lru_cache(maxsize=16)
def _upper(size: int) -> tuple[Array, Array]:
    return np.triu_indices(size)
