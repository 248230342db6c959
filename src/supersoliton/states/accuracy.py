"""How accurate a state is: discretisation error, exterior, virial identity, translation mode."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import sphere_area
from ..problem import second_variation
from ..problem.modes import border_of, factorise
from ..problem.problem import DiscreteProblem
from ..problem.residual import energy_floor, force, shift_of
from ..theory.derivatives import point_kernels
from ..theory.vacua import mass_matrix

_EXTRA_ORDER = 4


_OFFSET = 1e-3


def virial(problem: DiscreteProblem, u: Array, multiplier: float) -> float:
    """Relative violation of the scaling identity: its left side less its right, over the sum of the moduli."""
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
    return float(abs(sum(terms)) / max(scale, energy_floor(problem)))  # a homogeneous state has no terms at all


def discretisation_error(problem: DiscreteProblem, u: Array, multiplier: float) -> float:
    r"""Estimated relative error of E from the finite mesh, plus that of rounding.

    The state is carried to a mesh of order p + 4, where one Newton step lowers the (constrained) energy by
    1/2 F^T H^-1 F: the energy there, less the energy here, is the error up to the far smaller one of the finer mesh.
    """
    energy = problem.energy(u)
    fine = problem.with_grid(problem.grid.refine(extra_order=_EXTRA_ORDER))
    v = problem.grid.interpolate(u, fine.grid.nodes)
    here = fine.energy(v)
    at = force(fine, v)
    factors = factorise(fine, v, at.multiplier)
    b = border_of(fine, v)
    x = second_variation.solve(factors, -at.vector, b)
    step = x[:, :, 0]
    shift = 0.0
    if problem.norm is not None:
        along = float(np.sum(b * x[:, :, 1]))
        excess = 0.5 * (fine.norm_of_state(v) - float(problem.norm))
        rate = -(float(np.sum(b * step)) + excess) / along if along else 0.0
        step = step + rate * x[:, :, 1]
        shift = -at.multiplier * excess  # moving back to the norm changes E at the rate of the multiplier
    corrected = here + 0.5 * float(np.sum(at.vector * step)) + shift
    scale = problem.energy_scale(u)
    rounding = 4e-16 * scale * math.sqrt(problem.grid.n_nodes)
    size = max(abs(energy), 1e-6 * scale, energy_floor(problem))
    if problem.omega is not None:
        # E itself is not stationary at fixed omega, only E - omega^2 N/2: its error is that of N.
        corrected += 0.5 * at.multiplier * (fine.norm_of_state(v + step) - fine.norm_of_state(v))
    # Twice the difference: the finer mesh has an error too, and an estimate should not be below the truth.
    return float((2.0 * abs(corrected - energy) + exterior_error(problem, u) + rounding) / size)


def exterior_error(problem: DiscreteProblem, u: Array) -> float:
    """Error of the energy because the fields outside the domain are taken to obey the linearised equation.

    Their energy 1/2 (u - v)^T X (u - v), times the relative departure of V from its quadratic form at the edge.
    """
    if problem.boundary != "decaying":
        return 0.0
    away = u[-1] - problem.vacuum.values
    outside = 0.5 * float(away @ np.asarray(problem.theory.exterior) @ away)
    kernels = point_kernels(problem.model.potential_function)
    radius = np.full(2, problem.grid.r_max)
    edge, bottom = kernels.value(np.stack([u[-1], problem.vacuum.values]), problem.model.params, radius)
    scaled = away * np.sqrt(problem.model.kinetic)
    quadratic = 0.5 * float(scaled @ mass_matrix(problem.model, problem.vacuum.values, float(radius[0])) @ scaled)
    departure = abs(float(edge - bottom) - quadratic) / max(abs(quadratic), 1e-300)
    return abs(outside) * min(departure, 1.0) if outside != 0.0 else 0.0


def translation_mode(problem: DiscreteProblem, u: Array, curvature: Array, multiplier: float) -> float:
    """The l = 1 eigenvalue next to 0 of the fluctuation operator, by inverse iteration from u'(r).

    ``curvature`` is V'' at the quadrature points.
    """
    grid = problem.grid
    shift = shift_of(problem, multiplier)
    held = np.zeros(problem.model.n_fields)
    mask = np.ones_like(u)
    mask[0], mask[-1] = 0.0, problem.free_last
    v = grid.differentiate(u) * mask
    # The offset keeps the matrix regular when the eigenvalue is 0 to rounding.
    factors = second_variation.factorise(problem, curvature, shift + _OFFSET, ell=1, free_first=held)
    value = float("nan")
    for _ in range(4):
        load = (grid.mass_form @ v) * mask
        v = second_variation.solve(factors, load)[:, :, 0]
        # Rayleigh's quotient of the operator itself: (A + offset M) v = load.
        weight = float(np.sum(v * (grid.mass_form @ v)))
        value = float(np.sum(v * load)) / weight - _OFFSET
        v = v / math.sqrt(weight)
    return value
