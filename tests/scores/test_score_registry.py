"""A user's score in one file: recorded by every trial, an objective of a scan, shown in its report."""

import csv
import json
import math

import numpy as np
import pytest
import tomli_w
from small_scan import TABLES

import supersoliton as ss
from supersoliton.config import load
from supersoliton.evaluate.cache.memory import CachedEvaluate
from supersoliton.scores import registry
from supersoliton.scores.score import ScoreSettings

GAP = """
from supersoliton.scores import Score
from supersoliton.theory import Column


def compute(masses, options):
    return {"first_gap": masses[1] / masses[0] if len(masses) > 1 else float("nan")}


def sentences(columns, who):
    return [f"The widest first gap of the {who} is {max(columns['first_gap']):.3f}."]


gap = Score({"first_gap": Column("first gap", "second mass over the first")}, compute, sentences)
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "gap.py").write_text(GAP)
    tables = {**TABLES, "score": {**TABLES["score"], "own": ["gap.py:gap"]}}
    tables["scan"] = {**TABLES["scan"], "trials": 2, "objectives": ["first_gap", "hierarchy"]}
    (tmp_path / "gap.toml").write_text(tomli_w.dumps(tables))
    return tmp_path / "gap.toml"


def test_it_is_recorded_an_objective_and_in_the_report(file, tmp_path):
    result = ss.scan(file, out=tmp_path / "run", quiet=True)
    assert result.finished
    with (tmp_path / "run" / "trials.csv").open(newline="") as table:
        found = {int(row["number"]): float(row["first_gap"]) for row in csv.DictReader(table)}
    assert len(found) == 2
    assert found == {trial.number: trial.values[0] for trial in result.study.trials}
    for trial in result.pareto:
        path = tmp_path / "run" / "states" / f"trial_{trial.number:05d}.spectra.json"
        box = np.array(json.loads(path.read_text())["box"])
        first, second = np.sort(box[box > 1e-6])[:2]
        assert found[trial.number] == pytest.approx(second / first, rel=1e-12)
    assert result.pareto
    page = (tmp_path / "run" / "report.html").read_text()
    assert "first gap</td><td>first_gap</td><td>–</td><td>second mass over the first</td>" in page
    assert f"The widest first gap of the feasible trials is {max(found.values()):.3f}." in page


def test_its_source_is_part_of_the_key_of_a_cached_evaluation(file):
    before = CachedEvaluate(load(file)).key({"g": 0.6})
    assert CachedEvaluate(load(file)).key({"g": 0.6}) == before
    (file.parent / "gap.py").write_text(GAP.replace("[1]", "[2]"))
    assert CachedEvaluate(load(file)).key({"g": 0.6}) != before


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ("gap.py:gape", 'gap.py has no "gape"'),
        ("gap.py:compute", "must be a Score"),
        ("nothing.py:gap", "cannot read"),
        ("gap", r'must be "file.py:name"'),
    ],
)
def test_a_score_that_is_not_there_is_refused_in_a_sentence(file, own, words):
    file.write_text(tomli_w.dumps({**TABLES, "score": {"own": [own]}}))
    with pytest.raises(ValueError, match=words) as refusal:
        load(file)
    assert "[score] own" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_recorded_scores_are_those_of_the_public_function():
    masses = np.random.default_rng(3).uniform(0.5, 40.0, 50)
    options = ScoreSettings(targets="original", null_samples=30, seed=4)
    found = registry.measure(masses, options, registry.SCORES)
    public = ss.score(masses, targets="original", null_samples=30, seed=4)
    assert found == {
        **{
            name: getattr(public, name)
            for name in ("fractal_score", "enhanced_score", "hierarchy_bonus", "hit_score", "hierarchy", "regularity")
        },
        "target_hits": len(public.hits),
        **{f"null_{name}": getattr(public.null, name) for name in ("mean", "std", "percentile")},
        **{name: pytest.approx(math.nan, nan_ok=True) for name in ("shape_mean", "shape_std", "shape_percentile")},
    }


@pytest.mark.parametrize("name", list(registry.outputs(registry.SCORES)))
def test_every_output_has_a_label_and_a_definition(name):
    column = registry.outputs(registry.SCORES)[name]
    assert column.label
    assert column.meaning


def test_no_two_scores_share_a_name():
    names = [name for score in registry.SCORES for name in score.outputs]
    assert len(names) == len(set(names))
