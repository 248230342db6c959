"""The baby Skyrmion, in two dimensions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy import ndarray as Array

from .directions import phase
from .named import NamedTheory, check_positive, check_winding


@dataclass(frozen=True)
class BabySkyrmion(NamedTheory, kind="baby_skyrmion"):
    r"""The baby Skyrmion of winding n, with the old potential :math:`\mu^2(1 - n_3)`.

    .. math:: E = 2\pi\int_0^\infty r\,dr\left[\tfrac12F'^2 + \frac{n^2\sin^2F}{2r^2}(1+F'^2) + \mu^2(1-\cos F)\right]

    for the unit vector :math:`(\sin F\cos n\theta, \sin F\sin n\theta, \cos F)`; F falls from pi to 0, and energies are
    given over the bound 4 pi of n = 1.

    Parameters
    ----------
    winding : int, default 1
        n.
    mu_squared : float, default 0.1
        :math:`\mu^2`, the mass^2 of the pion.

    Raises
    ------
    ValueError
        If ``winding`` is not a positive integer or ``mu_squared`` is not positive.

    References
    ----------
    B. M. A. G. Piette, B. J. Schroers, W. J. Zakrzewski, *Z. Phys. C* **65** (1995) 165.

    Examples
    --------
    >>> state = ss.solve(ss.Problem(ss.BabySkyrmion(winding=1, mu_squared=0.1)))
    >>> print(f"{state.energy / state.problem.model.energy_unit:.9f}")
    1.564245754
    """

    winding: float = 1
    mu_squared: float = 0.1

    names = ("F",)
    at_origin = (math.pi,)
    at_infinity = (0.0,)
    space = 2
    unit = 4.0 * math.pi

    def __post_init__(self) -> None:
        check_winding(self)
        check_positive(self, "mu_squared")

    @staticmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """The bracket."""
        angular, slope = (p["winding"] * jnp.sin(u[0]) / r) ** 2, du[0] ** 2
        return 0.5 * (slope + angular * (1.0 + slope)) + 2.0 * p["mu_squared"] * jnp.sin(0.5 * u[0]) ** 2

    def cartesian(self, u: Array, points: Array) -> dict[str, Array]:
        """The unit vector ``n`` (..., 3)."""
        return {"n": np.concatenate([np.sin(u) * phase(points, self.winding), np.cos(u)], axis=-1)}
