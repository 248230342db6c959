"""The Abrikosov-Nielsen-Olesen vortex."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray as Array

from .named import NamedTheory, check_positive, check_winding
from .self_dual import ring, self_dual


@dataclass(frozen=True)
class Vortex(NamedTheory, kind="vortex"):
    r"""The Abrikosov-Nielsen-Olesen vortex of the Abelian Higgs model, per length of the string.

    .. math:: E = \pi\int_0^\infty r\,dr\left[f'^2 + \frac{n^2a'^2}{r^2} + \frac{n^2(1-a)^2f^2}{r^2}
              + \frac\lambda4(1 - f^2)^2\right]

    for the fields :math:`\phi = f(r)e^{in\theta}`, :math:`A_\theta = n a(r)/r`, both 0 at the origin and 1 at infinity.
    Lengths are in units of 1/m_A and energies in v^2. At :math:`\lambda = 1` the energy is exactly :math:`\pi n`, for
    every n (E. B. Bogomolny, *Sov. J. Nucl. Phys.* **24** (1976) 449); vortices attract each other below and repel
    each other above.

    Parameters
    ----------
    winding : int, default 1
        The winding number n.
    lam : float, default 1.0
        :math:`\lambda = m_H^2/m_A^2`.

    Raises
    ------
    ValueError
        If ``winding`` is not a positive integer or ``lam`` is not positive.

    References
    ----------
    A. A. Abrikosov, *Sov. Phys. JETP* **5** (1957) 1174; H. B. Nielsen, P. Olesen, *Nucl. Phys. B* **61** (1973) 45.

    Examples
    --------
    >>> state = ss.solve(ss.Problem(ss.Vortex(winding=2, lam=1.0)))
    >>> print(f"{state.energy / state.problem.model.energy_unit:.9f}")
    2.000000000
    """

    winding: float = 1
    lam: float = 1.0

    names = ("f", "a")
    at_origin = (0.0, 0.0)
    at_infinity = (1.0, 1.0)
    space = 2
    unit = math.pi

    def __post_init__(self) -> None:
        check_winding(self)
        check_positive(self, "lam")

    @staticmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """Half of the bracket."""
        (f, a), (df, da), n = u, du, p["winding"]
        angular = (n * da) ** 2 + (n * (1.0 - a) * f) ** 2
        return 0.5 * (df**2 + angular / r**2 + 0.25 * p["lam"] * (1.0 - f**2) ** 2)

    def start(self, r: Array) -> Array:
        """The fields at critical coupling, stretched to the radius of large vortices, (16 n^2/lam)^(1/4)."""
        n = self.winding
        stretch = 2.0 / math.sqrt(n)  # of the ring from n to sqrt(4 n)
        b = 0.5 * stretch**2
        x, w, left = self_dual(n, 12.0 / stretch, lambda square: (b * (1.0 - square), np.full_like(square, -b)))
        f = np.sqrt(np.asarray(ring(x, n)[1])) * np.exp(w)
        s = r * float(self.lam) ** 0.25 / stretch
        known = np.stack([np.interp(s, x, f), np.interp(s, x, 1.0 - left / n)], axis=1)
        return np.where((s < x[0])[:, None], 0.0, np.where((s > x[-1])[:, None], 1.0, known))
