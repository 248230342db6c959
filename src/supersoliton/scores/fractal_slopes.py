r"""Derivatives of the fractal score as masses move.

Its correlation is smooth while no ratio crosses 1.01, where ratios begin to count; its hit score is a step function.
So the score has the slope of its correlation, up to the first ratio that crosses 1.01 and the first target that
becomes a hit or ceases to be one. With :math:`d` the log-ratios of the density :math:`D(x) = \sum\exp(-z^2/2)`,
:math:`z = (x - d)/h`, a change of them and of the bandwidth h gives

.. math:: \dot D = \sum e^{-z^2/2}\left(z\,\frac{\dot d}{h} + z^2\,\frac{\dot h}{h}\right).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from .ratio_density import GRID, SMALLEST_RATIO, Spectra, densities, scott
from .score import time_to_close

_EQUAL = 1e-9  # relative spread of ratios below which there is no density
_FAR, _FINE = 8.0, 40  # bandwidths beyond the grid where a ratio adds nothing; points per bandwidth of a spline


class Ratios:
    """All log-ratios above 1 of sorted log-masses x, and their rates of change, (parameter, ratio)."""

    def __init__(self, x: Float[np.ndarray, " n"], moving: Float[np.ndarray, "parameter n"]) -> None:
        lighter, heavier = np.triu_indices(len(x), 1)
        self.x = x
        self.values = x[heavier] - x[lighter]
        self.rates = moving[:, heavier] - moving[:, lighter]

    def correlation(self, target: Float[np.ndarray, " point"]) -> Float[np.ndarray, " parameter"]:
        """The derivatives of the correlation of the density with that of the targets."""
        kept = self.values > np.log10(SMALLEST_RATIO)
        d, rates = self.values[kept], self.rates[:, kept]
        std = d.std(ddof=1) if len(d) > 1 else 0.0
        if not std > _EQUAL * np.max(d, initial=0.0):
            return np.full(len(rates), np.nan)
        density = densities(Spectra(self.x[None, :]))[1]
        width = float(scott(len(d), std))
        widening = (rates @ (d - d.mean())) / ((len(d) - 1) * std**2)  # h'/h
        density = density[0]  # up to a factor, which one of its points gives
        top = int(np.argmax(density))
        density = density * np.sum(np.exp(-0.5 * ((GRID[top] - d) / width) ** 2)) / density[top]
        away, target = density - density.mean(), target - target.mean()
        size, target = np.linalg.norm(away), target / np.linalg.norm(target)
        away = away / size
        weight = (target - (away @ target) * away) / size  # of a change of the density; its mean is 0
        moved, widened = _of_one_ratio(weight, d, width).T
        return np.asarray(rates @ moved + widening * np.sum(widened))

    def reach(self, low: Float[np.ndarray, " t"], high: Float[np.ndarray, " t"]) -> np.ndarray:
        """How far each parameter may move until a ratio crosses 1.01, or a target changes from or to a hit.

        A target is hit by ratios in (low, high).
        """
        reach = time_to_close(self.values - np.log10(SMALLEST_RATIO), self.rates)
        fastest = np.max(np.abs(self.rates), axis=1, initial=0.0)
        for bottom, top in zip(low, high, strict=True):
            away = np.maximum(bottom - self.values, self.values - top)  # negative for a hit
            inside = away < 0
            if not inside.any():
                if np.any(np.min(away) < reach * fastest):
                    reach = np.minimum(reach, time_to_close(away, self.rates))
                continue
            d, rates = self.values[inside], self.rates[:, inside]
            for sign in (1.0, -1.0):  # a hit ends when its last ratio has left
                with np.errstate(divide="ignore"):
                    left = np.where(rates * sign > 0, top - d, d - bottom) / np.abs(rates)
                reach = np.minimum(reach, np.max(left, axis=1))
        return reach


def _of_one_ratio(
    weight: Float[np.ndarray, " point"], d: Float[np.ndarray, " ratio"], width: float
) -> Float[np.ndarray, "ratio 2"]:
    """The change of sum(weight * density) with each log-ratio d, and with ln h, by splines of functions of d."""
    from scipy.interpolate import CubicSpline  # here: the driver of a scan does without

    ends = max(GRID[0] - _FAR * width, d.min()), min(GRID[-1] + _FAR * width, d.max())
    if not ends[0] < ends[1]:
        return np.zeros((len(d), 2))
    nodes = np.linspace(*ends, 4 + int(_FINE * (ends[1] - ends[0]) / width))
    z = (GRID - nodes[:, None]) / width
    bump = np.exp(-0.5 * z**2)
    spline = CubicSpline(nodes, np.stack([(bump * z) @ weight / width, (bump * z**2) @ weight], axis=1))
    return np.where(((d >= ends[0]) & (d <= ends[1]))[:, None], spline(np.clip(d, *ends)), 0.0)
