"""The null of equal shape against plain sums, and both nulls against spectra that are drawn from them."""

import numpy as np
import pytest
from scipy.stats import kstest

from supersoliton.scores.fractal import FRACTAL, _best_of, equal_shape, fractal
from supersoliton.scores.ratio_density import SharedSpectra, Spectra, densities
from supersoliton.scores.registry import measure
from supersoliton.scores.score import ScoreSettings, Shape

EDGE = 0.5
# An empty box: twelve thresholds, the lowest of which is the continuum's edge, and their waves.
THRESHOLDS = np.linspace(EDGE, 0.9, 12)
WAVES = np.sort(np.sqrt(THRESHOLDS[:, None] ** 2 + (np.arange(25) * np.pi / 25.0) ** 2).ravel())[:250]


def drawn(rng, bound, waves=WAVES):
    """A spectrum of equal shape: the lightest mass, others at random up to the continuum, and the waves."""
    own = 0.05 * (EDGE / 0.05) ** rng.uniform(size=bound - 1)
    return np.sort(np.concatenate([[0.05], own, waves]))


def test_shared_masses_change_no_sum():
    """Densities from shared cumulative sums equal those of the same rows taken one by one."""
    rng = np.random.default_rng(0)
    own = np.log10(rng.uniform(0.051, EDGE, size=(7, 5)))
    own[0, :2] = np.log10(EDGE) - 1e-3, np.log10(EDGE) - 2e-3  # within 1 % of each other and of the waves
    shared = SharedSpectra(np.log10(np.concatenate([[0.05], WAVES])), own)
    rows, plain = densities(shared), densities(Spectra(shared.x))
    assert np.array_equal(rows[0], plain[0])
    assert rows[1] == pytest.approx(plain[1], abs=1e-9 * plain[1].max())


def score_of(masses):
    return fractal(masses, "original", 0, 0).score


@pytest.mark.parametrize("bound", [3, 8])
def test_spectra_of_equal_shape_are_uniform_in_percentile(bound):
    rng, waves = np.random.default_rng(100), WAVES[:60]
    spectra = [drawn(rng, bound, waves) for _ in range(150)]
    found = [
        equal_shape(masses, Shape(waves, EDGE), "original", 100, seed, score_of(masses)).percentile / 100
        for seed, masses in enumerate(spectra)
    ]
    assert kstest(found, "uniform").pvalue > 0.01
    assert 0 < np.mean(np.array(found) > 0.95) < 0.12


def test_log_uniform_spectra_are_uniform_in_percentile():
    rng = np.random.default_rng(1)
    percentiles = []
    for seed in range(150):
        masses = np.sort(np.concatenate([[1.0, 40.0], 40.0 ** rng.uniform(size=38)]))
        percentiles.append(fractal(masses, "original", 100, seed).null.percentile)
    assert kstest(np.array(percentiles) / 100, "uniform").pvalue > 0.01


def test_what_the_shape_alone_makes_is_significant_only_to_the_log_uniform_null():
    """A few bound masses below a dense box and one heavier field: +27 sigma, as scanned Q-balls had, and nothing."""
    thresholds = np.append(np.linspace(0.8, 0.88, 12), 1.4)
    waves = np.sort(np.sqrt(thresholds[:, None] ** 2 + (np.arange(60) * np.pi / 25) ** 2).ravel())[:290]
    own = 0.12 * (0.8 / 0.12) ** np.random.default_rng(0).uniform(size=11)
    masses = np.sort(np.concatenate([[0.12], own, waves]))
    values = measure(masses, ScoreSettings(targets="original"), (FRACTAL,), Shape(waves, 0.8))
    assert (values["fractal_score"] - values["null_mean"]) / values["null_std"] > 15
    assert abs(values["fractal_score"] - values["shape_mean"]) / values["shape_std"] < 2


@pytest.mark.parametrize("shape", [None, Shape(WAVES, 0.01), Shape(WAVES, 0.051)])
def test_without_two_bound_masses_there_is_nothing_to_compare(shape):
    masses = np.concatenate([[0.05], WAVES])
    values = measure(masses, ScoreSettings(null_samples=20), (FRACTAL,), shape)
    assert np.isnan(values["shape_percentile"])
    assert np.isfinite(values["null_percentile"])


def test_the_best_of_many_is_corrected_for_their_number():
    """Against the largest of 300 normal numbers, drawn 4,000 times."""
    largest = np.random.default_rng(0).normal(size=(4000, 300)).max(axis=1)
    for sigma in (2.5, 3.0, 3.5):
        assert _best_of(sigma, 300) == pytest.approx(np.mean(largest > sigma), abs=0.02)
    assert _best_of(1.645, 1) == pytest.approx(0.05, abs=1e-4)


def columns(percentile, sigma, fair=True):
    """Columns of 40 trials that lie so many standard deviations above both nulls, or above the first only."""
    many, nan = np.ones(40), np.full(40, np.nan)
    known = {"shape_mean": 0.4 * many, "shape_std": 0.1 * many, "shape_percentile": percentile * many}
    return {
        **{"fractal_score": (0.4 + 0.1 * sigma) * many, "null_mean": 0.2 * many, "null_std": 0.01 * many},
        "null_percentile": 100 * many,
        **(known if fair else dict.fromkeys(known, nan)),
    }


def test_the_verdict_is_that_of_the_null_of_equal_shape():
    assert "no more than chance" in FRACTAL.sentences(columns(60.0, 0.3), "feasible trials")[-1]
    assert "even at equal shape" in FRACTAL.sentences(columns(100.0, 5.0), "feasible trials")[-1]
    assert "another shape" in FRACTAL.sentences(columns(60.0, 0.3, fair=False), "feasible trials")[-1]


def test_one_comparison_among_many_trials_is_corrected_for_all_of_them():
    """One trial of 40 has two bound masses and lies 2.7 sigma above its null: the best of 40 often does."""
    given = columns(100.0, 2.7)
    for name in ("shape_mean", "shape_std", "shape_percentile"):
        given[name][1:] = np.nan
    sentences = FRACTAL.sentences(given, "feasible trials")
    assert "1 of 40 feasible trials" in sentences[1]
    assert "no more than chance" in sentences[-1]
