"""Motions of one field along a line, from the centre outwards, many at once (:mod:`.shooting`)."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from ..guesses.dormand_prince import ERROR, NODES, STAGES
from ..solvers.base import Stopwatch
from .line import Line

_RTOL = 1e-6  # of the integration; Newton's method on the mesh makes the rest
_STEPS = 6000  # limit on steps
_ESCAPED = 30.0  # |x| over that of the centre at which the motion has left for good


def integrate(
    line: Line, r: Array, x: Array, slope: Array, limit: Array, watch: Stopwatch, group: Array | None = None
) -> tuple[Array, Array, list[tuple[Array, Array, Array]]]:
    """Follow the motions until their nodes are final or more than ``limit``.

    Each has its own steps, or those of its ``group``; then the points after each step are recorded. Returns the nodes,
    whether the motion is trapped, and the record: (r, x, x') of all motions. When the time of ``watch`` is up, the
    motions end where they are, not trapped.
    """
    state, r = np.stack([x, slope]), r.copy()
    far = _ESCAPED * np.abs(x)
    step = 0.3 * r if group is None else 0.01 * r
    energy, force = line.potential(x, r)
    count, trapped, active = np.zeros(len(x), int), np.zeros(len(x), bool), np.arange(len(x))
    record = [(r.copy(), *state.copy())]
    for _ in range(_STEPS):
        if not len(active) or watch.expired:
            break
        at, y, h = r[active], state[:, active], step[active]
        moved, value, pull, worst = _step(line, at, y, force[active], h)
        if group is not None:
            most = np.zeros(int(np.max(group)) + 1)
            np.maximum.at(most, group[active], worst)
            worst = most[group[active]]
        good = worst <= 1.0
        step[active] = h * np.clip(0.9 * (worst + 1e-30) ** -0.2, 0.2, 4.0)
        done = active[good]
        count[done] += moved[0, good] * y[0, good] < 0.0
        r[done], state[:, done] = (at + h)[good], moved[:, good]
        energy[done], force[done] = value[good], pull[good]
        trapped[done] = (0.5 * line.kinetic * state[1, done] ** 2 < energy[done]) & (r[done] >= line.settled)
        gone = trapped[done] | (count[done] > limit[done]) | ~(np.abs(state[0, done]) <= far[done])
        active = np.concatenate([active[~good & (step[active] > 1e-12 * (1.0 + at))], done[~gone]])
        if group is not None:
            record.append((r.copy(), *state.copy()))
    return count, trapped, record


def _step(line: Line, r: Array, y: Array, force: Array, h: Array) -> tuple[Array, Array, Array, Array]:
    """(x, x') after a step of length ``h``, U and dU/dx there, and the error over the tolerance."""
    friction, k = line.dim - 1.0, line.kinetic
    stages = [np.stack([y[1], force / k - friction / r * y[1]])]
    with np.errstate(all="ignore"):
        for node, row in zip(NODES[1:], STAGES[1:], strict=True):
            moved = y + h * sum(a * s for a, s in zip(row, stages, strict=True) if a)
            value, pull = line.potential(moved[0], r + node * h)
            stages.append(np.stack([moved[1], pull / k - friction / (r + node * h) * moved[1]]))
        error = np.abs(h * sum(e * s for e, s in zip(ERROR, stages, strict=True) if e))
        worst = np.max(error / (np.abs(y) + h * np.abs(stages[0]) + 1e-300), axis=0) / _RTOL
    return moved, value, pull, np.where(np.isfinite(worst), worst, 1e30)
