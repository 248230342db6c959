r"""The discrete energy, and its exact derivatives.

.. math::
    E[u] = \sum_{e,q} w_{eq}\left[\tfrac12\sum_i k_i (u_i')^2 + V(u; p, r) - V(u_\infty; p, r)\right]
         + \tfrac12 (u_N - u_\infty)^T X (u_N - u_\infty)

over elements e and quadrature points q; ``X`` is the energy of the region outside the domain where the fields obey the
linearised equation (zero unless the boundary is "decaying"). :func:`energy` is the only definition: the gradient
and the Hessian blocks are the chain rule through the linear maps u -> (u, u') at the quadrature points, with the
derivatives of V taken by JAX.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from .engine import AnyArray as Array
from .grid import RadialGrid
from .models.base import PotentialFunction
from .pointwise import PointKernels, point_functions, point_kernels


class Geometry(NamedTuple):
    """A grid as arrays: what kernels receive, so that grids of equal shape share compiled code."""

    values: Float[Array, "element point a"]
    slopes: Float[Array, "element point a"]
    weights: Float[Array, "element point"]
    radii: Float[Array, "element point"]
    mass: Float[Array, "element a a"]
    index: Int[Array, "element a"]

    @property
    def n_nodes(self) -> int:
        return int(self.index.shape[0] * (self.index.shape[1] - 1) + 1)


class Theory(NamedTuple):
    """Everything of the energy that is a number: couplings, kinetic factors, boundary state, exterior."""

    params: Mapping[str, Any]
    kinetic: Float[Array, " field"]
    vacuum: Float[Array, " field"]
    exterior: Float[Array, "field field"]

    @property
    def frame(self) -> Theory:
        """Without the couplings: what kernels that never see V receive, so that all models share them."""
        return self._replace(params={})


@functools.lru_cache(maxsize=16)
def geometry(grid: RadialGrid) -> Geometry:
    return Geometry(
        values=jnp.asarray(grid.interpolation),
        slopes=jnp.asarray(grid.derivative),
        weights=jnp.asarray(grid.quadrature_weights),
        radii=jnp.asarray(grid.quadrature_points),
        mass=jnp.asarray(grid.element_matrices(of="mass")),
        index=jnp.asarray(grid.element_nodes),
    )


@jax.jit
def _points_kernel(geo: Geometry, u: Array) -> Array:
    fields, _ = at_points(geo, u)
    return fields.reshape(-1, u.shape[1])


@jax.jit
def _assemble_kernel(geo: Geometry, frame: Theory, u: Array, excess: Array, slope: Array) -> tuple[Array, Array]:
    shape = geo.weights.shape
    total = energy_from_density(geo, frame, u, excess.reshape(shape))
    return total, gradient(geo, frame, u, slope.reshape(*shape, u.shape[1]))


@functools.lru_cache(maxsize=64)
def potential_kernels(function: PotentialFunction) -> tuple[Callable, Callable, Callable]:
    """Compiled ``energy(geometry, theory, u)``, (energy, gradient), and V'' at the quadrature points.

    Only the potential at points is compiled per model; the rest is shared (see :mod:`.pointwise`).
    """
    kernels = point_kernels(function)

    def energy_and_gradient(geo: Geometry, theory: Theory, u: Array) -> tuple[Array, Array]:
        radii = np.asarray(geo.radii).reshape(-1)
        value, slope = kernels.value_and_gradient(_points_kernel(geo, u), theory.params, radii)
        return _assemble_kernel(geo, theory.frame, u, value - background(kernels, theory, radii), slope)

    def curvature(geo: Geometry, theory: Theory, u: Array) -> Array:
        n = u.shape[1]
        matrix = kernels.hessian(_points_kernel(geo, u), theory.params, np.asarray(geo.radii).reshape(-1))
        return matrix.reshape(*geo.weights.shape, n, n)

    def energy_(geo: Geometry, theory: Theory, u: Array) -> Array:
        return energy_and_gradient(geo, theory, u)[0]

    return energy_, energy_and_gradient, curvature


def background(kernels: PointKernels, theory: Theory, radii: Array) -> Array:
    """V of the vacuum at each radius."""
    return kernels.value(np.tile(np.asarray(theory.vacuum), (len(radii), 1)), theory.params, radii)


def at_points(geo: Geometry, u: Float[Array, "node field"]) -> tuple[Array, Array]:
    """u and u' at the quadrature points, each (element, point, field)."""
    local = u[geo.index]
    return jnp.einsum("eqa,eai->eqi", geo.values, local), jnp.einsum("eqa,eai->eqi", geo.slopes, local)


def energy(
    function: PotentialFunction, geo: Geometry, theory: Theory, u: Float[Array, "node field"]
) -> Float[Array, ""]:
    """The discrete energy: the single definition from which everything else is derived."""
    value, _, _ = point_functions(function)
    n = u.shape[1]
    fields, _ = at_points(geo, u)
    radii = geo.radii.reshape(-1)
    still = jnp.broadcast_to(theory.vacuum, (radii.shape[0], n))
    excess = value(fields.reshape(-1, n), theory.params, radii) - value(still, theory.params, radii)
    return energy_from_density(geo, theory, u, excess.reshape(geo.weights.shape))


def energy_from_density(
    geo: Geometry, theory: Theory, u: Float[Array, "node field"], excess: Float[Array, "element point"]
) -> Float[Array, ""]:
    """The sum of the module's formula, from V - V_infinity at the quadrature points."""
    _, slopes = at_points(geo, u)
    density = excess + 0.5 * jnp.einsum("eqi,i->eq", slopes**2, theory.kinetic)
    outside = u[-1] - theory.vacuum
    return jnp.sum(geo.weights * density) + 0.5 * outside @ theory.exterior @ outside


def gradient(
    geo: Geometry, theory: Theory, u: Float[Array, "node field"], slope: Float[Array, "element point field"]
) -> Float[Array, "node field"]:
    """dE/du from dV/du at the quadrature points."""
    _, du = at_points(geo, u)
    local = jnp.einsum("eq,eqa,eqi->eai", geo.weights, geo.values, slope)
    local = local + jnp.einsum("eq,eqa,eqi->eai", geo.weights, geo.slopes, du * theory.kinetic)
    total = jnp.zeros_like(u).at[geo.index].add(local)
    return total.at[-1].add(theory.exterior @ (u[-1] - theory.vacuum))


def hessian_blocks(
    geo: Geometry,
    theory: Theory,
    curvature: Float[Array, "element point field field"],
    shift: Float[Array, " field"],
    centrifugal: float | Array = 0.0,
) -> Float[Array, "element size size"]:
    r"""Element matrices of d2E/du2 + shift_i M, plus :math:`k_i\,c/r^2` (c = l(l + d - 2)), without the exterior."""
    n = theory.kinetic.shape[0]
    n_elements, _, size = geo.values.shape
    weighted = geo.weights[:, :, None] * geo.values
    barrier = (centrifugal / geo.radii**2)[..., None] * theory.kinetic + shift
    full = curvature + jnp.eye(n) * barrier[..., None, :]
    pairs = jnp.einsum("eqa,eqb->eqab", weighted, geo.values).reshape(n_elements, -1, size * size)
    potential = jnp.einsum("eqx,eqy->exy", pairs, full.reshape(n_elements, -1, n * n))
    potential = potential.reshape(n_elements, size, size, n, n).transpose(0, 1, 3, 2, 4)
    stiffness = jnp.einsum("eq,eqa,eqb->eab", geo.weights, geo.slopes, geo.slopes)
    kinetic = jnp.einsum("eab,ij->eaibj", stiffness, jnp.diag(theory.kinetic))
    return (potential + kinetic).reshape(n_elements, size * n, size * n)


def mass_times(geo: Geometry, u: Float[Array, "node field"]) -> Float[Array, "node field"]:
    """M u: the functional derivative of 1/2 int sum u^2."""
    return jnp.zeros_like(u).at[geo.index].add(jnp.einsum("eab,ebi->eai", geo.mass, u[geo.index]))


def mass_blocks(geo: Geometry, n: int) -> Float[Array, "element size size"]:
    """Element matrices of M for n fields (node-major)."""
    n_elements, size, _ = geo.mass.shape
    return jnp.einsum("eab,ij->eaibj", geo.mass, jnp.eye(n)).reshape(n_elements, size * n, size * n)
