"""Claim: couplings lambda(o) = lambda 2^(-beta o) enhance the octave splitting 2 to 3 times."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from ..elements.grid import RadialGrid
from ..fluctuations.spectrum import spectrum
from ..problem.problem import DiscreteProblem
from ..search.solve import solve
from ..states.state import State
from ..theory import OctaveHiggs
from ..theory.vacua import mass_matrix, vacua
from .claim import FAILS, Claim, Table
from .condensate import empty_vacuum
from .pictures import Curve, Panel, picture

BETAS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
RECOMMENDED = {"lambda_1": 0.05, "lambda_2": 0.01, "quartic_sign": 1.0, "g": 0.1, "mu_squared": -1.0, "lambda_H": 0.5}
_FIELD_MASS = 1.05  # m0^2 + 2 g_Y v^2 at the point where the notes on the script give 1.0955 -> 1.0757
STRONG = {"lambda_1": 1.0, "lambda_2": math.pi, "g": 4.64, "mu_squared": -1.0, "lambda_H": 0.5, "g_yukawa": 0.1}
Q_BALL = {"m0_squared": 0.5, "g": 0.6, "quartic_sign": -1.0, "lambda_1": 0.05, "lambda_2": 0.01, "mu_squared": -1.0,
          "lambda_H": 0.5, "g_yukawa": 0.1}  # fmt: skip


def octave_masses(model: OctaveHiggs, values: Array) -> Array:
    """Masses, ascending, of the modes whose octave components exceed half the norm; NaN for a tachyon."""
    squared, vectors = np.linalg.eigh(mass_matrix(model, values))
    octave = np.sum(vectors[:-1] ** 2, axis=0) > 0.5
    return np.sqrt(np.where(squared >= 0, squared, np.nan))[octave]


def vacuum_splitting(model: OctaveHiggs) -> float:
    """Heaviest over lightest octave mass at Psi = 0 with Phi in its vacuum."""
    return _ratio(octave_masses(model, empty_vacuum(model)))


def condensate_splitting(model: OctaveHiggs) -> float:
    """Heaviest over lightest octave mass in the lowest minimum of V; NaN unless it is a condensate."""
    lowest = vacua(model)[0]
    if np.max(np.abs(lowest.values[:-1])) < 1e-3:
        return math.nan
    return _ratio(octave_masses(model, lowest.values))


def q_ball_splitting(state: State) -> tuple[float, float]:
    """Splitting (in the Q-ball, in the vacuum around it) by the operator at fixed norm, l = 0; NaN if not localised.

    In the Q-ball: the heaviest octave threshold over the lightest stable bound state or threshold.
    """
    if not state.certificate.localised:
        return math.nan, math.nan
    modes = spectrum(state, n_modes=1)
    outside = octave_masses(state.problem.model, state.problem.vacuum.values)  # type: ignore[arg-type]
    lowered = outside**2 - state.multiplier
    levels = np.concatenate([modes.bound[modes.bound > 0], lowered])
    return math.sqrt(lowered[-1] / np.min(levels)), _ratio(outside)


def _ratio(masses: Array) -> float:
    return float(masses[-1] / masses[0])


def recommended(n_octaves: int = 12) -> OctaveHiggs:
    g_yukawa = 0.1
    vacuum = -RECOMMENDED["mu_squared"] / RECOMMENDED["lambda_H"]
    return OctaveHiggs(n_octaves, m0_squared=_FIELD_MASS - 2 * g_yukawa * vacuum, g_yukawa=g_yukawa, **RECOMMENDED)


def _splittings(n_octaves: int, betas: tuple[float, ...], n_elements: int) -> dict[str, list[float]]:
    """The splitting at each beta, for each state of _COLUMNS."""
    weak = recommended(n_octaves)
    repulsive = OctaveHiggs(n_octaves, quartic_sign=1.0, m0_squared=0.01, **STRONG)
    attractive = repulsive.replace(quartic_sign=-1.0)
    stable = OctaveHiggs(n_octaves, quartic_sign=-1.0, m0_squared=6.0, **STRONG)
    grid = RadialGrid(25.0, n_elements, 12)
    columns: dict[str, list[float]] = {name: [] for name in _COLUMNS}
    for beta in betas:
        columns["vacuum"].append(vacuum_splitting(weak.replace(beta=beta)))
        columns["strong vacuum"].append(vacuum_splitting(stable.replace(beta=beta)))
        columns["condensate, repulsive"].append(condensate_splitting(repulsive.replace(beta=beta)))
        columns["condensate, attractive"].append(condensate_splitting(attractive.replace(beta=beta)))
        theory = OctaveHiggs(n_octaves, beta=beta, **Q_BALL)
        inside, outside = q_ball_splitting(solve(DiscreteProblem(theory, grid, norm=1200.0)))
        columns["Q-ball"].append(inside)
        columns["around the Q-ball"].append(outside)
    return columns


def check(n_octaves: int = 12, betas: tuple[float, ...] = BETAS, n_elements: int = 8) -> Claim:
    columns = _splittings(n_octaves, betas, n_elements)
    changes = {name: _changes(betas, values) for name, values in columns.items()}
    at, end = 0.15, betas[-1]
    rows = [(f"{beta:g}", *(f"{values[i]:.4f}" for values in columns.values())) for i, beta in enumerate(betas)]
    rows.append(("change", *(f"{change[end]:.3f} x" for change in changes.values())))
    up = changes["condensate, repulsive"]
    return Claim(
        name="hierarchical_coupling",
        title="The hierarchical coupling",
        claimed="couplings that fall as 2^(-beta o) enhance the octave splitting 2 to 3 times",
        found=f"at the recommended point beta = .15 reduces it from {columns['vacuum'][0]:.4f} to "
        f"{columns['vacuum'][betas.index(at)]:.4f}; of the other states only the repulsive condensate at the default "
        f"couplings is enhanced by more than 4 %: {up[at]:.2f} x at beta = .15 and {up[end]:.2f} x at {end:g}",
        verdict=FAILS,
        reason="around Psi = 0 weaker couplings split the octaves less, both in the vacuum and in the Q-ball; the "
        "claimed factor occurs only in a condensate, near beta = .4 and .5, where the highest octaves become light.",
        numbers={"betas": list(betas), "splitting": columns, "change": changes},
        notes=(
            "Splitting: the heaviest octave mass over the lightest. Vacuum: Psi = 0 at lambda_1 = .05, lambda_2 = "
            f".01 and m0^2 + 2 g_Y v^2 = {_FIELD_MASS}; strong vacuum: lambda_1 = 1, lambda_2 = pi, m0^2 = 6. There "
            "the masses^2 are a constant plus the eigenvalues of the coupling matrix, and the largest of these "
            "falls as its entries do (Perron and Frobenius).",
            "Condensates: the lowest minimum of V found at the defaults lambda_1 = 1, lambda_2 = pi, m0^2 = .01, g = "
            "4.64.",
            "Q-ball: g = .6, N = 1200, twelve octaves; the heaviest octave threshold over the lightest stable "
            "bound state, both of the operator at fixed norm and l = 0; the last column is the vacuum around it. "
            "Between beta = .05 and .1 the lowest Q-ball found from several starts changes, and between .15 and .2 "
            "the lowest of some 140 minima of the attractive octaves.",
        ),
        tables=(Table("Octave splitting against beta", ("beta", *columns), tuple(rows)),),
        pictures=(
            picture(
                "hierarchical_coupling",
                "octave splitting against beta, relative to beta = 0: it rises in the repulsive condensate and "
                "falls or stays constant elsewhere",
                *(
                    Panel(
                        [Curve(n, np.array(betas), np.array(columns[n]) / columns[n][0], marker="o") for n in names],
                        "β",
                        "splitting / splitting at β = 0",
                        title,
                    )
                    for title, names in (("strong couplings", _COLUMNS[1:3]), ("the others", _OTHERS))
                ),
            ),
        ),
    )


_COLUMNS = ("vacuum", "strong vacuum", "condensate, repulsive", "condensate, attractive", "Q-ball", "around the Q-ball")
_OTHERS = (_COLUMNS[0], *_COLUMNS[3:])


def _changes(betas: tuple[float, ...], values: list[float]) -> dict[float, float]:
    return {beta: value / values[0] for beta, value in zip(betas, values, strict=True)}
