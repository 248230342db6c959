"""States of several fields with nodes in one of them, from shooting along lines in field space.

Lines: each field alone with the others in the vacuum; the direction of the lowest state's centre; each field with the
others at the minimum of V, or held at their profiles in the lowest state. Newton's method then relaxes all fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy import ndarray as Array

from ..problem.asymptotics import decay_length, gaps_of
from ..problem.problem import Problem
from ..solvers.base import Stopwatch
from ..solvers.newton import Newton
from ..states.observables import core_radius
from ..theory.derivatives import point_kernels
from .line import Line
from .nodal import Found, Starts, mesh_for, solved, started
from .norm_branch import follow_to_norm, placed
from .shooting import profiles

_BEYOND = 2.0  # decay lengths beyond the core of the lowest state at which the fields held no longer matter
_MINOR = 1e-3  # of the strongest field's centre, below which a field is not part of the state
_NO_FORCE = 1e-6  # slope of V along a field at its vacuum value, relative to the other slopes, below which it may stay
_SHARES = (1.0, 0.5, 1.5)  # of m^2 - omega^2 of the lowest state, where the norm is fixed


def states_on_lines(problem: Problem, lowest: Found, max_nodes: int, watch: Stopwatch) -> Starts:
    """States with at most ``max_nodes`` nodes; ``lowest`` is the state of least action."""
    decay = decay_length(problem)
    for line in _lines(problem, lowest, problem.multiplier_shift, decay):
        for profile in profiles(line, max_nodes, decay, watch):
            yield profile.nodes, solved(problem, line, profile)


def states_on_lines_at_norm(problem: Problem, lowest: list[Found], max_nodes: int, watch: Stopwatch) -> Starts:
    """The same at fixed norm: found at some omega near that of the lowest state, then followed to the norm."""
    newton = Newton(target="stationary")
    for first in lowest:
        gap = float(np.min(np.linalg.eigvalsh(gaps_of(first.problem, first.solution.multiplier))))
        for share in _SHARES if gap > 0 else ():
            multiplier = first.solution.multiplier + (1.0 - share) * gap
            decay = (share * gap) ** -0.5
            for line in _lines(problem, first, multiplier * problem.carries_norm, decay):
                for profile in profiles(line, max_nodes, decay, watch):
                    if watch.expired:
                        return
                    on = mesh_for(problem.replace(grid=None, dim=problem.dimension), profile)
                    own = on.norm_of_state(line.fields(profile(on.grid.nodes), on.grid.nodes))
                    begun = started(on.replace(norm=own), line, profile, newton) if own > 0 else None
                    found = begun and follow_to_norm(begun, float(problem.norm or own), newton, watch)
                    yield profile.nodes, found and placed(problem, found, newton)


def _lines(problem: Problem, lowest: Found, shift: Array, decay: float) -> Iterator[Line]:
    vacuum, n = problem.vacuum.values, problem.model.n_fields
    dim = float(problem.dimension)
    centre = lowest.solution.u[0] - vacuum
    axes = list(np.eye(n))
    along = centre / np.linalg.norm(centre)
    alone = axes if np.max(np.abs(along)) > 0.999 else [*axes, along]

    def still(r: Array) -> Array:
        return np.tile(vacuum, (len(r), 1))

    for direction in alone:
        yield Line(problem.model, dim, direction, still, shift)
    for i, direction in enumerate(axes):
        if abs(centre[i]) > _MINOR * np.max(np.abs(centre)):
            yield Line(problem.model, dim, direction, still, shift, followed=True)
    settled = core_radius(lowest.problem, lowest.solution.u) + _BEYOND * decay
    for i, direction in enumerate(axes):
        others = np.delete(centre, i)
        if np.max(np.abs(others)) > _MINOR * np.max(np.abs(centre)) and _may_stay(problem, lowest, i):
            yield Line(problem.model, dim, direction, _held(lowest, i), shift, settled)


def _held(lowest: Found, i: int) -> Callable[[Array], Array]:
    """The profiles of the lowest state with field i in the vacuum."""
    grid, vacuum = lowest.problem.grid, lowest.problem.vacuum.values
    u = lowest.solution.u.copy()
    u[:, i] = vacuum[i]

    def base(r: Array) -> Array:
        return np.where((r < grid.r_max)[:, None], grid.interpolate(u, np.minimum(r, grid.r_max)), vacuum)

    return base


def _may_stay(problem: Problem, lowest: Found, i: int) -> bool:
    """Whether V does not force field i away from its vacuum value where the others are excited."""
    r = lowest.problem.grid.nodes
    slope = point_kernels(problem.model.potential_function).gradient(_held(lowest, i)(r), problem.model.params, r)
    return bool(np.max(np.abs(slope[:, i])) <= _NO_FORCE * max(float(np.max(np.abs(slope))), 1e-300))
