"""Pareto sets of points that are maximised, and the volume that they dominate."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array


def nondominated(points: Array) -> Array:
    """Indices, ascending, of the rows of `points` (n, d) that no other beats; of equal rows the first."""
    order = np.argsort(-points.sum(axis=1), kind="stable")  # whoever beats a row comes before it
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
    """By how much the hypervolume of `front` grows with one more point; all coordinates >= 0."""
    covered = np.minimum(front, point)  # the part of the point's own box that the front has already
    return float(np.prod(point)) - hypervolume(covered[nondominated(covered)] if len(covered) else covered)


def choose_largest_gains(front: Array, points: Array, count: int) -> list[int]:
    """Indices of up to `count` rows, each the one that adds most to the front and those chosen before it.

    Gains only fall as more is chosen, so a point is looked at again only when its last known gain is the largest.
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
