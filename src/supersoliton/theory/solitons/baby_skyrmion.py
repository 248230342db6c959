"""The baby Skyrmion, in two dimensions."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import jax.numpy as jnp
import numpy as np
from numpy import ndarray as Array

from ...machine import user_files
from ..base import PotentialFunction
from ..radial import OfBoth
from .directions import phase
from .named import NamedTheory, check_positive, check_winding


def _old(angle: Any) -> Any:
    return 2.0 * jnp.sin(0.5 * angle) ** 2


def _new(angle: Any) -> Any:
    return 0.5 * jnp.sin(angle) ** 2


def _holomorphic(angle: Any) -> Any:
    return 16.0 * jnp.sin(0.5 * angle) ** 8


_POTENTIALS: dict[str, Callable[[Any], Any]] = {"old": _old, "new": _new, "holomorphic": _holomorphic}


@dataclass(frozen=True)
class BabySkyrmion(NamedTheory, kind="baby_skyrmion"):
    r"""The baby Skyrmion of winding n.

    .. math:: E = 2\pi\int_0^\infty r\,dr\left[\tfrac12F'^2 + \frac{n^2\sin^2F}{2r^2}(1+F'^2) + \mu^2U(F)\right]

    for the unit vector :math:`(\sin F\cos n\theta, \sin F\sin n\theta, \cos F)`; F falls from pi to 0, and energies are
    given over the bound 4 pi of n = 1.

    Parameters
    ----------
    winding : int, default 1
        n.
    mu_squared : float, default 0.1
        :math:`\mu^2`, with the first two potentials the mass^2 of the pion.
    potential : str or callable, default "old"
        U: ``"old"``, :math:`1 - \cos F`; ``"new"``, :math:`\tfrac12\sin^2F`, whose solitons of several windings are
        rings; ``"holomorphic"``, :math:`(1-\cos F)^4`, for which n = 1 has the exact solution
        :math:`\tan(F/2) = a/r`, :math:`a^{-2} = \sqrt2\mu`, of energy :math:`4\pi(1 + \tfrac{4\sqrt2}3\mu)`; or a
        function of F written with ``jax.numpy``, with U(0) = 0.

    Raises
    ------
    ValueError
        If ``winding`` is not a positive integer, ``mu_squared`` is not positive, or there is no such potential.

    References
    ----------
    B. M. A. G. Piette, B. J. Schroers, W. J. Zakrzewski, *Z. Phys. C* **65** (1995) 165 (old); A. E. Kudryavtsev,
    B. M. A. G. Piette, W. J. Zakrzewski, *Nonlinearity* **11** (1998) 783 (new); R. A. Leese, M. Peyrard,
    W. J. Zakrzewski, *Nonlinearity* **3** (1990) 773 (holomorphic).

    Examples
    --------
    >>> state = ss.solve(ss.Problem(ss.BabySkyrmion(winding=1, mu_squared=0.1)))
    >>> print(f"{state.energy / state.problem.model.energy_unit:.9f}")
    1.564245754
    """

    winding: float = 1
    mu_squared: float = 0.1
    potential: str | Callable[[Any], Any] = "old"

    structure = ("potential",)
    names = ("F",)
    at_origin = (math.pi,)
    at_infinity = (0.0,)
    space = 2
    unit = 4.0 * math.pi

    def __post_init__(self) -> None:
        check_winding(self)
        check_positive(self, "mu_squared")
        if not callable(self.potential) and self.potential not in _POTENTIALS:
            raise ValueError(
                f"BabySkyrmion.potential must be one of {', '.join(_POTENTIALS)} or a function of F, got "
                f"{self.potential!r}: choose one"
            )

    @property
    def density_function(self) -> PotentialFunction:
        return _density(_POTENTIALS[self.potential] if isinstance(self.potential, str) else self.potential)

    @staticmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """The bracket without its potential."""
        angular, slope = (p["winding"] * jnp.sin(u[0]) / r) ** 2, du[0] ** 2
        return 0.5 * (slope + angular * (1.0 + slope))

    def cartesian(self, u: Array, points: Array) -> dict[str, Array]:
        """The unit vector ``n`` (..., 3)."""
        return {"n": np.concatenate([np.sin(u) * phase(points, self.winding), np.cos(u)], axis=-1)}

    def describe(self) -> dict[str, Any]:
        own = {} if isinstance(self.potential, str) else {"potential": user_files.location(self.potential)}
        return {**super().describe(), **own}

    @classmethod
    def from_description(cls, values: Mapping[str, Any]) -> Self:
        given = dict(values)
        if ":" in given.get("potential", ""):
            given["potential"] = user_files.find("its potential", given["potential"])
        return cls(**given)


@functools.cache
def _density(potential: Callable[[Any], Any]) -> PotentialFunction:
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        return BabySkyrmion.energy_density(u, du, r, p) + p["mu_squared"] * potential(u[0])

    return OfBoth(energy_density)
