"""The lowest minimum of the octave model where it is known in closed form, which saves a search in each trial."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def coupling_matrix(n: int, lambda_1: float, lambda_2: float, beta: float) -> np.ndarray:
    """Off-diagonal part of the octaves' mass matrix, from the formula of the potential."""
    matrix = np.zeros((n, n))
    for step, strength in ((1, lambda_1), (2, lambda_2)):
        for o in range(n - step):
            matrix[o, o + step] = matrix[o + step, o] = strength * 2.0 ** (-beta * o)
    return matrix


def lowest_minimum(model: Any, held: np.ndarray) -> np.ndarray | None:
    """Psi = 0, Phi = sqrt(-mu^2/lambda_H) if that is proved to be lowest, with the fields ``held`` at 0; else None."""
    if not (model.mu_squared < 0.0 < model.lambda_H) or held[-1]:
        return None
    if not held[:-1].all() and (held.any() or not _octaves_vanish(model)):
        return None
    return np.append(np.zeros(model.n_octaves), math.sqrt(-model.mu_squared / model.lambda_H))


def _octaves_vanish(model: Any) -> bool:
    r"""Whether a lower bound of V proves that the octaves vanish in its lowest minimum.

    With :math:`x = \sum\Psi_o^2` and :math:`y = \Phi^2`, V is at least
    :math:`F = \tfrac12ax + \tfrac14qx^2 + g_Yxy + \tfrac12\mu^2y + \tfrac14\lambda_Hy^2`, where q = g/n (repulsive;
    0 else), and a is the lowest eigenvalue of the octaves' mass matrix without Phi, lowered by :math:`g^2/4\delta` if
    they attract: then :math:`-\tfrac14g\psi^4 + \tfrac18\delta\psi^6 \ge -\tfrac{g^2}{8\delta}\psi^2`. Minimised over
    y, F exceeds its value at x = 0 by :math:`Ax + Bx^2` as long as y > 0, that is up to :math:`x_1 = -\mu^2/2g_Y`, and
    is :math:`\tfrac12ax + \tfrac14qx^2` beyond.
    """
    g_yukawa, mu, lam = model.g_yukawa, model.mu_squared, model.lambda_H
    attracts = model.quartic_sign * model.g < 0.0
    if g_yukawa < 0.0 or (attracts and model.delta == 0.0):
        return False
    couplings = coupling_matrix(model.n_octaves, model.lambda_1, model.lambda_2, model.beta)
    a = model.m0_squared + float(np.linalg.eigvalsh(couplings)[0])
    a -= model.g**2 / (4.0 * model.delta) if attracts else 0.0
    if a > 0.0:
        return True
    q = 0.0 if attracts else abs(model.g) / model.n_octaves
    if q == 0.0 or g_yukawa == 0.0:
        return False
    slope, bend, end = 0.5 * a - g_yukawa * mu / lam, 0.25 * q - g_yukawa**2 / lam, -mu / (2.0 * g_yukawa)
    beyond = a**2 / (4.0 * q) < mu**2 / (4.0 * lam) or -a / q <= end
    return slope > 0.0 and slope + bend * end > 0.0 and beyond
