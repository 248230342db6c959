"""The self-dual vortex of the Chern-Simons-Higgs model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy import ndarray as Array

from ..base import Ends
from .directions import around, phase
from .named import NamedTheory, check_positive, check_winding


@dataclass(frozen=True)
class ChernSimonsVortex(NamedTheory, kind="chern_simons_vortex"):
    r"""The self-dual vortex of the Chern-Simons-Higgs model, whose gauge field has no kinetic term of its own.

    .. math:: E = 2\pi\int_0^\infty r\,dr\left[f'^2 + \frac{(n-a)^2f^2}{r^2} + \frac{\kappa^2a'^2}{4r^2f^2}
              + \frac{f^2(f^2-1)^2}{\kappa^2}\right]

    with f, a = 0 at the origin and 1, n at infinity. The energy is exactly :math:`2\pi n`.
    From n = 2 on :math:`a'^2/f^2` is too singular at the origin for Newton's method: the state then says that it is not
    converged.

    Parameters
    ----------
    winding : int, default 1
        The winding number n.
    kappa : float, default 1.0
        :math:`\kappa`; the masses are :math:`2/\kappa`.

    Raises
    ------
    ValueError
        If ``winding`` is not a positive integer or ``kappa`` is not positive.

    References
    ----------
    J. Hong, Y. Kim, P. Y. Pac, *Phys. Rev. Lett.* **64** (1990) 2230; R. Jackiw, E. J. Weinberg, *Phys. Rev. Lett.*
    **64** (1990) 2234.

    Examples
    --------
    >>> state = ss.solve(ss.Problem(ss.ChernSimonsVortex(winding=1, kappa=1.0)))
    >>> print(f"{state.energy / state.problem.model.energy_unit:.9f}")
    1.000000000
    """

    winding: float = 1
    kappa: float = 1.0

    names = ("f", "a")
    at_origin = (0.0, 0.0)
    at_infinity = (1.0, 1.0)
    space = 2
    unit = 2.0 * math.pi

    def __post_init__(self) -> None:
        check_winding(self)
        check_positive(self, "kappa")

    @property
    def ends(self) -> Ends:
        return Ends((0.0, 0.0), (1.0, float(self.winding)))

    @staticmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """The bracket."""
        (f, a), (df, da), n, kappa = u, du, p["winding"], p["kappa"]
        gauge = ((n - a) * f / r) ** 2 + (0.5 * kappa * da / (r * f)) ** 2
        return df**2 + gauge + (f * (f**2 - 1.0) / kappa) ** 2

    def cartesian(self, u: Array, points: Array) -> dict[str, Array]:
        """``higgs`` (..., 2), the real and the imaginary part of the scalar, and ``A`` (..., 2)."""
        return {"higgs": u[..., :1] * phase(points, self.winding), "A": around(points, u[..., 1])}

    def time_kinetic(self, u: Array, slopes: Array, r: Array) -> None:
        """The gauge field has no kinetic energy: its equation is of first order in time."""
        return
