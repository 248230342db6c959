"""The columns of the page: every one has its symbol, its unit and the definition that the documentation has."""

import dataclasses
import math
import re
from pathlib import Path

import optuna
import pytest
import tomli_w

from supersoliton.config import loads
from supersoliton.scans.report import columns, layout, records
from supersoliton.states.kinds import Kind

DOCS = Path(__file__).parents[3] / "docs"
SMALL = {
    "model": {"kind": "octave_higgs", "n_octaves": 2, "m0_squared": 0.5},
    "grid": {"r_max": 20.0, "n_elements": 6, "order": 10},
    "spectrum": {"n_modes": 40},
    "problem": {"norm": 1000.0},
    "scan": {
        "trials": 2,
        "objectives": ["hierarchy", {"name": "charged_energy", "direction": "minimize"}],
        "parameters": {"g": [0.6, 0.8], "m0_squared": [0.4, 0.6]},
    },
}


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """A study of two trials that recorded every number which this configuration can record."""
    folder = tmp_path_factory.mktemp("scan")
    study = optuna.create_study(
        storage=f"sqlite:///{folder / 'study.db'}", study_name="all", directions=["maximize", "minimize"]
    )
    for k in range(2):
        trial = study.ask()
        for name, (low, high) in SMALL["scan"]["parameters"].items():
            trial.suggest_float(name, low, high)
        trial.set_user_attr("kind", "q-ball")
        trial.set_user_attr("values", dict.fromkeys(loads(SMALL).columns, 0.3 + 0.1234567 * k))
        study.tell(trial, [0.3 + 0.1234567 * k] * 2)
    (folder / "config.resolved.toml").write_text(tomli_w.dumps(SMALL))
    return records.read_record(folder)


def test_every_column_is_defined_as_in_the_documentation(record):
    documented = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", (DOCS / "trials_table.md").read_text(), re.MULTILINE))
    found = {one["name"]: one for one in columns.columns_of(record, record.trials)}
    assert {"hierarchy", "omega", "charge", "virial", "octaves_in_core", "number"} <= found.keys()
    for name, one in found.items():
        if one["group"] != "coupling":
            assert one["meaning"] == documented[name].replace("&#124;", "|"), name
    assert found["m0_squared"]["meaning"] == "Mass^2 of the octaves; may be negative"  # of the theory's docstring
    assert found["m0_squared"]["label"] == "m_{0}^{2}"
    assert (found["charged_energy"]["label"], found["charged_energy"]["unit"]) == ("E_{Q} ↓", "mass")
    assert (found["m0_squared"]["low"], found["m0_squared"]["high"]) == (0.4, 0.6)


def test_values_are_those_of_the_trials(record):
    for one in columns.columns_of(record, record.trials):
        values = one["values"] if isinstance(one["values"], list) else [one["values"]] * len(record.trials)
        for trial, value in zip(record.trials, values, strict=True):
            known = trial.value(one["name"]) if one["group"] == "number" else None
            if known is not None and math.isfinite(known):
                assert value == pytest.approx(known, rel=1e-5, abs=1e-300)


@pytest.mark.parametrize(
    ("name", "value", "reasons", "passes"),
    [
        ("residual", 1e-10, (), True),
        ("residual", 1.1e-10, (), False),
        ("discretisation", 2e-6, (), False),
        ("virial", 1e-9, (), True),
        ("tail", 1.5, (), True),  # where V' is not linear, the tail is not checked
        ("tail", 1.5, ("the tail decays at 1.5 of the rate that the masses at infinity imply",), False),
        ("translation_mode", 1e-3, ("translation mode at 1.0e-03 instead of 0: use a larger box",), False),
    ],
)
def test_a_check_passes_as_in_the_certificate(record, name, value, reasons, passes):
    trial = dataclasses.replace(record.trials[0], values={name: value}, reasons=reasons)
    (check,) = (one for one in columns.checks_of([trial]) if one["name"] == name)
    assert (check["failed"] == []) == passes


def test_a_bounce_has_an_action_with_its_unit(record):
    """In d = 4 it is a pure number, in d = 3 an energy."""
    bounces = tuple(dataclasses.replace(trial, kind=str(Kind.BOUNCE)) for trial in record.trials)
    for dim, unit in ((3.0, "mass"), (4.0, "")):
        config = {**record.config, "grid": {"dim": dim}}
        one = dataclasses.replace(record, trials=bounces, pareto=bounces, config=config)
        assert one.unit("energy") == unit
        assert columns.label_of(one, "energy") == "S"
    assert columns.headline_of(bounces[0])[0] == "omega"  # these have a charge
    assert "best" in layout.tiles(one)
