"""The slopes of the objectives in the report, and the direction that raises the hierarchy at constant score."""

import dataclasses
import html
import re
import subprocess
import sys

import numpy as np
import pytest

import supersoliton as ss
from supersoliton.config import loads
from supersoliton.scans.job import scan
from supersoliton.scans.report import page, records, slopes, states, write_report
from supersoliton.scores.scoring import score

TABLES = {
    "model": {"n_octaves": 3, "m0_squared": 0.5, "g": 0.6, "quartic_sign": -1, "lambda_1": 0.05, "lambda_2": 0.01},
    "grid": {"r_max": 20.0, "n_elements": 6, "order": 10},
    "spectrum": {"n_modes": 30},
    "score": {"null_samples": 20},
    "scan": {
        "trials": 2,
        "workers": 1,
        "sampler": "random",
        "objectives": ["fractal_score", "hierarchy", "null_percentile"],
        "parameters": {
            "g": [0.6, 0.7],
            "norm": {"low": 800, "high": 1500, "log": True},
            "lambda_1": [0.03, 0.1],
            "beta": [0.0, 0.3],
        },
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("scan") / "tuned"
    scan(loads(TABLES), out=out, quiet=True)
    return out


@pytest.fixture(scope="module")
def record(folder):
    return records.read_record(folder)


@pytest.fixture(scope="module")
def found(record, tmp_path_factory):
    trial = record.pareto[0]
    return states.compute(record, [trial], tmp_path_factory.mktemp("pictures")).slopes[trial.number]


def words(path):
    text = re.sub(r"<(script|style).*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def moved(record, trial, step):
    """The state at a trial's couplings changed by ``step`` in parts of their ranges."""
    limits, state = slopes.ranges_of(record), ss.load(record.state_file(trial))
    places = {n: limits[n].unit(trial.couplings[n]) + float(dt) for n, dt in zip(record.parameters, step, strict=True)}
    at = {name: limits[name].at(place) for name, place in places.items()}
    return ss.solve(state.problem.replace(**at), state)


def measured(state):
    masses = ss.spectrum(state, 30).masses
    found = score(masses, null_samples=0)
    return found.hierarchy, found.kde_correlation


def test_the_page_has_the_slopes_of_the_stored_states(folder, record, found):
    text = words(folder / "report.html")
    trial = record.pareto[0]
    exact = ss.slopes(ss.load(record.state_file(trial)), record.parameters, n_modes=30)
    for name in ("fractal_score", "hierarchy"):
        for parameter in record.parameters:
            slope = found.slope(name, parameter)
            assert slope == pytest.approx(exact.slope(name, parameter), rel=1e-3, abs=1e-7)
            assert f"{slope:.4g}".replace("-", "−") in text
    percentile = text.partition("percentile in the null")[2]
    assert "none none none none" in text
    assert percentile
    assert "Tune: from trial" in text


def test_the_direction_raises_the_hierarchy_at_constant_score(record, found):
    """Against solutions on both sides: the rise is the gain, the correlation does not change to first order."""
    trial = record.pareto[0]
    step, gain = slopes.direction(record, trial, found)
    assert np.linalg.norm(step) == pytest.approx(1.0)
    h = 2e-4
    (up, ahead), (down, back) = (measured(moved(record, trial, s * h * step)) for s in (1, -1))
    assert (up - down) / (2 * h) == pytest.approx(gain, rel=1e-4)
    limits = slopes.ranges_of(record)
    scale = [limits[n].rate(trial.couplings[n]) for n in record.parameters]
    held = np.array(scale) * found.slopes["fractal_score"]
    assert abs(ahead - back) / (2 * h) < 1e-3 * np.linalg.norm(held)
    rise = np.array(scale) * found.slopes["hierarchy"]
    other = np.random.default_rng(0).normal(size=(200, len(step)))
    other -= np.outer(other @ held, held) / (held @ held)
    assert np.all(other @ rise / np.linalg.norm(other, axis=1) <= gain * (1 + 1e-12))
    sentence = slopes.tune(record, trial, found)
    for k, name in enumerate(record.parameters):
        if abs(step[k]) >= 0.01:
            assert f"{name} by {step[k]:+.2f}" in sentence


def test_a_coupling_at_the_end_of_its_range_stays(record, found):
    trial = record.pareto[0]
    step, gain = slopes.direction(record, trial, found)
    k = int(np.argmax(np.abs(step)))
    name, limits = record.parameters[k], slopes.ranges_of(record)
    end = limits[name].high if step[k] > 0 else limits[name].low
    there = dataclasses.replace(trial, couplings={**trial.couplings, name: end})
    held, less = slopes.direction(record, there, found)
    assert held[k] == 0.0
    assert np.linalg.norm(held) == pytest.approx(1.0)
    assert less < gain


def test_why_there_are_none_is_said(record, tmp_path):
    fed = dataclasses.replace(record, config={**record.config, "problem": {"self_consistent": {"feedback": ["g"]}}})
    computed = states.compute(fed, page.shown_trials(record), tmp_path)
    assert computed.pictures
    text = slopes.section(fed, computed.slopes)
    assert "the couplings are fed back from each state" in text
    assert "<table" not in text


def test_a_reader_does_not_run_the_users_theory(tmp_path):
    """In another process, which has not imported the user's file, the report says that the slopes are missing."""
    (tmp_path / "mine.py").write_text(
        "def potential(u, p):\n    return u[0]**2 / 2 - p['g'] * u[0]**4 / 4 + u[0]**6 / 8\n"
    )
    tables = {
        "model": {"kind": "potential", "function": "mine.py:potential", "params": {"g": 1.6}},
        "grid": {"r_max": 30.0, "n_elements": 6, "order": 10},
        "problem": {"norm": 100.0},
        "spectrum": {"n_modes": 20, "ell": [0]},
        "scan": {**TABLES["scan"], "trials": 1, "objectives": ["hierarchy"], "parameters": {"g": [1.5, 1.7]}},
    }
    scan(loads(tables, base=tmp_path), out=tmp_path / "run", quiet=True)
    assert "d / d g" in words(tmp_path / "run" / "report.html")
    subprocess.run([sys.executable, "-m", "supersoliton", "report", str(tmp_path / "run"), "--quiet"], check=True)
    text = words(tmp_path / "run" / "report.html")
    assert "d / d g" not in text
    assert re.search(r"Trial 0 has no slopes: .*mine\.py is not imported", text)


def test_the_report_is_written_again_with_the_same_slopes(folder):
    before = words(folder / "report.html")
    assert words(write_report(folder)) == before
