"""`python -m benchmarks.soak`: kill -9 of workers and of the scan at random moments; the long runs are nightly."""

import random

import pytest
from benchmarks import soak


@pytest.mark.parametrize(
    ("kill", "trials", "kills"),
    [
        (soak.kill_drivers, 40, 2),
        pytest.param(soak.kill_drivers, 200, 20, marks=pytest.mark.nightly),
        pytest.param(soak.kill_workers, 200, 20, marks=pytest.mark.nightly),
    ],
    ids=["driver", "driver, longer", "workers"],
)
def test_killed_at_random_moments_nothing_is_lost_and_nothing_twice(tmp_path, kill, trials, kills):
    """Every trial is completed, once, at its point; study.db, trials.csv and the states agree. See `soak.check`."""
    file = soak.write(tmp_path)
    assert kill(file, tmp_path / "out", trials, kills, random.Random(1)) == kills
    result = soak.check(tmp_path / "out", trials, soak.unbroken(file, tmp_path, trials))
    assert result["states"] == {"COMPLETE": trials}
    if kill is soak.kill_drivers and kills >= 20:
        assert result["retaken"] > 0  # some kills came while trials ran, which were evaluated again


@pytest.mark.nightly
def test_a_journal_outlives_killed_drivers_too(tmp_path):
    file = soak.write(tmp_path, f"journal:{tmp_path / 'journal.log'}")
    assert soak.kill_drivers(file, tmp_path / "out", 40, 5, random.Random(2)) == 5
    result = soak.check(tmp_path / "out", 40, soak.unbroken(file, tmp_path, 40))
    assert result["states"] == {"COMPLETE": 40}


def test_the_check_notices_what_is_wrong(tmp_path):
    file = soak.write(tmp_path)
    out = tmp_path / "out"
    assert soak.start(file, out, 3, workers=1).wait() == 0
    expected = soak.unbroken(file, tmp_path, 3)
    soak.check(out, 3, expected)
    with pytest.raises(AssertionError, match="numbers lost"):
        soak.check(out, 4, expected)
    with pytest.raises(AssertionError, match="other points"):
        soak.check(out, 3, {**expected, 1: expected[0]})
    table = out / "trials.csv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join([*lines[:2], *lines[3:]]))
    with pytest.raises(AssertionError, match="not the study"):
        soak.check(out, 3, expected)
    table.write_text("".join(lines))
    (out / "states" / "trial_00099.nc").write_text("")
    with pytest.raises(AssertionError, match="states"):
        soak.check(out, 3, expected)
