"""Where V' or V'' jumps along a state: kinks of V, splines, V in pieces."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import sphere_area
from ..problem.problem import DiscreteProblem
from ..problem.tangent_space import RankOne
from ..theory.derivatives import point_kernels
from ..theory.smoothness import is_analytic

_SAMPLES = 24  # in each element
_PARTS, _ROUNDS = 15, 8  # an interval with a jump is cut into so many parts, so often
_ISOLATED = 5.0  # a jump stands out from the changes next to it by this factor
_STRONG = 1e-3  # least jump, relative to the largest V' or V''
_STAYS = 0.5  # part of the change that is left in a tiny interval around a jump; of a smooth function nothing is
_MOST = 8  # jumps that are looked for
_ONE = 1e-6  # distance of two jumps that are one, over the radius of the box
_BESIDE = 1e-8  # distance from a jump at which V' is taken, over the radius of the box


class Jump(NamedTuple):
    """A radius where V' ("V'") or V'' ("V''") jumps, and the fields there."""

    radius: float
    fields: Array
    of: str


def jumps(problem: DiscreteProblem, u: Array) -> list[Jump]:
    """The jumps along u(r), from the inside out."""
    if is_analytic(problem.model):
        return []
    edges = problem.grid.element_edges
    r = np.concatenate([*(np.linspace(a, b, _SAMPLES)[:-1] for a, b in pairwise(edges)), edges[-1:]])
    found: list[Jump] = []
    changes = _changes(problem, u, r)
    for of, change, size in zip(("V'", "V''"), changes[:2], changes[2:], strict=True):
        around = np.maximum(np.append(change[1:], 0.0), np.concatenate([[0.0], change[:-1]]))
        stands_out = np.flatnonzero((change > _ISOLATED * around) & (change > _STRONG * size))
        for k in stands_out[np.argsort(-change[stands_out])][:_MOST]:
            radius = _bisected(problem, u, (float(r[k]), float(r[k + 1])), of, float(change[k]))
            # V'' jumps where V' does, or is not defined there: one jump.
            if radius is not None and all(abs(radius - jump.radius) > _ONE * r[-1] for jump in found):
                found.append(Jump(radius, problem.grid.interpolate(u, radius), of))
    return sorted(found, key=lambda jump: jump.radius)


def delta_functions(problem: DiscreteProblem, u: Array, found: list[Jump] | None = None) -> RankOne | None:
    r"""What V'' has where V' jumps along u(r), as terms of the second variation; None if it does not jump.

    If V' jumps by g at the radius R, from inside to outside, the second variation of a fluctuation :math:`\eta` has the
    term :math:`S_dR^{d-1}(g\cdot\eta(R))^2/(g\cdot u'(R))`. ``found``: the jumps, if known.
    """
    known = jumps(problem, u) if found is None else found
    radii = np.array([jump.radius for jump in known if jump.of == "V'"])
    if not len(radii):
        return None
    grid, kernels, params = problem.grid, point_kernels(problem.model.potential_function), problem.model.params
    inside, outside = (radii + side * _BESIDE * grid.r_max for side in (-1.0, 1.0))
    moved = grid.interpolate(u, outside) - grid.interpolate(u, inside)
    slopes, second = ([f(grid.interpolate(u, r), params, r) for r in (inside, outside)] for f in kernels[1:3])
    change = slopes[1] - slopes[0] - np.einsum("kij,kj->ki", 0.5 * (second[0] + second[1]), moved)
    along = np.sum(change * grid.interpolate(grid.differentiate(u), radii), axis=1)
    true = np.abs(along) > 1e-9 * np.max(np.abs(along), initial=1e-300)
    radii, change, along = radii[true], change[true], along[true]
    if not len(radii):
        return None
    rows = grid.interpolate(np.eye(grid.n_nodes), radii)
    strengths = sphere_area(grid.dim) * radii ** (grid.dim - 1.0) / along
    return RankOne(np.einsum("kn,kf->nfk", rows, change), strengths)


def in_words(problem: DiscreteProblem, found: list[Jump]) -> str:
    """Which derivative jumps, and at which fields."""
    first = {jump.of: problem.model.given_fields(jump.fields) for jump in reversed(found)}
    return " and ".join(f"{of} jumps at u = {', '.join(f'{x:.4g}' for x in at)}" for of, at in first.items())


def _changes(problem: DiscreteProblem, u: Array, r: Array) -> tuple[Array, Array, float, float]:
    """The changes of V' (beyond what V'' explains) and of V'' between neighbouring radii, and their sizes."""
    kernels, params = point_kernels(problem.model.potential_function), problem.model.params
    fields = problem.grid.interpolate(u, r)
    slope = kernels.gradient(fields, params, r)
    second = kernels.hessian(fields, params, r)
    mean = 0.5 * (second[1:] + second[:-1])
    explained = np.einsum("xij,xj->xi", mean, np.diff(fields, axis=0))
    of_slope = np.linalg.norm(np.diff(slope, axis=0) - explained, axis=1)
    of_second = np.linalg.norm(np.diff(second, axis=0), axis=(1, 2))
    sizes = float(np.max(np.abs(slope))), float(np.max(np.abs(second)))
    return np.nan_to_num(of_slope), np.nan_to_num(of_second), *sizes


def _bisected(problem: DiscreteProblem, u: Array, ends: tuple[float, float], of: str, change: float) -> float | None:
    """The radius of a jump between ``ends``; None if what changes there is smooth."""
    for _ in range(_ROUNDS):
        r = np.linspace(*ends, _PARTS + 1)
        of_slope, of_second, *_ = _changes(problem, u, r)
        left = of_slope if of == "V'" else of_second
        k = int(np.argmax(left))
        if left[k] < _STAYS * change:
            return None
        ends = float(r[k]), float(r[k + 1])
    return 0.5 * (ends[0] + ends[1])
