"""What the theories of this folder share: a density, the values at the ends and the unit of the energy, by class."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy import ndarray as Array

from ..base import Ends, PotentialFunction, check_coupling
from ..radial import OfBoth, RadialTheory


class NamedTheory(RadialTheory):
    """A theory whose density and ends belong to its class. Subclasses are frozen dataclasses of their couplings."""

    names: ClassVar[tuple[str, ...]]
    at_origin: ClassVar[tuple[float | None, ...]]
    at_infinity: ClassVar[tuple[float | None, ...]]
    space: ClassVar[float]
    unit: ClassVar[float]
    without_modes: ClassVar[tuple[str, ...]] = ()
    carriers: ClassVar[tuple[str, ...]] = ()  # fields whose norm is conserved

    @staticmethod
    @abstractmethod
    def energy_density(u: Any, du: Any, r: Any, p: Mapping[str, Any]) -> Any:
        """e(u, u', r; p)."""

    @property
    def fields(self) -> tuple[str, ...]:
        return self.names

    @property
    def density_function(self) -> PotentialFunction:
        return _of_both(type(self).energy_density)

    @property
    def ends(self) -> Ends:
        return Ends(self.at_origin, self.at_infinity)

    @property
    def eliminated(self) -> tuple[str, ...]:
        return self.without_modes

    @property
    def constrained(self) -> Array:
        return np.array([name in self.carriers for name in self.names])

    @property
    def dimension(self) -> float:
        return self.space

    @property
    def energy_unit(self) -> float:
        return self.unit


@functools.cache
def _of_both(function: Callable[..., Any]) -> PotentialFunction:
    return OfBoth(function)


def check_positive(owner: object, name: str, *, zero: bool = False) -> None:
    """Raise ValueError unless a coupling is a positive number (or 0, where ``zero`` is allowed)."""
    value, theory = getattr(owner, name), type(owner).__name__
    check_coupling(theory, name, value)
    if hasattr(value, "aval"):
        return
    if not (value > 0 or (zero and value == 0)):
        raise ValueError(f"{theory}.{name} must be {'at least 0' if zero else 'positive'}, got {value!r}: try 1.0")


def check_winding(owner: Any) -> None:
    """Make ``winding`` a whole number; raise ValueError unless it is a positive one."""
    check_integer(owner, "winding", least=1)


def check_integer(owner: Any, name: str, *, least: int) -> None:
    """Make a coupling a whole number; raise ValueError unless it is one of at least ``least``."""
    value, theory = getattr(owner, name), type(owner).__name__
    check_coupling(theory, name, value)
    if int(value) != value or value < least:
        words = "a positive integer" if least == 1 else f"an integer of at least {least}"
        raise ValueError(f"{theory}.{name} must be {words}, got {value!r}: try {least}")
    object.__setattr__(owner, name, float(value))
