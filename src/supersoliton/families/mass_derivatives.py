r"""Masses of a state and their exact derivatives with respect to couplings, norm and frequency.

A mass squared is an eigenvalue of an operator L(u, omega^2; p): of V'' in the vacuum, or of the second variation around
the state. With the exact derivative of the state (:mod:`.sensitivity`),

.. math:: \frac{d\lambda_a}{dp} = \langle\eta_a, (L_p + L_u u_p + L_{\omega^2}\,\omega^2_p)\,\eta_a\rangle .

Levels of one operator that are equal have derivatives along the functions that a generic change of the couplings
selects. Where no functions serve all couplings the level has a cone there and no derivative: ``smooth`` is False.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array

from .._checks import expect_constant_kinetic
from ..fluctuations.bound_states import Matched
from ..fluctuations.particles import particle_functions
from ..fluctuations.spectrum import channels_of, spectrum
from ..problem.scales import OnScales, Scales, on_scales
from ..solvers.base import FieldsOnMesh
from ..states.jumps import delta_functions
from ..theory.vacua import mass_matrix
from .family import Family, family_of
from .sensitivity import motions, per_parameter

_POINTS = ([0, 1, 2], [0, 1, 2])  # axes of elements, points and fields
EQUAL = 1e-9  # difference of equal levels, relative to the largest
_CONE = 1e-6  # derivative between equal levels, relative to the largest, above which they have a cone


@dataclass(frozen=True)
class Levels:
    """Eigenvalues of one operator at a state, with derivatives along parameters.

    ``kind``: "vacuum", "l = 0", "l = 1", ..., or "box". ``squared`` (level,) in mass^2, ascending. ``slopes``
    (parameter, level) in mass^2 over the parameter. ``particle`` (level,): whether it is a mass (positive, and not the
    mode of a symmetry). ``smooth`` (level,): whether it has a derivative. ``vectors`` (field, level): of the vacuum.
    """

    kind: str
    squared: Float[Array, " level"]
    slopes: Float[Array, "parameter level"]
    particle: Array
    smooth: Array
    vectors: Array | None = None

    @property
    def masses(self) -> Float[Array, " level"]:
        """Square roots of ``squared``; NaN where it is no mass."""
        return np.sqrt(np.where(self.particle, self.squared, np.nan))


def mass_derivatives(
    state: FieldsOnMesh, parameters: Sequence[str] = (), *, ell: Sequence[int] = (0, 1), box: int = 0
) -> list[Levels]:
    """The physical masses, those of the vacuum and of the bound states at each ``ell``, or the ``box`` lowest levels.

    The levels are in the user's units, one entry for each operator. All derivatives share one factorisation; without
    ``parameters`` none are computed.
    """
    return mass_levels(*on_scales(state), parameters, ell=ell, box=box)


def eigenvalue_slopes(
    state: FieldsOnMesh, parameter: str, n_modes: int = 10, ell: int = 0
) -> tuple[Float[Array, " mode"], Float[Array, " mode"]]:
    """(eigenvalues, derivatives) of the lowest fluctuation modes in the box."""
    (found,) = mass_levels(*on_scales(state), [parameter], ell=(), box=n_modes, box_ell=ell)
    return found.squared, found.slopes[0]


def mass_levels(
    inner: OnScales,
    scales: Scales,
    parameters: Sequence[str],
    *,
    ell: Sequence[int],
    box: int,
    box_ell: int = 0,
    fast: bool = False,
) -> list[Levels]:
    """:func:`mass_derivatives` of a dimensionless state, in the units of these scales.

    ``fast``: levels of the box in the reduced basis of a trial; ``box_ell``: their angular momentum.
    """
    expect_constant_kinetic("derivatives of masses", inner.problem.model, "use differences of spectra")
    families = [family_of(inner.problem, name, scales) for name in parameters]
    along = _Along(inner, families)
    if box:
        found = [along.box(box, box_ell, fast=fast)]
    else:
        found = [along.vacuum(), *(along.bound(one) for one in channels_of(inner.problem, ell))]
    unit = scales.unit("mass^2")
    per = np.array([per_parameter(family) for family in families])[:, None]
    return [replace(one, squared=one.squared * unit, slopes=one.slopes * unit * per) for one in found]


class _Along:
    """The levels of a dimensionless state, and the derivatives of their operators along families."""

    def __init__(self, state: OnScales, families: Sequence[Family]) -> None:
        self.state, self.problem, self.families = state, state.problem, families
        self.shifts, self.outside = np.empty(0), np.empty((0, *(2 * [state.problem.model.n_fields])))
        self.curvatures: list[Array] = []
        self.jumps = delta_functions(state.problem, state.u) is not None
        if families:
            moved, self.shifts = motions(families, state.u, state.multiplier)
            self.curvatures = [f.curvature_rate(state.u, du) for f, du in zip(families, moved, strict=True)]
            self.outside = np.stack([family.mass_rate() for family in families])

    def vacuum(self) -> Levels:
        problem = self.problem
        matrix = mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max)
        if not np.all(np.isfinite(matrix)):  # nothing is free at infinity
            return levels_of("vacuum", np.empty(0), np.empty((len(self.families), 0, 0)))[0]
        values, vectors = np.linalg.eigh(matrix)
        found, turn = levels_of("vacuum", values, vectors.T @ self.outside @ vectors)
        return replace(found, vectors=vectors @ turn)

    def box(self, count: int, ell: int, *, fast: bool) -> Levels:
        modes = spectrum(self.state, count, ell, functions=True, fast=fast)
        assert modes.functions is not None
        return self._around("box", modes.eigenvalues, self._rates(modes.functions, ell))

    def bound(self, ell: int) -> Levels:
        state, problem = self.state, self.problem
        modes, functions = particle_functions(state, spectrum(state, 1, ell, fast=True))
        rates = self._rates(functions, ell)
        matched = Matched(problem, state.u, state.multiplier, ell)
        gaps = self.outside - self.shifts[:, None, None] * np.diag(problem.carries_norm)
        for k in np.flatnonzero(matched.is_matched(modes.bound)) if self.families else ():
            slopes = matched.slope(
                float(modes.bound[k]), lambda v: self._rates(v[:, :, None], ell, in_space=True)[:, 0, 0], gaps
            )
            rates[:, k, k] = slopes
        found = self._around(f"l = {ell}", modes.bound, rates)
        return replace(found, particle=found.particle & ~np.isin(np.arange(len(modes.bound)), modes.symmetries or ()))

    def _around(self, kind: str, squared: Array, rates: Array) -> Levels:
        """Levels around the state; without derivatives where V jumps in it, because the jump moves."""
        found = levels_of(kind, squared, rates)[0]
        return found if not self.jumps else replace(found, smooth=np.zeros(len(squared), bool))

    def _rates(self, functions: Array, ell: int, *, in_space: bool = False) -> Array:
        """<a, dL/dq b> between functions (node, field, level), (family, level, level); ``in_space``: no exterior."""
        grid, count = self.problem.grid, functions.shape[2]
        at, out = grid.at_quadrature(functions), np.empty((len(self.families), count, count))
        own = at * (grid.quadrature_weights[:, :, None, None] * self.problem.carries_norm[:, None])
        carried = np.tensordot(at, own, _POINTS)
        for k, (family, curvature) in enumerate(zip(self.families, self.curvatures, strict=True)):
            weighted = curvature * grid.quadrature_weights[:, :, None, None]
            out[k] = np.tensordot(at, weighted @ at, _POINTS) - self.shifts[k] * carried
            if self.problem.boundary == "decaying" and not in_space:
                rate = family.exterior_rate(family.point(self.state.u, self.state.multiplier), ell)
                out[k] += functions[-1].T @ rate @ functions[-1]
        return out


def levels_of(kind: str, squared: Array, rates: Array) -> tuple[Levels, Array]:
    """The levels and the turn of their functions (level, level) along which equal ones have derivatives.

    ``rates`` (family, level, level) are those between the functions.
    """
    smooth, largest = np.ones(len(squared), bool), float(np.max(np.abs(squared), initial=0.0))
    sizes, turn = np.max(np.abs(rates), axis=(1, 2), initial=1e-300), np.eye(len(squared))
    generic = np.random.default_rng(0).normal(size=len(rates)) / sizes
    edges = np.flatnonzero(np.diff(squared) > EQUAL * largest) + 1
    for group in np.split(np.arange(len(squared)), edges):
        if len(group) > 1 and len(rates):
            inner = rates[:, group[:, None], group]
            own = np.linalg.eigh(np.tensordot(generic, inner, 1))[1]
            turned = own.T @ inner @ own / sizes[:, None, None]
            smooth[group] = np.max(np.abs(turned * (1.0 - np.eye(len(group))))) <= _CONE
            turn[group[:, None], group] = own
    slopes = np.einsum("ba,kba->ka", turn, rates @ turn)
    return Levels(kind, squared, slopes, squared > 0.0, smooth), turn
