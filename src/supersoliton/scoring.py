"""Masses → fractal_score, hierarchy, regularity, and the null that gives them a meaning.

The scores compare the ratios of a list of masses with the ratios found in nature (the Standard Model masses and a
list of length scales). They are defined in the original work; its authors never asked what a random spectrum scores,
so every score here carries its *null*: the same score of random log-uniform spectra of equal count and span.

Everything is NumPy on the host. A spectrum of 300 masses has 44,850 ratios and its null 200 times as many, so no
density is ever summed over ratios: with x = log₁₀ m sorted, the characteristic function of all kept ratios is

    F(k) = Σ_{i<j, m_j > 1.01 m_i} exp(i k (x_j − x_i)) = Σ_j e^{ikx_j} conj( Σ_{i < a_j} e^{ikx_i} ),

one cumulative sum instead of a double sum (a_j counts the masses below m_j / 1.01), and the Gaussian of the density
estimate is a factor exp(−h²k²/2) that ends the series after a hundred modes or so. Nothing is binned or sampled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float, Int

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
_SMALLEST_RATIO = 1.01  # ratios nearer to one than this are degenerate levels
_LOWEST_TARGET, _HIGHEST_TARGET = 1.1, 500.0
_ELECTROWEAK = np.array([1.1345, 1.3719, 1.5564])  # Z/W, H/Z, H/W
_TOLERANCE = 0.05  # a hit is a target within 5 % of some model ratio
_GRID = np.linspace(np.log10(_LOWEST_TARGET), np.log10(_HIGHEST_TARGET), 400)

# Gaussian cut-off in standard deviations, in x and in k. What is dropped is exp(−5.5²/2) ≈ 3e-7 of a lone ratio's peak
# at worst; measured, the score moves by less than 1e-8 (tests/test_scoring.py).
_CUT = 5.5
# Where the whole density on the grid is below this fraction of a lone ratio's peak, the series no longer resolves its
# shape, and the tail is summed directly over the few ratios that reach the grid.
_TAIL = 1e-3
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
    """Scores of one list of masses; NaN where fewer than three distinct masses leave nothing to score."""

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

    correlation, hits = (float(part[0]) for part in _fractal_parts(x[None, :], aims))
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
    return np.round(ratios[(ratios > _LOWEST_TARGET) & (ratios < _HIGHEST_TARGET)], 3)


def _distinct(masses_or_modes: Any) -> Float[np.ndarray, "n"]:
    masses = np.asarray(getattr(masses_or_modes, "masses", masses_or_modes), dtype=float).ravel()
    if not np.all(np.isfinite(masses)):
        raise ValueError("masses must be finite numbers; drop NaN and infinite entries before scoring.")
    return np.unique(masses[masses > _SMALLEST_MASS])


def _null(fractal: float, x: Float[np.ndarray, "n"], aims: Targets, samples: int, seed: int) -> NullScores:
    random = np.random.default_rng(seed).uniform(x[0], x[-1], size=(samples, len(x)))
    random[:, 0], random[:, -1] = x[0], x[-1]  # equal span, not span shrunk by 2/(n+1)
    random.sort(axis=1)
    values = np.sum(_fractal_parts(random, aims), axis=0)
    defined = values[np.isfinite(values)]
    if not len(defined) or not np.isfinite(fractal):
        return NullScores(np.nan, np.nan, np.nan, values)
    tied = np.abs(defined - fractal) < _ACCURACY
    below = np.mean((defined < fractal) & ~tied) + 0.5 * np.mean(tied)
    return NullScores(float(defined.mean()), float(defined.std()), float(100.0 * below), values)


def _fractal_parts(
    x: Float[np.ndarray, "spectrum n"], aims: Targets
) -> tuple[Float[np.ndarray, "spectrum"], Float[np.ndarray, "spectrum"]]:
    """Correlation and hit score of each row of sorted log₁₀ masses; NaN where a density estimate does not exist."""
    defined, density = _densities(x)
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
    return np.exp(-0.5 * ((_GRID[:, None] - data) / _scott(len(data), data.std(ddof=1))) ** 2).sum(axis=1)


def _target_density(aims: Targets) -> Float[np.ndarray, "400"]:
    return _target_density_of(tuple(aims.ratios))


def _scott(count: int, std: float) -> float:
    """Scott's bandwidth in one dimension, σ n^(−1/5), as in scipy.stats.gaussian_kde."""
    return float(std) * count ** (-0.2)


@dataclass(frozen=True)
class _Kept:
    """The ratios above 1.01 of one sorted row x, described without listing them: for each j those with i < below[j]."""

    below: Int[np.ndarray, "n"]
    count: int
    smallest: float
    largest: float
    bandwidth: float


def _kept_ratios(x: Float[np.ndarray, "n"]) -> _Kept:
    """Count, range and Scott bandwidth of the kept log-ratios, from cumulative sums: O(n), not O(n²)."""
    x = x - x.mean()  # keeps the two-pass variance below from cancelling
    below = np.searchsorted(x + np.log10(_SMALLEST_RATIO), x, side="left")
    count = int(below.sum())
    if count < 2:
        return _Kept(below, count, np.nan, np.nan, 0.0)
    zero = np.zeros(1)
    first, second = np.concatenate([zero, np.cumsum(x)])[below], np.concatenate([zero, np.cumsum(x * x)])[below]
    mean = float(np.sum(below * x - first)) / count
    # Σ (x_j − x_i − mean)², expanded about y_j = x_j − mean so that only sums over i < below[j] are needed
    y = x - mean
    square = float(np.sum(below * y * y - 2.0 * y * first + second))
    reached = below > 0
    last = x[reached] - x[below[reached] - 1]
    span = float(x[-1] - x[0])
    std = np.sqrt(max(square, 0.0) / (count - 1))
    # ratios equal to rounding have no density estimate, in scipy (singular covariance) as here
    return _Kept(below, count, float(last.min()), span, _scott(count, std) if std > 1e-9 * span else 0.0)


def _densities(
    x: Float[np.ndarray, "spectrum n"],
) -> tuple[Int[np.ndarray, "defined"], Float[np.ndarray, "defined point"]]:
    """Density of the kept log₁₀ ratios of each row on the grid, up to a factor per row; rows without one are left out.

    The series is periodic. A period of (range of the ratios + 2 cuts) keeps the images of every ratio a full cut away
    from wherever the density of that row is not negligible; elsewhere the density is set to zero.
    """
    kept = [_kept_ratios(row) for row in x]
    defined = np.array([i for i, ratios in enumerate(kept) if ratios.bandwidth > 0.0], dtype=int)
    density = np.zeros((len(defined), len(_GRID)))
    for rows, modes, period in _batches([kept[i] for i in defined]):
        k = 2.0 * np.pi * np.arange(1, modes + 1) / period
        bandwidth = np.array([kept[defined[r]].bandwidth for r in rows])
        characteristic = _CharacteristicFunction(x.shape[1], k)
        series = np.array([characteristic(x[defined[r]], kept[defined[r]]) for r in rows])
        series *= np.exp(-0.5 * (bandwidth[:, None] * k) ** 2)
        # Σ_m Re[F_m exp(−i k_m x)] = (Re F) cos + (Im F) sin
        angle = np.outer(k, _GRID)
        density[rows] = (1.0 + 2.0 * (series.real @ np.cos(angle) + series.imag @ np.sin(angle))) / period
    for row, i in enumerate(defined):
        ratios = kept[i]
        reach = _CUT * ratios.bandwidth
        density[row, (ratios.smallest - reach > _GRID) | (ratios.largest + reach < _GRID)] = 0.0
        peak = 1.0 / (ratios.bandwidth * np.sqrt(2.0 * np.pi))
        if density[row].max() < _TAIL * peak:
            density[row] = _tail_density(x[i], ratios)
    return defined, density


def _batches(kept: list[_Kept]) -> Iterator[tuple[list[int], int, float]]:
    """Group rows that need a like number of modes, so that one matrix product serves each group."""
    groups: dict[int, list[int]] = {}
    for row, ratios in enumerate(kept):
        width = (ratios.largest - ratios.smallest) / ratios.bandwidth
        groups.setdefault(int(np.ceil(8.0 * np.log2(width + 2.0 * _CUT))), []).append(row)
    for rows in groups.values():
        reach = 2.0 * _CUT * max(kept[r].bandwidth for r in rows)
        period = max(kept[r].largest - kept[r].smallest for r in rows) + reach
        modes = int(np.ceil(period * _CUT / (2.0 * np.pi * min(kept[r].bandwidth for r in rows))))
        yield rows, modes, period


class _CharacteristicFunction:
    """(1/N) Σ exp(i k d) over the kept log-ratios d of spectra of n masses, for k = k₁, 2k₁, 3k₁, …

    A class for the sake of its work space: allocating it afresh for each of 200 spectra took longer than the sums.
    """

    def __init__(self, n: int, k: Float[np.ndarray, "mode"]) -> None:
        self.k = k
        self._powers = np.empty((n, len(k)), dtype=complex)
        self._partial = np.zeros((n + 1, len(k)), dtype=complex)
        self._below = np.empty((n, len(k)), dtype=complex)

    def __call__(self, x: Float[np.ndarray, "n"], kept: _Kept) -> np.ndarray:
        powers, done = self._powers, 1
        powers[:, 0] = np.exp(1j * self.k[0] * (x - x[0]))
        while done < len(self.k):  # e^{i(a+b)x} = e^{iax} e^{ibx}: log₂ products, not one exponential per mode
            more = min(done, len(self.k) - done)
            np.multiply(powers[:, :more], powers[:, done - 1 : done], out=powers[:, done : done + more])
            done += more
        np.cumsum(powers, axis=0, out=self._partial[1:])
        np.take(self._partial, kept.below, axis=0, out=self._below, mode="clip")  # "raise" would buffer `out`
        return np.einsum("jm,jm->m", powers, np.conj(self._below, out=self._below)) / kept.count


def _tail_density(x: Float[np.ndarray, "n"], kept: _Kept) -> Float[np.ndarray, "point"]:
    """Density of ratios that hardly reach the grid, relative to its largest value there, summed directly.

    Far out in a Gaussian tail only the ratios nearest to the grid count, and only on its nearest points: what is 32
    e-folds below the largest term is left out on either side.
    """
    scale = np.sqrt(2.0) * kept.bandwidth
    floor = _GRID[0] - np.hypot(max(_GRID[0] - kept.largest, 0.0), np.sqrt(32.0) * scale)
    ratios = (x[x - x[0] >= floor][None, :] - x[x[-1] - x >= floor][:, None]).ravel()
    ratios = np.sort(ratios[(ratios > np.log10(_SMALLEST_RATIO)) & (ratios >= floor)])
    outside = np.maximum(np.maximum(_GRID[0] - ratios, ratios - _GRID[-1]), 0.0) / scale
    ratios = ratios[outside**2 <= outside.min() ** 2 + 32.0]
    after = np.clip(np.searchsorted(ratios, _GRID), 1, len(ratios) - 1) if len(ratios) > 1 else np.zeros(400, int)
    nearest = np.minimum(np.abs(_GRID - ratios[after]), np.abs(_GRID - ratios[after - 1])) / scale
    points = nearest**2 <= nearest.min() ** 2 + 32.0
    density = np.zeros(len(_GRID))
    density[points] = np.exp(nearest.min() ** 2 - ((_GRID[points, None] - ratios) / scale) ** 2).sum(axis=1)
    return density


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
