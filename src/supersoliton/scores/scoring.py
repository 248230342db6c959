"""`score`: all scores of a list of masses in one call, with the null to compare them with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from numpy import ndarray as Array

from ..machine.arithmetic import numerical
from .fractal import NullScores, fractal
from .hierarchy import hierarchy
from .registry import distinct
from .regularity import regularity
from .targets import Hit, hits_of


@runtime_checkable
class HasMasses(Protocol):
    """An object with masses, such as Modes."""

    @property
    def masses(self) -> Array: ...


@dataclass(frozen=True)
class Scores:
    """Scores of one list of masses; NaN for fewer than three distinct masses. Formulas: :func:`score`.

    Attributes
    ----------
    fractal_score : float
        Match of the mass ratios with those of the targets: ``kde_correlation`` + ``hit_score``.
    kde_correlation, hit_score : float
        Its two parts.
    hierarchy : float
        Largest mass over the smallest.
    regularity : float
        1 for masses that are evenly spaced on a logarithmic scale.
    enhanced_score : float
        ``fractal_score`` times ``hierarchy_bonus``.
    hierarchy_bonus : float
        2 where ``hierarchy`` > 10, else 1.
    hits : tuple of Hit
        The targets that are hit: ``target`` (its name), ``ratio``, the ranks ``heavier`` and ``lighter`` of the two
        masses whose ratio is nearest, and their ``deviation``; as text "t/Z hit by m7/m3 within 1.9 %".
    null : NullScores
        ``fractal_score`` of random spectra: ``mean``, ``std``, ``samples``, and the ``percentile`` of the score given.
    n_masses : int
        Number of distinct masses.
    """

    fractal_score: float
    kde_correlation: float
    hit_score: float
    hierarchy: float
    regularity: float
    enhanced_score: float
    hierarchy_bonus: float
    hits: tuple[Hit, ...]
    null: NullScores
    n_masses: int


@numerical
def score(
    masses_or_modes: Sequence[float] | Array | HasMasses,
    *,
    targets: str = "particle",
    null_samples: int = 200,
    seed: int = 0,
) -> Scores:
    """Score a mass spectrum, compared with random spectra of the same number of masses and span.

    With the distinct masses above 1e-8 of the largest and their ratios above 1.01,

        fractal_score  = corr(density of log₁₀ ratios, density of log₁₀ targets) + Σ w(hit)/n_targets
        hierarchy      = max m / min m
        regularity     = exp(−std/mean of the gaps of log m)
        enhanced_score = fractal_score × hierarchy_bonus, which is 2 if hierarchy > 10, else 1

    where the densities are Gaussian kernel estimates of Scott bandwidth on 400 points of log₁₀ 1.1 … log₁₀ 500, and a
    hit is a target within 5 % of some ratio.

    Parameters
    ----------
    masses_or_modes : sequence of float or ndarray or Modes
        Masses in any unit, or an object with ``masses``.
    targets : {"particle", "original"}
        Ratios of Standard Model masses and length scales, today's or those of
        parameter_scan_supersoliton_v39_STABLE_HIERARCHY.py.
    null_samples : int, default 200
        Number of random spectra; 0 for none.
    seed : int, default 0
        Seed of the random spectra.

    Returns
    -------
    Scores
        The scores, and those of the random spectra.

    Raises
    ------
    ValueError
        If a mass is not finite, ``targets`` is unknown, or ``null_samples`` is negative.

    Examples
    --------
    >>> scores = ss.score([1.0, 3.0, 9.0, 80.0])
    >>> print(f"{scores.hierarchy:.1f} {scores.regularity:.4f} {scores.fractal_score:.4f} {scores.null.mean:.4f}")
    80.0 0.7043 0.4138 0.9434
    >>> print(scores.hits[0])
    d/e hit by m3/m1 within 2.2 %
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
        hierarchy_bonus=found.bonus,
        hits=hits_of(masses, targets),
        null=found.null,
        n_masses=len(masses),
    )
