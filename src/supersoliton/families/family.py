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

from ..problem.energy_kernels import nodal, outside, with_slopes
from ..problem.problem import DiscreteProblem
from ..problem.scales import Scales
from ..problem.tangent_space import TangentSpace, norm_border
from ..theory.derivatives import coupling_kernels, point_kernels
from ..theory.vacua import slope, vacuum_at
from ..theory.whole_line import ends_of

# Relative step of the central difference of the exterior matrix, a smooth function of the masses: the best compromise
# of truncation (step^2) and rounding (1e-16/step) is the cube root of the rounding unit.
DIFFERENCE = 6e-6
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
        return self.parameter if self.parameter in ("norm", "omega") else "coupling"

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
        return FamilyPoint(problem, u, multiplier, q)

    # Derivatives with respect to the controls

    def vacuum_rate(self, problem: DiscreteProblem) -> Array:
        """dv/dq of the vacuum: -V''^-1 dV'/dp in the fields whose vacuum value may change."""
        n = problem.model.n_fields
        rate = np.zeros(n)
        free = ~_held_fixed(problem)
        if self.kind != "coupling" or not free.any():
            return rate
        v, r = problem.vacuum.values[None], np.array([problem.grid.r_max])
        kernels = point_kernels(problem.model.potential_function)
        matrix = kernels.hessian(v, problem.model.params, r)[0][np.ix_(free, free)]
        load = np.asarray(self._force_kernel(problem, v, r))[0][free]
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
                return nodal(problem.geometry, by, self.exterior_rate(point) @ away) * space.free
            flat = grid.at_quadrature(point.u).reshape(len(radii), -1)
            slopes = np.asarray(self._force_kernel(problem, flat, radii)).reshape(*grid.quadrature_weights.shape, -1)
            local = np.einsum("eq,eqa,eqi->eai", grid.quadrature_weights, grid.interpolation, slopes)
            np.add.at(out, grid.element_nodes, local)
            lift = self.lift(problem)
            if np.any(lift):
                out += space.apply(lift)
        else:
            out -= (grid.mass @ point.u) * problem.carries_norm
        if problem.boundary == "decaying":
            out[-1] += self.exterior_rate(point) @ away
            out[-1] -= np.asarray(problem.theory.exterior) @ self.vacuum_rate(problem)
        return out * problem.free_nodes

    def exterior_rate(self, point: FamilyPoint, ell: int = 0) -> Array:
        """dX/dq of the exterior matrix at l, by a central difference (one-sided at omega = 0).

        The masses change by ``DIFFERENCE`` of themselves over its step; where they do not depend on q, neither does X
        of a potential.
        """
        problem = point.problem
        if problem.model.density_function is not None:
            step = DIFFERENCE * (abs(point.q) or 1.0)
        else:
            changes = np.eye(problem.model.n_fields) if self.kind == "omega" else self.mass_rate(problem)
            largest = float(np.max(np.abs(changes)))
            if not largest > 0.0:
                return np.zeros_like(problem.exterior(ell))
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
        if problem.model.density_function is not None:
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

    def energy_rates(
        self, point: FamilyPoint, moved: Array, vacuum_moved: Array, course: Mapping[str, float]
    ) -> tuple[float, float]:
        """The integral of dV/dp - dV_inf/dp for a coupling p, and its change along fields, vacuum and couplings.

        ``moved``: du of the nodes, ``course``: the change of every coupling. With those of a family this is a second
        derivative of the energy.
        """
        problem, grid = point.problem, point.problem.grid
        radii, weights = grid.quadrature_points.ravel(), grid.quadrature_weights.ravel()
        energy = coupling_kernels(problem.model.potential_function)[1]
        n, params, direction = problem.model.n_fields, _floats(problem.model.params), self._direction(problem)
        first, second = energy(
            grid.at_quadrature(point.u).reshape(-1, n), params, direction, radii,
            grid.at_quadrature(moved).reshape(-1, n), dict(course),
        )  # fmt: skip
        outside, changing = energy(
            np.tile(problem.vacuum.values, (len(radii), 1)), params, direction, radii,
            np.tile(vacuum_moved, (len(radii), 1)), dict(course),
        )  # fmt: skip
        return (
            float(weights @ (np.asarray(first) - np.asarray(outside))),
            float(weights @ (np.asarray(second) - np.asarray(changing))),
        )

    def _slope_of_density(self, point: FamilyPoint, du: Array, dq: float) -> tuple[float, float]:
        """:meth:`explicit_slope` for a density; the fields at its ends do not depend on couplings."""
        problem, model, geo = point.problem, point.problem.model, point.problem.geometry
        energy = coupling_kernels(model.density_function or model.potential_function)[1]
        z, r, weights = outside(model, problem.grid)
        inside = with_slopes(geo, point.u), geo.radii.reshape(-1), with_slopes(geo, du), geo.weights.reshape(-1)
        away = point.u[-1] - problem.vacuum.values
        slopes = np.array([0.5 * float(away @ self.exterior_rate(point) @ away), 0.0])
        for fields, radii, along, at in (inside, (z, r, np.zeros_like(z), weights)):
            course = {name: dq * rate for name, rate in self._direction(problem).items()}
            given = _floats(model.params), self._direction(problem), radii, along, course
            slopes += [float(at @ np.asarray(part)) for part in energy(fields, *given)]
        return float(slopes[0]), float(slopes[1])


def with_couplings(near: DiscreteProblem, couplings: Mapping[str, float]) -> DiscreteProblem:
    """The problem with other values of some couplings; its vacuum is followed from that of ``near``."""
    model = near.model.replace(**couplings)
    vacuum = _follow_vacuum(near, model)
    changes: dict[str, Any] = {"model": model}
    if near.line is not None:
        changes["line"] = ends_of(vacuum)
    for name in ("boundary", "background"):
        given = getattr(near, name)
        if given is not None and not isinstance(given, str):
            changes[name] = tuple(float(x) for x in vacuum)
    other = near.replace(**changes)
    other.__dict__["vacuum"] = vacuum_at(model, vacuum, near.grid.r_max)
    return other


def family_of(inner: DiscreteProblem, parameter: str, scales: Scales) -> Family:
    """The family of a dimensionless problem along a parameter that the user gives in units of the scales."""
    _check_ends(inner, parameter)
    units = {"norm": scales.unit("norm"), "omega": scales.unit("mass")}
    return Family(inner, parameter, units.get(parameter, 1.0))


def _check_ends(problem: DiscreteProblem, parameter: str) -> None:
    """Raise ValueError for a coupling that the fields at the ends of a theory depend on."""
    model = problem.model
    if model.ends is None or parameter not in model.params:
        return
    value = float(model.params[parameter])
    try:
        moved = [model.replace(**{parameter: value * factor}).ends for factor in (1.0 - DIFFERENCE, 1.0 + DIFFERENCE)]
    except ValueError as error:
        raise ValueError(f"{parameter} cannot be varied: {error}") from error
    if any(ends != model.ends for ends in moved):
        raise ValueError(
            f"{model!r}: the fields at infinity depend on {parameter}, so that branches and derivatives in it are not "
            "available: solve at each value"
        )


def _floats(params: Any) -> dict[str, float]:
    return {name: float(value) for name, value in params.items()}


def _held_fixed(problem: DiscreteProblem) -> Array:
    """Mask of the fields whose vacuum value stays: those at 0 that carry a fixed norm or rotate, those of own ends."""
    if problem.model.ends is not None:
        return np.ones(problem.model.n_fields, bool)
    if problem.norm is None and problem.omega is None:
        return np.zeros(problem.model.n_fields, bool)
    return (problem.carries_norm > 0) & (problem.vacuum.values == 0.0)


def with_vacuum(other: DiscreteProblem, near: DiscreteProblem) -> DiscreteProblem:
    """``other`` with the vacuum of ``near``, which is not searched for again."""
    other.__dict__["vacuum"] = near.vacuum
    return other


def _follow_vacuum(near: DiscreteProblem, model: Any) -> Array:
    """Newton's method for V' = 0 from the vacuum of ``near``, in the fields whose vacuum value may change."""
    values = near.vacuum.values.copy()
    free = ~_held_fixed(near)
    radius = near.grid.r_max
    hessian = point_kernels(model.potential_function).hessian
    for _ in range(20):
        matrix = hessian(values[None], model.params, np.array([radius]))[0][np.ix_(free, free)]
        load = (slope(model, values, radius) - near.multiplier_shift * values)[free]
        if not (np.all(np.isfinite(matrix)) and np.all(np.isfinite(load))):
            raise ValueError("the potential is not finite at the vacuum")
        if not free.any() or np.max(np.abs(load)) <= 1e-15 * max(1.0, float(np.max(np.abs(matrix)))):
            break
        matrix = matrix - np.diag(near.multiplier_shift[free])
        step = np.linalg.lstsq(matrix, load, rcond=1e-12)[0]
        values[free] -= step
        if np.max(np.abs(step)) <= 1e-15 * max(1.0, float(np.max(np.abs(values)))):
            break
    return values
