"""Asking, telling and recording cost at most 10 ms a trial at 1,000 trials and 20 ms at 10,000, with SQLite.

In processor time: what the machine does beside the tests counts little. See cost.py.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BOUNDS = {1_000: 0.010, 10_000: 0.020}
SAMPLERS = ("tpe", "nsga2", "nsga3", "random", "sobol")  # what gp and botorch take is their models'


@pytest.fixture(scope="module")
def measured():
    command = [sys.executable, str(Path(__file__).with_name("cost.py")), *map(str, BOUNDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("trials", BOUNDS)
def test_a_trial_costs_no_more_than_it_may(measured, trials, sampler):
    assert measured[str(trials)][sampler]["later"] <= BOUNDS[trials]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_first_turn_after_resuming_is_no_wait(measured, sampler):
    """It reads the whole study: 0.2 s for tpe, which ranks all trials; one after another that took 1 to 2 s."""
    assert measured["10000"][sampler]["first"] <= 0.5
