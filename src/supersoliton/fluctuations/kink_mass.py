"""The one-loop mass of a kink, from its determinants at all k^2."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import sphere_area
from .background import Background
from .channel import Channels

# Of Gauss's rule in arctan(k/m): 1e-9 for the kinks of phi^4 and sine-Gordon. At more points k is larger, and the
# rounding of ln T is multiplied by k^2: 5e-8 at 32 points.
_POINTS = 16


def kink_mass_correction(channels: Channels, zeros: int) -> float:
    r"""The integral over k from 0 of [ln T(k^2) - first order] / 2 pi.

    Half the sum of the frequencies less those of the vacuum, since :math:`\int_0^\infty dk \ln\frac{a + k^2}{b + k^2} =
    \pi(\sqrt a - \sqrt b)`. The logarithms of the ``zeros`` zero modes are integrated in closed form.
    """
    background = channels.background
    mass = math.sqrt(float(background.masses_squared[0]))
    x, weights = np.polynomial.legendre.leggauss(_POINTS)
    angles = 0.25 * math.pi * (x + 1.0)
    shifts = (mass * np.tan(angles)) ** 2
    channels.compute([(0, float(shift)) for shift in shifts])
    logs = np.array([channels(0, float(shift))[0] for shift in shifts])
    logs -= zeros * np.log(shifts / (shifts + mass**2))
    logs -= _first_order(background, shifts)
    total = float(np.sum(0.25 * math.pi * weights * mass / np.cos(angles) ** 2 * logs))
    return (total - zeros * math.pi * mass) / (2.0 * math.pi)


def _first_order(background: Background, shifts: Array) -> Array:
    """ln T(k^2) to first order in W - M^2."""
    mesh, (squared, axes) = background.mesh(0.0), background.directions
    local = np.einsum("...ij,ia,ja->...a", background.curvature(mesh.quadrature_points), axes, axes) - squared
    moments = np.einsum("eq,eqa->a", mesh.quadrature_weights, local) / sphere_area(1.0)
    return np.asarray((0.5 / np.sqrt(squared + shifts[:, None])) @ moments)
