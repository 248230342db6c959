"""Bounces of several fields: walls on ways to lower states, relaxed by descent and solved by Newton's method.

A way is straight, or one of least tension (:mod:`..guesses.valley`). On straight ways the best tanh walls are chosen on
a table of V (:mod:`..guesses.bubble_wall`); on ways of least tension they are found by shooting
(:mod:`..guesses.shooting`). Shapes are relaxed by descent on the scale-free functional
(:mod:`..solvers.coleman_glaser_martin`). For d < 2.25 all solutions at d = 2.25 are continued in d, because for d <= 2
the action has no maximum under scaling.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..elements.edges import wall_edges
from ..elements.grid import RadialGrid
from ..guesses.bubble_wall import Wall, best_walls
from ..guesses.shooting import scan_centres
from ..guesses.valley import Path, valley, way_along
from ..problem.asymptotics import moved_masses_squared
from ..problem.problem import DiscreteProblem
from ..solvers.base import Solution
from ..solvers.coleman_glaser_martin import ColemanGlaserMartin, Shape
from ..solvers.newton import Newton
from ..states import observables
from ..states.accuracy import discretisation_error
from ..states.kinds import is_homogeneous
from ..theory.base import AbstractModel
from ..theory.derivatives import point_kernels
from ..theory.vacua import Vacuum, vacua
from .adaptive import ELEMENTS, ORDER, on_domain
from .dimension import continue_dimension
from .jump_edges import with_edges_at_jumps
from .one_field import EXCITED, Found, core_of, is_thin, profile_edges
from .refusal import (
    DEGENERATE,
    BounceError,
    breaks_pohozaev_at,
    check_lower,
    nearly_degenerate,
    nothing_lower,
    pohozaev,
)
from .same_state import FITTED, is_same_shape
from .thin_wall import settle

_SCALING_DIM = 2.25  # lowest d for the functional of Coleman, Glaser and Martin; below it, continuation in d
_STRAIGHT, _RELAXED = 4, 2  # walls on straight ways, and ways of least tension, whose shapes are relaxed
_THIN = 10.0  # ratio of radius to width from which a wall is found on the relaxed way
# Elements for the descent, half of those of the first Newton run, and the force to which the chosen shape is relaxed on
# them: small enough that Newton's method needs one factorisation on the finer mesh.
_DESCENT_ELEMENTS, _RELAXED_FORCE = ELEMENTS[0] // 2, 1e-5
_RIVAL = 1.05  # actions of shapes, or of thin walls as they were found, up to this many times the least are solved
_SAME_ACTION = 1e-6  # relative difference below which two actions are one bounce, found twice
_UNRESOLVED = 1e-2  # error of the action from which the fields are not those of a solution
_ROUGH = 1e-8  # the same, from which jumps of V' or V'' are looked for
_NEARLY = 1e-6  # residual at which a state that does not converge is returned with its status
_RAYS = 64  # random directions along which lower values of V are looked for
_DECAY = 14.0  # decay lengths of the domain beyond the core
_OVERLAP = 0.05  # the same for the direction of a wall that has not been relaxed
_LONGEST = 20.0  # decay lengths beyond this many core radii do not set the domain


@dataclass(frozen=True, eq=False)
class Candidate:
    """A wall to relax: estimated action, profile u(r), elements for the descent and the fields at the centre."""

    action: float
    profile: Callable[[Array], Array]
    edges: tuple[float, ...]
    centre: Array
    thin: bool


def bounces_of_fields(
    model: AbstractModel, start: Vacuum, target: Array | None, dim: float, newton: Any
) -> tuple[list[Found], int]:
    """The solved bounces, and the number of different ones. Raises BounceError if there are none."""
    first = max(dim, _SCALING_DIM)
    candidates = _candidates(model, start, target, first, newton)
    relaxed, failures = _relax_all(model, start, candidates, first, newton)
    solved = _solve_all(relaxed, failures, newton)
    if first != dim:
        followed = [Found(*continue_dimension(*found, dim, newton, newton.watch)) for found in solved]
        solved = [found for found in followed if found.solution.converged] or followed
    return solved, len(solved)


# Walls


def _candidates(model: AbstractModel, start: Vacuum, target: Array | None, dim: float, newton: Any) -> list[Candidate]:
    """Walls whose shapes are relaxed, least estimated action first. Raises BounceError if there are none."""
    minima, points = ([target], []) if target is not None else lower_states(model, start, newton)
    each = best_walls(model, start.values, [*minima, *points], dim)
    walls = sorted((wall for walls in each for wall in walls), key=lambda wall: wall.action)
    chosen = _distinct(model, start, walls)
    found = [_straight(model, start, wall) for wall in chosen if wall.ratio < _THIN or not minima]
    # The straight way may cross a mountain, and a thin wall must be placed to a fraction of its width.
    far = [end for end, walls in zip(minima, each, strict=False) if not walls or walls[0].ratio >= _THIN]
    barrier, tension, depth = 0.0, 0.0, 0.0
    for end in _without_mirrors(model, start, far)[:_RELAXED]:
        path = valley(model, start, end)
        barrier, tension, way = way_along(model, path, start.energy_density)
        depth = -float(way.value[-1]) if way is not None else 0.0
        if way is not None:
            scan = scan_centres(way, dim)
            found += [_curved(model, start, path, profile, dim) for profile in scan.profiles[:_STRAIGHT]]
    if not minima and points and _breaks_pohozaev(model, start, dim):
        raise pohozaev(dim)
    if found:
        return sorted(found, key=lambda candidate: candidate.action)
    if minima and depth > 0.0:
        raise nearly_degenerate(model, depth, barrier, tension, dim)
    if minima or points:
        raise BounceError(
            "bounce: lower states were found, but no straight way below: no wall on one has a negative potential "
            "energy, and on the ways of least tension V does not get below the false vacuum",
            ": give another true_vacuum",
        )
    if newton.watch.expired:
        raise BounceError(
            f"bounce: out of time after {newton.watch.seconds:.0f} s of searching for a lower state: increase "
            "max_seconds"
        )
    raise nothing_lower(model, start, f"among the minima of V and along {_RAYS} directions")


def _straight(model: AbstractModel, start: Vacuum, wall: Wall) -> Candidate:
    length = _moved_length(model, start.values, (wall.centre - start.values)[None], _OVERLAP)
    length = min(length, _LONGEST * (wall.radius + wall.width))
    r_max = wall.radius + 4.0 * wall.width + _DECAY * length
    edges = wall_edges(wall.radius, wall.width, length, r_max, _DESCENT_ELEMENTS)
    return Candidate(wall.action, wall, edges, wall.centre, thin=False)


def _curved(model: AbstractModel, start: Vacuum, path: Path, profile: Any, dim: float) -> Candidate:
    away = path(profile.s) - start.values
    length = _moved_length(model, start.values, away, _OVERLAP)
    edges = profile_edges(profile, 1.0 / min(length, _LONGEST * core_of(profile)), ELEMENTS[0])

    def fields(r: Array) -> Array:
        return path(profile(r))

    return Candidate(profile.action(dim), fields, edges, path(profile.s[:1])[0], thin=is_thin(profile))


def _moved_length(model: AbstractModel, vacuum: Array, away: Array, share: float) -> float:
    """The longest decay length of the massive fields that ``away`` (point, field) moves; infinite if there are none."""
    moved = moved_masses_squared(model, vacuum, away, share)
    massive = moved[moved > 0.0]
    return 1.0 / math.sqrt(float(massive[0])) if len(massive) else math.inf


def _distinct(model: AbstractModel, start: Vacuum, walls: list[Wall]) -> list[Wall]:
    """The first walls with different centres, without mirror images of others."""
    chosen: list[Wall] = []
    for wall in walls:
        away = wall.centre - start.values
        size = np.linalg.norm(away)
        apart = all(np.linalg.norm(away - (w.centre - start.values)) > 0.2 * size for w in chosen)
        if apart and not any(_is_mirror(model, start, wall.centre, other.centre) for other in chosen):
            chosen.append(wall)
    return chosen[:_STRAIGHT]


def _without_mirrors(model: AbstractModel, start: Vacuum, points: list[Array]) -> list[Array]:
    chosen: list[Array] = []
    for point in points:
        if not any(_is_mirror(model, start, point, other) for other in chosen):
            chosen.append(point)
    return chosen


def _is_mirror(model: AbstractModel, start: Vacuum, point: Array, other: Array) -> bool:
    """Whether one point is the other with signs of fields changed, and V does not change with those signs."""
    one, two = point - start.values, other - start.values
    if not np.allclose(np.abs(one), np.abs(two), rtol=1e-6, atol=1e-9 * np.linalg.norm(one)):
        return False
    signs = np.where(one * two < 0.0, -1.0, 1.0)
    points = np.random.default_rng(0).normal(size=(16, len(one))) * np.linalg.norm(one)
    both = np.concatenate([start.values + points, start.values + signs * points])
    v = point_kernels(model.potential_function).value(both, model.params, np.zeros(32))
    return bool(np.allclose(v[:16], v[16:], rtol=1e-12, atol=1e-12))


def lower_states(model: AbstractModel, start: Vacuum, newton: Any) -> tuple[list[Array], list[Array]]:
    """Minima below the false vacuum, and points along rays where V falls below it (runaways, distant minima)."""
    lower, degenerate = [], None
    for v in vacua(model, max_seconds=0.25 * newton.left, known=start):
        try:
            check_lower(model, start, v)
            lower.append(v.values)
        except BounceError as error:
            if "degenerate" in str(error) and float(np.max(np.abs(v.values - start.values))) > 1e-6:
                degenerate = error
    points = _points_below(model, start)
    if not lower and not points and degenerate is not None:
        raise degenerate
    return lower, points


def _rays(model: AbstractModel, start: Vacuum) -> tuple[Array, Array]:
    """Distances, and directions along the fields and at random."""
    n = model.n_fields
    directions = np.concatenate([np.eye(n), -np.eye(n), np.random.default_rng(0).normal(size=(_RAYS, n))])
    return np.geomspace(1e-2, 1e3, 160), directions / np.linalg.norm(directions, axis=1, keepdims=True)


def _points_below(model: AbstractModel, start: Vacuum) -> list[Array]:
    """Points along rays beyond which V is below the false vacuum."""
    reach, directions = _rays(model, start)
    flat = (start.values + reach[:, None, None] * directions).reshape(-1, model.n_fields)
    energy = point_kernels(model.potential_function).value(flat, model.params, np.zeros(len(flat)))
    excess = (energy - start.energy_density).reshape(len(reach), -1)
    largest = np.maximum.accumulate(np.abs(np.nan_to_num(excess, nan=0.0, posinf=0.0, neginf=0.0)), axis=0)
    below = np.isfinite(excess) & (excess < -DEGENERATE * largest)
    # The centre of a thick wall lies beyond the point of equal V: 3 times as far is enough up to d = 4.
    first = np.argmax(below, axis=0)
    return [start.values + 3.0 * reach[first[j]] * directions[j] for j in np.flatnonzero(below.any(axis=0))]


def _breaks_pohozaev(model: AbstractModel, start: Vacuum, dim: float) -> bool:
    """Whether Pohozaev's function has one sign at all points of the rays."""
    reach, directions = _rays(model, start)
    flat = (start.values + reach[:, None, None] * directions).reshape(-1, model.n_fields)
    value, slope = point_kernels(model.potential_function).value_and_gradient(flat, model.params, np.zeros(len(flat)))
    along = np.sum((flat - start.values) * slope, axis=1)
    return breaks_pohozaev_at(along, value - start.energy_density, dim)


# Relaxation


@dataclass(frozen=True, eq=False)
class Relaxed:
    """A relaxed wall with its problem; a thin one is solved as it is, because its radius hardly enters its action."""

    candidate: Candidate
    problem: DiscreteProblem
    shape: Shape

    @property
    def action(self) -> float:
        return self.candidate.action if self.candidate.thin else self.shape.action


def _relax_all(
    model: AbstractModel, start: Vacuum, candidates: list[Candidate], dim: float, newton: Any
) -> tuple[list[Relaxed], list[str]]:
    """The shapes that the walls relax to, least action first, and the status of each failure."""
    relaxed: list[Relaxed] = []
    failures = []
    watch = newton.watch
    for one in candidates:
        if relaxed and watch.budget is not None and watch.seconds > 0.5 * watch.budget:
            break  # leave half of the time for the solver
        grid = RadialGrid(edges=one.edges, order=ORDER, dim=dim)
        problem = DiscreteProblem(model, grid, boundary=tuple(float(x) for x in start.values))
        u = one.profile(grid.nodes)
        if one.thin:
            relaxed.append(Relaxed(one, problem, Shape(u, one.action, 1.0, math.nan, 0, "not relaxed")))
            continue
        u[-1] = start.values
        shape = ColemanGlaserMartin(max_seconds=newton.left).descend(problem, u)
        if shape.action > 0 and not shape.ended:
            relaxed.append(Relaxed(one, problem, shape))
        else:
            failures.append(shape.status)
    return sorted(relaxed, key=lambda entry: entry.action), failures


def _solve_all(relaxed: list[Relaxed], failures: list[str], newton: Any) -> list[Found]:
    """The solutions of the different shapes. Raises BounceError if none converges."""
    solved: list[Found] = []
    stalled: list[Found] = []
    finished: list[Shape] = []
    for one in relaxed:
        # At the lowest dimension all are solved, because their order may change on the way down.
        rival = math.inf if one.problem.grid.dim == _SCALING_DIM else _RIVAL
        if solved and (newton.watch.expired or one.action > rival * min(found.action for found in solved)):
            break
        if any(is_same_shape(one.shape, other) for other in finished):
            continue
        found = _at_jumps(_finish(one, newton), newton)
        words = _why_refused(found)
        if words:
            failures.append(words)
            if found.solution.residual < _NEARLY:
                stalled.append(found)
            continue
        finished.append(one.shape)
        if all(abs(found.action - other.action) > _SAME_ACTION * abs(other.action) for other in solved):
            solved.append(found)
    if not solved and stalled:
        return stalled  # near rounding, where stiff fields set it; the status says so
    if not solved:
        raise BounceError(f"bounce: no wall relaxed to a stationary state ({'; '.join(sorted(set(failures)))})")
    return solved


def _at_jumps(found: Found, newton: Any) -> Found:
    settled = with_edges_at_jumps(*found, found.problem.grid.element_edges, ORDER, newton, _ROUGH)
    return found if settled is None else Found(*settled)


def _why_refused(found: Found) -> str:
    """Why a result of Newton's method is no bounce; empty if it is one."""
    problem, solution = found
    if not solution.converged:
        return solution.status
    if is_homogeneous(problem, solution.u):
        return "Newton's method ended in a homogeneous state"
    error = discretisation_error(problem, solution.u, 0.0)
    if not (found.action > 0.0 and error < _UNRESOLVED):
        return f"Newton's method ended in fields that the mesh does not resolve (error of the action {error:.1e})"
    return ""


def _finish(one: Relaxed, newton: Any) -> Found:
    """The solution with the decaying exterior, by Newton's method from the relaxed shape scaled to its true size."""
    problem, shape = one.problem, one.shape
    grid = problem.grid
    if one.candidate.thin:
        problem = replace(problem, boundary="decaying", background=tuple(problem.vacuum.values))
        return Found(*settle(problem, shape.u, newton))
    shape = ColemanGlaserMartin(_RELAXED_FORCE, sigma=1e-4, max_seconds=newton.left).descend(problem, shape.u)
    fine = grid.refine(split=2) if grid.n_elements < ELEMENTS[0] else grid
    stretched = RadialGrid(edges=tuple(fine.element_edges * math.sqrt(shape.scale)), order=ORDER, dim=grid.dim)
    problem = replace(problem, grid=stretched, boundary="decaying", background=tuple(problem.vacuum.values))
    solution = newton.run(problem, grid.interpolate(shape.u, fine.nodes))
    return Found(*(_fit_domain(problem, solution, newton) if solution.converged else (problem, solution)))


def _fit_domain(problem: DiscreteProblem, solution: Solution, newton: Newton) -> tuple[DiscreteProblem, Solution]:
    """Set the outer radius to the core plus 14 decay lengths of the moved fields if it differs much from that."""
    grid, core = problem.grid, observables.core_radius(problem, solution.u)
    vacuum = problem.vacuum.values
    length = _moved_length(problem.model, vacuum, solution.u - vacuum, EXCITED)
    wanted = core + _DECAY * min(length, _LONGEST * core)
    if 0.8 * wanted <= grid.r_max <= 1.6 * wanted:
        return problem, solution
    edges = grid.element_edges
    edges = edges * (wanted / grid.r_max) if wanted < grid.r_max else np.append(edges[:-1], wanted)
    return on_domain(problem, solution, newton, edges, FITTED) or (problem, solution)
