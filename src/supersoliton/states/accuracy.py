"""Accuracy of a state: errors due to the mesh and to the box, virial identity, translation mode."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import RadialGrid, sphere_area
from ..problem import far_fields, second_variation
from ..problem.asymptotics import gaps_of
from ..problem.ends import free_fields
from ..problem.exterior import exterior_form, power_tails
from ..problem.norm import at_infinity, half_slope, without_rotation
from ..problem.problem import DiscreteProblem
from ..problem.residual import energy_floor, force, translation_border
from ..problem.tangent_space import TangentSpace, norm_border
from ..theory.derivatives import point_kernels
from ..theory.vacua import canonical, curvature

EXTRA_ORDER = 4  # of the finer mesh on which the discretisation error is measured
_PARTS, _SMOOTH = 3, 1e-12  # see accuracy
_LOOSE = 10.0  # see _centre
_DIFFERENCE = 1e-4  # relative step in omega^2 for the derivative of the exterior


def virial(problem: DiscreteProblem, u: Array, multiplier: float) -> float:
    """Violation of the virial identity (see :mod:`.certificate`) relative to the sum of the moduli of its terms."""
    grid = problem.grid
    d, radius = float(grid.dim), grid.r_max
    parts = problem.energy_parts(u)
    norm = problem.norm_of_state(u)
    edge = problem.kernels.edge(problem.theory, u[-1], grid.differentiate(u)[-1], radius)
    edge += 0.5 * multiplier * float(u[-1] @ at_infinity(problem) @ u[-1])
    terms = [
        (d - 2.0) * parts["gradient"],
        d * parts["potential"],
        -0.5 * d * multiplier * norm,
        parts["radial"],
        sphere_area(d) * radius**d * edge,
    ]
    scale = abs(terms[0]) + d * parts["modulus"] + parts["gradient"] + abs(terms[2]) + abs(terms[3])
    return float(abs(sum(terms)) / max(scale, energy_floor(problem), 1e-300))  # all terms of a homogeneous state vanish


@dataclass(frozen=True)
class Errors:
    """Estimated absolute errors of a state's numbers, from the mesh and the finite box together.

    Attributes
    ----------
    energy : float
        Of E.
    norm : float
        Of N; 0 where it is fixed.
    multiplier : float
        Of omega^2, in mass^2; 0 where the frequency is fixed.
    action : float
        Of E - omega^2 N/2.
    """

    units: ClassVar[dict[str, str]] = {"energy": "energy", "norm": "norm", "multiplier": "mass^2", "action": "energy"}

    energy: float
    norm: float
    multiplier: float
    action: float


class Accuracy(NamedTuple):
    """Relative errors of the energy due to the mesh and to the box, and the absolute errors of all numbers.

    ``centre``: error of the fields at the origin over their range, where r^(d-1) has too little weight there to fix
    them; 0 where they are as accurate as elsewhere.
    """

    discretisation: float
    box: float
    errors: Errors
    centre: float = 0.0

    def at_least(self, relative: float, energy: float) -> Accuracy:
        """The same with an error of the energy due to the mesh that is not less than ``relative``."""
        size, e = relative * abs(energy), self.errors
        errors = replace(e, energy=max(e.energy, size), action=max(e.action, size))
        return self._replace(discretisation=max(self.discretisation, relative), errors=errors)


class _Change(NamedTuple):
    """What E - omega^2 N/2 at this omega^2, N and omega^2 change by on a finer mesh, or without the box."""

    action: float
    norm: float
    multiplier: float


def discretisation_error(problem: DiscreteProblem, u: Array, multiplier: float) -> float:
    """Estimated relative error of E due to the finite mesh and rounding; see :func:`accuracy`."""
    return accuracy(problem, u, multiplier).discretisation


def accuracy(problem: DiscreteProblem, u: Array, multiplier: float, box: float | None = None) -> Accuracy:
    r"""Errors due to the finite mesh, the finite box and rounding, from one factorisation.

    The state is interpolated to a mesh of order p + 4 whose edge is released: beyond it the fields decay at the rate of
    the masses at the edge. There one Newton step lowers E - omega^2 N/2 by 1/2 F^T H^-1 F. The force F inside is an
    error of the mesh. That at the edge, the slope of the fields, is one of the box: to leading order it saves what
    Hadamard's formula :math:`dE/dR = -S_dR^{d-1}\tfrac12ku'^2` gives, integrated over the tail.

    ``box``: that error, relative, where it is known from larger boxes; NaN for a state that has no larger one. Where
    the energy of the same fields differs on elements cut in three, V is not smooth inside elements (a kink, a spike),
    and more points in each say little: then the finer mesh is that of the parts.
    """
    known = problem.__dict__.get("accuracy")  # of the last state of this problem: a search asks before the certificate
    if known is not None and known[0] is u and known[1:3] == (multiplier, box):
        result: Accuracy = known[3]
        return result
    result = _measured(problem, u, multiplier, box)
    problem.__dict__["accuracy"] = (u, multiplier, box, result)
    return result


def _measured(problem: DiscreteProblem, u: Array, multiplier: float, box: float | None) -> Accuracy:
    found = _against(problem, u, multiplier, problem.grid.refine(extra_order=EXTRA_ORDER), box)
    parts = problem.with_grid(problem.grid.refine(split=_PARTS))
    missed = abs(parts.energy(problem.grid.interpolate(u, parts.grid.nodes)) - problem.energy(u))
    if not missed > max(found.errors.energy, _SMOOTH * problem.energy_scale(u)):
        return found
    return max(found, _against(problem, u, multiplier, parts.grid, box), key=lambda one: one.discretisation)


def _against(problem: DiscreteProblem, u: Array, multiplier: float, finer: RadialGrid, box: float | None) -> Accuracy:
    """The errors by comparison with a finer mesh."""
    fine = problem.with_grid(finer)
    v = problem.grid.interpolate(u, fine.grid.nodes)
    energy, gradient = fine.energy_and_gradient(v)
    at = force(fine, v, gradient)
    norms = np.array([problem.norm_of_state(u), fine.norm_of_state(v)])
    outside = _outside(fine, at.multiplier)
    edge, stored = _force_at_the_edge(fine, v, gradient, at.multiplier, outside)
    last = np.ones(v.shape[1])
    operator = without_rotation(fine, v, fine.curvature(v), at.multiplier)
    factors = second_variation.factorise(fine, *operator, free_last=last, exterior=outside)
    space = TangentSpace(fine, v, at.multiplier, factors=factors)
    excess = 0.0 if problem.norm is None else 0.5 * (norms[1] - float(problem.norm))
    steps, corrections = space.solve(-np.stack([at.vector, edge], axis=-1), np.array([[-excess, 0.0]]))

    before = problem.energy(u) - 0.5 * at.multiplier * float(norms[0])
    after = energy - 0.5 * at.multiplier * float(norms[1]) + 0.5 * float(np.sum(at.vector * steps[..., 0]))
    if problem.norm is None:
        # To first order, in which a step along a symmetry, which is noise, changes nothing.
        moved = float(norms[1] - norms[0] + 2.0 * np.sum(norm_border(fine, v) * steps[..., 0]))
        mesh = _Change(after - before, moved, 0.0)
    else:
        mesh = _Change(after - before, 0.0, at.multiplier - float(corrections[0, 0]) - multiplier)
    centre = _centre(problem.grid, u, steps[..., 0], finer.order)
    if box is None:
        saved = 0.5 * float(np.sum(edge * steps[..., 1])) + stored
        saved += math.copysign(exterior_error(problem, u), saved)
        change = _without_box(space, steps[..., 1], outside, saved)
        change = change._replace(multiplier=change.multiplier - float(corrections[0, 1]) if problem.norm else 0.0)
        return _in_all(problem, u, at.multiplier, mesh, change)._replace(centre=centre)
    known = _Change(0.5 * np.nan_to_num(box) * abs(energy), 0.0, 0.0)
    return _in_all(problem, u, at.multiplier, mesh, known)._replace(box=box, centre=centre)


def _centre(grid: RadialGrid, u: Array, step: Array, order: int) -> float:
    """How far the Newton step moves the fields at the origin, over their range.

    0 where r^(d-1) has weight there, or if that is little more than outside of the first element, where a step along a
    symmetry, which is noise, has the same size.
    """
    first = grid.quadrature_weights[0]
    if np.min(first) > np.finfo(float).eps * np.max(first):
        return 0.0
    moved = np.max(np.abs(step), axis=1)
    size = float(np.max(np.ptp(u, axis=0)))
    return min(float(moved[0]) / size, 1.0) if moved[0] > _LOOSE * np.max(moved[order:]) and size > 0.0 else 0.0


def _in_all(problem: DiscreteProblem, u: Array, multiplier: float, mesh: _Change, box: _Change) -> Accuracy:
    """Twice the changes, because what they are compared with has an error too and each should be an upper bound."""
    energy, norm, scale = problem.energy(u), problem.norm_of_state(u), problem.energy_scale(u)
    noise = 4e-16 * math.sqrt(problem.grid.n_nodes)
    fixed = problem.norm is not None

    def of_energy(change: _Change) -> float:
        return abs(float(change.action) + 0.5 * multiplier * change.norm)

    def of_action(change: _Change) -> float:
        return abs(change.action) + 0.5 * norm * abs(change.multiplier)

    size = max(abs(energy), 1e-6 * scale, energy_floor(problem))
    rotates = 0.0 if problem.omega is None and not fixed else 1.0
    errors = Errors(
        energy=2.0 * (of_energy(mesh) + of_energy(box)) + noise * scale,
        norm=0.0 if fixed else rotates * (2.0 * (abs(mesh.norm) + abs(box.norm)) + noise * norm),
        multiplier=2.0 * (abs(mesh.multiplier) + abs(box.multiplier)) + noise * abs(multiplier) if fixed else 0.0,
        action=2.0 * (of_action(mesh) + of_action(box)) + noise * scale,
    )
    return Accuracy((2.0 * of_energy(mesh) + noise * scale) / size, 2.0 * of_energy(box) / size, errors)


def _outside(problem: DiscreteProblem, multiplier: float) -> Array:
    """The energy of the linearised fields outside, as a form of the fields at the edge."""
    gaps, grid = gaps_of(problem, multiplier), problem.grid
    if not np.all(np.isfinite(gaps)):  # u^2 ln u^2: an edge that is only released saves more than the tail does
        return np.zeros_like(gaps)
    kinetic = problem.model.kinetic_at(problem.vacuum.values, grid.r_max)
    tails, massive = power_tails(problem.model, grid.r_max), exterior_form(grid.dim, kinetic, gaps, grid.r_max)
    decaying = (np.diagonal(tails) != 0.0) | (free_fields(problem.model, 1) > 0.0)  # a free field has no energy outside
    return np.where(decaying[:, None] | decaying, tails, massive)


def _force_at_the_edge(
    problem: DiscreteProblem, u: Array, gradient: Array, multiplier: float, outside: Array
) -> tuple[Array, float]:
    """The force on a released edge, (node, field), and the energy that the fields outside then have."""
    away = u[-1] - problem.vacuum.values
    pull = (outside - np.asarray(problem.theory.exterior)) @ away
    held = gradient[-1] - multiplier * half_slope(problem, u)[-1]
    edge = np.zeros_like(u)
    edge[-1] = (1.0 - problem.free_last) * held + pull
    return edge, 0.5 * float(away @ pull)


def _without_box(space: TangentSpace, step: Array, outside: Array, saved: float) -> _Change:
    """The change without the box, from the ``step`` that releasing the edge causes; N to second order in it.

    At fixed norm only the second order of that of omega^2.
    """
    problem, carries = space.problem, space.problem.carries_norm
    away = space.u[-1] + step[-1] - problem.vacuum.values
    gaps = gaps_of(problem, space.multiplier)
    beyond = 0.0
    if carries.any() and problem.model.ends is None and np.all(np.isfinite(gaps)):
        # N outside: minus twice the derivative of the energy outside by omega^2
        small = _DIFFERENCE * max(float(np.max(np.abs(gaps))), 1e-300)
        kinetic = problem.model.kinetic_at(problem.vacuum.values, problem.grid.r_max)
        shifted = gaps + small * canonical(at_infinity(problem), kinetic)
        form = exterior_form(problem.grid.dim, kinetic, shifted, problem.grid.r_max)
        beyond = float(away @ (form - outside) @ away) / small
    second = float(np.sum(step * (problem.grid.mass_form @ step) * carries)) + beyond
    if problem.norm is None:
        return _Change(saved, 2.0 * float(np.sum(norm_border(problem, space.u) * step)) + second, 0.0)
    _, correction = space.project(step, np.array([-0.5 * second]))
    return _Change(saved, 0.0, -float(correction[0]))


def exterior_error(problem: DiscreteProblem, u: Array) -> float:
    """Error of the energy due to the linearised equation outside the domain, where that counts.

    The exterior energy 1/2 (u - v)^T X (u - v), times the relative deviation of V from its quadratic form at r_max.
    """
    if not problem.has_exterior:
        return 0.0
    missed = 0.0 if problem.model.ends is None else far_fields.outside(problem.model, problem.grid).error
    away = u[-1] - problem.vacuum.values
    outside = 0.5 * float(away @ np.asarray(problem.theory.exterior) @ away)
    kernels = point_kernels(problem.model.potential_function)
    radius = np.full(2, problem.grid.r_max)
    edge, bottom = kernels.value(np.stack([u[-1], problem.vacuum.values]), problem.model.params, radius)
    second = curvature(problem.model, problem.vacuum.values, problem.grid.r_max)
    if problem.model.ends is not None:  # at this radius, not at infinity
        second = kernels.hessian(problem.vacuum.values[None], problem.model.params, radius[:1])[0]
    quadratic = 0.5 * float(away @ second @ away)
    # massless fields have a gradient only
    size = max(abs(quadratic), abs(outside) / (sphere_area(problem.grid.dim) * problem.grid.r_max**problem.grid.dim))
    deviation = abs(float(edge - bottom) - quadratic) / max(size, 1e-300)
    return missed + (abs(outside) * min(deviation, 1.0) if outside != 0.0 else 0.0)


def translation_mode(space: TangentSpace) -> float:
    """The eigenvalue next to 0 by inverse iteration from u'(r); ``space``: l = 1, or l = 0 on a line, a little shifted,
    without a phase condition."""
    problem, u = space.problem, space.u
    start = problem.grid.differentiate(u) if problem.line is None else translation_border(problem, u)[0]
    return space.nearest_mode(start, 4)[0]
