"""The start of a theory with conditions at both ends: as the theory says, or each field between its values there."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from ..problem.problem import DiscreteProblem

_WIDTHS = np.exp2(np.arange(-8.0, 6.0))  # tried, in 1/(lightest mass)
_POWERS = (1, 2, 4, 8, 32)  # of tanh: a core of winding n is as flat as r^n
_ROUNDS = 3


class BetweenEnds:
    """u_i = o_i + (v_i - o_i) tanh(r/w_i)^q_i, with the w_i and q_i of least energy among a few; the default guess."""

    def on(self, problem: DiscreteProblem) -> Array:
        """Nodal fields (n_nodes, n_fields) that satisfy the conditions of the problem."""
        ends, r = problem.model.ends, problem.grid.nodes
        if (own := problem.model.start(r)) is not None:
            return own
        assert ends is not None
        inner, outer = ends.inner, ends.outer
        shapes = [np.tanh(r / width) ** power for width in _WIDTHS for power in _POWERS]
        columns = [_WIDTHS.tolist().index(1.0) * len(_POWERS)] * len(inner)
        best, moving = math.inf, np.flatnonzero(inner != outer)
        if not len(moving):
            raise ValueError("solve: no field goes from one value at the origin to another at infinity: give a guess")

        def fields(chosen: list[int]) -> Array:
            shape = np.stack([shapes[k] for k in chosen], axis=1)
            u = inner + (outer - inner) * shape
            u[-1] = outer
            return u

        for _ in range(_ROUNDS):
            before = best
            for i in moving:
                tried = [[*columns[:i], k, *columns[i + 1 :]] for k in range(len(shapes))]
                energies = [problem.energy(fields(one)) for one in tried]
                k = int(np.argmin(np.where(np.isfinite(energies), energies, math.inf)))
                columns, best = tried[k], energies[k]
            if best == before:
                break
        return fields(columns)
