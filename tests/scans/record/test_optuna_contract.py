"""Optuna's public side reads back all that our writer puts into a study, field by field, as if Optuna had written it.

So sampling/optuna_private.py may use the tables of Optuna's schema: pyproject.toml admits a minor version of Optuna
when these tests pass with it.
"""

import gc
import math
import tomllib
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial
from packaging.requirements import Requirement
from servers import MariaDB, PostgreSQL

from supersoliton.config.scan import ScanSettings
from supersoliton.scans.record import storage
from supersoliton.scans.record.digests import seal_mark

# Optuna leaves its connections to the collector, which is called here where no other test is in the way.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*was deleted while still open:ResourceWarning",
    "ignore:Unclosed connection:ResourceWarning",
)
SETTINGS = ScanSettings(objectives=("a", "b"))
SPACE = {
    "norm": FloatDistribution(400.0, 5000.0, log=True),
    "g": FloatDistribution(0.5, 0.8),
    "step": FloatDistribution(0.0, 1.0, step=0.25),
    "n": IntDistribution(1, 12),
    "kind": CategoricalDistribution(["flat", None, 3]),
}
POINT = {"norm": 1234.5678901234567, "g": 0.1 + 0.5, "step": 0.75, "n": 7, "kind": None}
ATTRIBUTES = {
    "kind": "q-ball",
    "reasons": ["ω² < 0", 'say "no"', "two\nlines"],
    "values": {"energy": 1 / 3, "tiny": 5e-324, "count": 3, "nested": {"yes": True, "none": None}},
    "error": "x" * 5000,  # longer than a text column that was meant for names
}
BEGUN = datetime(2026, 7, 1, 12, 30, 15)  # in summer time where there is one


@pytest.fixture(params=["sqlite", "journal", PostgreSQL, MariaDB], ids=["sqlite", "journal", "postgresql", "mariadb"])
def places(request, tmp_path):
    """What [scan] storage says, and two storages of Optuna's own: one at the same place, one elsewhere."""
    if request.param == "sqlite":
        yield "", f"sqlite:///{tmp_path / 'study.db'}", f"sqlite:///{tmp_path / 'theirs.db'}"
    elif request.param == "journal":

        def journal(name):
            backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / name))
            return optuna.storages.JournalStorage(backend)

        yield f"journal:{tmp_path / 'ours.log'}", journal("ours.log"), journal("theirs.log")
    else:
        server = request.param()
        ours, theirs = (optuna.storages.RDBStorage(server.optunas(url)) for url in server.urls[:2])
        yield server.urls[0], ours, theirs
        for used in (ours, theirs):
            used.remove_session()
            used.engine.dispose()
        gc.collect()
        server.close()


def trials():
    """A trial of each state that we write, with and without what a trial can lack."""
    ended = {"params": POINT, "distributions": SPACE, "user_attrs": ATTRIBUTES}
    made = [
        create_trial(values=[1.5, -2.25e-300], constraints={"stable": -1.0, "scored": 0.0}, **ended),
        create_trial(values=[math.inf, -math.inf], constraints={"stable": math.inf, "tight": 1e-9}, **ended),
        create_trial(
            state=TrialState.FAIL, params={"g": 0.7}, distributions={"g": SPACE["g"]}, user_attrs={"error": ""}
        ),
        create_trial(state=TrialState.FAIL),
        create_trial(state=TrialState.RUNNING, params=POINT, distributions=SPACE, system_attrs={"nsga:generation": 3}),
        create_trial(values=[0.0, 1e308]),
    ]
    for number, trial in enumerate(made):
        trial.number = number
        trial.datetime_start = BEGUN + timedelta(minutes=number)
        trial.datetime_complete = trial.datetime_start + timedelta(hours=1) if trial.state.is_finished() else None
    return made


def write(where, folder):
    """By our record, as a scan does: a trial begins with its point, is marked, and ends with the rest."""
    address = storage.locate(where, folder)
    study = storage.create_study(address, "x", SETTINGS, {"config": {"seed": 0}, "request": {}})
    record = storage.open_record(address, study)
    record.load()
    for trial in trials():
        begun = create_trial(
            state=TrialState.RUNNING,
            params=trial.params,
            distributions=trial.distributions,
            system_attrs={} if trial.state.is_finished() else trial.system_attrs,
        )
        begun.number, begun.datetime_start = trial.number, trial.datetime_start
        with record.transaction() as transaction:
            transaction.begin(begun)
            if trial.state is TrialState.RUNNING:
                transaction.set_attribute(trial.number, "begun", 2)
                transaction.set_attribute(trial.number, "begun", 3)
        if trial.state.is_finished():
            with record.transaction() as transaction:
                transaction.end(trial)
    record.close()
    storage.finish(address, study)


def write_as_optuna_does(where):
    study = optuna.create_study(study_name="x", storage=where, directions=["maximize", "maximize"])
    study.set_metric_names(["a", "b"])
    mark = {"config": {"seed": 0}, "request": {}, "format": storage.FORMAT, "sealed": True}
    study.set_user_attr("supersoliton", seal_mark(mark))
    for trial in trials():
        if trial.state is TrialState.RUNNING:
            trial.user_attrs = {"begun": 3}
        study.add_trial(trial)
    return study


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_optuna_reads_what_it_would_have_written(places, tmp_path):
    where, same, elsewhere = places
    write(where, tmp_path)
    study, theirs = optuna.load_study(study_name="x", storage=same), write_as_optuna_does(elsewhere)
    assert study.directions == theirs.directions
    assert study.metric_names == theirs.metric_names
    assert study.user_attrs == theirs.user_attrs
    assert len(study.trials) == len(trials())
    fields = ("number", "state", "values", "params", "distributions", "constraints", "user_attrs", "system_attrs",
              "intermediate_values", "datetime_start", "datetime_complete", "duration", "last_step")  # fmt: skip
    for our, their, given in zip(study.trials, theirs.trials, trials(), strict=True):
        for field in fields:
            if where.startswith("journal") and field in ("datetime_start", "datetime_complete", "duration"):
                continue  # Optuna's journal notes the time at which it is written
            assert getattr(our, field) == getattr(their, field), (our.number, field)
        for field in ("number", "state", "values", "params", "distributions", "constraints"):
            assert getattr(our, field) == getattr(given, field), (our.number, field)
        assert our.user_attrs == given.user_attrs | ({"begun": 3} if given.state is TrialState.RUNNING else {})
        if not where.startswith("journal"):
            assert (our.datetime_start, our.datetime_complete) == (given.datetime_start, given.datetime_complete)
    assert [trial.number for trial in study.best_trials] == [trial.number for trial in theirs.best_trials]


def test_our_reader_returns_what_optuna_reads(places, tmp_path):
    where, same, _ = places
    write(where, tmp_path)
    address = storage.locate(where, tmp_path)
    record = storage.open_record(address, storage.open_study(address, "x"))
    assert record.load() == optuna.load_study(study_name="x", storage=same).trials
    record.close()


def test_optuna_can_continue_the_study(places, tmp_path):
    where, same, _ = places
    write(where, tmp_path)
    study = optuna.load_study(study_name="x", storage=same, sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(lambda trial: (trial.suggest_float("g", 0.5, 0.8), 1.0), n_trials=2)
    assert [trial.number for trial in study.trials] == list(range(len(trials()) + 2))
    assert [trial.state for trial in study.trials[-2:]] == [TrialState.COMPLETE] * 2


def test_only_the_tested_minor_version_is_admitted():
    """A schema that changes in the next one would damage studies: it is admitted when these tests pass with it."""
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    (optunas,) = (Requirement(line).specifier for line in project["dependencies"] if line.startswith("optuna"))
    major, minor, *_ = (int(part) for part in version("optuna").split("."))
    assert version("optuna") in optunas
    assert f"{major}.{minor}.99" in optunas
    assert f"{major}.{minor + 1}" not in optunas
