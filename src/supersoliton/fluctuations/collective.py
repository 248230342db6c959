r"""Collective coordinates of a state: its zero modes, and what the integral over each contributes to a rate.

A zero mode with the derivative :math:`\psi = \partial u/\partial c` of the state by its coordinate c contributes
:math:`\sqrt{J/2\pi}\,(T')^{-1/2}` and the integral over c. The norm :math:`J = \int d^dx\,w\,|\psi|^2` and T' are taken
with the same weight w, on which their quotient does not depend.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import sphere_area
from ..problem.problem import DiscreteProblem
from ..problem.scales import Scales
from ..problem.zero_modes import Symmetries
from ..theory.derivatives import point_kernels
from .background import Background

_ONE_ORBIT = 1e-8  # second singular value of the fields, relative to the first, of fields along one direction
_HOMOGENEOUS = 1e-9  # relative deviation of u.V' from its multiple of V, where u is not below _SEEN of its largest
_SEEN = 1e-3


def zero_modes_of(problem: DiscreteProblem, u: Array) -> dict[int, int]:
    """Zero modes at each l: one for translations, where the fields vary, and those of symmetries and of the size."""
    if np.max(np.abs(u - u[-1])) == 0.0:
        return {}
    if problem.line is None and not Background(problem, u).massive:  # (a box of massless fields has modes near 0)
        at_zero = int(has_no_scale(problem, u)) + broken_rotations(problem, u)
    else:
        at_zero = Symmetries(problem, u, 0.0).modes.shape[2]
    if problem.line is not None:
        return {0: 1 + at_zero}  # the phase condition of the line has removed the translation
    return {**({0: at_zero} if at_zero else {}), 1: 1}


def has_no_scale(problem: DiscreteProblem, u: Array) -> bool:
    r"""Whether a state can have any size R: :math:`u\cdot V' = \frac{2d}{d-2}(V - V_\infty)` along it."""
    dim, model, vacuum = float(problem.grid.dim), problem.model, problem.vacuum
    away = u - vacuum.values
    size = np.max(np.abs(away), axis=1)
    if dim <= 2.0 or problem.line is not None or not np.max(size) > 0.0:
        return False
    seen = size > _SEEN * np.max(size)
    excess, force = point_kernels(model.potential_function).value_and_gradient(
        u[seen], model.params, problem.grid.nodes[seen]
    )
    virial, power = np.sum(away[seen] * force, axis=1), 2.0 * dim / (dim - 2.0)
    rest = virial - power * (excess - vacuum.energy_density)
    return bool(np.all(np.abs(rest) <= _HOMOGENEOUS * (np.abs(virial) + np.abs(power * excess))))


def broken_rotations(problem: DiscreteProblem, u: Array) -> int:
    """The number of independent G u, G antisymmetric, for which W G u = G V' at every point: a symmetry of V."""
    model, root, n = problem.model, np.sqrt(problem.model.kinetic), problem.model.n_fields
    if n == 1:
        return 0
    kernels = point_kernels(model.potential_function)
    slope = kernels.gradient(u, model.params, problem.grid.nodes) / root
    curvature = kernels.hessian(u, model.params, problem.grid.nodes) / (root[:, None] * root)
    away, rows, columns = (u - problem.vacuum.values) * root, *np.triu_indices(n, 1)
    generators = np.zeros((len(rows), n, n))
    generators[np.arange(len(rows)), rows, columns] = 1.0
    generators -= generators.swapaxes(1, 2)
    turned = np.einsum("kij,xj->kxi", generators, away).reshape(len(rows), -1)
    pulled = np.einsum("kij,xj->kxi", generators, slope).reshape(len(rows), -1)
    force = np.einsum("xij,kxj->kxi", curvature, turned.reshape(len(rows), -1, n)).reshape(len(rows), -1)
    left, sizes, _ = np.linalg.svd(force - pulled, full_matrices=False)
    moved = left[:, sizes <= _HOMOGENEOUS * float(np.linalg.norm(pulled))].T @ turned
    return int(np.sum(np.linalg.svd(moved, compute_uv=False) > _ONE_ORBIT * float(np.linalg.norm(away))))


class Norms:
    """The norms J of the zero modes of a background, in its dimensionless units."""

    def __init__(self, background: Background) -> None:
        problem = background.problem
        mesh = background.mesh(0.0)
        root = np.sqrt(problem.model.kinetic)
        nodal = (background.fields(mesh.nodes) - problem.vacuum.values)[mesh.element_nodes] * root
        self.dim, self._r = float(mesh.dim), mesh.quadrature_points
        self._weights = mesh.quadrature_weights * background.weight(self._r)
        self._away = np.einsum("eqa,eai->eqi", mesh.interpolation, nodal)
        self._slope = np.einsum("eqa,eai->eqi", mesh.derivative, nodal)
        self._along = (background.u - problem.vacuum.values) * root

    def _norm(self, mode: Array) -> float:
        return float(np.sum(self._weights * np.sum(mode**2, axis=2)))

    @property
    def translation(self) -> float:
        """That of a translation: the action, if w = 1."""
        return self._norm(self._slope) / self.dim

    @property
    def size(self) -> float:
        """That of ln R."""
        return self._norm(self._r[:, :, None] * self._slope + (0.5 * self.dim - 1.0) * self._away)

    def log_jacobian(
        self, modes: tuple[bool, bool, int], action: float | None, scales: Scales, orbit_volume: float | None
    ) -> float:
        """ln of the product of sqrt(J / 2 pi) of all zero modes, times the volume of the orbit of symmetries.

        ``modes``: whether there are translations, whether the size is arbitrary, and the number of internal zero modes;
        ``action``: that of the state, if w = 1.
        """
        moving, scale_free, count = modes
        total, energy = 0.0, float(scales.unit("energy"))
        unit = energy / float(scales.unit("mass^2"))
        if moving:
            norm = self.translation * energy if action is None else action
            total += 0.5 * self.dim * math.log(norm / (2.0 * math.pi))
        if scale_free:
            total += 0.5 * math.log(self.size * unit / (2.0 * math.pi))
        if count == 0:
            return total
        if orbit_volume is None:
            return total + self.log_sphere(count, unit)
        if action is None:
            raise ValueError(
                "one_loop: of massless fields the volume of the orbit is infinite: leave orbit_volume out, which is "
                "possible for fields along one direction"
            )
        return total + math.log(orbit_volume) - 0.5 * count * math.log(2.0 * math.pi)

    def log_sphere(self, count: int, unit: float) -> float:
        """ln of the volume of the orbit of fields along one direction, a sphere, with (2 pi)^(-1/2) for each of
        ``count`` coordinates. ``unit``: that of the squared radius of the sphere."""
        strengths = np.linalg.svd(self._along, compute_uv=False)
        if strengths[1] > _ONE_ORBIT * strengths[0]:
            raise ValueError(
                f"one_loop: the state breaks {count} symmetries and its fields are not along one direction, so that "
                "the volume of its orbit is not known: give determinant(state, orbit_volume=...), the volume of the "
                "orbit in the metric int d^dx sum_i k_i (du_i)^2"
            )
        radius = unit * self._norm(self._away)
        return math.log(sphere_area(count + 1.0)) + 0.5 * count * math.log(radius / (2.0 * math.pi))
