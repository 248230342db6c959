"""Analytic profiles added to the vacuum; one is that of `parameter_scan_supersoliton_v39_STABLE_HIERARCHY.py`."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray as Array

from .._checks import is_number
from ..problem.problem import Problem
from ..problem.scales import Scales


@dataclass(frozen=True)
class AbstractProfile(ABC):
    """u = vacuum + amplitude shape(r) in the chosen fields.

    ``field``: an index, a name, or several; None: every field that carries the norm. ``alternate``: alternate the signs
    of several fields, which lowers the energy if the couplings are positive.
    """

    amplitude: float = 1.0
    width: float = 3.0
    field: int | str | tuple[int | str, ...] | None = None
    alternate: bool = False

    def __post_init__(self) -> None:
        if not is_number(self.amplitude):
            raise ValueError(f"guess.amplitude must be finite, got {self.amplitude!r}: give a number")
        if not (is_number(self.width) and self.width > 0):
            raise ValueError(f"guess.width must be positive, got {self.width!r}: give a radius, e.g. 3")
        if isinstance(self.field, list):
            object.__setattr__(self, "field", tuple(self.field))

    @abstractmethod
    def shape(self, r: Array) -> Array:
        """The profile, 1 at the origin."""

    def __call__(self, problem: Problem, nodes: Array) -> Array:
        u = np.tile(problem.vacuum.values, (len(nodes), 1))
        sign = 1.0
        for index in _indices(problem, self.field):
            u[:, index] += sign * self.amplitude * self.shape(nodes)
            sign = -sign if self.alternate else sign
        return u


class Gaussian(AbstractProfile):
    """Initial profile A exp(-r^2 / (2 w^2)), added to the vacuum.

    Parameters
    ----------
    amplitude : float, default 1.0
        A, the value at the origin.
    width : float, default 3.0
        w, in 1/mass.
    field : int or str or tuple of them, optional
        Index or name of the field or fields; every field that carries the norm if not given.
    alternate : bool, default False
        Alternate the sign from field to field, which lowers the energy where the couplings between them are positive.

    Raises
    ------
    ValueError
        If ``amplitude`` is not finite, ``width`` is not positive, or (when used) a field is not one of the model.

    Examples
    --------
    >>> import numpy as np
    >>> ss.Gaussian(width=4.0).shape(np.array([0.0, 4.0])).round(4)
    array([1.    , 0.6065])
    """

    def shape(self, r: Array) -> Array:
        """exp(-r^2 / (2 w^2)) at the radii ``r``."""
        return np.exp(-(r**2) / (2.0 * self.width**2))


class SuperGaussian(AbstractProfile):
    """Initial profile A exp(-(r / w)^4), a flat core with a wall, added to the vacuum.

    Parameters
    ----------
    amplitude : float, default 1.0
        A, the value at the origin.
    width : float, default 3.0
        w, in 1/mass.
    field : int or str or tuple of them, optional
        Index or name of the field or fields; every field that carries the norm if not given.
    alternate : bool, default False
        Alternate the sign from field to field, which lowers the energy where the couplings between them are positive.

    Raises
    ------
    ValueError
        If ``amplitude`` is not finite, ``width`` is not positive, or (when used) a field is not one of the model.

    Examples
    --------
    >>> import numpy as np
    >>> ss.SuperGaussian(width=4.0).shape(np.array([0.0, 4.0])).round(4)
    array([1.    , 0.3679])
    """

    def shape(self, r: Array) -> Array:
        """exp(-(r / w)^4) at the radii ``r``."""
        return np.exp(-((r / self.width) ** 4))


class Exponential(AbstractProfile):
    """Initial profile A exp(-r / w), added to the vacuum.

    Parameters
    ----------
    amplitude : float, default 1.0
        A, the value at the origin.
    width : float, default 3.0
        w, in 1/mass.
    field : int or str or tuple of them, optional
        Index or name of the field or fields; every field that carries the norm if not given.
    alternate : bool, default False
        Alternate the sign from field to field, which lowers the energy where the couplings between them are positive.

    Raises
    ------
    ValueError
        If ``amplitude`` is not finite, ``width`` is not positive, or (when used) a field is not one of the model.

    Examples
    --------
    >>> import numpy as np
    >>> ss.Exponential(width=4.0).shape(np.array([0.0, 4.0])).round(4)
    array([1.    , 0.3679])
    """

    def shape(self, r: Array) -> Array:
        """exp(-r / w) at the radii ``r``."""
        return np.exp(-r / self.width)


@dataclass(frozen=True)
class OriginalGuess(AbstractProfile):
    """Initial profile A exp(-r / w) with noise, the start of parameter_scan_supersoliton_v39_STABLE_HIERARCHY.py.

    The other fields start at a fraction of their vacuum value, with a fifth of the noise. The script's ``v_H`` is this
    fraction; it enters nothing else.

    Parameters
    ----------
    amplitude : float, default 1.5
        A, the value at the origin.
    width : float, default 3.0
        w, in 1/mass.
    field : int or str or tuple of them, optional
        Index or name of the field or fields; every field that carries the norm if not given.
    alternate : bool, default False
        Alternate the sign from field to field.
    sigma : float, default 0.05
        Standard deviation of the normal noise at each node, in the unit of the fields.
    vacuum_fraction : float, default 0.6
        Value of the other fields over their vacuum value; the script draws it from 0.4 to 0.8.
    seed : int, default 0
        Seed of the noise.

    Raises
    ------
    ValueError
        If ``amplitude`` or ``vacuum_fraction`` is not finite, ``width`` is not positive, ``sigma`` is negative, or
        (when used) a field is not one of the model.

    Examples
    --------
    >>> import numpy as np
    >>> ss.OriginalGuess().shape(np.array([0.0, 3.0])).round(4)
    array([1.    , 0.3679])
    """

    amplitude: float = 1.5
    sigma: float = 0.05
    vacuum_fraction: float = 0.6
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (is_number(self.sigma) and self.sigma >= 0):
            raise ValueError(f"guess.sigma must be 0 or positive, got {self.sigma!r}: the script has 0.05")
        if not is_number(self.vacuum_fraction):
            raise ValueError(f"guess.vacuum_fraction must be finite, got {self.vacuum_fraction!r}: try 0.6")

    def shape(self, r: Array) -> Array:
        """exp(-r / w) at the radii ``r``."""
        return np.exp(-r / self.width)

    def __call__(self, problem: Problem, nodes: Array) -> Array:
        chosen = np.isin(np.arange(len(problem.model.fields)), _indices(problem, self.field))
        others = ~chosen & (problem.carries_norm == 0)
        u = super().__call__(problem, nodes)
        u[:, others] *= self.vacuum_fraction
        random = np.random.default_rng(self.seed).normal(size=u.shape)
        return u + self.sigma * random * (chosen + 0.2 * others)


@dataclass(frozen=True)
class ScaledProfile(AbstractProfile):
    """A profile of the user's ``original`` problem in units of ``scales``."""

    inner: AbstractProfile = dataclasses.field(kw_only=True)
    original: Problem = dataclasses.field(kw_only=True)
    scales: Scales = dataclasses.field(kw_only=True)

    def shape(self, r: Array) -> Array:
        return self.inner.shape(r * self.scales.length)

    def __call__(self, problem: Problem, nodes: Array) -> Array:
        return self.scales.reduce_fields(self.inner(self.original, nodes * self.scales.length))


def _indices(problem: Problem, field: Any) -> list[int]:
    names = problem.model.fields
    if field is None:
        return [int(i) for i in np.flatnonzero(problem.carries_norm)]
    out = []
    for item in field if isinstance(field, tuple | list) else (field,):
        index = names.index(item) if isinstance(item, str) and item in names else item
        if isinstance(index, bool) or not isinstance(index, int | np.integer) or not 0 <= index < len(names):
            raise ValueError(f"guess.field {item!r} is not a field of the model: choose from {', '.join(names)}")
        out.append(int(index))
    return out
