"""Constraints that a scan can ask for with ``[scan] constraints``, in addition to those of every trial.

Each is computed from the recorded numbers of a trial, so that a cached evaluation serves every scan.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

# Constraints of every trial of every theory; without a state all are violated.
OF_EVERY_TRIAL = ("converged", "localised", "resolved", "stable", "vacuum_stable", "amplitude", "finite_energy")
_SATISFIED = -1e-3  # at most this where the state is stable but no distance to instability is known
_UNDEFINED = 1.0  # violated: nothing rotates, or there is no state


class Constraint(NamedTuple):
    """What it demands, as a clause, and its value from the recorded numbers; a value <= 0 means satisfied."""

    words: str
    value: Callable[[Mapping[str, float]], float]


def _classically_stable(values: Mapping[str, float]) -> float:
    """The number of negative modes at fixed charge; near dQ/domega = 0 the slope dlnQ/dlnomega, which is smooth."""
    modes = values.get("modes_at_fixed_charge", math.nan)
    slope = values.get("charge_slope", math.nan) * values.get("omega", math.nan) / values.get("charge", math.nan)
    if not (math.isfinite(modes) and math.isfinite(slope)):
        return _UNDEFINED
    slope = min(max(slope, -1.0), 1.0)
    if modes == 0:
        return min(slope, _SATISFIED)
    return modes - 1.0 + max(slope, -_SATISFIED) if slope > 0 else modes


def _stable_against_quanta(values: Mapping[str, float]) -> float:
    ratio = values.get("energy_per_charge", math.nan)
    return ratio - 1.0 if ratio != 1.0 and math.isfinite(ratio) else _UNDEFINED


def _certified(values: Mapping[str, float]) -> float:
    return _SATISFIED if values.get("certified") == 1.0 else _UNDEFINED


def _rotating(values: Mapping[str, float]) -> float:
    """-omega^2 over |omega^2| and the mass^2 of the lightest quantum, which is smooth."""
    squared, lightest = values.get("omega_squared", math.nan), values.get("lightest_squared", math.nan)
    if not (math.isfinite(squared) and squared != 0.0):
        return _UNDEFINED
    return -squared / (abs(squared) + (abs(lightest) if math.isfinite(lightest) else 0.0))


CONSTRAINTS: dict[str, Constraint] = {
    "certified": Constraint("the state passes every check of its certificate", _certified),
    "rotating": Constraint("the state rotates: omega^2 > 0", _rotating),
    "classically_stable": Constraint(
        "the rotating state is classically stable: dQ/domega < 0 and no other negative mode at fixed charge",
        _classically_stable,
    ),
    "stable_against_quanta": Constraint(
        "the rotating state cannot decay into free quanta: E_Q < m_free Q", _stable_against_quanta
    ),
}


def chosen(names: Iterable[str], values: Mapping[str, float]) -> dict[str, float]:
    """The values of the constraints ``names``."""
    return {name: CONSTRAINTS[name].value(values) for name in names}
