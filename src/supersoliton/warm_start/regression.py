r"""Gaussian-process regression of coefficients on couplings: the mean alone, as numbers.

.. math:: c(x) = \sum_s \alpha_s \exp\big(-\tfrac12\textstyle\sum_j (x_j - x_{sj})^2/\ell_j^2\big)

with one length for each coupling, shared by all coefficients (C. E. Rasmussen, C. K. I. Williams, *Gaussian Processes
for Machine Learning* (2006), eq. 2.25). The lengths maximise the likelihood of the leading coefficients (scikit-learn).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

_LEADING = 12  # coefficients whose likelihood chooses the lengths; the others are small


@dataclass(frozen=True, eq=False)
class Regression:
    """The posterior mean of coefficients (mode) over coordinates (coupling)."""

    at: Float[Array, "state coupling"]
    lengths: Float[Array, " coupling"]
    weights: Float[Array, "state mode"]

    def __call__(self, x: Float[Array, "*batch coupling"]) -> Float[Array, "*batch mode"]:
        x = np.asarray(x)
        away = (x[..., None, :] - self.at) / self.lengths
        return np.exp(-0.5 * np.sum(away**2, axis=-1)) @ self.weights


def fit_regression(x: Float[Array, "state coupling"], coefficients: Float[Array, "state mode"]) -> Regression:
    """The process of the states given; its noise is that of a fit, as evaluations have none."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    scale = float(coefficients[:, 0].std()) or 1.0
    kernel = ConstantKernel(1.0) * RBF(np.full(x.shape[1], 2.0), (0.1, 100.0)) + WhiteKernel(1e-6, (1e-10, 1e-1))
    with warnings.catch_warnings():
        # a length at its bound: the coupling does not matter; a search that ends early has lengths that will do
        warnings.simplefilter("ignore", ConvergenceWarning)
        chosen = GaussianProcessRegressor(kernel).fit(x, coefficients[:, :_LEADING] / scale).kernel_
    constant, lengths = chosen.k1.k1.constant_value, np.broadcast_to(chosen.k1.k2.length_scale, x.shape[1:])
    away = (x[:, None] - x[None]) / lengths
    covariance = constant * np.exp(-0.5 * np.sum(away**2, axis=-1)) + chosen.k2.noise_level * np.eye(len(x))
    return Regression(np.array(x), np.array(lengths), constant * np.linalg.solve(covariance, coefficients))
