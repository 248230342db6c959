"""Objectives of a scan: maximised or minimised, recorded values or functions of the user."""

import dataclasses
import json
import math
import re
import shutil

import numpy as np
import pytest
from small_scan import load_small, points, read_rows, run_small, write_file

import supersoliton as ss
from supersoliton.cli.tables import describe_scan
from supersoliton.cli.watch import Watch
from supersoliton.config import load, loads
from supersoliton.config.objectives import TAKEN, Objective, read_objectives
from supersoliton.config.scan import SAMPLERS, Range, ScanSettings
from supersoliton.evaluate.cache.memory import CachedEvaluate
from supersoliton.evaluate.evaluation import evaluate
from supersoliton.sampling.proposals import MARK
from supersoliton.sampling.samplers import missing
from supersoliton.scans.record import files
from supersoliton.scans.record.digests import DIGEST, OURS
from supersoliton.scans.record.memory_study import BEGUN, MemoryStudy
from supersoliton.scans.report import analysis, figures, page, records
from supersoliton.scans.trial import ERROR, Outcome

OWN = """
import math


def gap(state, modes):
    return modes.masses[1] / modes.masses[0]


def minus_gap(state, modes):
    return -gap(state, modes)


def energy_of_large(state, modes):
    return state.energy if state.norm > 600 else math.nan
"""
ENERGY = {"name": "energy", "direction": "minimize"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the user's functions and the scans of this module are."""
    made = tmp_path_factory.mktemp("objectives")
    (made / "own.py").write_text(OWN)
    return made


@pytest.fixture(scope="module")
def both(folder):
    """The same scan twice: of the gap maximised, and of minus the gap minimised, each with the energy minimised."""
    given = {"sampler": "tpe", "trials": 22, "verify": {"points": 2}}
    up = run_small(folder, folder / "up", objectives=["own.py:gap", ENERGY], **given)
    minus = {"name": "own.py:minus_gap", "direction": "minimise"}
    down = run_small(folder, folder / "down", objectives=[minus, ENERGY], **given)
    return up, down


def test_both_signs_give_the_same_points_and_the_same_front(both):
    up, down = both
    assert len(up.study.trials) == 24
    assert points(down) == [(point, [-gap, energy]) for point, (gap, energy) in points(up)]
    assert [t.number for t in up.pareto] == [t.number for t in down.pareto]
    assert [d.name for d in down.study.directions] == ["MINIMIZE", "MINIMIZE"]
    # a front of more than one trial, which no feasible trial beats in both
    assert len(up.pareto) > 1
    feasible = [t.values for t in up.study.trials if all(x <= 0 for x in t.constraints.values())]
    for trial in up.pareto:
        gap, energy = trial.values
        assert not any(g >= gap and e <= energy and (g, e) != (gap, energy) for g, e in feasible)
    assert sorted(p.name for p in (up.directory / "states").iterdir()) == sorted(
        p.name for p in (down.directory / "states").iterdir()
    )


@pytest.mark.parametrize("flipped", [(1,), (1, 2)], ids=["one", "three"])
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_draws_the_same_points_for_minus_an_objective_minimised(name, flipped):
    """Objectives at odds, a constraint that a third of the box violates; beyond the generations and random starts."""
    if missing(name):
        pytest.skip(missing(name))
    directions = ["minimize" if k in flipped else "maximize" for k in range(1 + max(flipped))]

    def drawn(directions, resumed=0):
        objectives = [{"name": "abc"[k], "direction": d} for k, d in enumerate(directions)]
        ranges = {axis: Range(0.0, 1.0) for axis in "xyz"}
        settings = ScanSettings(sampler=name, population=5, objectives=tuple(objectives), parameters=ranges)
        trials = []
        for k in range(14 if name in ("gp", "botorch") else 40):
            if k in (0, resumed):
                study = MemoryStudy(settings, trials)
            point = list(study.ask().params.values())
            sizes = [float(np.sum((np.array(point) - centre) ** 2)) for centre in (0.2, 0.5, 0.8)]
            values = {o: -o.sign * size for o, size in zip(settings.objectives, sizes, strict=False)}
            outcome = Outcome({}, values=values, constraints={"tight": point[0] + point[1] - 1.2, "scored": 0.0})
            trials.append(study.end(k, outcome))
            assert trials[-1].values == list(values.values())
        return [tuple(trial.params.values()) for trial in trials]

    points = drawn(["maximize"] * len(directions))
    assert drawn(directions) == points
    assert drawn(directions, resumed=13) == points


def test_a_function_is_recorded_under_its_name(both):
    up, _ = both
    rows = read_rows(up.directory)
    assert [float(row["gap"]) for row in rows] == [trial.values[0] for trial in up.study.trials]
    trial = up.pareto[0]
    state = ss.load(up.directory / "states" / f"trial_{trial.number:05d}.nc")
    masses = ss.spectrum(state, n_modes=20, ell=0).masses
    assert trial.values[0] == pytest.approx(masses[1] / masses[0], rel=1e-4)


def test_reports_follow_the_directions_and_need_no_file_of_the_user(both, tmp_path):
    up, down = (shutil.copytree(one.directory, tmp_path / one.directory.name) for one in both)
    record, other = records.read_record(up), records.read_record(down)
    assert record.objectives == ("gap", "energy")
    assert record.minimised == ("energy",)
    assert other.minimised == ("minus_gap", "energy")
    assert [t.number for t in other.pareto] == [t.number for t in record.pareto]
    assert [t.number for t in page.shown_trials(other)] == [t.number for t in page.shown_trials(record)]
    least = min(record.pareto, key=lambda t: t.objectives[1])
    assert page.shown_trials(record)[1] is least
    assert page._why_shown(record, least).endswith("energy [mass] ↓")
    assert analysis.growth(other) == analysis.growth(record)
    found, mirrored = analysis.importances(record), analysis.importances(other)
    assert found["gap"] == mirrored["minus_gap"]
    assert found["energy"] == mirrored["energy"]
    text = page.write_report(up).read_text()
    assert "Maximised: gap. Minimised: energy [mass] ↓." in text
    assert "Maximised" not in page.write_report(down).read_text()


def test_one_objective_minimised_is_followed_to_its_least_value(folder, capsys):
    result = run_small(folder, folder / "least", trials=6, objectives=[ENERGY])
    feasible = [t for t in result.trials if all(x <= 0 for x in t.constraints.values())]
    least = min(t.values[0] for t in feasible)
    assert len(feasible) > 1
    assert [t.values[0] for t in result.pareto] == [least]
    watched = Watch(folder / "least").update()
    assert watched.best == (least, result.pareto[0].number)
    record = records.read_record(folder / "least")
    _, best, label = analysis.growth(record)
    assert best[-1] == least
    assert (np.diff(best) <= 0).all()
    assert figures.history([0], [1.0], label)
    assert describe_scan(result, "")["directions"] == ["minimize"]
    run_small(folder, folder / "least", trials=7, objectives=[ENERGY])
    assert Watch(folder / "least").update().best[0] <= least


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_an_undefined_value_loses(folder, direction):
    wanted = {"name": "own.py:energy_of_large", "direction": direction}
    result = run_small(folder, folder / direction, trials=8, objectives=[wanted])
    rows = {int(row["number"]): float(row["energy_of_large"]) for row in read_rows(folder / direction)}
    undefined = [number for number, value in rows.items() if math.isnan(value)]
    assert 0 < len(undefined) < 8
    assert result.pareto
    best = (min if direction == "minimize" else max)(value for value in rows.values() if not math.isnan(value))
    assert [rows[trial.number] for trial in result.pareto] == [best]
    assert all(result.trials[number].constraints["scored"] == 1.0 for number in undefined)


def test_changed_directions_are_refused(folder):
    for changed in ({"name": "energy"}, {"name": "energy", "direction": "maximise"}, "energy"):
        with pytest.raises(
            ValueError, match=r"was scanned with \[scan\] objectives = \[\{'name': 'energy', "
        ) as refusal:
            run_small(folder, folder / "least", trials=9, objectives=[changed])
        assert "\n" not in str(refusal.value)


def test_a_changed_function_is_refused_and_has_another_key_in_the_cache(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    file = write_file(tmp_path, trials=1, objectives=["own.py:gap"])
    ss.scan(file, out=tmp_path / "run", quiet=True)
    ss.scan(file, out=tmp_path / "run", quiet=True)  # nothing to do, and nothing wrong
    key = CachedEvaluate(load(file)).key({"g": 0.6})
    other = write_file(tmp_path, name="other", objectives=["own.py:minus_gap"])
    assert CachedEvaluate(load(other)).key({"g": 0.6}) != key
    (tmp_path / "own.py").write_text(OWN.replace("masses[1]", "masses[2]"))
    assert CachedEvaluate(load(file)).key({"g": 0.6}) != key
    with pytest.raises(ValueError, match=r"was scanned with other objectives: a file that \[scan\] objectives names"):
        ss.scan(file, out=tmp_path / "run", quiet=True)


def test_workers_call_the_function_and_the_cache_keeps_its_value(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    given = {"objectives": ["own.py:gap"], "workers": 2, "cache": True}
    first = run_small(tmp_path, tmp_path / "first", trials=2, **given)
    second = run_small(tmp_path, tmp_path / "second", trials=2, **given)
    assert [row["cache"] for row in read_rows(tmp_path / "second")] == ["hit", "hit"]
    assert points(second) == points(first)


def test_constraints_and_what_self_consistency_records_may_be_objectives(folder):
    config = load_small(folder, objectives=[{"name": "c_localised", "direction": "minimize"}])
    result = run_small(folder, folder / "c", trials=2, objectives=[config.scan.objectives[0].entry])
    for trial in result.trials:
        assert trial.values == [trial.constraints["localised"]]
    with pytest.raises(ValueError, match='no recorded value is named "iterations"'):
        load_small(folder, objectives=["iterations"])
    tables = load_small(folder).to_dict()
    tables["problem"]["self_consistent"] = {"feedback": ["m0_squared"]}
    tables["scan"]["objectives"] = ["iterations", "effective_m0_squared", "c_self_consistent"]
    config = loads(tables)
    found = evaluate(config, {"g": 0.6, "norm": 600.0})
    assert {"iterations", "effective_m0_squared"} <= found.values.keys()
    assert set(config.columns) == set(found.values)
    assert set(config.constraint_names) == set(found.constraints)


def test_a_configuration_is_written_and_read_with_its_directions(folder):
    config = load_small(folder, objectives=["hierarchy", ENERGY, "own.py:gap"])
    again = loads(config.to_dict())
    assert again == config
    assert [(o, o.direction, o.function) for o in again.scan.objectives] == [
        ("hierarchy", "maximize", ""),
        ("energy", "minimize", ""),
        ("gap", "maximize", f"{folder / 'own.py'}:gap"),
    ]
    assert config.scan.signs.tolist() == [1.0, -1.0, 1.0]
    assert json.loads(json.dumps(config.to_dict()))["scan"]["objectives"][1] == ENERGY
    other = config.with_scan(
        objectives=("hierarchy", "energy", Objective("gap", 1.0, again.scan.objectives[2].function))
    )
    assert other != config
    assert dataclasses.replace(config.scan, trials=9).objectives[1].sign == -1.0


@pytest.mark.parametrize(
    ("objectives", "words"),
    [
        ("hierarchy", "must be a list, got 'hierarchy': write e.g."),
        ([3], "3 is neither a name nor a table of name and direction: write"),
        ([{"direction": "minimize"}], "is neither a name nor a table"),
        ([{"name": "energy", "way": "down"}], "is neither a name nor a table"),
        (
            [{"name": "energy", "direction": "down"}],
            "the direction of \"energy\" must be maximize or minimize, got 'down'",
        ),
        ([{"name": "energi", "direction": "minimize"}], 'did you mean "energy"?'),
        (["energy", ENERGY], "must be distinct names"),
        (["own.py:gape"], 'own.py has no "gape"'),
        (["nothing.py:gap"], "cannot read"),
        (["own.py:math"], '"math" must be a function of (state, modes), got'),
        (["names.py:energy"], 'a trial has something else of the name "energy"'),
        (["names.py:start"], 'a trial has something else of the name "start"'),
        (["names.py:g"], 'a trial has something else of the name "g"'),
    ],
)
def test_a_wrong_objective_is_refused_in_a_sentence(folder, objectives, words):
    (folder / "names.py").write_text("energy = start = g = lambda state, modes: 0.0")
    with pytest.raises(ValueError, match=re.escape(words)) as refusal:
        load_small(folder, objectives=objectives)
    assert "\n" not in str(refusal.value)
    assert "[scan]" in str(refusal.value)


def test_a_function_that_returns_no_number_fails_its_trial_only(tmp_path):
    (tmp_path / "own.py").write_text("def both(state, modes):\n    return modes.masses\n")
    result = run_small(tmp_path, tmp_path / "run", trials=1, objectives=["own.py:both"])
    assert result.counts == {"failed": 1}
    assert "[scan] objectives: both must return a number, got ndarray" in read_rows(tmp_path / "run")[0]["reasons"]


def test_no_recorded_value_can_hide_another_attribute_or_column(folder):
    ours = {*OURS, DIGEST, ERROR, MARK, BEGUN, *files.COLUMNS}
    assert ours <= TAKEN
    assert not TAKEN & set(load_small(folder).columns)
    assert read_objectives(("a",)) == ("a",)
