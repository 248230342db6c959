"""States at fixed norm, followed from one norm to another, and found by following states of one field from shooting."""

from __future__ import annotations

import itertools
import math

import numpy as np
import scipy.linalg

from ..elements.edges import adapted_edges
from ..elements.grid import RadialGrid, sphere_area
from ..problem.asymptotics import gaps_of
from ..problem.problem import DiscreteProblem, Problem
from ..problem.tangent_space import TangentSpace
from ..problem.transfer import scale_to_norm, transfer
from ..solvers.base import Stopwatch
from ..solvers.newton import Newton
from ..states.kinds import is_homogeneous, radial_nodes
from .adaptive import SMOOTH, converge_mesh
from .line import FAR, NEAR, Line
from .nodal import Found, Starts, line_of, mesh_for, started
from .same_state import is_same_energy
from .shooting import Profile, profiles

_LENGTHS = 15.0  # decay lengths kept beyond the last half-height
_STEP, _SMALLEST = 0.3, 1e-4  # first and smallest step in ln N
_SMALL_NORM = 1e-3  # of the norm, at which the fields in a trap are those of a mode
_SHARES = (0.97, 0.8, 0.5, 0.2, 0.04)  # m^2 - omega^2 over its range, where omega^2 has a least value
_GAPS = (0.05, 0.5, 5.0)  # m^2 - omega^2 in m^2, where it has none


def follow_to_norm(found: Found, norm: float, newton: Newton, watch: Stopwatch, *, fitted: bool = True) -> Found | None:
    """The state at ``norm`` on the branch of ``found``; None where the branch ends before (a fold), or time is up.

    With ``fitted`` the domain and the mesh follow the state.
    """
    step = _STEP
    nodes = radial_nodes(found.problem, found.solution.u)
    while True:
        reached = float(found.problem.norm_of_state(found.solution.u))
        left = math.log(norm / reached)
        if abs(left) < 1e-12:
            return found
        following = norm if abs(left) <= step else reached * math.exp(math.copysign(step, left))
        moved = _moved(found, following, newton, fitted=fitted)
        if moved is not None and radial_nodes(moved.problem, moved.solution.u) == nodes:
            found, step = moved, 1.5 * step
        else:
            step *= 0.4
        if step < _SMALLEST or watch.expired:
            return None


def _moved(found: Found, norm: float, newton: Newton, *, fitted: bool) -> Found | None:
    target = found.problem.replace(norm=norm)
    if fitted:
        target = target.with_grid(_fitted_grid(found))
    solution = newton.run(target, transfer(found.problem, found.solution.u, target))
    off = abs(target.energy_scale(solution.u) / found.problem.energy_scale(found.solution.u) - 1.0)
    # a step that changes much has left the branch
    good = solution.converged and not is_homogeneous(target, solution.u) and off < 2.0
    return Found(target, solution) if good else None


def _fitted_grid(found: Found) -> RadialGrid:
    """A mesh for the state with room for its tail."""
    problem = found.problem
    grid, u = problem.grid, found.solution.u
    gap = float(np.min(np.linalg.eigvalsh(gaps_of(problem, found.solution.multiplier))))
    size = np.linalg.norm(grid.sample(u, 40) - problem.vacuum.values, axis=1)
    r = grid.sample(grid.nodes[:, None], 40)[:, 0]
    core = float(r[np.flatnonzero(size > 1e-2 * np.max(size))[-1]])
    wanted = core + _LENGTHS / math.sqrt(gap) if gap > 0 else grid.r_max
    wanted = float(np.clip(wanted, 0.5 * grid.r_max, 2.0 * grid.r_max))
    wide = problem.with_grid(RadialGrid(edges=_cut(grid.element_edges, wanted), order=grid.order, dim=grid.dim))
    edges = adapted_edges(wide.grid, transfer(problem, u, wide), grid.n_elements)
    return RadialGrid(edges=edges, order=grid.order, dim=grid.dim)


def _cut(edges: np.ndarray, r_max: float) -> tuple[float, ...]:
    """``edges`` cut or continued to ``r_max``."""
    inside = edges[edges < 0.98 * r_max]
    return tuple(float(x) for x in np.append(inside, r_max))


def states_at_norm(problem: Problem, max_nodes: int, watch: Stopwatch) -> Starts:
    """The states of one field at fixed norm with at most ``max_nodes`` nodes: where N(omega) is that norm.

    Shooting at a few omega gives N(omega) for each number of nodes; the norm is reached from the nearest of them.
    """
    assert problem.norm is not None
    norm, newton = float(problem.norm), Newton(target="stationary")
    area = sphere_area(float(problem.dimension))
    known: dict[int, list[tuple[float, Profile]]] = {}
    free = line_of(problem, np.zeros(1))
    for multiplier, decay in _multipliers(problem, free):
        if watch.expired:
            break
        for profile in profiles(free.at_shift(np.array([multiplier])), max_nodes, decay, watch):
            known.setdefault(profile.nodes, []).append((area * profile.norm(), profile))
    for n in sorted(known):
        for own_norm, profile in _nearest(known[n], norm):
            begun = started(
                mesh_for(problem.replace(norm=own_norm, grid=None, dim=problem.dimension), profile),
                free,
                profile,
                newton,
            )
            found = begun and follow_to_norm(begun, norm, newton, watch)
            yield n, found and placed(problem, found, newton)


def placed(problem: Problem, found: Found, newton: Newton) -> Found | None:
    """The state on the mesh of the problem, or on its own, refined; None if a wider box changes it."""
    if isinstance(problem, DiscreteProblem):
        return Found(problem, newton.run(problem, transfer(found.problem, found.solution.u, problem)))
    on, solution, _ = converge_mesh(*found, newton, SMOOTH)
    edges = on.grid.element_edges
    wide = on.with_grid(
        RadialGrid(edges=(*edges, 1.2 * edges[-1], 1.4 * edges[-1]), order=on.grid.order, dim=on.grid.dim)
    )
    moved = newton.run(wide, transfer(on, solution.u, wide))
    same = moved.converged and is_same_energy(wide.energy(moved.u), on.energy(solution.u), on.energy_scale(solution.u))
    return Found(on, solution) if same else None


def _nearest(known: list[tuple[float, Profile]], norm: float) -> list[tuple[float, Profile]]:
    """From which norms to follow: one of each pair of neighbours that enclose ``norm``; else the nearest."""
    chosen = []
    for a, b in itertools.pairwise(known):
        if (a[0] - norm) * (b[0] - norm) <= 0.0:
            chosen.append(min(a, b, key=lambda pair: abs(math.log(pair[0] / norm))))
    return chosen or [min(known, key=lambda pair: abs(math.log(pair[0] / norm)))]


def least_norm(problem: Problem, watch: Stopwatch) -> float | None:
    """The least N(omega) of the states of one field without nodes; None if N falls to an end of the range of omega.

    None as well if the time of ``watch`` is up.
    """
    line, area = line_of(problem, np.zeros(1)), sphere_area(float(problem.dimension))
    mass = line.curvature(0.0)

    def log_norm(log_gap: float) -> float:
        gap = math.exp(log_gap)
        found = profiles(line.at_shift(np.array([mass - gap])), 0, math.sqrt(line.kinetic / gap), watch)
        return math.log(area * min(profile.norm() for profile in found)) if found else math.inf

    gaps = [math.log(mass - multiplier) for multiplier, _ in _multipliers(problem, line)]
    norms = [log_norm(gap) for gap in gaps]
    i = int(np.argmin(norms)) if norms else 0
    if watch.expired or not 0 < i < len(norms) - 1:
        return None
    from scipy.optimize import minimize_scalar  # here: the driver of a scan does without

    found = minimize_scalar(log_norm, bounds=(gaps[i - 1], gaps[i + 1]), method="bounded", options={"maxiter": 4})
    return None if watch.expired else math.exp(min(float(found.fun), norms[i]))


def _multipliers(problem: Problem, line: Line) -> list[tuple[float, float]]:
    """omega^2 to shoot at, and the decay length at each; from the mass downwards."""
    mass = line.curvature(0.0)
    x = np.geomspace(NEAR, FAR, 4000)[1000:]
    least = min(float(np.min(2.0 * line.potential(s * x, x)[0] / x**2)) for s in (1.0, -1.0))
    if mass <= 0.0 or least >= mass * (1.0 - 1e-9):
        return []
    bounded = least > -100.0 * mass
    gaps = (mass - least) * np.array(_SHARES) if bounded else mass * np.array(_GAPS)
    return [(mass - gap, 1.0 / math.sqrt(gap / line.kinetic)) for gap in sorted(gaps)]


def trapped_states(problem: DiscreteProblem, max_nodes: int, watch: Stopwatch) -> Starts:
    """States in a trap at fixed norm: the modes of small fields in the trap, followed to the norm of the problem."""
    vacuum = np.tile(problem.vacuum.values, (problem.grid.n_nodes, 1))
    newton = Newton(target="stationary")
    for mode in _modes(problem, vacuum, (max_nodes + 1) * int(np.sum(problem.carries_norm))):
        small = problem.replace(norm=_SMALL_NORM * float(problem.norm or 1.0))
        solution = newton.run(small, scale_to_norm(small, vacuum + mode))
        if watch.expired or not solution.converged:
            continue
        found = follow_to_norm(Found(small, solution), float(problem.norm or 1.0), newton, watch, fitted=False)
        if found is not None and (nodes := radial_nodes(found.problem, found.solution.u)) <= max_nodes:
            yield nodes, Found(problem, found.solution)


def _modes(problem: DiscreteProblem, u: np.ndarray, count: int) -> list[np.ndarray]:
    """The lowest modes of the second variation at ``u`` in the fields that carry the norm, (node, field)."""
    space = TangentSpace(problem, u, 0.0, sigma=1e-6, constraints=np.empty((*u.shape, 0)))
    free = np.flatnonzero((space.free * problem.carries_norm).ravel())
    units = np.zeros((len(free), u.size))
    units[np.arange(len(free)), free] = 1.0
    matrix = np.stack([space.apply(unit.reshape(u.shape)).ravel()[free] for unit in units])
    metric = np.stack([(problem.grid.mass_form @ unit.reshape(u.shape)).ravel()[free] for unit in units])
    vectors = scipy.linalg.eigh(matrix, metric, subset_by_index=[0, min(count, len(free)) - 1])[1]
    return [(vector @ units).reshape(u.shape) for vector in vectors.T]
