"""Scores against scipy's exact kernel density, the published target list, and spectra whose scores are known."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gaussian_kde

from supersoliton.scores.scoring import score
from supersoliton.scores.targets import ORIGINAL_MASSES, score_targets

GRID = np.linspace(np.log10(1.1), np.log10(500.0), 400)


def exact_parts(masses, targets="original"):
    """Correlation and hit score by their definition: every ratio, the exact density of scipy, plain double loops."""
    masses = np.unique(np.asarray(masses)[np.asarray(masses) > 1e-6])
    ratios = np.array([b / a for a in masses for b in masses if b / a > 1.01])
    aims = score_targets(targets)
    model, wanted = gaussian_kde(np.log10(ratios))(GRID), gaussian_kde(np.log10(aims.ratios))(GRID)
    hits = [w for t, w in zip(aims.ratios, aims.weights, strict=True) if np.any(np.abs(ratios / t - 1.0) < 0.05)]
    return np.corrcoef(model, wanted)[0, 1], sum(hits) / len(aims.ratios)


def box_masses(count, gap=0.5, radius=25.0):
    """Masses of a free field in an empty spherical box, m_k = sqrt(gap + (kπ/R)²)."""
    return np.sqrt(gap + (np.arange(1, count + 1) * np.pi / radius) ** 2)


def log_uniform(count, span, seed=3):
    return np.exp(np.random.default_rng(seed).uniform(0.0, np.log(span), count))


SPECTRA = {
    "box, 300": box_masses(300),
    "box, 40": box_masses(40),
    "random, 300 in 6": log_uniform(300, 6.0),
    "random, 300 in 1e4": log_uniform(300, 1e4),
    "random, 120 in 1.3": log_uniform(120, 1.3),
    "barely on the grid": log_uniform(120, 1.12),
    "tail on the grid only": log_uniform(120, 1.08),
    "thresholds": log_uniform(13, 1.2),
    "thresholds in the tail": log_uniform(13, 1.085),
    "five": log_uniform(5, 30.0),
    "three": np.array([1.0, 1.7, 5.1]),
    "a cluster and one far away": np.append(log_uniform(150, 1.4), 90.0),
    "two clusters out of reach of each other": np.append(log_uniform(20, 1.08), 700.0 * log_uniform(20, 1.08)),
    "octaves (ratios repeat exactly)": 2.0 ** np.arange(10),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_score_is_that_of_the_exact_density(name):
    correlation, hits = exact_parts(SPECTRA[name])
    scores = score(SPECTRA[name], targets="original", null_samples=0)
    assert scores.kde_correlation == pytest.approx(correlation, abs=1e-7)
    assert scores.hit_score == pytest.approx(hits, abs=1e-14)
    assert scores.fractal_score == pytest.approx(correlation + hits, abs=1e-7)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(1e-3, 1e4), min_size=4, max_size=40, unique=True))
def test_score_is_exact_for_any_spectrum(masses):
    log_ratios = np.array([np.log10(b / a) for a in masses for b in masses if b / a > 1.01])
    if len(log_ratios) < 2 or np.ptp(log_ratios) < 1e-6:
        return
    expected = gaussian_kde(log_ratios)(GRID)
    if expected.max() < 1e-250:  # scipy's density underflows; ours is still resolved
        return
    assert score(masses, targets="original", null_samples=0).kde_correlation == pytest.approx(
        exact_parts(masses)[0], abs=1e-6
    )


def test_the_null_members_are_scored_by_the_same_formula():
    """The null draws log-uniform spectra of the same ends: each is reproduced from the seed and scored exactly."""
    masses = box_masses(30)
    null = score(masses, targets="original", null_samples=4, seed=7).null
    x = np.random.default_rng(7).uniform(np.log10(masses[0]), np.log10(masses[-1]), size=(4, 30))
    x[:, 0], x[:, -1] = np.log10(masses[0]), np.log10(masses[-1])
    assert null.samples == pytest.approx([sum(exact_parts(10.0**row)) for row in x], abs=1e-7)
    assert null.mean == pytest.approx(null.samples.mean())
    assert null.std == pytest.approx(null.samples.std())


def test_original_targets_weights_and_maximum():
    aims = score_targets("original")
    assert len(aims.ratios) == 42
    assert np.sum(np.isin(aims.ratios, [1.89, 21.814, 41.22])) == 3  # the three from the length scales
    assert aims.ratios[:6] == pytest.approx([1.112, 1.134, 1.372, 1.385, 1.399, 1.556])
    assert list(aims.weights[:6]) == [3] * 6
    assert set(aims.weights[aims.ratios > 10]) == {5}
    assert set(aims.weights[(aims.ratios > 1.72) & (aims.ratios < 10)]) == {1}
    assert aims.weights.sum() == 166
    assert aims.maximum == pytest.approx(4.952, abs=5e-4)


def test_particle_targets_come_from_the_current_tables():
    aims = score_targets("particle")
    assert len(aims.ratios) == 42
    assert not np.array_equal(aims.ratios, score_targets("original").ratios)  # m_t has been updated since
    assert aims.ratios == pytest.approx(score_targets("original").ratios, rel=0.05)


def test_the_standard_model_itself_hits_its_own_39_targets_and_beats_its_null():
    scores = score(ORIGINAL_MASSES, targets="original", null_samples=400)
    aims = score_targets("original")
    own = ~np.isin(aims.ratios, [1.89, 21.814, 41.22])
    assert scores.hit_score >= aims.weights[own].sum() / 42
    assert scores.hierarchy == pytest.approx(173.21 / 0.000511)
    assert scores.enhanced_score == pytest.approx(2 * scores.fractal_score)
    assert scores.null.percentile > 99.0


def test_regularity_of_known_gaps():
    assert score(2.0 ** np.arange(8), null_samples=0).regularity == pytest.approx(1.0)
    # gaps 1 and 3 in log2: mean 2, deviation 1
    assert score([1.0, 2.0, 16.0], null_samples=0).regularity == pytest.approx(np.exp(-0.5))


def test_random_spectra_have_uniform_percentiles_in_their_null():
    percentiles = [
        score(np.sort(log_uniform(60, 8.0, seed)), null_samples=60, seed=1000 + seed).null.percentile
        for seed in range(40)
    ]
    assert 30.0 < np.mean(percentiles) < 70.0
    assert np.ptp(percentiles) > 50.0


def test_the_seed_fixes_the_null_and_the_scale_does_not_matter():
    one, two = score(box_masses(50), seed=5), score(3.7 * box_masses(50), seed=5)
    assert np.array_equal(one.null.samples, score(box_masses(50), seed=5).null.samples)
    assert not np.array_equal(one.null.samples, score(box_masses(50), seed=6).null.samples)
    assert two.fractal_score == pytest.approx(one.fractal_score, abs=1e-7)
    assert two.null.mean == pytest.approx(one.null.mean, abs=1e-7)


@pytest.mark.parametrize("masses", [[], [1.0], [2.0] * 50, [0.0, -1.0, 1e-7], [3.0, 3.0, 1e-9]])
def test_too_few_masses_score_nan(masses):
    scores = score(np.array(masses))
    for name in ("fractal_score", "hierarchy", "regularity", "enhanced_score"):
        assert np.isnan(getattr(scores, name)), name
    assert np.isnan(scores.null.mean)
    assert np.isnan(scores.null.percentile)


def test_two_masses_have_a_hierarchy_and_nothing_else():
    scores = score([1.0, 4.0])
    assert scores.hierarchy == pytest.approx(4.0)
    assert np.isnan([scores.fractal_score, scores.regularity, scores.enhanced_score]).all()


def test_ratios_without_spread_have_no_density():
    scores = score([1.0, 1.0 + 1e-9, 2.0], targets="original")  # one kept ratio, twice
    assert np.isnan(scores.fractal_score)
    assert scores.hierarchy == pytest.approx(2.0)


def test_zero_modes_and_repeated_masses_do_not_count():
    masses = box_masses(30)
    padded = np.concatenate([masses, masses, [0.0, 1e-9, -2.0]])
    assert score(padded).fractal_score == score(masses).fractal_score


def test_takes_whatever_has_masses():
    @dataclass
    class Modes:
        masses: np.ndarray

    assert score(Modes(box_masses(20))).fractal_score == score(box_masses(20)).fractal_score


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"targets": "planck"}, "targets"),
        ({"null_samples": -1}, "null_samples"),
        ({"masses_or_modes": [1.0, np.nan, 2.0]}, "finite"),
    ],
)
def test_bad_input_is_refused_in_words(arguments, word):
    with pytest.raises(ValueError, match=word):
        score(**{"masses_or_modes": [1.0, 2.0, 3.0]} | arguments)
