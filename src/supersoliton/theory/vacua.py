"""Homogeneous stationary states of a potential: fields, energy density and masses."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from .._checks import expect_model
from .base import AbstractModel
from .derivatives import SMALL_BLOCK, point_kernels

_MAX_STEPS = 200
_FAR = 1e6  # fields beyond this mean that V is unbounded below
_DISTINCT = 1e-6  # relative distance below which two minima count as one
_MERGED = 1e-4  # relative distance below which two searches in a convex region lead to the same minimum
_SMALL = 1e-2  # least size of the fields in that relative distance
_BASIN = 0.2  # a Newton step that reduces the distance to a known minimum to this fraction converges to it
_HALVINGS = 12  # step lengths tried, from the full step down
_STRIDE = 0.25  # least step where V is not convex, relative to the fields or 1


@dataclass(frozen=True)
class Vacuum:
    """A homogeneous stationary point of V, with its energy density and masses.

    Attributes
    ----------
    fields : tuple of str
        Names of the fields.
    values : ndarray of shape (n_fields,)
        Field values u.
    energy_density : float
        V(u).
    masses_squared : ndarray of shape (n_fields,)
        Eigenvalues of :math:`k^{-1/2}V''(u)k^{-1/2}` in mass^2, ascending.
    masses : ndarray of shape (n_fields,)
        Their square roots; 0 for a value that vanishes to rounding, NaN for a tachyon.
    stable : bool
        Whether no value is negative beyond rounding.
    """

    fields: tuple[str, ...]
    values: Float[Array, " field"]
    energy_density: float
    masses_squared: Float[Array, " field"]

    @property
    def stable(self) -> bool:
        """Whether there is no tachyon: every mass squared is non-negative up to rounding."""
        return bool(self.masses_squared[0] >= -self._rounding)

    @property
    def masses(self) -> Float[Array, " field"]:
        """Square roots of ``masses_squared``; 0 for one that vanishes to rounding, NaN for a tachyon."""
        squared = np.where(np.abs(self.masses_squared) <= self._rounding, 0.0, self.masses_squared)
        return np.sqrt(np.where(squared >= 0, squared, np.nan))

    @property
    def _rounding(self) -> float:
        return 1e-10 * max(1.0, float(np.max(np.abs(self.masses_squared))))

    def __repr__(self) -> str:
        shown = ", ".join(f"{f}={v:.6g}" for f, v in zip(self.fields, self.values, strict=True) if v != 0) or "u = 0"
        word = "masses" if self.stable else "unstable, masses^2"
        numbers = self.masses if self.stable else self.masses_squared
        return f"Vacuum({shown}; V = {self.energy_density:.9g}; {word} {np.array2string(numbers, precision=4)})"


def mass_matrix(model: AbstractModel, values: Array, r: float = 0.0) -> Float[Array, "field field"]:
    """k^-1/2 V''(u) k^-1/2 at a homogeneous state."""
    return _with_kinetic(model, _at(model, values, r)[2])


def vacuum_at(model: AbstractModel, values: Sequence[float] | Array, r: float = 0.0) -> Vacuum:
    """The :class:`Vacuum` record at any field values, stationary or not."""
    u = np.asarray(values, dtype=float)
    energy, _, curvature = _at(model, u, r)
    return _record(model, u, energy, curvature)


def slope(model: AbstractModel, values: Array, r: float = 0.0) -> Float[Array, " field"]:
    """V'(u) at a homogeneous state."""
    return _at(model, values, r)[1].copy()


def _with_kinetic(model: AbstractModel, curvature: Array) -> Array:
    scale = 1.0 / np.sqrt(model.kinetic)
    return curvature * scale[:, None] * scale


def _record(model: AbstractModel, u: Array, energy: float, curvature: Array) -> Vacuum:
    matrix = _with_kinetic(model, curvature)
    spectrum = np.linalg.eigvalsh(matrix) if np.all(np.isfinite(matrix)) else np.full(len(u), np.nan)
    return Vacuum(model.fields, u, float(energy), spectrum)


def _at(model: AbstractModel, values: Array, r: float) -> tuple[float, Array, Array]:
    """V, V' and V'' at one point, cached because solvers need them on every mesh."""
    radius = float(r) if model.explicit_r else 0.0
    values = np.asarray(values, dtype=float)
    params = tuple(model.params.items())
    if all(isinstance(value, float | int) for _, value in params):
        return _cached_taylor(model.potential_function, params, values.tobytes(), radius)
    return _taylor(model.potential_function, dict(params), values[None], radius)


@functools.lru_cache(maxsize=256)
def _cached_taylor(function: Any, params: tuple[tuple[str, float], ...], values: bytes, r: float) -> Any:
    return _taylor(function, dict(params), np.frombuffer(values)[None], r)


def _taylor(function: Any, params: dict[str, Any], point: Array, r: float) -> tuple[float, Array, Array]:
    kernels, radius = point_kernels(function), np.array([r])
    energy, gradient = kernels.value_and_gradient(point, params, radius)
    return float(energy[0]), gradient[0], kernels.hessian(point, params, radius)[0]


def vacua(
    model: AbstractModel,
    *,
    held_at_zero: Array | None = None,
    n_starts: int = 64,
    seed: int = 0,
    r: float = 0.0,
    max_seconds: float = 60.0,
    known: Vacuum | None = None,
) -> list[Vacuum]:
    """Local minima of V(u), lowest first, found from many starts.

    Newton's method with the modulus of the Hessian, which cannot converge to a saddle, starts from the origin, along
    each field, along the unstable directions of the origin, and from random points. It is a search, not a proof.

    Parameters
    ----------
    model : AbstractModel
        The theory.
    held_at_zero : ndarray of bool, shape (n_fields,), optional
        True for fields that stay at 0 (those that carry a conserved norm).
    n_starts : int, default 64
        Random points, of magnitudes 0.1 to 10.
    seed : int, default 0
        Seed of the random points.
    r : float, default 0.0
        Radius at which a potential that depends on r is taken.
    max_seconds : float, default 60.0
        Time budget. Searches that have not reached a minimum by then are dropped.
    known : Vacuum, optional
        A known minimum: searches that come near it are dropped.

    Returns
    -------
    list of Vacuum
        Distinct minima; empty if none is found. Starts along which V has no lower bound are dropped.

    Raises
    ------
    ValueError
        If ``model`` is not a theory.

    Examples
    --------
    >>> ss.vacua(ss.Potential(lambda u, p: 0.25 * (u[0]**2 - 1)**2 + 0.1 * u[0]))
    [Vacuum(u=-1.04668; V = -0.102386...; masses [1.5122]), Vacuum(u=0.945649; V = 0.097360...; masses [1.2972])]
    """
    expect_model("vacua", model)
    n = model.n_fields
    free = np.ones(n, bool) if held_at_zero is None else ~np.asarray(held_at_zero, bool)
    deadline = time.monotonic() + max_seconds
    ends = _descend(model, _starts(model, free, n_starts, seed, r), free, r, deadline, known)
    records = _minima(model, ends, free, r)
    # Ties (u and -u) are ordered by the sum of the fields, so that the positive one comes first on every machine.
    return sorted(records, key=lambda v: (round(v.energy_density, 9), -round(float(np.sum(v.values)), 6)))


def _starts(model: AbstractModel, free: Array, n_starts: int, seed: int, r: float) -> Float[Array, "start field"]:
    n = model.n_fields
    rng = np.random.default_rng(seed)
    # Along each axis for few fields; with many, random points and unstable directions only.
    sizes = (0.3, -0.3, 1.0, -1.0, 3.0, -3.0) if free.sum() <= 16 else ()
    axes = np.concatenate([np.zeros((0, n)), *(s * np.eye(n)[free] for s in sizes)])
    n_random = n_starts if free.sum() > 1 else 0
    random = rng.normal(size=(n_random, n)) * 10.0 ** rng.uniform(-1.0, 1.0, size=(n_random, 1))
    curvature = mass_matrix(model, np.zeros(n), r)
    unstable = np.zeros((0, n))
    if np.all(np.isfinite(curvature)):
        values, vectors = np.linalg.eigh(curvature)
        down = vectors[:, values < 0].T[:16]
        unstable = np.concatenate([s * down for s in (0.5, -0.5, 2.0, -2.0)]) if len(down) else unstable
    # Also a point next to the origin: exactly on a symmetric saddle the gradient vanishes.
    origin = np.zeros((1, n))
    nudge = 1e-3 * rng.normal(size=(1, n))
    # Mirror images in the same order, so that a symmetric potential has exactly symmetric minima.
    return np.concatenate([origin, axes, unstable, nudge, random]) * free


def _descend(
    model: AbstractModel, u: Array, free: Array, r: float, deadline: float, known: Vacuum | None = None
) -> Float[Array, "end field"]:
    """End points of searches from ``u``, minima or not; searches that merge are represented by the first."""
    kernels, params = point_kernels(model.potential_function), model.params
    u = u.copy()
    energy, force = (x.copy() for x in kernels.value_and_gradient(u, params, np.full(len(u), float(r))))
    max_step = np.maximum(1.0, np.max(np.abs(u), axis=1))
    kept = np.isfinite(energy)
    active = np.flatnonzero(kept)
    for _ in range(_MAX_STEPS):
        if len(active) == 0 or time.monotonic() > deadline:
            break
        here, force_here = u[active], force[active][:, free]
        curvature = np.array(kernels.hessian(here, params, np.full(len(active), float(r))))
        curvature = curvature if free.all() else curvature[:, free][:, :, free]
        extent = np.abs(here).max(1)
        usable = np.isfinite(force_here).all(1) & np.isfinite(curvature).all((1, 2)) & (extent < _FAR)
        if not usable.all():
            curvature[~usable] = np.eye(int(free.sum()))
            force_here[~usable] = 0.0
        extent = np.maximum(1.0, extent)
        step = np.zeros_like(here)
        step[:, free], convex = _newton_steps(curvature, force_here)
        length = np.abs(step).max(1)
        # Away from a maximum Newton's step only doubles the distance: use a longer one, which the search may halve.
        stride = np.where(convex | (length <= 1e-14), length, np.maximum(length, _STRIDE * extent))
        step *= (np.minimum(stride, max_step[active]) / np.maximum(length, 1e-300))[:, None]
        pending = np.flatnonzero(usable & (length > 1e-14 * extent))
        start = here, energy[active], force[active]
        best, energy[active], force[active] = _line_search(model, start, step, pending, r, deadline)
        moved = np.abs(best - here).max(1)
        u[active] = best
        max_step[active] = np.maximum(max_step[active], 2.0 * moved)
        size = np.maximum(1.0, np.abs(best).max(1))
        same = _duplicates(best, convex & (moved < 0.01 * size))
        if known is not None:
            before, after = (np.abs(x - known.values).max(1) for x in (here, best))
            # Newton's step converges to the known minimum and not to a lower well next to it.
            same |= convex & (after <= _BASIN * before) & (energy[active] >= known.energy_density)
        # After a Newton step of 1e-6 the error is near 1e-12; `_minima` takes one more step.
        ended = (moved <= 1e-14 * size) | (convex & (moved > 0.99 * length) & (length <= 1e-6 * size))
        kept[active[same]] = False
        active = active[~ended & ~same]
    return u[kept]


def _line_search(
    model: AbstractModel, start: tuple[Array, Array, Array], step: Array, pending: Array, r: float, deadline: float
) -> tuple[Array, Array, Array]:
    """Fields, V and V' after the longest of the halved steps that does not raise V, for the ``pending`` searches."""
    kernels, params = point_kernels(model.potential_function), model.params
    u, energy, _ = start
    best, best_energy, best_force = (x.copy() for x in start)
    tried = 0
    while len(pending) and tried < _HALVINGS and time.monotonic() <= deadline:
        # As many step lengths as fit in a block of the kernel: with few searches the calls dominate the cost.
        scales = 0.5 ** np.arange(tried, min(tried + max(1, SMALL_BLOCK // len(pending)), _HALVINGS))
        trial = u[pending] + scales[:, None, None] * step[pending]
        flat = trial.reshape(-1, trial.shape[2])
        trial_energy, trial_force = (
            x.reshape(*trial.shape[:2], *x.shape[1:])
            for x in kernels.value_and_gradient(flat, params, np.full(len(flat), float(r)))
        )
        better = trial_energy <= energy[pending] + 1e-15 * np.abs(energy[pending])
        column = np.flatnonzero(better.any(0))
        longest, done = np.argmax(better, axis=0)[column], pending[column]
        best[done], best_energy[done] = trial[longest, column], trial_energy[longest, column]
        best_force[done] = trial_force[longest, column]
        pending = np.delete(pending, column)
        tried += len(scales)
    return best, best_energy, best_force


def _newton_steps(
    curvature: Float[Array, "s field field"], force: Float[Array, "s field"]
) -> tuple[Float[Array, "s field"], Array]:
    """-|V''|^-1 V' with the modulus of the matrix, and a mask of the points with positive definite V''."""
    floor = 1e-8 * np.maximum(1.0, np.abs(curvature).max((1, 2)))
    convex = _positive_definite(curvature - floor[:, None, None] * np.eye(curvature.shape[1]))
    step = np.zeros_like(force)
    if convex.any():
        step[convex] = -np.linalg.solve(curvature[convex], force[convex][:, :, None])[:, :, 0]
    if not convex.all():
        values, vectors = np.linalg.eigh(curvature[~convex])
        modes = np.einsum("sij,si->sj", vectors, force[~convex]) / np.maximum(np.abs(values), floor[~convex, None])
        step[~convex] = -np.einsum("sij,sj->si", vectors, modes)
    return step, convex


def _positive_definite(matrices: Float[Array, "s field field"]) -> Array:
    """Mask of the symmetric matrices that are positive definite."""
    try:
        np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        out = np.ones(len(matrices), bool)
        with np.errstate(all="ignore"):
            for _ in range(matrices.shape[1]):  # pivots of Gaussian elimination, for all matrices at once
                pivot = matrices[:, 0, 0]
                out &= pivot > 0.0
                rows = matrices[:, :1, 1:] / pivot[:, None, None]
                matrices = matrices[:, 1:, 1:] - matrices[:, 1:, :1] * rows
        return out
    return np.ones(len(matrices), bool)


def _duplicates(u: Float[Array, "s field"], settled: Array) -> Array:
    """Mask of the points within _MERGED of an earlier one, among those that are ``settled``."""
    out = np.zeros(len(u), bool)
    where = np.flatnonzero(settled)
    if len(where) > 1:
        cell = _MERGED * np.maximum(_SMALL, np.abs(u[where]).max(1, keepdims=True))
        # One number per cell: a random combination of its coordinates.
        label = np.round(u[where] / cell) @ _combination(u.shape[1])
        out[where] = True
        out[where[np.unique(label, return_index=True)[1]]] = False
    return out


@functools.lru_cache(maxsize=16)
def _combination(n: int) -> Float[Array, " field"]:
    return np.random.default_rng(0).uniform(0.5, 1.5, n)


def _minima(model: AbstractModel, ends: Array, free: Array, r: float) -> list[Vacuum]:
    """The distinct minima among the end points of searches."""
    distinct: list[Array] = []
    for u in np.where(np.abs(ends) < 1e-12, 0.0, ends):
        near = _DISTINCT * max(1.0, float(np.max(np.abs(u))))
        if not distinct or np.min(np.max(np.abs(np.stack(distinct) - u), axis=1)) > near:
            distinct.append(u)
    if not distinct:
        return []
    points, radii = np.stack(distinct), np.full(len(distinct), float(r))
    kernels = point_kernels(model.potential_function)
    energies, forces = kernels.value_and_gradient(points, model.params, radii)
    curvatures = kernels.hessian(points, model.params, radii)
    out = []
    for u, energy, force, matrix in zip(points, energies, forces, curvatures, strict=True):
        on_free = matrix[free][:, free]
        if not (np.isfinite(energy) and np.all(np.isfinite(matrix)) and np.max(np.abs(u)) < _FAR):
            continue
        largest = max(1.0, float(np.max(np.abs(on_free))))
        if not np.max(np.abs(force[free])) <= 1e-9 * largest * max(1.0, float(np.max(np.abs(u)))):
            continue
        curvature, directions = np.linalg.eigh(on_free)
        flat = np.zeros((int(np.sum(np.abs(curvature) <= 1e-8 * largest)), len(u)))
        flat[:, free] = directions[:, np.abs(curvature) <= 1e-8 * largest].T
        if curvature[0] >= -1e-8 * largest and not _falls_along(model, u, flat, r):
            if len(flat) == 0:
                u = u.copy()
                u[free] -= directions @ (directions.T @ force[free] / curvature)
            out.append(_record(model, np.where(np.abs(u) < 1e-12, 0.0, u), energy, matrix))
    return out


def _falls_along(model: AbstractModel, u: Array, flat: Array, r: float) -> bool:
    """Whether V decreases along a direction in which its curvature vanishes (the origin of -u^4)."""
    if len(flat) == 0:
        return False
    step = 1e-2 * max(1.0, float(np.max(np.abs(u))))
    points = np.concatenate([[u], u + step * flat, u - step * flat])
    energies = point_kernels(model.potential_function).value(points, model.params, np.full(len(points), float(r)))
    return bool(np.any(energies[1:] < energies[0] - 1e-14 * (1.0 + abs(energies[0]))))
