"""States to learn from: searched for over the box, and branches that the search met seldom, followed.

Every state is solved to the solver's tolerance and kept only with its certificate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from ..families.sensitivity import tangents
from ..guesses.guess import starting_fields
from ..guesses.multistart import MultiStart
from ..guesses.trained.basis import Basis, make_basis
from ..guesses.trained.box import Box
from ..guesses.trained.carriers import Carriers, carriers_of, oriented
from ..guesses.trained.galerkin import GalerkinPoint, variation
from ..problem.problem import DiscreteProblem
from ..search.saddle import find_solitons, is_soliton
from ..solvers.base import Solution
from ..states.state import make_state
from ..theory.vacua import slope, vacuum_at

_WIDER = 1.1  # the box of the seeds, so that the scan's own box is not at its edge
_REACH = 1.2  # distance, in coordinates, of the next point of a branch from the nearest that is known, at most
_STATIONARY = 1e-12  # slope of V at a vacuum
_ATTEMPTS = 4  # for each state that a branch still lacks


@dataclass(frozen=True)
class Seed:
    """A certified state: its branch, coordinates of its couplings, and its fields less their vacuum, oriented."""

    branch: Carriers
    x: Float[Array, " coupling"]
    w: Float[Array, "node field"]
    vacuum: Float[Array, " field"]


@dataclass(frozen=True)
class SeedSearch:
    """One point: all states found, the branch of the lowest one, and the Newton steps that finding it took."""

    x: Float[Array, " coupling"]
    lowest: Carriers | None
    seeds: list[Seed]
    steps: int


def draw_point(config: Any, box: Box, index: int) -> Float[Array, " coupling"]:
    """Coordinates of the search's point of that number, uniform in the box and a tenth beyond it."""
    x = np.random.default_rng([config.warm_start.seed, index]).uniform(-_WIDER, _WIDER, len(box.names))
    return x if problem_at(config, box, x) is not None else np.clip(x, -1.0, 1.0)


def search_point(config: Any, box: Box, x: Float[Array, " coupling"]) -> SeedSearch:
    """What the search without training finds there."""
    problem = problem_at(config, box, x)
    if problem is None:
        return SeedSearch(x, None, [], 0)
    guess = MultiStart(config.problem.guess.n_polish)
    found = find_solitons(problem, config.solver, guess, every=True)
    seeds = [seed for s in found.solutions if (seed := make_seed(problem, box, s)) is not None]
    lowest = carriers_of(problem, found.solutions[0].u) if is_soliton(problem, found.solutions) else None
    return SeedSearch(x, lowest, seeds, found.steps - sum(s.steps for s in found.solutions[1:]))


def follow(config: Any, box: Box, seeds: list[Seed], wanted: int, key: list[int]) -> list[Seed]:
    """More states of the branch of ``seeds``, until there are ``wanted``.

    Each lies on the way from the nearest that is known to a random point of the box: so they spread as far as the
    branch does.
    """
    random = np.random.default_rng(key)
    known = list(seeds)
    for _ in range(_ATTEMPTS * max(wanted - len(seeds), 0)):
        if len(known) >= wanted:
            break
        target = random.uniform(-_WIDER, _WIDER, len(box.names))
        near = min(known, key=lambda seed: float(np.sum((seed.x - target) ** 2)))
        away = target - near.x
        x = near.x + away * min(1.0, _REACH / float(np.linalg.norm(away)))
        problem = problem_at(config, box, x, near.vacuum)
        if problem is None:
            continue
        u = problem.vacuum.values + near.w
        seed = make_seed(problem, box, config.solver.run(problem, starting_fields(problem, u)))
        if seed is not None and seed.branch == near.branch:
            known.append(seed)
    return known


def make_seed(problem: DiscreteProblem, box: Box, solution: Solution) -> Seed | None:
    """The seed of a solution; None where it is no soliton or has no certificate."""
    if not is_soliton(problem, [solution]) or not make_state(problem, solution).certificate.certified:
        return None
    u = oriented(problem, solution.u)
    return Seed(carriers_of(problem, u), box.unit_of(problem), u - problem.vacuum.values, problem.vacuum.values)


def span(config: Any, box: Box, seeds: list[Seed]) -> Basis:
    """The basis of states of one branch and of their derivatives along the coordinates of the box."""
    moved = []
    for seed in seeds:
        problem = problem_at(config, box, seed.x, seed.vacuum)
        assert problem is not None
        slopes = tangents(problem, problem.vacuum.values + seed.w, box.names)
        moved.append(slopes * _stretch(box, seed.x)[:, None, None])
    states = np.stack([seed.w for seed in seeds])
    return make_basis(config.grid, states, np.concatenate(moved), config.warm_start.basis)


def variations(config: Any, box: Box, seeds: list[Seed], basis: Basis) -> Float[Array, "state mode mode"]:
    """The second variations of states within a basis."""
    out = []
    for seed in seeds:
        problem = problem_at(config, box, seed.x, seed.vacuum)
        assert problem is not None
        out.append(variation(GalerkinPoint(problem, basis, basis.project(seed.w))))
    return np.stack(out)


def _stretch(box: Box, x: Array) -> Array:
    """dp/dx of each coupling."""
    h = 1e-6
    ahead, behind = box.point(x + h), box.point(x - h)
    return np.array([(ahead[name] - behind[name]) / (2.0 * h) for name in box.names])


def problem_at(config: Any, box: Box, x: Array, vacuum: Array | None = None) -> DiscreteProblem | None:
    """The problem at coordinates x; None where the model or its vacuum does not exist there.

    ``vacuum``: that of a problem nearby, which is taken where it is one here too; to search for it again would cost
    more than the state.
    """
    try:
        problem: DiscreteProblem = config.problem_at(box.point(x))
        if vacuum is not None:
            here = vacuum_at(problem.model, vacuum, config.grid.r_max)
            force = slope(problem.model, vacuum, config.grid.r_max)
            if here.stable and np.max(np.abs(force)) <= _STATIONARY:
                problem.__dict__["vacuum"] = here
        _ = problem.vacuum
    except ValueError:
        return None
    return problem
