"""Names of v39: their successors exist, the parser answers with them, and the page lists them."""

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

import supersoliton as ss
from supersoliton.config import loads
from supersoliton.config.old_names import OLD_NAMES, successor
from supersoliton.config.scan import MODES, ScanSettings, VerifySettings
from supersoliton.config.tables import SpectrumSettings
from supersoliton.config.warm_start import WarmStartSettings

ROOT = Path(__file__).parents[2]
TABLES = {
    "model": ss.OctaveHiggs,
    "grid": ss.RadialGrid,
    "problem.guess": ss.OriginalGuess,
    "problem.self_consistent": ss.SelfConsistent,
    "solver": ss.GradientFlow,
    "spectrum": SpectrumSettings,
    "scan": ScanSettings,
    "scan.verify": VerifySettings,
    "warm_start": WarmStartSettings,
}


@pytest.mark.parametrize("row", [row for row in OLD_NAMES if row.table], ids=lambda row: row.old)
def test_every_successor_is_a_setting(row):
    names = [field.name for field in dataclasses.fields(TABLES[row.table])]
    assert row.name in (MODES if "value of mode" in row.words else names)


def test_every_name_is_listed_once():
    names = [row.old for row in OLD_NAMES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[model]\ng_Y = 0.1", "[model] has no key 'g_Y' (value 0.1): g_Y is called g_yukawa here."),
        ("[scan.parameters]\nlam_1 = [0.03, 0.1]", "lam_1 is called lambda_1 here."),
        ("[scan.parameters]\nm0 = [-1.0, -0.1]", "m0 is called m0_squared here (the square:"),
        ("[scan.parameters]\nv_H = [0.4, 0.8]", "v_H is called vacuum_fraction here, in [problem.guess] (no coupling"),
        ("[model]\nn_initial_trials = 120", "n_initial_trials is called trials here, in [scan]."),
        ("EXECUTION_MODE = 'FULL_RUN'", "'EXECUTION_MODE' (value 'FULL_RUN'): EXECUTION_MODE is called mode here"),
        ("[scan]\nmode = 'PRETRAIN_ONLY'", "got 'PRETRAIN_ONLY': PRETRAIN_ONLY is called pretrain here"),
        ("[solver]\ndtau_init = 2e-5", "dtau_init is called dtau here, in [solver]"),
        ("[grid]\nNr = 800", "Nr is called n_elements here"),
        ("[scan]\nstudy_name = 'v38'", "study_name has no successor here (the study has the name of the TOML file)."),
        ("[problem.guess]\nkind = 'original'\nnoise = 0.1", "write sigma = 0.05 instead"),
        ("[scan]\nheartbeat = 1", "known keys are"),
    ],
)
def test_the_parser_answers_an_old_name_with_the_new_one(text, words):
    with pytest.raises(ValueError) as caught:
        loads(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_potential_of_the_user_has_no_couplings_of_the_script():
    assert successor("m0", "scan.parameters", ["mass", "norm"]) == ""
    assert successor("lambda_1", "model", ["lambda_1"]) == ""


def test_the_literal_example_has_every_range_of_the_objective():
    """The six couplings of `objective_fractal_ToE` that enter something, and the numbers of its sampler."""
    tables = tomllib.loads((ROOT / "examples" / "original.toml").read_text())
    names = {row.old: row for row in OLD_NAMES}
    for old in ("g_Y", "mu2", "g", "lam_1", "lam_2"):
        low, high = map(float, re.findall(r"-?[\d.]+", names[old].value))
        assert tables["scan"]["parameters"][names[old].name] == [low, high]
    assert tables["scan"]["parameters"]["m0_squared"] == [0.01, 1.0]  # of m0 = 0.1 and 1
    assert (tables["scan"]["population"], tables["scan"]["seed"], tables["scan"]["trials"]) == (10, 42, 120)
    assert tables["problem"]["guess"] == {
        "kind": "original", "amplitude": 1.5, "width": 3.0, "sigma": 0.05, "vacuum_fraction": 0.6, "seed": 0
    }  # fmt: skip
