r"""Kinks on a whole line: minima of the energy between two degenerate vacua.

No guess is needed. Along a given way u(t) through field space from one vacuum to the other the best profile has
:math:`\tfrac12|du/dx|^2 = V - V_\infty` and the energy :math:`\int\sqrt{2(V - V_\infty)}\,|du|`. The straight way and
ways bent sideways are ranked by it, the profiles of the best are relaxed by Newton's method, and the lowest state is
taken. With one field there is only one way, and its profile is the kink.

A wall that falls apart at a third vacuum, or fills with a lower one, is no kink: :class:`KinkError` names that vacuum.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array
from scipy.interpolate import CubicSpline, PchipInterpolator

from ..elements.edges import adapted_edges
from ..elements.grid import RadialGrid
from ..problem.problem import DiscreteProblem, Problem
from ..problem.transfer import satisfy_conditions
from ..solvers.base import AbstractSolver, Solution
from ..solvers.newton import Newton
from ..theory.base import AbstractModel
from ..theory.derivatives import point_kernels
from ..theory.vacua import mass_matrix, slope
from ..theory.whole_line import folded, theory_of, unfold
from .adaptive import ELEMENTS, ORDER, domain_for
from .same_state import distinct_solutions

_POINTS, _REACH = 401, 6.0  # points along a way, t = (1 + tanh y)/2 with |y| up to _REACH
_BENDS = (0.1, 0.2, 0.35, 0.6)  # sideways excursions of the ways tried, relative to the distance of the vacua
_DIRECTIONS = 6  # most directions sideways, those with the lowest V'' first
_WAYS = 5  # most ways whose profiles are relaxed, the straight one included
_FIRST_STEPS = 40  # of Newton's method, after which a wall is looked at
_FLOOR = 1e-3  # of the largest V on a way: less is raised to it, so that profiles stay finite
_RESOLVED = 1e-15  # of the energy: what a tail may have beyond the mesh
# For power-law tails: the longest mesh in widths of the wall, the ratio of its elements, and their order.
_LONGEST, _GROWTH, _HIGH_ORDER = 1e6, 1.7, 16
_STEEPEST = 5.0  # power of V in a tail above which no mesh is chosen; 2 is a mass, 4 the tail 1/x
_APART = 0.05  # least distance of a third vacuum from the ends, relative to that of the ends
_FLAT = 1e-6  # V at a third vacuum, relative to its largest value on the wall, that counts as degenerate


class KinkError(ValueError):
    """There is no static kink between the two vacua; the message says why."""


class Way(NamedTuple):
    """A way between the vacua with its best profile."""

    energy: float
    fields: Callable[[Array], Array]  # at positions x
    width: float  # of the middle half, in t
    core: float  # half-width of the wall without its tails
    reach: float  # position from where on the tail has no energy, to rounding
    powers: tuple[float, float]  # p of V ~ (distance from the vacuum)^p near the left and the right end


def find_kinks(problem: DiscreteProblem, solver: AbstractSolver, *, every: bool = False) -> list[Solution]:
    """Distinct kinks on the mesh of ``problem``, lowest energy first; ``every``: saddles too, from the same ways.

    Raises
    ------
    KinkError : if every wall falls apart.
    """
    ways = _ways(problem)
    minimiser = solver
    if isinstance(solver, Newton) and solver.target == "auto" and problem.omega is None:
        minimiser = replace(solver, target="minimum")
    found: list[Solution] = []
    broken: KinkError | None = None
    for run in (minimiser, Newton(target="stationary"))[: 1 + every]:
        for way in ways:
            # A wall that falls apart never converges: look at it after a few steps.
            first = replace(run, max_steps=min(run.max_steps, _FIRST_STEPS)) if isinstance(run, Newton) else run
            solution = first.run(problem, nodal_fields(problem, way.fields))
            third = _third_vacuum(problem, solution.u)
            if third is None and first is not run and not solution.converged:
                solution = run.run(problem, solution.u)
                third = _third_vacuum(problem, solution.u)
            if third is not None:
                broken = third
            else:
                found.append(solution)
    if not found and broken is not None:
        raise broken
    half_omega_squared = 0.5 * float(problem.omega or 0.0) ** 2

    def action(solution: Solution) -> float:
        return problem.energy(solution.u) - half_omega_squared * problem.norm_of_state(solution.u)

    return sorted(distinct_solutions(problem, found), key=lambda one: (not one.converged, action(one)))


def mesh_for(problem: Problem) -> tuple[RadialGrid, bool]:
    """A mesh for the wall of lowest estimated energy with room for its tails, and whether these are powers of x."""
    way = _ways(problem)[0]
    longest = domain_for(problem, way.core)
    if way.reach <= longest:
        r_max = min(
            longest, 1.2 * max(way.reach, 2.0 * way.core)
        )  # light fields that the wall does not move need no room
        uniform = RadialGrid(r_max=r_max, n_elements=ELEMENTS[-1], order=ORDER, dim=1)
        edges = adapted_edges(uniform, _parts(problem, way.fields, uniform.nodes), ELEMENTS[0])
        return RadialGrid(edges=edges, order=ORDER, dim=1), False
    if max(way.powers) > _STEEPEST:
        line = _Line.of(problem)
        end, power = max(zip((line.left, line.right), way.powers, strict=True), key=lambda one: one[1])
        raise KinkError(
            f"solve: V rises like the power {power:.1f} of the distance from the vacuum {line.shown(end)}, so the tail "
            f"falls like the power {-2.0 / (power - 2.0):.2f} of x, too slowly for a mesh that is chosen here (the "
            "power of V must be below 5): give a grid for the kink of a finite line"
        )
    # A power of x in the tail (a massless vacuum) is resolved by elements that grow in proportion to x.
    reach = min(way.reach, _LONGEST * way.width)
    count = math.ceil(math.log(reach / way.width) / math.log(_GROWTH))
    core = np.linspace(0.0, way.width, 3, endpoint=False)
    return RadialGrid(edges=(*core, *np.geomspace(way.width, reach, count + 1)), order=_HIGH_ORDER, dim=1), True


def centred(problem: DiscreteProblem, solution: Solution) -> Solution:
    """The kink moved so that the mean position of its gradient energy is 0; as it was if the solver loses it there."""
    grid = problem.grid
    weights = grid.quadrature_weights[:, :, None] * problem.model.kinetic
    slopes = grid.derivative @ grid.gather(solution.u)
    even, odd = np.split(slopes, 2, axis=2)
    moment = np.sum(np.split(weights, 2, axis=2)[0] * grid.quadrature_points[:, :, None] * 2.0 * even * odd)
    centre = float(moment / np.sum(weights * slopes**2))

    def moved(x: Array) -> Array:
        at = np.clip(x + centre, -grid.r_max, grid.r_max)
        return unfold(grid.interpolate(solution.u, np.abs(at)), at)

    again = Newton(target="stationary").run(problem, nodal_fields(problem, moved))
    return again if again.converged else solution


def nodal_fields(problem: DiscreteProblem, fields: Callable[[Array], Array]) -> Array:
    """Even and odd parts at the nodes of fields on the line."""
    return satisfy_conditions(problem, _parts(problem, fields, problem.grid.nodes))


def _parts(problem: Problem, fields: Callable[[Array], Array], nodes: Array) -> Array:
    return folded(fields, nodes, problem.model.n_fields // 2)


# Ways between the vacua


@dataclass(frozen=True)
class _Line:
    """The theory on the line, its ends, and V - omega^2 u^2/2 less its value there."""

    model: AbstractModel
    left: Array
    right: Array
    shift: Array  # omega^2 on the fields that carry the norm

    @classmethod
    def of(cls, problem: Problem) -> _Line:
        left, right = (np.asarray(end) for end in problem.line or ())
        inner = theory_of(problem.model)
        return cls(inner, left, right, problem.multiplier_shift[: inner.n_fields])

    @property
    def distance(self) -> float:
        return float(np.linalg.norm(self.right - self.left))

    def shown(self, u: Array) -> list[float]:
        """Fields in the user's units, for a message."""
        given = self.model.given_fields(np.where(np.abs(u) < 1e-9 * self.distance, 0.0, u))
        return [float(f"{value:.6g}") + 0.0 for value in given]

    def excess(self, u: Array) -> Array:
        """V - omega^2 u^2/2 of fields (point, field), less the larger of its values at the ends."""
        points = np.concatenate([u, self.left[None], self.right[None]])
        value = point_kernels(self.model.potential_function).value(points, self.model.params, np.zeros(len(points)))
        value = value - 0.5 * points**2 @ self.shift
        return np.asarray(value[:-2] - max(value[-2:]))


def _ways(problem: Problem) -> list[Way]:
    """Ways between the vacua, lowest estimated energy first.

    Raises
    ------
    KinkError : for one field, if V on the only way has another vacuum as low as the ends.
    """
    line = _Line.of(problem)
    y = np.linspace(-_REACH, _REACH, _POINTS)
    t = 0.5 * (1.0 + np.tanh(y))
    straight = line.left + t[:, None] * (line.right - line.left)
    if line.model.n_fields == 1 and (broken := _between(line, straight)) is not None:
        raise broken
    ways = [_best_profile(line, straight, y)]
    for direction in _sideways(line):
        for sign in (1.0, -1.0):
            bent = [straight + sign * b * line.distance * np.sin(np.pi * t)[:, None] * direction for b in _BENDS]
            ways.append(min((_best_profile(line, way, y) for way in bent), key=lambda way: way.energy))
    others = sorted(ways[1:], key=lambda way: way.energy)[: _WAYS - 1]
    return sorted([ways[0], *others], key=lambda way: way.energy)


def _sideways(line: _Line) -> list[Array]:
    """Directions orthogonal to the straight way, lowest V'' in its middle first."""
    n = line.model.n_fields
    along = (line.right - line.left) / line.distance
    across = np.linalg.svd(along[None])[2][1:]
    curvature = mass_matrix(line.model, 0.5 * (line.left + line.right)) if n > 1 else np.zeros((1, 1))
    if not np.all(np.isfinite(curvature)):
        return list(across[:_DIRECTIONS])
    vectors = np.linalg.eigh(across @ curvature @ across.T)[1]
    return list((vectors.T @ across)[:_DIRECTIONS])


def _best_profile(line: _Line, way: Array, y: Array) -> Way:
    """The profile of least energy along a way (point, field), parametrised by y."""
    excess = line.excess(way)
    excess = np.maximum(np.where(np.isfinite(excess), excess, np.inf), 0.0)
    largest = float(np.max(excess))
    root = np.sqrt(line.model.kinetic)
    rate = np.linalg.norm(np.gradient(way, y, axis=0) * root, axis=1)
    inner = np.abs(y) < 0.5 * _REACH
    low = inner & (excess < _FLOOR * largest)
    speed = np.sqrt(2.0 * np.maximum(np.where(low, _FLOOR * largest, excess), 1e-14 * largest))

    def integral(density: Array) -> Array:
        return np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(y))])

    x, cost = integral(rate / speed), integral(rate * speed)
    x = x - np.interp(0.5 * cost[-1], cost, x)
    position, across = PchipInterpolator(x, y), CubicSpline(y, way)
    ends = (y[1] - y[0]) / (x[1] - x[0]), (y[-1] - y[-2]) / (x[-1] - x[-2])

    def fields(at: Array) -> Array:
        inside = np.clip(at, x[0], x[-1])
        beyond = np.where(at < x[0], ends[0] * (at - x[0]), np.where(at > x[-1], ends[1] * (at - x[-1]), 0.0))
        values = across(np.clip(position(inside), y[0], y[-1]))
        end = np.where((at < 0.0)[:, None], line.left, line.right)
        return np.asarray(end + np.exp(-2.0 * np.abs(beyond))[:, None] * (values - end))

    core = float(np.max(np.abs(np.interp([-2.0, 2.0], y, x))))  # t from 0.02 to 0.98
    outside = np.abs(x)[np.abs(x) * excess > _RESOLVED * cost[-1]]
    width = float(np.diff(np.interp([-0.55, 0.55], y, x))[0])
    near = np.log(np.interp([-2.3, -1.75, 1.75, 2.3], y, np.maximum(excess, 1e-300)))  # t = 0.01, 0.03, 0.97, 0.99
    powers = (near[1] - near[0]) / 1.1, (near[2] - near[3]) / 1.1
    return Way(float(cost[-1]), fields, width, core, float(np.max(outside, initial=0.0)), powers)


# Walls that fall apart


def _third_vacuum(problem: DiscreteProblem, u: Array) -> KinkError | None:
    """Why a wall is none: it contains another vacuum. None if it does not."""
    if not np.all(np.isfinite(u)):
        return None
    half = problem.grid.sample(u, 20)
    signs = np.concatenate([np.full(len(half), -1.0), np.ones(len(half))])
    return _between(_Line.of(problem), unfold(np.concatenate([half[::-1], half]), signs))


def _between(line: _Line, way: Array) -> KinkError | None:
    """The error that names a vacuum as low as the ends, or lower, in the wall with fields ``way`` (point, field)."""
    excess = line.excess(way)
    largest = float(np.max(excess))
    wall = np.flatnonzero(excess > 1e-2 * largest)
    if not largest > 0.0 or len(wall) == 0:
        ends = f"{line.shown(line.left)} and {line.shown(line.right)}"
        return KinkError(
            f"solve: V does not rise between {ends}, so there is no wall: give vacua with a barrier between"
        )
    inside = np.arange(wall[0] + 1, wall[-1])
    dips = inside[(excess[inside] <= excess[inside - 1]) & (excess[inside] <= excess[inside + 1])]
    for at in dips[excess[dips] < 1e-2 * largest]:
        u = _stationary_point(line, way[at])
        apart = min(float(np.linalg.norm(u - end)) for end in (line.left, line.right))
        depth = float(line.excess(u[None])[0])
        if apart > _APART * line.distance and depth <= _FLAT * largest:
            kink = f"kink from {line.shown(line.left)} to {line.shown(line.right)}"
            # With several fields another wall may pass by that vacuum.
            none = f"there is no static {kink}" if len(u) == 1 else f"no stable {kink} was found"
            shown = line.shown(u)
            if depth < -_FLAT * largest:
                return KinkError(
                    f"solve: {none}: V falls below both ends at {shown}, so the wall fills with that vacuum and grows; "
                    "give vacua of lowest V"
                )
            return KinkError(
                f"solve: {none}: V is as low at {shown} between them, and the wall splits there into two kinks that "
                "move apart; solve for each of them"
            )
    return None


def _stationary_point(line: _Line, u: Array) -> Array:
    """The stationary point of V next to u by Newton's method; u itself if it leads away."""
    found = u.copy()
    for _ in range(20):
        matrix, force = mass_matrix(line.model, found), slope(line.model, found) - line.shift * found
        root = np.sqrt(line.model.kinetic)
        matrix = matrix - np.diag(line.shift / line.model.kinetic)
        if not (np.all(np.isfinite(matrix)) and np.all(np.isfinite(force))):
            return u
        found = found - np.linalg.lstsq(matrix, force / root, rcond=1e-8)[0] / root
        if not np.linalg.norm(found - u) <= 0.1 * line.distance:
            return u
    return found
