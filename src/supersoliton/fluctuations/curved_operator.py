r"""The second variation where the kinetic matrix depends on the fields: :math:`A\eta = \lambda M_K\eta`.

:math:`M_K` is the matrix of :math:`\int\eta^TK(u)\eta`, the norm that the time derivatives of fluctuations have, so
that the eigenvalues are frequencies squared in any choice of the fields.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy import ndarray as Array

from ..elements import lapack
from ..machine.arithmetic import numerical
from ..problem import functional
from ..problem.problem import DiscreteProblem
from ..problem.tangent_space import TangentSpace


class KineticMass:
    """M_K at a point, from the Hessian of the density (element, point, 2 field, 2 field) at the quadrature points."""

    def __init__(self, problem: DiscreteProblem, curvature: Array) -> None:
        n = problem.model.n_fields
        self.weight = np.zeros_like(curvature)
        self.weight[..., :n, :n] = curvature[..., n:, n:]
        self.blocks = functional.density_blocks(problem.geometry, self.weight, np.zeros(n))

    def __matmul__(self, v: Array) -> Array:
        """M_K v of a field (node, field)."""
        n = v.shape[1]
        return lapack.matvec(self.blocks, np.zeros((n, n)), v[:, :, None])[:, :, 0]


class CurvedOperator:
    """A and M_K on all free values of the nodes; ``matrix`` is L^-1 A L^-T with M_K = L L^T."""

    deltas = None

    @numerical
    def __init__(self, problem: DiscreteProblem, u: Array, multiplier: float, ell: int) -> None:
        self.space = TangentSpace(problem, u, multiplier, ell=ell, constraints=np.empty((*u.shape, 0)))
        self.curvature = self.space.curvature[..., : u.shape[1], : u.shape[1]]
        mass = KineticMass(problem, self.space.curvature)
        exterior = np.asarray(problem.theory_at(ell).exterior)
        self.free = np.flatnonzero(self.space.free.ravel())
        self.lower = scipy.linalg.cholesky(self._dense(mass.blocks, 0.0 * exterior), lower=True)
        half = scipy.linalg.solve_triangular(self.lower, self._dense(self.space.blocks, exterior), lower=True)
        whole = scipy.linalg.solve_triangular(self.lower, half.T, lower=True)
        self.matrix = 0.5 * (whole + whole.T)

    def _dense(self, blocks: Array, exterior: Array) -> Array:
        """The sum of element matrices on the free unknowns."""
        index, n = self.space.problem.geometry.index, len(exterior)
        out = np.zeros((self.space.u.size, self.space.u.size))
        for block, nodes in zip(blocks, index, strict=True):
            at = (nodes[:, None] * n + np.arange(n)).ravel()
            out[np.ix_(at, at)] += block
        out[-n:, -n:] += exterior
        return out[np.ix_(self.free, self.free)]

    def nodal(self, vectors: Array) -> Array:
        """Mode functions at the nodes, (node, field, mode), from eigenvectors of the matrix."""
        out = np.zeros((self.space.u.size, vectors.shape[1]))
        out[self.free] = scipy.linalg.solve_triangular(self.lower, vectors, trans="T", lower=True)
        return out.reshape(*self.space.u.shape, -1)
