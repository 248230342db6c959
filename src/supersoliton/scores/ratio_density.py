"""The density of the mass ratios of a spectrum, by its Fourier series instead of a sum over all ratios.

A spectrum of 300 masses has 44,850 ratios, and its null 200 times as many. With x = log₁₀ m sorted, the characteristic
function of the kept ratios, those above 1.01, is

    F(k) = Σ_{i<j, m_j > 1.01 m_i} exp(i k (x_j − x_i)) = Σ_j e^{ikx_j} conj( Σ_{i < a_j} e^{ikx_i} ),

a cumulative sum instead of a double sum (a_j counts the masses below m_j / 1.01). The Gaussian kernel of the density
estimate is a factor exp(−h²k²/2), so about a hundred modes are enough. Nothing is binned or sampled. The spectra of a
null are unit spectra stretched to a span: with k in units of 1/span their sums over *all* pairs are the same for every
score, and only the sums over the few degenerate pairs are computed each time and subtracted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Complex, Float, Int

SMALLEST_RATIO = 1.01  # smaller ratios are between degenerate levels
LOWEST_TARGET, HIGHEST_TARGET = 1.1, 500.0
GRID = np.linspace(np.log10(LOWEST_TARGET), np.log10(HIGHEST_TARGET), 400)

# Gaussian cut-off in standard deviations, in x and in k. It neglects at most exp(−5.5²/2) ≈ 3e-7 of a single ratio's
# peak; the score changes by less than 1e-8 (tests/scores/test_scoring.py).
_CUT = 5.5
# If the density on the whole grid is below this fraction of a single ratio's peak, the series does not resolve its
# shape, and the few ratios near the grid are summed directly.
_TAIL = 1e-3
# With fewer degenerate ratios per mass than this, subtracting them from the sums over all pairs is faster.
_FEW_DEGENERATE = 4.0


class Spectra:
    """Spectra of one span, as rows of sorted log-masses x."""

    def __init__(self, x: Float[np.ndarray, "spectrum n"]) -> None:
        self.x = x
        self.span = float(x[0, -1] - x[0, 0]) if len(x) else 0.0

    def kept_sums(
        self, rows: Int[np.ndarray, "row"], below: Int[np.ndarray, "row n"], period: float, modes: int
    ) -> Complex[np.ndarray, "row mode"]:
        """Σ exp(i k (x_j − x_i)) over i < below[j], for k = 2πm/(period × span), m = 1 … modes, of some of the rows."""
        unit = (self.x[rows] - self.x[rows, :1]) / self.span
        return _pair_sums(unit, below, period, modes)


class RandomSpectra(Spectra):
    """Random log-uniform spectra of n masses between two ends: those of the unit interval, stretched.

    Both ends are masses of every spectrum, so that the span is equal and not reduced by 2/(n + 1).
    """

    def __init__(self, low: float, high: float, n: int, samples: int, seed: int) -> None:
        self._drawn = (n, samples, seed)
        super().__init__(low + (high - low) * _unit_spectra(n, samples, seed))
        self.span = high - low

    def kept_sums(
        self, rows: Int[np.ndarray, "row"], below: Int[np.ndarray, "row n"], period: float, modes: int
    ) -> Complex[np.ndarray, "row mode"]:
        degenerate = np.arange(self.x.shape[1]) - below
        if np.mean(degenerate) > _FEW_DEGENERATE:
            return super().kept_sums(rows, below, period, modes)
        k = 2.0 * np.pi * np.arange(1, modes + 1) / (period * self.span)
        every = _unit_pair_sums(*self._drawn, period, modes)[rows]
        return every - _degenerate_sums(self.x[rows], degenerate, k)


class SharedSpectra(Spectra):
    """Spectra that consist of ``shared`` log-masses, among them the lightest and the heaviest, and of their ``own``.

    Sums over pairs of shared masses are the same for all; those with a few own masses come from cumulative sums.
    """

    def __init__(self, shared: Float[np.ndarray, " m"], own: Float[np.ndarray, "spectrum k"]) -> None:
        self._shared, self._own = np.sort(shared), np.sort(own, axis=1)
        every = np.broadcast_to(self._shared, (len(own), len(shared)))
        super().__init__(np.sort(np.concatenate([every, own], axis=1), axis=1))

    def kept_sums(
        self, rows: Int[np.ndarray, "row"], below: Int[np.ndarray, "row n"], period: float, modes: int
    ) -> Complex[np.ndarray, "row mode"]:
        start, apart = self._shared[0], np.log10(SMALLEST_RATIO) / self.span
        shared, own = (self._shared - start) / self.span, (self._own[rows] - start) / self.span
        waves = _powers(np.concatenate([shared, own.ravel()]), period, modes)
        fixed, moving = waves[: len(shared)], waves[len(shared) :].reshape(*own.shape, modes)
        sums = np.concatenate([np.zeros((1, modes)), np.cumsum(fixed, axis=0)])
        pairs = np.sum(fixed * np.conj(sums[np.searchsorted(shared + apart, shared)]), axis=0)
        lighter = sums[np.searchsorted(shared + apart, own)]
        heavier = sums[-1] - sums[np.searchsorted(shared, own + apart, side="right")]
        both = own[:, :, None] > own[:, None, :] + apart  # (row, heavier, lighter)
        lighter = lighter + both @ moving
        return np.asarray(pairs + np.sum(moving * np.conj(lighter) + np.conj(moving) * heavier, axis=1))


@lru_cache(maxsize=8)
def _unit_spectra(n: int, samples: int, seed: int) -> Float[np.ndarray, "spectrum n"]:
    u = np.random.default_rng(seed).uniform(size=(samples, n))
    u[:, 0], u[:, -1] = 0.0, 1.0
    u.sort(axis=1)
    return u


@lru_cache(maxsize=16)
def _unit_pair_sums(n: int, samples: int, seed: int, period: float, modes: int) -> np.ndarray:
    """The sums over all pairs, which do not depend on the span."""
    every = np.broadcast_to(np.arange(n), (samples, n))
    return _pair_sums(_unit_spectra(n, samples, seed), every, period, modes)


def _powers(u: Float[np.ndarray, " n"], period: float, modes: int, out: np.ndarray | None = None) -> np.ndarray:
    """exp(2πi m u / period) for m = 1 … modes, (n, modes)."""
    out = np.empty((len(u), modes), dtype=complex) if out is None else out
    out[:, 0], done = np.exp(2j * np.pi / period * u), 1
    while done < modes:  # e^{i(a+b)x} = e^{iax} e^{ibx}: log₂ products, not one exponential per mode
        more = min(done, modes - done)
        np.multiply(out[:, :more], out[:, done - 1 : done], out=out[:, done : done + more])
        done += more
    return out


def _pair_sums(
    u: Float[np.ndarray, "row n"], below: Int[np.ndarray, "row n"], period: float, modes: int
) -> Complex[np.ndarray, "row mode"]:
    """Σ exp(2πi m (u_j − u_i) / period) over i < below[j], m = 1 … modes, of each row."""
    n = u.shape[1]
    out = np.empty((len(u), modes), dtype=complex)
    # one work space for all rows: allocating it for each of 200 spectra takes longer than the sums
    powers = np.empty((n, modes), dtype=complex)
    partial = np.zeros((n + 1, modes), dtype=complex)
    before = np.empty((n, modes), dtype=complex)
    for row, line in enumerate(u):
        _powers(line, period, modes, powers)
        np.cumsum(powers, axis=0, out=partial[1:])
        np.take(partial, below[row], axis=0, out=before, mode="clip")  # "raise" would buffer `out`
        out[row] = np.einsum("jm,jm->m", powers, np.conj(before, out=before))
    return out


@dataclass(frozen=True)
class _Kept:
    """Summary of the ratios above 1.01 of each sorted row of x: for each j those with i < below[j]."""

    below: Int[np.ndarray, "spectrum n"]
    count: Int[np.ndarray, "spectrum"]
    smallest: Float[np.ndarray, "spectrum"]
    largest: Float[np.ndarray, "spectrum"]
    bandwidth: Float[np.ndarray, "spectrum"]  # Scott's; 0 if there is no density estimate


def _kept_ratios(x: Float[np.ndarray, "spectrum n"]) -> _Kept:
    """Count, range and Scott bandwidth of the kept log-ratios, from cumulative sums: O(n), not O(n²)."""
    x = x - x.mean(axis=1, keepdims=True)  # keeps the two-pass variance below from cancelling
    below = np.empty(x.shape, dtype=int)
    for row, line in enumerate(x):
        below[row] = np.searchsorted(line + np.log10(SMALLEST_RATIO), line, side="left")
    count = below.sum(axis=1)
    enough = np.maximum(count, 2)  # rows with fewer have no density estimate

    def before(values: np.ndarray) -> np.ndarray:
        """Σ_{i < below[j]} of the values."""
        sums = np.concatenate([np.zeros((len(x), 1)), np.cumsum(values, axis=1)], axis=1)
        return np.take_along_axis(sums, below, axis=1)

    first, second = before(x), before(x * x)
    mean = np.sum(below * x - first, axis=1) / enough
    # Σ (x_j − x_i − mean)², expanded about y_j = x_j − mean so that only sums over i < below[j] are needed
    y = x - mean[:, None]
    square = np.sum(below * y * y - 2.0 * y * first + second, axis=1)
    last = x - np.take_along_axis(x, np.maximum(below - 1, 0), axis=1)
    smallest = np.min(np.where(below > 0, last, np.inf), axis=1)
    span = x[:, -1] - x[:, 0]
    std = np.sqrt(np.maximum(square, 0.0) / (enough - 1))
    # ratios that are equal to rounding have no density estimate, as in scipy (singular covariance)
    defined = (count >= 2) & (std > 1e-9 * span)
    return _Kept(below, count, smallest, span, np.where(defined, scott(enough, std), 0.0))


def densities(spectra: Spectra) -> tuple[Int[np.ndarray, "defined"], Float[np.ndarray, "defined point"]]:
    """Rows that have a density, and their densities of the kept log₁₀ ratios on the grid, up to a factor per row.

    The series is periodic. With a period of (range of the ratios + 2 cut-offs) the images of all ratios are at least a
    cut-off away from points where the density of that row is not negligible; elsewhere the density is set to zero.
    """
    x, kept = spectra.x, _kept_ratios(spectra.x)
    density = np.zeros((len(x), len(GRID)))
    for rows, modes, period in _batches(kept, spectra.span):
        k = 2.0 * np.pi * np.arange(1, modes + 1) / (period * spectra.span)
        series = spectra.kept_sums(rows, kept.below[rows], period, modes)
        series *= np.exp(-0.5 * (kept.bandwidth[rows, None] * k) ** 2) / kept.count[rows, None]
        # Σ_m Re[F_m exp(−i k_m x)] = (Re F) cos + (Im F) sin
        angle = np.outer(k, GRID)
        density[rows] = 1.0 + 2.0 * (series.real @ np.cos(angle) + series.imag @ np.sin(angle))
        density[rows] /= period * spectra.span
    defined = np.flatnonzero(kept.bandwidth > 0.0)
    reach = _CUT * kept.bandwidth[:, None]
    density[(kept.smallest[:, None] - reach > GRID) | (kept.largest[:, None] + reach < GRID)] = 0.0
    for i in defined:
        if density[i].max() < _TAIL / (kept.bandwidth[i] * np.sqrt(2.0 * np.pi)):
            density[i] = _tail_density(x[i], float(kept.largest[i]), float(kept.bandwidth[i]))
    return defined, density[defined]


def _batches(kept: _Kept, span: float) -> Iterator[tuple[np.ndarray, int, float]]:
    """Group rows that need a similar number of modes, for one matrix product per group.

    Yields rows, modes, period in units of the span. Both are rounded up, so that the cached sums of the null are used
    again for similar spans.
    """
    defined = np.flatnonzero(kept.bandwidth > 0.0)
    width = kept.largest[defined] - kept.smallest[defined]
    group = np.ceil(4.0 * np.log2(width / kept.bandwidth[defined] + 2.0 * _CUT)).astype(int)
    for value in np.unique(group):
        rows = defined[group == value]
        needed = float(np.max(width[group == value]) + 2.0 * _CUT * np.max(kept.bandwidth[rows])) / span
        period = 2.0 ** (np.ceil(8.0 * np.log2(needed)) / 8.0)
        modes = 8 * int(np.ceil(period * span * _CUT / (16.0 * np.pi * np.min(kept.bandwidth[rows]))))
        yield rows, modes, period


def _degenerate_sums(
    x: Float[np.ndarray, "row n"], degenerate: Int[np.ndarray, "row n"], k: Float[np.ndarray, "mode"]
) -> Complex[np.ndarray, "row mode"]:
    r"""Σ exp(i k d) over the log-ratios d that are not kept: of each mass to the degenerate[j] masses before it.

    All d lie in [0, c], c = log₁₀ 1.01, so e^{ikd} is a short Chebyshev series in 2d/c − 1: its coefficients by the
    discrete cosine transform, and the sums of the polynomials over the d of each row by their recurrence.
    """
    ratios, owner = [np.zeros(0)], [np.zeros(0, dtype=int)]
    for apart in range(1, int(degenerate.max(initial=0)) + 1):
        row, column = np.nonzero(degenerate >= apart)
        ratios.append(x[row, column] - x[row, column - apart])
        owner.append(row)
    rows = np.concatenate(owner)
    half = 0.5 * np.log10(SMALLEST_RATIO)
    t = np.concatenate(ratios) / half - 1.0
    order = int(1.5 * k[-1] * half) + 12  # beyond its argument a Bessel function falls faster than exponentially
    angles = np.pi * (np.arange(order) + 0.5) / order
    wave = np.exp(1j * half * np.outer(np.cos(angles) + 1.0, k))
    coefficients = 2.0 / order * np.cos(np.outer(np.arange(order), angles)) @ wave
    coefficients[0] *= 0.5
    sums = np.empty((order, len(x)))
    previous, current, twice = np.ones_like(t), t.copy(), 2.0 * t
    product = np.empty_like(t)
    for degree in range(order):
        sums[degree] = np.bincount(rows, weights=previous, minlength=len(x))
        np.multiply(twice, current, out=product)
        previous, current = current, np.subtract(product, previous, out=previous)
    return np.asarray(sums.T @ coefficients)


def _tail_density(x: Float[np.ndarray, "n"], largest: float, bandwidth: float) -> Float[np.ndarray, "point"]:
    """Density of ratios that are mostly outside of the grid, relative to its largest value there, summed directly.

    In a Gaussian tail only the ratios nearest to the grid contribute, and only at its nearest points: terms 32 e-folds
    below the largest are neglected.
    """
    scale = np.sqrt(2.0) * bandwidth
    floor = GRID[0] - np.hypot(max(GRID[0] - largest, 0.0), np.sqrt(32.0) * scale)
    ratios = (x[x - x[0] >= floor][None, :] - x[x[-1] - x >= floor][:, None]).ravel()
    ratios = np.sort(ratios[(ratios > np.log10(SMALLEST_RATIO)) & (ratios >= floor)])
    outside = np.maximum(np.maximum(GRID[0] - ratios, ratios - GRID[-1]), 0.0) / scale
    ratios = ratios[outside**2 <= outside.min() ** 2 + 32.0]
    after = np.clip(np.searchsorted(ratios, GRID), 1, len(ratios) - 1) if len(ratios) > 1 else np.zeros(400, int)
    nearest = np.minimum(np.abs(GRID - ratios[after]), np.abs(GRID - ratios[after - 1])) / scale
    points = nearest**2 <= nearest.min() ** 2 + 32.0
    density = np.zeros(len(GRID))
    density[points] = np.exp(nearest.min() ** 2 - ((GRID[points, None] - ratios) / scale) ** 2).sum(axis=1)
    return density


def scott(count: Any, std: Any) -> Any:
    """Scott's bandwidth in one dimension, σ n^(−1/5), as in scipy.stats.gaussian_kde."""
    return std * np.asarray(count, dtype=float) ** (-0.2)
