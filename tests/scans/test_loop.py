"""A scan is an ordinary Optuna study with a complete record; it resumes exactly and refuses what is not its own."""

import fcntl
import json
import math
import sqlite3
from datetime import datetime
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from small_scan import TABLES, load_small, points, read_rows, run_small

import supersoliton as ss
from supersoliton.config import Config, load, loads
from supersoliton.scans.record.changes import RecordWarning
from supersoliton.scans.record.heartbeat import last_beat


def open_study(directory):
    return optuna.load_study(study_name="small", storage=f"sqlite:///{directory / 'study.db'}")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    return folder, run_small(folder, folder / "run", trials=4)


def test_the_study_is_an_ordinary_one(finished):
    folder, result = finished
    study = open_study(folder / "run")
    assert [d.name for d in study.directions] == ["MAXIMIZE"] * 2
    assert study.metric_names == ["fractal_score", "hierarchy"]
    assert [t.state for t in study.trials] == [TrialState.COMPLETE] * 4
    for trial in study.trials:
        alone = {"energy", "fractal_score", "hierarchy", "regularity", "enhanced_score", "hierarchy_bonus"}
        assert alone < set(trial.user_attrs)
        assert set(trial.user_attrs) - set(trial.user_attrs["values"]) == {
            "kind", "status", "reasons", "values", "constraints", "seconds", "start", "cache", "numerics", "hits",
            "digest",
        }  # fmt: skip
        assert trial.values == [trial.user_attrs["values"][name] for name in study.metric_names]
        assert trial.values == [trial.user_attrs[name] for name in study.metric_names]
        assert trial.user_attrs["energy"] == trial.user_attrs["values"]["energy"]
        assert trial.constraints == trial.user_attrs["constraints"]
        assert {"converged", "localised", "stable", "scored"} <= set(trial.constraints)
        assert trial.user_attrs["kind"] == "q-ball"
        assert trial.user_attrs["seconds"]["total"] > 0
    assert result.counts == {"q-ball": 4}
    assert (result.finished, result.wanted, result.new, result.interrupted) == (4, 4, 4, False)


def test_the_table_has_one_row_per_trial_with_every_number(finished):
    folder, result = finished
    rows = read_rows(folder / "run")
    assert [int(row["number"]) for row in rows] == [0, 1, 2, 3]
    for row, trial in zip(rows, result.study.trials, strict=True):
        assert float(row["g"]) == trial.params["g"]  # to the last digit
        assert float(row["norm"]) == trial.params["norm"]
        recorded = trial.user_attrs["values"]
        for name in set(recorded) - {"norm"}:
            assert np.array_equal(float(row[name]), recorded[name], equal_nan=True), name
        assert float(row["c_localised"]) == trial.constraints["localised"]
        assert row["kind"] == "q-ball"
        assert float(row["seconds"]) > 0


def test_the_record_says_what_computed_it(finished):
    folder, _ = finished
    path = folder / "run" / "config.resolved.toml"
    resolved = load(path)
    assert isinstance(resolved, Config)
    assert resolved == load_small(folder)  # defaults written out, and the file can be scanned again as it is
    text = path.read_text()
    assert "[versions]" in text
    assert "optuna" in text
    assert "seed = 0" in text
    beat = last_beat(folder / "run" / "heartbeat.log")
    assert (beat.done, beat.total, beat.failed, beat.running) == (4, 4, 0, 0)
    assert beat.ended  # without this line the driver was killed
    assert beat.rate > 0
    assert beat.memory > 0


def test_states_and_spectra_are_those_of_the_pareto_set(finished):
    folder, result = finished
    numbers = [trial.number for trial in result.pareto]
    assert numbers == sorted(trial.number for trial in result.study.best_trials)
    stored = sorted(path.name for path in (folder / "run" / "states").iterdir())
    assert stored == sorted(f"trial_{n:05d}.{end}" for n in numbers for end in ("nc", "spectra.json"))
    for trial in result.pareto:
        stem = folder / "run" / "states" / f"trial_{trial.number:05d}"
        state = ss.load(stem.with_suffix(".nc"))
        assert state.energy == pytest.approx(trial.user_attrs["values"]["energy"], rel=1e-12)
        assert state.problem.model.g == trial.params["g"]
        spectra = json.loads(stem.with_suffix(".spectra.json").read_text())
        assert len(spectra["box"]) in (19, 20)  # twenty levels, of which one may be negative
        assert len(spectra["thresholds"]) == 3


def test_the_page_of_columns_has_every_column_of_a_table(finished):
    columns = set(read_rows(finished[1].directory)[0]) - set(TABLES["scan"]["parameters"])
    page = (Path(__file__).parents[2] / "docs" / "trials_table.md").read_text()
    assert {"hits", "ended", "hierarchy_bonus", "mass_ratio", "c_scored"} <= columns
    assert [name for name in columns if f"\n| `{name}` | " not in page] == []


def test_the_time_of_a_row_is_when_its_trial_ended(finished):
    for row, trial in zip(read_rows(finished[1].directory), finished[1].study.trials, strict=True):
        assert row["ended"].endswith("+00:00")
        assert abs(datetime.fromisoformat(row["ended"]) - trial.datetime_complete.astimezone()).total_seconds() < 1.0


def test_every_name_that_an_objective_may_have_is_recorded(finished):
    config = loads(TABLES)
    assert set(config.columns) == set(finished[1].study.trials[0].user_attrs["values"])


def test_same_seed_same_trials_other_seed_other_trials(finished, tmp_path):
    assert points(run_small(tmp_path, tmp_path / "same", trials=4)) == points(finished[1])
    other = run_small(tmp_path, tmp_path / "other", trials=1, seed=1)
    assert points(other)[0] != points(finished[1])[0]


@pytest.mark.parametrize(
    ("sampler", "first", "last"),
    [("random", 1, 3), pytest.param("tpe", 11, 13, marks=pytest.mark.nightly), ("nsga2", 5, 9)],
)
def test_a_resumed_scan_goes_on_as_an_unbroken_one(tmp_path, sampler, first, last):
    """TPE learns from its 11th trial on, NSGA-II from its second generation: the break comes after that."""
    settings = {"sampler": sampler, "population": 4}
    unbroken = run_small(tmp_path, tmp_path / "unbroken", trials=last, **settings)
    run_small(tmp_path, tmp_path / "broken", trials=first, **settings)
    resumed = run_small(tmp_path, tmp_path / "broken", trials=last, **settings)
    assert (resumed.finished, resumed.new) == (last, last - first)
    assert points(resumed) == points(unbroken)
    assert [t.number for t in resumed.pareto] == [t.number for t in unbroken.pareto]


def test_a_finished_scan_has_nothing_to_do_and_fewer_trials_remove_none(finished):
    folder, _ = finished
    before = (folder / "run" / "trials.csv").read_text()
    for trials in (4, 2):
        again = run_small(folder, folder / "run", trials=trials)
        assert (again.finished, again.wanted, again.new) == (4, trials, 0)
    assert (folder / "run" / "trials.csv").read_text() == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 5}, r"\[scan\] seed = 0, but now \[scan\] seed = 5"),
        ({"sampler": "tpe"}, r"\[scan\] sampler"),
        ({"objectives": ["hierarchy"]}, r"\[scan\] objectives"),
        (
            {"parameters": {"g": [0.55, 0.75], "norm": TABLES["scan"]["parameters"]["norm"]}},
            r"\[scan.parameters.g\] high",
        ),
        ({"parameters": {"g": [0.55, 0.7]}}, r"\[scan.parameters\] norm"),
    ],
)
def test_another_configuration_is_refused_by_name(finished, change, words):
    folder, _ = finished
    database = (folder / "run" / "study.db").read_bytes()
    resolved = (folder / "run" / "config.resolved.toml").read_text()
    with pytest.raises(ValueError, match=words):
        run_small(folder, folder / "run", trials=9, **change)
    assert (folder / "run" / "study.db").read_bytes() == database
    assert (folder / "run" / "config.resolved.toml").read_text() == resolved


def test_a_trial_left_running_by_a_killed_program_is_failed_and_not_counted(tmp_path):
    run_small(tmp_path, tmp_path / "run", trials=1)
    open_study(tmp_path / "run").ask()
    result = run_small(tmp_path, tmp_path / "run", trials=3)
    assert [t.state.name for t in result.study.trials] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert result.finished == 3
    rows = read_rows(tmp_path / "run")
    assert [row["state"] for row in rows] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]


def test_the_table_is_mended_after_a_kill_between_study_and_table(tmp_path):
    run_small(tmp_path, tmp_path / "run", trials=2)
    table = tmp_path / "run" / "trials.csv"
    whole = table.read_text()
    table.write_text(whole[: len(whole) // 2])
    with pytest.warns(RecordWarning, match=r"trials\.csv .*: it is written again from the study"):
        run_small(tmp_path, tmp_path / "run", trials=2)
    assert table.read_text() == whole


def _text_file(path):
    path.write_text("these are my notes\n")


def _other_database(path):
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE pantry (jam TEXT)")
    database.close()


def _other_study(path):
    optuna.create_study(study_name="theirs", storage=f"sqlite:///{path}")


def _unmarked_study(path):
    optuna.create_study(study_name="small", storage=f"sqlite:///{path}")


@pytest.mark.parametrize("make", [_text_file, _other_database, _other_study, _unmarked_study])
def test_a_study_that_is_not_ours_is_refused_and_kept(tmp_path, make):
    (tmp_path / "run").mkdir()
    path = tmp_path / "run" / "study.db"
    make(path)
    content = path.read_bytes()
    with pytest.raises(ValueError, match=r"study\.db.*--out"):
        run_small(tmp_path, tmp_path / "run")
    assert path.read_bytes() == content
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["study.db"]


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot write to"):
        run_small(tmp_path, tmp_path / "file" / "run")


def test_two_scans_do_not_share_a_folder(tmp_path):
    (tmp_path / "run").mkdir()
    with (tmp_path / "run" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match="another scan is running"):
            run_small(tmp_path, tmp_path / "run")
    assert run_small(tmp_path, tmp_path / "run", trials=1).finished == 1


def test_a_crash_is_a_failed_trial_and_the_scan_goes_on(tmp_path):
    """Both ends of this range are valid and nothing between them is, so every trial raises inside evaluate."""
    result = run_small(tmp_path, tmp_path / "run", trials=2, parameters={"quartic_sign": [-1, 1], "norm": [400, 900]})
    assert [t.state for t in result.study.trials] == [TrialState.FAIL] * 2
    assert "quartic_sign" in result.study.trials[0].user_attrs["error"]
    assert result.counts == {"failed": 2}
    assert (result.finished, result.pareto) == (2, [])
    rows = read_rows(tmp_path / "run")
    assert "quartic_sign" in rows[0]["reasons"]


def _scan_tables(tmp_path, tables):
    from supersoliton.scans.loop import run_scan

    return run_scan(loads(tables), tmp_path / "run", name="small", request={}, wanted=1, workers=1, quiet=True)


def test_a_solver_that_does_not_converge_is_no_failure(tmp_path):
    result = _scan_tables(tmp_path, {**TABLES, "solver": {"max_steps": 1}})
    (trial,) = result.study.trials
    assert trial.state is TrialState.COMPLETE
    assert trial.user_attrs["kind"] == "unconverged"
    assert trial.constraints["converged"] > 0
    assert result.pareto == []
    assert not list((tmp_path / "run" / "states").iterdir())


def test_an_objective_without_a_value_is_infeasible_not_failed(tmp_path):
    """The vacuum is unstable here, so it has no mass ratio."""
    model = {**TABLES["model"], "m0_squared": -0.5, "g_yukawa": 0.01}
    scan = {**TABLES["scan"], "objectives": ["mass_ratio", "hierarchy"]}
    (trial,) = _scan_tables(tmp_path, {**TABLES, "model": model, "scan": scan}).study.trials
    assert trial.state is TrialState.COMPLETE
    assert trial.constraints["scored"] == 1.0
    assert math.isnan(trial.user_attrs["values"]["mass_ratio"])
    assert trial.values[0] == 0.0
