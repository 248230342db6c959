"""The trials that a driver keeps: what Optuna's own storage gives samplers, in half a kilobyte for each."""

import gc
import math
import pickle
import statistics
import tracemalloc

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from optuna.trial import TrialState

from supersoliton._ranges import Range
from supersoliton.config.scan import ScanSettings
from supersoliton.sampling.optuna_private import EndedTrial, TrialsInMemory, set_constraint
from supersoliton.scans.record.memory_study import MemoryStudy
from supersoliton.scans.trial import Outcome

BOX = {"g": FloatDistribution(0.1, 10.0, log=True), "norm": FloatDistribution(0.0, 1.0)}
WIDER = {**BOX, "norm": FloatDistribution(0.0, 2.0)}
PARTS = ("number", "state", "params", "distributions", "values", "user_attrs", "constraints")


def fill(storage):
    """Trials of every kind: complete, with a generation, failed, in another box, of another program, running."""
    study = storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE] * 2, "study")

    def begin(box, **point):
        number = storage.create_new_trial(study)
        for name, value in point.items():
            storage.set_trial_param(number, name, value, box[name])
        return number

    for k in range(4):
        number = begin(BOX if k < 2 else WIDER, g=0.3 * (k + 1), norm=0.1 * k)
        set_constraint(storage, number, "stable", -0.5)
        set_constraint(storage, number, "resolved", math.inf if k == 3 else 0.25 * k)
        if k % 2:
            storage.set_trial_system_attr(number, "nsga2:generation", k)
        storage.set_trial_state_values(number, TrialState.COMPLETE, [1.5 * k, -math.inf])
    failed = begin(BOX, g=2.0, norm=0.5)
    storage.set_trial_user_attr(failed, "error", "")
    storage.set_trial_state_values(failed, TrialState.FAIL)
    counted = begin({"n": IntDistribution(0, 3)}, n=2)
    storage.set_trial_state_values(counted, TrialState.COMPLETE, [0.0, 0.0])
    begin(BOX, g=1.0, norm=0.25)
    done = optuna.create_trial(
        params={"g": 0.7, "norm": 0.9}, distributions=BOX, values=[3.0, 4.0], user_attrs={"predicted": 1}
    )
    storage.create_new_trial(study, template_trial=done)
    return study


@pytest.mark.parametrize("carry", [lambda trial: trial, lambda trial: pickle.loads(pickle.dumps(trial))])
def test_samplers_read_what_optunas_storage_holds(carry):
    ours, optunas = TrialsInMemory(), optuna.storages.InMemoryStorage()
    study = fill(ours)
    assert fill(optunas) == study
    for mine, theirs in zip(ours.get_all_trials(study), optunas.get_all_trials(study), strict=True):
        made = carry(mine)
        assert made == mine
        assert {part: getattr(made, part) for part in PARTS} == {part: getattr(theirs, part) for part in PARTS}
        assert made.system_attrs.get("nsga2:generation") == theirs.system_attrs.get("nsga2:generation")
    kinds = [type(trial) is EndedTrial for trial in ours.trials]
    assert kinds == [True] * 5 + [False, False, True]  # neither what another program drew nor what runs
    assert len({trial for trial in ours.trials if type(trial) is EndedTrial}) == 6


def test_an_unknown_trial_is_none_of_the_study():
    storage = TrialsInMemory()
    fill(storage)
    with pytest.raises(KeyError, match="No trial with trial_id 99"):
        storage.get_trial(99)


@pytest.mark.nightly
def test_a_finished_trial_takes_half_a_kilobyte():
    box = {"g": Range(1.0, 2.0), "norm": Range(1.0, 2.0)}
    study = MemoryStudy(ScanSettings(sampler="random", objectives=("hierarchy", "regularity"), parameters=box), [])

    def run():
        for _ in range(50):
            trial = study.ask()
            x = trial.params["g"]
            constraints = {f"constraint {i}": -x / (i + 1) for i in range(8)}
            values = {"hierarchy": x, "regularity": -x}
            study.end(trial.number, Outcome(trial.params, values=values, constraints=constraints))
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    used = [run() for _ in range(6)]
    tracemalloc.stop()
    # the median: tables of Python's own grow now and then
    assert statistics.median(np.diff(used)) / 50 < 500
    assert study.finished == 300
