"""A coupling that changes no objective is named before the first trial and never gets importance."""

import json

import numpy as np
import pytest
from small_scan import load_small, run_small, write_file

from supersoliton.scans.axes import AXES, _moved, in_words, read_axes
from supersoliton.scans.job import scan
from supersoliton.scans.report import analysis, records, write_report

# At fixed norm m0^2 and omega^2 enter the second variation as their difference.
PLANTED = {"g": [0.55, 0.7], "m0_squared": [0.4, 0.6], "norm": {"low": 400, "high": 900, "log": True}}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    run_small(folder, folder / "run", trials=24, parameters=PLANTED)
    return folder / "run"


def test_the_planted_axis_is_found_and_no_other(planted):
    assert json.loads((planted / AXES).read_text()) == {"fractal_score": ["m0_squared"], "hierarchy": ["m0_squared"]}


def test_it_never_gets_importance(planted):
    record = records.read_record(planted)
    shares = analysis.importances(record)
    assert set(shares) == {"fractal_score", "hierarchy"}
    for objective in shares.values():
        assert objective["m0_squared"] == (0.0, 0.0)
    page = write_report(planted).read_text()
    assert "m0_squared changes no objective" in page


def test_it_is_named_before_trial_0(tmp_path, capsys):
    path = write_file(tmp_path, parameters=PLANTED, trials=1, objectives=["hierarchy"])
    scan(path, out=tmp_path / "run")
    lines = capsys.readouterr().err.splitlines()
    named = next(i for i, line in enumerate(lines) if line.startswith("m0_squared changes no objective"))
    assert not any("1/1 done" in line for line in lines[:named])
    assert not any(line.startswith(("g ", "norm ")) for line in lines)


def test_workers_test_the_axes_too_and_a_resumed_scan_does_not_again(tmp_path):
    run_small(tmp_path, tmp_path / "run", trials=1, workers=2, parameters=PLANTED)
    assert read_axes(tmp_path / "run")["hierarchy"] == ["m0_squared"]
    (tmp_path / "run" / AXES).write_text("{}")
    run_small(tmp_path, tmp_path / "run", trials=2, workers=2, parameters=PLANTED)
    assert read_axes(tmp_path / "run") == {}


def test_what_depends_on_it_keeps_it_alive(tmp_path):
    """The mass ratio of the vacuum changes with m0^2, so it changes an objective, if not the hierarchy."""
    run_small(tmp_path, tmp_path / "run", trials=1, objectives=["hierarchy", "mass_ratio"], parameters=PLANTED)
    found = read_axes(tmp_path / "run")
    assert found == {"hierarchy": ["m0_squared"], "mass_ratio": ["g", "norm"]}
    assert in_words(found) == []


def test_without_a_soliton_the_attraction_is_dead(tmp_path):
    """Nothing holds the norm, so every point is the vacuum, whose spectrum knows m0^2 and not g."""
    parameters = {name: PLANTED[name] for name in ("g", "m0_squared")}
    result = run_small(tmp_path, tmp_path / "run", trials=1, objectives=["hierarchy"], parameters=parameters)
    assert result.counts == {"vacuum": 1}
    assert read_axes(tmp_path / "run") == {"hierarchy": ["g"]}


def test_damaged_findings_are_no_findings(tmp_path):
    for text in ("{", "[1]", '{"hierarchy": 3}'):
        (tmp_path / AXES).write_text(text)
        assert read_axes(tmp_path) == {}
    assert read_axes(tmp_path / "nowhere") == {}


def test_moves_stay_in_the_range(tmp_path):
    config = load_small(tmp_path)
    for name, limits in config.scan.parameters.items():
        for unit in (0.0, 0.3, 0.5, 1.0):
            value = limits.at(unit)
            moved = _moved(config, name, value)
            assert limits.low <= moved <= limits.high
            assert abs(limits.unit(moved) - unit) == pytest.approx(0.1)


def test_noise_gets_no_share_and_shares_have_errors():
    """Of 200 random trials: the objective depends on x, and on nothing else of six couplings."""
    rng = np.random.default_rng(0)
    x = rng.random((6, 200))
    kernels = np.stack([analysis._kernels(row) for row in x])
    matters = analysis._shares(kernels, x[0] + 0.3 * rng.normal(size=200))
    assert matters[0].value > 0.8
    assert 0 < matters[0].error < 0.2
    given = [sum(share.value > 0 for share in analysis._shares(kernels, rng.normal(size=200))) for _ in range(20)]
    assert np.mean(given) < 0.9  # 5 % of six couplings each time are 0.3


def test_the_error_is_the_spread_over_repeated_scans():
    rng, shares = np.random.default_rng(1), []
    for _ in range(20):
        x = rng.random((2, 120))
        kernels = np.stack([analysis._kernels(row) for row in x])
        shares.append(analysis._shares(kernels, x[0] + x[1] + 0.2 * rng.normal(size=120))[0])
    spread, error = np.std([s.value for s in shares]), np.median([s.error for s in shares])
    assert 0.4 < error / spread < 2.5
