"""The Abrikosov-Nielsen-Olesen vortex."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..fluctuation import Channel
from .directions import around, phase
from .named import NamedTheory, check_positive, check_winding
from .self_dual import ring, self_dual

_GAUGE = 3.7  # xi: changes of gauge, from 0.7 m_A^2 on without it, are then no bound states


@dataclass(frozen=True)
class Vortex(NamedTheory, kind="vortex"):
    r"""The Abrikosov-Nielsen-Olesen vortex of the Abelian Higgs model, per length of the string.

    .. math:: E = \pi\int_0^\infty r\,dr\left[f'^2 + \frac{n^2a'^2}{r^2} + \frac{n^2(1-a)^2f^2}{r^2}
              + \frac\lambda4(1 - f^2)^2\right]

    for the fields :math:`\phi = f(r)e^{in\theta}`, :math:`A_\theta = n a(r)/r`, both 0 at the origin and 1 at infinity.
    Lengths are in units of 1/m_A and energies in v^2. At :math:`\lambda = 1` the energy is exactly :math:`\pi n`, for
    every n (E. B. Bogomolny, *Sov. J. Nucl. Phys.* **24** (1976) 449); vortices attract each other below and repel
    each other above.

    Parameters
    ----------
    winding : int, default 1
        The winding number n.
    lam : float, default 1.0
        :math:`\lambda = m_H^2/m_A^2`.

    Raises
    ------
    ValueError
        If ``winding`` is not a positive integer or ``lam`` is not positive.

    References
    ----------
    A. A. Abrikosov, *Sov. Phys. JETP* **5** (1957) 1174; H. B. Nielsen, P. Olesen, *Nucl. Phys. B* **61** (1973) 45.

    Examples
    --------
    >>> state = ss.solve(ss.Problem(ss.Vortex(winding=2, lam=1.0)))
    >>> print(f"{state.energy / state.problem.model.energy_unit:.9f}")
    2.000000000
    """

    winding: float = 1
    lam: float = 1.0

    names = ("f", "a")
    at_origin = (0.0, 0.0)
    at_infinity = (1.0, 1.0)
    space = 2
    unit = math.pi

    def __post_init__(self) -> None:
        check_winding(self)
        check_positive(self, "lam")

    @staticmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """Half of the bracket."""
        (f, a), (df, da), n = u, du, p["winding"]
        angular = (n * da) ** 2 + (n * (1.0 - a) * f) ** 2
        return 0.5 * (df**2 + angular / r**2 + 0.25 * p["lam"] * (1.0 - f**2) ** 2)

    def start(self, r: Array) -> Array:
        """The fields at critical coupling, stretched to the radius of large vortices, (16 n^2/lam)^(1/4)."""
        n = self.winding
        stretch = 2.0 / math.sqrt(n)  # of the ring from n to sqrt(4 n)
        b = 0.5 * stretch**2
        x, w, left = self_dual(n, 12.0 / stretch, lambda square: (b * (1.0 - square), np.full_like(square, -b)))
        f = np.sqrt(np.asarray(ring(x, n)[1])) * np.exp(w)
        s = r * float(self.lam) ** 0.25 / stretch
        known = np.stack([np.interp(s, x, f), np.interp(s, x, 1.0 - left / n)], axis=1)
        return np.where((s < x[0])[:, None], 0.0, np.where((s > x[-1])[:, None], 1.0, known))

    def cartesian(self, u: Array, points: Array) -> dict[str, Array]:
        """``higgs`` (..., 2), the real and the imaginary part of the scalar, and ``A`` (..., 2)."""
        higgs = u[..., :1] * phase(points, self.winding)
        return {"higgs": higgs, "A": around(points, self.winding * u[..., 1])}

    def channel(self, ell: int, u: Array, slopes: Array, r: Array) -> Channel:
        r"""Fluctuations of angular momentum k = l >= 1, two of each by rotation.

        .. math:: \delta\phi = e^{in\theta}(s\,e^{ik\theta} + t\,e^{-ik\theta}),\quad
                  \delta A_r + i\,\delta A_\theta = \tfrac i2(P\,e^{ik\theta} + Q\,e^{-ik\theta}),

        in the gauge of :math:`G = \partial_i\delta A_i - \mathrm{Im}(\bar\phi\,\delta\phi) = 0`, which
        :math:`\tfrac12\xi G^2` in the energy fixes: changes of gauge have all their energy in it.
        """
        (f, a), slope, n, k, lam = u.T, slopes[:, 0], self.winding, float(ell), self.lam
        turn = n * (1.0 - a) / r

        def divergence(x: Array, dx: Array) -> Array:
            (s, t, p, q), (dp, dq) = x, dx[2:]
            return 0.5 * (dq - (k - 1.0) * q / r - dp - (k + 1.0) * p / r) - f * (s - t)

        def gauge(x: Array, dx: Array) -> Array:
            return np.asarray(0.25 * _GAUGE * divergence(x, dx) ** 2)

        def energy(x: Array, dx: Array) -> Array:
            (s, t, p, q), (ds, dt, dp, dq) = x, dx
            radial, angular = 0.5 * (q - p), 0.5 * (p + q)  # of A, times sin and cos of k theta
            left, right = (turn + k / r) * s, (turn - k / r) * t
            field = 0.5 * (dp + (k + 1.0) * p / r + dq - (k - 1.0) * q / r)
            squares = (ds + dt) ** 2 + (ds - dt - radial * f) ** 2
            squares += (left + right - angular * f) ** 2 + (left - right) ** 2 + field**2
            mixed = slope * radial * (s - t) - turn * f * angular * (s + t)
            potential = 0.25 * lam * (f**2 * (s + t) ** 2 - (1.0 - f**2) * (s**2 + t**2))
            return np.asarray(0.25 * squares + 0.5 * mixed + potential + gauge(x, dx))

        winding = round(n)
        return Channel(energy, (1.0, 1.0, 0.25, 0.25), (winding + ell, winding - ell, ell + 1, ell - 1), gauge)
