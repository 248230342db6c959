"""The problem to solve: a theory with boundary conditions, optionally at fixed norm or frequency, on a mesh or not."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy import ndarray as Array

from .._checks import is_number
from ..elements.grid import RadialGrid, sphere_area
from ..machine.batching import cached_property
from ..theory.base import AbstractModel
from ..theory.derivatives import point_kernels
from ..theory.polish import nearby_vacuum
from ..theory.rotating import Rotating
from ..theory.vacua import Vacuum, slope, vacua, vacuum_at
from . import functional
from .exterior import decay_rate, gap_matrix
from .functional import Geometry, Theory

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
    parity : {"even", "odd"}
        Zero slope at the origin, or (in one dimension) fields that vanish there.
    dim : float, optional
        Dimension of space where no grid is given; 3 if not given.
    background : sequence of float, optional
        Field values at infinity, where they differ from the default vacuum of the notes (for example a false vacuum).

    Raises
    ------
    ValueError
        If arguments contradict each other or are out of range.

    Notes
    -----
    In the default vacuum the fields that carry the norm vanish and the others minimise V. Without norm and frequency it
    is the origin if that is a minimum of V (perhaps a false one), else the lowest minimum found.

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
    parity: str = "even"
    dim: float | None = None
    background: Sequence[float] | None = None

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
            object.__setattr__(self, "dim", 3)
        if self.dim is not None and not (is_number(self.dim) and float(self.dim) >= 1):
            raise ValueError(f"problem.dim must be at least 1, got {self.dim!r}: try 3")
        if self.grid is not None and self.dim is not None and float(self.dim) != float(self.grid.dim):
            raise ValueError(f"problem.dim is {self.dim} but the grid has dim {self.grid.dim}: give one of them")
        if self.norm is not None and not _positive(self.norm):
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
        if self.parity not in ("even", "odd"):
            raise ValueError(f'problem.parity must be "even" or "odd", got {self.parity!r}: choose one')
        if self.parity == "odd" and float(self.dimension) != 1.0:
            raise ValueError(f'problem.parity "odd" needs dim = 1, got dim = {self.dimension}: use "even"')
        self._check_boundary()

    def _check_boundary(self) -> None:
        if self.background is not None:
            object.__setattr__(self, "background", self._stationary_values("background", self.background))
        if isinstance(self.boundary, str):
            if self.boundary not in _BOUNDARIES:
                raise ValueError(
                    f"problem.boundary must be one of {_BOUNDARIES} or values, got {self.boundary!r}: choose one"
                )
            if self.boundary == "decaying" and self.norm is not None:
                raise ValueError('problem.boundary "decaying" needs a fixed frequency, not a norm: use "vacuum"')
            return
        object.__setattr__(self, "boundary", self._stationary_values("boundary", self.boundary))

    def _stationary_values(self, name: str, given: Any) -> tuple[float, ...]:
        n = self.model.n_fields
        try:
            values = np.asarray(given, dtype=float)
        except (TypeError, ValueError):
            values = np.empty(0)
        if values.shape != (n,) or not np.all(np.isfinite(values)):
            raise ValueError(f"problem.{name} must be {n} finite values, got {given!r}: give one for each field")
        model = self.model
        if np.any(self.multiplier_shift * values):
            model = Rotating(model, float(self.omega or 0.0) ** 2, tuple(self.carries_norm))
        values = nearby_vacuum(f"problem.{name}", model, values, self._outer_radius).values
        lightest = vacuum_at(self.model, values, self._outer_radius)
        if self.norm is None and self.omega is None and not lightest.stable and not self.model.explicit_r:
            raise ValueError(
                f"problem.{name} {values.tolist()} is not a vacuum: it has a tachyon of mass^2 "
                f"{lightest.masses_squared[0]:.4g}; use a minimum of V, see vacua(model)"
            )
        return tuple(float(x) for x in values)

    # Derived quantities

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
    def multiplier_shift(self) -> Array:
        """omega^2 for the fields in N where the frequency is fixed, else zeros; shape (n_fields,)."""
        return self.carries_norm * (0.0 if self.omega is None else float(self.omega) ** 2)

    @property
    def _outer_radius(self) -> float:
        """Radius at which the vacuum minimises V, for potentials that depend on r."""
        return 0.0

    @cached_property
    def vacuum(self) -> Vacuum:
        """The :class:`Vacuum` at infinity; see the class notes. Raises ValueError if the potential has none."""
        if self.background is not None:
            return vacuum_at(self.model, self.background, self._outer_radius)
        if not isinstance(self.boundary, str):
            return vacuum_at(self.model, self.boundary, self._outer_radius)
        n = self.model.n_fields
        held = self.carries_norm > 0 if (self.norm is not None or self.omega is not None) else np.zeros(n, bool)
        if held.all():
            return self._stationary(np.zeros(n))
        if not held.any():
            origin = vacuum_at(self.model, np.zeros(n), self._outer_radius)
            flat = np.max(np.abs(slope(self.model, origin.values, self._outer_radius))) <= 1e-12
            if flat and origin.stable:
                return origin
        candidates = vacua(self.model, held_at_zero=held, r=self._outer_radius)
        if not candidates:
            raise ValueError(
                f"problem.boundary {self.boundary!r}: the potential of {self.model!r} has no minimum that a search "
                "from 90 starts could find: give the boundary values, or check that V is bounded below"
            )
        return candidates[0]

    def _stationary(self, values: Array) -> Vacuum:
        force = slope(self.model, values, self._outer_radius)
        if not np.max(np.abs(force)) <= 1e-9:
            raise ValueError(
                f"problem.boundary: the fields that carry the norm must vanish at infinity, but V has slope "
                f"{np.max(np.abs(force)):.3g} there: shift the fields so that V is stationary at 0"
            )
        return vacuum_at(self.model, values, self._outer_radius)

    # Modified copies

    def with_grid(self, grid: RadialGrid) -> DiscreteProblem:
        """The same problem on ``grid``; the vacuum is computed again only where it depends on the mesh."""
        other = self._with(grid=grid, dim=None)
        assert isinstance(other, DiscreteProblem)
        if not self.model.explicit_r and "vacuum" in self.__dict__:
            other.__dict__["vacuum"] = self.vacuum
        return other

    def replace(self, **changes: Any) -> Self:
        """The same problem with other arguments or couplings.

        Parameters
        ----------
        **changes : object
            Arguments of :class:`Problem`, or couplings of its model by name. ``grid=None`` removes the mesh.
        """
        own = {name: value for name, value in changes.items() if name in self.__dataclass_fields__}
        couplings = {name: value for name, value in changes.items() if name not in own}
        if couplings:
            own["model"] = (own.get("model") or self.model).replace(**couplings)
        if "grid" in own:
            own.setdefault("dim", None)
        made: Any = self._with(**own)
        return made

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
    def _outer_radius(self) -> float:
        return self.grid.r_max

    @cached_property
    def geometry(self) -> Geometry:
        return functional.geometry(self.grid)

    @cached_property
    def theory(self) -> Theory:
        n = self.model.n_fields
        return Theory(
            params=self.model.params,
            kinetic=self.model.kinetic,
            vacuum=self.vacuum.values,
            exterior=self.exterior(0) if self.boundary == "decaying" else np.zeros((n, n)),
        )

    def theory_at(self, ell: int) -> Theory:
        """The theory with the exterior of angular momentum l."""
        if self.boundary != "decaying" or ell == 0:
            return self.theory
        return self.theory._replace(exterior=self.exterior(ell))

    def energy(self, u: Array) -> float:
        """E[u] of nodal fields (n_nodes, n_fields)."""
        kernel = functional.potential_kernels(self.model.potential_function)[0]
        return float(kernel(self.geometry, self.theory, u, self.background_density))

    def energy_and_gradient(self, u: Array) -> tuple[float, Array]:
        """E[u] and dE/du, (n_nodes, n_fields)."""
        kernel = functional.potential_kernels(self.model.potential_function)[1]
        value, slope_ = kernel(self.geometry, self.theory, u, self.background_density)
        return float(value), np.asarray(slope_)

    def curvature(self, u: Array) -> Array:
        """V'' at the quadrature points: (element, point, field, field)."""
        return functional.potential_kernels(self.model.potential_function)[2](self.geometry, self.theory, u)

    @property
    def free_first(self) -> Array:
        """1 for fields that are free at the origin, 0 for fields held at 0 (odd parity); shape (n_fields,)."""
        return np.full(self.model.n_fields, 0.0 if self.parity == "odd" else 1.0)

    @property
    def free_last(self) -> Array:
        """1 for fields that are free at r_max, 0 for fields held at the boundary values; shape (n_fields,)."""
        held = self.boundary not in ("free", "decaying")
        return np.full(self.model.n_fields, 0.0 if held else 1.0)

    @cached_property
    def free_nodes(self) -> Array:
        """1 for an unknown, 0 for a value held fixed; shape (n_nodes, n_fields)."""
        mask = np.ones((self.grid.n_nodes, self.model.n_fields))
        mask[0] *= self.free_first
        mask[-1] *= self.free_last
        return mask

    def exterior(self, ell: int = 0) -> Array:
        r"""X with E_outside = 1/2 (u - v)^T X (u - v): the fields beyond R obey :math:`\nabla^2 u = W u`,

        W = V''(v) - omega^2, so that :math:`u \propto r^{-\nu}K_{\nu+l}(\kappa r)`, nu = d/2 - 1, in each
        eigendirection of W, and X = S_d R^(d-1) k^1/2 Q diag(-u'/u) Q^T k^1/2.
        """
        d, radius = self.grid.dim, self.grid.r_max
        root = np.sqrt(self.model.kinetic)
        gaps = gap_matrix(self.model, self.vacuum.values, self.multiplier_shift, radius)
        values, vectors = np.linalg.eigh(gaps)
        rates = np.array([decay_rate(d, max(value, 0.0), radius, ell) for value in values])
        inner = vectors @ np.diag(rates) @ vectors.T
        return sphere_area(d) * radius ** (d - 1.0) * root[:, None] * inner * root[None, :]

    def coarser(self, divisor: int) -> DiscreteProblem:
        """The problem on the same elements with their order divided by ``divisor``, but at least 4."""
        order = min(self.grid.order, max(_LOWEST_ORDER, self.grid.order // divisor))
        return self.with_grid(self.grid.refine(extra_order=order - self.grid.order))

    def energy_scale(self, u: Array) -> float:
        """T + int |V|, the size of the terms that cancel in E (for tolerances on energies)."""
        parts = self.energy_parts(u)
        return float(parts["gradient"] + parts["modulus"])

    def energy_parts(self, u: Array) -> dict[str, float]:
        """T ("gradient"), U ("potential"), int |V| ("modulus") and int r dV/dr ("radial") inside the domain."""
        grid = self.grid
        kernels = point_kernels(self.model.potential_function)
        params, radii, weights = self.model.params, grid.quadrature_points.ravel(), grid.quadrature_weights.ravel()
        flat = grid.at_quadrature(np.asarray(u)).reshape(-1, self.model.n_fields)
        excess = kernels.value(flat, params, radii) - self.background_density
        radial = 0.0
        if self.model.explicit_r:
            vacuum = np.tile(self.vacuum.values, (len(radii), 1))
            radial = float(weights @ (kernels.radial(flat, params, radii) - kernels.radial(vacuum, params, radii)))
        return {
            "gradient": 0.5 * float(np.sum(u * (grid.stiffness_form @ u) * self.model.kinetic)),
            "potential": float(weights @ excess),
            "modulus": float(weights @ np.abs(excess)),
            "radial": radial,
        }

    @cached_property
    def background_density(self) -> Array:
        """V of the vacuum at the quadrature points."""
        if not self.model.explicit_r:
            return np.full(self.grid.quadrature_points.size, self.vacuum.energy_density)
        kernels = point_kernels(self.model.potential_function)
        return functional.background(kernels, self.theory, self.grid.quadrature_points.ravel())

    def norm_of_state(self, u: Array) -> float:
        """N = u^T M u over the constrained fields (inside the domain): its derivative is exactly 2 M u."""
        return float(np.sum(self.carries_norm * u * (self.grid.mass_form @ u)))


def _positive(value: object) -> bool:
    if hasattr(value, "aval"):
        return True
    return is_number(value) and value > 0  # type: ignore[operator]
