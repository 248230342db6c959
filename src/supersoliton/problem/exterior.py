"""Decay of the fields outside the mesh, where they obey the linearised equation."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array
from scipy.special import kve

from ..elements.grid import sphere_area
from ..theory.base import AbstractModel
from ..theory.vacua import mass_matrix


def gap_matrix(model: AbstractModel, vacuum: Array, shift: Array, radius: float) -> Array:
    """W = k^-1/2 (V''(v) - ``shift``) k^-1/2, (field, field): small fields at large radius obey lap u = W u."""
    return mass_matrix(model, vacuum, radius) - np.diag(shift / model.kinetic)


def stiffness_outside(gaps: Array, kinetic: Array, dim: float, radius: float, ell: int) -> Array:
    """X of :meth:`.DiscreteProblem.exterior` for the gap matrix W."""
    root = np.sqrt(kinetic)
    values, vectors = np.linalg.eigh(gaps)
    rates = np.array([decay_rate(dim, max(value, 0.0), radius, ell) for value in values])
    inner = vectors @ np.diag(rates) @ vectors.T
    return np.asarray(sphere_area(dim) * radius ** (dim - 1.0) * root[:, None] * inner * root[None, :])


def decay_rate(dim: float, mass_squared: float, radius: float, ell: int = 0) -> float:
    r"""-u'/u at ``radius`` of the decaying solution :math:`r^{-\nu}K_{\nu+l}(mr)`; (d - 2 + l)/r where m = 0."""
    order = dim / 2.0 - 1.0 + ell
    x = math.sqrt(max(mass_squared, 0.0)) * radius
    if x < 1e-8:
        return max(dim - 2.0 + ell, 0.0) / radius
    return x / radius * float(kve(order + 1.0, x) / kve(order, x)) - ell / radius
