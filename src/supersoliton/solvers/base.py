r"""What every solver shares: the residual, the multiplier, and the record of a solution.

At fixed norm the stationary points obey :math:`F(u) = E'(u) - \omega^2 M_c u = 0` with the multiplier that makes F
orthogonal to u in the constrained fields, :math:`\omega^2 = \langle u, E'(u)\rangle_c / \langle u, M u\rangle_c`.

The residual is F in the dual of H^1, relative to the state:

.. math:: \rho = \frac{\sqrt{F^T (K + M)^{-1} F}}{\sqrt{(u - u_\infty)^T (K + M) (u - u_\infty)}}

which does not depend on the mesh (an l^2 norm of nodal forces would).
"""

from __future__ import annotations

import functools
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy import ndarray as Array

from .. import functional
from ..grid import RadialGrid
from ..linalg import condensed
from ..problem import Problem

CONVERGED = "converged"


@dataclass(frozen=True)
class Solution:
    """Where a solver ended."""

    # the point
    u: Array  # (n_nodes, n_fields)
    multiplier: float  # omega^2; 0 without norm or frequency
    # how it ended
    status: str  # "converged", or in words why not
    residual: float
    # how it got there
    steps: int
    history: tuple[tuple[float, float], ...] = field(default=(), repr=False)  # (energy, residual) of each step
    seconds: float = 0.0

    @property
    def converged(self) -> bool:
        return self.status == CONVERGED


class Force(NamedTuple):
    """F(u), the multiplier and the relative dual residual at one point."""

    vector: Array  # (n_nodes, n_fields), zero where values are held
    multiplier: float
    residual: float


class AbstractSolver(ABC):
    """A method that takes a problem and starting fields to a stationary point."""

    @abstractmethod
    def run(self, problem: Problem, u: Array) -> Solution:
        """Start from nodal fields ``u`` (n_nodes, n_fields) that satisfy the boundary condition and the norm."""


# Kernels that know nothing of the potential: compiled once per shape.


@functools.lru_cache(maxsize=32)
def _metric(grid: RadialGrid) -> condensed.Factor:
    """The factorised K + M of one field: the H^1 metric."""
    blocks = jnp.asarray(grid.element_matrices(of="stiffness") + grid.element_matrices(of="mass"))
    one = jnp.ones(1)
    return jax.jit(condensed.factor)(blocks, one, one, jnp.zeros((1, 1)))


@jax.jit
def _force_kernel(
    geo: functional.Geometry,
    metric: condensed.Factor,
    u: jax.Array,
    gradient: jax.Array,
    vacuum: jax.Array,
    mask: jax.Array,
    carries: jax.Array,
    fixed_shift: jax.Array,
    has_norm: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    weight = functional.mass_times(geo, u) * carries
    norm = jnp.sum(u * weight)
    multiplier = jnp.where(has_norm, jnp.sum(u * gradient * carries) / jnp.where(norm > 0, norm, 1.0), 0.0)
    force = (gradient - multiplier * weight - functional.mass_times(geo, u) * fixed_shift) * mask
    dual = condensed.solve(metric, force[:, None, :])[:, 0, :]
    away = u - vacuum
    size = jnp.sum(away * condensed.matvec(metric.blocks, jnp.zeros((1, 1)), away[:, None, :])[:, 0, :])
    return force, multiplier, jnp.sqrt(jnp.maximum(jnp.sum(force * dual), 0.0)), jnp.sqrt(jnp.maximum(size, 0.0))


def force(problem: Problem, u: Array, *, gradient: Any = None) -> Force:
    """F, multiplier and residual; ``gradient`` is E'(u) where it is already known."""
    assert problem.grid is not None
    if gradient is None:
        gradient = problem.kernels[1](problem.geometry, problem.theory, u)
    vector, multiplier, dual, size = _force_kernel(
        problem.geometry,
        _metric(problem.grid),
        u,
        gradient,
        problem.theory.vacuum,
        problem.free_nodes,
        problem.carries_norm,
        problem.multiplier_shift,
        problem.norm is not None,
    )
    fixed = 0.0 if problem.omega is None else float(problem.omega) ** 2
    return Force(vector, float(multiplier) + fixed, float(dual) / max(float(size), size_floor(problem)))


def size_floor(problem: Problem) -> float:
    """The size below which a state counts as the vacuum itself, and its residual is measured against this.

    A millionth of the vacuum's own L2 norm in the box, or of a field of strength 1 where the vacuum is 0.
    """
    assert problem.grid is not None
    volume = float(np.sum(problem.grid.quadrature_weights))
    strength = float(np.sqrt(np.sum(problem.vacuum.values**2))) or 1.0
    return 1e-6 * strength * np.sqrt(volume)


def shift_of(problem: Problem, multiplier: float) -> Array:
    """-omega^2 on the fields that carry the norm: the diagonal shift of the second variation, (n_fields,)."""
    return -multiplier * problem.carries_norm


class Stopwatch:
    """Seconds since it was made, against a budget."""

    def __init__(self, budget: float | None) -> None:
        self.start, self.budget = time.perf_counter(), budget

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.start

    @property
    def expired(self) -> bool:
        return self.budget is not None and self.seconds > self.budget
