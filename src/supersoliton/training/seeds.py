"""Training states: from searches over the box, and by following branches that the searches rarely found.

Every state is solved to the solver's tolerance and kept only if it is certified.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from ..config.configuration import Config
from ..families.sensitivity import tangents
from ..guesses.guess import starting_fields
from ..guesses.trained.basis import Basis, make_basis
from ..guesses.trained.box import Box
from ..guesses.trained.carriers import Carriers, carriers_of, oriented
from ..guesses.trained.galerkin import GalerkinPoint, variation
from ..problem.problem import DiscreteProblem
from ..search.saddle import find_solitons, is_soliton
from ..solvers.base import Solution
from ..states.state import make_state
from ..theory.vacua import slope, vacuum_at

_WIDER = 1.1  # the seeds' box relative to that of the scan, whose edges are then inside
_REACH = 1.2  # largest distance, in coordinates, of a new point of a branch from the nearest seed
_STATIONARY = 1e-12  # largest slope of V at a vacuum
_ATTEMPTS = 4  # solves for each state that a branch still lacks


@dataclass(frozen=True)
class Seed:
    """A certified state: branch, coordinates of its couplings, and fields less their vacuum w, oriented."""

    branch: Carriers
    x: Float[Array, " coupling"]
    w: Float[Array, "node field"]
    vacuum: Float[Array, " field"]


@dataclass(frozen=True)
class SeedSearch:
    """The search at one point: all states found, the branch of the lowest one, the Newton steps to find that one."""

    x: Float[Array, " coupling"]
    lowest: Carriers | None
    seeds: list[Seed]
    steps: int


def draw_point(config: Config, box: Box, seed: int, index: int) -> Float[Array, " coupling"]:
    """Coordinates of the point number ``index``, uniform in the box extended by a tenth."""
    x = np.random.default_rng([seed, index]).uniform(-_WIDER, _WIDER, len(box.names))
    return x if problem_at(config, box, x) is not None else np.clip(x, -1.0, 1.0)


def search_point(config: Config, box: Box, x: Float[Array, " coupling"]) -> SeedSearch:
    """The search without training at coordinates x."""
    problem = problem_at(config, box, x)
    if problem is None:
        return SeedSearch(x, None, [], 0)
    found = find_solitons(problem, config.solver, config.problem.guess, every=True)
    seeds = [seed for s in found.solutions if (seed := make_seed(problem, box, s)) is not None]
    lowest = carriers_of(problem, found.solutions[0].u) if is_soliton(problem, found.solutions) else None
    return SeedSearch(x, lowest, seeds, found.steps - sum(s.steps for s in found.solutions[1:]))


def follow(config: Config, box: Box, seeds: list[Seed], wanted: int, key: list[int]) -> list[Seed]:
    """``seeds`` and more states of their branch, up to ``wanted`` in all.

    Each new one lies between the nearest seed and a random point of the box, so the seeds spread over the branch.
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
        seed = make_seed(problem, box, config.solver.solve(problem, starting_fields(problem, u)))
        if seed is not None and seed.branch == near.branch:
            known.append(seed)
    return known


def make_seed(problem: DiscreteProblem, box: Box, solution: Solution) -> Seed | None:
    """The seed of a solution; None if it is not a certified soliton."""
    if not is_soliton(problem, [solution]) or not make_state(problem, solution).certificate.certified:
        return None
    u = oriented(problem, solution.u)
    return Seed(carriers_of(problem, u), box.unit_of(problem), u - problem.vacuum.values, problem.vacuum.values)


def span(config: Config, box: Box, seeds: list[Seed], size: int) -> Basis:
    """A basis of ``size`` vectors of seeds of one branch and of their derivatives along the coordinates of the box."""
    moved = []
    for seed in seeds:
        problem = problem_at(config, box, seed.x, seed.vacuum)
        assert problem is not None
        slopes = tangents(problem, problem.vacuum.values + seed.w, box.names)
        moved.append(slopes * _stretch(box, seed.x)[:, None, None])
    states = np.stack([seed.w for seed in seeds])
    return make_basis(config.grid, states, np.concatenate(moved), size)


def variations(config: Config, box: Box, seeds: list[Seed], basis: Basis) -> Float[Array, "state mode mode"]:
    """The second variations of the seeds in a basis."""
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


def problem_at(config: Config, box: Box, x: Array, vacuum: Array | None = None) -> DiscreteProblem | None:
    """The problem at coordinates x; None if the model or its vacuum does not exist there.

    ``vacuum``: that of a neighbouring problem. It is used if it is a vacuum here too, because the search for one costs
    more than the state.
    """
    try:
        problem = config.problem_at(box.point(x))
        if vacuum is not None:
            same = vacuum_at(problem.model, vacuum, config.grid.r_max)
            force = slope(problem.model, vacuum, config.grid.r_max)
            if same.stable and np.max(np.abs(force)) <= _STATIONARY:
                problem.__dict__["vacuum"] = same
        _ = problem.vacuum
    except ValueError:
        return None
    return problem
