"""Claim: solitons around Psi = 0 at the default couplings, where Psi = 0 is unstable and the octaves condense."""

from __future__ import annotations

import math

import numpy as np

from ..theory import OctaveHiggs
from ..theory.octave_vacuum import coupling_matrix
from ..theory.vacua import Vacuum, mass_matrix, vacua
from .claim import FAILS, Claim, Table


def empty_vacuum(model: OctaveHiggs) -> np.ndarray:
    """Psi = 0, Phi = sqrt(-mu^2/lambda_H) (0 for mu^2 > 0)."""
    return np.append(np.zeros(model.n_octaves), math.sqrt(max(-model.mu_squared / model.lambda_H, 0.0)))


def check(n_octaves: int = 12) -> Claim:
    model = OctaveHiggs(n_octaves)
    eigenvalues = np.linalg.eigvalsh(coupling_matrix(n_octaves, model.lambda_1, model.lambda_2, model.beta))
    octaves = mass_matrix(model, np.zeros(model.n_fields))[:-1, :-1]
    found: list[tuple[str, Vacuum]] = [
        (word, vacua(model.replace(quartic_sign=sign))[0]) for word, sign in (("attractive", -1.0), ("repulsive", 1.0))
    ]
    sizes = [np.abs(v.values[:-1]) for _, v in found]
    rows = tuple(
        (
            word,
            signs(v),
            f"{v.energy_density:.6g}",
            f"{np.min(s):.3f} ... {np.max(s):.3f}",
            f"{v.masses_squared[0]:.4g}",
        )
        for (word, v), s in zip(found, sizes, strict=True)
    )
    return Claim(
        name="condensate",
        title="The default couplings",
        claimed="lambda_1 = 1, lambda_2 = pi, m0^2 = .01: solitons around Psi = 0",
        found=f"the coupling matrix has eigenvalues {eigenvalues[0]:.2f} ... {eigenvalues[-1]:.2f}, the octaves' "
        f"lowest mass^2 at Psi = 0 is {np.linalg.eigvalsh(octaves)[0]:.2f}; the lowest minimum is a condensate of "
        f"signs {signs(found[0][1])}",
        verdict=FAILS,
        reason="Psi = 0 is unstable there, so nothing can be localised around it; the octaves condense everywhere with "
        "alternating pairs of signs.",
        numbers={
            "eigenvalues": [float(eigenvalues[0]), float(eigenvalues[-1])],
            "lowest_mass_squared": float(np.linalg.eigvalsh(octaves)[0]),
            "energy_densities": {word: v.energy_density for word, v in found},
            "values": {word: v.values.tolist() for word, v in found},
            "m0_squared_needed": -float(eigenvalues[0]),
        },
        notes=(
            f"Psi = 0 is stable where m0^2 + 2 g_Y v^2 exceeds {-eigenvalues[0]:.4f}.",
            "lambda_2 = pi is the larger coupling: octaves o and o + 2 take opposite signs, which gives + - - + +.",
        ),
        tables=(Table("Lowest minimum of V", ("quartic term", "signs", "V", "|Psi_o|", "lowest mass^2"), rows),),
    )


def signs(vacuum: Vacuum) -> str:
    """The signs of the octaves, with the first one positive."""
    octaves = vacuum.values[:-1] * math.copysign(1.0, vacuum.values[0])
    return "".join("0" if abs(x) < 1e-6 else "+" if x > 0 else "-" for x in octaves)
