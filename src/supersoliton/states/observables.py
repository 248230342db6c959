"""What a physicist reads off a state and its vacuum: size, octaves in the core, mass ratios."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray as Array
from scipy.optimize import brentq

from ..problem.problem import DiscreteProblem
from ..theory.vacua import mass_matrix

_IN_CORE = 0.5  # an octave belongs to the core if it reaches this fraction of the strongest one
_SAMPLES = 500


def core_radius(problem: DiscreteProblem, u: Array) -> float:
    """The last node at which the distance from the vacuum exceeds half of its largest value: a size to the mesh's
    resolution, of any fields."""
    return float(problem.grid.nodes[_last_above_half(np.linalg.norm(u - problem.vacuum.values, axis=1))])


def size(state: Any) -> float:
    """Radius at which the strength sqrt(sum Psi^2) of the carrying fields has fallen to half of its largest value.

    The outermost such radius; NaN where the fields vanish or do not fall (a vacuum, a condensate).
    """
    return half_radius(state, state.problem.carries_norm > 0)


def half_radius(state: Any, of: Array) -> float:
    """:func:`size` of the fields in the mask ``of``: the half-value radius to rounding."""
    problem: DiscreteProblem = state.problem
    r = np.linspace(0.0, problem.grid.r_max, _SAMPLES)

    def strength(radius: Any) -> Any:
        away = state(radius)[..., of] - problem.vacuum.values[of]
        return np.sqrt(np.sum(away**2, axis=-1))

    values = strength(r)
    half = 0.5 * float(np.max(values))
    if not half >= 1e-6 or (last := _last_above_half(values)) == _SAMPLES - 1:
        return float("nan")
    return float(brentq(lambda x: float(strength(np.array(x))) - half, r[last], r[last + 1]))


def _last_above_half(strength: Array) -> int:
    """Index of the last value above half of the largest: what every size of a state means."""
    return int(np.flatnonzero(strength > 0.5 * np.max(strength))[-1])


def octaves_in_core(state: Any) -> int:
    """Number of carrying fields that reach half of the strongest one's amplitude; 0 for a vacuum."""
    problem: DiscreteProblem = state.problem
    away = np.abs(state.u - problem.vacuum.values)[:, problem.carries_norm > 0]
    peaks = np.max(away, axis=0)
    strongest = float(np.max(peaks, initial=0.0))
    return int(np.sum(peaks >= _IN_CORE * strongest)) if strongest > 1e-6 else 0


def vacuum_masses(problem: DiscreteProblem) -> dict[str, float]:
    """Masses of the vacuum, sorted into Higgs and octaves.

    ``mass_ratio``: the mode with most Higgs content over the lightest octave mode; ``octave_splitting``: heaviest over
    lightest octave mode; ``lightest_squared``: the smallest mass squared (negative: the vacuum is unstable). The first
    two are NaN for an unstable vacuum or a model without a Higgs field ``phi`` and octaves.
    """
    matrix = mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max)
    if not np.all(np.isfinite(matrix)):
        return dict.fromkeys(("mass_ratio", "octave_splitting", "lightest_squared"), float("nan"))
    squared, vectors = np.linalg.eigh(matrix)
    ratio = splitting = float("nan")
    if "phi" in problem.model.fields and problem.model.n_fields > 1 and squared[0] > 0:
        higgs = int(np.argmax(np.abs(vectors[problem.model.fields.index("phi")])))
        masses = np.sqrt(squared)
        octaves = np.delete(masses, higgs)
        ratio = float(masses[higgs] / octaves[0])
        splitting = float(octaves[-1] / octaves[0])
    return {"mass_ratio": ratio, "octave_splitting": splitting, "lightest_squared": float(squared[0])}


def mean_modulus(state: Any, field: str) -> float:
    """Average of |field| over the volume of the box; NaN where the model has no such field."""
    problem: DiscreteProblem = state.problem
    if field not in problem.model.fields:
        return float("nan")
    grid = problem.grid
    values = np.abs(grid.at_quadrature(state.u[:, problem.model.fields.index(field)]))
    return float(np.sum(grid.quadrature_weights * values) / np.sum(grid.quadrature_weights))
