"""Pareto sets of maximised points, the fronts behind them, and the dominated hypervolume.

Values of the objectives of a study become maximised points by the factor `signs_of`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy import ndarray as Array


def signs_of(directions: Iterable[Any]) -> Array:
    """1 for each of Optuna's directions that maximises, -1 for each that minimises."""
    return np.array([1.0 if direction.name == "MAXIMIZE" else -1.0 for direction in directions])


def dominates(ones: Array, others: Array) -> Array:
    """Where one is at least as good as the other in all coordinates (along the first axis) and better in some."""
    return np.logical_and((ones >= others).all(axis=0), (ones > others).any(axis=0))


def nondominated(points: Array) -> Array:
    """Ascending indices of the rows of `points` (n, d) that no other dominates; the first of equal rows."""
    order = np.argsort(-points.sum(axis=1), kind="stable")  # a row comes after those that dominate it
    kept: list[int] = []
    front = np.empty((0, points.shape[1]))
    for index in order:
        if not (front >= points[index]).all(axis=1).any():
            kept.append(int(index))
            front = np.vstack([front, points[index]])
    return np.array(sorted(kept), dtype=int)


def hypervolume(points: Array) -> float:
    """Volume of the union of the boxes [0, p] over the rows p >= 0 of ``points``, shape (n, d).

    Sliced along the last axis; exact, n log n in two dimensions, one factor n more for each further one.
    """
    if points.size == 0:
        return 0.0
    if points.shape[1] == 1:
        return float(points.max())
    ordered = points[np.argsort(-points[:, -1], kind="stable")]
    heights = np.append(ordered[:, -1], 0.0)
    if points.shape[1] == 2:
        widths = np.maximum.accumulate(ordered[:, 0])
        return float(np.sum(widths * (heights[:-1] - heights[1:])))
    slices = (hypervolume(ordered[: i + 1, :-1]) * (heights[i] - heights[i + 1]) for i in range(len(ordered)))
    return float(sum(slices))


def gain(front: Array, point: Array) -> float:
    """Increase of the hypervolume of `front` by one more point; all coordinates >= 0."""
    covered = np.minimum(front, point)  # the part of the point's own box that the front already dominates
    return float(np.prod(point)) - hypervolume(covered[nondominated(covered)] if len(covered) else covered)


def choose_largest_gains(front: Array, points: Array, count: int) -> list[int]:
    """Indices of up to `count` rows, each with the largest gain over the front and those chosen before it.

    Gains only fall as more points are chosen, so one is computed again only if its last value is the largest.
    """
    gains = {index: gain(front, point) for index, point in enumerate(points)}
    current: dict[int, int] = dict.fromkeys(gains, 0)  # how many had been chosen when the gain was computed
    chosen: list[int] = []
    while gains and len(chosen) < count:
        best = max(gains, key=lambda index: (gains[index], -index))
        if current[best] == len(chosen):
            chosen.append(best)
            del gains[best]
        else:
            gains[best] = gain(np.vstack([front, points[chosen]]), points[best])
            current[best] = len(chosen)
    return chosen


class Fronts:
    """Points sorted into fronts, updated as points are added.

    Front 0 contains the points that no other dominates, front k + 1 those dominated by points of the fronts 0 … k only.
    A new point moves others by at most one front, so adding it takes a few comparisons with all, not a new sort.
    """

    def __init__(self, dimension: int) -> None:
        # coordinates along the first axis: comparisons along a short last axis take several times as long
        self._points, self._ranks, self._count = np.empty((dimension, 64)), np.empty(64, dtype=int), 0

    @property
    def points(self) -> Array:
        """Shape (n, d), in the order in which they were added."""
        return self._points[:, : self._count].T

    @property
    def ranks(self) -> Array:
        """The front of each point."""
        return self._ranks[: self._count]

    def extend(self, points: Array) -> None:
        """Add many points, shape (n, d); the first call is ten times as fast as repeated calls of `add`."""
        if not self._count and len(points):
            self._points, self._ranks, self._count = points.T.copy(), _ranks(points), len(points)
            return
        for point in points:
            self.add(point)

    def add(self, point: Array) -> None:
        if self._count == len(self._ranks):
            self._points, self._ranks = np.hstack([self._points] * 2), np.hstack([self._ranks] * 2)
        points, ranks = self._points[:, : self._count], self.ranks
        level = int(ranks[dominates(points, point[:, None])].max(initial=-1)) + 1
        self._points[:, self._count], self._ranks[self._count] = point, level
        moved = point[:, None]
        while moved.size:  # members of a front that are dominated by points joining it move to the next front
            there = np.flatnonzero(ranks == level)
            beaten = there[dominates(moved[:, :, None], points[:, None, there]).any(axis=0)]
            level += 1
            ranks[beaten] = level
            moved = points[:, beaten]
        self._count += 1


_BLOCK = 64  # points compared with all before them at once: as fast as 32 or 128, in arrays that fit the cache


def _ranks(points: Array) -> Array:
    """The front of each row: one more than the last front of those that dominate it.

    In descending lexicographic order a row comes after those that dominate it, and an earlier distinct row dominates it
    if it is at least as good in all coordinates but the first.
    """
    distinct, back = np.unique(points, axis=0, return_inverse=True)
    columns = np.ascontiguousarray(distinct[::-1, 1:].T)
    ranks = np.zeros(len(distinct), dtype=np.int32)  # int32: half the memory to read
    for start in range(0, len(ranks), _BLOCK):
        stop = min(start + _BLOCK, len(ranks))
        beaten = np.all(columns[:, None, :stop] >= columns[:, start:stop, None], axis=0)
        ranks[start:stop] = np.where(beaten[:, :start], ranks[:start], -1).max(axis=1, initial=-1) + 1
        for row, index in enumerate(range(start, stop)):  # those of the block itself, one after another
            within = ranks[start:index][beaten[row, start:index]]
            ranks[index] = max(ranks[index], within.max(axis=0, initial=-1) + 1)
    return ranks[::-1][back.ravel()].astype(int)
