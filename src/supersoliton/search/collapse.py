r"""Collapse at fixed norm, where V falls faster than :math:`|u|^{2+4/d}`.

Compressing a state at fixed norm, u_c(r) -> a^(d/2) u_c(ar), multiplies the gradient energy by a^2 and the potential
energy of a power p by a^(d(p-2)/2): the energy then has no lowest value, and a descent ends with a spike that is as
narrow as the mesh allows. Such a spike is no state. Local minima may exist as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy import ndarray as Array

from ..problem.problem import DiscreteProblem
from ..solvers.base import Solution, Stopwatch
from ..solvers.newton import Newton
from ..theory.derivatives import point_kernels
from .norm_branch import trapped_states
from .same_state import distinct_solutions, is_unresolved

_COMPRESSIONS = (1.0, 10.0, 100.0)
_SECONDS = 30.0  # budget of the search for a local minimum
COLLAPSED = (
    "collapsed onto the mesh: at this norm compressing the fields lowers the energy without bound, so there is no "
    "lowest state"
)


def without_collapse(problem: DiscreteProblem, solutions: Sequence[Solution]) -> list[Solution]:
    """The solutions, collapsed ones last and with that status; in a trap with the local minimum if all collapsed."""
    if problem.norm is None:
        return list(solutions)
    named = [replace(s, status=COLLAPSED) if is_collapsed(problem, s.u) else s for s in solutions]
    if named and problem.model.explicit_r and all(s.status == COLLAPSED for s in named):
        named += local_minima(problem)
    return distinct_solutions(problem, named) if named != list(solutions) else list(solutions)


def is_collapsed(problem: DiscreteProblem, u: Array) -> bool:
    """Whether the fields are narrower than the mesh, and compressing them further only lowers the energy."""
    return problem.norm is not None and is_unresolved(problem, u) and falls_without_bound(problem, u)


def falls_without_bound(problem: DiscreteProblem, u: Array) -> bool:
    """Whether the energy of the fields falls when they are compressed at fixed norm, ten- and hundredfold."""
    grid, params = problem.grid, problem.model.params
    kernels, dim = point_kernels(problem.model.potential_function), float(grid.dim)
    at, r = grid.at_quadrature(u).reshape(-1, problem.model.n_fields), grid.quadrature_points.ravel()
    still = np.tile(problem.vacuum.values, (len(r), 1))
    gradient = problem.energy_parts(u)["gradient"]
    energies = []
    for a in _COMPRESSIONS:
        with np.errstate(all="ignore"):
            moved = at * np.where(problem.carries_norm > 0, a ** (0.5 * dim), 1.0)
            excess = kernels.value(moved, params, r / a) - kernels.value(still, params, r / a)
            energies.append(a**2 * gradient + a**-dim * float(grid.quadrature_weights.ravel() @ excess))
    return bool(np.all(np.diff(energies) < 0.0) and energies[-1] < 0.0)


def local_minima(problem: DiscreteProblem) -> list[Solution]:
    """The minimum in a trap that is reached from small norm, if it exists up to the norm of the problem."""
    followed = trapped_states(problem, 0, Stopwatch(_SECONDS))
    ends = [Newton(target="minimum").run(problem, found.solution.u) for _, found in followed if found is not None]
    return [s for s in ends if s.converged and not is_collapsed(problem, s.u)]
