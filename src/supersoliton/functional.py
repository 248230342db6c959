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
from jaxtyping import Float, Int

from . import engine
from .engine import AnyArray as Array
from .grid import RadialGrid
from .models.base import PotentialFunction

# A field of exactly zero is evaluated here, so that potentials such as u^2 ln u^2, whose derivatives JAX finds to be
# 0 * infinity at u = 0, take their limit (1e-45: its sixth power is still a number). For a smooth potential the change is far below the smallest rounding error.
_TINY = 1e-45


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
        return self.index.shape[0] * (self.index.shape[1] - 1) + 1


class Theory(NamedTuple):
    """Everything of the energy that is a number: couplings, kinetic factors, boundary state, exterior."""

    params: Mapping[str, Any]
    kinetic: Float[Array, " field"]
    vacuum: Float[Array, " field"]
    exterior: Float[Array, "field field"]


class Pointwise(NamedTuple):
    """The potential and its derivatives at the quadrature points."""

    value: Float[Array, "element point"]
    gradient: Float[Array, "element point field"]
    hessian: Float[Array, "element point field field"]


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


def _away_from_zero(u: Array) -> Array:
    return jnp.where(jnp.abs(u) < _TINY, jnp.where(u < 0, -_TINY, _TINY), u)


@functools.lru_cache(maxsize=64)
def _point_functions(function: PotentialFunction) -> tuple[Callable, Callable, Callable]:
    """V, dV/du and d2V/du2 over a list of points: (point field), params, (point) -> ..."""

    def value(u: Array, params: Any, r: Array) -> Array:
        return jax.vmap(function, in_axes=(0, None, 0))(_away_from_zero(u), params, r)

    def gradient(u: Array, params: Any, r: Array) -> Array:
        return jax.vmap(jax.grad(function), in_axes=(0, None, 0))(_away_from_zero(u), params, r)

    def hessian(u: Array, params: Any, r: Array) -> Array:
        matrix = jax.vmap(jax.hessian(function), in_axes=(0, None, 0))(_away_from_zero(u), params, r)
        return 0.5 * (matrix + jnp.swapaxes(matrix, -1, -2))

    return value, gradient, hessian


@functools.lru_cache(maxsize=64)
def point_kernels(function: PotentialFunction) -> tuple[Callable, Callable, Callable]:
    """Compiled V, dV and d2V over points, for homogeneous states and thresholds."""
    engine.enable_compilation_cache()
    value, gradient, hessian = _point_functions(function)
    return jax.jit(value), jax.jit(gradient), jax.jit(hessian)


@functools.lru_cache(maxsize=64)
def potential_kernels(function: PotentialFunction) -> tuple[Callable, Callable, Callable]:
    """Compiled ``energy(geometry, theory, u)``, its gradient ``(node field)`` and :class:`Pointwise` of a potential."""
    engine.enable_compilation_cache()

    def pointwise_kernel(geo: Geometry, theory: Theory, u: Array) -> Pointwise:
        return pointwise(function, geo, theory, u)

    def gradient_kernel(geo: Geometry, theory: Theory, u: Array) -> Array:
        return gradient(geo, theory, u, _slopes_of_potential(function, geo, theory, u))

    return jax.jit(functools.partial(energy, function)), jax.jit(gradient_kernel), jax.jit(pointwise_kernel)


def at_points(geo: Geometry, u: Float[Array, "node field"]) -> tuple[Array, Array]:
    """u and u' at the quadrature points, each (element, point, field)."""
    local = u[geo.index]
    return jnp.einsum("eqa,eai->eqi", geo.values, local), jnp.einsum("eqa,eai->eqi", geo.slopes, local)


def energy(
    function: PotentialFunction, geo: Geometry, theory: Theory, u: Float[Array, "node field"]
) -> Float[Array, ""]:
    """The discrete energy: the single definition from which everything else is derived."""
    value, _, _ = _point_functions(function)
    n = u.shape[1]
    fields, slopes = at_points(geo, u)
    radii = geo.radii.reshape(-1)
    background = jnp.broadcast_to(theory.vacuum, (radii.shape[0], n))
    density = value(fields.reshape(-1, n), theory.params, radii) - value(background, theory.params, radii)
    density = density.reshape(geo.weights.shape) + 0.5 * jnp.einsum("eqi,i->eq", slopes**2, theory.kinetic)
    outside = u[-1] - theory.vacuum
    return jnp.sum(geo.weights * density) + 0.5 * outside @ theory.exterior @ outside


def energy_parts(
    function: PotentialFunction, geo: Geometry, theory: Theory, u: Float[Array, "node field"]
) -> dict[str, Array]:
    """Gradient energy T, potential energy U, its modulus, and int r dV/dr (explicit r), all inside the domain."""
    value, _, _ = _point_functions(function)
    n = u.shape[1]
    fields, slopes = at_points(geo, u)
    flat, radii = fields.reshape(-1, n), geo.radii.reshape(-1)
    background = jnp.broadcast_to(theory.vacuum, flat.shape)

    def density(r: Array) -> Array:
        return value(flat, theory.params, r) - value(background, theory.params, r)

    potential, radial = jax.jvp(density, (radii,), (radii,))  # V and r dV/dr at fixed fields
    weights = geo.weights.reshape(-1)
    return {
        "gradient": 0.5 * jnp.sum(geo.weights * jnp.einsum("eqi,i->eq", slopes**2, theory.kinetic)),
        "potential": weights @ potential,
        "modulus": weights @ jnp.abs(potential),
        "radial": weights @ radial,
    }


def pointwise(function: PotentialFunction, geo: Geometry, theory: Theory, u: Float[Array, "node field"]) -> Pointwise:
    """V, V' and V'' at the quadrature points."""
    value, gradient_, hessian_ = _point_functions(function)
    n = u.shape[1]
    fields, _ = at_points(geo, u)
    flat, radii = fields.reshape(-1, n), geo.radii.reshape(-1)
    shape = geo.weights.shape
    return Pointwise(
        value(flat, theory.params, radii).reshape(shape),
        gradient_(flat, theory.params, radii).reshape(*shape, n),
        hessian_(flat, theory.params, radii).reshape(*shape, n, n),
    )


def _slopes_of_potential(function: PotentialFunction, geo: Geometry, theory: Theory, u: Array) -> Array:
    fields, _ = at_points(geo, u)
    flat, radii = fields.reshape(-1, u.shape[1]), geo.radii.reshape(-1)
    return _point_functions(function)[1](flat, theory.params, radii).reshape(fields.shape)


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
