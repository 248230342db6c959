"""Short versions of `python -m benchmarks.soak`: kill -9 of workers and of the scan, at random moments."""

import random

import pytest
from benchmarks import soak


@pytest.mark.parametrize("kill", [soak.kill_workers, soak.kill_drivers], ids=["workers", "driver"])
def test_killed_at_random_moments_nothing_is_lost_and_nothing_twice(tmp_path, kill):
    file = soak.write(tmp_path)
    assert kill(file, tmp_path / "out", 20, 2, random.Random(1)) == 2
    told = soak.check(tmp_path / "out", 20, soak.unbroken(file, tmp_path, 20))
    assert told["states"] == {"COMPLETE": 20}


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
