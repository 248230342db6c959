"""Options of the self-consistent mode; see :mod:`.self_consistent`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .._checks import is_number
from ..theory.base import THEORIES


@dataclass(frozen=True)
class SelfConsistent:
    """Options of :func:`self_consistent`: which couplings are fed back, and how.

    Parameters
    ----------
    feedback : tuple of str, default ("m0_squared",)
        Names of the couplings, among those for which the theory (or ``formulas``) gives effective values.
    closure : str, default "hartree"
        ``"hartree"`` (V averaged over Gaussian fluctuations) or ``"tangent"`` (derivatives of V in the state).
    fluctuation : float, default 0.1
        For "hartree": variance of the fluctuations over the square of the field.
    relaxation : float, default 0.5
        Fraction of the step to the effective couplings taken in each iteration; in the first one, if it adapts.
    adapt : bool, default True
        Adapt the fraction to the last two differences, between 1/64 and 2.
    tolerance : float, default 1e-8
        Largest difference between fed and effective couplings, relative to the larger of bare and effective.
    max_iterations : int, default 60
        Limit on solves.
    clip : dict of str to (float, float), default {}
        Ranges that couplings are kept within, by name.

    Raises
    ------
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> ss.SelfConsistent(feedback=("m0_squared", "g"), fluctuation=0.05).closure
    'hartree'
    """

    feedback: tuple[str, ...] = ("m0_squared",)
    closure: str = "hartree"
    fluctuation: float = 0.1
    relaxation: float = 0.5
    adapt: bool = True
    tolerance: float = 1e-8
    max_iterations: int = 60
    clip: dict[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        where = "self_consistent"
        known = dict.fromkeys(closure for theory in THEORIES.values() for closure in theory.closures)
        if self.closure not in known:
            raise ValueError(f"{where}.closure must be one of {', '.join(known)}, got {self.closure!r}: choose one.")
        if not self.feedback or len(set(self.feedback)) != len(self.feedback):
            raise ValueError(
                f"{where}.feedback must be distinct couplings, got {list(self.feedback)}: name at least one."
            )
        for name, low, high in (("fluctuation", 0.0, 1e6), ("relaxation", 0.0, 1.0), ("tolerance", 0.0, 0.1)):
            value = getattr(self, name)
            if not (is_number(value) and low < value <= high):
                raise ValueError(
                    f"{where}.{name} must be above {low:g} and at most {high:g}, got {value!r}: correct it."
                )
        if isinstance(self.max_iterations, bool) or not isinstance(self.max_iterations, int) or self.max_iterations < 1:
            raise ValueError(f"{where}.max_iterations must be at least 1, got {self.max_iterations!r}: try 60.")
        for name, limits in self.clip.items():
            fits = isinstance(limits, list | tuple) and len(limits) == 2 and all(is_number(x) for x in limits)
            if name not in self.feedback or not fits or not limits[0] < limits[1]:
                raise ValueError(
                    f"{where}.clip must give [low, high] for couplings that are fed back, got {name} = {limits!r}: "
                    "e.g. { m0_squared = [0.1, 2.0] }."
                )


def recorded_names(feedback: Iterable[str]) -> tuple[str, ...]:
    """The names under which a trial records its iterations, their residual, and each effective coupling."""
    return ("iterations", "self_consistency", *(f"effective_{name}" for name in feedback))
