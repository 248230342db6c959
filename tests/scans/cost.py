"""What a trial costs a scan besides its evaluation: `python cost.py 1000 10000` prints it as JSON, in seconds.

That is asking, telling, SQLite and trials.csv, in processor time on one thread. Everything is the real thing but the
evaluation, a closed form of the point. A program of its own: the tests check every call's types, which costs too.
"""

# ruff: noqa: E402  (the environment must be set before the imports)

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import optuna

from supersoliton.config.scan import Range, ScanSettings
from supersoliton.sampling.samplers import distributions
from supersoliton.scans.record import storage
from supersoliton.scans.record.files import ParetoFront, TrialTable
from supersoliton.scans.record.ledger import Ledger
from supersoliton.scans.trial import Outcome

SAMPLERS = ("tpe", "nsga2", "nsga3", "random", "sobol")
MEASURED, ROUNDS = 20, 3  # turns of which the median counts; the least of so many medians, for a busy machine
COUPLINGS = [f"x{i}" for i in range(7)]  # as many as examples/quickstart.toml scans, and as many objectives
OBJECTIVES = ("fractal_score", "hierarchy", "regularity")
OTHERS = [f"value {i}" for i in range(15)]  # about as many as an evaluation brings


def settings_of(sampler):
    parameters = {name: Range(0.0, 1.0) for name in COUPLINGS}
    return ScanSettings(sampler=sampler, objectives=OBJECTIVES, parameters=parameters)


def evaluated(point):
    """Objectives at odds, and a constraint that a third of the box violates."""
    x = np.array([point[name] for name in COUPLINGS])
    values = {name: -float(np.sum((x - c) ** 2)) for name, c in zip(OBJECTIVES, (0.2, 0.5, 0.8), strict=True)}
    constraints = dict.fromkeys(("precheck", "converged", "resolved", "stable", "scored"), 0.0)
    return Outcome(
        point,
        kind="q-ball",
        status="converged",
        values=values | {name: float(x[i % 7]) for i, name in enumerate(OTHERS)},
        constraints=constraints | {"localised": float(x[0] + x[1] - 1.2)},
        seconds={"total": 0.3, "solve": 0.2, "spectrum": 0.1},
        start="analytic",
    )


class Scan:
    """What `run_scan` does between evaluations, without workers."""

    def __init__(self, folder, sampler):
        self.settings, address = settings_of(sampler), storage.locate("", folder)
        if storage.read_mark(address, "cost") is None:
            storage.create_study(address, "cost", self.settings, {"config": {}, "request": {}})
        self.record = storage.open_record(address, storage.open_study(address, "cost"))
        self.ledger = Ledger(self.record, self.settings)
        trials = self.ledger.load()
        self.table = TrialTable(folder / "trials.csv", COUPLINGS)
        self.table.rewrite(trials)
        self.front = ParetoFront(folder / "states", trials, self.settings.signs)
        self.pending = []

    def fill(self, count):
        """Trials at random points up to so many, in one transaction."""
        rng = np.random.default_rng(len(self.ledger.memory.trials))
        with self.record.transaction() as turn:
            for number in range(len(self.ledger.memory.trials), count):
                point = dict(zip(COUPLINGS, map(float, rng.random(len(COUPLINGS))), strict=True))
                outcome = evaluated(point)
                trial = optuna.create_trial(
                    params=point,
                    distributions=distributions(self.settings),
                    values=[outcome.values[name] for name in OBJECTIVES],
                    constraints=outcome.constraints,
                    user_attrs={"kind": outcome.kind, "values": outcome.values, "constraints": outcome.constraints},
                )
                trial.number = number
                turn.begin(trial)
                turn.end(trial)
        self.record.close()

    def turn(self):
        begun = time.process_time()
        made = self.ledger.update(self.pending, room=1, wanted=10**9)
        for trial in made.ended:
            self.front.settle(trial)
            self.table.append(trial)
        cost = time.process_time() - begun
        self.pending = [(number, evaluated(point)) for number, point in made.points]
        return cost


def measure(counts):
    """Trials there are → sampler → what the first turn costs, which reads the study, and a later one."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        before, folder = Path(name) / "before", Path(name) / "scan"
        before.mkdir()
        for count in counts:
            Scan(before, "random").fill(count)
            for sampler in SAMPLERS:
                shutil.copytree(before, folder)
                scan = Scan(folder, sampler)
                first, second = scan.turn(), scan.turn()  # the first tells nothing yet
                later = min(statistics.median(scan.turn() for _ in range(MEASURED)) for _ in range(ROUNDS))
                rows = (folder / "trials.csv").read_bytes().count(b"\n") - 1
                assert rows == count + 1 + MEASURED * ROUNDS, rows
                scan.record.close()
                shutil.rmtree(folder)
                found.setdefault(count, {})[sampler] = {"first": first, "second": second, "later": later}
    return found


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    print(json.dumps(measure([int(word) for word in sys.argv[1:]])))
