"""Properties of a state at large radius, from the vacuum: decay length, masses, continuum thresholds."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from ..theory.base import AbstractModel
from ..theory.vacua import mass_matrix
from .exterior import gap_matrix, square_root
from .problem import DiscreteProblem, Problem

MASSLESS = 1e-10  # mass^2 relative to the largest, below which a field counts as massless


def decay_length(problem: Problem, radius: float = 0.0) -> float:
    """1/sqrt of the smallest positive eigenvalue of V''(v) - omega^2, in 1/mass; infinite if all are <= 0."""
    matrix = gap_matrix(problem.model, problem.vacuum.values, problem.multiplier_shift, radius)
    values = np.linalg.eigvalsh(matrix) if np.all(np.isfinite(matrix)) else np.empty(0)
    positive = values[values > 1e-12]
    return 1.0 / math.sqrt(float(positive[0])) if len(positive) else math.inf


def slowest_decay(problem: Problem, radius: float = 0.0) -> float:
    """1/sqrt of the smallest eigenvalue of V''(v) - omega^2, in 1/mass; infinite if it vanishes to rounding."""
    values = np.linalg.eigvalsh(gap_matrix(problem.model, problem.vacuum.values, problem.multiplier_shift, radius))
    return 1.0 / math.sqrt(values[0]) if values[0] > 1e-10 * values[-1] else math.inf


def continuum(problem: DiscreteProblem, multiplier: float) -> tuple[Array, Array]:
    """Vacuum masses, and continuum thresholds of the fluctuation operator (mass^2), each ascending."""
    squared = np.linalg.eigvalsh(mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max))
    return np.sqrt(np.where(squared >= 0, squared, np.nan)), np.linalg.eigvalsh(gaps_of(problem, multiplier))


def gaps_of(problem: DiscreteProblem, multiplier: float) -> Array:
    """W = V''(v) - omega^2 at r_max, (field, field), omega^2 on the fields that carry the norm."""
    return gap_matrix(problem.model, problem.vacuum.values, multiplier * problem.carries_norm, problem.grid.r_max)


def moved_masses_squared(model: AbstractModel, vacuum: Array, away: Array, share: float) -> Array:
    """The masses^2 of the fields that ``away`` (point, field) from a vacuum moves, ascending; 0 for a massless one.

    Moved are the eigendirections of V'' whose largest strength is at least ``share`` of the strongest one's.
    """
    values, vectors = np.linalg.eigh(gap_matrix(model, vacuum, np.zeros(model.n_fields), 0.0))
    strength = np.max(np.abs(away @ square_root(model.kinetic_at(vacuum, 0.0)) @ vectors), axis=0)
    moved = values[strength >= share * np.max(strength)]
    return np.where(moved > MASSLESS * max(1.0, float(values[-1])), moved, 0.0)
