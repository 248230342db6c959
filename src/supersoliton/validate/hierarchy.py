"""Claim: the hierarchy max m/min m is a property of the soliton. It depends on the number of modes and the box."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np

from ..elements.grid import RadialGrid
from ..fluctuations.spectrum import spectrum
from ..problem.problem import DiscreteProblem
from ..theory.octave_vacuum import coupling_matrix
from .claim import FAILS, Claim, Table
from .fractal_score import box_masses
from .hierarchical_coupling import recommended
from .pictures import Curve, Panel, picture

RECORDED = {(100, 25.0): 2.6, (300, 25.0): 6.4, (300, 12.5): 11.4}


def ratio(masses_squared: np.ndarray, r_max: float, count: int) -> float:
    """max m / min m of the lowest ``count`` box masses."""
    masses = box_masses(masses_squared, r_max, count)
    return float(masses[-1] / masses[0])


def fitted() -> tuple[float, np.ndarray]:
    """The octave mass^2 that best fits the three recorded values by an empty box, and its masses^2."""
    couplings = np.linalg.eigvalsh(coupling_matrix(12, 0.05, 0.01, 0.15))
    bases = np.linspace(0.2, 0.6, 401)
    misses = [
        sum(math.log(ratio(base + couplings, r, k) / value) ** 2 for (k, r), value in RECORDED.items())
        for base in bases
    ]
    best = float(bases[int(np.argmin(misses))])
    return best, best + couplings


def measured(r_max: float, count: int, n_elements: int) -> float:
    """The same ratio from this program's spectrum of the vacuum in the box, without the closed form."""
    problem = DiscreteProblem(recommended(), RadialGrid(r_max, n_elements, 12))
    values = np.tile(problem.vacuum.values, (problem.grid.n_nodes, 1))
    modes = spectrum(SimpleNamespace(problem=problem, u=values, multiplier=0.0), n_modes=count)
    return float(modes.masses[-1] / modes.masses[0])


def check(
    counts: tuple[int, ...] = (50, 100, 300, 600), radii: tuple[float, ...] = (12.5, 25.0, 50.0), n_elements: int = 8
) -> Claim:
    base, squared = fitted()
    again = {key: ratio(squared, key[1], key[0]) for key in RECORDED}
    vacuum = DiscreteProblem(recommended(), RadialGrid(25.0, n_elements, 12)).vacuum.masses_squared
    cells = {(k, r): ratio(vacuum, r, k) for k in counts for r in radii}
    rows = tuple((str(k), *(f"{cells[k, r]:.2f}" for r in radii)) for k in counts)
    own = {(k, r): measured(r, k, n_elements) for k, r in ((100, 25.0), (300, 25.0))}
    physical = math.sqrt(vacuum[-1] / vacuum[0])
    many = np.arange(13, max(counts) + 1, 13)
    return Claim(
        name="hierarchy",
        title="The hierarchy of the spectrum",
        claimed="the hierarchy is a property of the soliton",
        found="an empty box of octaves of mass^2 "
        + f"{base:.2f} gives {', '.join(f'{value:.2f}' for value in again.values())} instead of 2.6, 6.4 and 11.4 "
        f"(k = 100, 300, and R = 12.5); the vacuum masses alone give {physical:.3f} for every k and R",
        verdict=FAILS,
        reason="it is the hierarchy of standing waves in a box, sqrt(m^2 + (j pi/R)^2): it grows with the number of "
        "modes requested and falls with the box radius, with or without a soliton.",
        numbers={
            "recorded": {f"k={k}, R={r:g}": value for (k, r), value in RECORDED.items()},
            "empty_box": {f"k={k}, R={r:g}": value for (k, r), value in again.items()},
            "fitted_mass_squared": base,
            "cells": {f"k={k}, R={r:g}": value for (k, r), value in cells.items()},
            "measured": {f"k={k}, R={r:g}": value for (k, r), value in own.items()},
            "physical": physical,
        },
        notes=(
            "The couplings of the three recorded numbers are unknown: one number, the octaves' mass^2 at "
            f"Phi = 0, is fitted ({base:.3f}), with lambda_1 = .05, lambda_2 = .01, beta = .15 and twelve fields.",
            "The table is for the vacuum of hierarchical_coupling's point, thirteen fields; this program's own "
            "spectrum also gives "
            + ", ".join(f"{value:.4f}" for value in own.values())
            + " for k = 100 and 300 at R = 25. For large k the ratio grows like k pi/(13 R m).",
        ),
        tables=(Table("Hierarchy of the empty box", ("modes k", *(f"R = {r:g}" for r in radii)), rows),),
        pictures=(
            picture(
                "hierarchy",
                "hierarchy of an empty box against the number of modes, for three radii, and of the vacuum masses",
                Panel(
                    (
                        *(Curve(f"R = {r:g}", many, np.array([ratio(vacuum, r, int(k)) for k in many])) for r in radii),
                        Curve("vacuum masses", many, np.full(len(many), physical)),
                    ),
                    "modes k",
                    "max m / min m",
                ),
            ),
        ),
    )
