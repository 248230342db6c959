r"""Newton's method for walls whose radius is many times their width.

Moving the wall is almost a zero mode, :math:`-(d-1)/R^2`, along which a Newton step is right only over a fraction of
the wall's width. So its step is split: across u'(r) the shape moves as usual; along it the whole profile is shifted,
mesh and all, by the distance that the step promises.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..elements.edges import adapted_edges
from ..elements.grid import RadialGrid
from ..problem.problem import DiscreteProblem
from ..problem.residual import force
from ..problem.tangent_space import TangentSpace
from ..solvers.base import Solution
from ..states.observables import core_radius

_MOVES = 25  # times that a wall is placed
_PLACED = 0.02  # displacement, relative to the width, up to which a step may be taken as it is
_STANDS = 1e-8  # the same, below which the wall stands
_SHAPE = 0.05  # change of the fields, relative to the wall's height, above which the wall is not moved yet


def settle(problem: DiscreteProblem, u: Array, newton: Any) -> tuple[DiscreteProblem, Solution]:
    """The bounce from a wall of roughly the right shape and radius, on a mesh that follows it."""
    for _ in range(_MOVES):
        slope = problem.grid.differentiate(u)
        along = (problem.grid.mass_form @ slope) * problem.free_nodes
        weight = float(np.sum(along * slope))
        height = float(np.max(np.linalg.norm(u - problem.vacuum.values, axis=1)))
        width = height / float(np.max(np.linalg.norm(slope, axis=1)))
        at = force(problem, u)
        step, _ = TangentSpace(problem, u, 0.0).solve(-at.vector)
        if not np.all(np.isfinite(step)):
            break
        distance = -float(np.sum(along * step)) / weight  # u(r - distance) is u - distance u'
        shape = step + distance * slope
        change = float(np.max(np.abs(shape))) / height
        shape *= min(1.0, 0.5 / max(change, 1e-300))
        radius = core_radius(problem, u)
        distance = float(np.clip(distance, -0.3 * radius, 0.5 * radius)) if change <= _SHAPE else 0.0
        if abs(distance) <= _PLACED * width and change <= _SHAPE:
            u = u + step
            if abs(distance) <= _STANDS * width and change <= _STANDS:
                break
        else:
            problem, u = _moved(problem, u + shape, distance)
    return problem, newton.run(problem, u)


def _moved(problem: DiscreteProblem, u: Array, distance: float) -> tuple[DiscreteProblem, Array]:
    """The profile shifted outwards by ``distance`` as a whole, on elements that are shifted with it."""
    if distance == 0.0:
        return problem, u
    grid = problem.grid
    radius = core_radius(problem, u)
    r = np.linspace(0.0, grid.r_max, 40001)
    outer = _shifted(r, radius, distance)
    edges = np.interp(grid.element_edges, r, outer)
    base = RadialGrid(edges=tuple(edges), order=grid.order, dim=grid.dim)
    v = grid.interpolate(u, np.clip(np.interp(base.nodes, outer, r), 0.0, grid.r_max))
    fitted = RadialGrid(edges=adapted_edges(base, v, grid.n_elements), order=grid.order, dim=grid.dim)
    return problem.with_grid(fitted), base.interpolate(v, fitted.nodes)


def _shifted(r: Array, radius: float, distance: float) -> Array:
    """The radius that ``r`` moves to: the origin stays, all beyond half the wall's radius moves by ``distance``."""
    x = np.clip(2.0 * r / radius, 0.0, 1.0)
    return r + distance * x**2 * (3.0 - 2.0 * x)
