"""Trials of transitions: their numbers are those of the phases and bubbles, their failures are kinds with words."""

import csv
import math
from pathlib import Path

import pytest

import supersoliton as ss
from supersoliton.config import load, loads
from supersoliton.evaluate import evaluate
from supersoliton.scans.job import scan

EXAMPLES = Path(__file__).parents[2] / "examples"
NUCLEATES = {"m_s": 100.0, "l_hs": 0.8, "l_s": 1.1}
TRANSITION = ("critical_temperature", "nucleation_temperature", "action_over_T", "beta_over_H", "alpha")


@pytest.fixture(scope="module")
def config():
    return load(EXAMPLES / "singlet_scan.toml")


def test_the_numbers_are_those_of_the_bubbles(config):
    found = evaluate(config, NUCLEATES)
    assert (found.kind, found.status) == ("bounce", "nucleates")
    phases = ss.phases(config.model.replace(**NUCLEATES), start=0.0, stop=300.0)
    one = next(transition for transition in phases.transitions if transition.order == 1)
    bubble = ss.nucleation(one)
    expected = (one.critical, bubble.temperature, 140.0, bubble.beta_over_H, bubble.alpha)
    assert [found.values[name] for name in TRANSITION] == pytest.approx(expected, rel=1e-8)
    assert found.values["action"] == pytest.approx(140.0 * bubble.temperature, rel=1e-9)
    assert found.feasible
    assert set(config.columns) <= set(found.values)


@pytest.mark.parametrize(
    ("point", "kind", "word"),
    [
        ({"m_s": 100.0, "l_hs": 0.8, "l_s": 0.7}, "no nucleation", "never falls to 140: its minimum is"),
        ({"m_s": 150.0, "l_hs": 0.4, "l_s": 1.0}, "no transition", "no transition of first order"),
    ],
)
def test_failures_are_kinds(config, point, kind, word):
    found = evaluate(config, point)
    assert found.kind == kind
    assert word in found.status
    assert found.reasons == (found.status,)
    assert not found.feasible
    assert math.isnan(found.values["nucleation_temperature"])


def test_a_scan_is_continued_and_reported(config, tmp_path):
    table = config.to_dict()
    assert loads(table) == config
    names = config.scan.parameters
    table["scan"]["parameters"] = {name: [NUCLEATES[name], NUCLEATES[name] * 1.02] for name in names}
    small = loads(table).with_scan(workers=1)
    for wanted in (1, 2):
        result = scan(small, trials=wanted, out=tmp_path, quiet=True)
        assert result.finished == wanted
    rows = list(csv.DictReader((tmp_path / "trials.csv").read_text().splitlines()))
    assert [row["kind"] for row in rows] == ["bounce", "bounce"]
    assert all(float(row["nucleation_temperature"]) < float(row["critical_temperature"]) for row in rows)
    assert "β/H" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"start": 5.0, "stop": 1.0}, "first below the second"),
        ({"which": "best"}, "first"),
        ({"criterion": "rate"}, "planck_mass"),
        ({"criterion": "speed"}, "rate"),
        ({"g_star": -1.0}, "g_star"),
        ({"parameter": "m_s"}, "scan other couplings"),
        ({"parameter": "Q"}, "'Q'"),
    ],
)
def test_mistakes_are_said(config, change, word):
    table = config.to_dict()
    with pytest.raises(ValueError, match=word):
        loads({**table, "transition": table["transition"] | change})


def test_a_norm_is_refused(config):
    table = config.to_dict()
    with pytest.raises(ValueError, match="leave norm"):
        loads({**table, "problem": table["problem"] | {"norm": 3.0}})
