"""A scan whose first trials all fail for one reason stops and says it."""

import pytest
from small_scan import read_rows, run_small, write_file

from command_line import run
from supersoliton.scans.first_failures import NothingWorks, check_first

FAILS = "def bad(state, modes):\n    raise ValueError(f'no number at energy {state.energy}')\n"
SOMETIMES = "def bad(state, modes):\n    assert state.problem.model.params['g'] < 0.6\n    return 1.0\n"


def test_the_command_stops_with_the_reason_and_keeps_what_was_tried(tmp_path):
    (tmp_path / "own.py").write_text(FAILS)
    file = write_file(tmp_path, objectives=["own.py:bad"], trials=12)
    done = run("scan", file, "--out", tmp_path / "run", cwd=tmp_path)
    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert "the first 5 trials all failed, so the scan stops: ValueError: no number at energy " in said
    assert "Traceback" not in said
    assert [row["state"] for row in read_rows(tmp_path / "run")] == ["FAIL"] * 5
    # the same command tries again: the cause may have been outside
    assert run("scan", file, "--out", tmp_path / "run", cwd=tmp_path).returncode == 1
    assert len(read_rows(tmp_path / "run")) == 10


def test_the_end_of_a_short_scan_says_why_its_trials_failed(tmp_path):
    (tmp_path / "own.py").write_text(FAILS)
    file = write_file(tmp_path, objectives=["own.py:bad"], trials=2)
    done = run("scan", file, "--out", tmp_path / "run", cwd=tmp_path)
    assert "2 of 2 trials are finished (2 failed)" in done.stdout
    assert "2 failed: ValueError: no number at energy " in done.stdout


def test_a_scan_of_which_some_trials_fail_goes_on(tmp_path):
    (tmp_path / "own.py").write_text(SOMETIMES)
    result = run_small(tmp_path, tmp_path / "run", trials=8, objectives=[str(tmp_path / "own.py") + ":bad"], seed=3)
    assert result.finished == 8
    assert 0 < result.counts["failed"] < 8


def test_one_reason_is_one_sentence_whatever_its_numbers():
    same = [f"Traceback\nValueError: r = {r} is too small" for r in (1.5, 2e-7, -3, 4, 5)]
    with pytest.raises(NothingWorks, match=r"r = 1\.5 is too small\. Correct that"):
        check_first(same, earlier=0)
    check_first(same, earlier=1)
    check_first(same[:4], earlier=0)
    check_first([*same[:4], ""], earlier=0)
    check_first([*same[:4], "MemoryError"], earlier=0)
