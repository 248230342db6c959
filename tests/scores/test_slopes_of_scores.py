"""Derivatives of the scores as masses move, against differences, and where they end."""

import numpy as np
import pytest

from supersoliton.scores import registry
from supersoliton.scores.fractal import score_targets
from supersoliton.scores.score import Score, ScoreSettings, Slope
from supersoliton.theory.base import Column

OPTIONS = ScoreSettings(targets="original", null_samples=0)


def steps(masses):
    """What the fractal score counts: which ratios are above 1.01, and which targets are hit."""
    ratios = np.array([b / a for i, a in enumerate(masses) for b in masses[i + 1 :]])
    hits = (np.abs(ratios[:, None] / score_targets("original").ratios - 1.0) < 0.05).any(axis=0)
    return (*(ratios > 1.01), *hits)


@pytest.mark.parametrize("masses", [[1.0, 1.0095, 3.0], [1.0, 1.16, 3.05], [1.0, 1.2, 5.0], [0.4, 0.41, 3.9]])
def test_the_reach_ends_at_a_step(masses):
    """Of three masses one moves: nothing steps within the reach (to first order in ln m), something does beyond."""
    rates = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    _, found = registry.slopes(np.array(masses), rates, OPTIONS, registry.SCORES)
    for rate, reach in zip(rates, found["fractal_score"].reach, strict=True):
        inside = {steps(masses + s * reach * rate) for s in (-0.9, -0.5, 0.0, 0.5, 0.9)}
        assert len(inside) == 1
        assert any(steps(masses + s * 1.2 * reach * rate) not in inside for s in (-1.0, 1.0))


@pytest.mark.parametrize("count", [5, 40, 120])
def test_slopes_of_random_spectra(count):
    """Every slope against a central difference of the scores, within the reach, along two directions."""
    rng = np.random.default_rng(count)
    masses = np.sort(10 ** rng.uniform(0.0, 1.5, count))
    rates = rng.normal(size=(2, count)) * masses
    values, found = registry.slopes(masses, rates, OPTIONS, registry.SCORES)
    assert set(found) == {"fractal_score", "enhanced_score", "hierarchy", "regularity"}
    for name, slope in found.items():
        for k, rate in enumerate(rates):
            h = min(0.3 * slope.reach[k], 1e-4)
            ahead, back = (registry.measure(masses + s * h * rate, OPTIONS, registry.SCORES)[name] for s in (1, -1))
            # the score itself is accurate to 1e-8 (its series and cut-offs), which h divides
            assert slope.rates[k] == pytest.approx((ahead - back) / (2 * h), rel=1e-5, abs=2e-8 / h), name
    assert values["hierarchy"] == pytest.approx(masses[-1] / masses[0], rel=1e-14)


def test_the_enhanced_score_steps_where_the_hierarchy_passes_ten():
    masses, rates = np.array([1.0, 1.7, 3.3, 10.0001]), np.array([[0.0, 0.0, 0.0, 1.0]])
    values, found = registry.slopes(masses, rates, ScoreSettings(null_samples=0), registry.SCORES)
    assert found["enhanced_score"].rates == pytest.approx(2.0 * found["fractal_score"].rates)
    assert values["enhanced_score"] == 2.0 * values["fractal_score"]
    assert found["enhanced_score"].reach[0] == pytest.approx(1e-4, rel=1e-3)


def test_a_score_of_your_own_has_slopes_if_it_gives_them():
    def compute(masses, options):
        return {"gap": masses[1] / masses[0]}

    def slopes(masses, options, rates):
        gap = masses[1] / masses[0]
        return {"gap": Slope(gap * (rates[:, 1] / masses[1] - rates[:, 0] / masses[0]), np.full(len(rates), np.inf))}

    masses, rates = np.array([2.0, 1.0, 7.0]), np.array([[0.5, 0.1, 0.0]])
    columns = {"gap": Column("gap")}
    assert registry.slopes(masses, rates, OPTIONS, (Score(columns, compute),)) == ({"gap": 2.0}, {})
    _, found = registry.slopes(masses, rates, OPTIONS, (Score(columns, compute, slopes=slopes),))
    assert found["gap"].rates[0] == pytest.approx(2.0 * (0.5 / 2.0 - 0.1))
