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
    matrix = mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max)
    if np.all(np.isfinite(matrix)):
        squared, vectors = np.linalg.eigh(matrix)
        if squared[0] > 0:
            masses = np.sqrt(squared)
            return {name: float(masses[a] / masses[b]) for name, (a, b) in compared_masses(vectors).items()}
    return {"mass_ratio": float("nan"), "octave_splitting": float("nan")}


def compared_masses(vectors: np.ndarray) -> dict[str, tuple[int, int]]:
    """Which vacuum masses, ascending, each ratio compares; ``vectors`` (field, mass) are their modes."""
    higgs = int(np.argmax(np.abs(vectors[-1])))
    octaves = np.delete(np.arange(vectors.shape[1]), higgs)
    return {"mass_ratio": (higgs, int(octaves[0])), "octave_splitting": (int(octaves[-1]), int(octaves[0]))}


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
