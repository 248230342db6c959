r"""Analytic starts over the fields that may carry the soliton, ranked by their energy.

A start puts one radial profile into a set S of fields with signs s_i and scales it to the norm. Its energy is that of
|S| equal fields plus the pair couplings, so for each |S| only the sets of lowest coupling energy are kept,

.. math:: c(S) = \tfrac12\sum_{i\ne j\in S} s_is_jC_{ij}
          - \tfrac12\sum_{k\notin S}\big(\sum_{i\in S}s_iC_{ki}\big)^2/|C_{kk}|,\qquad C = V''(u_\infty),

whose second term is the energy gained by the neighbours outside S. The energies of the remaining starts, for several
widths and two shapes, are evaluated in one batch.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from .._checks import expect_count
from ..problem import functional
from ..problem.problem import DiscreteProblem
from ..problem.transfer import scale_to_norm
from ..theory.derivatives import point_kernels
from ..theory.vacua import mass_matrix

_WIDTHS = 8  # widths tried for each set, geometric between an element's resolution and the box
_SETS_PER_SIZE = 2  # sets of each size that become starts
_BEAM = 8  # sets of each size that are extended by one more field
# Amplitudes tried without norm, in units of the distance at which V departs from its mass term: up to and far beyond
# the barrier.
_STRENGTHS = (1.5, 3.0, 6.0, 12.0)


class Start(NamedTuple):
    """A screened start: the fields at the nodes, their energy, and the fields that carry it."""

    energy: float
    label: tuple[int, ...]
    u: Array


@dataclass(frozen=True)
class MultiStart:
    """Many starts, each with a set of fields that carry the soliton; the lowest state that they lead to is returned.

    Parameters
    ----------
    n_polish : int, default 3
        Number of screened starts that are solved, lowest energy first.

    Raises
    ------
    ValueError
        If ``n_polish`` < 1.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: u[0]**2 / 2 - p["g"] * u[0]**4 / 4 + u[0]**6 / 8, params={"g": 1.6})
    >>> state = ss.solve(ss.Problem(model, ss.RadialGrid(r_max=30.0), norm=100.0), ss.MultiStart(n_polish=1))
    >>> print(f"{state.energy:.6f}")
    48.035581
    """

    n_polish: int = 3

    def __post_init__(self) -> None:
        expect_count("guess.n_polish", self.n_polish, "try 3")


def carrying_sets(problem: DiscreteProblem) -> list[tuple[tuple[int, ...], tuple[float, ...]]]:
    """Sets of fields with signs, the best few of each size by their coupling energy c(S).

    Candidates are runs of neighbours and of next-neighbours with several patterns of signs, and the results of a beam
    search that extends the best smaller sets by one field (all 3^n patterns would cost more than the solver).
    """
    carriers = np.flatnonzero(problem.carries_norm)
    matrix = mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max)
    couplings = np.where(np.isfinite(matrix), matrix, 0.0)[np.ix_(carriers, carriers)]
    diagonal = np.maximum(np.abs(np.diag(couplings)), 1e-3)
    couplings = couplings - np.diag(np.diag(couplings))
    n = len(carriers)
    families = _families(n)
    sizes = np.sum(families != 0, axis=1)
    out = []
    beam = np.zeros((1, n))
    for size in range(1, n + 1):
        grown = np.concatenate([_extended(beam), families[sizes == size]])
        energies = _coupling_energy(grown, couplings, diagonal)
        best: dict[tuple[int, ...], Array] = {}
        for index in np.argsort(energies, kind="stable"):
            best.setdefault(tuple(int(i) for i in np.flatnonzero(grown[index])), grown[index])
            if len(best) == _BEAM:
                break
        beam = np.array(list(best.values()))
        for members, row in list(best.items())[:_SETS_PER_SIZE]:
            signs = row[list(members)] * row[members[0]]
            out.append((tuple(int(carriers[i]) for i in members), tuple(float(x) for x in signs)))
    return out


def _extended(sets: Array) -> Array:
    """Every set (rows of -1, 0, 1) extended by one field of either sign."""
    row, field = np.nonzero(sets == 0)
    more = np.repeat(sets[row], 2, axis=0)
    more[np.arange(len(more)), np.repeat(field, 2)] = np.tile([1.0, -1.0], len(field))
    return more


def _coupling_energy(sets: Array, couplings: Array, diagonal: Array) -> Array:
    """c(S) of the module's formula for rows of -1, 0, 1."""
    force = sets @ couplings
    lent = np.where(sets == 0, force, 0.0)
    return 0.5 * np.sum(force * sets, axis=1) - 0.5 * np.sum(lent**2 / diagonal, axis=1)


@functools.lru_cache(maxsize=16)
def _families(n: int) -> Float[Array, "set field"]:
    """Runs of neighbours and of next-neighbours (couplings reach no further), with several signs."""
    sets = {tuple(range(a, b)) for a in range(n) for b in range(a + 1, n + 1)}
    sets |= {tuple(range(a, b, 2)) for a in range(n) for b in range(a + 1, n + 1)}
    return np.concatenate([_sign_patterns(members, n) for members in sorted(sets)])


def _sign_patterns(members: tuple[int, ...], n_fields: int) -> Array:
    """Rows of -1, 0, 1 with signs that alternate, alternate in pairs (twice), or are equal."""
    chosen, n = list(members), len(members)
    pairs = np.array([1.0, 1.0, -1.0, -1.0] * (n // 4 + 1))
    rows = np.zeros((4, n_fields))
    rows[:, chosen] = [(-1.0) ** np.arange(n), pairs[:n], pairs[1 : n + 1], np.ones(n)]
    return rows


def energies_of(problem: DiscreteProblem, batch: Array) -> Array:
    """E of many nodal fields (start, node, field), in one pass over all their quadrature points."""
    grid = problem.grid
    local = batch[:, grid.element_nodes]
    fields = np.einsum("eqa,seai->seqi", grid.interpolation, local, optimize=True)
    slopes = np.einsum("eqa,seai->seqi", grid.derivative, local, optimize=True)
    n = batch.shape[2]
    if problem.model.density_function is not None:
        return np.array([problem.energy(u) for u in batch])
    radii = np.tile(grid.quadrature_points.ravel(), len(batch))
    kernels = point_kernels(problem.model.potential_function)
    value = kernels.value(fields.reshape(-1, n), problem.model.params, radii).reshape(fields.shape[:3])
    still = functional.background(kernels, problem.theory, grid.quadrature_points.ravel())
    density = value - still.reshape(fields.shape[1:3]) + 0.5 * np.sum(problem.model.kinetic * slopes**2, axis=-1)
    return np.einsum("eq,seq->s", grid.quadrature_weights, density)


def screened_starts(
    problem: DiscreteProblem, sets: Sequence[tuple[tuple[int, ...], tuple[float, ...]]] | None = None
) -> list[Start]:
    """The start of lowest energy of every carrying set, at the problem's norm if it has one; lowest first.

    ``sets``: fields with their signs; default :func:`carrying_sets`.
    """
    grid = problem.grid
    smallest = 2.0 * grid.element_edges[1] / grid.order
    widths = np.geomspace(smallest, 0.4 * grid.r_max, _WIDTHS)
    shapes = [np.exp(-((grid.nodes / w) ** power)) for w in widths for power in (2, 4)]
    norms = [float(shape @ grid.mass @ shape) for shape in shapes]
    profiles, labels = [], []
    for members, signs in carrying_sets(problem) if sets is None else sets:
        pattern = np.zeros(problem.model.n_fields)
        pattern[list(members)] = signs
        for shape, norm in zip(shapes, norms, strict=True):
            strengths = list(_STRENGTHS)
            if problem.norm is not None:
                strengths = [math.sqrt(float(problem.norm) / (len(members) * norm))]
            for strength in strengths:
                profiles.append(strength * shape[:, None] * pattern)
                labels.append(members)
    batch = _finish(problem, problem.vacuum.values + np.stack(profiles))
    if problem.norm is not None and problem.model.density_function is not None:
        batch = np.stack([scale_to_norm(problem, u) for u in batch])
    energies = energies_of(problem, batch)
    if problem.norm is not None:
        energies = _without_runaway(energies.reshape(-1, len(widths), 2)).ravel()
    best: dict[tuple[int, ...], Start] = {}
    for energy, label, u in zip(energies, labels, batch, strict=True):
        if math.isfinite(energy) and (label not in best or energy < best[label].energy):
            best[label] = Start(float(energy), label, u)
    ranked = sorted(best.values(), key=lambda start: (start.energy, start.label))
    return [start._replace(u=scale_to_norm(problem, start.u)) for start in ranked]


def _without_runaway(energies: Array) -> Array:
    """Energies (set, width, shape), infinite for narrow starts on the way to collapse where wider ones have a minimum.

    Where the narrowest start is the lowest, V may fall without bound; the state wanted is a local minimum.
    """
    out = energies.copy()
    for index in np.ndindex(energies.shape[0], energies.shape[2]):
        curve = energies[index[0], :, index[1]]
        falling = np.diff(curve) < 0.0
        if np.argmin(curve) == 0 and falling.any():
            out[index[0], : int(np.argmax(falling)) + 1, index[1]] = math.inf  # up to the barrier
    return out


def _finish(problem: DiscreteProblem, batch: Array) -> Array:
    """Set the fields that follow the carriers and the boundary values; (start, node, field)."""
    shape = batch.shape
    batch = problem.model.follow(batch.reshape(-1, shape[2])).reshape(shape)
    batch[:, -1] = np.where(problem.free_last > 0, batch[:, -1], problem.vacuum.values)
    return batch
