"""Asking, telling and recording cost at most 10 ms a trial at 1,000 trials and 20 ms at 10,000, with SQLite.

In processor time: other work on the machine counts little. See cost.py; `gp` and `botorch`, whose time is
that of their models, are not held to it.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BOUNDS = {1_000: 0.010, 10_000: 0.020}
FIRST = 0.5  # the first turn after a resume reads the whole study: 0.15 s for tpe at 10,000, which ranks all trials


@pytest.mark.parametrize("counts", [(1_000,), pytest.param((1_000, 10_000), marks=pytest.mark.nightly)])
def test_a_trial_costs_no_more_than_it_may(counts):
    """The first turns at 1,000 import what they need, and are not counted."""
    command = [sys.executable, str(Path(__file__).with_name("cost.py")), *map(str, counts)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    for trials in counts:
        found = measured[str(trials)]
        assert set(found) == {"tpe", "nsga2", "nsga3", "random", "sobol"}
        assert not {name: cost for name, cost in found.items() if cost["later"] > BOUNDS[trials]}
    assert not {name: cost for name, cost in measured.get("10000", {}).items() if cost["first"] > FIRST}
