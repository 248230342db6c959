"""The electroweak sphaleron."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray as Array

from .directions import hedgehog_gauge, radial
from .named import NamedTheory, check_positive


@dataclass(frozen=True)
class Sphaleron(NamedTheory, kind="sphaleron"):
    r"""The electroweak sphaleron without hypercharge (theta_W = 0).

    .. math:: \frac{gE}{4\pi v} = \int_0^\infty dr\left[4f'^2 + \frac{8f^2(1-f)^2}{r^2} + \tfrac12r^2h'^2 + h^2(1-f)^2
              + \frac\lambda{4g^2}r^2(h^2-1)^2\right]

    with r in units of 1/(gv) and energies in v/g. In the full theory it is a saddle with one negative mode, which lies
    outside this ansatz: within it the energy has a minimum. The energy grows from 1.5202 at :math:`\lambda = 0` to
    2.7062 at :math:`\lambda\to\infty`.

    Parameters
    ----------
    lam : float, default 0.3
        :math:`\lambda/g^2`, with the potential :math:`\lambda(\phi^\dagger\phi - v^2/2)^2`.

    Raises
    ------
    ValueError
        If ``lam`` is not positive.

    References
    ----------
    F. R. Klinkhamer, N. S. Manton, *Phys. Rev. D* **30** (1984) 2212.

    Examples
    --------
    >>> state = ss.solve(ss.Problem(ss.Sphaleron(lam=1.0)))
    >>> print(f"{state.energy / state.problem.model.energy_unit:.9f}")
    2.065993267
    """

    lam: float = 0.3

    names = ("f", "h")
    at_origin = (0.0, 0.0)
    at_infinity = (1.0, 1.0)
    space = 3
    unit = 4.0 * math.pi

    def __post_init__(self) -> None:
        check_positive(self, "lam")

    @staticmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """The bracket over r^2."""
        (f, h), (df, dh) = u, du
        gauge = 4.0 * df**2 + (h * (1.0 - f)) ** 2 + 8.0 * (f * (1.0 - f)) ** 2 / r**2
        return gauge / r**2 + 0.5 * dh**2 + 0.25 * p["lam"] * (h**2 - 1.0) ** 2

    def cartesian(self, u: Array, points: Array) -> dict[str, Array]:
        r"""``higgs`` (..., 4), a doublet :math:`\tfrac{h}{\sqrt2}\,i\hat r\cdot\sigma\,(0, 1)`, and ``W`` (..., i, a).

        Of the doublet the real and the imaginary part of the upper and then of the lower component, in v; W in gv.
        """
        (x, y, z), size = np.moveaxis(radial(points)[1], -1, 0), u[..., 1] / math.sqrt(2.0)
        higgs = size[..., None] * np.stack([y, x, np.zeros_like(z), -z], axis=-1)
        return {"higgs": higgs, "W": hedgehog_gauge(points, 2.0 * u[..., 0])}
