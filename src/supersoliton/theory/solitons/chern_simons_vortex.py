"""The self-dual vortex of the Chern-Simons-Higgs model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy import ndarray as Array

from .named import NamedTheory, check_positive, check_winding


_POINTS, _BEYOND, _STEPS = 2000, 12.0, 30  # of the start: points, masses beyond the ring, steps of Newton's method


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
    unit = 2.0 * math.pi

    def __post_init__(self) -> None:
        check_winding(self)
        check_positive(self, "kappa")

    @staticmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """The bracket."""
        (w, b), (dw, db), n, kappa = u, du, p["winding"], p["kappa"]
        s = r / kappa
        log_slope, sigma, rest = _ring(s, n)
        f, below = jnp.exp(w) * jnp.sqrt(sigma), s**2 + n * rest
        # n sigma s^2 b/(s^2 + n rest) and its slope over s sqrt(sigma), with sigma' = 2 log_slope sigma rest
        a = n * sigma * s**2 * b / below
        tilt = 2.0 * log_slope * sigma * rest
        steep = 2.0 * log_slope * rest * b + kappa * db
        slope = s / below * steep + n * (2.0 * rest + s * tilt) / below**2 * b
        gauge = ((n - a) * f / s) ** 2 + (0.5 * n * jnp.sqrt(sigma) * jnp.exp(-w) * slope) ** 2
        return ((f * (log_slope * rest + kappa * dw)) ** 2 + gauge + (f * (f**2 - 1.0)) ** 2) / kappa**2

    def start(self, r: Array) -> Array:
        """The fields of Bogomolny's equations f' = (n - a)f/r and a' = 2 r f^2(1 - f^2), by finite differences.

        Of these follows :math:`(r\\,(\\ln f)')' = -2rf^2(1-f^2)`, here for w.
        """
        from scipy.linalg import solve_banded

        n = self.winding
        x = (np.arange(_POINTS) + 0.5) * (n + _BEYOND) / _POINTS
        h, inner, outer = x[1] - x[0], x - 0.5 * (x[1] - x[0]), x + 0.5 * (x[1] - x[0])
        log_slope, sigma, rest = map(np.asarray, _ring(x, n))
        edge = np.asarray(_ring(np.append(inner[1:], outer[-1]), n))
        flux = np.concatenate([[n], np.append(inner[1:], outer[-1]) * edge[0] * edge[2]])  # r (ln sigma)'/2
        w = np.zeros_like(x)
        for _ in range(_STEPS):
            square = sigma * np.exp(2.0 * w)
            moved = np.concatenate([[0.0], inner[1:] * np.diff(w), [-outer[-1] * w[-1]]]) / h
            force = np.diff(moved + flux) / h + 2.0 * x * square * (1.0 - square)
            bands = np.zeros((3, _POINTS))
            bands[0, 1:], bands[2, :-1] = inner[1:] / h**2, outer[:-1] / h**2
            bands[1] = -(inner + outer) / h**2 + 2.0 * x * (2.0 * square - 4.0 * square**2)
            step = solve_banded((1, 1), bands, force)
            w = w - step / max(1.0, 2.0 * float(np.max(np.abs(step))))
        a = n - 0.5 * ((moved + flux)[1:] + (moved + flux)[:-1])
        b = np.where(sigma > 1e-8, a * (x**2 + n * rest) / (n * np.maximum(sigma, 1e-300) * x**2), np.nan)
        b[np.isnan(b)] = b[np.argmax(sigma > 1e-8)]
        s = r / self.kappa
        return np.stack([np.interp(s, x, w), np.interp(s, x, b)], axis=1)

    def profiles(self, r: Array, u: Array) -> Array:
        """f and a at radii r > 0, (point, 2), from the fields u there, (point, 2)."""
        s, n = np.asarray(r) / self.kappa, self.winding
        _, sigma, rest = _ring(s, n)
        return np.stack([np.sqrt(sigma) * np.exp(u[:, 0]), n * sigma * s**2 / (s**2 + n * rest) * u[:, 1]], axis=1)


def _ring(s: Any, n: Any) -> tuple[Any, Any, Any]:
    """g', sigma = 1/(1 + exp(-2g)) and 1 - sigma of g = n ln(sinh(s/n)/sinh(1))."""
    x = s / n
    g = n * (x + jnp.log(-jnp.expm1(-2.0 * x)) - math.log(2.0 * math.sinh(1.0)))
    return 1.0 / jnp.tanh(x), jax.nn.sigmoid(2.0 * g), jax.nn.sigmoid(-2.0 * g)
