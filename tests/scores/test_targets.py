"""Targets by name, and which of them a spectrum hits: compared with all pairs of masses, one by one."""

import math
from itertools import combinations

import numpy as np
import pytest
from particle import Particle

import supersoliton as ss
from supersoliton.scores.targets import (
    ORIGINAL_LENGTHS,
    ORIGINAL_MASSES,
    PARTICLES,
    hit_in_words,
    hits_in_short,
    hits_in_words,
    hits_of,
    score_targets,
)


@pytest.mark.parametrize("targets", ["original", "particle"])
def test_every_name_gives_its_ratio(targets):
    masses = dict(zip(PARTICLES, ORIGINAL_MASSES, strict=True))
    if targets == "particle":
        masses = {name: Particle.from_pdgid(number).mass for name, number in PARTICLES.items()}
    aims = score_targets(targets)
    assert len(aims.names) == len(aims.ratios)
    for joined, ratio in zip(aims.names, aims.ratios, strict=True):
        for name in joined.split("="):
            over, under = name.split("/")
            sizes = masses if over in masses else ORIGINAL_LENGTHS
            assert sizes[over] / sizes[under] == pytest.approx(ratio, abs=6e-4)


def test_names_are_those_of_the_list_of_the_particle_data_group():
    for name, number in PARTICLES.items():
        assert Particle.from_pdgid(number).name.rstrip("+-0") in (name, name.replace("Higgs", "H"))


@pytest.mark.parametrize("seed", range(8))
def test_hits_are_the_nearest_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    masses = np.sort(rng.uniform(0.3, 30.0, rng.integers(3, 25)))
    aims = score_targets("original")
    pairs = [(j + 1, i + 1, masses[j] / masses[i]) for i, j in combinations(range(len(masses)), 2)]
    expected = {}
    for name, ratio in zip(aims.names, aims.ratios, strict=True):
        heavier, lighter, found = min(pairs, key=lambda pair: abs(pair[2] / ratio - 1.0))
        if abs(found / ratio - 1.0) < 0.05:
            expected[name] = (heavier, lighter, pytest.approx(found / ratio - 1.0))
    hits = hits_of(masses, "original")
    assert {hit.target: (hit.heavier, hit.lighter, hit.deviation) for hit in hits} == expected
    scores = ss.score(masses, targets="original", null_samples=0)
    assert scores.hits == hits
    weights = dict(zip(aims.names, aims.weights, strict=True))
    assert scores.hit_score == pytest.approx(sum(weights[hit.target] for hit in hits) / 42)
    assert scores.enhanced_score == scores.fractal_score * scores.hierarchy_bonus
    assert scores.hierarchy_bonus == (2.0 if masses[-1] / masses[0] > 10.0 else 1.0)


def test_words():
    hit = next(hit for hit in hits_of(np.array([1.0, 1.2, 1.95]), "original") if hit.target == "t/Z")
    assert (hit.heavier, hit.lighter) == (3, 1)
    assert str(hit) == "t/Z hit by m3/m1 within 2.7 %"
    assert hit.deviation == pytest.approx(1.95 / hit.ratio - 1.0)
    short = hits_in_short(np.array([1.95, 1.0, 1.2, 1.2]), "original")
    assert hits_in_words(short) == [str(one) for one in ss.score([1.0, 1.2, 1.95], targets="original").hits]
    assert hit_in_words(short.split(", ")[0]) in hits_in_words(short)
    assert hits_in_words("") == []


def test_too_few_masses_hit_nothing():
    scores = ss.score([1.0, 1.9])
    assert scores.hits == ()
    assert math.isnan(scores.hierarchy_bonus)
