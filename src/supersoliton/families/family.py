r"""One-parameter families of problems: which numbers vary along a branch, and how the force depends on them.

======================  ==================  =======================  ==========================
parameter               kind                controls c               equations besides F = 0
======================  ==================  =======================  ==========================
``norm``                ``"norm"``          omega^2                  none: N is read off u
``omega``               ``"omega"``         omega^2                  none
coupling p              ``"coupling"``      p                        none
coupling p, fixed norm  ``"coupling"``      p, omega^2               N(u) = N
======================  ==================  =======================  ==========================

with :math:`F(u, c) = E'(u; p) - \omega^2 M_c u`. Internally the parameter is q: N, omega^2 or p.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray as Array

from ..problem.couplings import DIFFERENCE, held_fixed, rates_of_ends, with_couplings, with_vacuum
from ..problem.energy_kernels import nodal, with_slopes
from ..problem.far_fields import far_values, outside
from ..problem.norm import half_slope
from ..problem.problem import DiscreteProblem
from ..problem.scales import Scales
from ..problem.tangent_space import TangentSpace, norm_border
from ..theory.base import AbstractModel
from ..theory.derivatives import coupling_kernels, point_kernels

_NOTHING = 1e-40  # a rate below this is that of the field that stands for 0 (TINY)


@dataclass(frozen=True, eq=False)
class FamilyPoint:
    """A point of the family: the problem at q, fields (n_nodes, n_fields), omega^2 and the parameter q."""

    problem: DiscreteProblem
    u: Array
    multiplier: float
    q: float


@dataclass(frozen=True)
class Family:
    """The states of ``problem``, which is dimensionless, for all values of ``parameter``."""

    problem: DiscreteProblem
    parameter: str
    unit: float = 1.0  # of the parameter, whose q is dimensionless

    @property
    def kind(self) -> str:
        of_problem = self.parameter in ("norm", "omega") and self.problem.model.ends is None
        return self.parameter if of_problem else "coupling"

    @property
    def holds_norm(self) -> bool:
        """Whether N(u) = N is one of the equations."""
        return self.kind == "coupling" and self.problem.norm is not None

    @property
    def n_controls(self) -> int:
        return 2 if self.holds_norm else 1

    def to_parameter(self, q: float) -> float:
        """The value of the parameter at q: omega for q = omega^2, else q itself."""
        if self.kind != "omega":
            return q * self.unit
        return math.sqrt(q) * self.unit if q >= 0 else float("nan")

    def to_q(self, value: float) -> float:
        q = value / self.unit
        return q**2 if self.kind == "omega" else q

    def controls(self, point: FamilyPoint) -> Array:
        if self.kind == "norm":
            return np.array([point.multiplier])
        return np.array([point.q, point.multiplier]) if self.holds_norm else np.array([point.q])

    def point(self, u: Array, multiplier: float) -> FamilyPoint:
        """The point of a state of ``self.problem``."""
        if self.kind == "coupling":
            return FamilyPoint(self.problem, u, multiplier, float(self.problem.model.params[self.parameter]))
        return FamilyPoint(
            self.problem, u, multiplier, multiplier if self.kind == "omega" else self.problem.norm_of_state(u)
        )

    # Points at other parameters

    def problem_at(self, near: DiscreteProblem, q: float) -> DiscreteProblem:
        """The problem at q. Its vacuum is followed from that of ``near``, without a new search.

        Raises
        ------
        ValueError : if the parameter cannot have this value.
        """
        if self.kind == "norm":
            return with_vacuum(near.replace(norm=q), near)
        if self.kind == "omega":
            if q < 0:
                squared = q * self.unit**2
                raise ValueError(f"omega^2 = {squared:.3g} is negative: there is no real frequency")
            return with_vacuum(near.replace(omega=math.sqrt(q)), near)
        return with_couplings(near, {self.parameter: q})

    def move(self, point: FamilyPoint, du: Array, dc: Array) -> FamilyPoint:
        """The point at u + du, c + dc; fields held at the boundary take the values of its vacuum."""
        u = point.u + du * point.problem.free_nodes
        if self.kind == "norm":
            problem = self.problem_at(point.problem, point.problem.norm_of_state(u))
            return FamilyPoint(problem, u, point.multiplier + float(dc[0]), float(problem.norm or 0.0))
        q = point.q + float(dc[0])
        problem = self.problem_at(point.problem, q)
        multiplier = point.multiplier + float(dc[-1]) if self.holds_norm else point.multiplier
        if self.kind == "omega":
            multiplier = q
        held = problem.free_nodes[-1] == 0
        u[-1, held] = problem.vacuum.values[held]
        if problem.model.ends is not None:
            u[0] = np.where(problem.free_nodes[0] == 0, problem.model.ends.inner, u[0])
        return FamilyPoint(problem, u, multiplier, q)

    # Derivatives with respect to the controls

    def vacuum_rate(self, problem: DiscreteProblem) -> Array:
        """dv/dq of the vacuum: -V''^-1 dV'/dp in the fields whose vacuum value may change."""
        n = problem.model.n_fields
        if problem.model.ends is not None:
            return rates_of_ends(problem, self.parameter)[1]
        rate = np.zeros(n)
        free = ~held_fixed(problem)
        if self.kind != "coupling" or not free.any():
            return rate
        v, r = problem.vacuum.values[None], np.array([problem.grid.r_max])
        kernels = point_kernels(problem.model.potential_function)
        matrix = kernels.hessian(v, problem.model.params, r)[0][np.ix_(free, free)]
        force = coupling_kernels(problem.model.potential_function)[0]
        load = np.asarray(force(v, _floats(problem.model.params), self._direction(problem), r))[0][free]
        rate[free] = -np.linalg.lstsq(matrix, load, rcond=1e-12)[0]
        return rate

    def _direction(self, problem: DiscreteProblem) -> dict[str, float]:
        return {name: float(name == self.parameter) for name in problem.model.params}

    def _force_kernel(self, problem: DiscreteProblem, u: Array, r: Array) -> Any:
        force = coupling_kernels(problem.model.density_function or problem.model.potential_function)[0]
        return force(u, _floats(problem.model.params), self._direction(problem), r)

    def lift(self, problem: DiscreteProblem) -> Array:
        """du/dq at the nodes held at the boundary, (n_nodes, n_fields)."""
        out = np.zeros(problem.free_nodes.shape)
        held = problem.free_nodes[-1] == 0
        out[-1, held] = self.vacuum_rate(problem)[held]
        if problem.model.ends is not None:
            out[0] = np.where(problem.free_nodes[0] == 0, rates_of_ends(problem, self.parameter)[0], 0.0)
        return out

    def force_rate(self, point: FamilyPoint, space: TangentSpace) -> Array:
        """dF/dq at fixed free nodes and omega^2 (``omega``: dF/domega^2); ``space``: the tangent space at the point."""
        problem, grid = point.problem, point.problem.grid
        out = np.zeros_like(point.u)
        away = point.u[-1] - problem.vacuum.values
        if self.kind == "coupling":
            radii = grid.quadrature_points.ravel()
            if problem.model.density_function is not None:
                by = np.asarray(self._force_kernel(problem, with_slopes(problem.geometry, point.u), radii))
                out += nodal(problem.geometry, by, np.zeros(len(away)))
            else:
                flat = grid.at_quadrature(point.u).reshape(len(radii), -1)
                slopes = np.asarray(self._force_kernel(problem, flat, radii))
                slopes = slopes.reshape(*grid.quadrature_weights.shape, -1)
                local = np.einsum("eq,eqa,eqi->eai", grid.quadrature_weights, grid.interpolation, slopes)
                np.add.at(out, grid.element_nodes, local)
            lift = self.lift(problem)
            if np.any(lift):
                out += space.apply(lift)
        else:
            out -= half_slope(problem, point.u)
        if problem.has_exterior:
            out[-1] += self.exterior_rate(point) @ away
            out[-1] -= np.asarray(problem.theory.exterior) @ self.vacuum_rate(problem)
        return out * problem.free_nodes

    def exterior_rate(self, point: FamilyPoint, ell: int = 0) -> Array:
        """dX/dq of the exterior matrix at l, by a central difference (one-sided at omega = 0).

        The masses change by ``DIFFERENCE`` of themselves over its step; where they do not depend on q, neither does X
        of a potential.
        """
        problem = point.problem
        step = DIFFERENCE * (abs(point.q) or 1.0)
        if problem.model.ends is None:
            changes = np.eye(problem.model.n_fields) if self.kind == "omega" else self.mass_rate(problem)
            largest = float(np.max(np.abs(changes)))
            if not largest > 0.0 and problem.model.density_function is None:
                return np.zeros_like(problem.exterior(ell))
            if largest > 0.0:
                step = DIFFERENCE * float(np.max(np.abs(problem.vacuum.masses_squared))) / largest
        lower = point.q if self.kind == "omega" and point.q < step else point.q - step
        upper = point.q + step
        ends = [self.problem_at(problem, value).exterior(ell) for value in (lower, upper)]
        return (ends[1] - ends[0]) / (upper - lower)

    def curvature_rate(self, u: Array, du: Array) -> Array:
        """dV''/dq at the quadrature points along a family whose fields change by ``du``."""
        grid = self.problem.grid
        fields, moving = (grid.at_quadrature(x).reshape(-1, u.shape[1]) for x in (u, du))
        rate = self._curvature_rate(fields, moving, grid.quadrature_points.ravel(), self.problem)
        return rate.reshape(*grid.quadrature_points.shape, *rate.shape[1:])

    def mass_rate(self, problem: DiscreteProblem | None = None) -> Array:
        """dV''/dq of the vacuum at the edge of the box, (field, field); of the family's problem if none is given."""
        problem = problem or self.problem
        if self.kind != "coupling":
            return np.zeros((problem.model.n_fields,) * 2)
        fields, moving = problem.vacuum.values[None], self.vacuum_rate(problem)[None]
        rate = self._curvature_rate(fields, moving, np.full(1, problem.grid.r_max), problem)[0]
        return np.where(np.abs(rate) > _NOTHING, rate, 0.0)

    def _curvature_rate(self, fields: Array, moving: Array, radii: Array, problem: DiscreteProblem) -> Array:
        model = problem.model
        kernel = coupling_kernels(model.potential_function)[2]
        return np.asarray(kernel(fields, _floats(model.params), self._direction(problem), radii, moving))

    def value_row(self, point: FamilyPoint) -> tuple[Array, Array]:
        """dq as a linear form of (du, dc)."""
        if self.kind == "norm":
            return 2.0 * norm_border(point.problem, point.u), np.zeros(1)
        return np.zeros_like(point.u), np.eye(self.n_controls)[0]

    def explicit_slope(self, point: FamilyPoint, du: Array, dq: float) -> tuple[float, float]:
        """dE/dq - omega^2/2 dN/dq at fixed free nodes, and its change along (du, dq).

        The change neglects the boundary terms, which are exponentially small for localised states.
        """
        problem = point.problem
        away = point.u[-1] - problem.vacuum.values
        total, change = 0.0, 0.0
        if problem.boundary == "decaying" and self.kind != "norm":
            total += 0.5 * float(away @ self.exterior_rate(point) @ away)
        if self.kind != "coupling":
            return total, change
        if problem.model.ends is not None:
            return self._slope_of_density(point, du, dq)
        rate, lift = self.vacuum_rate(problem), self.lift(problem)
        course = {name: dq * along for name, along in self._direction(problem).items()}
        inner, change = self.energy_rates(point, du + lift * dq, rate * dq, course)
        total += inner
        if np.any(lift):
            total += float(np.sum(problem.energy_and_gradient(point.u)[1] * lift))
        if problem.boundary == "decaying":
            total -= float(away @ np.asarray(problem.theory.exterior) @ rate)
        return total, change

    def energy_rates(self, point: FamilyPoint, moved: Array, vacuum_moved: Array, course: Mapping[str, float]) -> Array:
        """The integral of dV/dp - dV_inf/dp for a coupling p, and its change along fields, vacuum and couplings.

        ``moved``: du of the nodes, ``course``: the change of every coupling. With those of a family this is a second
        derivative of the energy.
        """
        problem, grid, model = point.problem, point.problem.grid, point.problem.model
        radii, weights = grid.quadrature_points.ravel(), grid.quadrature_weights.ravel()

        def inside(u: Array) -> Array:
            z = with_slopes(problem.geometry, u)
            return z if model.density_function is not None else z[:, : model.n_fields]

        still, moving = (
            np.tile(v if model.density_function is None else np.append(v, 0.0 * v), (len(radii), 1))
            for v in (problem.vacuum.values, vacuum_moved)
        )
        given = self._direction(problem), radii, dict(course)
        return (_rates(model, inside(point.u), inside(moved), *given) - _rates(model, still, moving, *given)) @ weights

    def _slope_of_density(self, point: FamilyPoint, du: Array, dq: float) -> tuple[float, float]:
        """:meth:`explicit_slope` for a density, whose change neglects that of the fields at its ends."""
        problem, model, geo = point.problem, point.problem.model, point.problem.geometry
        z, r, weights = outside(model, problem.grid)[:3]
        inside = with_slopes(geo, point.u), with_slopes(geo, du)
        away, rate, lift = point.u[-1] - problem.vacuum.values, self.vacuum_rate(problem), self.lift(problem)
        direction = self._direction(problem)
        course = {name: dq * along for name, along in direction.items()}
        slopes = _rates(model, *inside, direction, geo.radii.reshape(-1), course) @ geo.weights.reshape(-1)
        slopes += _rates(model, z, np.zeros_like(z), direction, r, course) @ weights
        slopes[0] += 0.5 * float(away @ self.exterior_rate(point) @ away)
        if np.any(rate) or np.any(lift):
            assert model.density_function is not None
            by = point_kernels(model.density_function).gradient(z, model.params, r)[:, : len(rate)]
            slopes[0] += float(weights @ by @ rate) - float(away @ np.asarray(problem.theory.exterior) @ rate)
            slopes[0] += float(np.sum(problem.energy_and_gradient(point.u)[1] * lift))
        return float(slopes[0]), float(slopes[1])


def _rates(model: AbstractModel, fields: Array, moved: Array, direction: Any, radii: Array, course: Any) -> Array:
    """dV/dp, or that of a density, and its change along fields and couplings; (2, point)."""
    energy = coupling_kernels(model.density_function or model.potential_function)[1]
    return np.stack([np.asarray(x) for x in energy(fields, _floats(model.params), direction, radii, moved, course)])


def family_of(inner: DiscreteProblem, parameter: str, scales: Scales) -> Family:
    """The family of a dimensionless problem along a parameter that the user gives in units of the scales."""
    _check_ends(inner, parameter)
    turns = inner.norm is not None or inner.omega is not None
    if turns and inner.model.density_function is not None and parameter in inner.model.params:
        raise ValueError(
            f"{inner.model!r}: derivatives of rotating states in {parameter} are not available where the kinetic "
            "terms depend on the fields, since the norm may depend on it: solve at each value"
        )
    units = {"norm": scales.unit("norm"), "omega": scales.unit("mass")} if inner.model.ends is None else {}
    return Family(inner, parameter, units.get(parameter, 1.0))


def _check_ends(problem: DiscreteProblem, parameter: str) -> None:
    """Raise ValueError for a coupling of a theory with ends that cannot be varied, like a winding."""
    model = problem.model
    if model.ends is None or parameter not in model.params:
        return
    value = float(model.params[parameter])
    try:
        moved = [model.replace(**{parameter: value * factor}) for factor in (1.0 - DIFFERENCE, 1.0 + DIFFERENCE)]
    except ValueError as error:
        raise ValueError(f"{parameter} cannot be varied: {error}") from error
    edge = np.array([problem.grid.r_max])
    if np.any(problem.theory.pull) and any(np.any(far_values(other, edge) != problem.vacuum.values) for other in moved):
        raise ValueError(
            f"{model!r}: the fields far out depend on {parameter}, so that branches and derivatives in it are not "
            "available: solve at each value"
        )


def _floats(params: Any) -> dict[str, float]:
    return {name: float(value) for name, value in params.items()}
