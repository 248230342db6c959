"""The Q-ball whose charge is gauged."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..base import Ends, check_coupling
from .named import NamedTheory, check_positive

_LARGE, _LARGEST = 0.6, 40.0  # frequency below which balls are large, and the largest radius of a start


@dataclass(frozen=True)
class GaugedQBall(NamedTheory, kind="gauged_q_ball"):
    r"""The Q-ball of the potential :math:`U = \tfrac12f^2 - f^4 + \tfrac12f^6` with a gauged charge.

    .. math:: S = 4\pi\int_0^\infty r^2dr\left[\tfrac12f'^2 + U(f) - \tfrac12g^2f^2 - \frac{g'^2}{2q^2}\right]

    for :math:`\phi = f(r)e^{i\omega t}` and :math:`g = \omega - qA_0`, which is omega at infinity. The field g has a
    negative energy, so that S has a saddle by construction: Newton's method finds it, and minimisers refuse. It is
    eliminated: negative modes are those of f alone, with g as its equation gives it, at this omega. In
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
    without_modes = ("g",)

    def __post_init__(self) -> None:
        check_coupling("GaugedQBall", "omega", self.omega)
        if not hasattr(self.omega, "aval") and not 0 < self.omega < 1:
            raise ValueError(f"GaugedQBall.omega must lie between 0 and the mass 1, got {self.omega!r}: try 0.7")
        check_positive(self, "q")

    @property
    def ends(self) -> Ends:
        return Ends((None, None), (0.0, self.omega if hasattr(self.omega, "aval") else float(self.omega)))

    @staticmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """The bracket."""
        (f, g), (df, dg) = u, du
        return 0.5 * df**2 + 0.5 * f**2 - f**4 + 0.5 * f**6 - 0.5 * (g * f) ** 2 - 0.5 * (dg / p["q"]) ** 2

    def start(self, r: Array) -> Array:
        """The ball f = A/(1 + exp(x - c)), x = r/w, of least action at its stationary width, without the gauge field.

        With T = int f'^2/2 and V = int (U - omega^2 f^2/2) over x, S(w) = T w + V w^3 is stationary where V < 0.
        """
        if self.omega < _LARGE:
            return self._large_ball(r)
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

    def _large_ball(self, r: Array) -> Array:
        """The ball at the first radius at which its action is largest."""
        x, balls, largest = self._balls
        f, g, _ = balls[-1 if largest is None else largest]
        return np.stack([np.interp(r, x, f, right=0.0), np.interp(r, x, g, right=self.omega)], axis=1)

    def why_none(self) -> str | None:
        if self.omega >= _LARGE or self._balls[2] is not None:
            return None
        return (
            f"at omega = {self.omega:g} and q = {self.q:g} the action of large balls grows with every radius: the "
            "electric repulsion is too strong for a ball; raise omega or lower q"
        )

    @functools.cached_property
    def _balls(self) -> tuple[Array, list[tuple[Array, Array, float]], int | None]:
        """Radii, balls f^2 = 1/(1 + exp(2(r - R))) with their gauge field and action for many R, and the one wanted."""
        from scipy.linalg import solve_banded

        h = 0.05
        edges = np.arange(int(_LARGEST / h) + 1) * h
        x = edges[:-1] + 0.5 * h
        outer = edges[1:] ** 2 / h**2
        outer[-1] = edges[-1] / h  # outside g = omega - C/r

        def ball(radius: float) -> tuple[Array, Array, float]:
            f = 1.0 / np.sqrt(1.0 + np.exp(np.minimum(2.0 * (x - radius), 600.0)))
            bands = np.zeros((3, len(x)))
            bands[0, 1:] = bands[2, :-1] = outer[:-1]
            bands[1] = -outer - edges[:-1] ** 2 / h**2 - (self.q * x * f) ** 2
            g = solve_banded((1, 1), bands, np.append(np.zeros(len(x) - 1), -outer[-1] * self.omega))
            # where g obeys Gauss's law the gauge terms are -omega/2 times the charge
            charge = float(np.sum(x**2 * f**2 * g))
            slope = f * (1.0 - f**2)
            action = float(np.sum(x**2 * (0.5 * slope**2 + 0.5 * f**2 * (1.0 - f**2) ** 2))) - 0.5 * self.omega * charge
            return f, g, action

        balls = [ball(float(radius)) for radius in np.arange(1.0, 0.8 * _LARGEST, 0.25)]
        falls = np.flatnonzero(np.diff([action for _, _, action in balls]) < 0.0)
        return x, balls, int(falls[0]) if len(falls) else None

    def observables(self, state: Any) -> dict[str, float]:
        f, g = state.u.T
        charge = float(state.grid.integrate(g * f**2))
        return {"action": state.energy, "charge": charge, "energy": state.energy + self.omega * charge}

    def time_kinetic(self, u: Array, slopes: Array, r: Array) -> None:
        """A state that rotates: its fluctuations mix with their time derivatives."""
        return
