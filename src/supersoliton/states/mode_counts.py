r"""Numbers of negative and zero modes of a state in the sectors that decide its stability.

In d > 1 a sector is an angular momentum l. The barrier l(l + d - 2)/r^2 grows with l, so a sector without negative
modes has none above it. In d = 1 the sectors are the parities, and neither says anything about the other.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..problem.problem import DiscreteProblem
from ..problem.tangent_space import RankOne, TangentSpace
from ..problem.zero_modes import inertia, window
from .accuracy import translation_mode
from .jumps import delta_functions

_TRANSLATED = 1e-6  # eigenvalue of a translation, in the largest mass^2, that is 0
_HIGHEST = 2  # angular momentum looked at: what is stable against l = 1 and 2 is so far more often than not beyond


class ModeCounts(NamedTuple):
    """The counts; ``space`` is the second variation at l = 0 without its zero modes."""

    unconstrained: int  # negative modes at l = 0 without the constraint of the norm
    negative: tuple[int, ...]  # by sector: l = 0, 1, 2; in d = 1 the state's own parity and the opposite, or the line
    zero: int  # at l = 0
    unstable: int  # negative modes at l = 0 at fixed charge where the frequency is fixed, else those of ``negative``
    translation: float  # eigenvalue of the translation, in mass^2; NaN where there is none
    space: TangentSpace


def count_modes(
    problem: DiscreteProblem, u: Array, multiplier: float, *, homogeneous: bool, stationary: bool = True
) -> ModeCounts:
    """Count the modes of a state; one factorisation for each sector and one more at l = 0.

    A translation of a ``stationary`` state that is no zero mode is taken as a sign that V' may jump, and then the count
    is made again with the delta functions of V''.
    """
    counts = _counted(problem, u, multiplier, homogeneous, None)
    largest = float(np.max(np.abs(problem.vacuum.masses_squared)))
    fixed = problem.model.explicit_r or problem.model.ends is not None
    if homogeneous or not stationary or fixed or abs(counts.translation) <= _TRANSLATED * largest:
        return counts
    deltas = delta_functions(problem, u)
    return counts if deltas is None else _counted(problem, u, multiplier, homogeneous, deltas)


def _counted(
    problem: DiscreteProblem, u: Array, multiplier: float, homogeneous: bool, deltas: RankOne | None
) -> ModeCounts:
    eps = window(problem)
    below = TangentSpace(problem, u, multiplier, sigma=eps, deltas=deltas)
    above = below.shifted(-eps)
    own = inertia(below, above)
    unstable = unconstrained = own.negative
    if problem.model.ends is not None and problem.carries_norm.any():  # the theory conserves a norm
        own = inertia(below.at_fixed_norm(), above.at_fixed_norm())
        unstable = own.negative
    if problem.norm is not None:
        none = np.empty((*u.shape, 0))
        unconstrained = inertia(below.constrained_by(none), above.constrained_by(none)).negative
    if problem.omega is not None:
        unstable = inertia(below.at_fixed_norm(), above.at_fixed_norm()).negative
    space = below
    if own.near:  # the shift is not small compared with these modes
        space = TangentSpace(problem, u, multiplier, curvature=below.curvature, held=own.modes, deltas=deltas)
    counts, translation = [own.negative], math.nan
    for ell in _other_sectors(problem):
        if float(problem.grid.dim) != 1.0 and counts[-1] + (ell == 1 and problem.norm is not None) == 0:
            counts.append(0)
            continue
        sector = TangentSpace(problem, u, multiplier, sigma=eps, ell=ell, curvature=below.curvature, deltas=deltas)
        count = sector.count_negative()
        if ell == 1 and not homogeneous and not problem.model.explicit_r:
            translation = translation_mode(sector)
            count -= int(translation < -eps and count > 0)  # an error of the mesh or the box, not a decay
        counts.append(count)
    if problem.line is not None:
        free = np.empty((*u.shape, 0))  # without the phase condition, which removes the translation
        given: dict[str, Any] = {"factors": below.factors, "constraints": free, "deltas": deltas}
        translation = translation_mode(TangentSpace(problem, u, multiplier, sigma=eps, **given))
    return ModeCounts(unconstrained, tuple(counts), own.zero, unstable, translation, space)


def _other_sectors(problem: DiscreteProblem) -> range:
    if problem.line is not None or problem.model.ends is not None:
        return range(0)  # both parities are in the one sector of a whole line; a density has no l >= 1
    return range(1, 2 if float(problem.grid.dim) == 1.0 else _HIGHEST + 1)


def in_words(problem: DiscreteProblem, counts: tuple[int, ...]) -> str:
    """The numbers of negative modes that are not 0, with their sectors."""
    parts = (
        f"{count} negative mode{'s' if count > 1 else ''} {_sector(problem, ell)}"
        for ell, count in enumerate(counts)
        if count
    )
    return ", ".join(parts)


def _sector(problem: DiscreteProblem, ell: int) -> str:
    if float(problem.grid.dim) != 1.0:
        return f"at l = {ell}"
    first = np.asarray(problem.free_first)
    if problem.line is not None:
        return "on the line"
    if np.ptp(first):
        return "of the opposite parity" if ell else "of the state's own parity"
    return "of odd parity" if bool(first[0]) == bool(ell) else "of even parity"
