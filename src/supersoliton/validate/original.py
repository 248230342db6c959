r"""The discretisation of ``parameter_scan_supersoliton_v39_STABLE_HIERARCHY.py`` ("the script"), with its bugs: one
octave and the Higgs field on uniform points of [0, R].

* the flux form :math:`r^{-2}(r^2f')'` of the Laplacian with ``numpy.gradient`` applied twice and r floored at 1e-9,
  which divides the first value by 1e-18;
* the "L'Hospital" patch :math:`\nabla^2f\to3f''` at the first two points, with f'' again by ``numpy.gradient``, whose
  one-sided differences give 1/2 and 3/4 of it there;
* the functional derivative :math:`-\nabla^2u+V'` handed to L-BFGS-B as the gradient of
  :math:`E=4\pi\int r^2(\tfrac12u'^2+V)dr`; the gradient has an additional weight :math:`4\pi r^2dr`.

For use in this room only.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array
from scipy.optimize import minimize

FLOOR = 1e-9  # lower limit of r in divisions
COUPLINGS = {"m0_squared": 0.5, "g": 1.0, "quartic_sign": -1.0, "delta": 0.2, "mu_squared": 1.0, "lambda_H": 0.1,
             "g_yukawa": 0.5}  # fmt: skip


def flux_laplacian(f: Array, r: Array, *, floor: float = FLOOR, patched: bool = False) -> Array:
    """r^-2 (r^2 f')' by numpy.gradient on uniform points; ``patched``: 3 f'' at the first two."""
    h = r[1] - r[0]
    radius = np.maximum(r, floor)
    slope = np.gradient(f, h)
    out = np.gradient(radius**2 * slope, h) / radius**2
    if patched:
        out[:2] = 3.0 * np.gradient(slope, h)[:2]
    return out


@dataclass(frozen=True)
class Descent:
    """Result of L-BFGS-B; ``norm`` and ``norm_at_start`` are those of the functional derivative at the points."""

    u: Float[Array, "2 point"]
    energy: float
    norm: float
    norm_at_start: float
    iterations: int
    message: str


@dataclass(frozen=True)
class Original:
    """One octave and the Higgs field on ``points`` uniform radii from 0 to ``r_max``."""

    points: int = 800
    r_max: float = 25.0

    @functools.cached_property
    def r(self) -> Array:
        return np.linspace(0.0, self.r_max, self.points)

    @property
    def h(self) -> float:
        return float(self.r[1] - self.r[0])

    def start(self) -> Array:
        return np.tile(0.1 * np.exp(-(self.r**2) / 50.0), 2)

    def potential(self, x: Array) -> tuple[Array, Array]:
        """V and (dV/dPsi, dV/dPhi) at the points."""
        c = COUPLINGS
        psi, phi = x.reshape(2, -1)
        quartic = c["quartic_sign"] * c["g"]
        value = 0.5 * c["m0_squared"] * psi**2 + 0.25 * quartic * psi**4 + 0.125 * c["delta"] * psi**6
        value += 0.5 * c["mu_squared"] * phi**2 + 0.25 * c["lambda_H"] * phi**4 + c["g_yukawa"] * phi**2 * psi**2
        force = c["m0_squared"] * psi + quartic * psi**3 + 0.75 * c["delta"] * psi**5
        force += 2.0 * c["g_yukawa"] * phi**2 * psi
        higgs = c["mu_squared"] * phi + c["lambda_H"] * phi**3 + 2.0 * c["g_yukawa"] * psi**2 * phi
        return value, np.stack([force, higgs])

    def energy(self, x: Array) -> float:
        slopes = np.gradient(x.reshape(2, -1), self.h, axis=1)
        density = 0.5 * np.sum(slopes**2, axis=0) + self.potential(x)[0]
        return float(4.0 * np.pi * np.trapezoid(self.r**2 * density, self.r))

    def functional_derivative(self, x: Array) -> Array:
        """-lap u + V' at the points, which the script uses as the gradient."""
        fields = x.reshape(2, -1)
        laplacian = np.stack([flux_laplacian(f, self.r, patched=True) for f in fields])
        return (self.potential(x)[1] - laplacian).ravel()

    def gradient(self, x: Array) -> Array:
        """The exact gradient of :meth:`energy`."""
        fields = x.reshape(2, -1)
        weights = 4.0 * np.pi * self.r**2 * self.h
        weights[[0, -1]] *= 0.5
        slopes = fields @ self._derivative.T
        return ((weights * slopes) @ self._derivative + weights * self.potential(x)[1]).ravel()

    @functools.cached_property
    def _derivative(self) -> Array:
        """numpy.gradient as a matrix."""
        return np.asarray(np.gradient(np.eye(self.points), self.h, axis=0))

    def descend(self, *, consistent: bool = False) -> Descent:
        """L-BFGS-B from the start; with ``consistent`` the exact gradient replaces the functional derivative."""
        x = self.start()
        if consistent:
            # The variables are the fields times the square root of their weight, which conditions the problem well.
            # The first point has weight 0; it uses the weight at r = h/2.
            root = np.sqrt(4.0 * np.pi * self.h) * np.tile(np.maximum(self.r, 0.5 * self.h), 2)
            options = {"ftol": 0.0, "gtol": 1e-13, "maxiter": 3000, "maxfun": 6000, "maxcor": 30}
            end = minimize(lambda y: self.energy(y / root), x * root, jac=lambda y: self.gradient(y / root) / root,
                           method="L-BFGS-B", options=options)  # fmt: skip
            end.x = end.x / root
        else:
            tolerances = {"ftol": 1e-9, "gtol": 1e-6}  # the script's
            end = minimize(self.energy, x, jac=self.functional_derivative, method="L-BFGS-B", options=tolerances)
        norm, first = (float(np.linalg.norm(self.functional_derivative(point))) for point in (end.x, x))
        message = str(end.message).strip().rstrip(":")
        return Descent(end.x.reshape(2, -1), float(end.fun), norm, first, int(end.nit), message)


@functools.cache
def descended(points: int = 800, *, consistent: bool = False) -> Descent:
    """The descent on this many points, cached."""
    return Original(points).descend(consistent=consistent)
