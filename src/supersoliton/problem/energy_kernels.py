r"""The energy of any theory on a mesh: of a potential (:mod:`.functional`), or of an energy density e(u, u', r; p).

.. math:: E = \sum_{e,q} w_{eq}\,e(u, u', r; p) + S_d\int_R^\infty r^{d-1}\,e(v, v', r; p)\,dr
              + g^T(u_N - v) + \tfrac12(u_N - v)^TX(u_N - v) ,

v being the fields far out (:mod:`.far_fields`). The second term is 0 unless the density is not 0 there, like that of a
magnetic charge; :math:`g = -S_dR^{d-1}e_{u'}(v, v', R)` is 0 unless v depends on r.
The last is the energy of massless fields, which decay like a power (:func:`.exterior.power_tails`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import RadialGrid
from ..theory.base import AbstractModel, PotentialFunction
from ..theory.derivatives import point_kernels
from .far_fields import outside
from .functional import Geometry, Kernels, Theory, assemble, at_points, potential_kernels


def kernels_of(model: AbstractModel) -> Kernels:
    """The energy of a theory and its derivatives."""
    density = model.density_function
    return (
        potential_kernels(model.potential_function)
        if density is None
        else density_kernels(density, around_vacuum=model.ends is None)
    )


@functools.lru_cache(maxsize=64)
def density_kernels(function: PotentialFunction, *, around_vacuum: bool = False) -> Kernels:
    """The energy of a density of z = (u, u'), and its derivatives.

    ``around_vacuum``: less that of the vacuum, as for a potential; nothing is subtracted where the ends of the theory
    make it finite.
    """
    kernels = point_kernels(function)

    def at_vacuum(kernel: Callable[..., Array], theory: Theory, radii: Array) -> Array:
        if not around_vacuum:
            return np.zeros(len(radii))
        return kernel(np.tile(np.append(theory.vacuum, 0.0 * theory.vacuum), (len(radii), 1)), theory.params, radii)

    def points(geo: Geometry, u: Array) -> tuple[Array, Array]:
        return with_slopes(geo, u), geo.radii.reshape(-1)

    def energy_and_gradient(
        geo: Geometry, theory: Theory, u: Array, offset: Array | None = None
    ) -> tuple[float, Array]:
        z, radii = points(geo, u)
        value, slope = kernels.value_and_gradient(z, theory.params, radii)
        with np.errstate(all="ignore"):  # solvers check that the energy is finite
            away = np.asarray(u)[-1] - theory.vacuum
            excess = value if offset is None else value - offset
            pull = theory.exterior @ away
            total = float(geo.weights.reshape(-1) @ excess) + theory.beyond + float((theory.pull + 0.5 * pull) @ away)
            return total, nodal(geo, slope, theory.pull + pull)

    def curvature(geo: Geometry, theory: Theory, u: Array) -> Array:
        z, radii = points(geo, u)
        return kernels.hessian(z, theory.params, radii).reshape(*geo.weights.shape, z.shape[1], z.shape[1])

    def parts(geo: Geometry, theory: Theory, u: Array, offset: Array, *, explicit_r: bool) -> dict[str, float]:
        z, radii = points(geo, u)
        weights, n = geo.weights.reshape(-1), u.shape[1]
        value, slope = kernels.value_and_gradient(z, theory.params, radii)
        tension = 0.5 * np.sum(z[:, n:] * slope[:, n:], axis=1)
        excess = value - offset - tension
        moved = np.zeros(len(radii))
        if explicit_r or not around_vacuum:
            moved = kernels.radial(z, theory.params, radii) - at_vacuum(kernels.radial, theory, radii)
        return {
            "gradient": float(weights @ tension),
            "potential": float(weights @ excess),
            "modulus": float(weights @ np.abs(excess if around_vacuum else value)),
            "radial": float(weights @ moved),
        }

    def edge(theory: Theory, u: Array, slope: Array, radius: float) -> float:
        z = np.concatenate([u, slope])[None]
        value, by = kernels.value_and_gradient(z, theory.params, np.array([radius]))
        return float(slope @ by[0, len(u) :] - value[0] + at_vacuum(kernels.value, theory, np.array([radius]))[0])

    def energy(geo: Geometry, theory: Theory, u: Array, offset: Array | None = None) -> float:
        return energy_and_gradient(geo, theory, u, offset)[0]

    return Kernels(energy, energy_and_gradient, curvature, parts, edge)


def with_slopes(geo: Geometry, u: Array) -> Array:
    """z = (u, u') at the quadrature points, (point, 2 field)."""
    z = np.concatenate(at_points(geo, np.asarray(u)), axis=2)
    return z.reshape(-1, z.shape[2])


def nodal(geo: Geometry, by: Array, last: Array) -> Array:
    """The derivative by nodal fields (node, field) of an integral, from that of its integrand by z (point, 2 field).

    ``last``: what is added at the last node.
    """
    by_field, by_slope = np.split(geo.weights[:, :, None] * by.reshape(*geo.weights.shape, -1), 2, axis=2)
    local = geo.values.swapaxes(1, 2) @ by_field + geo.slopes.swapaxes(1, 2) @ by_slope
    return assemble(local, last)


def negative_fields(model: AbstractModel, radius: float) -> tuple[str, ...]:
    """The fields whose gradient has a negative energy, as that of A_0 has: then the energy has saddles only."""
    if model.density_function is None or model.ends is None:
        return ()
    kinetic = np.diagonal(model.kinetic_at(model.ends.outer, radius))
    return tuple(name for name, k in zip(model.fields, kinetic, strict=True) if k < 0.0)


def energy_beyond(model: AbstractModel, grid: RadialGrid) -> tuple[float, Array]:
    """The energy outside the mesh of the fields far out, where a density has one there, and g of the module's text."""
    if model.density_function is None or model.ends is None:
        return 0.0, np.zeros(model.n_fields)
    far = outside(model, grid)
    return float(far.weights @ point_kernels(model.density_function).value(far.z, model.params, far.radii)), far.pull
