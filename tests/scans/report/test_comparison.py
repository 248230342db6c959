"""Two scans on one page: what differs between them, and their fronts measured in the box of both."""

import json
import re

import optuna
import pytest
import tomli_w

from supersoliton.cli.commands import report
from supersoliton.scans.report import comparison, records, write_report

OBJECTIVES = ["hierarchy", {"name": "energy", "direction": "minimize"}, "regularity"]


def _study(folder, points, seed, objectives):
    """A study with these objectives, one row a trial, and the settings with this seed."""
    folder.mkdir()
    directions = ["maximize" if isinstance(one, str) else "minimize" for one in objectives]
    study = optuna.create_study(
        storage=f"sqlite:///{folder / 'study.db'}", study_name=folder.name, directions=directions
    )
    for k, point in enumerate(points):
        trial = study.ask()
        trial.suggest_float("g", 0.0, 1.0)
        trial.set_user_attr("kind", "q-ball" if k else "vacuum")
        trial.set_user_attr("values", {"certified": 1.0, "omega": 0.5})
        study.tell(trial, point)
    config = {"scan": {"objectives": objectives, "seed": seed, "parameters": {"g": [0.0, 1.0]}}}
    (folder / "config.resolved.toml").write_text(tomli_w.dumps(config))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("two")
    ours = _study(root / "ours", [(1.0, 4.0, 0.0), (3.0, 2.0, 0.0)], 1, OBJECTIVES)
    theirs = _study(root / "theirs", [(2.0, 4.0), (1.0, 1.0), (1.0, 3.0)], 2, OBJECTIVES[:2])
    return ours, theirs


def _words(text):
    text = re.sub(r"<(script|style).*?</\1>", "", text, flags=re.S)
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def test_the_page_has_both_scans(folders):
    ours, theirs = folders
    report(ours, compare=theirs, quiet=True)
    text = (ours / "report.html").read_text(encoding="utf-8")
    words = _words(text)
    assert "Compared with another scan" in words
    assert "../theirs/report.html" in text
    assert "trials 2 3" in words
    assert "solitons 1 2" in words
    assert "best hierarchy 3 (trial 1) 2 (trial 0)" in words
    assert "best energy [mass] ↓ 2 (trial 1) 1 (trial 1)" in words
    assert "scan.seed 1 2" in words
    assert text.count("data-view='compared'") == 1
    data = json.loads(re.search(r"id='record'>(.*?)</script>", text, re.S)[1])
    assert data["other"]["values"] == {"hierarchy": [2.0, 1.0, 1.0], "energy": [4.0, 1.0, 3.0]}
    assert data["other"]["pareto"] == [1, 1, 0]
    assert "Compared with" not in _words(write_report(ours).read_text(encoding="utf-8"))


def test_volumes_are_fractions_of_one_box(folders):
    """Box: hierarchy 1 to 3, energy 4 to 1. Ours (1, 2/3), theirs (1/2, 0) and (0, 1): areas by hand."""
    ours, theirs = map(records.read_record, folders)
    common = comparison.shared(ours, theirs)
    assert common == ["hierarchy", "energy"]
    assert comparison._volumes(ours, theirs, common) == pytest.approx([2 / 3, 0.0])


def test_objectives_of_opposite_directions_are_not_compared(folders, tmp_path):
    ours = records.read_record(folders[0])
    other = records.read_record(_study(tmp_path / "up", [(1.0,), (2.0,)], 1, ["energy"]))
    assert comparison.shared(ours, other) == []
    assert "no objective in common" in _words(comparison.section(ours, other))


def test_a_folder_without_a_scan_is_named(folders, tmp_path):
    with pytest.raises(ValueError, match="holds no study"):
        write_report(folders[0], compare=tmp_path)
