"""The Schroedinger-Newton system: a wave function in its own gravitational potential."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy import ndarray as Array

from ..base import Column
from .named import NamedTheory, check_integer

# Of the start: points, radius of the grid at norm 1 in units of (nodes + 1)^2, iterations.
_POINTS, _REACH, _ITERATIONS = 4000, 30.0, 40


@dataclass(frozen=True)
class SchroedingerNewton(NamedTheory, kind="schroedinger_newton"):
    r"""The Schroedinger-Newton system, a wave function in its own gravitational potential: ground and excited states.

    It obeys :math:`\tfrac12\nabla^2\psi = (\Phi - \epsilon)\psi` and :math:`\nabla^2\Phi = 4\pi\psi^2`, and is
    stationary for

    .. math:: E = 4\pi\int_0^\infty r^2dr\left[\tfrac12\psi'^2 + (\Phi - \epsilon)\psi^2 + \frac{\Phi'^2}{8\pi}\right]

    in units of :math:`\hbar = G = m = 1`, solved at :math:`\epsilon = -1`. A state of norm N at that eigenvalue is one
    of norm 1 at :math:`\epsilon = -1/N^2`, which ``state.observables`` has as ``epsilon``. :math:`\Phi` decays like
    -N/r. It is eliminated, and the norm is conserved: negative modes are those of :math:`\psi` at fixed norm, with the
    potential that it makes.

    Parameters
    ----------
    nodes : int, default 0
        Number of zeros of the wave function: 0 for the ground state.

    Raises
    ------
    ValueError
        If ``nodes`` is no integer, or negative.

    References
    ----------
    R. Ruffini, S. Bonazzola, *Phys. Rev.* **187** (1969) 1767; I. M. Moroz, R. Penrose, P. Tod, *Class. Quantum Grav.*
    **15** (1998) 2733; R. Harrison, I. M. Moroz, P. Tod, *Nonlinearity* **16** (2003) 101 (excited states).

    Examples
    --------
    >>> state = ss.solve(ss.Problem(ss.SchroedingerNewton()))
    >>> print(f"{state.observables['epsilon']:.10f}")
    -0.1627692078
    """

    nodes: int = 0

    structure = ("nodes",)
    names = ("wave", "potential")
    at_origin = (None, None)
    at_infinity = (0.0, 0.0)
    space = 3
    unit = 1.0
    without_modes = ("potential",)
    carriers = ("wave",)
    columns: ClassVar[Mapping[str, Column]] = {
        **NamedTheory.columns,
        "epsilon": Column("ε", "eigenvalue of the state of norm 1", digits=10),
    }

    def __post_init__(self) -> None:
        check_integer(self, "nodes", least=0)
        object.__setattr__(self, "nodes", int(self.nodes))

    @staticmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """The bracket at epsilon = -1."""
        return 0.5 * du[0] ** 2 + (u[1] + 1.0) * u[0] ** 2 + du[1] ** 2 / (8.0 * math.pi)

    def start(self, r: Array) -> Array:
        """The state with this number of nodes by finite differences: each wave in the potential of the last one."""
        from scipy.linalg import eigh_tridiagonal

        k = self.nodes
        x = (np.arange(_POINTS) + 1.0) * _REACH * (k + 1.0) ** 2 / _POINTS
        h, phi = x[0], -1.0 / np.maximum(x, 4.0 * (k + 1.0) ** 2)
        for _ in range(_ITERATIONS):
            lowest = eigh_tridiagonal(
                1.0 / h**2 + phi, np.full(_POINTS - 1, -0.5 / h**2), select="i", select_range=(k, k)
            )
            epsilon, wave = float(lowest[0][0]), lowest[1][:, 0] / math.sqrt(h)  # of norm 1, times r
            inside, outside = np.cumsum(wave**2) * h, np.cumsum((wave**2 / x)[::-1])[::-1] * h
            phi = 0.5 * phi - 0.5 * (inside / x + outside)
        # of norm 1/sqrt(-epsilon) at epsilon = -1
        scale = -1.0 / epsilon
        s = np.maximum(r * math.sqrt(scale), x[0])
        psi = np.interp(s, x, wave / x, right=0.0) * math.copysign(1.0, wave[0]) / math.sqrt(4.0 * math.pi)
        potential = np.where(s < x[-1], np.interp(s, x, phi), -1.0 / s)
        return np.stack([psi * scale, potential * scale], axis=1)

    def observables(self, state: Any) -> dict[str, float]:
        norm = float(state.grid.integrate(state.u[:, 0] ** 2))
        return {"norm": norm, "epsilon": -1.0 / norm**2}

    def time_kinetic(self, u: Array, slopes: Array, r: Array) -> None:
        """An equation of first order in time, and a potential that follows at once."""
        return
