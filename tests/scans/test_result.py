"""The result of a scan as data: a table, states, short descriptions."""

import pytest
from small_scan import run_small

import supersoliton as ss


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("result")
    return run_small(folder, folder / "run", trials=3)


def test_the_table_has_every_trial_with_its_values(result):
    table = result.dataframe()
    assert list(table.index) == [0, 1, 2]
    for trial in result.trials:
        row = table.loc[trial.number]
        assert {name: row[name] for name in trial.params} == pytest.approx(trial.params, rel=1e-15)
        assert row["energy"] == trial.user_attrs["values"]["energy"]


def test_states_of_the_front_are_read(result):
    first = result.pareto[0]
    state = result.state(first.number)
    assert state.energy == first.user_attrs["values"]["energy"]
    with pytest.raises(ValueError, match=r"trial 99 has no file .*the states of the front are kept \("):
        result.state(99)


def test_descriptions_are_short(result):
    assert isinstance(result, ss.ScanResult)
    assert repr(result).startswith("ScanResult(3 of 3 trials (3 q-ball), ")
    assert len(repr(result)) < 300
    shown = result._repr_html_()
    assert shown.count("<th>") >= len(result.pareto)
    assert all(f"<th>{trial.number}</th>" in shown for trial in result.pareto)
    assert "hierarchy" in shown
