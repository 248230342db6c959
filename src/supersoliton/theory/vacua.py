"""Homogeneous stationary states of a potential: fields, energy density and masses."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from .._checks import expect_model, expect_potential
from ..machine.arithmetic import numerical
from .base import AbstractModel
from .derivatives import TINY, point_kernels
from .field_metric import is_positive_metric
from .vacuum_search import VacuumSearch

_ROUNDING = 1e-10  # mass^2 relative to the largest that counts as 0


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
        Eigenvalues of :math:`k^{-1/2}V''(u)k^{-1/2}` in mass^2, ascending; exactly 0 along a flat direction.
    flat : int
        Number of directions along which V does not change at all (Goldstone bosons, moduli), as :func:`.vacua` finds
        them.
    closed : bool
        Whether the minima along these directions form a closed surface, such as a circle.
    masses : ndarray of shape (n_fields,)
        Their square roots; 0 for a value that vanishes to rounding, NaN for a tachyon.
    stable : bool
        Whether no value is negative beyond rounding.
    """

    units: ClassVar[dict[str, str]] = {"values": "field", "energy_density": "potential", "masses_squared": "mass^2"}

    fields: tuple[str, ...]
    values: Float[Array, " field"]
    energy_density: float
    masses_squared: Float[Array, " field"]
    flat: int = 0
    closed: bool = False

    @property
    def stable(self) -> bool:
        """Whether there is no tachyon: every mass squared is non-negative up to rounding."""
        return bool(self.masses_squared[0] >= 0)

    @property
    def masses(self) -> Float[Array, " field"]:
        """Square roots of ``masses_squared``; 0 for one that vanishes to rounding, NaN for a tachyon."""
        return np.sqrt(np.where(self.masses_squared >= 0, self.masses_squared, np.nan))

    def __repr__(self) -> str:
        shown = ", ".join(f"{f}={v:.6g}" for f, v in zip(self.fields, self.values, strict=True) if v != 0) or "u = 0"
        word = "masses" if self.stable else "unstable, masses^2"
        numbers = self.masses if self.stable else self.masses_squared
        surface = f"; {self._surface}" if self.flat else ""
        masses = np.array2string(numbers, formatter={"float_kind": lambda x: f"{x:.5g}"})
        return f"Vacuum({shown}; V = {self.energy_density:.9g}; {word} {masses}{surface})"

    @property
    def _surface(self) -> str:
        if self.closed:
            return {1: "a circle of minima", 2: "a sphere of minima"}.get(
                self.flat, f"a closed surface of minima of dimension {self.flat}"
            )
        return f"{self.flat} flat direction{'s' if self.flat > 1 else ''}"


class Vacua(list[Vacuum]):
    """The minima that :func:`vacua` found, lowest first: a list.

    Attributes
    ----------
    unbounded : ndarray of shape (n_fields,) or None
        A direction from the origin in which V falls without end, if one was met; the minima are metastable then.
    """

    def __init__(self, found: Iterable[Vacuum] = (), unbounded: Array | None = None) -> None:
        super().__init__(found)
        self.unbounded = unbounded

    def __repr__(self) -> str:
        if self.unbounded is None:
            return super().__repr__()
        direction = np.array2string(self.unbounded, precision=3, suppress_small=True)
        return f"{super().__repr__()}, and V has no lower bound in the direction {direction}"


def mass_matrix(model: AbstractModel, values: Array, r: float = 0.0) -> Float[Array, "field field"]:
    """k^-1/2 V''(u) k^-1/2 at a homogeneous state."""
    u = np.asarray(values, dtype=float)
    return canonical(_at(model, u, r)[2], model.kinetic_at(u, model.outer_radius(r)))


def vacuum_at(model: AbstractModel, values: Sequence[float] | Array, r: float = 0.0) -> Vacuum:
    """The :class:`Vacuum` record at any field values, stationary or not."""
    u = np.asarray(values, dtype=float)
    energy, _, matrix = _at(model, u, r)
    return _record(model, u, energy, matrix, r)


def lowest_vacuum(model: AbstractModel, held_at_zero: Array, r: float = 0.0) -> Vacuum | None:
    """The lowest minimum of V, in closed form where the theory has it, else by a search; None if none is found."""
    known = None if model.explicit_r else model.lowest_minimum(held_at_zero)
    if known is not None:
        return vacuum_at(model, known, r)
    return next(iter(vacua(model, held_at_zero=held_at_zero, r=r)), None)


def slope(model: AbstractModel, values: Array, r: float = 0.0) -> Float[Array, " field"]:
    """V'(u) at a homogeneous state."""
    return _at(model, values, r)[1].copy()


def curvature(model: AbstractModel, values: Array, r: float = 0.0) -> Float[Array, "field field"]:
    """V''(u) at a homogeneous state."""
    return _at(model, values, r)[2]


def canonical(matrix: Float[Array, "... field field"], kinetic: Array) -> Array:
    """K^-1/2 ``matrix`` K^-1/2; where K < 0 (a field whose energy is negative) with the sign of the mass^2.

    ``kinetic``: K as a matrix (..., field, field), or its diagonal (..., field).
    """
    if kinetic.ndim == matrix.ndim:
        diagonal = np.diagonal(kinetic, axis1=-2, axis2=-1)
        mixed = np.all(np.isfinite(kinetic), axis=(-2, -1)) & np.any(kinetic - _diagonal(diagonal), axis=(-2, -1))
        if mixed.any():
            values, vectors = np.linalg.eigh(np.where(mixed[..., None, None], kinetic, np.eye(matrix.shape[-1])))
            own = canonical(vectors.swapaxes(-1, -2) @ matrix @ vectors, values)
            turned = vectors @ own @ vectors.swapaxes(-1, -2)
            return np.where(mixed[..., None, None], turned, canonical(matrix, diagonal))
        kinetic = diagonal
    scale = 1.0 / np.sqrt(np.abs(kinetic))
    return np.asarray(np.sign(kinetic)[..., None] * matrix * scale[..., :, None] * scale[..., None, :])


def _diagonal(values: Float[Array, "... field"]) -> Float[Array, "... field field"]:
    return values[..., None] * np.eye(values.shape[-1])


def _record(
    model: AbstractModel,
    u: Array,
    energy: float,
    curvature: Array,
    r: float,
    surface: tuple[int, bool] = (0, False),
    apart: bool = False,
) -> Vacuum:
    """``surface``: number of flat directions, and whether they close. ``apart``: fields of scales far apart."""
    matrix = canonical(curvature, model.kinetic_at(u, model.outer_radius(r)))
    spectrum = _spectrum(matrix, apart) if np.all(np.isfinite(matrix)) else np.full(len(u), np.nan)
    if surface[0]:
        spectrum[np.argsort(np.abs(spectrum))[: surface[0]]] = 0.0
        spectrum.sort()
    # V is evaluated at TINY where a field is 0
    at_zero = abs(energy) <= len(u) * float(np.max(np.abs(curvature))) * TINY**2
    return Vacuum(model.fields, u, 0.0 if at_zero else float(energy), spectrum, *surface)


def _spectrum(matrix: Float[Array, "field field"], apart: bool) -> Float[Array, " field"]:
    """The eigenvalues, ascending, with zeros for those that vanish to rounding.

    Where fields have scales far apart (masses of 1e2 and 1e18), the heavy ones are decoupled first, as their rounding
    would exceed the light ones.
    """
    size = np.abs(np.diag(matrix))
    heavy = size > _ROUNDING * np.max(np.abs(matrix)) if apart else np.ones(len(size), bool)
    if not heavy.any():
        heavy[:] = True
    block, light = matrix[np.ix_(heavy, heavy)], ~heavy
    values = np.linalg.eigvalsh(block)
    # (V'' of a quartic field at 0 is that at TINY)
    values = np.where(np.abs(values) <= max(_ROUNDING * np.max(np.abs(values)), TINY), 0.0, values)
    if light.any():
        mixing = matrix[np.ix_(heavy, light)]
        inner = matrix[np.ix_(light, light)] - mixing.T @ np.linalg.lstsq(block, mixing)[0]
        values = np.concatenate([values, _spectrum(inner, apart)])
    return np.sort(values)


def _at(model: AbstractModel, values: Array, r: float) -> tuple[float, Array, Array]:
    """V, V' and V'' at one point, cached because solvers need them on every mesh."""
    radius = model.outer_radius(r)
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


@numerical
def vacua(
    model: AbstractModel,
    *,
    held_at_zero: Array | None = None,
    n_starts: int = 64,
    seed: int = 0,
    r: float = 0.0,
    max_seconds: float = 60.0,
    known: Vacuum | None = None,
) -> Vacua:
    """Local minima of V(u), lowest first, found from many starts, in any unit.

    The sizes of the fields at which V has structure are read off its slopes along rays. From minima along these and
    other rays, and from random points of those sizes, Newton's method with the modulus of the Hessian, which cannot
    converge to a saddle, searches; so it does again from around each minimum found. It is a search, not a proof.

    Parameters
    ----------
    model : AbstractModel
        The theory.
    held_at_zero : ndarray of bool, shape (n_fields,), optional
        True for fields that stay at 0 (those that carry a conserved norm).
    n_starts : int, default 64
        Random points, for each group of sizes (one around 246 and one around 1e19 are two groups).
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
    Vacua
        A list of :class:`Vacuum`: the distinct minima; empty if none is found. Minima that a flat direction connects,
        such as a circle, are listed once. Its attribute ``unbounded`` is a direction in which V has no lower bound, or
        None where none was met.

    Raises
    ------
    ValueError
        If ``model`` is not a theory.

    Examples
    --------
    >>> ss.vacua(ss.Potential(lambda u, p: 0.25 * (u[0]**2 - 1)**2 + 0.1 * u[0]))
    [Vacuum(u=-1.04668; V = -0.102386...; masses [1.5122]), Vacuum(u=0.945649; V = 0.097360...; masses [1.2972])]
    >>> ss.vacua(ss.Potential(lambda u, p: (u[0]**2 + u[1]**2 - 1)**2, fields=("a", "b")))
    [Vacuum(a=1; V = 0; masses [0 2.8284]; a circle of minima)]
    """
    expect_model("vacua", model)
    expect_potential("vacua", model, "its fields at infinity are those of model.ends")
    free = np.ones(model.n_fields, bool) if held_at_zero is None else ~np.asarray(held_at_zero, bool)
    near = None if known is None else known.values
    search = VacuumSearch(model, free, r, time.perf_counter() + max_seconds, n_starts, seed, near)
    search.run()
    if not search.points:
        return Vacua((), search.unbounded)
    points = np.stack([np.where(y == 0.0, 0.0, y * search.v.unit) for y in search.points])
    kernels, radii = point_kernels(model.potential_function), np.full(len(points), float(r))
    energies = kernels.value(points, model.params, radii)
    curvatures = kernels.hessian(points, model.params, radii)
    surfaces, apart = search.surfaces, search.apart
    found = [_record(model, points[i], energies[i], curvatures[i], r, surfaces[i], apart) for i in search.order()]
    if model.density_function is not None:  # where K is not positive nothing is a vacuum
        found = [v for v in found if is_positive_metric(model.kinetic_at(v.values, r))]
    if apart and free.all():  # a light tachyon next to a heavy field is seen in the exact spectrum only
        found = [vacuum for vacuum in found if vacuum.stable]
    return Vacua(found, search.unbounded)
