"""The self-dual vortex of the Chern-Simons-Higgs model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy import ndarray as Array

from .directions import around, phase
from .named import NamedTheory, check_positive, check_winding
from .self_dual import ring, self_dual


@dataclass(frozen=True)
class ChernSimonsVortex(NamedTheory, kind="chern_simons_vortex"):
    r"""The self-dual vortex of the Chern-Simons-Higgs model, whose gauge field has no kinetic term of its own.

    .. math:: E = 2\pi\int_0^\infty r\,dr\left[f'^2 + \frac{(n-a)^2f^2}{r^2} + \frac{\kappa^2a'^2}{4r^2f^2}
              + \frac{f^2(f^2-1)^2}{\kappa^2}\right]

    with f, a = 0 at the origin and 1, n at infinity. The energy is exactly :math:`2\pi n`. Because
    :math:`a'^2/f^2` is singular where f vanishes like :math:`r^n`, the fields are w and b, which are regular:

    .. math:: f^2 = \sigma e^{2w},\quad a = \frac{n\,\sigma s^2b}{s^2 + n(1-\sigma)},\quad
              \sigma = \frac1{1 + (\sinh1/\sinh(s/n))^{2n}},\quad s = r/\kappa .

    A large vortex is a ring of radius :math:`n\kappa`, where sigma is 1/2. :meth:`profiles` has f and a.

    Parameters
    ----------
    winding : int, default 1
        The winding number n.
    kappa : float, default 1.0
        :math:`\kappa`; the masses are :math:`2/\kappa`.

    Raises
    ------
    ValueError
        If ``winding`` is not a positive integer or ``kappa`` is not positive.

    References
    ----------
    J. Hong, Y. Kim, P. Y. Pac, *Phys. Rev. Lett.* **64** (1990) 2230; R. Jackiw, E. J. Weinberg, *Phys. Rev. Lett.*
    **64** (1990) 2234.

    Examples
    --------
    >>> state = ss.solve(ss.Problem(ss.ChernSimonsVortex(winding=2, kappa=1.0)))
    >>> print(f"{state.energy / state.problem.model.energy_unit:.9f}")
    2.000000000
    """

    winding: float = 1
    kappa: float = 1.0

    names = ("w", "b")
    at_origin = (None, None)
    at_infinity = (0.0, 1.0)
    space = 2
    least_shift = 1e-12
    unit = 2.0 * math.pi

    def __post_init__(self) -> None:
        check_winding(self)
        check_positive(self, "kappa")

    @staticmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """The bracket."""
        (w, b), (dw, db), n, kappa = u, du, p["winding"], p["kappa"]
        s = r / kappa
        log_slope, sigma, rest = ring(s, n)
        f, below = jnp.exp(w) * jnp.sqrt(sigma), s**2 + n * rest
        # n sigma s^2 b/(s^2 + n rest) and its slope over s sqrt(sigma), with sigma' = 2 log_slope sigma rest
        a = n * sigma * s**2 * b / below
        tilt = 2.0 * log_slope * sigma * rest
        steep = 2.0 * log_slope * rest * b + kappa * db
        slope = s / below * steep + n * (2.0 * rest + s * tilt) / below**2 * b
        gauge = ((n - a) * f / s) ** 2 + (0.5 * n * jnp.sqrt(sigma) * jnp.exp(-w) * slope) ** 2
        return ((f * (log_slope * rest + kappa * dw)) ** 2 + gauge + (f * (f**2 - 1.0)) ** 2) / kappa**2

    def start(self, r: Array) -> Array:
        """The fields of Bogomolny's equations s f' = (n - a) f and a' = 2 s f^2 (1 - f^2), by finite differences."""
        from scipy.interpolate import CubicSpline

        n = self.winding
        x, w, left = self_dual(n, 12.0, lambda square: (2.0 * square * (1.0 - square), 2.0 - 4.0 * square))
        _, sigma, rest = map(np.asarray, ring(x, n))
        # near the origin n - a is all that is known, and a = s^2 f^2/(n + 1)
        factor = (x**2 + n * rest) / n
        known = (n - left) * factor / (np.maximum(sigma, 1e-300) * x**2)
        b = np.where(sigma > 1e-8, known, np.exp(2.0 * w) * factor / (n + 1.0))
        s = r / self.kappa
        smooth = CubicSpline(x, np.stack([w, b], axis=1))(np.clip(s, x[0], x[-1]))
        return np.where((s < x[-1])[:, None], smooth, [0.0, 1.0])

    def profiles(self, r: Array, u: Array) -> Array:
        """f and a at radii r > 0, (point, 2), from the fields u there, (point, 2)."""
        s, n = np.asarray(r) / self.kappa, self.winding
        _, sigma, rest = ring(s, n)
        return np.stack([np.sqrt(sigma) * np.exp(u[:, 0]), n * sigma * s**2 / (s**2 + n * rest) * u[:, 1]], axis=1)

    def cartesian(self, u: Array, points: Array) -> dict[str, Array]:
        """``higgs`` (..., 2), the real and the imaginary part of the scalar, and ``A`` (..., 2)."""
        radii = np.linalg.norm(points, axis=-1)
        f, a = np.moveaxis(self.profiles(radii.reshape(-1), u.reshape(-1, 2)).reshape(u.shape), -1, 0)
        return {"higgs": f[..., None] * phase(points, self.winding), "A": around(points, a)}

    def time_kinetic(self, u: Array, slopes: Array, r: Array) -> None:
        """The gauge field has no kinetic energy: its equation is of first order in time."""
        return
