"""The fractal score: similarity of the mass ratios of a spectrum to ratios found in nature, with a random control.

The ratios in nature are those of the Standard Model masses and of a list of length scales. The score is that of the
script `parameter_scan_supersoliton_v39_STABLE_HIERARCHY.py`, which has no control; here it comes with its *null*, the
same score of random log-uniform spectra with equal count and span. The densities are in :mod:`.ratio_density`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..theory.base import Column
from .fractal_slopes import Ratios
from .hierarchy import hierarchy
from .ratio_density import RandomSpectra, SharedSpectra, Spectra, densities
from .score import Score, ScoreSettings, Shape, Slope, time_to_close
from .targets import TOLERANCE, Targets, hits_of, score_targets

NULL_PERCENTILE = 95.0  # of the null; 5 % of random spectra are above it
_ACCURACY = 1e-7  # scores that differ by less are ties
_FEWER = 5  # samples of the log-uniform null for each of that of equal shape, which costs twice as much
_NULLS = {
    "null": "random log-uniform spectra of equal count and span",
    "shape": "spectra of equal shape (the same continuum and lightest mass, as many bound masses at random)",
}


@dataclass(frozen=True)
class NullScores:
    """fractal_score of random log-uniform spectra of the same count and span.

    `percentile`: the percentage of `samples` below the real score (50: no better than chance; ties count half).
    """

    mean: float
    std: float
    percentile: float
    samples: Float[np.ndarray, "sample"]


@dataclass(frozen=True)
class Fractal:
    """The parts of the score, the bonus (2 for a hierarchy above 10, else 1), and the null."""

    correlation: float
    hits: float
    bonus: float
    null: NullScores

    @property
    def score(self) -> float:
        return self.correlation + self.hits

    @property
    def enhanced(self) -> float:
        return self.score * self.bonus


def fractal(masses: Float[np.ndarray, "n"], targets: str, null_samples: int, seed: int) -> Fractal:
    """The fractal score, as in :func:`.score`, of distinct masses in ascending order; NaN for fewer than three."""
    aims = score_targets(targets)
    if len(masses) < 3:
        nothing = NullScores(np.nan, np.nan, np.nan, np.full(null_samples, np.nan))
        return Fractal(np.nan, np.nan, np.nan, nothing)
    x = np.log10(masses)
    correlation, hits = (float(part[0]) for part in _fractal_parts(Spectra(x[None, :]), aims))
    score = correlation + hits
    bonus = 2.0 if hierarchy(masses) > 10.0 else 1.0
    return Fractal(correlation, hits, bonus, _null(score, x, aims, null_samples, seed))


def _null(fractal: float, x: Float[np.ndarray, "n"], aims: Targets, samples: int, seed: int) -> NullScores:
    return _compared(fractal, RandomSpectra(x[0], x[-1], len(x), samples, seed), aims)


def equal_shape(
    masses: Float[np.ndarray, "n"], shape: Shape, targets: str, samples: int, seed: int, score: float
) -> NullScores:
    """The null of equal shape: the same waves, the lightest mass, and random bound masses between it and the continuum.

    They are log-uniform, as many as there are, and the waves those of the empty box. NaN for fewer than two bound
    masses, where nothing is random.
    """
    bound = masses[masses < shape.continuum]
    waves = shape.waves if shape.all_of_them else shape.waves[: len(masses) - len(bound)]
    if len(bound) < 2 or not len(waves) or not samples:
        return NullScores(np.nan, np.nan, np.nan, np.full(samples, np.nan))
    low, high = np.log10(bound[0]), np.log10(shape.continuum)
    own = low + (high - low) * np.random.default_rng(seed).uniform(size=(samples, len(bound) - 1))
    return _compared(score, SharedSpectra(np.log10(np.concatenate([bound[:1], waves])), own), score_targets(targets))


def _compared(fractal: float, spectra: Spectra, aims: Targets) -> NullScores:
    """A score among those of random spectra."""
    values = np.sum(_fractal_parts(spectra, aims), axis=0)
    defined = values[np.isfinite(values)]
    if not len(defined) or not np.isfinite(fractal):
        return NullScores(np.nan, np.nan, np.nan, values)
    tied = np.abs(defined - fractal) < _ACCURACY
    below = np.mean((defined < fractal) & ~tied) + 0.5 * np.mean(tied)
    return NullScores(float(defined.mean()), float(defined.std()), float(100.0 * below), values)


def _fractal_parts(
    spectra: Spectra, aims: Targets
) -> tuple[Float[np.ndarray, "spectrum"], Float[np.ndarray, "spectrum"]]:
    """Correlation and hit score of each spectrum; NaN without a density estimate."""
    x = spectra.x
    defined, density = densities(spectra)
    correlation = np.full(len(x), np.nan)
    correlation[defined] = _correlate(density, aims.density)
    hits = np.array([aims.weights[_is_hit(row, aims.ratios)].sum() for row in x], dtype=float) / len(aims.ratios)
    return correlation, np.where(np.isfinite(correlation), hits, np.nan)


def _correlate(rows: Float[np.ndarray, "row point"], y: Float[np.ndarray, "point"]) -> Float[np.ndarray, "row"]:
    rows = rows - rows.mean(axis=1, keepdims=True)
    y = y - y.mean()
    return (rows @ y) / (np.linalg.norm(rows, axis=1) * np.linalg.norm(y))


def _window(targets: Float[np.ndarray, "t"]) -> tuple[np.ndarray, np.ndarray]:
    """The log-ratios between which a ratio hits each target."""
    return np.log10((1.0 - TOLERANCE) * targets), np.log10((1.0 + TOLERANCE) * targets)


def _is_hit(x: Float[np.ndarray, "n"], targets: Float[np.ndarray, "target"]) -> np.ndarray:
    """Whether some ratio of the sorted log-masses lies within 5 % of each target.

    Most targets are decided by the lightest mass or are out of range; the others are compared with more masses in turn.
    """
    low, high = _window(targets)
    hit = np.zeros(len(targets), dtype=bool)
    open_ = np.flatnonzero(low < x[-1] - x[0])
    start, size = 0, 1
    while len(open_) and start < len(x):
        lighter = x[start : start + size, None]
        first = np.searchsorted(x, lighter + low[open_], side="right")
        last = np.searchsorted(x, lighter + high[open_], side="left")
        found = (last > first).any(axis=0)
        hit[open_[found]] = True
        open_ = open_[~found]
        start, size = start + size, 4 * size
    return hit


def _compute(masses: np.ndarray, options: ScoreSettings) -> dict[str, float]:
    found = fractal(masses, options.targets, options.null_samples, options.seed)
    return {
        "fractal_score": found.score,
        "enhanced_score": found.enhanced,
        "hierarchy_bonus": found.bonus,
        "hit_score": found.hits,
        "target_hits": float(len(hits_of(masses, options.targets))) if len(masses) >= 3 else np.nan,
        "null_mean": found.null.mean,
        "null_std": found.null.std,
        "null_percentile": found.null.percentile,
    }


def _slopes(masses: np.ndarray, options: ScoreSettings, rates: np.ndarray) -> dict[str, Slope]:
    """Those of the correlation: the hit score is a step function, with slope 0 between its steps."""
    if len(masses) < 3:
        return {}
    aims = score_targets(options.targets)
    x, moving = np.log10(masses), rates / masses / np.log(10.0)
    ratios = Ratios(x, moving)
    reach = ratios.reach(*_window(aims.ratios))
    score = Slope(ratios.correlation(aims.density), reach)
    span, widening = x[-1] - x[0], (moving[:, -1] - moving[:, 0])[:, None]
    doubled = np.minimum(reach, time_to_close(x[-1:] - x[0] - 1.0, widening))  # the hierarchy passes 10
    return {"fractal_score": score, "enhanced_score": Slope(score.rates * (2.0 if span > 1.0 else 1.0), doubled)}


def _compare(
    masses: np.ndarray, options: ScoreSettings, shape: Shape | None, scored: Mapping[str, float]
) -> dict[str, float]:
    found = NullScores(np.nan, np.nan, np.nan, np.zeros(0))
    if shape is not None and len(masses) >= 3:
        samples = -(-options.null_samples // _FEWER)
        found = equal_shape(masses, shape, options.targets, samples, options.seed, scored["fractal_score"])
    return {"shape_mean": found.mean, "shape_std": found.std, "shape_percentile": found.percentile}


def _sentences(columns: Mapping[str, np.ndarray], who: str) -> list[str]:
    """Whether the scores beat either null, the best of many corrected for their number."""
    found = {prefix: _Beaten.of(columns, prefix) for prefix in _NULLS}
    out = [found[prefix].in_words(words, who) for prefix, words in _NULLS.items() if found[prefix].sigma.size]
    if not out:
        return ["No converged trial has a score to compare with random spectra."]
    return [*out, _verdict(found["null"], found["shape"])]


class _Beaten(NamedTuple):
    """How far scores lie above a null: standard deviations and percentiles where it is defined, of so many scores.

    Scores without a null, where nothing is random, count among those of which the best is looked at.
    """

    sigma: np.ndarray
    percentiles: np.ndarray
    scored: int

    @classmethod
    def of(cls, columns: Mapping[str, np.ndarray], prefix: str) -> _Beaten:
        score, percentiles = columns["fractal_score"], columns[f"{prefix}_percentile"]
        sigma = (score - columns[f"{prefix}_mean"]) / np.maximum(columns[f"{prefix}_std"], _ACCURACY)
        known = np.isfinite(sigma) & np.isfinite(percentiles)
        return cls(sigma[known], percentiles[known], int(np.isfinite(score).sum()))

    @property
    def above(self) -> int:
        return int(np.sum(self.percentiles > NULL_PERCENTILE))

    @property
    def beats_chance(self) -> bool:
        """More above the 95th percentile than chance puts there (one-sided 5 %), or a best that chance has not."""
        from scipy.stats import binom

        return bool(
            self.above > binom.ppf(0.95, self.scored, 0.05) or _best_of(float(np.max(self.sigma)), self.scored) < 0.05
        )

    def in_words(self, null: str, who: str) -> str:
        best = float(np.max(self.sigma))
        return (
            f"Against {null} the fractal score of {len(self.sigma)} of {self.scored} {who} lies at "
            f"{np.median(self.sigma):+.1f} standard deviations in the median (percentile "
            f"{np.median(self.percentiles):.0f}); {self.above} {'lies' if self.above == 1 else 'lie'} above the "
            f"{NULL_PERCENTILE:.0f}th percentile, where chance alone puts {0.05 * len(self.sigma):.2g}. By chance the "
            f"best of {self.scored} exceeds {best:+.1f} standard deviations with probability "
            f"{_best_of(best, self.scored):.2g}."
        )


def _best_of(sigma: float, count: int) -> float:
    """The probability that the largest of so many independent normal values exceeds ``sigma`` (Sidak)."""
    from scipy.stats import norm

    return float(-np.expm1(count * norm.logcdf(sigma)))


def _verdict(uniform: _Beaten, shape: _Beaten) -> str:
    """The plain verdict: from the null of equal shape, or from the other where no spectrum has one."""
    if not (shape if shape.sigma.size else uniform).beats_chance:
        return "That is no more than chance: these scores are no evidence of structure in the spectra."
    if not shape.sigma.size:
        return (
            "That is more than chance against log-uniform spectra only, which have another shape than a few bound "
            "masses below a continuum: it is no evidence of structure in the spectra."
        )
    return (
        "That is more than chance even at equal shape. But trials that an optimiser chose by this score are neither "
        "independent nor random: repeat the comparison with the sampler random before calling it structure."
    )


FRACTAL = Score(
    {
        "fractal_score": Column(
            "fractal score",
            "similarity of the mass ratios to those in nature, correlation of densities plus hits",
            in_table=False,
        ),
        "enhanced_score": Column("enhanced score", "fractal score, doubled where the hierarchy is above 10"),
        "hierarchy_bonus": Column(
            "hierarchy bonus", "factor of the enhanced score: 2 where the hierarchy is above 10, else 1"
        ),
        "hit_score": Column("hit score", "the part of the fractal score that targets hit give", in_table=False),
        "target_hits": Column("targets hit", "number of target ratios within 5 % of a ratio of masses", digits=3),
        "null_mean": Column("mean of the null", "mean fractal score of random spectra", in_table=False),
        "null_std": Column(
            "spread of the null", "standard deviation of the fractal score of random spectra", in_table=False
        ),
        "null_percentile": Column(
            "percentile in the null", "percentage of random spectra of equal count and span with a lower fractal score"
        ),
        "shape_mean": Column("mean at equal shape", "mean fractal score of the null of equal shape", in_table=False),
        "shape_std": Column("spread at equal shape", "standard deviation in the null of equal shape", in_table=False),
        "shape_percentile": Column(
            "percentile at equal shape",
            "the same among spectra with the same continuum and lightest mass and as many bound masses at random",
        ),
    },
    _compute,
    _sentences,
    _compare,
    _slopes,
)
