"""The factorised second variation, used by all solvers and certificates."""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from ..elements import lapack
from ..elements.lapack import HostFactors as Factors
from ..elements.lapack import solve
from . import functional
from .ends import eliminated_fields
from .problem import DiscreteProblem


def factorise(
    problem: DiscreteProblem,
    curvature: Array,
    shift: Array,
    *,
    ell: int = 0,
    free_first: Array | None = None,
    free_last: Array | None = None,
    exterior: Array | None = None,
) -> Factors:
    """The factors of -k lap_l + ``curvature`` + diag(``shift``) on the mesh of ``problem``.

    ``curvature``: (element, point, field, field), usually V'', or the Hessian of a density in (u, u'); ``shift``:
    (field,) multiples of the mass matrix. The conditions at the ends and the exterior are those of the problem at
    ``ell`` unless given.
    """
    barrier = float(ell * (ell + float(problem.grid.dim) - 2.0))
    first = problem.free_first if free_first is None else free_first
    last = problem.free_last if free_last is None else free_last
    geo, theory = problem.geometry, problem.theory_at(ell)
    outside = np.asarray(theory.exterior if exterior is None else exterior)
    entries, parts = functional.element_entries(geo, theory, np.asarray(curvature), np.asarray(shift), barrier)
    return lapack.factor(entries, parts, first, last, outside)


def inertia_of_eliminated(problem: DiscreteProblem, curvature: Array, shift: Array) -> tuple[int, int]:
    """Numbers of negative and positive eigenvalues of the second variation in the fields that a theory eliminates.

    With the others fixed; arguments as in :func:`factorise`. Those of the whole less these are those of the functional
    of the other fields (E. V. Haynsworth, *Linear Algebra Appl.* **1** (1968) 73).
    """
    chosen = np.flatnonzero(eliminated_fields(problem.model))
    if not len(chosen):
        return 0, 0
    n, theory = problem.model.n_fields, problem.theory
    both = np.concatenate([chosen, n + chosen])
    alone = theory._replace(kinetic=theory.kinetic[chosen])
    part = np.asarray(curvature)[..., both[:, None], both]
    entries, parts = functional.element_entries(problem.geometry, alone, part, np.asarray(shift)[chosen])
    ends = problem.free_first[chosen], problem.free_last[chosen]
    return lapack.inertia(lapack.factor(entries, parts, *ends, theory.exterior[np.ix_(chosen, chosen)]))


def solve_each(problem: DiscreteProblem, curvatures: Array, shifts: Array, columns: Array) -> Array:
    """Solutions (system, node, field, column) for several second variations of one problem.

    ``curvatures`` (system, element, point, field, field), ``shifts`` (system, field), ``columns`` of the same shape as
    the solutions.
    """
    each = zip(curvatures, shifts, columns, strict=True)
    return np.stack([solve(factorise(problem, c, s), rhs) for c, s, rhs in each])


def negative(factors: Factors) -> int:
    """The number of negative eigenvalues."""
    return lapack.inertia(factors)[0]
