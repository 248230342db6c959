r"""Scales: every problem is solved in dimensionless form, so that no result depends on the user's units.

Fields are measured in F (canonically normalised, :math:`u_i = Fy_i/\sqrt{k_i}`), lengths in L, both from V around the
vacuum (:mod:`..theory.field_scales`). On a mesh of the user both are rounded to powers of 2: such a change of units is
exact, and the few meshes that differ by it share their matrices. Then

.. math:: E = F^2L^{d-2}\hat E,\qquad N = F^2L^d\hat N/k,\qquad \omega = \hat\omega/L,

with k the largest kinetic factor of the fields that carry the norm. A public call passes its arguments through
:class:`Scales` once, and its result through :meth:`Scales.restore`; all code between them is dimensionless.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import RadialGrid
from ..theory.base import AbstractModel
from ..theory.dimensionless import Dimensionless
from ..theory.dimensionless_density import DimensionlessDensity
from ..theory.field_scales import scales_of_potential
from ..theory.vacua import Vacuum, mass_matrix, vacuum_at
from ..theory.whole_line import theory_of
from .problem import DiscreteProblem, Problem

_T = TypeVar("_T")
_LARGEST = 1e40  # scale: powers of it stay numbers in high dimensions
_NOISE = 1e-13  # rounding of V in dimensionless units above which V is taken from its slope


@dataclasses.dataclass(frozen=True)
class Scales:
    """The scales of a theory in d dimensions; 1 and 1 for one that is dimensionless already."""

    field: float
    length: float
    dim: float
    kinetic: tuple[float, ...]
    norm_kinetic: float
    offset: float = 0.0
    around: tuple[float, ...] = ()  # the vacuum, where V is ``offset``
    strength: float = 1.0  # of a density, times length^2 / field^2

    @property
    def factors(self) -> Array:
        """u_i / y_i, shape (n_fields,)."""
        return self.field / np.sqrt(np.array(self.kinetic))

    @property
    def one_side(self) -> Scales:
        """The scales of the fields of a whole line, whose theory holds their even and their odd parts."""
        return dataclasses.replace(self, kinetic=self.kinetic[: len(self.kinetic) // 2])

    def unit(self, name: str) -> Any:
        """The factor by which a result of this unit is multiplied; products and quotients are written "norm/mass^2"."""
        first, *others = name.split("/")
        value = self._power(first)
        for other in others:
            value = value / self._power(other)
        return value

    def _power(self, name: str) -> Any:
        base, _, power = name.partition("^")
        field, length, d, strength = self.field, self.length, self.dim, self.strength
        units: dict[str, Callable[[], Any]] = {
            "1": lambda: 1.0,
            "length": lambda: length,
            "mass": lambda: 1.0 / length,
            "field": lambda: self.factors,
            "fields": lambda: self.factors[:, None],
            "mode": lambda: length ** (-0.5 * d) / np.sqrt(np.array(self.kinetic))[:, None],
            "potential": lambda: strength * (field / length) ** 2,
            "energy": lambda: strength * field**2 * length ** (d - 2.0),
            "charge": lambda: field**2 * length ** (d - 1.0),
            "norm": lambda: strength * field**2 * length**d / self.norm_kinetic,
        }
        return units[base]() ** int(power or 1)

    def restore(self, result: _T) -> _T:
        """A result in the user's units.

        The class of the result names the units of its attributes in ``units``; results within it are restored too.
        """
        units = getattr(type(result), "units", None)
        if units is None:
            return result
        changes: dict[str, Any] = {}
        for name, unit in units.items():
            value = getattr(result, name)
            if value is None:
                continue
            if unit == "result":
                changes[name] = self.restore(value)
            elif unit == "results":
                changes[name] = type(value)(self.restore(item) for item in value)
            elif unit == "history":
                changes[name] = tuple((energy * self.unit("energy"), residual) for energy, residual in value)
            elif isinstance(value, tuple):
                changes[name] = tuple(item * self.unit(unit) for item in value)
            else:
                changes[name] = value * self.unit(unit)
        if isinstance(result, Vacuum):
            changes["energy_density"] += self.offset
        if isinstance(result, tuple):
            made: Any = result._replace(**changes)  # type: ignore[attr-defined]
            return made
        return dataclasses.replace(result, **changes)  # type: ignore[type-var]

    # From the user's units

    def reduce_model(self, model: AbstractModel) -> Dimensionless:
        """The theory in these units."""
        if model.ends is not None:
            units = self.kinetic  # of the fields, which stay where a coupling moves the ends
            return DimensionlessDensity(model, self.field, self.length, units=units, strength=self.strength)
        if model.density_function is not None:
            return Dimensionless(model, self.field, self.length, self.offset, units=self.kinetic)
        noise = np.finfo(float).eps * abs(self.offset) / self.unit("potential")
        origin = tuple((np.array(self.around) / self.factors).tolist()) if noise > _NOISE else ()
        return Dimensionless(model, self.field, self.length, self.offset, origin)

    def reduce_vacuum(self, vacuum: Vacuum) -> Vacuum:
        """A homogeneous state in these units."""
        return dataclasses.replace(
            vacuum,
            values=vacuum.values / self.factors,
            energy_density=(vacuum.energy_density - self.offset) / self.unit("potential"),
            masses_squared=vacuum.masses_squared * self.length**2,
        )

    def reduce_problem(self, problem: Problem) -> Problem:
        """The problem in these units; its vacuum is not searched for again."""
        grid = None if problem.grid is None else scaled_grid(problem.grid, 1.0 / self.length)
        changes: dict[str, Any] = {"model": self.reduce_model(theory_of(problem.model)), "grid": grid}
        changes["dim"] = problem.dim if grid is None else None
        changes |= self._ends(problem, 1.0 / self.factors)
        if problem.norm is not None:
            changes["norm"] = problem.norm / self.unit("norm")
        if problem.omega is not None:
            changes["omega"] = problem.omega * self.length
        other = problem.replace(**changes)
        other.__dict__["vacuum"] = self.reduce_vacuum(problem.vacuum)
        return other

    def reduce_fields(self, u: Array) -> Array:
        """Fields (..., n_fields) in these units; the same array where they are those of the user."""
        return u if self.field == 1.0 and set(self.kinetic) == {1.0} else u / self.factors

    # Back to the user's units

    def restore_problem(self, problem: DiscreteProblem, original: Problem) -> DiscreteProblem:
        """A problem of the solver on ``original``'s theory: its mesh, its boundary, its norm or frequency."""
        if is_dimensionless(original.model):  # these scales are 1
            return problem
        changes: dict[str, Any] = {"grid": scaled_grid(problem.grid, self.length), **self._ends(problem, self.factors)}
        if problem.norm is not None:
            changes["norm"] = problem.norm * self.unit("norm")
        if problem.omega is not None:
            changes["omega"] = problem.omega / self.length
        known = original.__dict__.get("reduced")
        if known is not None and known[0] is problem and isinstance(original, DiscreteProblem):
            return original
        inner = theory_of(problem.model)  # its couplings change along a branch
        assert isinstance(inner, Dimensionless)
        other = original.replace(model=inner.model, **changes)
        other.__dict__["vacuum"] = self.restore(problem.vacuum)
        assert isinstance(other, DiscreteProblem)
        return other

    @staticmethod
    def _ends(problem: Problem, factors: Array) -> dict[str, Any]:
        """The field values at infinity or at the ends of a line, multiplied by ``factors``."""
        if problem.line is not None:  # parity and background follow from it
            ends = tuple(tuple((np.asarray(end) * factors[: len(end)]).tolist()) for end in problem.line)
            return {"line": ends, "parity": "even", "background": None, "boundary": problem.boundary}
        out: dict[str, Any] = {}
        for name in ("boundary", "background"):
            given = getattr(problem, name)
            values = given is not None and not isinstance(given, str)
            out[name] = tuple((np.asarray(given) * factors).tolist()) if values else given
        return out


def is_dimensionless(model: AbstractModel) -> bool:
    """Whether a problem of this theory is in dimensionless form."""
    return isinstance(theory_of(model), Dimensionless)


@functools.lru_cache(maxsize=64)  # the same object each time, so that its cached matrices are reused
def scaled_grid(grid: RadialGrid, factor: float) -> RadialGrid:
    """The mesh with all radii multiplied by ``factor``."""
    if factor == 1.0:
        return grid
    edges = tuple((grid.element_edges * factor).tolist())
    return RadialGrid(order=grid.order, dim=grid.dim, edges=edges)


def power_of_two(value: float) -> float:
    """The nearest power of 2; 1 for 0 and for what is not finite."""
    if not (math.isfinite(value) and value > 0):
        return 1.0
    return 2.0 ** round(math.log2(value))


def scales_around(model: AbstractModel, around: Array, dim: float, *, rounded: bool = False) -> Scales:
    """The scales of V around a homogeneous state, ``rounded`` to powers of 2 or not."""
    kinetic = tuple(model.field_units(around).tolist())
    if is_dimensionless(model):
        return Scales(1.0, 1.0, dim, kinetic, 1.0)
    canonical = Dimensionless(model, 1.0, 1.0, units=kinetic)
    found = scales_of_potential(canonical, around * canonical.roots)
    field, curvature = found.field, found.curvature
    length = 1.0 / math.sqrt(curvature) if curvature > 0 else 1.0
    field, length = (min(max(scale, 1.0 / _LARGEST), _LARGEST) for scale in (field, length))
    if rounded:
        field, length = power_of_two(field), power_of_two(length)
    offset = vacuum_at(model, around).energy_density
    return Scales(field, length, dim, kinetic, 1.0, offset if math.isfinite(offset) else 0.0, tuple(around.tolist()))


def scales_of(problem: Problem) -> Scales:
    """The scales of a problem: those of V around its vacuum; of a trap, its own length and the norm."""
    model, vacuum, d = problem.model, problem.vacuum.values, float(problem.dimension)
    if model.natural_units is not None and not is_dimensionless(model):
        rounded: Callable[[float], float] = power_of_two if problem.grid is not None else float
        length, strength = map(rounded, model.natural_units)
        return Scales(1.0, length, d, tuple(model.kinetic.tolist()), 1.0, strength=strength)
    if problem.line is not None and not is_dimensionless(model):
        found = scales_around(theory_of(model), np.asarray(problem.line[0]), d, rounded=problem.grid is not None)
        return dataclasses.replace(found, kinetic=tuple(model.kinetic.tolist()), norm_kinetic=problem.norm_kinetic)
    if not model.explicit_r or is_dimensionless(model):
        found = scales_around(model, vacuum, d, rounded=problem.grid is not None)
        return dataclasses.replace(found, norm_kinetic=1.0 if is_dimensionless(model) else problem.norm_kinetic)
    radii = np.exp2(np.arange(-100.0, 101.0))
    matrices = np.array([mass_matrix(model, vacuum, r) for r in radii])
    squared = np.abs(matrices).max((1, 2)) * radii**2
    usable = np.flatnonzero(np.isfinite(squared) & (squared > 0))
    length = float(radii[usable[np.argmin(np.abs(np.log(squared[usable])))]]) if len(usable) else 1.0
    norm = problem.norm or problem.norm_kinetic * length ** (d - 2.0)
    field = power_of_two(math.sqrt(norm * problem.norm_kinetic / length**d))
    return Scales(field, length, d, tuple(model.kinetic.tolist()), problem.norm_kinetic)


@dataclasses.dataclass(frozen=True)
class OnScales:
    """Fields at the nodes of a dimensionless problem, and their multiplier omega^2."""

    problem: DiscreteProblem
    u: Array
    multiplier: float


def on_scales(state: Any) -> tuple[OnScales, Scales]:
    """A state (anything with ``problem``, ``u`` and ``multiplier``) in dimensionless form, and its scales."""
    inner, scales = reduced(state.problem)
    return OnScales(inner, scales.reduce_fields(state.u), state.multiplier / scales.unit("mass^2")), scales


def reduced(problem: Problem) -> tuple[Any, Scales]:
    """The dimensionless problem, and the scales that lead to it; computed once for each problem."""
    known = problem.__dict__.get("reduced")
    if known is None:
        scales = scales_of(problem)
        already = is_dimensionless(problem.model)
        inner = problem if already else scales.reduce_problem(problem)
        if not already:
            inner.__dict__["original"] = problem, scales
        known = problem.__dict__["reduced"] = inner, scales
    return known


def original_of(problem: DiscreteProblem) -> tuple[DiscreteProblem, Scales]:
    """The user's problem that a dimensionless one was made of, and its scales; itself if it was not."""
    known: tuple[DiscreteProblem, Scales] | None = problem.__dict__.get("original")
    return known or (problem, reduced(problem)[1])
