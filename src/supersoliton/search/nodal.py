"""States with nodes of one field, from shooting: each on a mesh made for it or on the problem's own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import RadialGrid
from ..problem.asymptotics import decay_length
from ..problem.problem import DiscreteProblem, Problem
from ..problem.transfer import satisfy_conditions
from ..solvers.base import Solution, Stopwatch
from ..solvers.newton import Newton
from ..states.kinds import is_homogeneous, radial_nodes
from .adaptive import ELEMENTS, ORDER, SMOOTH, converge_mesh
from .line import Line
from .shooting import Profile, profiles

_STEPS_PER_ELEMENT = 4  # of the shooting: they show how fast the field varies
_INSIDE = (12.0, 6.0, 2.5)  # element edges inside a thin wall, in decay lengths before the point where shooting began


class Found(NamedTuple):
    """A solution on its mesh."""

    problem: DiscreteProblem
    solution: Solution


Starts = Iterator[tuple[int, Found | None]]  # the nodes of each start, and the state that it led to


def line_of(problem: Problem, shift: Array) -> Line:
    """The equation of a problem of one field at omega^2 = ``shift``, (1,)."""
    vacuum = problem.vacuum.values
    return Line(problem.model, float(problem.dimension), np.ones(1), lambda r: np.tile(vacuum, (len(r), 1)), shift)


def has_line(problem: Problem) -> bool:
    """Whether the states of a problem are those of one autonomous equation: one field, and V does not depend on r."""
    return problem.model.n_fields == 1 and problem.parity == "even" and not problem.model.explicit_r


def nodal_states(problem: Problem, max_nodes: int, watch: Stopwatch) -> Starts:
    """The states of one field with at most ``max_nodes`` nodes at the problem's frequency.

    Yields the nodes of each and the state; None where Newton's method does not reach it on the mesh of the problem.
    """
    line, decay = line_of(problem, problem.multiplier_shift), decay_length(problem)
    for profile in profiles(line, max_nodes, decay, watch) if math.isfinite(decay) else ():
        if watch.expired:
            return
        yield profile.nodes, solved(problem, line, profile)


def solved(problem: Problem, line: Line, profile: Profile) -> Found | None:
    """The state that a profile leads to; None if Newton's method fails or ends with other nodes."""
    newton = Newton(target="stationary")
    if isinstance(problem, DiscreteProblem):
        return started(problem, line, profile, newton)
    found = started(mesh_for(problem, profile), line, profile, newton)
    if found is None:
        return None
    on, solution, _ = converge_mesh(*found, newton, SMOOTH)
    return Found(on, solution)


def started(problem: DiscreteProblem, line: Line, profile: Profile, newton: Newton) -> Found | None:
    """The state that Newton's method reaches from a profile on a mesh; None if it fails or ends with other nodes."""
    r = problem.grid.nodes
    u = satisfy_conditions(problem, line.fields(profile(r), r))
    solution = newton.run(problem, u)
    good = solution.converged and not is_homogeneous(problem, solution.u)
    return Found(problem, solution) if good and radial_nodes(problem, solution.u) == profile.nodes else None


def mesh_for(problem: Problem, profile: Profile) -> DiscreteProblem:
    """The problem on elements that hold equally many steps of the shooting."""
    grid = RadialGrid(edges=_edges(profile), order=ORDER, dim=problem.dimension)
    if problem.norm is not None:
        return problem.with_grid(grid)
    background = tuple(problem.vacuum.values)
    return replace(problem.with_grid(grid), boundary="decaying", background=background)


def _edges(profile: Profile) -> tuple[float, ...]:
    begin = profile.begin
    r = profile.r[profile.r >= begin]
    count = int(np.clip(len(r) // _STEPS_PER_ELEMENT, ELEMENTS[0], ELEMENTS[-1]))
    edges = r[np.linspace(0, len(r) - 1, count + 1).astype(int)[1:]]
    # A thin wall begins far outside; the field is flat up to some decay lengths before it.
    inside = begin - np.array(_INSIDE) * profile.decay
    inside = np.append(inside, begin)[np.append(inside, begin) > 0.2 * edges[0]]
    return tuple(float(x) for x in np.concatenate([[0.0], inside if begin > profile.decay else [], edges]))
