"""The start of a theory with conditions at both ends: as the theory says, or each field between its values there."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy import ndarray as Array

from ..problem.energy_kernels import negative_fields
from ..problem.problem import DiscreteProblem

_WIDTHS = np.exp2(np.arange(-11.0, 6.0))  # tried, in 1/(lightest mass)
_POWERS = (1, 2, 4, 8, 32)  # of tanh: a core of winding n is as flat as r^n
_BETWEEN = np.exp2(np.array([-0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75]))  # widths tried around the best of those
_ROUNDS = 3


class BetweenEnds:
    """u_i = o_i + (v_i - o_i) tanh(r/w_i)^q_i, with the w_i and q_i of least energy among a few; the default guess.

    The fields of ``theory.start`` where the theory has them and they have less energy, or the energy has no minimum.
    """

    def on(self, problem: DiscreteProblem) -> Array:
        """Nodal fields (n_nodes, n_fields) that satisfy the conditions of the problem."""
        own = problem.model.start(problem.grid.nodes)
        if own is not None and negative_fields(problem.model, problem.grid.r_max):
            return own
        assert problem.model.ends is not None
        moving = np.flatnonzero(problem.model.ends.inner != problem.model.ends.outer).tolist()
        if len(moving):
            found, energy = _of_least_energy(problem, moving)
            return found if own is None or energy < problem.energy(own) else own
        if own is None:
            raise ValueError("solve: no field goes from one value at the origin to another at infinity: give a guess")
        return own


def _of_least_energy(problem: DiscreteProblem, moving: list[int]) -> tuple[Array, float]:
    """The profile of least energy, one field after the other, first among all widths and powers, then close to it."""
    assert problem.model.ends is not None
    inner, outer, r = problem.model.ends.inner, problem.model.ends.outer, problem.grid.nodes
    shapes: dict[tuple[float, int], Array] = {}

    def fields(chosen: list[tuple[float, int]]) -> Array:
        for width, power in set(chosen) - shapes.keys():
            shapes[width, power] = np.tanh(r / width) ** power
        u = inner + (outer - inner) * np.stack([shapes[one] for one in chosen], axis=1)
        u[-1] = outer
        return np.asarray(u)

    def improve(i: int, tried: Iterable[tuple[float, int]]) -> float:
        choices = [[*columns[:i], one, *columns[i + 1 :]] for one in tried]
        energies = np.array([problem.energy(fields(one)) for one in choices])
        k = int(np.argmin(np.where(np.isfinite(energies), energies, math.inf)))
        columns[:] = choices[k]
        return float(energies[k])

    columns, best = [(1.0, 1)] * len(inner), math.inf
    everything = [(float(width), power) for width in _WIDTHS for power in _POWERS]
    for _ in range(_ROUNDS):
        before = best
        for i in moving:
            best = improve(i, everything)
        if best == before:
            break
    for i in moving:
        width, power = columns[i]
        best = improve(i, [(width * float(factor), power) for factor in _BETWEEN])
    return fields(columns), best
