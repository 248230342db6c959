r"""The fields of a state at any radius, and W = V'' along them, for determinants.

Beyond the mesh of the state the fields follow the linearised equation, :math:`r^{-\nu}K_\nu(mr)` with nu = d/2 - 1 in
each eigendirection of M^2 = W(infinity), until they are below rounding. The meshes for angular momentum l resolve
:math:`r^{\pm\nu}`, so that they are geometric towards the origin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array
from scipy.special import kve

from ..elements.grid import RadialGrid
from ..problem.asymptotics import MASSLESS
from ..problem.problem import DiscreteProblem
from ..theory.derivatives import hessian_change, point_kernels
from ..theory.vacua import mass_matrix

_ORDER = 16  # least order of the elements
# Phase h sqrt(nu^2/r^2 + |W|) of an element: what it adds errs by the square of the error of the solution within, and
# agrees to 1e-14 with phase 2 up to phase 10.
_PHASE = 8.0
_FLAT = 4.0  # least nu that meshes are made for: r^-2nu of small nu has its singularity too near otherwise
_INNER = 1e-4  # radius of the first element, times the largest sqrt|W|
_SAMPLES = 100  # radii between two edges of the state's mesh where the phase is known
_NOTHING = 1e-16  # fields beyond the mesh, relative to the largest, that change nothing
_SMALL = 1e-10  # of the fields at the edge of the mesh: these decay with their own mass
_HEAVY = 10.0  # largest M^2 over smallest above which W - M^2 is computed as an integral
_LARGE = 1e-3  # W - M^2 relative to M^2 that the difference has without loss
_POWER = 2.0**20  # the largest radius for massless fields, relative to that of the mesh


@dataclass(frozen=True, eq=False)
class Background:
    """Nodal fields ``u`` of a dimensionless problem."""

    problem: DiscreteProblem
    u: Float[Array, "node field"]

    @cached_property
    def mass_squared(self) -> Float[Array, "field field"]:
        """M^2, that of the vacuum."""
        return mass_matrix(self.problem.model, self.problem.vacuum.values, self.problem.grid.r_max)

    @cached_property
    def directions(self) -> tuple[Array, Array]:
        """The eigenvalues of M^2, ascending, 0 for a massless field, and its eigendirections."""
        values, vectors = np.linalg.eigh(self.mass_squared)
        return np.where(values > self.threshold, values, 0.0), vectors

    @cached_property
    def threshold(self) -> float:
        """mass^2 up to which a field is massless."""
        return MASSLESS * max(1.0, float(np.linalg.eigvalsh(self.mass_squared)[-1]))

    @property
    def massive(self) -> bool:
        """Whether no field is massless at infinity."""
        return bool(self.masses_squared[0] > 0.0)

    def weight(self, r: Float[Array, " *shape"]) -> Float[Array, " *shape"]:
        """w(r) of the norm in which zero modes are measured: 1, and where fields are massless (1 + (r/s)^2)^-2.

        In d = 3 and 4 the modes of massless fields that fall as r^(2 - d) have no norm with w = 1; a rate does not
        depend on w. s is the size of the core, by the depth of W.
        """
        return np.ones_like(r) if self.massive else (1.0 + (self.depth * r / self.problem.grid.dim) ** 2) ** -2

    @property
    def masses_squared(self) -> Float[Array, " field"]:
        """The eigenvalues of M^2, ascending; 0 for a massless field."""
        return self.directions[0]

    @property
    def masses(self) -> Float[Array, " field"]:
        """Their square roots."""
        return np.asarray(np.sqrt(self.masses_squared))

    @cached_property
    def away(self) -> Float[Array, " field"]:
        """The fields at the end of the mesh less those at infinity, in the eigendirections of M^2."""
        scaled = (self.u[-1] - self.problem.vacuum.values) * np.sqrt(self.problem.model.kinetic)
        return np.asarray(scaled @ self.directions[1])

    @cached_property
    def outer_radius(self) -> float:
        """Radius beyond which the fields are at their vacuum to rounding."""
        radius, total = self.problem.grid.r_max, float(np.max(np.abs(self.u - self.problem.vacuum.values)))
        reach = radius
        for mass, size in zip(self.masses, np.abs(self.away) / max(total, 1e-300), strict=True):
            if size > _NOTHING:
                far = radius + math.log(size / _NOTHING) / mass if mass else radius * _POWER
                reach = max(reach, far)
        return reach

    def fields(self, r: Float[Array, " point"]) -> Float[Array, "point field"]:
        """The fields at the radii ``r``."""
        return self.problem.vacuum.values + self.away_at(r)

    def away_at(self, r: Float[Array, " point"]) -> Float[Array, "point field"]:
        """The fields at the radii ``r`` less those at infinity."""
        grid = self.problem.grid
        out, outside = np.empty((len(r), self.u.shape[1])), r > grid.r_max
        out[~outside] = grid.interpolate(self.u - self.problem.vacuum.values, r[~outside])
        far, nu = r[outside], grid.dim / 2.0 - 1.0
        columns = []
        for mass in self.masses:
            ratio = (grid.r_max / far) ** (nu if mass else max(2.0 * nu, 0.0))
            if mass:
                decay = np.exp(-mass * (far - grid.r_max)) / kve(nu, mass * grid.r_max)
                ratio = ratio * kve(nu, mass * far) * decay
            columns.append(ratio)
        tail = (np.stack(columns, axis=1) * self.away) @ self.directions[1].T
        out[outside] = tail / np.sqrt(self.problem.model.kinetic)
        return out

    def curvature(self, r: Float[Array, " *shape"]) -> Float[Array, "*shape field field"]:
        """W = k^-1/2 V'' k^-1/2 at the radii ``r``."""
        model, flat = self.problem.model, np.ravel(r)
        n, root = model.n_fields, np.sqrt(model.kinetic)
        matrix = point_kernels(model.potential_function).hessian(self.fields(flat), model.params, flat)
        return np.asarray(matrix / (root[:, None] * root)).reshape(*np.shape(r), n, n)

    def excess(self, r: Float[Array, " *shape"]) -> Float[Array, "*shape field field"]:
        """W - M^2 at the radii ``r``; without the rounding of W where some M^2 is large."""
        direct, free = self.curvature(r) - self.mass_squared, self.masses_squared
        if free[-1] <= _HEAVY * free[0]:
            return np.asarray(direct)
        model, flat, n = self.problem.model, np.ravel(r), len(free)
        vacuum, root = np.tile(self.problem.vacuum.values, (len(flat), 1)), np.sqrt(model.kinetic)
        both = np.concatenate([vacuum, self.away_at(flat)], axis=1)
        exact = hessian_change(model.potential_function)(both, model.params, flat) / (root[:, None] * root)
        large = np.abs(direct) > _LARGE * float(np.max(np.abs(self.mass_squared)))
        return np.where(large, direct, exact.reshape(*np.shape(r), n, n))

    @cached_property
    def depth(self) -> float:
        """The largest sqrt|W|."""
        return math.sqrt(float(np.max(np.abs(self.curvature(self.problem.grid.quadrature_points)))))

    @cached_property
    def _pieces(self) -> list[tuple[Array, float]]:
        """Radii within each interval that an edge of every mesh divides, and the largest |W| there."""
        grid, on_line = self.problem.grid, float(self.problem.grid.dim) == 1.0
        inner = min(_INNER / self.depth, 0.5 * float(grid.element_edges[1]))
        coarse = [0.0 if on_line else inner, *grid.element_edges[1:].tolist()]
        while coarse[-1] < self.outer_radius:
            coarse.append(min(self.outer_radius, 2.0 * coarse[-1]))
        space = np.linspace if on_line else np.geomspace
        radii = np.stack([space(a, b, _SAMPLES) for a, b in pairwise(coarse)])
        return list(zip(radii, np.max(np.abs(self.curvature(radii)), axis=(1, 2, 3)).tolist(), strict=True))

    def mesh(self, nu: float, shift: float = 0.0, *, smooth: bool = False) -> RadialGrid:
        """A mesh to ``outer_radius`` that resolves the solutions of l = nu + 1 - d/2 at k^2 = ``shift``, or, if
        ``smooth``, W itself and powers of r only."""
        grid = self.problem.grid
        on_line, nu = float(grid.dim) == 1.0, max(nu, _FLAT)  # without a barrier, nothing happens at the origin
        edges = [0.0] if on_line else [0.0, float(self._pieces[0][0][0])]
        decay = max(self.masses[np.abs(self.away) > _SMALL * np.max(np.abs(self.away))], default=0.0)
        for fine, largest in self._pieces:
            wave = math.sqrt(largest + shift)
            if smooth:
                wave = 0.0 if fine[-1] <= grid.r_max else decay
            phase = wave * (fine - fine[0]) + (0.0 if on_line else nu * np.log(fine / fine[0]))
            count = max(1, math.ceil(phase[-1] / _PHASE))
            edges += [*np.interp(phase[-1] * np.arange(1, count) / count, phase, fine).tolist(), float(fine[-1])]
        return RadialGrid(order=max(_ORDER, grid.order), dim=grid.dim, edges=tuple(edges))
