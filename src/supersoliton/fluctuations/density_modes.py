r"""Fluctuations of a theory with an energy density: its second variation against the kinetic energy in time.

Within the radial ansatz (l = 0) a fluctuation :math:`\eta` of the fields has the energy and the kinetic energy

.. math:: \tfrac12S_d\int r^{d-1}\left(\eta, \eta'\right)\partial^2e\left(\eta, \eta'\right)dr,\qquad
          \tfrac12S_d\int r^{d-1}\,\dot\eta^Tm(u, u', r)\,\dot\eta\,dr ,

with m from :meth:`.RadialTheory.time_kinetic`; outside of it a theory says both itself (:class:`.Channel`). The pencil
of the two is a dense matrix over the unknowns of the mesh.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
from numpy import ndarray as Array

from ..elements.grid import RadialGrid
from ..machine.arithmetic import numerical
from ..problem.energy_kernels import negative_fields, with_slopes
from ..problem.functional import density_blocks
from ..problem.problem import DiscreteProblem
from ..theory.derivatives import point_kernels
from ..theory.fluctuation import hessian

_GAUGE = 0.5  # of the energy of a mode in the term that fixes the gauge: 0 or 1 but for accidental degeneracies
_LARGER = np.array([1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0])  # edges in units of R, see bound_levels
_FIRST = 4  # modes computed besides those bound in the box
_SPARE = 1.6  # modes computed for each one asked for where one function in four is a gauge


class DensityModes(NamedTuple):
    """Eigenvalues in mass^2, ascending; functions (node, function, mode) of norm 1; the largest eigenvalue."""

    values: Array
    functions: Array
    highest: float


class _Pencil(NamedTuple):
    """Stiffness and mass matrix over the unknowns, the energy in the term that fixes the gauge, and the unknowns."""

    energy: Array
    inertia: Array
    gauge: Array | None
    free: Array  # (node, function)


@numerical
def density_modes(problem: DiscreteProblem, u: Array, ell: int, n_modes: int) -> DensityModes:
    """The lowest modes of a dimensionless problem whose theory is a density.

    Raises ValueError where the theory does not say how its fluctuations move, or the mesh has fewer unknowns.
    """
    pencil = _pencil(problem, u, ell)
    available = int(pencil.free.sum()) if pencil.gauge is None else int(0.7 * pencil.free.sum())
    if n_modes > available:
        raise ValueError(
            f"spectrum.n_modes must be at most {available}, the modes of this mesh, got {n_modes}: use a finer grid"
        )
    scale = 1.0 / np.sqrt(np.diagonal(pencil.inertia))  # fields and radii of any size
    energy, inertia = (matrix * scale[:, None] * scale for matrix in (pencil.energy, pencil.inertia))
    count = n_modes if pencil.gauge is None else min(len(energy), int(_SPARE * n_modes) + 10)
    values, vectors = scipy.linalg.eigh(energy, inertia, subset_by_index=(0, count - 1), check_finite=False)
    vectors = vectors * scale[:, None]
    if pencil.gauge is not None:
        part = np.sum(vectors * (pencil.gauge @ vectors), axis=0)
        keep = np.flatnonzero(part < _GAUGE * np.abs(values))[:n_modes]
        values, vectors = values[keep], vectors[:, keep]
    functions = np.zeros((*pencil.free.shape, len(values)))
    functions[pencil.free] = vectors
    highest = float(np.max(np.abs(energy)))
    return DensityModes(values, functions, highest)


def bound_levels(problem: DiscreteProblem, u: Array, ell: int, threshold: float, in_box: int) -> Array:
    """The eigenvalues below the lowest continuum in a box of 16 times the radius, whose wall moves no bound state.

    Outside of the mesh the fields are at their values at infinity, so that those are massive.
    """
    if not threshold > 0.0:
        return np.empty(0)
    grid = problem.grid
    edges = (*grid.element_edges.tolist(), *(grid.r_max * _LARGER).tolist())
    larger = problem.with_grid(RadialGrid(order=grid.order, dim=grid.dim, edges=edges))
    outside = np.tile(u[-1], (larger.grid.n_nodes - len(u), 1))
    count = in_box + _FIRST
    values = density_modes(larger, np.concatenate([u, outside]), ell, count).values
    while len(values) == count and values[-1] < threshold:
        count *= 2
        values = density_modes(larger, np.concatenate([u, outside]), ell, count).values
    return np.asarray(values[values < threshold])


def _pencil(problem: DiscreteProblem, u: Array, ell: int) -> _Pencil:
    model: Any = problem.model  # dimensionless: what the theory says is in the units of its user
    theory, length, n = model.model, model.length, problem.model.n_fields
    z, r = with_slopes(problem.geometry, u), problem.geometry.radii.reshape(-1) * length
    fields, slopes = z[:, :n] / model.roots, z[:, n:] / (model.roots * length)
    if ell > 0:
        return _channel_pencil(problem, theory, ell, fields, slopes, r)
    if names := negative_fields(theory, problem.grid.r_max * length):
        raise ValueError(
            f"spectrum: the gradient of {', '.join(names)} has a negative energy, so that it does not move by itself: "
            "eliminate such fields from the energy density"
        )
    inertia = theory.time_kinetic(fields, slopes, r)
    if inertia is None:
        raise ValueError(
            f"spectrum: {theory!r} does not say what the kinetic energy of its fluctuations is: define "
            "time_kinetic(u, slopes, r) in its class"
        )
    curvature = point_kernels(theory.density_function).hessian(np.hstack([fields, slopes]), theory.params, r)
    energy = _matrix(problem, _per_length(curvature, length))
    # massless fields decay outside of the mesh like a power
    energy[-n:, -n:] += np.asarray(problem.theory.exterior) * model.strength * model.roots[:, None] * model.roots
    free = problem.free_nodes > 0.0
    unknowns = free.ravel()
    at = np.ix_(unknowns, unknowns)
    return _Pencil(energy[at], _matrix(problem, _of_fields(inertia))[at], None, free)


def _channel_pencil(problem: DiscreteProblem, theory: Any, ell: int, fields: Array, slopes: Array, r: Array) -> _Pencil:
    length = problem.model.length  # type: ignore[attr-defined]
    channel = theory.channel(ell, fields, slopes, r)
    if channel is None:
        raise ValueError(
            f"spectrum.ell must be 0 for {theory!r}, whose fluctuations outside of its radial ansatz are not known, "
            f"got {ell}: leave it out"
        )
    count = len(channel.inertia)
    free = np.ones((problem.grid.n_nodes, count), bool)
    free[0], free[-1] = np.equal(channel.winding, 0), False
    unknowns = free.ravel()
    at = np.ix_(unknowns, unknowns)

    def matrix(density: Any) -> Array:
        return _matrix(problem, _per_length(hessian(density, count, len(r)), length))[at]

    inertia = np.tile(np.diag(channel.inertia), (len(r), 1, 1))
    gauge = None if channel.gauge is None else matrix(channel.gauge)
    return _Pencil(matrix(channel.energy), _matrix(problem, _of_fields(inertia))[at], gauge, free)


def _per_length(curvature: Array, length: float) -> Array:
    """Second derivatives by functions and their slopes, of a density times length^2, with radii in units of it."""
    n = curvature.shape[1] // 2
    factors = np.repeat([length, 1.0], n)
    return np.asarray(curvature * factors[:, None] * factors)


def _of_fields(inertia: Array) -> Array:
    """The same of a density that does not depend on slopes."""
    n = inertia.shape[1]
    return np.pad(inertia, ((0, 0), (0, n), (0, n)))


def _matrix(problem: DiscreteProblem, curvature: Array) -> Array:
    """The matrix over all nodes and functions, node by node, of a Hessian (point, 2 n, 2 n) by functions and slopes."""
    geo, n = problem.geometry, curvature.shape[1] // 2
    blocks = density_blocks(geo, curvature.reshape(*geo.weights.shape, 2 * n, 2 * n), np.zeros(n))
    step, size = (geo.values.shape[2] - 1) * n, geo.values.shape[2] * n
    out = np.zeros((geo.n_nodes * n, geo.n_nodes * n))
    for e, block in enumerate(blocks):
        out[e * step : e * step + size, e * step : e * step + size] += block
    return 0.5 * (out + out.T)
