"""The commands pretrain and warm-start, and scans with each use of trained starts."""

import csv
import json

import pytest
from small_training import load_small, write_file

import supersoliton as ss
from command_line import run
from supersoliton.guesses.trained.library import SOURCES


def rows(folder):
    with (folder / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_train_look_measure_and_scan(tmp_path):
    file = write_file(tmp_path)
    done = run("pretrain", file, "--json", "trained.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "trained.json").read_text())
    assert (tmp_path / "warm_start.npz").is_file()
    assert (tmp_path / "warm_start.png").stat().st_size > 10_000
    for row in told["branches"]:
        assert row["branch"] in done.stdout
    assert "training networks" in done.stderr

    info = run("warm-start", "info", file, cwd=tmp_path)
    assert info.returncode == 0
    assert info.stdout == done.stdout

    done = run("warm-start", "bench", file, "--points", 4, "--json", "bench.json", "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    inside, outside = json.loads((tmp_path / "bench.json").read_text())["worth"]
    assert (inside["where"], outside["where"]) == ("inside", "outside")
    starts = {row["method"]: row for row in inside["starts"]}
    assert {"analytic", "network", "regression", "neighbour", "search"} <= set(starts)
    assert starts["regression, corrected"]["error_median"] < 0.1 * starts["regression"]["error_median"]
    assert starts["search"]["steps"] < starts["analytic"]["steps"]
    searches = {row["use"]: row for row in inside["searches"]}
    assert searches["none"]["pays_after"] is None
    assert searches["auto"]["success"] == 100.0
    assert searches["auto"]["wrong"] == 0

    done = run("scan", file, "--trials", 4, "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = rows(tmp_path / "runs" / "small")
    assert len(found) == 4
    assert {row["start"] for row in found} <= {*SOURCES, "analytic"}
    assert any(row["start"] in SOURCES for row in found)
    assert all(
        float(row["steps_saved"])
        == float(found[0]["steps_saved"]) + float(found[0]["newton_steps"]) - float(row["newton_steps"])
        for row in found
    )
    assert "digest" in (tmp_path / "runs" / "small" / "config.resolved.toml").read_text()


def test_a_scan_without_its_trained_starts_says_how_to_get_them(tmp_path):
    done = run("scan", write_file(tmp_path), "--quiet", cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no file" in done.stderr
    assert "supersoliton pretrain" in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.nightly
def test_modes_of_a_scan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    library = ss.scan(write_file(tmp_path, scan={"mode": "pretrain"}), quiet=True)
    assert (tmp_path / "warm_start.npz").is_file()
    assert library.models
    assert not (tmp_path / "runs" / "small" / "study.db").exists()
    before = (tmp_path / "warm_start.npz").read_bytes()
    result = ss.scan(write_file(tmp_path, scan={"mode": "full"}), trials=3, quiet=True)
    assert result.finished == 3
    assert (tmp_path / "warm_start.npz").read_bytes() == before  # the file exists: not trained again


@pytest.mark.nightly
def test_full_without_a_table_trains_into_the_folder_of_the_scan(tmp_path, monkeypatch):
    import tomli_w
    from small_training import TABLES

    monkeypatch.chdir(tmp_path)
    tables = {**TABLES, "scan": {**TABLES["scan"], "mode": "full"}}
    tables["warm_start"] = {name: value for name, value in TABLES["warm_start"].items() if name != "checkpoint"}
    (tmp_path / "whole.toml").write_text(tomli_w.dumps(tables))
    result = ss.scan(tmp_path / "whole.toml", out=tmp_path / "there", trials=2, quiet=True)
    assert result.finished == 2
    assert (tmp_path / "there" / "warm_start.npz").is_file()
    assert {row["start"] for row in rows(tmp_path / "there")} & set(SOURCES)


@pytest.mark.nightly
def test_starts_trained_again_are_another_study(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "small.toml"
    ss.scan(file, trials=2, quiet=True)
    (tmp_path / "warm_start.npz").unlink()
    ss.pretrain(write_file(tmp_path, seed=3), quiet=True)
    with pytest.raises(ValueError, match=r"was scanned with \[warm_start\]"):
        ss.scan(file, trials=3, quiet=True)


def test_mistakes_are_named(tmp_path):
    for settings, words in (
        ({"use": "oracle"}, r'\[warm_start\] use must be one of auto, network.*got "oracle"'),
        ({"points": 0}, r"\[warm_start\] points must be at least 1, got 0"),
        ({"corections": 3}, r'\[warm_start\] has no key .corections.*did you mean "corrections"'),
        ({"networks": 2.0}, r"\[warm_start\] networks must lie between 0 and 1"),
        ({"scan": {"mode": "half"}}, r"\[scan\] mode must be one of scan, pretrain, full"),
    ):
        with pytest.raises(ValueError, match=words):
            load_small(tmp_path, **settings)
