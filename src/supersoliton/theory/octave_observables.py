"""Observables of the octave tower that a trial records: octaves in the core, vacuum masses, mean Higgs field."""

from __future__ import annotations

from typing import Any

import numpy as np

from .vacua import mass_matrix

_IN_CORE = 0.5  # an octave belongs to the core if it reaches this fraction of the strongest one


def octaves_in_core(state: Any) -> int:
    """Number of fields carrying the norm that reach half of the strongest one's amplitude; 0 for a vacuum."""
    away = np.abs(state.u - state.problem.vacuum.values)[:, state.problem.carries_norm > 0]
    peaks = np.max(away, axis=0)
    strongest = float(np.max(peaks, initial=0.0))
    return int(np.sum(peaks >= _IN_CORE * strongest)) if strongest > 1e-6 else 0


def mass_ratios(problem: Any) -> dict[str, float]:
    """Ratios of vacuum masses; NaN for an unstable vacuum.

    ``mass_ratio``: the mode with the largest Higgs component over the lightest octave mode; ``octave_splitting``: the
    heaviest over the lightest octave mode.
    """
    higgs, octaves, _ = _vacuum_modes(problem)
    return {
        "mass_ratio": float(np.sqrt(higgs[0] / octaves[0])),
        "octave_splitting": float(np.sqrt(octaves[-1] / octaves[0])),
    }


def mass_ratio_slopes(problem: Any, change: np.ndarray) -> dict[str, float]:
    """Derivatives of :func:`mass_ratios` from that of the vacuum's mass matrix."""
    higgs, octaves, modes = _vacuum_modes(problem)
    rates = np.einsum("ik,ij,jk->k", modes, change, modes)  # the Higgs mode last
    relative = rates / np.append(octaves, higgs)
    found = mass_ratios(problem)
    return {
        "mass_ratio": 0.5 * found["mass_ratio"] * float(relative[-1] - relative[0]),
        "octave_splitting": 0.5 * found["octave_splitting"] * float(relative[-2] - relative[0]),
    }


def _vacuum_modes(problem: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mass^2 of the Higgs mode and of the octave modes, ascending, NaN if unstable, and all modes, Higgs last."""
    matrix = mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max)
    if not np.all(np.isfinite(matrix)):
        matrix = -np.eye(len(matrix))
    squared, modes = np.linalg.eigh(matrix)
    higgs = int(np.argmax(np.abs(modes[-1])))
    order = np.append(np.delete(np.arange(len(squared)), higgs), higgs)
    squared = squared if squared[0] > 0 else np.full(len(squared), np.nan)
    return squared[order[-1:]], squared[order[:-1]], modes[:, order]


def mean_higgs(state: Any) -> float:
    """Average of |Phi| over the volume of the box."""
    values = np.abs(state.grid.at_quadrature(state.u[:, -1]))
    weights = state.grid.quadrature_weights
    return float(np.sum(weights * values) / np.sum(weights))


def mean_higgs_slope(state: Any, change: np.ndarray) -> float:
    """The derivative of :func:`mean_higgs` from that of the fields at the nodes."""
    values, moving = (state.grid.at_quadrature(fields[:, -1]) for fields in (state.u, change))
    weights = state.grid.quadrature_weights
    return float(np.sum(weights * np.sign(values) * moving) / np.sum(weights))
