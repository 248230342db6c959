"""`score`: all scores of a list of masses in one call, with the null to compare them with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .fractal import NullScores, fractal
from .hierarchy import hierarchy
from .registry import distinct
from .regularity import regularity


@dataclass(frozen=True)
class Scores:
    """Scores of one list of masses; NaN where fewer than three distinct masses leave nothing to score.

    ``fractal_score`` is ``kde_correlation`` + ``hit_score``; the formulas are those of :func:`score`. ``null``: the
    same of random spectra; ``n_masses``: how many distinct masses were scored.
    """

    fractal_score: float
    kde_correlation: float
    hit_score: float
    hierarchy: float
    regularity: float
    enhanced_score: float
    null: NullScores
    n_masses: int


def score(masses_or_modes: Any, *, targets: str = "particle", null_samples: int = 200, seed: int = 0) -> Scores:
    """Score a spectrum: how fractal, how hierarchical, how regular, and how a random spectrum would have done.

    With the distinct masses above 1e-6 and their ratios above 1.01,

        fractal_score  = corr(density of log₁₀ ratios, density of log₁₀ targets) + Σ w(hit)/n_targets
        hierarchy      = max m / min m
        regularity     = exp(−std/mean of the gaps of log m)
        enhanced_score = fractal_score × (2 if hierarchy > 10 else 1)

    where the densities are Gaussian kernel estimates of Scott bandwidth on 400 points of log₁₀ 1.1 … log₁₀ 500, and a
    hit is a target within 5 % of some ratio. The correlation is that of the exact densities to 1e-7.

    `masses_or_modes`: an array of masses (any unit) or an object with `.masses`. `seed` fixes the null; the ends of
    every random spectrum are those of the real one, so count and span agree exactly; `null_samples=0` skips it.
    Raises ValueError for NaN or infinite masses, an unknown `targets`, or a negative `null_samples`.
    """
    if null_samples < 0:
        raise ValueError(f"null_samples must be zero or more, not {null_samples}.")
    masses = distinct(getattr(masses_or_modes, "masses", masses_or_modes))
    found = fractal(masses, targets, null_samples, seed)
    return Scores(
        fractal_score=found.score,
        kde_correlation=found.correlation,
        hit_score=found.hits,
        hierarchy=hierarchy(masses),
        regularity=regularity(masses),
        enhanced_score=found.enhanced,
        null=found.null,
        n_masses=len(masses),
    )
