"""The Julia-Zee dyon: a 't Hooft-Polyakov monopole with electric charge."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf
from numpy import ndarray as Array

from .directions import hedgehog_gauge, radial
from .named import NamedTheory, check_positive


@dataclass(frozen=True)
class Dyon(NamedTheory, kind="dyon"):
    r"""The Julia-Zee dyon: the monopole of :class:`Monopole` with the electric charge q, in units of its magnetic one.

    .. math:: \frac{gE}{4\pi v} = \int_0^\infty dr\left[K'^2 + \frac{(K^2-1)^2}{2r^2} + \tfrac12r^2h'^2 + K^2h^2
              + \tfrac18\beta^2r^2(h^2-1)^2 + \tfrac12r^2j'^2 + K^2j^2\right]

    with the electric potential :math:`A_0^a = v j(r)\,\hat r^a`, which obeys :math:`(r^2j')' = 2K^2j` and
    :math:`r^2j'\to q`. Lengths are in units of 1/(gv). Solved is the stationary point of the same with
    :math:`-\tfrac12r^2j'^2 - K^2j^2 + qj'`, whose value is E: a saddle by construction, which Newton's method finds and
    minimisers refuse. The field y is :math:`j - j_0 + q\,\mathrm{erf}(r/l)/r`, :math:`l = 2q/\sqrt\pi j_0`, without a
    tail; :math:`j_0 = q/\sqrt{1+q^2}` is the value of j at infinity where :math:`\beta = 0`, and the energy there is
    :math:`\sqrt{1+q^2}\,4\pi v/g` (Prasad and Sommerfield). ``state.observables`` has the value of j at infinity as
    ``potential``, which is :math:`dE/dq`: it
    is below 1, so that at :math:`\beta > 0` there is a largest charge (0.97 at :math:`\beta = 1`).

    Parameters
    ----------
    beta : float, default 1.0
        :math:`\beta = M_H/M_W`.
    charge : float, default 1.0
        q.

    Raises
    ------
    ValueError
        If ``beta`` is negative or ``charge`` is not positive.

    References
    ----------
    B. Julia, A. Zee, *Phys. Rev. D* **11** (1975) 2227; M. K. Prasad, C. M. Sommerfield, *Phys. Rev. Lett.* **35**
    (1975) 760.

    Examples
    --------
    >>> state = ss.solve(ss.Problem(ss.Dyon(beta=0.0, charge=0.75)))
    >>> print(f"{state.energy / state.problem.model.energy_unit:.9f}")
    1.250000000
    """

    beta: float = 1.0
    charge: float = 1.0

    names = ("h", "K", "y")
    at_origin = (0.0, 1.0, 0.0)
    at_infinity = (1.0, 0.0, None)
    space = 3
    unit = 4.0 * math.pi

    def __post_init__(self) -> None:
        check_positive(self, "beta", zero=True)
        check_positive(self, "charge")

    @staticmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """The bracket over r^2, with the sign of the electric part that makes it stationary."""
        (h, k, y), (dh, dk, dy), q = u, du, p["charge"]
        x = r * (0.5 * math.sqrt(math.pi) / jnp.sqrt(1.0 + q**2))
        gauss = jnp.exp(-(jnp.minimum(x, 25.0) ** 2)) / jnp.sqrt(1.0 + q**2)
        j = y + q * (1.0 / jnp.sqrt(1.0 + q**2) - erf(x) / r)
        slope = dy + q * (erf(x) / r - gauss) / r
        gauge = dk**2 + k**2 * (h**2 - j**2) + 0.5 * (k**2 - 1.0) ** 2 / r**2 + q * slope
        return gauge / r**2 + 0.5 * (dh**2 - slope**2) + 0.125 * p["beta"] ** 2 * (h**2 - 1.0) ** 2

    def cartesian(self, u: Array, points: Array) -> dict[str, Array]:
        """``higgs`` (..., a) and ``A`` (..., i, a) of the monopole, and the electric potential ``A_0`` (..., a)."""
        from scipy.special import erf

        (r, unit), root = radial(points), math.hypot(1.0, self.charge)
        near = 1.0 / root  # of erf(sqrt(pi) r/2 root)/r at the origin
        screened = np.where(r > 0.0, erf(0.5 * math.sqrt(math.pi) * r / root) / np.where(r > 0.0, r, 1.0), near)
        potential = u[..., 2] + self.charge * (near - screened)
        strength = hedgehog_gauge(points, 1.0 - u[..., 1])
        return {"higgs": u[..., :1] * unit, "A": strength, "A_0": potential[..., None] * unit}

    def start(self, r: Array) -> Array:
        """The dyon at beta = 0 (M. K. Prasad, C. M. Sommerfield), with a Higgs field that has its mass."""
        from scipy.special import erf

        root = math.hypot(1.0, self.charge)
        x = np.clip(r / root, 1e-6, 600.0)
        h, j = 1.0 / np.tanh(x) - 1.0 / x, self.charge / root
        y = j * (h - 1.0 + erf(0.5 * math.sqrt(math.pi) * x) / x)
        massive = 1.0 - (1.0 - h) * np.exp(-np.minimum(self.beta * r, 600.0))
        return np.stack([massive, x / np.sinh(x), y], axis=1)

    def observables(self, state: Any) -> dict[str, float]:
        return {"potential": float(state.u[-1, 2]) + self.charge / math.hypot(1.0, self.charge)}
