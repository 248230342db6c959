"""The recorded study and its copy in memory: resumed anywhere it continues as if uninterrupted; no point twice.

The outcomes are closed forms of the point, so that hundreds of trials take a second; everything else is the real thing.
"""

import importlib.util
import math

import optuna
import pytest
from optuna.trial import TrialState

from supersoliton.config.scan import Range, ScanSettings
from supersoliton.sampling import chosen
from supersoliton.scans.record import storage
from supersoliton.scans.record.ledger import Ledger
from supersoliton.scans.trial import Outcome

PARAMETERS = {"g": Range(0.5, 0.8), "norm": Range(400.0, 5000.0, log=True), "beta": Range(0.0, 0.3)}
SAMPLERS = ("tpe", "nsga2", "nsga3", "random", "sobol", "gp")


def settings_of(sampler, **changes):
    if sampler == "gp" and importlib.util.find_spec("torch") is None:
        pytest.skip("the sampler gp needs torch, which is not installed")
    return ScanSettings(
        **{"sampler": sampler, "population": 4, "objectives": ("a", "b"), "parameters": PARAMETERS, **changes}
    )


def evaluated(point):
    """Two objectives that contradict each other, a constraint that cuts, and a point in eight that crashes."""
    x, y = (point["g"] - 0.5) / 0.3, math.log(point["norm"] / 400.0)
    if math.sin(50.0 * x) > 0.93:
        return Outcome(point, status="crashed", error="Traceback …\nValueError: no state here")
    values = {"a": x - 0.2 * (y - 1.0) ** 2, "b": 1.0 - x + point["beta"], "energy": math.inf, "size": math.nan}
    return Outcome(
        point,
        kind="q-ball",
        status="converged",
        reasons=["wide"],
        values=values,
        constraints={"stable": math.sin(7.0 * y) - 0.5, "scored": 0.0},
        seconds={"total": 0.1},
    )


class Scan:
    """A ledger in a folder, opened as `run_scan` opens it."""

    def __init__(self, folder, settings, where=""):
        address = storage.locate(where.replace("FOLDER", str(folder)), folder)
        if storage.read_mark(address, "x") is None:
            self.study = storage.create_study(address, "x", settings, {"config": {}, "request": {}})
        else:
            self.study = storage.open_study(address, "x")
        self.record = storage.open_record(address, self.study)
        self.ledger = Ledger(self.record, settings)
        self.ledger.load()
        self.asked, self._pending = [], []

    def go(self, wanted, room=1):
        """Until `wanted` trials are finished."""
        while self.ledger.memory.finished < wanted:
            made = self.ledger.update(self._pending, room=room, wanted=wanted)
            self.asked += made.points
            self._pending = [(number, evaluated(point)) for number, point in made.points]
        return self

    def leave_one_running(self):
        """As a kill would: a point is chosen, and no outcome is recorded."""
        self.asked += self.ledger.update(self._pending, room=1, wanted=10**6).points
        self.record.close()


def recorded(scan):
    return [
        (t.number, t.state, t.params, t.values, t.constraints, t.user_attrs.get("values"), t.system_attrs)
        for t in scan.study.get_trials(deepcopy=False)
    ]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_stopped_at_any_trial_the_sequence_is_that_of_an_unbroken_scan(tmp_path, sampler):
    """TPE learns from its 11th trial on, NSGA has a generation every four; each break leaves a trial running."""
    settings, last = settings_of(sampler), 14 if sampler == "gp" else 20
    unbroken = Scan(tmp_path, settings).go(last)
    for stop in {1, 12} if sampler == "gp" else {4, 17}:
        folder = tmp_path / str(stop)
        folder.mkdir()
        broken = Scan(folder, settings).go(stop)
        broken.leave_one_running()
        resumed = Scan(folder, settings).go(last)
        assert resumed.asked[0] == broken.asked[-1]  # what was running is evaluated, at its point
        assert [*broken.asked[:-1], *resumed.asked] == unbroken.asked
        assert str(recorded(resumed)) == str(recorded(unbroken))  # as text, in which NaN equals NaN


def test_the_same_where_tpe_sees_a_part_of_the_trials(tmp_path, monkeypatch):
    monkeypatch.setattr(chosen, "SHOWN", 12)
    test_stopped_at_any_trial_the_sequence_is_that_of_an_unbroken_scan(tmp_path, "tpe")


@pytest.mark.parametrize("where", ["", "sqlite:///FOLDER/elsewhere.db", "journal:FOLDER/journal.log"])
def test_every_storage_keeps_an_ordinary_study(tmp_path, where):
    settings = settings_of("nsga2")
    scan = Scan(tmp_path, settings, where).go(12)
    scan.leave_one_running()
    if where.startswith("journal"):
        backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal.log"))
        study = optuna.load_study(study_name="x", storage=optuna.storages.JournalStorage(backend))
    else:
        name = "elsewhere.db" if where else "study.db"
        study = optuna.load_study(study_name="x", storage=f"sqlite:///{tmp_path / name}")
    assert study.metric_names == ["a", "b"]
    trials = study.trials
    assert [trial.number for trial in trials] == list(range(13))
    assert trials[-1].state is TrialState.RUNNING
    for trial, (number, point) in zip(trials, scan.asked, strict=True):
        assert (trial.number, trial.params) == (number, point)
        assert trial.distributions["norm"] == optuna.distributions.FloatDistribution(400.0, 5000.0, log=True)
        if trial.state is TrialState.RUNNING:
            continue
        outcome = evaluated(point)
        assert trial.datetime_start <= trial.datetime_complete
        if outcome.failed:
            assert trial.state is TrialState.FAIL
            assert trial.user_attrs["error"] == outcome.error
            continue
        assert trial.state is TrialState.COMPLETE
        assert trial.values == [outcome.values["a"], outcome.values["b"]]
        assert trial.constraints == outcome.constraints
        assert trial.user_attrs["values"]["energy"] == math.inf
        assert trial.user_attrs["reasons"] == ["wide"]
    assert {trial.state for trial in trials} == {TrialState.COMPLETE, TrialState.FAIL, TrialState.RUNNING}
    assert any(key.startswith("NSGAIISampler:generation") or "generation" in key for key in trials[0].system_attrs)
    study.optimize(lambda trial: (trial.suggest_float("g", 0.5, 0.8), 0.0), n_trials=1)  # and Optuna continues it


def test_what_is_read_back_is_what_optuna_reads(tmp_path):
    scan = Scan(tmp_path, settings_of("nsga2")).go(9)
    scan.leave_one_running()
    ours = Scan(tmp_path, settings_of("nsga2")).record.load()
    theirs = optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/study.db").get_all_trials(1)
    for our, their in zip(ours, theirs, strict=True):
        for name in ("number", "state", "values", "datetime_start", "datetime_complete", "params", "distributions"):
            assert getattr(our, name) == getattr(their, name), name
        assert list(our.params) == list(their.params)
        for name in ("user_attrs", "system_attrs"):  # as text, in which NaN equals NaN; Optuna's order is any
            assert sorted(map(str, getattr(our, name).items())) == sorted(map(str, getattr(their, name).items()))


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "gp"])
def test_the_points_of_a_batch_are_distinct(tmp_path, sampler):
    """Sixteen asked together, twice with knowledge of those before; constant liars would repeat themselves."""
    scan = Scan(tmp_path, settings_of(sampler)).go(48, room=16)
    assert [number for number, _ in scan.asked] == list(range(len(scan.asked)))
    points = {tuple(point.values()) for _, point in scan.asked}
    assert len(points) == len(scan.asked)
    spread = {round(point["g"], 3) for _, point in scan.asked[-16:]}
    assert len(spread) >= 8  # not one point sixteen times with the last digit changed


def test_a_point_that_ends_its_process_is_not_begun_for_ever(tmp_path):
    settings = settings_of("random")
    for _ in range(5):
        Scan(tmp_path, settings).leave_one_running()
    scan = Scan(tmp_path, settings)
    made = scan.ledger.update([], room=1, wanted=3, fragile=True)
    assert [number for number, _ in made.points] == [1]  # the next one
    trial = scan.study.get_trials()[0]
    assert trial.state is TrialState.FAIL
    assert "the program ended 5 times while it evaluated this trial" in trial.user_attrs["error"]


def test_more_trials_are_added_and_changed_ranges_keep_all_trials(tmp_path):
    first = Scan(tmp_path, settings_of("tpe")).go(15)
    before = str(recorded(first))
    first.record.close()
    wider = settings_of("tpe", parameters={**PARAMETERS, "g": Range(0.7, 0.9)})
    second = Scan(tmp_path, wider).go(30)
    assert str(recorded(second)[:15]) == before
    assert all(0.7 <= point["g"] <= 0.9 for _, point in second.asked)
