"""The fractal score of a spectrum: how like its mass ratios are to those of nature, and the null of that.

It compares the ratios of a list of masses with the ratios found in nature (the Standard Model masses and a list of
length scales). It is defined in the original work; its authors never asked what a random spectrum scores, so it comes
here with its *null*: the same score of random log-uniform spectra of equal count and span.

Everything is NumPy on the host; :mod:`.ratio_density` has the densities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Float, Int

from ..theory.base import Column
from .hierarchy import hierarchy
from .ratio_density import GRID, HIGHEST_TARGET, LOWEST_TARGET, RandomSpectra, Spectra, densities, scott
from .score import Score, ScoreSettings

# Masses of the original, GeV: u d s c b t, e mu tau, W Z H.
ORIGINAL_MASSES = (
    0.0022, 0.0047, 0.095, 1.27, 4.18, 173.21, 0.000511, 0.10566, 1.77686, 80.379, 91.1876, 125.1,
)  # fmt: skip
# Length scales of the original, metres: Planck, 1e-18, 1e-15, electron Compton, Bohr, 1e-10, visible light, metre,
# Earth, astronomical unit, light year, galaxy, observable universe.
ORIGINAL_LENGTHS = (
    1.616e-35, 1e-18, 1e-15, 2.426e-12, 5.292e-11, 1e-10, 5e-7, 1.0, 1.274e7, 1.496e11, 9.461e15, 9.461e20, 8.8e26,
)  # fmt: skip
_PDG_IDS = (2, 1, 3, 4, 5, 6, 11, 13, 15, 24, 23, 25)  # the same twelve particles in the same order

_ELECTROWEAK = np.array([1.1345, 1.3719, 1.5564])  # Z/W, H/Z, H/W
_TOLERANCE = 0.05  # a hit is a target within 5 % of some model ratio

# By construction 5 % of spectra drawn at random lie above the 95th percentile of their own null.
NULL_PERCENTILE = 95.0
_ACCURACY = 1e-7  # scores nearer to each other than this are ties


@dataclass(frozen=True)
class Targets:
    """Ratios to be hit: `ratios` ascending, `weights` (3 electroweak, 5 above 10, else 1), `maximum` score."""

    ratios: Float[np.ndarray, "target"]
    weights: Int[np.ndarray, "target"]

    @property
    def maximum(self) -> float:
        """Score of a perfect correlation with every target hit, 1 + Σw/n; 4.952 for the original's list."""
        return 1.0 + float(self.weights.sum()) / len(self.ratios)

    @cached_property
    def density(self) -> Float[np.ndarray, "400"]:
        """The density of their logarithms on the grid, up to a factor."""
        data = np.log10(self.ratios)
        return np.exp(-0.5 * ((GRID[:, None] - data) / scott(len(data), data.std(ddof=1))) ** 2).sum(axis=1)


@dataclass(frozen=True)
class NullScores:
    """fractal_score of random log-uniform spectra of the same count and span.

    `percentile` is where the real score stands among the `samples` (50: no better than chance; ties count half).
    """

    mean: float
    std: float
    percentile: float
    samples: Float[np.ndarray, "sample"]


@dataclass(frozen=True)
class Fractal:
    """The score, correlation + hits; that of a wide spectrum doubled; and its null."""

    correlation: float
    hits: float
    enhanced: float
    null: NullScores

    @property
    def score(self) -> float:
        return self.correlation + self.hits


@lru_cache(maxsize=2)
def score_targets(targets: str = "particle") -> Targets:
    """Pair ratios in (1.1, 500), rounded to three decimals, of the twelve masses and of the inverse length scales.

    `targets`: "particle" takes the masses from the particle package (Particle Data Group), "original" the numbers of
    the original work, for which this gives 39 + 3 = 42 targets. Raises ValueError for any other word.
    """
    if targets == "original":
        masses = np.array(ORIGINAL_MASSES)
    elif targets == "particle":
        masses = _pdg_masses()
    else:
        raise ValueError(f'targets must be "particle" or "original", not {targets!r}.')
    pairs = np.concatenate([_pair_ratios(masses), _pair_ratios(1.0 / np.array(ORIGINAL_LENGTHS))])
    ratios = np.unique(pairs)
    electroweak = (np.abs(ratios[:, None] / _ELECTROWEAK - 1.0) < 0.1).any(axis=1)
    return Targets(ratios, np.where(electroweak, 3, np.where(ratios > 10.0, 5, 1)))


def fractal(masses: Float[np.ndarray, "n"], targets: str, null_samples: int, seed: int) -> Fractal:
    """Of distinct masses in ascending order; NaN for fewer than three. The formula is that of :func:`.score`."""
    aims = score_targets(targets)
    if len(masses) < 3:
        nothing = NullScores(np.nan, np.nan, np.nan, np.full(null_samples, np.nan))
        return Fractal(np.nan, np.nan, np.nan, nothing)
    x = np.log10(masses)
    correlation, hits = (float(part[0]) for part in _fractal_parts(Spectra(x[None, :]), aims))
    score = correlation + hits
    enhanced = score * (2.0 if hierarchy(masses) > 10.0 else 1.0)
    return Fractal(correlation, hits, enhanced, _null(score, x, aims, null_samples, seed))


def _pdg_masses() -> Float[np.ndarray, "12"]:
    from particle import Particle  # 0.15 s of tables: only when asked for

    return np.array([Particle.from_pdgid(pdg_id).mass for pdg_id in _PDG_IDS], dtype=float)


def _pair_ratios(values: Float[np.ndarray, "n"]) -> Float[np.ndarray, "pair"]:
    values = np.sort(values)
    ratios = (values[None, :] / values[:, None])[np.triu_indices(len(values), 1)]
    return np.round(ratios[(ratios > LOWEST_TARGET) & (ratios < HIGHEST_TARGET)], 3)


def _null(fractal: float, x: Float[np.ndarray, "n"], aims: Targets, samples: int, seed: int) -> NullScores:
    values = np.sum(_fractal_parts(RandomSpectra(x[0], x[-1], len(x), samples, seed), aims), axis=0)
    defined = values[np.isfinite(values)]
    if not len(defined) or not np.isfinite(fractal):
        return NullScores(np.nan, np.nan, np.nan, values)
    tied = np.abs(defined - fractal) < _ACCURACY
    below = np.mean((defined < fractal) & ~tied) + 0.5 * np.mean(tied)
    return NullScores(float(defined.mean()), float(defined.std()), float(100.0 * below), values)


def _fractal_parts(
    spectra: Spectra, aims: Targets
) -> tuple[Float[np.ndarray, "spectrum"], Float[np.ndarray, "spectrum"]]:
    """Correlation and hit score of each spectrum; NaN where a density estimate does not exist."""
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


def _is_hit(x: Float[np.ndarray, "n"], targets: Float[np.ndarray, "target"]) -> np.ndarray:
    """Whether some ratio of the sorted log-masses lies within 5 % of each target.

    Most targets are settled by the lightest mass, or by being out of reach; the rest go through ever more masses.
    """
    low, high = np.log10((1.0 - _TOLERANCE) * targets), np.log10((1.0 + _TOLERANCE) * targets)
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
        "null_mean": found.null.mean,
        "null_std": found.null.std,
        "null_percentile": found.null.percentile,
    }


def _sentences(columns: Mapping[str, np.ndarray], who: str) -> list[str]:
    """Whether the scores beat random spectra of the same count and span."""
    percentiles = columns["null_percentile"][np.isfinite(columns["null_percentile"])]
    if not percentiles.size:
        return ["No converged trial has a score that could be compared with random spectra."]
    above = int(np.sum(percentiles > NULL_PERCENTILE))
    expected = 0.05 * percentiles.size
    score, null = (_median(columns[name]) for name in ("fractal_score", "null_mean"))
    text = (
        f"Against random spectra of equal count and span, the fractal score of the {percentiles.size} {who} lies at "
        f"the median percentile {np.median(percentiles):.0f} (median score {score:.3f}, mean of the null {null:.3f}, "
        f"largest possible with the original's targets 4.952); {above} {'lies' if above == 1 else 'lie'} above the "
        f"{NULL_PERCENTILE:.0f}th percentile, where chance alone puts about {expected:.2g}."
    )
    # One-sided 5 % binomial bound on the count that chance alone gives.
    from scipy.stats import binom

    if above <= binom.ppf(0.95, percentiles.size, 0.05):
        return [text, "That does not beat the null: these scores carry no evidence of structure in the spectra."]
    return [
        text,
        "That beats the null, but so does many an empty box: the null's masses are spread log-uniformly, a box's never."
        " It is no evidence of a likeness to nature, and trials picked by an optimiser are no independent sample.",
    ]


def _median(values: np.ndarray) -> float:
    return float(np.median(values[np.isfinite(values)])) if np.isfinite(values).any() else float("nan")


FRACTAL = Score(
    {
        "fractal_score": Column(
            "fractal score",
            "likeness of the mass ratios to those of nature, correlation of densities plus hits",
            in_table=False,
        ),
        "enhanced_score": Column(
            "enhanced score", "fractal score, doubled where the hierarchy is above 10", in_table=False
        ),
        "null_mean": Column("mean of the null", "mean fractal score of random spectra", in_table=False),
        "null_std": Column("spread of the null", "standard deviation of that", in_table=False),
        "null_percentile": Column(
            "percentile in the null",
            "where the fractal score lies among those of random spectra of equal count and span",
        ),
    },
    _compute,
    _sentences,
)
