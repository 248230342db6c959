"""The factorised second variation, used by all solvers and certificates.

It runs on the host by LAPACK (:mod:`..elements.lapack`), or in a task (:mod:`..machine.batching`) batched on the device
(:mod:`..elements.batched`).
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from numpy import ndarray as Array

from ..elements import batched, lapack
from ..elements.packing import packing
from ..machine import batching
from . import functional
from .problem import DiscreteProblem

Factors = lapack.HostFactors | batching.DeviceArray
_COLUMNS = 3  # right-hand sides per call in a task, so that all calls have the same shape


def factorise(
    problem: DiscreteProblem,
    curvature: Any,
    shift: Any,
    *,
    ell: int = 0,
    free_first: Any = None,
    free_last: Any = None,
    exterior: Any = None,
) -> Factors:
    """The factors of -k lap_l + ``curvature`` + diag(``shift``) on the mesh of ``problem``.

    ``curvature``: (element, point, field, field), usually V''; ``shift``: (field,) multiples of the mass matrix. The
    conditions at the ends and the exterior are those of the problem at ``ell`` unless given.
    """
    barrier = float(ell * (ell + float(problem.grid.dim) - 2.0))
    first = problem.free_first if free_first is None else free_first
    last = problem.free_last if free_last is None else free_last
    theory = problem.theory_at(ell).without_couplings
    if exterior is not None:
        theory = theory._replace(exterior=exterior)
    task = batching.current()
    if task is not None:
        return task.call(_factor, problem.geometry, theory, curvature, shift, barrier, first, last, keep=True)
    geo = problem.geometry
    entries = functional.packed_blocks(geo, theory, np.asarray(curvature), np.asarray(shift), barrier)
    parts = packing(geo.values.shape[2], problem.model.n_fields)
    return lapack.factor(entries, parts, first, last, np.asarray(theory.exterior))


def solve(factors: Factors, rhs: Array) -> Array:
    """Solutions for any number of right-hand sides, both (node, field, column)."""
    if isinstance(factors, lapack.HostFactors):
        return lapack.solve(factors, rhs)
    task, count = batching.current(), rhs.shape[2]
    assert task is not None
    rhs = np.concatenate([rhs, np.zeros((*rhs.shape[:2], -count % _COLUMNS))], axis=2)
    parts = [task.call(_solve, None, factors, rhs[:, :, i : i + _COLUMNS]) for i in range(0, count, _COLUMNS)]
    return np.concatenate(parts, axis=2)[:, :, :count]


def solve_each(problem: DiscreteProblem, curvatures: Array, shifts: Array, columns: Array) -> Array:
    """Solutions (system, node, field, column) for several second variations of one problem at once.

    ``curvatures`` (system, element, point, field, field), ``shifts`` (system, field), ``columns`` of the same shape as
    the solutions.
    """
    task = batching.current()
    if task is None:
        each = zip(curvatures, shifts, columns, strict=True)
        return np.stack([lapack.solve(factorise(problem, c, s), rhs) for c, s, rhs in each])  # type: ignore[arg-type]
    count = len(curvatures)
    missing = (1 << (count - 1).bit_length()) - count
    systems = [np.concatenate([a, np.repeat(a[-1:], missing, axis=0)]) for a in (curvatures, shifts, columns)]
    ends = problem.free_first, problem.free_last
    return task.call(_solve_each, problem.geometry, problem.theory.without_couplings, ends, *systems, late=True)[:count]


def negative(factors: Factors) -> int:
    """The number of negative eigenvalues.

    Raises
    ------
    ArithmeticError : in a task, if a block pivot is too close to singular to determine the count.
    """
    if isinstance(factors, lapack.HostFactors):
        return lapack.inertia(factors)[0]
    task = batching.current()
    assert task is not None
    count, uncertain = task.call(_negative, None, factors)
    if uncertain:
        raise ArithmeticError("the inertia is uncertain: a block pivot of the second variation is singular to 1e-9")
    return int(count)


def _factor(
    geo: functional.Geometry,
    theory: functional.Theory,
    curvature: Any,
    shift: Any,
    barrier: Any,
    free_first: Any,
    free_last: Any,
) -> batched.BatchedFactors:
    blocks = functional.hessian_blocks(geo, theory, curvature, shift, barrier)
    return batched.factor(blocks, free_first, free_last, theory.exterior)


def _solve(_: None, factors: batched.BatchedFactors, rhs: Any) -> Any:
    return batched.solve(factors, rhs)


def _solve_each(
    geo: functional.Geometry, theory: functional.Theory, ends: tuple[Any, Any], curvatures: Any, shifts: Any, rhs: Any
) -> Any:
    def one(curvature: Any, shift: Any, columns: Any) -> Any:
        return batched.solve(_factor(geo, theory, curvature, shift, 0.0, *ends), columns)

    return jax.vmap(one)(curvatures, shifts, rhs)


def _negative(_: None, factors: batched.BatchedFactors) -> Any:
    return batched.negative(factors)
