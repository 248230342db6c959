"""Negative directions of the second variation, from the solver's own factorisation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from numpy import ndarray as Array

from .. import functional
from ..linalg import condensed
from ..problem import Problem
from .base import shift_of

_INVERSE_ITERATIONS = 12


@jax.jit
def _factor_kernel(
    geo: functional.Geometry,
    theory: functional.Theory,
    curvature: jax.Array,
    shift: jax.Array,
    free_first: jax.Array,
    free_last: jax.Array,
) -> condensed.Factor:
    blocks = functional.hessian_blocks(geo, theory, curvature, shift)
    return condensed.factor(blocks, free_first, free_last, theory.exterior)


_solve = jax.jit(condensed.solve)
_inertia = jax.jit(condensed.inertia)


def factorise(problem: Problem, u: Array, multiplier: float, sigma: float = 0.0) -> condensed.Factor:
    """The factorised second variation E'' - omega^2 M_c + sigma M at u."""
    curvature = problem.kernels[2](problem.geometry, problem.theory, u).hessian
    shift = shift_of(problem, multiplier) + sigma
    return _factor_kernel(problem.geometry, problem.theory, curvature, shift, problem.free_first, problem.free_last)


def border_of(problem: Problem, u: Array) -> Array:
    """M_c u, the normal of the sphere of fixed norm, zero where values are held."""
    weight = functional.mass_times(problem.geometry, jnp.asarray(u)) * problem.carries_norm
    return np.asarray(weight) * problem.free_nodes


def count_negative(problem: Problem, u: Array, factors: condensed.Factor) -> int:
    r"""Negative eigenvalues of the second variation at l = 0, on the tangent space of the norm where it is fixed.

    With b = M_c u, the bordered matrix [[A, b], [b^T, 0]] has one negative and one positive eigenvalue more than A on
    the complement of b, and its Schur complement is -b^T A^-1 b: so n_-(A|b) = n_-(A) - [b^T A^-1 b < 0].
    """
    negative = int(_inertia(factors)[0])
    if problem.norm is None:
        return negative
    b = border_of(problem, u)
    along = float(np.sum(b * np.asarray(_solve(factors, jnp.asarray(b)[:, :, None]))[:, :, 0]))
    return negative - (1 if along < 0 else 0)


def lowest_mode(problem: Problem, u: Array, multiplier: float) -> tuple[int, Array]:
    """The number of negative modes and, where there are any, a direction with negative second variation."""
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
    image = np.asarray(_solve(shifted, jnp.asarray(b)[:, :, None]))[:, :, 0]
    v = np.random.default_rng(0).normal(size=u.shape) * problem.free_nodes
    for _ in range(_INVERSE_ITERATIONS):
        load = functional.mass_times(problem.geometry, jnp.asarray(v))
        v = np.asarray(_solve(shifted, (load * problem.free_nodes)[:, :, None]))[:, :, 0]
        if problem.norm is not None:
            v = v - image * (np.sum(b * v) / np.sum(b * image))
        v = v / np.sqrt(np.sum(v**2))
    return negative, v
