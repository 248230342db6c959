"""The Skyrmion of baryon number 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy import ndarray as Array

from .directions import radial
from .named import NamedTheory, check_positive


@dataclass(frozen=True)
class Skyrmion(NamedTheory, kind="skyrmion"):
    r"""The Skyrmion of baryon number 1, the hedgehog :math:`U = \exp(iF(r)\,\hat r\cdot\tau)`.

    .. math:: E = 4\pi\int_0^\infty dr\left[r^2F'^2 + 2\sin^2F\,(1+F'^2) + \frac{\sin^4F}{r^2}
              + 2m^2r^2(1-\cos F) + \frac{c\,\sin^4F\,F'^2}{r^2}\right]

    in Skyrme's units; energies are given over the bound :math:`12\pi^2`, and F falls from pi to 0. The last term is
    the square of the baryon density, of sixth order in derivatives; with the pion mass it adds at least
    :math:`4\pi\,\tfrac{64}{15}\,m\sqrt c` to the bound, and all of the energy tends to that for large c and m.

    Parameters
    ----------
    pion_mass : float, default 0.0
        m.
    sextic : float, default 0.0
        c.

    Raises
    ------
    ValueError
        If ``pion_mass`` or ``sextic`` is negative.

    References
    ----------
    T. H. R. Skyrme, *Nucl. Phys.* **31** (1962) 556; G. S. Adkins, C. R. Nappi, E. Witten, *Nucl. Phys. B* **228**
    (1983) 552; R. A. Battye, P. M. Sutcliffe, *Phys. Rev. C* **73** (2006) 055205 (massive pions); C. Adam,
    J. Sanchez-Guillen, A. Wereszczynski, *Phys. Lett. B* **691** (2010) 105 (sixth order).

    Examples
    --------
    >>> state = ss.solve(ss.Problem(ss.Skyrmion(pion_mass=1.0)))
    >>> print(f"{state.energy / state.problem.model.energy_unit:.9f}")
    1.416223466
    """

    pion_mass: float = 0.0
    sextic: float = 0.0

    names = ("F",)
    at_origin = (math.pi,)
    at_infinity = (0.0,)
    space = 3
    unit = 12.0 * math.pi**2

    def __post_init__(self) -> None:
        check_positive(self, "pion_mass", zero=True)
        check_positive(self, "sextic", zero=True)

    @staticmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """The bracket over r^2."""
        square, slope = (jnp.sin(u[0]) / r) ** 2, du[0] ** 2
        mass = 4.0 * p["pion_mass"] ** 2 * jnp.sin(0.5 * u[0]) ** 2
        return slope + 2.0 * square * (1.0 + slope) + square**2 * (1.0 + p["sextic"] * slope) + mass

    def cartesian(self, u: Array, points: Array) -> dict[str, Array]:
        r"""``sigma`` :math:`= \cos F` and ``pi`` :math:`= \sin F\,\hat r` (..., 3), four components of length 1."""
        return {"sigma": np.cos(u[..., 0]), "pi": np.sin(u[..., :1]) * radial(points)[1]}
