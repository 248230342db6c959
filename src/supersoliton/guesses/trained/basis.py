r"""The reduced basis of a branch: proper orthogonal decomposition of a few states and their derivatives.

The modes are the leading singular vectors, in the metric M, of the states :math:`w_s = u_s - v` less their mean and of
their derivatives :math:`\partial w_s/\partial x_j` along the coordinates of the box:

.. math:: w \approx \bar w + \sum_k c_k\phi_k,\qquad \phi_k^TM\phi_l = \delta_{kl}.

With 32 states of a branch of `examples/quickstart.toml` the projection error of others is 5e-4 (relative, median); with
their derivatives and 64 modes it is 1e-5 (`docs/development/warm_start.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from ...elements.grid import RadialGrid
from ...problem.functional import geometry

# A derivative is weighted as the change of the state over a tenth of the box, whose coordinates have length 2.
_TANGENT_WEIGHT = 0.2


@dataclass(frozen=True, eq=False)
class Basis:
    """``mean`` and M-orthonormal ``modes`` of w (the fields less their vacuum) at the nodes of ``grid``."""

    grid: RadialGrid
    mean: Float[Array, "node field"]
    modes: Float[Array, "node field mode"]

    @property
    def size(self) -> int:
        return int(self.modes.shape[2])

    def expand(self, coefficients: Float[Array, " mode"]) -> Float[Array, "node field"]:
        """The fields w of given coefficients."""
        return self.mean + self.modes @ coefficients

    def project(self, w: Float[Array, "node field"]) -> Float[Array, " mode"]:
        """The coefficients of the L2 projection of w on the basis."""
        return np.einsum("aik,ai->k", self.modes, self.grid.mass @ (w - self.mean))

    @cached_property
    def at_points(self) -> Float[Array, "point field mode"]:
        """The modes at the quadrature points times the square roots of the weights, in single precision."""
        geo = geometry(self.grid)
        nodes, n, k = self.modes.shape
        local = self.modes.reshape(nodes, n * k)[geo.index]
        values = np.sqrt(geo.weights)[:, :, None] * (geo.values @ local)
        return np.asarray(values, np.float32).reshape(-1, n, k)

    @cached_property
    def _forms(self) -> dict[tuple[str, tuple[float, ...]], Float[Array, "mode mode"]]:
        return {}

    def stiffness(self, kinetic: Float[Array, " field"]) -> Float[Array, "mode mode"]:
        """sum_i k_i phi_ik^T K phi_il; cached, because all points of a scan have the same weights."""
        return self._form("stiffness", kinetic)

    def mass(self, weights: Float[Array, " field"]) -> Float[Array, "mode mode"]:
        """sum_i w_i phi_ik^T M phi_il; cached."""
        return self._form("mass", weights)

    def _form(self, name: str, weights: Array) -> Array:
        key = name, tuple(float(weight) for weight in weights)
        if key not in self._forms:
            matrix = getattr(self.grid, name)
            self._forms[key] = np.einsum("i,aik,ab,bil->kl", weights, self.modes, matrix, self.modes, optimize=True)
        return self._forms[key]


def make_basis(
    grid: RadialGrid, states: Float[Array, "state node field"], tangents: Float[Array, "tangent node field"], size: int
) -> Basis:
    """The basis of states w and their derivatives, with at most ``size`` modes."""
    root = np.linalg.cholesky(grid.mass)
    mean = states.mean(axis=0)
    rows = np.concatenate([states - mean, _TANGENT_WEIGHT * tangents.reshape(-1, *mean.shape)])
    flat = np.einsum("ba,sbi->sai", root, rows).reshape(len(rows), -1)
    _, strengths, vectors = np.linalg.svd(flat, full_matrices=False)
    count = min(size, int(np.sum(strengths > 1e-12 * strengths[0])))
    modes = vectors[:count].reshape(count, *mean.shape).transpose(1, 2, 0)
    columns = np.linalg.solve(root.T, modes.reshape(len(mean), -1))
    return Basis(grid, mean, np.ascontiguousarray(columns.reshape(modes.shape)))
