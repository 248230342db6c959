"""Decay of the fields outside the mesh, where they obey the linearised equation."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array
from scipy.special import kve

from ..elements.grid import sphere_area
from ..theory.base import AbstractModel
from ..theory.derivatives import point_kernels
from ..theory.vacua import canonical, mass_matrix

_MASSLESS = 1e3  # (mass times radius)^2 far out, where it is 7e13 for the heaviest field, and l(l + 1) without mass


def power_tails(model: AbstractModel, radius: float) -> Array:
    r"""X, diagonal, of a theory with ends, whose massless fields decay like a power beyond ``radius``.

    Where :math:`e_{u'u'} = k\,r^a` and :math:`r^2e_{uu}/e_{u'u'} = c` the linearised equation has the solution
    :math:`r^{-s}` with :math:`s^2 - (d - 2 + a)s = c`, whose energy is :math:`\tfrac12S_dR^{d-2+a}ks` times the square
    of its value at R. 0 for massive fields, which are held at the edge, for those that are free there, without ends.
    """
    n = model.n_fields
    if model.ends is None or model.dimension is None:
        return np.zeros((n, n))
    v, d = model.ends.outer, float(model.dimension)
    far = np.abs(np.diagonal(mass_matrix(model, v))) * model.outer_radius(radius) ** 2
    kinetic, further = (np.diagonal(model.kinetic_at(v, r)) for r in (radius, 2.0 * radius))
    second = np.diagonal(point_kernels(model.potential_function).hessian(v[None], model.params, np.array([radius]))[0])
    with np.errstate(all="ignore"):
        power = d - 2.0 + np.log2(np.abs(further / kinetic))
        s = 0.5 * (power + np.sqrt(power**2 + 4.0 * radius**2 * second / kinetic))
    held = np.array([value is not None for value in model.ends.infinity])
    decays = (far <= _MASSLESS) & (s > 0.0) & held
    return np.diag(np.where(decays, sphere_area(d) * radius ** (d - 2.0) * kinetic * np.nan_to_num(s), 0.0))


def gap_matrix(model: AbstractModel, vacuum: Array, shift: Array, radius: float) -> Array:
    """W = k^-1/2 (V''(v) - ``shift``) k^-1/2, (field, field): small fields at large radius obey lap u = W u."""
    masses = mass_matrix(model, vacuum, radius)
    if model.density_function is None:
        return masses - np.diag(shift / model.kinetic)
    kinetic = model.kinetic_at(vacuum, radius)
    return masses - canonical(np.where(shift == 0.0, 0.0, shift[:, None] * kinetic), kinetic)


def decay_rate(dim: float, mass_squared: float, radius: float, ell: int = 0) -> float:
    r"""-u'/u at ``radius`` of the decaying solution :math:`r^{-\nu}K_{\nu+l}(mr)`; (d - 2 + l)/r where m = 0."""
    order = dim / 2.0 - 1.0 + ell
    x = math.sqrt(max(mass_squared, 0.0)) * radius
    if x < 1e-8:
        return max(dim - 2.0 + ell, 0.0) / radius
    return x / radius * float(kve(order + 1.0, x) / kve(order, x)) - ell / radius


def exterior_form(dim: float, kinetic: Array, gaps: Array, radius: float, ell: int = 0, zero: float = 0.0) -> Array:
    r"""S_d R^(d-1) k^1/2 Q diag(-u'/u) Q^T k^1/2 for decaying solutions of lap u = W u, W = ``gaps``, in the
    eigendirections Q of W. Gaps up to ``zero`` count as 0. ``kinetic``: the k_i, or their matrix."""
    values, vectors = np.linalg.eigh(gaps)
    rates = np.array([decay_rate(dim, value if value > zero else 0.0, radius, ell) for value in values])
    inner = vectors @ np.diag(rates) @ vectors.T
    if kinetic.ndim == 2:
        return np.asarray(
            sphere_area(dim) * radius ** (dim - 1.0) * square_root(kinetic) @ inner @ square_root(kinetic)
        )
    root = np.sqrt(kinetic)
    return np.asarray(sphere_area(dim) * radius ** (dim - 1.0) * root[:, None] * inner * root[None, :])


def square_root(matrix: Array) -> Array:
    """The symmetric root of a symmetric matrix, of the moduli of its eigenvalues; of a list of factors, their roots."""
    if matrix.ndim == 1:
        return np.diag(np.sqrt(matrix))
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(vectors * np.sqrt(np.abs(values)) @ vectors.T)
