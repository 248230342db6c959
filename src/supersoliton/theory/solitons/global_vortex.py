"""The global vortex, whose energy grows with the logarithm of the radius."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy import ndarray as Array

from .directions import phase
from .named import NamedTheory, check_winding


@dataclass(frozen=True)
class GlobalVortex(NamedTheory, kind="global_vortex"):
    r"""The global vortex of a complex field without gauge field, per length of the string.

    .. math:: E = \pi\int_0^\infty r\,dr\left[f'^2 + n^2\left(\frac{f^2}{r^2} - \frac1{1+r^2}\right)
              + \tfrac12(1 - f^2)^2\right] = \pi c

    for :math:`\phi = f(r)e^{in\theta}` with f(0) = 0, f(:math:`\infty`) = 1. The energy grows without bound with the
    radius, so that the reference density :math:`n^2/2(1+r^2)` is subtracted: within a large radius R it is
    :math:`E(R) = \pi(n^2\ln R + c)`. ``state.observables`` has c. Lengths are in units of :math:`\sqrt2/m_H`. Far out
    :math:`f = 1 - n^2/2r^2 - \dots`

    Parameters
    ----------
    winding : int, default 1
        The winding number n.

    Raises
    ------
    ValueError
        If ``winding`` is not a positive integer.

    References
    ----------
    A. Vilenkin, E. P. S. Shellard, *Cosmic Strings and Other Topological Defects* (Cambridge, 1994), section 3.2.

    Examples
    --------
    >>> state = ss.solve(ss.Problem(ss.GlobalVortex(winding=1)))
    >>> print(f"{state.observables['c']:.9f}")
    0.380881894
    """

    winding: float = 1

    names = ("f",)
    at_origin = (0.0,)
    at_infinity = (1.0,)
    space = 2
    unit = math.pi

    def __post_init__(self) -> None:
        check_winding(self)

    @staticmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """Half of the bracket."""
        (f,), (df,) = u, du
        angular = p["winding"] ** 2 * (f**2 / r**2 - 1.0 / (1.0 + r**2))
        return 0.5 * (df**2 + angular + 0.5 * (1.0 - f**2) ** 2)

    def observables(self, state: Any) -> dict[str, float]:
        return {"c": state.energy / self.unit}

    def cartesian(self, u: Array, points: Array) -> dict[str, Array]:
        """``scalar`` (..., 2), the real and the imaginary part."""
        return {"scalar": u[..., :1] * phase(points, self.winding)}
