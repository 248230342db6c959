r"""Negative and zero modes of the second variation, counted so that rounding decides nothing.

Where a state breaks a continuous symmetry of the theory that its vacuum keeps (O(n), U(1), flavour, an accidental
symmetry), rotating the state costs nothing: the second variation has an exact zero mode, and the sign that it has on a
computer is that of rounding. The symmetry is found from its mode, not from the user: the eigenvalues below -eps and
below +eps are counted by Sylvester's law, eps being far above rounding and far below the masses, and only where the
counts differ the few modes between are computed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray as Array

from . import functional
from .ends import eliminated_fields
from .problem import DiscreteProblem
from .tangent_space import TangentSpace

# eps, in mass^2 of the dimensionless problem, and the least multiple of the largest mass^2: the rounding of an
# eigenvalue is 1e-16 of the highest mode of the mesh, about 1e5 masses^2.
_WINDOW, _LEAST = 1e-6, 1e-10
# |eigenvalue| over the sum of the moduli of its terms below which a mode is a zero mode. Symmetries hold exactly on any
# mesh, so theirs are below 1e-12; the negative mode -(d - 1)/R^2 of a bounce with R = 10^4 is -2e-8.
_ZERO = 1e-9
_FIT = 1e-6  # relative deviation of a mode from G (u - u_infinity) up to which its symmetry is linear
_ITERATIONS, _EXTRA = 8, 2  # of the subspace iteration; vectors beyond those asked for


class Inertia(NamedTuple):
    """Numbers of negative and of zero modes."""

    negative: int
    zero: int
    modes: Array  # the zero modes (node, field, mode), orthonormal in L2
    near: int  # modes between -eps and eps, zero modes or not


def window(problem: DiscreteProblem) -> float:
    """eps, in mass^2: eigenvalues of a smaller modulus are looked at one by one."""
    largest = float(np.max(np.abs(problem.vacuum.masses_squared)))
    if not np.isfinite(largest) or largest == 0.0:
        largest = 1.0
    return max(_WINDOW * min(largest, 1.0), _LEAST * largest)


def inertia(below: TangentSpace, above: TangentSpace, zero: float = _ZERO) -> Inertia:
    """The inertia on a tangent space from the operator shifted by +eps (``below``) and by -eps (``above``).

    ``zero``: largest modulus of a zero mode, relative to the terms of its eigenvalue.
    """
    negative = below.count_negative()
    near = above.count_negative() - negative
    if near <= 0:
        return Inertia(negative, 0, np.empty((*below.u.shape, 0)), 0)
    values, sizes, modes = modes_near_zero(below, near)
    zeros = np.abs(values) <= zero * sizes + _WINDOW * window(below.problem)  # (a flat direction has no terms)
    negative += int(np.sum(values[~zeros] < 0.0))
    return Inertia(negative, int(np.sum(zeros)), modes[:, :, zeros], near)


def zero_modes(space: TangentSpace, residual: float) -> Array:
    """The zero modes (node, field, mode) at a point; at one that is not stationary they have this eigenvalue or less.

    The eigenvalue of a symmetry is of the order of the ``residual``, since only stationary points are symmetric.
    """
    eps = window(space.problem)
    below, above = space.shifted(eps), space.shifted(-eps)
    return inertia(below, above, max(_ZERO, residual)).modes


class Symmetries:
    """The zero modes of a state, carried along a family of states.

    The mode of a linear symmetry with generator G is G (u - u_infinity). A mode of another kind is kept as it is.

    Parameters
    ----------
    problem, u, multiplier : the state at which the zero modes are computed.
    """

    def __init__(self, problem: DiscreteProblem, u: Array, multiplier: float) -> None:
        self.modes = zero_modes(TangentSpace(problem, u, multiplier), 0.0)
        away = u - problem.vacuum.values
        fits = [_generator(away, mode) for mode in np.moveaxis(self.modes, 2, 0)]
        self.generators = [
            fit if np.max(np.abs(away @ fit - mode)) <= _FIT * np.max(np.abs(mode)) else None
            for fit, mode in zip(fits, np.moveaxis(self.modes, 2, 0), strict=True)
        ]

    def at(self, problem: DiscreteProblem, u: Array) -> Array:
        """The zero modes (node, field, mode) of another state of the family."""
        away = u - problem.vacuum.values
        modes = [
            self.modes[:, :, k] if fit is None else away @ fit / max(float(np.linalg.norm(away @ fit)), 1e-300)
            for k, fit in enumerate(self.generators)
        ]
        return np.stack(modes, axis=2) if modes else self.modes


def _generator(away: Array, mode: Array) -> Array:
    """The least antisymmetric G with ``away`` G = ``mode``, if there is one; (field, field).

    The least square fit is PG, with the projector P on the directions of the state.
    """
    fit = np.linalg.lstsq(away, mode, rcond=_FIT)[0]
    projector = np.linalg.pinv(away, rcond=_FIT) @ away
    return fit - fit.T + projector @ fit.T


def modes_near_zero(space: TangentSpace, count: int) -> tuple[Array, Array, Array]:
    """The ``count`` modes nearest to eigenvalue 0: eigenvalues, the sums of the moduli of their terms, and functions.

    By subspace iteration with the factors of ``space``, whose shift must be small.
    """
    mass, shape = space.problem.grid.mass_form, space.u.shape
    size = min(count + _EXTRA, space.u.size)
    v = np.random.default_rng(0).normal(size=(*shape, size)) * space.free[:, :, None]
    moves = (space.free * (1.0 - eliminated_fields(space.problem.model)))[:, :, None]
    for _ in range(_ITERATIONS):
        load = (mass @ v.reshape(shape[0], -1)).reshape(v.shape)
        v, _ = space.solve(load * moves)
        v = _orthonormal(v, mass)
    gradient, potential, modulus = _forms(space, v)
    values, vectors = np.linalg.eigh(gradient + potential)
    nearest = np.sort(np.argsort(np.abs(values), kind="stable")[:count])
    chosen = vectors[:, nearest]
    sizes = np.einsum("ai,ab,bi->i", chosen, gradient + modulus, chosen)
    return values[nearest], sizes, v @ chosen


def _orthonormal(v: Array, mass: Any) -> Array:
    """The same span, orthonormal in L2; twice, because nearly parallel vectors lose digits in the first pass."""
    for _ in range(2):
        flat = v.reshape(-1, v.shape[-1])
        v = v / np.linalg.norm(flat, axis=0)
        image = (mass @ v.reshape(len(v), -1)).reshape(v.shape)
        values, vectors = np.linalg.eigh(np.einsum("xia,xib->ab", v, image))
        v = v @ (vectors / np.sqrt(np.maximum(values, 1e-300)))
    return v


def _forms(space: TangentSpace, v: Array) -> tuple[Array, Array, Array]:
    """The gradient and the potential term of the unshifted second variation between the columns of ``v``, at l = 0,
    and the modulus of the potential term.

    Summed over the quadrature points from v' and v: the product with the matrix loses the digits of its largest
    entries.
    """
    problem = space.problem
    geo, weights = problem.geometry, problem.geometry.weights
    fields, slopes = functional.at_points(geo, v.reshape(len(v), -1))
    n, k = v.shape[1:]
    fields, slopes = (x.reshape(*weights.shape, n, k) for x in (fields, slopes))
    (operator, own_shift), kinetic = space.operator, problem.theory.kinetic
    if operator.shape[-1] != n:  # of a density: all terms are in the Hessian in (u, u')
        fields, kinetic = np.concatenate([fields, slopes], axis=2), np.zeros(n)
    shift = np.zeros(operator.shape[-1])
    shift[:n] = own_shift - space.sigma * (1.0 - eliminated_fields(problem.model))
    operator = operator + np.diag(shift)
    gradient = np.einsum("eq,i,eqia,eqib->ab", weights, kinetic, slopes, slopes, optimize=True)
    values, vectors = np.linalg.eigh(operator)
    along = np.einsum("eqij,eqia->eqja", vectors, fields)
    potential = np.einsum("eq,eqj,eqja,eqjb->ab", weights, values, along, along, optimize=True)
    modulus = np.einsum("eq,eqj,eqja,eqjb->ab", weights, np.abs(values), along, along, optimize=True)
    exterior = v[-1].T @ np.asarray(problem.theory.exterior) @ v[-1]
    return gradient, potential + exterior, modulus + exterior
