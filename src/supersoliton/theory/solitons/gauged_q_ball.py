"""The Q-ball whose charge is gauged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..base import Ends, check_coupling
from .named import NamedTheory, check_positive


@dataclass(frozen=True)
class GaugedQBall(NamedTheory, kind="gauged_q_ball"):
    r"""The Q-ball of the potential :math:`U = \tfrac12f^2 - f^4 + \tfrac12f^6` with a gauged charge.

    .. math:: S = 4\pi\int_0^\infty r^2dr\left[\tfrac12f'^2 + U(f) - \tfrac12g^2f^2 - \frac{g'^2}{2q^2}\right]

    for :math:`\phi = f(r)e^{i\omega t}` and :math:`g = \omega - qA_0`, which is omega at infinity. The field g has a
    negative energy, so that S has a saddle by construction: Newton's method finds it, and minimisers refuse. In
    ``state.observables``: the action S, the charge :math:`Q = 4\pi\int r^2gf^2dr` and the energy
    :math:`E = S + \omega Q`.

    Parameters
    ----------
    omega : float, default 0.7
        The frequency, between 0 and the mass 1.
    q : float, default 0.1
        The gauge coupling.

    Raises
    ------
    ValueError
        If ``omega`` does not lie between 0 and 1, or ``q`` is not positive.

    References
    ----------
    K. Lee, J. A. Stein-Schabes, R. Watkins, L. M. Widrow, *Phys. Rev. D* **39** (1989) 1665.

    Examples
    --------
    >>> state = ss.solve(ss.Problem(ss.GaugedQBall(omega=0.7, q=0.05)))
    >>> print(f"{state.observables['charge']:.8f}")
    42.47685735
    """

    omega: float = 0.7
    q: float = 0.1

    names = ("f", "g")
    at_origin = (None, None)
    at_infinity = (0.0, None)
    space = 3
    unit = 1.0

    def __post_init__(self) -> None:
        check_coupling("GaugedQBall", "omega", self.omega)
        if not hasattr(self.omega, "aval") and not 0 < self.omega < 1:
            raise ValueError(f"GaugedQBall.omega must lie between 0 and the mass 1, got {self.omega!r}: try 0.7")
        check_positive(self, "q")

    @property
    def ends(self) -> Ends:
        if hasattr(self.omega, "aval"):
            raise ValueError(
                "GaugedQBall: the field g at infinity is omega, so that derivatives in it are not available"
            )
        return Ends((None, None), (0.0, float(self.omega)))

    @staticmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """The bracket."""
        (f, g), (df, dg) = u, du
        return 0.5 * df**2 + 0.5 * f**2 - f**4 + 0.5 * f**6 - 0.5 * (g * f) ** 2 - 0.5 * (dg / p["q"]) ** 2

    def start(self, r: Array) -> Array:
        """The ball f = A/(1 + exp(x - c)), x = r/w, of least action at its stationary width, without the gauge field.

        With T = int f'^2/2 and V = int (U - omega^2 f^2/2) over x, S(w) = T w + V w^3 is stationary where V < 0.
        """
        x, best = np.linspace(0.0, 60.0, 1500), (np.inf, 1.0, 0.0, 1.0)
        for centre in (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0):
            for size in np.linspace(0.3, 2.5, 80):
                f = size / (1.0 + np.exp(x - centre))
                kinetic = float(np.sum(0.5 * (f * (1.0 - f / size)) ** 2 * x**2))
                potential = float(np.sum((0.5 * (1.0 - self.omega**2) * f**2 - f**4 + 0.5 * f**6) * x**2))
                if potential < 0.0:
                    width = float(np.sqrt(kinetic / (-3.0 * potential)))
                    best = min(best, (2.0 / 3.0 * kinetic * width, float(size), centre, width))
        _, size, centre, width = best
        ball = size / (1.0 + np.exp(np.minimum(r / width - centre, 600.0)))
        return np.stack([ball, np.full(len(r), self.omega)], axis=1)

    def observables(self, state: Any) -> dict[str, float]:
        f, g = state.u.T
        charge = float(state.grid.integrate(g * f**2))
        return {"action": state.energy, "charge": charge, "energy": state.energy + self.omega * charge}

    def time_kinetic(self, u: Array, slopes: Array, r: Array) -> None:
        """A state that rotates: its fluctuations mix with their time derivatives."""
        return
