"""The global monopole, whose energy grows with the radius."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy import ndarray as Array

from .directions import radial
from .named import NamedTheory


@dataclass(frozen=True)
class GlobalMonopole(NamedTheory, kind="global_monopole"):
    r"""The global monopole of a triplet without gauge field, the hedgehog :math:`\phi^a = \eta f(r)\,\hat r^a`.

    .. math:: E = 4\pi\int_0^\infty r^2dr\left[\tfrac12f'^2 + \frac{f^2}{r^2} + \tfrac14(1 - f^2)^2
              - \frac1{r^2}\right] = 4\pi c

    with f(0) = 0, f(:math:`\infty`) = 1; lengths are in units of :math:`\delta = 1/(\sqrt\lambda\,\eta)`, energies in
    :math:`\eta/\sqrt\lambda`. The energy grows without bound with the radius, so that the reference density
    :math:`1/r^2` is subtracted: within a large radius R it is :math:`E(R) = 4\pi(R + c)`. ``state.observables`` has c.
    The mass of the core, 4 pi c, is negative: its gravity is repulsive (about -6 pi in these units, Harari and
    Lousto). Far out :math:`f = 1 - 1/r^2 - \dots`

    References
    ----------
    M. Barriola, A. Vilenkin, *Phys. Rev. Lett.* **63** (1989) 341; D. Harari, C. Lousto, *Phys. Rev. D* **42** (1990)
    2626.

    Examples
    --------
    >>> state = ss.solve(ss.Problem(ss.GlobalMonopole()))
    >>> print(f"{state.observables['c']:.9f}")
    -1.576106678
    """

    names = ("f",)
    at_origin = (0.0,)
    at_infinity = (1.0,)
    space = 3
    unit = 4.0 * math.pi

    @staticmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """The bracket."""
        (f,), (df,) = u, du
        return 0.5 * df**2 + (f**2 - 1.0) / r**2 + 0.25 * (1.0 - f**2) ** 2

    def observables(self, state: Any) -> dict[str, float]:
        return {"c": state.energy / self.unit}

    def cartesian(self, u: Array, points: Array) -> dict[str, Array]:
        """The triplet ``scalar`` (..., 3)."""
        return {"scalar": u[..., :1] * radial(points)[1]}
