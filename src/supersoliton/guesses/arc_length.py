r"""One field at an arc length :math:`s = \int\sqrt{K}\,du`, in which its equation is that of a canonical field.

With w = s the energy :math:`\int\tfrac12K(u)u'^2 + V(u)` of one field is :math:`\int\tfrac12w'^2 + V(u(w))`.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from ..theory.base import AbstractModel
from ..theory.field_metric import metric_at

_REACH, _POINTS = (1e-8, 1e8), 4096  # distances of the table from the start: 1 % apart
_RULE = 4  # points of Gauss's rule between two of them


class ArcLength:
    """u(s) from ``start`` in the direction of ``sign``; NaN beyond the largest arc length, or where K is not positive.

    Parameters
    ----------
    model : a theory of one field.
    start, sign : where s is 0, and 1 or -1.
    """

    def __init__(self, model: AbstractModel, start: float, sign: float) -> None:
        self.model, self.start, self.sign = model, start, sign
        if model.density_function is None:
            self.root = math.sqrt(float(model.kinetic[0]))
            return
        from scipy.interpolate import CubicHermiteSpline  # here: the driver of a scan does without

        t = np.concatenate([[0.0], np.geomspace(*_REACH, _POINTS)])
        x, w = np.polynomial.legendre.leggauss(_RULE)
        inner = t[:-1, None] + 0.5 * np.diff(t)[:, None] * (x + 1.0)
        with np.errstate(invalid="ignore"):
            roots = np.sqrt(metric_at(model, (start + sign * inner.reshape(-1, 1)))[:, 0, 0]).reshape(inner.shape)
            at = np.sqrt(metric_at(model, (start + sign * t[:, None]))[:, 0, 0])
        s = np.concatenate([[0.0], np.cumsum(0.5 * np.diff(t) * (roots @ w))])
        with np.errstate(all="ignore"):
            grows = np.isfinite(s) & np.isfinite(at) & (at > 0.0) & (np.diff(s, prepend=-1.0) > 1e-13 * s)
            count = len(s) if grows.all() else max(int(np.argmin(grows)), 3)
            slope = s[1:count] / (t[1:count] * at[1:count])
        self.first, self.last, self.rate = s[1], s[count - 1], at[0]
        self._spline = CubicHermiteSpline(np.log(s[1:count]), np.log(t[1:count]), slope)

    def __call__(self, s: Float[Array, " *points"]) -> Float[Array, " *points"]:
        """u at arc lengths s >= 0."""
        if self.model.density_function is None:
            return self.start + self.sign * s / self.root
        size = np.clip(s, self.first, self.last)
        away = np.where(s < self.first, s / self.rate, np.exp(self._spline(np.log(size))))
        return np.where(s <= self.last, self.start + self.sign * away, np.nan)

    def slope(self, u: Float[Array, " point"]) -> Float[Array, " point"]:
        """du/ds at field values."""
        with np.errstate(invalid="ignore"):
            return self.sign / np.sqrt(metric_at(self.model, u[:, None])[:, 0, 0])
