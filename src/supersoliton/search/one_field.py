"""Every bounce of one field out of a false vacuum: found by shooting along both directions, solved by Newton's method.

No guess and no descent is needed: :mod:`..guesses.shooting` gives the profile of every bounce on a table of V, thick or
thin and in any dimension, to a few digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..elements.edges import equidistribute
from ..elements.grid import RadialGrid
from ..guesses.arc_length import ArcLength
from ..guesses.shooting import Profile, Scan, Way, arc_lengths, scan_centres
from ..problem.problem import DiscreteProblem
from ..solvers.base import Solution
from ..solvers.newton import Newton
from ..theory.base import AbstractModel
from ..theory.derivatives import point_kernels
from ..theory.vacua import Vacuum
from .adaptive import ELEMENTS, ORDER
from .jump_edges import settle_at_jumps
from .refusal import (
    DEGENERATE,
    BounceError,
    breaks_pohozaev,
    degenerate,
    nearly_degenerate,
    no_barrier,
    nothing_lower,
    pohozaev,
)
from .thin_wall import settle

_RANGE = (1e-4, 1e4)  # distances from the false vacuum at which V is looked at
_BEYOND = 1e3  # a way along which V falls without end is followed to this many times the point of equal V
_SHALLOW = 1e-2  # depth over barrier below which the minimum is located
_PAST = 1.02  # how far a way goes beyond the only minimum on it
_ROUNDING = 1e-12  # of V, relative to its largest modulus on the way there
_DECAY = 14.0  # decay lengths of the domain beyond the core
EXCITED = 1e-6  # strength, relative to the strongest, from which a field counts as moved by the wall
_FAINT = 1e-6  # strength of the tail, relative to the centre, that the domain must reach where no mass is known
_THIN = 10.0  # ratio of radius to width from which a wall is thin
_POWER_TAIL = 5.0  # core radii that the first domain of a massless field holds
# Actions of profiles, which are known to _AGREES: those up to _WORTH times the least are solved, at most _SOLVED.
_AGREES, _WORTH, _SOLVED = 0.05, 1.2, 4


class Found(NamedTuple):
    """A bounce and the problem on the mesh that it was solved on."""

    problem: DiscreteProblem
    solution: Solution

    @property
    def action(self) -> float:
        return self.problem.energy(self.solution.u)


class Line(NamedTuple):
    """A direction of the field, what V looks like along it and the bounces that shooting found.

    ``deepest`` is the lowest V less that of the false vacuum (that of the lowest other minimum, if V is nowhere lower;
    NaN if there is none), ``barrier`` the largest V before it, ``tension`` the integral of sqrt(2V) up to it. ``way``
    is None where no table resolves a region of lower V.
    """

    sign: float
    barrier: float
    deepest: float
    tension: float
    way: Way | None
    scan: Scan


def lines_of(model: AbstractModel, start: Vacuum, target: Array | None, dim: float) -> list[Line]:
    """The directions of the field (that of ``target``, if given), a mirror image only once, with their bounces."""
    signs = (1.0, -1.0) if target is None else (1.0 if target[0] > start.values[0] else -1.0,)
    lines: list[Line] = []
    for sign in signs:
        barrier, deepest, tension, way = _way(model, start, sign)
        other = lines[0].way if lines else None
        if way is not None and other is not None and _is_mirror(way, other):
            continue
        lines.append(
            Line(sign, barrier, deepest, tension, way, Scan([], 0, 0) if way is None else scan_centres(way, dim))
        )
    return lines


def _way(model: AbstractModel, start: Vacuum, sign: float) -> tuple[float, float, float, Way | None]:
    """Barrier, depth, tension and table of one direction."""
    kernels, arc = point_kernels(model.potential_function), ArcLength(model, float(start.values[0]), sign)

    def excess(s: Array) -> Array:
        u = arc(s.ravel())[:, None]
        return (kernels.value(u, model.params, np.zeros(len(u))) - start.energy_density).reshape(s.shape)

    s = np.geomspace(*_RANGE, 2048)
    v = excess(s)
    finite = np.isfinite(v)
    count = len(s) if finite.all() else int(np.argmin(finite))
    if count < 3:
        return math.nan, math.nan, math.nan, None
    s, v = s[:count], v[:count]
    below = v < -_ROUNDING * np.maximum.accumulate(np.abs(v))
    if below.any():
        first, falls = int(np.argmax(below)), np.flatnonzero(below[1:] & (v[1:] < v[:-1])) + 1
        last = int(falls[-1]) if len(falls) else first
        lower, reach, deepest = float(s[first]), float(s[min(last + 2, count - 1)]), float(np.min(v))
        if -deepest < _SHALLOW * float(np.max(v[: first + 1])):  # the table misses the depth of a well as shallow
            deepest = float(np.fmin(deepest, _lowest_minimum(excess, s, v)[1]))
    else:
        lower, deepest = _lowest_minimum(excess, s, v)
        reach = _PAST * lower
    inner = np.maximum(v[s <= lower], 0.0)
    barrier, tension = float(np.max(inner)), float(np.trapezoid(np.sqrt(2.0 * inner), s[s <= lower]))
    if not deepest < -_ROUNDING * barrier:
        return barrier, deepest, tension, None
    reach = min(reach, _BEYOND * lower)
    points = arc_lengths(reach, lower)
    u = arc(points)
    value, slope = kernels.value_and_gradient(u[:, None], model.params, np.zeros(len(u)))
    value, slope = value - start.energy_density, slope[:, 0] * arc.slope(u)
    value[0], slope[0] = 0.0, slope[0] if math.isfinite(slope[0]) else 0.0
    usable = np.all(np.isfinite(value)) and np.all(np.isfinite(slope)) and bool(np.any(value < 0.0))
    return barrier, deepest, tension, Way(reach, lower, value, slope) if usable else None


def _lowest_minimum(excess: Callable[[Array], Array], s: Array, v: Array) -> tuple[float, float]:
    """Where V has its lowest local minimum other than the false vacuum, and its value; the far end and NaN if none."""
    inner = np.flatnonzero((v[1:-1] < v[:-2]) & (v[1:-1] <= v[2:])) + 1
    if not len(inner):
        return float(s[-1]), math.nan
    at = int(inner[np.argmin(v[inner])])
    low, high = s[at - 1], s[at + 1]
    for _ in range(4):  # to 1e-6 of the spacing
        x = np.linspace(low, high, 64)
        y = excess(x)
        k = int(np.argmin(y))
        low, high = x[max(k - 1, 0)], x[min(k + 1, 63)]
    return float(x[k]), float(y[k])


def _is_mirror(way: Way, other: Way) -> bool:
    if way.reach != other.reach:
        return False
    return bool(np.max(np.abs(way.value - other.value)) <= 1e-13 * np.max(np.abs(other.value)))


def solve_profile(
    model: AbstractModel, start: Vacuum, sign: float, profile: Profile, dim: float, newton: Newton
) -> Found:
    """The bounce with the decaying exterior, by Newton's method from a profile on a mesh made for it."""
    mass = math.sqrt(max(float(start.masses_squared[0]), 0.0))
    grid = RadialGrid(edges=profile_edges(profile, mass, ELEMENTS[0]), order=ORDER, dim=dim)
    vacuum = tuple(float(x) for x in start.values)
    problem = DiscreteProblem(model, grid, boundary="decaying", background=vacuum)
    u = ArcLength(model, float(start.values[0]), sign)(profile(grid.nodes))[:, None]
    found = Found(*settle(problem, u, newton)) if is_thin(profile) else Found(problem, newton.run(problem, u))
    out_of_time = found.solution.status.startswith("out of time")
    if not out_of_time and not is_the_bounce(found, profile):  # a jump of V' inside an element may lead steps away
        settled = settle_at_jumps(problem, u, grid.element_edges, ORDER, newton)
        found = found if settled is None else Found(*settled)
    return found


def is_the_bounce(found: Found, profile: Profile) -> bool:
    """Whether Newton's method has converged to the state that shooting found."""
    estimate = profile.action(found.problem.dimension)
    return found.solution.converged and abs(found.action - estimate) < _AGREES * estimate


def is_thin(profile: Profile) -> bool:
    """Whether the radius of a wall is many times its width."""
    return core_of(profile) > _THIN * float(profile.s[0] / np.max(np.abs(profile.slope)))


def core_of(profile: Profile) -> float:
    """The radius at which a profile has fallen to half."""
    return float(profile.r[np.flatnonzero(profile.s > 0.5 * profile.s[0])[-1]])


def profile_edges(profile: Profile, mass: float, n_elements: int) -> tuple[float, ...]:
    """Elements for a profile and its tail, dense where it varies, with the domain that its decay needs."""
    core = core_of(profile)
    rate = max(-float(profile.slope[-1] / profile.s[-1]), 1e-300)
    faint = profile.r[-1] + max(math.log(profile.s[-1] / (_FAINT * profile.s[0])), 0.0) / rate
    decayed = core + _DECAY / mass if mass * core > 1e-6 else max(_POWER_TAIL * core, float(profile.r[-1]))
    r_max = max(decayed, float(profile.r[-1])) if math.isfinite(decayed) and mass < 1e6 else faint
    r_max = max(r_max, min(faint, 2.0 * r_max)) if mass else r_max
    within = profile.fine_radii()
    outside = np.geomspace(profile.r[-1], r_max, 400) if r_max > profile.r[-1] else profile.r[-1:]
    r = np.unique(np.concatenate([within, outside]))
    s = profile(r)
    slope = np.gradient(s, r)
    second = np.gradient(slope, r)
    change = np.maximum(np.abs(slope), 1e-300) / profile.s[0]
    local = np.maximum(change, np.sqrt(np.abs(second) / profile.s[0]))
    peak = float(np.max(local))
    density = np.maximum(peak * (local / peak) ** 0.4, 1.0 / r_max)
    smooth = np.convolve(np.pad(density, 8, mode="edge"), np.ones(17) / 17.0, mode="valid")
    edges = equidistribute(r, smooth, n_elements)
    return (0.0, *edges[1:])


# All bounces of one field


def bounces_of_field(
    model: AbstractModel, start: Vacuum, target: Array | None, dim: float, newton: Newton
) -> tuple[list[Found], int]:
    """The solved bounces, and the number of those found. Raises BounceError if there are none.

    Solved are those whose profiles have the least actions, to within the error of a profile and more.
    """
    lines = lines_of(model, start, target, dim)
    profiles = [(profile.action(dim), line, profile) for line in lines for profile in line.scan.profiles]
    profiles.sort(key=lambda entry: entry[0])
    solved: list[Found] = []
    failures = []
    for estimate, line, profile in profiles:
        if solved and (estimate > _WORTH * solved[0].action or len(solved) >= _SOLVED):
            break
        found = solve_profile(model, start, line.sign, profile, dim, newton)
        if is_the_bounce(found, profile):
            solved.append(found)
        else:
            failures.append(_failure(found, estimate))
    if not solved:
        raise _why_none(model, lines, start, target, dim, failures)
    return solved, len(profiles) + sum(line.scan.unresolved for line in lines)


def _failure(found: Found, estimate: float) -> str:
    if not found.solution.converged:
        return found.solution.status
    return f"Newton's method left the bounce of action {estimate:.4g} that shooting found for one of {found.action:.4g}"


def _why_none(
    model: AbstractModel, lines: list[Line], start: Vacuum, target: Array | None, dim: float, failures: list[str]
) -> BounceError:
    if failures:
        return BounceError(f"bounce: no profile led to a stationary state ({'; '.join(sorted(set(failures)))})")
    lower = [line for line in lines if line.deepest < DEGENERATE * line.barrier]
    if not lower:
        reach = float(np.max(np.abs(model.given_fields(np.full(1, _RANGE[1])))))
        where = f"within {reach:.3g} of it in " + ("both directions" if target is None else "the direction given")
        return nothing_lower(model, start, where)
    line = min(lower, key=lambda line: line.deepest)
    depth, barrier = -line.deepest, line.barrier
    if abs(depth) <= DEGENERATE * barrier:
        return degenerate(depth, barrier)
    if not barrier > 0.0:
        return no_barrier(model, start)
    if line.way is not None and breaks_pohozaev(line.way, dim):
        return pohozaev(dim)
    if line.way is None or (line.scan.overshoots == 0 and depth < barrier):
        return nearly_degenerate(model, depth, barrier, line.tension, dim)
    if line.scan.unresolved:
        return BounceError(
            f"bounce: {line.scan.unresolved} found by shooting, but so sensitive to the centre that none was resolved"
        )
    side = "turns back before the false vacuum" if line.scan.overshoots == 0 else "passes the false vacuum"
    return BounceError(
        f"bounce: none was found: a field released from any of {line.scan.undershoots + line.scan.overshoots} points "
        f"up to a distance of {float(np.max(np.abs(model.given_fields(np.full(1, line.way.reach))))):.3g} {side}"
    )
