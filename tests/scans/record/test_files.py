"""The Pareto front kept trial by trial is Optuna's; the table grows when a trial brings a new column."""

import json

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState
from small_scan import read_rows

from supersoliton.config.objectives import Objective
from supersoliton.machine.display import duration
from supersoliton.sampling.pareto import signs_of
from supersoliton.scans.progress import Progress
from supersoliton.scans.record.files import ParetoFront, TrialTable
from supersoliton.scans.record.heartbeat import Beat, heartbeat, last_beat
from supersoliton.scans.trial import Outcome


def make_trial(number, objectives, constraint=-1.0, **attributes):
    trial = optuna.trial.create_trial(
        state=TrialState.COMPLETE,
        values=list(objectives),
        params={"g": 0.5},
        distributions={"g": optuna.distributions.FloatDistribution(0.0, 1.0)},
        user_attrs=attributes,
        system_attrs={"constraints:stable": constraint},
    )
    trial.number = number
    return trial


OUTCOMES = st.lists(
    st.tuples(st.tuples(*[st.integers(0, 3)] * 3), st.sampled_from([-1.0, 0.0, 0.5])), min_size=1, max_size=25
)


@settings(max_examples=60, deadline=None)
@given(OUTCOMES, st.tuples(*[st.sampled_from(["maximize", "minimize"])] * 3))
def test_front_is_that_of_optuna(outcomes, directions):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=directions)
    trials = [make_trial(i, values, constraint) for i, (values, constraint) in enumerate(outcomes)]
    study.add_trials(trials)
    feasible = [t.number for t in study.best_trials if all(value <= 0 for value in t.constraints.values())]
    assert ParetoFront(None, trials, signs_of(study.directions)).numbers == sorted(feasible)


def test_states_come_and_go_with_the_front(tmp_path):
    front = ParetoFront(tmp_path, [], np.ones(2))

    def add(number, values, constraint=-1.0):
        state = tmp_path / f"draft{number}"
        state.write_text("state")
        names = [f"objective {i}" for i in range(len(values))]
        outcome = Outcome(
            {},
            values=dict(zip(names, values, strict=True)),
            constraints={"stable": constraint},
            spectra={"box": [1.0]},
            state_file=str(state),
        )
        front.keep(number, outcome, names)
        front.settle(make_trial(number, values, constraint))
        return sorted(path.name for path in tmp_path.iterdir())

    zero, two = ["trial_00000.nc", "trial_00000.spectra.json"], ["trial_00002.nc", "trial_00002.spectra.json"]
    assert add(0, (1.0, 1.0)) == zero
    assert add(1, (9.0, 9.0), constraint=1.0) == zero  # infeasible
    assert add(2, (0.0, 2.0)) == [*zero, *two]
    assert add(3, (1.0, 2.0)) == ["trial_00003.nc", "trial_00003.spectra.json"]
    assert add(4, (0.5, 2.0)) == ["trial_00003.nc", "trial_00003.spectra.json"]


def test_table_grows_a_column(tmp_path):
    table = TrialTable(tmp_path / "trials.csv", ["g"])
    table.rewrite([make_trial(0, (1.0,), values={"energy": 1.5})])
    table.append(make_trial(1, (1.0,), values={"energy": 2.5, "size": 3.0}))
    table.append(make_trial(2, (1.0,), values={"size": 4.0}))
    rows = read_rows(tmp_path)
    assert [(row["energy"], row["size"]) for row in rows] == [("1.5", ""), ("2.5", "3.0"), ("", "4.0")]
    assert list(rows[0])[:5] == ["number", "state", "kind", "status", "g"]


def test_heartbeat_beats_on_its_own(tmp_path):
    import time

    before, given = time.time(), {"done": 1, "total": 2, "running": 1, "failed": 0, "rate": None, "where": "here"}
    log = tmp_path / "heartbeat.log"
    with heartbeat(log, lambda: Beat(**given), seconds=0.05):
        while not log.exists() or log.read_text().count("\n") < 5:
            time.sleep(0.01)
    *beats, last = [json.loads(line) for line in (tmp_path / "heartbeat.log").read_text().splitlines()]
    assert len(beats) > 4
    assert all(beat.items() >= given.items() and not beat["ended"] and beat["memory"] > 0 for beat in beats)
    assert last["ended"]
    assert before - 0.001 <= beats[0]["time"] <= last["time"] <= time.time() + 0.001
    assert last_beat(tmp_path / "heartbeat.log") == Beat(
        **{name: value for name, value in last.items() if name != "local"}
    )


def test_progress_tells_done_failed_best_rate_and_time_left(capsys):
    with Progress(
        done=2, failed=0, total=10, objective=Objective("hierarchy"), best=float("nan"), quiet=False
    ) as progress:
        assert "starting" in progress.status_line()
        progress.ended(failed=True, value=float("nan"))
        progress.ended(failed=False, value=3.25)
        progress.ended(failed=False, value=1.0)
        words = progress.status_line()
    for part in ("5/10 done", "1 failed", "best hierarchy 3.25", "trials/min", "left"):
        assert part in words
    assert capsys.readouterr().err.splitlines()[-1].startswith("5/10 done")


def test_quiet_progress_says_nothing(capsys):
    with Progress(done=0, failed=0, total=1, objective=Objective("x"), best=1.0, quiet=True) as progress:
        progress.ended(failed=False, value=2.0)
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize(("seconds", "words"), [(-0.4, "0 s"), (5.2, "5 s"), (65, "1 min 05 s"), (3700, "1 h 01 min")])
def test_durations(seconds, words):
    assert duration(seconds) == words


def test_the_table_is_free_of_control_characters(tmp_path):
    evil = "\x1b]0;owned\x07\x9b2J"
    trial = make_trial(0, [1.0, 2.0], reasons=[f"reason {evil}"], status=evil, kind=evil)
    TrialTable(tmp_path / "trials.csv", ["g"]).rewrite([trial])
    text = (tmp_path / "trials.csv").read_text()
    assert r"reason \x1b]0;owned\x07\x9b2J" in text
    assert not set(text) & {"\x1b", "\x07", "\x9b"}
