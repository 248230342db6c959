"""Predicted against found: counted from a study whose predictions are known."""

import html
import re
from dataclasses import asdict

import numpy as np
import optuna
import pytest
import tomli_w

from supersoliton.sampling.proposals import SurrogatePrediction, as_attribute
from supersoliton.scans.report import records, verification
from supersoliton.scans.report.page import write_report

SCALES = [{"centre": 0.0, "width": 1e6, "mean": 0.0, "std": 1e-6}] * 2  # linear: the scale is the value itself
SPACE = {"g": optuna.distributions.FloatDistribution(0.0, 1.0)}
# what was found, feasible or not, and what had been predicted: (mean, std) of both objectives
DRAWN = [((1.0, 4.0), True), ((2.0, 3.0), True), ((3.0, 1.0), True), ((9.0, 9.0), False)]
PREDICTED = [
    ((2.5, 3.5), True, [(2.4, 0.2), (3.4, 0.2)]),  # beats trial 1; both within one standard deviation
    ((1.0, 1.0), True, [(1.0, 0.1), (1.3, 0.2)]),  # beaten; the second within two
    ((0.0, 8.0), False, [(3.0, 1.0), (3.0, 1.0)]),  # infeasible
]


def attributes(values, feasible):
    constraints = {"localised": -1.0 if feasible else 1.0}
    named = dict(zip(("fractal_score", "hierarchy"), values, strict=True))
    return {"kind": "q-ball" if feasible else "delocalised", "status": "converged", "reasons": [], "values": named,
            "constraints": constraints, "seconds": {"total": 0.1}}  # fmt: skip


def trial(values, feasible, **more):
    given = attributes(values, feasible)
    return optuna.create_trial(
        params={"g": 0.5},
        distributions=SPACE,
        values=values,
        constraints=given["constraints"],
        user_attrs={**given, **more},
    )


def prediction_of(index, pairs, after=4):
    means, stds = [m for m, _ in pairs], [s for _, s in pairs]
    low, high = ([m + k * s for m, s in pairs] for k in (-1, 1))
    return as_attribute(SurrogatePrediction(after, index, 3, 0.9, means, stds, means, low, high, [0.5, -0.1], SCALES))


@pytest.fixture
def folder(tmp_path):
    study = optuna.create_study(
        study_name="known", storage=f"sqlite:///{tmp_path / 'study.db'}", directions=["maximize"] * 2
    )
    study.add_trials(trial(values, feasible) for values, feasible in DRAWN)
    study.add_trials(trial(v, f, **prediction_of(k, pairs)) for k, (v, f, pairs) in enumerate(PREDICTED))
    scan = {"objectives": ["fractal_score", "hierarchy"], "parameters": {"g": {"low": 0.0, "high": 1.0}}}
    (tmp_path / "config.resolved.toml").write_text(tomli_w.dumps({"scan": scan}))
    return tmp_path


def test_errors_and_entries(folder):
    one, other, third = verification.verified_trials(records.read_record(folder))
    assert [v.trial.number for v in (one, other, third)] == [4, 5, 6]
    assert np.allclose(one.errors, [0.5, 0.5], atol=1e-6)
    assert np.allclose(other.errors, [0.0, -1.5], atol=1e-6)
    assert (one.entered, other.entered, third.entered) == (True, False, False)


def test_the_sentences_count(folder):
    sentences = verification.sentences(records.read_record(folder))
    assert sentences[0] == (
        "3 points that a surrogate of the trials predicted to be best were evaluated: 1 entered the Pareto front, and "
        "2 satisfy every constraint (expected: 2.7)."
    )
    assert "Of the 4 objective values of feasible points, 75 % within one standard deviation" in sentences[1]
    assert "100 % within two (95 %" in sentences[1]
    # the box is 1 … 3 by 1 … 4; the front is (0, 1), (0.5, 2/3), (1, 0), and then (0.75, 5/6) in place of the second
    assert f"grew from {0.5 * 2 / 3:.3f} to {0.75 * 5 / 6:.3f} of the box" in sentences[2]
    assert sentences[3].endswith("trials left out of its fit: fractal score 50% and hierarchy 0%.")


def test_the_page_shows_them(folder):
    text = write_report(folder).read_text(encoding="utf-8")
    words = " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())
    assert "Predictions of the surrogate" in words
    assert (
        words.count("3 points that a surrogate of the trials predicted") == 2
    )  # in the summary and in its own section
    assert "2.4 (2.2 … 2.6) 2.5 0.5" in words
    assert "localised –" in words  # the constraint that the third violated, and that it did not enter


def test_a_scan_without_the_phase_has_no_such_section(folder):
    study = optuna.load_study(study_name="known", storage=f"sqlite:///{folder / 'study.db'}")
    (folder / "plain").mkdir()
    plain = optuna.create_study(
        study_name="known", storage=f"sqlite:///{folder / 'plain' / 'study.db'}", directions=["maximize"] * 2
    )
    plain.add_trials(study.trials[:4])
    assert verification.sentences(records.read_record(folder / "plain")) == []
    assert "Predictions of the surrogate" not in write_report(folder / "plain").read_text(encoding="utf-8")


def test_predictions_survive_the_study(folder):
    study = optuna.load_study(study_name="known", storage=f"sqlite:///{folder / 'study.db'}")
    kept = verification.prediction(study.trials[5])
    assert asdict(kept)["mean"] == [1.0, 1.3]
    assert kept.of == 3
