r"""Bound states counted in infinite space, not in the box.

A wall that holds the fields at r_max lifts weakly bound states into the continuum, and a free one pulls states of the
continuum below it. The number of bound states below the lowest threshold E_0 is that of the negative eigenvalues of the
operator less E_0 on the mesh, where the boundary condition is that of the solution at E_0 outside, in which nothing but
the centrifugal term is left: :math:`\eta \propto r^{-(l+d-2)}` in the channel of the threshold (a constant in one
dimension, and in two at l = 0) and :math:`r^{-\nu}K_{\nu+l}(\kappa r)` in those above. It is the least form of the
outside, so this holds for any number of fields.

For one field it is the number of nodes of the solution at E_0 (R. Courant, D. Hilbert, *Methods of Mathematical
Physics* I (1953), chapter VI).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
from numpy import ndarray as Array

from ..problem import second_variation
from ..problem.asymptotics import gaps_of
from ..problem.exterior import exterior_form, square_root
from ..problem.norm import without_rotation
from ..problem.problem import DiscreteProblem
from ..problem.tangent_space import RankOne, TangentSpace, first_free
from ..theory.vacua import mass_matrix
from .curved_operator import KineticMass

# Eigenvalue of the form at the threshold, in mass^2, below which a state may as well be a resonance there; and the same
# over 1/R^2, the level spacing of the box.
_MARGIN, _MARGIN_IN_BOX = 1e-7, 1e-2
_TAIL = 0.3  # the same over the change of V'' outside the box, which is neglected
_SHALLOW = 7.0  # R sqrt(E_0 - lambda) below which the box moves a bound state by more than 1e-6
_FLAT = 1e-3  # deviation of V'' at r_max from its value outside, relative to it, in a box that holds the state
_STEPS, _HALVINGS, _SOLVES = 8, 60, 4
_ACCURACY = 1e-12  # of a bound state that is matched to the outside, in the largest mass^2


class BoundStates(NamedTuple):
    """Eigenvalues below the lowest threshold, and the number of states that may be bound by next to nothing."""

    values: Array
    undecided: int


def bound_states(
    problem: DiscreteProblem,
    u: Array,
    multiplier: float,
    ell: int,
    levels: Array,
    curvature: Array | None = None,
    deltas: RankOne | None = None,
) -> BoundStates:
    """The bound states in infinite space, from the ``levels`` in the box, ascending.

    Where the operator is not constant outside the box (a trap, a state that the box cuts off), they are the levels
    below the threshold.
    """
    matched = Matched(problem, u, multiplier, ell, curvature, deltas)
    if not matched.applies:
        return BoundStates(levels[levels < matched.threshold], 0)
    if matched.is_free:
        return BoundStates(levels[:0], 0)
    margin = max(_MARGIN * matched.scale, _TAIL * matched.tail)
    margin = min(margin, _MARGIN_IN_BOX / problem.grid.r_max**2)
    most = matched.count(matched.threshold, -margin)
    # The wall of a box lifts every level, so what is bound in it is bound without it.
    sure = int(np.sum(levels < matched.threshold - margin)) if not np.any(problem.free_last) else 0
    count = most if sure == most else matched.count(matched.threshold, margin)
    values = levels[:count].copy()
    for k in np.flatnonzero(matched.is_matched(values)):
        values[k] = matched.level(int(k), float(values[k]))
    return BoundStates(values, most - count)


class Matched:
    """The second variation on the mesh, matched at r_max to the solution outside at an eigenvalue E."""

    def __init__(
        self,
        problem: DiscreteProblem,
        u: Array,
        multiplier: float,
        ell: int,
        curvature: Array | None = None,
        deltas: RankOne | None = None,
    ) -> None:
        self.problem, self.u, self.multiplier, self.ell, self.deltas = problem, u, multiplier, ell, deltas
        self.curvature = problem.curvature(u) if curvature is None else curvature
        self.gaps = gaps_of(problem, multiplier)
        self.finite = bool(np.all(np.isfinite(self.gaps)))
        edges = np.linalg.eigvalsh(self.gaps) if self.finite else np.full(len(self.gaps), math.inf)
        self.threshold, self.scale = float(edges[0]), float(np.max(np.abs(edges)))
        self.kinetic = problem.model.kinetic_at(problem.vacuum.values, problem.grid.r_max)
        self.curved = None if problem.model.density_function is None else KineticMass(problem, self.curvature)

    @cached_property
    def _moved(self) -> Array:
        """The change of V'', and of a kinetic matrix that depends on the fields, against those outside the box."""
        problem, n, root = self.problem, len(self.gaps), square_root(self.kinetic)
        outside = root @ mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max) @ root
        if self.curved is None:
            return np.asarray(self.curvature - outside)
        return np.asarray(self.curvature - scipy.linalg.block_diag(outside, self.kinetic))[..., : 2 * n, : 2 * n]

    @cached_property
    def tail(self) -> float:
        """The change of V'' outside the box, estimated from the last point, or from the outer tenth."""
        model, at, radius = self.problem.model, self.problem.vacuum.values, self.problem.grid.r_max
        moved = float(np.max(np.abs(self._moved[-1, -1])))
        if model.explicit_r:
            inside = mass_matrix(model, at, 0.9 * radius)
            moved = max(moved, float(np.max(np.abs(inside - mass_matrix(model, at, radius)))))
        return moved

    @property
    def applies(self) -> bool:
        """Whether the operator is that of the vacuum outside the box."""
        return self.finite and self.scale > 0.0 and self.tail <= _FLAT * self.scale

    @property
    def is_free(self) -> bool:
        """Whether V'' is constant in space, so that nothing is bound."""
        return bool(np.max(np.abs(self._moved)) <= 1e-10 * self.scale)

    def exterior(self, energy: float) -> Array:
        grid = self.problem.grid
        gaps = self.gaps - energy * np.eye(len(self.gaps))
        return exterior_form(float(grid.dim), self.kinetic, gaps, grid.r_max, self.ell, zero=1e-12 * self.scale)

    def space(self, energy: float, shift: float = 0.0) -> TangentSpace:
        """The operator less ``energy``, with ``shift`` added, factorised."""
        problem = self.problem
        curvature, total = without_rotation(problem, self.u, self.curvature, self.multiplier)
        if self.curved is None:
            total = total + (shift - energy) * self.kinetic
        else:
            curvature = curvature + (shift - energy) * self.curved.weight
        ends = {"free_first": first_free(problem, self.ell), "free_last": np.ones(len(self.kinetic))}
        factors = second_variation.factorise(
            problem, curvature, total, ell=self.ell, exterior=self.exterior(energy), **ends
        )
        given: dict[str, Any] = {"factors": factors, "deltas": self.deltas, "constraints": np.empty((*self.u.shape, 0))}
        return TangentSpace(problem, self.u, self.multiplier, ell=self.ell, **given)

    def count(self, energy: float, shift: float = 0.0) -> int:
        """The number of bound states below ``energy``."""
        return self.space(energy, shift).count_negative()

    def level(self, k: int, start: float) -> float:
        """The eigenvalue of bound state ``k`` (from 0), by Newton's method or, where that fails, by bisection."""
        tolerance = _ACCURACY * self.scale
        bottom = min(start, self.threshold) - 0.1 * self.scale
        energy, v, index = min(start, self.threshold - tolerance), self._random(), -1
        for step_number in range(_STEPS):
            depth, space = self.threshold - energy, self.space(energy)
            value, v = self._nearest(space, v, _SOLVES if step_number == 0 else _SOLVES // 2)
            step = value / (1.0 - self._slope(energy, v, 1e-4 * max(depth, 1e-8 * self.scale)))
            if abs(value) > 1e-13 * self.scale:
                # The count at an energy tells which state is next to it, if none is at that very energy.
                index = space.count_negative() - (value < 0.0)
            energy += step
            if not bottom < energy < self.threshold:
                break
            # Newton's error is quadratic in the step, on the scale of the depth; that of the slope is 1e-8 of it.
            if abs(step) * (abs(step) / depth + 1e-8) <= tolerance:
                if index == k:
                    return energy
                break
        low, high = bottom, self.threshold
        while self.count(low) > k:
            low -= 2.0 * (high - low)
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            if self.count(middle) > k:
                high = middle
            else:
                low = middle
            if high - low <= tolerance:
                break
        return 0.5 * (low + high)

    def is_matched(self, levels: Array) -> Array:
        """Which bound states the box would move, so that they are matched to the outside."""
        return self.applies & (levels > self.threshold - (_SHALLOW / self.problem.grid.r_max) ** 2)

    def slope(self, energy: float, rate: Callable[[Array], Array], gaps: Array) -> Array:
        """Derivatives of the bound state at ``energy`` along couplings.

        ``rate`` gives the derivatives (coupling,) of the operator in the box for a function; ``gaps`` (coupling, field,
        field) are those of V'' - omega^2 outside. With the condition X(E) at r_max the derivative of an eigenvalue is
        (v A_p v + v X_p v) / (1 - v X_E v).
        """
        depth = self.threshold - energy
        # the operator less its eigenvalue itself is singular
        v = self._nearest(self.space(energy - 1e-9 * depth), self._random(), _SOLVES)[1]
        h = 1e-4 * max(depth, 1e-8 * self.scale)
        outside, ends = self.gaps - energy * np.eye(len(self.gaps)), []
        sizes = np.maximum(np.max(np.abs(gaps), axis=(1, 2)), 1e-300)
        for size, change in zip(sizes, gaps, strict=True):
            step = h / size * change
            grid, kinetic, zero = self.problem.grid, self.problem.model.kinetic, 1e-12 * self.scale
            pair = [
                exterior_form(float(grid.dim), kinetic, outside + sign * step, grid.r_max, self.ell, zero=zero)
                for sign in (1.0, -1.0)
            ]
            ends.append(float(v[-1] @ (pair[0] - pair[1]) @ v[-1]) * size / (2.0 * h))
        return (rate(v) + np.array(ends)) / (1.0 - self._slope(energy, v, h))

    def _random(self) -> Array:
        free = np.ones(self.problem.free_nodes.shape)
        free[0] = first_free(self.problem, self.ell)
        return np.random.default_rng(0).normal(size=free.shape) * free

    def _nearest(self, space: TangentSpace, v: Array, solves: int) -> tuple[float, Array]:
        """The eigenvalue of the factorised operator nearest to 0, and its normalised eigenvector, from ``v``."""
        value, load = 0.0, self._mass(v)
        for _ in range(solves):
            image, _ = space.solve(load)
            weighted = self._mass(image)
            length = float(np.sum(image * weighted))
            value = float(np.sum(image * load)) / length
            v, load = image / math.sqrt(length), weighted / math.sqrt(length)
        return value, v

    def _mass(self, v: Array) -> Array:
        return self.problem.grid.mass_form @ v * self.kinetic if self.curved is None else self.curved @ v

    def _slope(self, energy: float, v: Array, h: float) -> float:
        """The derivative of an eigenvalue in the energy of its boundary condition; never positive."""
        h = min(h, 0.5 * (self.threshold - energy))
        change = self.exterior(energy + h) - self.exterior(energy - h)
        return min(float(v[-1] @ change @ v[-1] / (2.0 * h)), 0.0)
