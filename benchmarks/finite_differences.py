r"""The usual alternative: second-order finite differences, SciPy's L-BFGS-B, ARPACK in shift-invert mode.

Cells of width h have their centres at :math:`r_i = (i + 1/2) h`, so no division by r = 0 occurs:

.. math:: E = 4\pi\sum_i h\,r_i^2\,[V(u_i) - V_\infty]
          + \tfrac12 4\pi\sum_{faces} \bar r^2\,|u_{i+1} - u_i|^2/h,

with the vacuum at r = R, half a cell beyond the last centre. The norm is fixed by rescaling the octaves, the gradient
is analytic and everything is vectorised. The variables are :math:`y_i = \sqrt{w_i}u_i`, w_i the weight of a cell: the
Hessian then gives a standard eigenproblem, and L-BFGS-B converges far faster than in u.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy import ndarray as Array
from scipy.optimize import minimize
from scipy.sparse.linalg import eigsh

import supersoliton as ss


class Theory:
    """V, V' and V'' of :class:`supersoliton.OctaveHiggs` at many points, written in NumPy."""

    def __init__(self, model: ss.OctaveHiggs) -> None:
        m, n = model, model.n_octaves
        decay = 2.0 ** (-m.beta * np.arange(n))
        # the quadratic couplings as one matrix
        self.coupling = np.diag(m.lambda_1 * decay[: n - 1], 1) + np.diag(m.lambda_2 * decay[: max(n - 2, 0)], 2)
        self.coupling = self.coupling + self.coupling.T + m.m0_squared * np.eye(n)
        self.quartic, self.sextic = m.quartic_sign * m.g, m.delta
        self.mu, self.higgs, self.yukawa = m.mu_squared, m.lambda_H, m.g_yukawa
        self.vacuum = np.zeros(n + 1)
        self.vacuum[-1] = math.sqrt(max(-m.mu_squared / m.lambda_H, 0.0))
        self.energy_of_vacuum = self.value_and_slope(self.vacuum[None])[0][0]

    def value_and_slope(self, u: Array) -> tuple[Array, Array]:
        psi, phi = u[:, :-1], u[:, -1]
        square, phi2 = psi * psi, phi * phi
        total = np.sum(square, axis=1)
        linear = psi @ self.coupling
        value = 0.5 * np.sum(linear * psi, axis=1) + np.sum(
            square * square * (0.25 * self.quartic + 0.125 * self.sextic * square), axis=1
        )
        value += phi2 * (0.5 * self.mu + 0.25 * self.higgs * phi2 + self.yukawa * total)
        slope = np.empty_like(u)
        slope[:, :-1] = linear + psi * (square * (self.quartic + 0.75 * self.sextic * square))
        slope[:, :-1] += 2.0 * self.yukawa * phi2[:, None] * psi
        slope[:, -1] = phi * (self.mu + self.higgs * phi2 + 2.0 * self.yukawa * total)
        return value, slope

    def curvature(self, u: Array) -> Array:
        """V'', (point, field, field)."""
        psi, phi = u[:, :-1], u[:, -1]
        n = psi.shape[1]
        out = np.zeros((len(u), n + 1, n + 1))
        out[:, :n, :n] = self.coupling
        square = psi * psi
        diagonal = square * (3.0 * self.quartic + 3.75 * self.sextic * square) + 2.0 * self.yukawa * phi[:, None] ** 2
        out[:, np.arange(n), np.arange(n)] += diagonal
        out[:, :n, n] = out[:, n, :n] = 4.0 * self.yukawa * phi[:, None] * psi
        out[:, n, n] = self.mu + 3.0 * self.higgs * phi * phi + 2.0 * self.yukawa * np.sum(square, axis=1)
        return out


@dataclass(frozen=True)
class Found:
    """Result and cost of the finite differences."""

    u: Array  # (cell, field)
    energy: float
    multiplier: float
    eigenvalues: Array
    message: str
    iterations: int
    evaluations: int
    minimise_seconds: float
    spectrum_seconds: float

    @property
    def seconds(self) -> float:
        return self.minimise_seconds + self.spectrum_seconds


class FiniteDifferences:
    """E on ``cells`` cells of [0, R] at fixed norm."""

    def __init__(self, model: ss.OctaveHiggs, norm: float, r_max: float, cells: int) -> None:
        self.theory, self.norm, self.cells = Theory(model), norm, cells
        self.h = r_max / cells
        self.r = (np.arange(cells) + 0.5) * self.h
        self.weight = 4.0 * math.pi * self.h * self.r**2
        self.root = np.sqrt(self.weight)[:, None]
        # 4 pi r^2 / h of the faces to the right of each cell; half a cell to the boundary
        self.face = 4.0 * math.pi * (self.r + 0.5 * self.h)[:, None] ** 2 / self.h
        self.face[-1] *= 2.0

    def start(self, guess: Any) -> Array:
        """y of a guess added to the vacuum."""
        u = np.tile(self.theory.vacuum, (self.cells, 1))
        u[:, guess.field] += guess.amplitude * guess.shape(self.r)
        return (u * self.root).ravel()

    def fields(self, y: Array) -> tuple[Array, float]:
        """u scaled to the norm, and the factor of the scaling."""
        z = y.reshape(self.cells, -1)
        scale = math.sqrt(self.norm / np.sum(z[:, :-1] ** 2))
        u = z / self.root
        u[:, :-1] *= scale
        return u, scale

    def energy_and_slope(self, u: Array) -> tuple[float, Array]:
        """E and dE/du."""
        value, slope = self.theory.value_and_slope(u)
        jump = np.diff(u, axis=0, append=self.theory.vacuum[None])
        flux = self.face * jump
        energy = self.weight @ (value - self.theory.energy_of_vacuum) + 0.5 * np.sum(flux * jump)
        out = self.weight[:, None] * slope - flux
        out[1:] += flux[:-1]
        return float(energy), out

    def objective(self, y: Array) -> tuple[float, Array]:
        """E and its gradient with respect to y, including the rescaling of the octaves."""
        u, scale = self.fields(y)
        energy, slope = self.energy_and_slope(u)
        out = slope / self.root
        z = y.reshape(self.cells, -1)[:, :-1]
        along = np.sum(out[:, :-1] * z) / np.sum(z * z)
        out[:, :-1] = scale * (out[:, :-1] - along * z)
        return energy, out.ravel()

    def hessian(self, u: Array, multiplier: float) -> Any:
        """The sparse symmetric matrix of the second variation minus omega^2, in y."""
        n = u.shape[1]
        blocks = self.theory.curvature(u)
        blocks[:, np.arange(n - 1), np.arange(n - 1)] -= multiplier
        stiff = self.face[:, 0].copy()
        stiff[1:] += self.face[:-1, 0]
        blocks[:, np.arange(n), np.arange(n)] += (stiff / self.weight)[:, None]
        diagonal = scipy.sparse.bsr_array((blocks, np.arange(len(u)), np.arange(len(u) + 1)))
        off_diagonal = np.repeat(-self.face[:-1, 0] / np.sqrt(self.weight[:-1] * self.weight[1:]), n)
        return (diagonal + scipy.sparse.diags_array([off_diagonal, off_diagonal], offsets=[-n, n])).tocsc()

    def solve(self, guess: Any, modes: int, *, tolerance: float = 1e-9, max_seconds: float = 60.0) -> Found:
        """Minimise E, then compute the lowest eigenvalues; ``tolerance`` is the ftol of L-BFGS-B."""
        start = time.process_time()

        def watch(*_: Any) -> None:
            if time.process_time() - start > max_seconds:
                raise StopIteration

        options = {"ftol": tolerance, "gtol": 1e-12, "maxiter": 100_000, "maxfun": 200_000, "maxcor": 20}
        result = minimize(
            self.objective, self.start(guess), jac=True, method="L-BFGS-B", callback=watch, options=options
        )
        u, _ = self.fields(result.x)
        energy, slope = self.energy_and_slope(u)
        multiplier = float(np.sum(u[:, :-1] * slope[:, :-1]) / self.norm)
        between = time.process_time()
        values = eigsh(self.hessian(u, multiplier), k=modes, sigma=0.0, return_eigenvectors=False)
        end = time.process_time()
        return Found(
            u, energy, multiplier, np.sort(values), str(result.message), int(result.nit), int(result.nfev),
            between - start, end - between,
        )  # fmt: skip
