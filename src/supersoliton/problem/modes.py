"""Negative directions of the second variation, from the solver's own factorisation."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from . import second_variation
from .problem import DiscreteProblem
from .residual import shift_of

_INVERSE_ITERATIONS = 12


def factorise(problem: DiscreteProblem, u: Array, multiplier: float, sigma: float = 0.0) -> second_variation.Factors:
    """The factorised second variation E'' - omega^2 M_c + sigma M at u."""
    return second_variation.factorise(problem, problem.curvature(u), shift_of(problem, multiplier) + sigma)


def border_of(problem: DiscreteProblem, u: Array) -> Array:
    """M_c u, the normal of the sphere of fixed norm, zero where values are held."""
    return (problem.grid.mass_form @ u) * problem.carries_norm * problem.free_nodes


def count_negative(
    problem: DiscreteProblem, u: Array, factors: second_variation.Factors, *, at_fixed_norm: bool = False
) -> int:
    r"""Negative eigenvalues of the second variation at l = 0, on the tangent space of the norm where it is fixed.

    With b = M_c u, the bordered matrix [[A, b], [b^T, 0]] has one negative and one positive eigenvalue more than A on
    the complement of b, and its Schur complement is -b^T A^-1 b: so n_-(A|b) = n_-(A) - [b^T A^-1 b < 0].
    """
    negative = second_variation.negative(factors)
    if problem.norm is None and not at_fixed_norm:
        return negative
    b = border_of(problem, u)
    along = float(np.sum(b * second_variation.solve(factors, b)[:, :, 0]))
    return negative - (1 if along < 0 else 0)


def lowest_mode(
    problem: DiscreteProblem, u: Array, multiplier: float, factors: second_variation.Factors | None = None
) -> tuple[int, Array]:
    """The number of negative modes and, where there are any, a direction with negative second variation.

    ``factors`` of the second variation, where they are known already.
    """
    if factors is None:
        factors = factorise(problem, u, multiplier)
    negative = count_negative(problem, u, factors)
    if negative == 0:
        return 0, np.zeros_like(u)
    # Shift the whole spectrum above zero, just; then inverse iteration finds the bottom of it.
    sigma, lower, upper = 1e-3, 0.0, None
    shifted = factors
    for _ in range(40):
        shifted = factorise(problem, u, multiplier, sigma)
        if count_negative(problem, u, shifted) == 0:
            upper = sigma
            if upper <= 2.0 * max(lower, 5e-4):
                break
            sigma = 0.5 * (upper + lower)
        else:
            lower = sigma
            sigma = 0.5 * (upper + lower) if upper is not None else 4.0 * sigma
    if upper is not None:
        shifted = factorise(problem, u, multiplier, upper)
    b = border_of(problem, u)
    image = second_variation.solve(shifted, b)[:, :, 0]
    v = np.random.default_rng(0).normal(size=u.shape) * problem.free_nodes
    for _ in range(_INVERSE_ITERATIONS):
        v = second_variation.solve(shifted, (problem.grid.mass_form @ v) * problem.free_nodes)[:, :, 0]
        if problem.norm is not None:
            v = v - image * (np.sum(b * v) / np.sum(b * image))
        v = v / np.sqrt(np.sum(v**2))
    return negative, v
