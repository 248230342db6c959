"""Masses → fractal_score, hierarchy, regularity, and the null that gives them a meaning.

The scores compare the ratios of a list of masses with the ratios found in nature (the Standard Model masses and a
list of length scales). They are defined in the original work; its authors never asked what a random spectrum scores,
so every score here carries its *null*: the same score of random log-uniform spectra of equal count and span.

Everything is NumPy on the host; :mod:`.ratio_density` has the densities.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from .ratio_density import GRID, HIGHEST_TARGET, LOWEST_TARGET, RandomSpectra, Spectra, densities, scott

__all__ = ["NullScores", "Scores", "Targets", "score", "score_targets"]

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

_SMALLEST_MASS = 1e-6  # below it a "mass" is a zero mode
_ELECTROWEAK = np.array([1.1345, 1.3719, 1.5564])  # Z/W, H/Z, H/W
_TOLERANCE = 0.05  # a hit is a target within 5 % of some model ratio

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
    aims = score_targets(targets)
    x = np.log10(_distinct(masses_or_modes))
    if len(x) < 3:
        nothing = NullScores(np.nan, np.nan, np.nan, np.full(null_samples, np.nan))
        hierarchy = float(10.0 ** (x[1] - x[0])) if len(x) == 2 else np.nan
        return Scores(np.nan, np.nan, np.nan, hierarchy, np.nan, np.nan, nothing, len(x))

    correlation, hits = (float(part[0]) for part in _fractal_parts(Spectra(x[None, :]), aims))
    fractal = correlation + hits
    hierarchy = float(10.0 ** (x[-1] - x[0]))
    gaps = np.diff(x)
    return Scores(
        fractal_score=fractal,
        kde_correlation=correlation,
        hit_score=hits,
        hierarchy=hierarchy,
        regularity=float(np.exp(-gaps.std() / gaps.mean())),
        enhanced_score=fractal * (2.0 if hierarchy > 10.0 else 1.0),
        null=_null(fractal, x, aims, null_samples, seed),
        n_masses=len(x),
    )


def _pdg_masses() -> Float[np.ndarray, "12"]:
    from particle import Particle  # 0.15 s of tables: only when asked for

    return np.array([Particle.from_pdgid(pdg_id).mass for pdg_id in _PDG_IDS], dtype=float)


def _pair_ratios(values: Float[np.ndarray, "n"]) -> Float[np.ndarray, "pair"]:
    values = np.sort(values)
    ratios = (values[None, :] / values[:, None])[np.triu_indices(len(values), 1)]
    return np.round(ratios[(ratios > LOWEST_TARGET) & (ratios < HIGHEST_TARGET)], 3)


def _distinct(masses_or_modes: Any) -> Float[np.ndarray, "n"]:
    masses = np.asarray(getattr(masses_or_modes, "masses", masses_or_modes), dtype=float).ravel()
    if not np.all(np.isfinite(masses)):
        raise ValueError("masses must be finite numbers; drop NaN and infinite entries before scoring.")
    return np.unique(masses[masses > _SMALLEST_MASS])


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
    correlation[defined] = _correlate(density, _target_density(aims))
    hits = np.array([aims.weights[_is_hit(row, aims.ratios)].sum() for row in x], dtype=float) / len(aims.ratios)
    return correlation, np.where(np.isfinite(correlation), hits, np.nan)


def _correlate(rows: Float[np.ndarray, "row point"], y: Float[np.ndarray, "point"]) -> Float[np.ndarray, "row"]:
    rows = rows - rows.mean(axis=1, keepdims=True)
    y = y - y.mean()
    return (rows @ y) / (np.linalg.norm(rows, axis=1) * np.linalg.norm(y))


@lru_cache(maxsize=4)
def _target_density_of(ratios: tuple[float, ...]) -> Float[np.ndarray, "400"]:
    data = np.log10(np.array(ratios))
    return np.exp(-0.5 * ((GRID[:, None] - data) / scott(len(data), data.std(ddof=1))) ** 2).sum(axis=1)


def _target_density(aims: Targets) -> Float[np.ndarray, "400"]:
    return _target_density_of(tuple(aims.ratios))


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
