"""The kinds of states: Q-ball, bounce, kink, vacuum, ..., and the classification of a solution."""

from __future__ import annotations

import functools
from enum import StrEnum

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import sphere_area
from ..problem.problem import DiscreteProblem
from ..solvers.base import Solution
from .stability import is_rotating

BOUNDARY_LIMIT = 1e-4  # norm in the outer tenth: a free wave in a box has 7e-3, a bound state decays exponentially
_EDGE_LIMIT = 1e-2  # field at r_max over its largest value, "decaying" boundary; 1e-6 after a tail of 14 lengths
_FLAT = 1e-6  # variation of the fields of a homogeneous state
_CONDENSED = 1e-4  # least field of a condensate
_MINOR_FIELD = 0.3  # fields weaker than this fraction of the strongest are ignored for radial nodes


class Kind(StrEnum):
    """The kind of a state, equal to its text in files, tables and on the command line.

    ``words``: singular and plural in a sentence. ``localised``: whether it is a soliton. ``stable``: whether a
    certified state must have no negative mode. ``negative_modes``: the number that the kind has at l = 0 and fixed
    norm. ``needs_vacuum``: whether the vacuum around it must be stable.
    """

    words: tuple[str, str]
    localised: bool
    stable: bool
    negative_modes: int
    needs_vacuum: bool

    def __new__(
        cls, value: str, words: tuple[str, str], localised: bool, stable: bool, negative_modes: int, needs_vacuum: bool
    ) -> Kind:
        self = str.__new__(cls, value)
        self._value_ = value
        self.words, self.localised, self.stable = words, localised, stable
        self.negative_modes, self.needs_vacuum = negative_modes, needs_vacuum
        return self

    # text, words, localised, stable, negative_modes, needs_vacuum
    Q_BALL = "q-ball", ("Q-ball", "Q-balls"), True, True, 0, True
    # omega^2 <= 0: nothing rotates, so it is not a Q-ball.
    FIXED_NORM = (
        "minimum at fixed norm",
        ("minimum at fixed norm, ω² ≤ 0", "minima at fixed norm, ω² ≤ 0"),
        True, True, 0, True,
    )  # fmt: skip
    BOUNCE = "bounce", ("bounce", "bounces"), True, False, 1, True
    EXCITED = "excited", ("excited state", "excited states"), True, False, 0, True
    KINK = "kink", ("kink", "kinks"), True, True, 0, False
    TRAPPED = "trapped", ("trapped state", "trapped states"), True, True, 0, False
    # between the conditions that its theory sets at the origin and at infinity; modes are counted within the ansatz
    SOLITON = "soliton", ("soliton", "solitons"), True, False, 0, True
    CONDENSATE = "condensate", ("condensate", "condensates"), False, True, 0, False
    VACUUM = "vacuum", ("vacuum", "vacua"), False, True, 0, False
    DELOCALISED = "delocalised", ("delocalised state", "delocalised states"), False, False, 0, False
    # trials of a scan of transitions without a bubble
    NO_TRANSITION = (
        "no transition", ("trial without a transition of first order", "trials without a transition of first order"),
        False, False, 0, False,
    )  # fmt: skip
    NO_NUCLEATION = (
        "no nucleation", ("trial without nucleation", "trials without nucleation"), False, False, 0, False
    )  # fmt: skip
    UNCONVERGED = "unconverged", ("unconverged trial", "unconverged trials"), False, False, 0, False

    @classmethod
    def of(cls, text: str) -> Kind | None:
        """The kind with this text; None if there is none (a file of another version)."""
        return next((kind for kind in cls if kind == text), None)

    def __repr__(self) -> str:
        return repr(self.value)


def is_homogeneous(problem: DiscreteProblem, u: Array) -> bool:
    """Whether the fields are constant in space: no field varies by more than 1e-6, or by 1e-7 of the largest field.

    In the dimensionless problem the fields of a soliton are of order 1, and a state that has converged to a vacuum
    differs from it by 1e-10 or less, whatever the size of the box.
    """
    if problem.line is not None:  # the ends differ
        return False
    spread = float(np.max(np.ptp(problem.grid.at_quadrature(u), axis=(0, 1)) * np.sqrt(problem.model.kinetic)))
    return spread <= max(_FLAT, 0.1 * _FLAT * float(np.max(np.abs(u))))


def boundary_fraction(problem: DiscreteProblem, u: Array) -> float:
    """Fraction of int (u - u_infinity)^2 in the outer tenth of the box, r > 0.9 R."""
    grid = problem.grid
    density = np.sum((grid.at_quadrature(u) - problem.vacuum.values) ** 2, axis=-1)
    total = float(np.sum(grid.quadrature_weights * density))
    # A separate quadrature rule, because r = 0.9 R may lie inside an element.
    x, w = _outer_rule()
    r = grid.r_max * (0.95 + 0.05 * x)
    outer = np.sum((grid.interpolate(u, r) - problem.vacuum.values) ** 2, axis=-1)
    part = float(np.sum(0.05 * grid.r_max * w * sphere_area(grid.dim) * r ** (grid.dim - 1.0) * outer))
    return part / total if total > 0 else 0.0


@functools.cache
def _outer_rule() -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(40)


def radial_nodes(problem: DiscreteProblem, u: Array) -> int:
    """Number of sign changes of u - u_infinity in r, the maximum over the strong fields."""
    away = problem.grid.sample(u, 40) - problem.vacuum.values
    strength = np.max(np.abs(away), axis=0)
    major = strength >= _MINOR_FIELD * np.max(strength)
    counts = []
    for i in np.flatnonzero(major):
        values = away[np.abs(away[:, i]) > 1e-3 * strength[i], i]
        counts.append(int(np.sum(values[1:] * values[:-1] < 0)))
    return max(counts, default=0)


def classify(problem: DiscreteProblem, solution: Solution, negative: int, fraction: float, homogeneous: bool) -> Kind:
    """The kind of a state; docs/theory.md has the table."""
    if not solution.converged:
        return Kind.UNCONVERGED
    u = solution.u
    carrying = np.abs(u[len(u) // 2][problem.carries_norm > 0])
    condensed = bool(carrying.size and np.max(carrying) > _CONDENSED)
    if homogeneous:
        return Kind.CONDENSATE if condensed else Kind.VACUUM
    if problem.line is not None or problem.model.on_line:
        return Kind.KINK
    if problem.odd.any():
        return Kind.KINK if radial_nodes(problem, u) == 0 else Kind.EXCITED
    if problem.model.ends is not None:
        return Kind.SOLITON
    if _reaches_the_edge(problem, u, fraction):
        return Kind.CONDENSATE if _fills_the_box(problem, solution) else Kind.DELOCALISED
    rotates = is_rotating(problem, solution.multiplier)
    if problem.norm is not None or rotates:
        if radial_nodes(problem, u) > 0:
            return Kind.EXCITED
        if problem.model.explicit_r:
            return Kind.TRAPPED
        return Kind.Q_BALL if rotates else Kind.FIXED_NORM
    if radial_nodes(problem, u) > 0 or negative > 1:
        return Kind.EXCITED
    if problem.model.explicit_r:
        return Kind.TRAPPED
    return Kind.BOUNCE


def _reaches_the_edge(problem: DiscreteProblem, u: Array, fraction: float) -> bool:
    """Whether the box cuts the state off.

    The criterion is the fraction in the outer tenth; with the boundary "decaying", where the domain may end just
    outside the wall, it is the field at r_max.
    """
    if problem.boundary != "decaying":
        return fraction > BOUNDARY_LIMIT
    away = np.abs(u - problem.vacuum.values)
    return bool(np.max(away[-1]) > _EDGE_LIMIT * np.max(away))


def _fills_the_box(problem: DiscreteProblem, solution: Solution) -> bool:
    """Whether the inside is homogeneous, with a wall only where the boundary condition forces it."""
    grid = problem.grid
    r = np.linspace(0.0, 0.5 * grid.r_max, 20)
    inside = grid.interpolate(solution.u, r)
    flat = np.max(np.abs(inside - inside[0])) <= 1e-3 * np.max(np.abs(inside[0]) + 1e-300)
    return bool(flat and np.max(np.abs(inside[0] - problem.vacuum.values)) > 1e-3)
