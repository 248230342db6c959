"""The factorised second variation, which every solver and certificate shares.

On the host (:mod:`supersoliton.linalg.host`): one problem at a time needs no compiled linear algebra.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray as Array

from .. import functional
from ..linalg import host
from ..problem import Problem


def factorise(problem: Problem, curvature: Any, shift: Any, *, ell: int = 0, free_first: Any = None) -> host.Factor:
    """The factors of -k lap_l + ``curvature`` + diag(``shift``) on the mesh of ``problem``.

    ``curvature``: (element, point, field, field), usually V''; ``shift``: (field,) multiples of the mass matrix.
    """
    assert problem.grid is not None
    barrier = float(ell * (ell + float(problem.grid.dim) - 2.0))
    first = problem.free_first if free_first is None else free_first
    frame = problem.theory_at(ell).frame
    blocks = functional.hessian_blocks(problem.geometry, frame, np.asarray(curvature), np.asarray(shift), barrier)
    return host.factor(blocks, first, problem.free_last, np.asarray(frame.exterior))


def solve(factors: host.Factor, *columns: Any) -> Array:
    """Solutions (node, field, column) for any number of right-hand sides (node, field)."""
    return host.solve(factors, np.stack(columns, axis=2))
