"""The kind of a state: Q-ball, bounce, kink, vacuum, ..., and its name in a sentence."""

from __future__ import annotations

import functools

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import sphere_area
from ..problem.problem import DiscreteProblem
from ..problem.residual import size_floor
from ..solvers.base import Solution

BOUNDARY_LIMIT = 1e-4  # norm in the outer tenth: a free wave in a box has 7e-3, a bound one decays exponentially


_EDGE_LIMIT = 1e-2  # the field at the edge of a decaying domain over its largest value; a tail of 14 lengths has 1e-6


_MINOR_FIELD = 0.3  # a field this much weaker than the strongest does not count for radial nodes


def is_homogeneous(problem: DiscreteProblem, u: Array) -> bool:
    """Whether the fields are constant in space (their gradient is a millionth of what a field of their size has)."""
    slope = problem.grid.integrate(problem.grid.differentiate(u) ** 2).sum()
    return bool(np.sqrt(slope) <= size_floor(problem) + 1e-7 * np.sqrt(problem.grid.integrate(u**2).sum()))


def boundary_fraction(problem: DiscreteProblem, u: Array) -> float:
    """Share of int (u - u_infinity)^2 in the outer tenth of the box, r > 0.9 R."""
    grid = problem.grid
    density = np.sum((grid.at_quadrature(u) - problem.vacuum.values) ** 2, axis=-1)
    total = float(np.sum(grid.quadrature_weights * density))
    # The outer tenth on its own quadrature: it need not begin at an element's edge.
    x, w = _outer_rule()
    r = grid.r_max * (0.95 + 0.05 * x)
    outer = np.sum((grid.interpolate(u, r) - problem.vacuum.values) ** 2, axis=-1)
    part = float(np.sum(0.05 * grid.r_max * w * sphere_area(grid.dim) * r ** (grid.dim - 1.0) * outer))
    return part / total if total > 0 else 0.0


@functools.cache
def _outer_rule() -> tuple[Array, Array]:
    return np.polynomial.legendre.leggauss(40)


def radial_nodes(problem: DiscreteProblem, u: Array) -> int:
    """Sign changes of u - u_infinity in r, the most of any field that takes a major part in the state."""
    away = problem.grid.sample(u, 40) - problem.vacuum.values
    strength = np.max(np.abs(away), axis=0)
    major = strength >= _MINOR_FIELD * np.max(strength)
    counts = []
    for i in np.flatnonzero(major):
        values = away[np.abs(away[:, i]) > 1e-3 * strength[i], i]
        counts.append(int(np.sum(values[1:] * values[:-1] < 0)))
    return max(counts, default=0)


def classify(problem: DiscreteProblem, solution: Solution, negative: int, fraction: float, homogeneous: bool) -> str:
    """The word for a state; see the table in the physics page."""
    if not solution.converged:
        return "unconverged"
    u = solution.u
    carrying = np.abs(u[len(u) // 2][problem.carries_norm > 0])
    condensed_ = bool(carrying.size and np.max(carrying) > 1e-4)
    if homogeneous:
        return "condensate" if condensed_ else "vacuum"
    if problem.parity == "odd":
        return "kink" if radial_nodes(problem, u) == 0 else "excited"
    if _reaches_the_edge(problem, u, fraction):
        return "condensate" if _fills_the_box(problem, solution) else "delocalised"
    if problem.norm is not None or problem.omega is not None:
        if radial_nodes(problem, u) > 0:
            return "excited"
        return "trapped" if problem.model.explicit_r else "q-ball"
    if radial_nodes(problem, u) > 0 or negative > 1:
        return "excited"
    if problem.model.explicit_r:
        return "trapped"
    return "bounce"


def _reaches_the_edge(problem: DiscreteProblem, u: Array, fraction: float) -> bool:
    """Whether the state is cut by the box.

    In a box of the user's the share of the outer tenth decides. A domain with the decaying exterior may end just
    outside a wall of any radius: there it is the size of the field at the edge.
    """
    if problem.boundary != "decaying":
        return fraction > BOUNDARY_LIMIT
    away = np.abs(u - problem.vacuum.values)
    return bool(np.max(away[-1]) > _EDGE_LIMIT * np.max(away))


def _fills_the_box(problem: DiscreteProblem, solution: Solution) -> bool:
    """A homogeneous vacuum inside, with a wall only where the boundary condition forces one."""
    grid = problem.grid
    r = np.linspace(0.0, 0.5 * grid.r_max, 20)
    inside = grid.interpolate(solution.u, r)
    flat = np.max(np.abs(inside - inside[0])) <= 1e-3 * np.max(np.abs(inside[0]) + 1e-300)
    return bool(flat and np.max(np.abs(inside[0] - problem.vacuum.values)) > 1e-3)


# What a kind of state is called in a sentence: singular, plural.
KIND_WORDS = {
    "q-ball": ("Q-ball", "Q-balls"),
    "bounce": ("bounce", "bounces"),
    "excited": ("excited state", "excited states"),
    "kink": ("kink", "kinks"),
    "trapped": ("trapped state", "trapped states"),
    "condensate": ("condensate", "condensates"),
    "vacuum": ("vacuum", "vacua"),
    "delocalised": ("delocalised state", "delocalised states"),
    "unconverged": ("unconverged trial", "unconverged trials"),
}


SOLITON_KINDS = ("q-ball", "bounce", "excited", "kink", "trapped")  # localised solutions; the rest is not a soliton
