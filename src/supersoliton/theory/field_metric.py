r"""Kinetic terms :math:`\tfrac12u'^TK(u; p)u'` whose matrix depends on the fields, as in sigma models.

With the potential they make an energy density of z = (u, u'), whose derivatives serve the solvers. Fluctuations of
angular momentum l have the kinetic term :math:`K\,\eta'\eta' + K\,l(l+d-2)\,\eta\eta/r^2` and the norm
:math:`\int\eta^TK\eta`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from .base import AbstractModel, PotentialFunction
from .derivatives import PointKernels, point_kernels

_LEAST = 1e-40  # a K that vanishes with the fields has a power of the field that stands for 0 (TINY)


def with_kinetic(potential: Callable[..., Any], kinetic: Callable[..., Any]) -> Callable[..., Any]:
    """The density of (z, p, r) for V(u, p, r) and K(u, p)."""
    return functools.partial(_density, potential, kinetic)


def _density(potential: Any, kinetic: Any, z: Any, p: Mapping[str, Any], r: Any) -> Any:
    half = len(z) // 2
    u, slope = z[:half], z[half:]
    return 0.5 * slope @ as_matrix(kinetic(u, p), half) @ slope + potential(u, p, r)


def as_matrix(given: Any, n_fields: int) -> Any:
    """K as a matrix (field, field), from its diagonal or, for one field, a number."""
    given = jnp.asarray(given)
    return given if given.ndim == 2 else jnp.diag(jnp.broadcast_to(given, (n_fields,)))


def kinetic_shapes(n_fields: int) -> tuple[tuple[int, ...], ...]:
    """The shapes that K(u, p) may have."""
    own = ((n_fields, n_fields), (n_fields,))
    return (*own, ()) if n_fields == 1 else own


def metric_at(model: AbstractModel, u: Float[Array, "point field"]) -> Float[Array, "point field field"]:
    """K at points: constant kinetic factors as a matrix, or e_u'u' of a density at rest and r = 0."""
    n = model.n_fields
    if model.density_function is None:
        return np.broadcast_to(np.diag(model.kinetic), (len(u), n, n))
    z = np.concatenate([u, np.zeros_like(u)], axis=1)
    with np.errstate(all="ignore"):
        return point_kernels(model.density_function).hessian(z, model.params, np.zeros(len(u)))[:, n:, n:]


def by_slopes(density: PotentialFunction, params: Mapping[str, Any], u: Array, r: float) -> Array:
    """e_u'u' of constant fields at a radius, (field, field)."""
    z = np.concatenate([u, np.zeros_like(u)])[None]
    return point_kernels(density).hessian(z, params, np.array([float(r)]))[0][len(u) :, len(u) :]


@dataclass(frozen=True)
class RotatingNorm:
    """phi_c^T K(phi) phi_c = 2 [e(phi, phi_c) - e(phi, 0)] of a density e quadratic in the slopes, as a function of u.

    ``carries``: 1 for the fields in N, else 0. Its kernels are those of e: nothing is compiled again.
    """

    density: PotentialFunction
    carries: tuple[float, ...]

    def __call__(self, u: Any, p: Mapping[str, Any], r: Any) -> Any:
        turned, still = jnp.asarray(self.carries) * u, jnp.zeros_like(u)
        energies = [self.density(jnp.concatenate([u, slope]), p, r) for slope in (turned, still)]
        return 2.0 * (energies[0] - energies[1])

    def point_kernels(self) -> PointKernels:
        """The kernels, by the chain rule through u -> (u, u_c)."""
        inner, carries = point_kernels(self.density), np.array(self.carries)
        n = len(carries)

        def at(u: Any) -> tuple[Array, Array]:
            u = np.asarray(u)
            return np.concatenate([u, carries * u], axis=1), np.concatenate([u, np.zeros_like(u)], axis=1)

        def both(u: Any, p: Any, r: Any) -> tuple[Array, Array]:
            (value, slope), (still, force) = (inner.value_and_gradient(z, p, r) for z in at(u))
            return 2.0 * (value - still), 2.0 * (slope[:, :n] + carries * slope[:, n:] - force[:, :n])

        def hessian(u: Any, p: Any, r: Any) -> Array:
            turned, still = (inner.hessian(z, p, r) for z in at(u))
            mixed = turned[:, :n, n:] * carries
            twice = carries[:, None] * turned[:, n:, n:] * carries
            return 2.0 * (turned[:, :n, :n] + mixed + mixed.swapaxes(1, 2) + twice - still[:, :n, :n])

        def radial(u: Any, p: Any, r: Any) -> Array:
            turned, still = (inner.radial(z, p, r) for z in at(u))
            return 2.0 * (turned - still)

        return PointKernels(
            value=lambda u, p, r: both(u, p, r)[0],
            gradient=lambda u, p, r: both(u, p, r)[1],
            hessian=hessian,
            radial=radial,
            value_and_gradient=both,
        )


def is_positive_metric(matrix: Float[Array, "field field"]) -> bool:
    """Whether K is finite and positive definite."""
    return bool(np.all(np.isfinite(matrix)) and np.linalg.eigvalsh(matrix)[0] > _LEAST)


def check_positive_metric(owner: str, matrix: Float[Array, "field field"], shown: Array) -> None:
    """Raise ValueError unless K is positive definite at a homogeneous state; ``shown``: its fields."""
    if is_positive_metric(matrix):
        return
    raise ValueError(
        f"{owner}: kinetic must be positive, but at the fields {shown.tolist()} it is {np.asarray(matrix).tolist()}: "
        "correct K(u, p), or choose other fields, in which it is regular there"
    )
