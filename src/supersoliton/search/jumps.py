"""Bounces of one field through a jump of V' or of V'': an element edge is placed where the field crosses it.

With the jump inside an element the energy converges as a low power of its length. On an edge every element sees a
smooth V; the edge moves until the field has the value of the jump there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import ndarray as Array
from scipy.optimize import brentq

from ..elements.edges import adapted_edges
from ..elements.grid import RadialGrid
from ..guesses.shooting import Way
from ..problem.problem import DiscreteProblem
from ..solvers.base import Solution
from ..states.accuracy import discretisation_error
from .adaptive import ELEMENTS, ORDER, TARGET

_CLEAR = 30.0  # times that a change of slope must exceed those around it to count as a jump
_LEAST = 1e-3  # least jump, relative to the largest value of its kind on the way
_MARGIN = 9  # points at the ends of a way that are not looked at
_MOVES = 15  # times that the edges are moved
_NUDGE = 0.02  # of an element, for the first differences
_PLACED = 1e-11  # distance of the field from the jump at its edge, relative to the centre


def jumps_of(way: Way, centre: float) -> list[float]:
    """The values of s below ``centre`` at which V' or V'' jumps."""
    curve = np.diff(way.slope) / np.diff(way.s)
    largest = int(np.searchsorted(way.s, centre))
    bends = _outstanding(np.abs(np.diff(way.slope)), np.max(np.abs(way.slope[:largest])), largest)
    steps = _outstanding(np.abs(curve[2:] - curve[:-2]), np.max(np.abs(curve[:largest])), largest) + 1
    apart = [int(j) for j in steps if all(abs(j - i) > _MARGIN for i in bends)]
    return sorted(
        [_crossing(way.s, way.value, int(j)) for j in bends] + [_crossing(way.s, way.slope, j) for j in apart]
    )


def _outstanding(change: Array, size: float, largest: int) -> Array:
    """Indices of changes that exceed all others near them."""
    around = np.maximum.reduce([np.roll(change, k) for k in (-6, -5, -4, 4, 5, 6)])
    near = np.maximum.reduce([np.roll(change, k) for k in (-2, -1, 1, 2)])
    at = np.flatnonzero((change > _CLEAR * around) & (change > _LEAST * size) & (change >= near))
    return at[(at > _MARGIN) & (at < largest - _MARGIN)]


def _crossing(s: Array, f: Array, j: int) -> float:
    """Where the cubics through four points on either side of the interval ``j`` meet."""
    width = s[j + 1] - s[j]
    x = (s[j - 4 : j + 6] - s[j]) / width
    y = f[j - 4 : j + 6]
    roots = np.roots(np.polyfit(x[:4], y[:4], 3) - np.polyfit(x[-4:], y[-4:], 3))
    real = roots[np.abs(roots.imag) < 1e-6].real
    return float(s[j] + width * (real[np.argmin(np.abs(real - 0.5))] if len(real) else 0.5))


def placed(
    problem: DiscreteProblem, solution: Solution, levels: list[float], newton: Any
) -> tuple[DiscreteProblem, Solution] | None:
    """The bounce with element edges where it is ``levels`` away from the vacuum; None if that fails."""
    found = None
    for n_elements in ELEMENTS[1:]:
        moved = _Edges(problem, solution, np.sort(levels)[::-1], newton, n_elements).find()
        if moved is None:
            break
        found = problem, solution = moved
        if discretisation_error(problem, solution.u, 0.0) <= TARGET:
            break
    return found


class _Edges:
    """A mesh of ``n_elements`` with edges at the jumps, whose radii are found by Broyden's method."""

    def __init__(
        self, problem: DiscreteProblem, solution: Solution, levels: Array, newton: Any, n_elements: int
    ) -> None:
        self.problem, self.u, self.levels, self.newton = problem, solution.u, levels, newton
        self.edges = np.array(adapted_edges(problem.grid, solution.u, n_elements))

    def away(self, grid: RadialGrid, u: Array, r: Any) -> Array:
        """The distance from the vacuum at radii."""
        root = math.sqrt(float(self.problem.model.kinetic[0]))
        return root * np.abs(grid.interpolate(u, np.atleast_1d(r))[:, 0] - self.problem.vacuum.values[0])

    def find(self) -> tuple[DiscreteProblem, Solution] | None:
        grid = self.problem.grid
        try:
            self.first = np.array(
                [brentq(lambda r, y=y: self.away(grid, self.u, r)[0] - y, 0.0, grid.r_max) for y in self.levels]
            )
        except ValueError:  # the field does not reach a level
            return None
        self.at = np.array([int(np.argmin(np.abs(self.edges[1:-1] - r))) + 1 for r in self.first])
        size, x = float(self.away(grid, self.u, 0.0)[0]), self.first.copy()
        nudges = _NUDGE * np.diff(self.edges)[self.at] * np.eye(len(x))
        starts = [self.solve(x), *(self.solve(x + nudge) for nudge in nudges)]
        if any(start is None for start in starts):
            return None
        current, gap = starts[0], starts[0][2]  # type: ignore[index]
        slopes = np.stack([(s[2] - gap) / n.sum() for s, n in zip(starts[1:], nudges, strict=True)], 1)  # type: ignore[index]
        for _ in range(_MOVES):
            if np.max(np.abs(gap)) <= _PLACED * size:
                return current[:2]  # type: ignore[index]
            step = -np.linalg.solve(slopes, gap)
            current = self.solve(x + step)
            if current is None:
                return None
            x, before, gap = x + step, gap, current[2]
            slopes += np.outer(gap - before - slopes @ step, step) / float(step @ step)
        return None

    def solve(self, x: Array) -> tuple[DiscreteProblem, Solution, Array] | None:
        """The solution with edges at ``x``, and by how much it misses the levels there.

        It starts with the levels at ``x``, or V would be taken on the wrong side of a jump between.
        """
        edges, grid = self.edges.copy(), self.problem.grid
        edges[self.at] = x
        if np.any(np.diff(edges) <= 0.0):
            return None
        on = self.problem.with_grid(RadialGrid(edges=tuple(edges), order=ORDER, dim=grid.dim))
        known = [np.concatenate([[0.0], np.sort(radii), [grid.r_max]]) for radii in (x, self.first)]
        end = self.newton.run(on, grid.interpolate(self.u, np.interp(on.grid.nodes, known[0], known[1])))
        return (on, end, self.away(on.grid, end.u, x) - self.levels) if end.converged else None
