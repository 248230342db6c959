"""The factorised second variation: the two kernels that every solver and certificate shares.

Compiled once per shape and kept on disk for all potentials; right-hand sides always come as three columns.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from numpy import ndarray as Array

from .. import functional
from ..linalg import condensed
from ..problem import Problem

_COLUMNS = 3


@jax.jit
def _factor_kernel(
    geo: functional.Geometry,
    frame: functional.Theory,
    curvature: Any,
    shift: Any,
    barrier: Any,
    free_first: Any,
    free_last: Any,
) -> condensed.Factor:
    blocks = functional.hessian_blocks(geo, frame, curvature, shift, barrier)
    return condensed.factor(blocks, free_first, free_last, frame.exterior)


_solve_kernel = jax.jit(condensed.solve)


def factorise(
    problem: Problem, curvature: Any, shift: Any, *, ell: int = 0, free_first: Any = None
) -> condensed.Factor:
    """The factors of -k lap_l + ``curvature`` + diag(``shift``) on the mesh of ``problem``.

    ``curvature``: (element, point, field, field), usually V''; ``shift``: (field,) multiples of the mass matrix.
    """
    assert problem.grid is not None
    barrier = float(ell * (ell + float(problem.grid.dim) - 2.0))
    first = problem.free_first if free_first is None else free_first
    frame = problem.theory_at(ell).frame
    return _factor_kernel(problem.geometry, frame, curvature, shift, barrier, first, problem.free_last)


def solve(factors: condensed.Factor, *columns: Any) -> Array:
    """Solutions (node, field, column) for up to three right-hand sides (node, field)."""
    rhs = [np.asarray(c) for c in columns]
    rhs += [np.zeros_like(rhs[0])] * (_COLUMNS - len(rhs))
    return np.asarray(_solve_kernel(factors, np.stack(rhs, axis=2)))[:, :, : len(columns)]
