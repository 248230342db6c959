"""A state transferred to a finer mesh or a larger box, to estimate errors from the change."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import RadialGrid
from ..problem.problem import DiscreteProblem
from ..problem.transfer import transfer
from ..solvers.base import Solution
from ..solvers.newton import Newton
from ..states.accuracy import EXTRA_ORDER

_OUTER_ELEMENTS = 6  # most elements in the new half of a box, where the fields are smooth
_STEPS = 6  # limit on Newton steps; from the interpolated state two or three are enough


def carry_to_finer_mesh(problem: DiscreteProblem, u: Array) -> tuple[DiscreteProblem, Solution]:
    """The state on a mesh of order p + 4, by Newton's method from its interpolant."""
    return _carry(problem, u, problem.grid.refine(extra_order=EXTRA_ORDER))


def carry_to_larger_box(problem: DiscreteProblem, u: Array) -> tuple[DiscreteProblem, Solution]:
    """The state on a mesh of order p + 4 in a box of twice the radius, from its interpolant and its tail outside."""
    grid = problem.grid
    edges, radius = grid.element_edges, grid.r_max
    count = min(_OUTER_ELEMENTS, math.ceil(radius / float(edges[-1] - edges[-2])))
    outer = radius + radius * np.arange(1, count + 1) / count
    larger = RadialGrid(order=grid.order + EXTRA_ORDER, dim=grid.dim, edges=(*edges.tolist(), *outer.tolist()))
    return _carry(problem, u, larger)


def _carry(problem: DiscreteProblem, u: Array, grid: RadialGrid) -> tuple[DiscreteProblem, Solution]:
    other = problem.with_grid(grid)
    return other, Newton(target="stationary", max_steps=_STEPS).run(other, transfer(problem, u, other))
