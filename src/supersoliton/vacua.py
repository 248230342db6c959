"""Homogeneous stationary states of a potential: where they are, their energy density and their masses."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from .models.base import AbstractModel
from .pointwise import point_kernels

_MAX_STEPS = 200
_FAR = 1e6  # a search that has come this far is running down a potential without a bottom
_DISTINCT = 1e-6  # two minima nearer than this (relative) are one


@dataclass(frozen=True)
class Vacuum:
    r"""A homogeneous stationary point u of V.

    ``values`` u, ``energy_density`` V(u), ``masses_squared`` the eigenvalues of :math:`k^{-1/2}V''k^{-1/2}`, ascending.
    """

    fields: tuple[str, ...]
    values: Float[Array, " field"]
    energy_density: float
    masses_squared: Float[Array, " field"]

    @property
    def stable(self) -> bool:
        """No tachyon: every mass squared is non-negative up to rounding."""
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
    matrix = point_kernels(model.potential_function).hessian(values[None], model.params, np.array([r]))[0]
    scale = 1.0 / np.sqrt(model.kinetic)
    return matrix * scale[:, None] * scale[None, :]


def describe(model: AbstractModel, values: Sequence[float] | Array, r: float = 0.0) -> Vacuum:
    """The :class:`Vacuum` record of given field values (which need not be stationary)."""
    u = np.asarray(values, dtype=float)
    energy = float(point_kernels(model.potential_function).value(u[None], model.params, np.array([r]))[0])
    matrix = mass_matrix(model, u, r)
    spectrum = np.linalg.eigvalsh(matrix) if np.all(np.isfinite(matrix)) else np.full(len(u), np.nan)
    return Vacuum(model.fields, u, energy, spectrum)


def slope(model: AbstractModel, values: Array, r: float = 0.0) -> Float[Array, " field"]:
    """V'(u) at a homogeneous state."""
    return point_kernels(model.potential_function).gradient(values[None], model.params, np.array([r]))[0]


def vacua(
    model: AbstractModel,
    *,
    held_at_zero: Array | None = None,
    n_starts: int = 64,
    seed: int = 0,
    r: float = 0.0,
    max_seconds: float = 60.0,
) -> list[Vacuum]:
    """The local minima of V, lowest first.

    Minimises V by Newton's method with the modulus of the Hessian (so that it cannot be drawn to a saddle), from the
    origin, along each field, along the unstable directions of the origin, and from ``n_starts`` seeded random points
    of magnitudes 0.1 to 10; distinct minima only. A start that runs away (V unbounded below) is dropped.

    Parameters
    ----------
    held_at_zero : boolean mask of fields that stay at 0 (those that carry a conserved norm).
    r : radius at which a potential with explicit r is taken.
    max_seconds : time budget; searches that have not ended by then are dropped unless they are at a minimum already.
    """
    n = model.n_fields
    free = np.ones(n, bool) if held_at_zero is None else ~np.asarray(held_at_zero, bool)
    deadline = time.perf_counter() + max_seconds
    found = _minimise(model, _starts(model, free, n_starts, seed, r), free, r, deadline)
    distinct: list[Array] = []
    for u in found:
        if all(np.max(np.abs(u - v)) > _DISTINCT * max(1.0, float(np.max(np.abs(v)))) for v in distinct):
            distinct.append(u)
    records = [describe(model, u, r) for u in distinct]
    # Ties (u and -u) are ordered by the sum of the fields, so that the positive one comes first on every machine.
    return sorted(records, key=lambda v: (round(v.energy_density, 9), -round(float(np.sum(v.values)), 6)))


def _starts(model: AbstractModel, free: Array, n_starts: int, seed: int, r: float) -> Float[Array, "start field"]:
    n = model.n_fields
    rng = np.random.default_rng(seed)
    # Each field by itself where they are few; with many, the random points and the unstable directions must do.
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
    # The origin itself is slightly displaced: exactly on a symmetric saddle every direction would look flat.
    origin = np.zeros((1, n))
    nudge = 1e-3 * rng.normal(size=(1, n))
    return np.concatenate([origin, nudge, axes, unstable, random]) * free


def _minimise(model: AbstractModel, u: Array, free: Array, r: float, deadline: float) -> list[Array]:
    value, gradient, hessian = point_kernels(model.potential_function)[:3]
    params, radii = model.params, np.full(len(u), float(r))
    fixed = np.outer(~free, ~free) * np.eye(len(free))
    keep = np.outer(free, free)
    u = u.copy()
    energy = value(u, params, radii).copy()
    limit = np.maximum(1.0, np.max(np.abs(u), axis=1))  # on the length of a step
    active = np.flatnonzero(np.isfinite(energy))
    for _ in range(_MAX_STEPS):
        if len(active) == 0 or time.perf_counter() > deadline:
            break
        here, energy_here = u[active], energy[active]
        slope_ = gradient(here, params, radii[active]) * free
        curvature = hessian(here, params, radii[active]) * keep + fixed
        usable = np.isfinite(slope_).all(1) & np.isfinite(curvature).all((1, 2)) & (np.abs(here).max(1) < _FAR)
        curvature[~usable] = np.eye(len(free))
        slope_[~usable] = 0.0
        values, vectors = np.linalg.eigh(curvature)
        floor = 1e-8 * np.maximum(1.0, np.abs(values).max(1, keepdims=True))
        modes = np.einsum("sij,si->sj", vectors, slope_) / np.maximum(np.abs(values), floor)
        step = -np.einsum("sij,sj->si", vectors, modes)
        length = np.max(np.abs(step), axis=1)
        step *= np.minimum(1.0, limit[active] / np.maximum(length, 1e-300))[:, None]
        best, best_energy = here.copy(), energy_here.copy()
        open_ = usable & (length > 0)
        scale = 1.0
        for _ in range(12):  # halve the step of those whose energy has not come down
            trial = here + scale * step
            trial_energy = value(trial, params, radii[active])
            better = open_ & (trial_energy <= energy_here + 1e-15 * np.abs(energy_here))
            best[better], best_energy[better] = trial[better], trial_energy[better]
            open_ &= ~better
            if not open_.any() or time.perf_counter() > deadline:
                break
            scale *= 0.5
        moved = np.max(np.abs(best - here), axis=1)
        u[active], energy[active] = best, best_energy
        limit[active] = np.maximum(limit[active], 2.0 * moved)
        active = active[moved > 1e-14 * np.maximum(1.0, np.abs(best).max(1))]
    slope_ = gradient(u, params, radii) * free
    curvature = hessian(u, params, radii) * keep + fixed
    scale = np.maximum(1.0, np.abs(curvature).max((1, 2))) * np.maximum(1.0, np.abs(u).max(1))
    good = np.isfinite(energy) & (np.abs(slope_).max(1) <= 1e-9 * scale) & (np.abs(u).max(1) < _FAR)
    good &= np.isfinite(curvature).all((1, 2))
    out = []
    for state, matrix in zip(u[good], curvature[good], strict=True):
        tolerance = 1e-8 * max(1.0, float(np.abs(matrix).max()))
        curvatures, directions = np.linalg.eigh(matrix)
        flat = directions[:, np.abs(curvatures) <= tolerance].T
        if curvatures[0] >= -tolerance and not _falls_along(model, state, flat, r):
            out.append(np.where(np.abs(state) < 1e-12, 0.0, state))
    return out


def _falls_along(model: AbstractModel, u: Array, flat: Array, r: float) -> bool:
    """Whether V decreases along a direction in which its curvature vanishes (the origin of -u^4)."""
    if len(flat) == 0:
        return False
    step = 1e-2 * max(1.0, float(np.max(np.abs(u))))
    points = np.concatenate([[u], u + step * flat, u - step * flat])
    energies = point_kernels(model.potential_function).value(points, model.params, np.full(len(points), float(r)))
    return bool(np.any(energies[1:] < energies[0] - 1e-14 * (1.0 + abs(energies[0]))))
