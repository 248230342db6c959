"""The 't Hooft-Polyakov monopole."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy import ndarray as Array

from .directions import hedgehog_gauge, radial
from .named import NamedTheory, check_positive


@dataclass(frozen=True)
class Monopole(NamedTheory, kind="monopole"):
    r"""The 't Hooft-Polyakov monopole of SU(2) broken by a triplet.

    .. math:: \frac{gE}{4\pi v} = \int_0^\infty dr\left[K'^2 + \frac{(K^2-1)^2}{2r^2} + \tfrac12r^2h'^2 + K^2h^2
              + \tfrac18\beta^2r^2(h^2-1)^2\right]

    for the hedgehog :math:`\phi^a = v h(r)\,\hat r^a`, :math:`gA_i^a = \epsilon_{aij}\hat r^j(1-K(r))/r`. Lengths are
    in units of 1/M_W = 1/(gv), energies in v/g. Outside the core the magnetic field has the energy density
    :math:`1/2r^4`; its part beyond the mesh is added exactly. At :math:`\beta\to0` the energy is 4 pi v/g
    (E. B. Bogomolny, *Sov. J. Nucl. Phys.* **24** (1976) 449; M. K. Prasad, C. M. Sommerfield, *Phys. Rev. Lett.*
    **35** (1975) 760), for :math:`\beta\to\infty` 1.7866584 times that (T. W. Kirkman, C. K. Zachos, *Phys. Rev. D*
    **24** (1981) 999).

    Parameters
    ----------
    beta : float, default 1.0
        :math:`\beta = M_H/M_W`.

    Raises
    ------
    ValueError
        If ``beta`` is negative.

    References
    ----------
    G. 't Hooft, *Nucl. Phys. B* **79** (1974) 276; A. M. Polyakov, *JETP Lett.* **20** (1974) 194.

    Examples
    --------
    >>> state = ss.solve(ss.Problem(ss.Monopole(beta=1.0)))
    >>> print(f"{state.energy / state.problem.model.energy_unit:.9f}")
    1.237701040
    """

    beta: float = 1.0

    names = ("h", "K")
    at_origin = (0.0, 1.0)
    at_infinity = (1.0, 0.0)
    space = 3
    unit = 4.0 * math.pi

    def __post_init__(self) -> None:
        check_positive(self, "beta", zero=True)

    @staticmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """The bracket over r^2."""
        (h, k), (dh, dk) = u, du
        gauge = dk**2 + (k * h) ** 2 + 0.5 * (k**2 - 1.0) ** 2 / r**2
        return gauge / r**2 + 0.5 * dh**2 + 0.125 * p["beta"] ** 2 * (h**2 - 1.0) ** 2

    def cartesian(self, u: Array, points: Array) -> dict[str, Array]:
        """The triplet ``higgs`` (..., a) and the gauge field ``A`` (..., i, a)."""
        return {"higgs": u[..., :1] * radial(points)[1], "A": hedgehog_gauge(points, 1.0 - u[..., 1])}
