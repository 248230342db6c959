"""The Schroedinger-Newton system: a wave function in its own gravitational potential."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy import ndarray as Array

from ..base import Column
from .named import NamedTheory

_WIDTH, _MASS = 1.2, 2.5  # heuristic: of the Gaussian that Newton's method starts from


@dataclass(frozen=True)
class SchroedingerNewton(NamedTheory, kind="schroedinger_newton"):
    r"""The ground state of the Schroedinger-Newton system: a wave function in its own gravitational potential.

    It obeys :math:`\tfrac12\nabla^2\psi = (\Phi - \epsilon)\psi` and :math:`\nabla^2\Phi = 4\pi\psi^2`, and is
    stationary for

    .. math:: E = 4\pi\int_0^\infty r^2dr\left[\tfrac12\psi'^2 + (\Phi - \epsilon)\psi^2 + \frac{\Phi'^2}{8\pi}\right]

    in units of :math:`\hbar = G = m = 1`, solved at :math:`\epsilon = -1`. A state of norm N at that eigenvalue is one
    of norm 1 at :math:`\epsilon = -1/N^2`, which ``state.observables`` has as ``epsilon``. :math:`\Phi` decays like
    -N/r.

    References
    ----------
    R. Ruffini, S. Bonazzola, *Phys. Rev.* **187** (1969) 1767; I. M. Moroz, R. Penrose, P. Tod, *Class. Quantum Grav.*
    **15** (1998) 2733.

    Examples
    --------
    >>> state = ss.solve(ss.Problem(ss.SchroedingerNewton()))
    >>> print(f"{state.observables['epsilon']:.10f}")
    -0.1627692078
    """

    names = ("wave", "potential")
    at_origin = (None, None)
    at_infinity = (0.0, 0.0)
    space = 3
    unit = 1.0
    columns: ClassVar[Mapping[str, Column]] = {
        **NamedTheory.columns,
        "epsilon": Column("ε", "eigenvalue of the state of norm 1", digits=10),
    }

    @staticmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """The bracket at epsilon = -1."""
        return 0.5 * du[0] ** 2 + (u[1] + 1.0) * u[0] ** 2 + du[1] ** 2 / (8.0 * math.pi)

    def start(self, r: Array) -> Array:
        """A Gaussian of about the right norm, and its potential."""
        from scipy.special import erf

        x = np.maximum(r, 1e-9) / _WIDTH
        psi = math.sqrt(_MASS / (math.pi**1.5 * _WIDTH**3)) * np.exp(-0.5 * x**2)
        return np.stack([psi, -_MASS * erf(x) / (x * _WIDTH)], axis=1)

    def observables(self, state: Any) -> dict[str, float]:
        norm = float(state.grid.integrate(state.u[:, 0] ** 2))
        return {"norm": norm, "epsilon": -1.0 / norm**2}

    def time_kinetic(self, u: Array, slopes: Array, r: Array) -> None:
        """An equation of first order in time, and a potential that follows at once."""
        return
