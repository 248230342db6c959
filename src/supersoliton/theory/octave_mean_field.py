r"""Effective couplings of the octave tower in the medium of a state.

Averages are weighted by the density of the norm,
:math:`\langle X\rangle=\sum_o\int\Psi_o^2X_o\,d^dx\,/\sum_o\int\Psi_o^2\,d^dx`; they are exact for a homogeneous state.

**hartree** — the octaves fluctuate, :math:`\Psi_o\to\Psi_o+\eta_o`, with Gaussian :math:`\eta_o` of local variance
:math:`G_o(r)=\kappa\Psi_o^2(r)`: :math:`\kappa` incoherent quanta for each coherent one. The average of V over them is
exact, :math:`e^{\frac12G\partial^2}V`: :math:`\overline{(\Psi+\eta)^4}=\Psi^4+6G\Psi^2+3G^2` and
:math:`\overline{(\Psi+\eta)^6}=\Psi^6+15G\Psi^4+45G^2\Psi^2+15G^3`, so that V keeps its form with the couplings

.. math::
    m_0^2\to m_0^2+\langle3sgG+\tfrac{45}4\delta G^2\rangle,\qquad
    g\to g+\tfrac{15}2s\delta\langle G\rangle,\qquad
    \mu^2\to\mu^2+2g_Y\langle\textstyle\sum_pG_p\rangle .

All other couplings multiply a field's highest power or a product of two fields and do not change.

**tangent** — the couplings of a quantum that moves in the state: the derivatives of V at its fields, with the
Higgs field that mediates between neighbours eliminated (:math:`k=1,2`),

.. math::
    m_0^2\to\langle V_{oo}-2g_Y\Phi^2\rangle=m_0^2+\langle3sg\Psi_o^2+\tfrac{15}4\delta\Psi_o^4\rangle,\qquad
    g\to\tfrac s6\langle V_{oooo}\rangle=g+\tfrac{15}2s\delta\langle\Psi_o^2\rangle,

.. math::
    \lambda_k\to\frac{\sum_o\int2^{-\beta o}|\Psi_o\Psi_{o+k}|\,(V_{o,o+k}-V_{o\Phi}V_{\Phi,o+k}/V_{\Phi\Phi})}
    {\sum_o\int4^{-\beta o}|\Psi_o\Psi_{o+k}|},\qquad V_{o\Phi}=4g_Y\Phi\Psi_o,\quad
    V_{\Phi\Phi}=\mu^2+3\lambda_H\Phi^2+2g_Y\textstyle\sum_p\Psi_p^2 .

With these weights :math:`\lambda_k` is unchanged for :math:`g_Y=0`. With :math:`\delta=0` the tangent mass is the
Hartree mass at :math:`\kappa=1`.

Units: masses and couplings as in the potential; G and averages of :math:`\Psi^2` in mass^(d-1).

References: S. Coleman, R. Jackiw, H. D. Politzer, *Phys. Rev. D* **10** (1974) 2491, P. M. Stevenson, *Phys. Rev. D*
**32** (1985) 1389 (the Gaussian effective potential: V averaged over Gaussian fluctuations); C. Itzykson, J.-B. Zuber,
*Quantum Field Theory* (1980), section 9-2-2 (background fields).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy import ndarray as Array

# Couplings that each closure changes.
CLOSURES = {"hartree": ("m0_squared", "g", "mu_squared"), "tangent": ("m0_squared", "g", "lambda_1", "lambda_2")}


def hartree(p: Mapping[str, Any], fields: Array, weights: Array, fluctuation: float) -> dict[str, float]:
    """m0^2, g and mu^2 of V averaged over Gaussian fluctuations of variance kappa Psi_o^2(r).

    ``p`` are the bare couplings, ``fields`` (element, point, field) the octaves and the Higgs field at quadrature
    points, ``fluctuation`` is kappa.
    """
    s = float(p["quartic_sign"])
    density = fields[..., :-1] ** 2
    variance = fluctuation * density
    everywhere = np.sum(variance, axis=-1, keepdims=True) * np.ones_like(density)
    return {
        "m0_squared": p["m0_squared"]
        + _mean(3.0 * s * p["g"] * variance + 11.25 * p["delta"] * variance**2, density, weights),
        "g": p["g"] + 7.5 * s * p["delta"] * _mean(variance, density, weights),
        "mu_squared": p["mu_squared"] + 2.0 * p["g_yukawa"] * _mean(everywhere, density, weights),
    }


def tangent(p: Mapping[str, Any], fields: Array, weights: Array) -> dict[str, float]:
    """m0^2, g, lambda_1 and lambda_2 of a quantum in the state; arguments as in :func:`hartree`."""
    psi, phi = fields[..., :-1], fields[..., -1]
    n, s = psi.shape[-1], float(p["quartic_sign"])
    density = psi**2
    out = {
        "m0_squared": p["m0_squared"]
        + _mean(3.0 * s * p["g"] * density + 3.75 * p["delta"] * density**2, density, weights),
        "g": p["g"] + 7.5 * s * p["delta"] * _mean(density, density, weights),
    }
    stiffness = p["mu_squared"] + 3.0 * p["lambda_H"] * phi**2 + 2.0 * p["g_yukawa"] * np.sum(density, axis=-1)
    for k in (1, 2):
        name = f"lambda_{k}"
        out[name] = p[name]
        if n <= k:
            continue
        decay = np.exp2(-p["beta"] * np.arange(n - k))
        pair = psi[..., :-k] * psi[..., k:]
        mediated = -((4.0 * p["g_yukawa"] * phi) ** 2 / stiffness)[..., None] * pair
        total = float(np.sum(weights[..., None] * decay**2 * np.abs(pair)))
        if total > 0.0:
            out[name] += float(np.sum(weights[..., None] * decay * np.abs(pair) * mediated)) / total
    return out


def _mean(values: Array, density: Array, weights: Array) -> float:
    """Density-weighted mean of values (element, point, octave); 0 if the density is 0 everywhere."""
    each = weights[..., None] * density
    total = float(np.sum(each))
    return float(np.sum(each * values)) / total if total > 0.0 else 0.0
