"""What the vacuum says about a state far away: decay length, masses, thresholds of the continua."""

from __future__ import annotations

import math

import numpy as np
from numpy import ndarray as Array

from ..theory.vacua import mass_matrix
from .problem import DiscreteProblem, Problem


def decay_length(problem: Problem, radius: float = 0.0) -> float:
    """1/sqrt of the smallest positive eigenvalue of V''(v) - omega^2 (infinite where there is none)."""
    matrix = mass_matrix(problem.model, problem.vacuum.values, radius) - np.diag(
        problem.multiplier_shift / problem.model.kinetic
    )
    values = np.linalg.eigvalsh(matrix) if np.all(np.isfinite(matrix)) else np.empty(0)
    positive = values[values > 1e-12]
    return 1.0 / math.sqrt(float(positive[0])) if len(positive) else math.inf


def continuum(problem: DiscreteProblem, multiplier: float) -> tuple[Array, Array]:
    """(vacuum masses, thresholds of the operator as eigenvalues), each ascending."""
    matrix = mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max)
    lowered = matrix - np.diag(multiplier * problem.carries_norm / problem.model.kinetic)
    squared = np.linalg.eigvalsh(matrix)
    return np.sqrt(np.where(squared >= 0, squared, np.nan)), np.linalg.eigvalsh(lowered)
