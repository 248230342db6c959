"""Accuracy of a state: discretisation error, exterior error, virial identity, translation mode."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import sphere_area
from ..problem.asymptotics import slowest_decay
from ..problem.problem import DiscreteProblem
from ..problem.residual import energy_floor, force, translation_border
from ..problem.tangent_space import TangentSpace, norm_border
from ..theory.derivatives import point_kernels
from ..theory.vacua import mass_matrix

EXTRA_ORDER = 4  # of the finer mesh on which the discretisation error is measured


def virial(problem: DiscreteProblem, u: Array, multiplier: float) -> float:
    """Violation of the virial identity (see :mod:`.certificate`) relative to the sum of the moduli of its terms."""
    grid = problem.grid
    d, radius = float(grid.dim), grid.r_max
    parts = problem.energy_parts(u)
    norm = problem.norm_of_state(u)
    ends = np.stack([u[-1], problem.vacuum.values])
    kernels = point_kernels(problem.model.potential_function)
    outer, background = kernels.value(ends, problem.model.params, np.full(2, radius))
    slope = grid.differentiate(u)[-1]
    edge = 0.5 * float(np.sum(problem.model.kinetic * slope**2)) - (outer - background)
    edge += 0.5 * multiplier * float(np.sum(problem.carries_norm * u[-1] ** 2))
    terms = [
        (d - 2.0) * parts["gradient"],
        d * parts["potential"],
        -0.5 * d * multiplier * norm,
        parts["radial"],
        sphere_area(d) * radius**d * edge,
    ]
    scale = abs(terms[0]) + d * parts["modulus"] + parts["gradient"] + abs(terms[2]) + abs(terms[3])
    return float(abs(sum(terms)) / max(scale, energy_floor(problem)))  # all terms of a homogeneous state vanish


def discretisation_error(problem: DiscreteProblem, u: Array, multiplier: float) -> float:
    r"""Estimated relative error of E due to the finite mesh, the exterior and rounding.

    The state is interpolated to a mesh of order p + 4, where one Newton step lowers the (constrained) energy by
    1/2 F^T H^-1 F. The difference of the energies is the error, up to the much smaller error of the finer mesh.
    """
    energy = problem.energy(u)
    fine = problem.with_grid(problem.grid.refine(extra_order=EXTRA_ORDER))
    v = problem.grid.interpolate(u, fine.grid.nodes)
    at = force(fine, v)
    excess = 0.0 if problem.norm is None else 0.5 * (fine.norm_of_state(v) - float(problem.norm))
    step, _ = TangentSpace(fine, v, at.multiplier).solve(-at.vector, -excess)
    # Restoring the norm changes E at the rate of the multiplier.
    corrected = fine.energy(v) + 0.5 * float(np.sum(at.vector * step)) - at.multiplier * excess
    scale = problem.energy_scale(u)
    rounding = 4e-16 * scale * math.sqrt(problem.grid.n_nodes)
    size = max(abs(energy), 1e-6 * scale, energy_floor(problem))
    if problem.omega is not None:
        # At fixed omega only E - omega^2 N/2 is stationary: E also has the error of N. To first order, in which a step
        # along a symmetry, which is noise, changes nothing.
        corrected += at.multiplier * float(np.sum(norm_border(fine, v) * step))
    # Twice the difference, because the finer mesh has an error too and the estimate should be an upper bound.
    return float((2.0 * abs(corrected - energy) + exterior_error(problem, u) + rounding) / size)


def exterior_error(problem: DiscreteProblem, u: Array) -> float:
    """Error of the energy due to the linearised equation outside the domain.

    The exterior energy 1/2 (u - v)^T X (u - v), times the relative deviation of V from its quadratic form at r_max. On
    a line with held ends, the energy that a longer line would save.
    """
    if problem.boundary != "decaying":
        return 0.0 if problem.line is None else _saved_by_a_longer_line(problem, u)
    away = u[-1] - problem.vacuum.values
    outside = 0.5 * float(away @ np.asarray(problem.theory.exterior) @ away)
    kernels = point_kernels(problem.model.potential_function)
    radius = np.full(2, problem.grid.r_max)
    edge, bottom = kernels.value(np.stack([u[-1], problem.vacuum.values]), problem.model.params, radius)
    scaled = away * np.sqrt(problem.model.kinetic)
    quadratic = 0.5 * float(scaled @ mass_matrix(problem.model, problem.vacuum.values, float(radius[0])) @ scaled)
    deviation = abs(float(edge - bottom) - quadratic) / max(abs(quadratic), 1e-300)
    return abs(outside) * min(deviation, 1.0) if outside != 0.0 else 0.0


def _saved_by_a_longer_line(problem: DiscreteProblem, u: Array) -> float:
    r"""Integral of -dE/dR = 1/2 k u'(R)^2, over both ends.

    An exponential tail saves this slope times 1/(2m). Power-law tails save at most R times it.
    """
    slope = problem.grid.differentiate(u)[-1] ** 2 * problem.model.kinetic
    rate = sphere_area(1.0) * 0.5 * float(np.sum(slope))
    return rate * min(0.5 * slowest_decay(problem), problem.grid.r_max)


def translation_mode(space: TangentSpace) -> float:
    """The eigenvalue next to 0 by inverse iteration from u'(r); ``space``: l = 1, or l = 0 on a line, a little shifted,
    without a phase condition."""
    problem, u = space.problem, space.u
    start = problem.grid.differentiate(u) if problem.line is None else translation_border(problem, u)[0]
    return space.nearest_mode(start, 4)[0]
