"""The problem to solve: a theory with boundary conditions, optionally at fixed norm or frequency, on a mesh or not."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self, cast

import numpy as np
from numpy import ndarray as Array

from .._checks import is_number, is_positive
from ..elements.grid import RadialGrid
from ..theory.base import AbstractModel
from ..theory.derivatives import point_kernels
from ..theory.polish import is_stationary
from ..theory.rotating import Rotating
from ..theory.vacua import Vacuum, lowest_vacuum, slope, vacuum_at
from . import ends, functional, norm
from .energy_kernels import energy_beyond, kernels_of
from .exterior import exterior_form, gap_matrix, power_tails
from .functional import Geometry, Kernels, Theory

_BOUNDARIES = ("vacuum", "free", "decaying")
_LOWEST_ORDER = 4  # of a coarser mesh


@dataclass(frozen=True, eq=False)
class Problem:
    r"""Stationary points of E[u], of E at fixed norm, or of E - omega^2 N/2.

    .. math::
        E = \int d^dx\left[\tfrac12\sum_i k_i u_i'^2 + V(u) - V_\infty\right],\qquad N = \int d^dx\sum_c u_c^2 .

    Parameters
    ----------
    model : AbstractModel
        The theory.
    grid : RadialGrid, optional
        The mesh. Without one, :func:`.solve` chooses domain and mesh, and ``dim`` is the dimension.
    boundary : str or sequence of float, default "vacuum"
        Condition at r_max: ``"vacuum"`` (fields held at their vacuum values), ``"decaying"`` (a Robin condition: the
        fields outside follow the linearised equation), ``"free"`` (zero slope), or field values that are stationary
        points of V.
    norm : float, optional
        Fixed norm N > 0.
    omega : float, optional
        Fixed frequency, in mass; excludes ``norm``.
    norm_of : sequence of str, optional
        Names of the fields that carry the norm; the model's constrained fields if not given.
    parity : {"even", "odd"} or sequence of them, default "even"
        Zero slope at the origin, or (in one dimension) fields that vanish there; one value for all fields or one for
        each.
    dim : float, optional
        Dimension of space where no grid is given; 3 if not given.
    background : sequence of float, optional
        Field values at infinity, where they differ from the default vacuum of the notes (for example a false vacuum).
    line : pair of sequences of float, optional
        Two different, degenerate minima of V: the fields at the left and at the right end of a whole line -R <= x <= R
        with R = r_max, for kinks. Then ``dim`` is 1 and ``parity`` is not given.

    Raises
    ------
    ValueError
        If arguments contradict each other or are out of range.

    Notes
    -----
    In the default vacuum the fields that carry the norm vanish and the others minimise V. Without norm and frequency it
    is the origin if that is a minimum of V (perhaps a false one), else the lowest minimum found.

    On a line, ``model`` and the arrays of a state hold the even and the odd parts of the fields, [u(x) + u(-x)]/2 and
    [u(x) - u(-x)]/2 at x >= 0; ``state(x)`` gives the fields at any x.

    Examples
    --------
    >>> model = ss.Potential(lambda u, p: 0.5 * u[0]**2 - 0.25 * u[0]**4 + 0.1 * u[0]**6)
    >>> problem = ss.Problem(model, ss.RadialGrid(r_max=20.0), norm=50.0)
    >>> problem.vacuum.masses
    array([1.])
    >>> problem.replace(norm=60.0).norm
    60.0
    """

    model: AbstractModel
    grid: RadialGrid | None = None
    boundary: str | Sequence[float] = "vacuum"
    norm: float | None = None
    omega: float | None = None
    norm_of: Sequence[str] | None = None
    parity: str | Sequence[str] = "even"
    dim: float | None = None
    background: Sequence[float] | None = None
    line: Sequence[Sequence[float]] | None = None

    def __new__(cls, model: Any = None, grid: Any = None, *_: Any, **__: Any) -> Self:
        """With a grid, construct a :class:`DiscreteProblem`."""
        kind: Any = DiscreteProblem if cls is Problem and isinstance(grid, RadialGrid) else cls
        made: Self = object.__new__(kind)
        return made

    def __post_init__(self) -> None:
        if not isinstance(self.model, AbstractModel):
            raise ValueError(f"problem.model must be a model, got {self.model!r}: use Potential(...)")
        if self.grid is not None and not isinstance(self.grid, RadialGrid):
            raise ValueError(f"problem.grid must be a RadialGrid, got {self.grid!r}: use RadialGrid(r_max=25.0)")
        if self.grid is None and isinstance(self, DiscreteProblem):
            raise ValueError("DiscreteProblem needs a grid: use Problem(model), or problem.replace(grid=None)")
        if self.grid is None and self.dim is None:
            object.__setattr__(self, "dim", self.model.dimension or (3 if self.line is None else 1))
        if self.dim is not None and not (is_number(self.dim) and float(self.dim) >= 1):
            raise ValueError(f"problem.dim must be at least 1, got {self.dim!r}: try 3")
        if self.grid is not None and self.dim is not None and float(self.dim) != float(self.grid.dim):
            raise ValueError(f"problem.dim is {self.dim} but the grid has dim {self.grid.dim}: give one of them")
        ends.check_own_ends(self)
        if self.norm is not None and not is_positive(self.norm):
            raise ValueError(f"problem.norm must be a positive number, got {self.norm!r}: give N > 0, or no norm")
        if self.omega is not None and not is_number(self.omega):
            raise ValueError(f"problem.omega must be a finite number, got {self.omega!r}: give a frequency")
        if self.norm is not None and self.omega is not None:
            raise ValueError("problem.norm and problem.omega exclude each other: fix the norm or the frequency")
        if self.norm_of is not None:
            given: Any = self.norm_of
            names: tuple[Any, ...] = tuple(given) if isinstance(given, tuple | list) else (given,)
            if not names or any(name not in self.model.fields for name in names):
                raise ValueError(
                    f"problem.norm_of must name fields of {self.model.fields}, got {self.norm_of!r}: correct the name"
                )
            object.__setattr__(self, "norm_of", names)
        if self.line is not None:
            for name, value in ends.line_settings(self).items():
                object.__setattr__(self, name, value)
        object.__setattr__(self, "parity", ends.parity_of(self.parity, self.model.n_fields, self.dimension))
        self._check_boundary()

    def _check_boundary(self) -> None:
        if self.background is not None and self.line is None:
            object.__setattr__(self, "background", ends.stationary_values(self, "background"))
        if isinstance(self.boundary, str):
            if self.boundary not in _BOUNDARIES:
                raise ValueError(
                    f"problem.boundary must be one of {_BOUNDARIES} or values, got {self.boundary!r}: choose one"
                )
            if self.boundary == "decaying" and self.norm is not None:
                raise ValueError('problem.boundary "decaying" needs a fixed frequency, not a norm: use "vacuum"')
            return
        object.__setattr__(self, "boundary", ends.stationary_values(self, "boundary"))

    # Derived quantities

    @property
    def odd(self) -> Array:
        """Mask of the odd fields, (n_fields,)."""
        return ends.odd_fields(self.parity, self.model.n_fields)

    @property
    def on_line(self) -> bool:
        """Whether the states lie on a whole line, and a radius is a position."""
        return self.line is not None or self.model.on_line

    @property
    def dimension(self) -> float:
        """Dimension of space."""
        return 3.0 if self.dim is None else self.dim

    @cached_property
    def carries_norm(self) -> Array:
        """1.0 for the fields in N, else 0.0; shape (n_fields,)."""
        if self.norm_of is None:
            return self.model.constrained.astype(float)
        return np.array([float(name in self.norm_of) for name in self.model.fields])

    @property
    def norm_kinetic(self) -> float:
        """The largest kinetic factor k of the fields in N; in Q = omega k N it is 1 for canonical fields."""
        factors = self.model.kinetic[self.carries_norm > 0]
        return float(np.max(factors)) if len(factors) else 1.0

    @property
    def multiplier_shift(self) -> Array:
        """omega^2 for the fields in N where the frequency is fixed, else zeros; shape (n_fields,)."""
        return self.carries_norm * (0.0 if self.omega is None else float(self.omega) ** 2)

    @property
    def effective_model(self) -> AbstractModel:
        """The theory whose static states solve the problem: V, or V - omega^2 u^2/2 at fixed frequency."""
        if self.omega is None:
            return self.model
        return Rotating(self.model, float(self.omega) ** 2, tuple(float(c) for c in self.carries_norm))

    @property
    def outer_radius(self) -> float:
        """Radius at which the vacuum minimises V, for potentials that depend on r."""
        return 0.0

    @cached_property
    def vacuum(self) -> Vacuum:
        """The :class:`Vacuum` at infinity; see the class notes. Raises ValueError if the potential has none."""
        found = self._find_vacuum()
        if self.odd.any() and self.line is None:
            ends.check_reflection(self.model, self.odd, found.values)
        return found

    def _find_vacuum(self) -> Vacuum:
        if self.model.ends is not None:
            self.model.check_ends()
            return ends.at_edge(self.model, vacuum_at(self.model, self.model.ends.outer), self.outer_radius)
        if self.background is not None:
            return vacuum_at(self.model, self.background, self.outer_radius)
        if not isinstance(self.boundary, str):
            return vacuum_at(self.model, self.boundary, self.outer_radius)
        n = self.model.n_fields
        held = self.carries_norm > 0 if (self.norm is not None or self.omega is not None) else np.zeros(n, bool)
        if held.all():
            return self._stationary(np.zeros(n))
        if not held.any():
            origin = vacuum_at(self.model, np.zeros(n), self.outer_radius)
            if origin.stable and is_stationary(self.model, origin.values, self.outer_radius):
                return origin
        lowest = lowest_vacuum(self.model, held, self.outer_radius)
        if lowest is None:
            raise ValueError(
                f"problem.boundary {self.boundary!r}: the potential of {self.model!r} has no minimum that a search "
                "from 90 starts could find: give the boundary values, or check that V is bounded below"
            )
        return lowest

    def _stationary(self, values: Array) -> Vacuum:
        if not is_stationary(self.model, values, self.outer_radius):
            force = float(np.max(np.abs(slope(self.model, values, self.outer_radius))))
            raise ValueError(
                "problem.boundary: the fields that carry the norm must vanish at infinity, but V has slope "
                f"{force:.3g} there: shift the fields so that V is stationary and finite at 0"
            )
        return vacuum_at(self.model, values, self.outer_radius)

    # Modified copies

    def with_grid(self, grid: RadialGrid) -> DiscreteProblem:
        """The same problem on ``grid``; the vacuum is computed again only where it depends on the mesh."""
        if self.model.explicit_r or float(grid.dim) != float(self.dimension):
            return cast("DiscreteProblem", self._with(grid=grid, dim=None))
        other = object.__new__(DiscreteProblem)  # every check would end as it did for this one
        other.__dict__.update({f.name: getattr(self, f.name) for f in fields(self)}, grid=grid, dim=None)
        if (known := self.__dict__.get("vacuum")) is not None:
            other.__dict__["vacuum"] = ends.at_edge(self.model, known, grid.r_max)
        return other

    def replace(self, **changes: Any) -> Self:
        """The same problem with other arguments or couplings.

        Parameters
        ----------
        **changes : object
            Arguments of :class:`Problem`, or couplings of its model by name. ``grid=None`` removes the mesh.
        """
        couplings = self.model.params if self.model.ends is not None else {}  # a theory's own omega
        own = {n: value for n, value in changes.items() if n in self.__dataclass_fields__ and n not in couplings}
        couplings = {name: value for name, value in changes.items() if name not in own}
        if couplings:
            own["model"] = (own.get("model") or self.model).replace(**couplings)
        if "grid" in own:
            own.setdefault("dim", None)
        return cast("Self", self._with(**own))

    def _with(self, **changes: Any) -> Problem:
        return Problem(**{f.name: changes.get(f.name, getattr(self, f.name)) for f in fields(self)})


# help() shows the arguments of __init__, not those of __new__
_documented: Any = Problem
_documented.__signature__ = inspect.signature(functools.partial(Problem.__init__, None))  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class DiscreteProblem(Problem):
    """A problem on a mesh: its energy, the derivatives of the energy, and other nodal data.

    ``Problem(model, grid)`` and ``problem.with_grid(grid)`` construct it.
    """

    grid: RadialGrid

    @property
    def dimension(self) -> float:
        return self.grid.dim

    @property
    def outer_radius(self) -> float:
        return self.grid.r_max

    @cached_property
    def geometry(self) -> Geometry:
        return functional.geometry(self.grid)

    @property
    def kernels(self) -> Kernels:
        return kernels_of(self.model)

    @cached_property
    def theory(self) -> Theory:
        n, model = self.model.n_fields, self.model
        exterior = self.exterior(0) if self.has_exterior else np.zeros((n, n))
        return Theory(model.params, model.kinetic, self.vacuum.values, exterior, *energy_beyond(model, self.grid))

    def theory_at(self, ell: int) -> Theory:
        """The theory with the exterior of angular momentum l."""
        if not self.has_exterior or ell == 0:
            return self.theory
        return self.theory._replace(exterior=self.exterior(ell))

    def energy(self, u: Array) -> float:
        """E[u] of nodal fields (n_nodes, n_fields)."""
        arguments = self.geometry, self.theory
        return self._of_last("E", u, lambda u: float(self.kernels.energy(*arguments, u, self.background_density)))

    def _of_last(self, name: str, u: Array, compute: Any) -> Any:
        """``compute(u)``, kept for the last fields: V may be slow, and several checks ask for the same."""
        if (known := self.__dict__.get(name)) is None or not np.array_equal(known[0], u):
            known = self.__dict__[name] = np.array(u), compute(u)
        return known[1]

    def energy_and_gradient(self, u: Array) -> tuple[float, Array]:
        """E[u] and dE/du, (n_nodes, n_fields)."""
        value, slope_ = self.kernels.energy_and_gradient(self.geometry, self.theory, u, self.background_density)
        return float(value), np.asarray(slope_)

    def curvature(self, u: Array) -> Array:
        """V'' at the quadrature points, (element, point, field, field); the Hessian of a density in (u, u')."""
        return self.kernels.curvature(self.geometry, self.theory, u)

    @property
    def free_first(self) -> Array:
        """1 for fields that are free at the origin, 0 for fields held there (at 0 for odd parity); (n_fields,)."""
        return np.where(self.odd, 0.0, 1.0) * ends.free_fields(self.model, 0)

    @property
    def free_last(self) -> Array:
        """1 for fields that are free at r_max, 0 for fields held at the boundary values; shape (n_fields,)."""
        if self.boundary in ("free", "decaying"):
            return np.ones(self.model.n_fields)
        free = ends.free_fields(self.model, 1)
        return free if self.model.ends is None else np.where(np.diagonal(self.theory.exterior) != 0.0, 1.0, free)

    @cached_property
    def free_nodes(self) -> Array:
        """1 for an unknown, 0 for a value held fixed; shape (n_nodes, n_fields)."""
        mask = np.ones((self.grid.n_nodes, self.model.n_fields))
        mask[0] *= self.free_first
        mask[-1] *= self.free_last
        return mask

    @property
    def has_exterior(self) -> bool:
        """Whether the energy outside of the mesh, where the equation is linear, counts."""
        return self.boundary == "decaying" or self.model.ends is not None

    def exterior(self, ell: int = 0) -> Array:
        r"""X with E_outside = 1/2 (u - v)^T X (u - v): the fields beyond R obey :math:`\nabla^2 u = W u`,

        W = V''(v) - omega^2, so that :math:`u \propto r^{-\nu}K_{\nu+l}(\kappa r)`, nu = d/2 - 1, in each
        eigendirection of W, and X = S_d R^(d-1) k^1/2 Q diag(-u'/u) Q^T k^1/2. A theory with ends has power tails.
        """
        if self.model.ends is not None:
            return power_tails(self.model, self.grid.r_max)
        gaps = gap_matrix(self.model, self.vacuum.values, self.multiplier_shift, self.grid.r_max)
        kinetic = self.model.kinetic_at(self.vacuum.values, self.grid.r_max)
        return exterior_form(self.grid.dim, kinetic, gaps, self.grid.r_max, ell)

    def coarser(self, divisor: int) -> DiscreteProblem:
        """The problem on the same elements with their order divided by ``divisor``, but at least 4."""
        order = min(self.grid.order, max(_LOWEST_ORDER, self.grid.order // divisor))
        return self.with_grid(self.grid.refine(extra_order=order - self.grid.order))

    def energy_scale(self, u: Array) -> float:
        """T + int |V|, the size of the terms that cancel in E (for tolerances on energies)."""
        return float(sum(self.energy_parts(u)[name] for name in ("gradient", "modulus")))

    def energy_parts(self, u: Array) -> dict[str, float]:
        """T ("gradient"), U ("potential"), int |V| ("modulus") and int r dV/dr ("radial") inside the domain."""
        given, parts, radial = (self.geometry, self.theory), self.kernels.parts, self.model.explicit_r
        return self._of_last("parts", u, lambda u: parts(*given, u, self.background_density, explicit_r=radial))

    @cached_property
    def background_density(self) -> Array:
        """V of the vacuum at the quadrature points; a density is integrated as it is."""
        if self.model.ends is not None:
            return np.zeros(self.grid.quadrature_points.size)
        if not self.model.explicit_r:
            return np.full(self.grid.quadrature_points.size, self.vacuum.energy_density)
        kernels = point_kernels(self.model.potential_function)
        return functional.background(kernels, self.theory, self.grid.quadrature_points.ravel())

    def norm_of_state(self, u: Array) -> float:
        """N of nodal fields, inside the domain (:mod:`.norm`)."""
        return norm.of_fields(self, u)
