"""Starting profiles of vortices from Bogomolny's equations, by finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy import ndarray as Array

_POINTS, _STEPS = 2000, 100  # of the grid, of Newton's method


def ring(x: Any, n: Any) -> tuple[Any, Any, Any]:
    """g', sigma = 1/(1 + exp(-2g)) and 1 - sigma of g = n ln(sinh(x/n)/sinh(1)): sigma is a ring of radius n."""
    y = x / n
    g = n * (y + jnp.log(-jnp.expm1(-2.0 * y)) - math.log(2.0 * math.sinh(1.0)))
    return 1.0 / jnp.tanh(y), jax.nn.sigmoid(2.0 * g), jax.nn.sigmoid(-2.0 * g)


def self_dual(n: float, beyond: float, flux: Callable[[Array], tuple[Array, Array]]) -> tuple[Array, Array, Array]:
    r"""Radii x, w = ln(f/sqrt(sigma)), and x f'/f, of :math:`(x\,(\ln f)')' = -x\,B(f^2)`, with f ~ x^n at the origin.

    ``flux``: B and its derivative, from f^2. The ring lies at about x = n; the grid ends at n + ``beyond``.
    """
    from scipy.linalg import solve_banded

    h = (n + beyond) / _POINTS
    edges = np.arange(_POINTS + 1) * h
    x = edges[:-1] + 0.5 * h
    sigma = np.asarray(ring(x, n)[1])
    log_slope, _, rest = map(np.asarray, ring(edges[1:], n))
    known = np.concatenate([[n], edges[1:] * log_slope * rest])  # x (ln sigma)'/2
    w = np.zeros_like(x)
    for _ in range(_STEPS):
        square = sigma * np.exp(2.0 * w)
        moved = known + np.concatenate([[0.0], edges[1:-1] * np.diff(w), [-edges[-1] * w[-1]]]) / h
        b, slope = flux(square)
        bands = np.zeros((3, _POINTS))
        bands[0, 1:], bands[2, :-1] = edges[1:-1] / h**2, edges[1:-1] / h**2
        bands[1] = -(edges[:-1] + edges[1:]) / h**2 + 2.0 * x * square * slope
        step = solve_banded((1, 1), bands, np.diff(moved) / h + x * b)
        w = w - step / max(1.0, float(np.max(np.abs(step))))
        if np.max(np.abs(step)) < 1e-9:
            break
    return x, w, 0.5 * (moved[1:] + moved[:-1])
