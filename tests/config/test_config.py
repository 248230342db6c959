"""A configuration is accepted whole or refused in one sentence with the table, the key, the value and the remedy."""

import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from supersoliton.config import Config, load, loads, read
from supersoliton.evaluate import evaluate
from supersoliton.guesses import MultiStart
from supersoliton.theory import OctaveHiggs, Potential

SCAN = {
    "model": {"n_octaves": 2, "m0_squared": 0.5, "lambda_1": 0.05, "lambda_2": 0.01},
    "grid": {"r_max": 20, "n_elements": 4, "order": 8},
    "scan": {"trials": 3, "parameters": {"g": [0.5, 0.8], "norm": {"low": 400, "high": 5000, "log": True}}},
}


def test_defaults_are_those_of_the_components():
    config = loads({})
    assert config.model == OctaveHiggs()
    assert (config.grid.r_max, config.grid.n_elements, config.grid.order) == (25.0, 8, 12)
    assert config.solver.tol == 1e-10
    assert config.problem.guess == MultiStart()
    assert config.spectrum.n_modes == 300
    assert config.score.spectrum == "box"
    assert config.scan.objectives == ("fractal_score", "hierarchy", "regularity")


def test_the_example_tables_of_the_documentation():
    config = loads(SCAN)
    assert config.scan.parameters["g"].high == 0.8
    assert config.scan.parameters["norm"].log
    problem = config.problem_at({"g": 0.6, "norm": 1200})
    assert problem.model.g == 0.6
    assert problem.model.m0_squared == 0.5
    assert problem.norm == 1200.0
    assert problem.grid == config.grid


@pytest.mark.parametrize("kind", ["multistart", "gaussian", "super_gaussian", "exponential", "original"])
def test_resolved_form_round_trips_through_toml_and_pickle(kind):
    config = loads(SCAN | {"problem": {"guess": {"kind": kind}}})
    assert loads(tomli_w.dumps(config.to_dict())) == config
    assert pickle.loads(pickle.dumps(config)) == config
    assert config.to_dict()["problem"]["guess"]["kind"] == kind


def test_guess_fields_reach_the_profile():
    table = {"kind": "gaussian", "amplitude": 2, "width": 4, "field": ["psi_0", "psi_1"], "alternate": True}
    guess = loads(SCAN | {"problem": {"guess": table}}).problem.guess
    assert (guess.amplitude, guess.width, guess.field, guess.alternate) == (2.0, 4.0, ("psi_0", "psi_1"), True)


@given(low=st.floats(1e-6, 1e6), factor=st.floats(1.0 + 1e-6, 1e6), log=st.booleans(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_samples_stay_in_their_range(low, factor, log, seed):
    limits = {"low": low, "high": low * factor, "log": log}
    scan = loads({"scan": {"parameters": {"norm": limits}}}).scan
    rng = np.random.default_rng(seed)
    assert all(low <= scan.sample(rng)["norm"] <= low * factor for _ in range(5))


def test_logarithmic_samples_are_even_in_the_logarithm():
    scan = loads({"scan": {"parameters": {"norm": {"low": 1, "high": 1e4, "log": True}}}}).scan
    rng = np.random.default_rng(0)
    drawn = [scan.sample(rng)["norm"] for _ in range(2000)]
    assert np.mean(np.log10(drawn)) == pytest.approx(2.0, abs=0.1)


WRONG = [
    ({"grid": {"r_max": -1.0}}, "[grid] r_max", "-1.0"),
    ({"grid": {"r_maxx": 25}}, "[grid]", "r_max"),
    ({"grid": {"n_elements": 0}}, "[grid] n_elements", "0"),
    ({"grid": {"n_elements": 2.5}}, "[grid] n_elements", "2.5"),
    ({"grid": {"edges": [0.0, 2.0, 1.0]}}, "[grid] edges", "2.0"),
    ({"grid": {"order": "twelve"}}, "[grid] order", "twelve"),
    ({"model": {"g": True}}, "[model] g", "true"),
    ({"model": {"lambda_3": 1.0}}, "[model]", "lambda_3"),
    ({"model": {"quartic_sign": 0}}, "[model] quartic_sign", "0"),
    ({"model": {"n_octaves": 0}}, "[model] n_octaves", "0"),
    ({"model": {"kind": "sine_gordon"}}, "[model] kind", "sine_gordon"),
    ({"model": {"kind": "potential"}}, "[model] function", "file.py:name"),
    ({"model": {"kind": "potential", "function": "nowhere.py:f"}}, "[model] function", "nowhere.py"),
    ({"problem": {"norm": 0}}, "[problem] norm", "0"),
    ({"problem": {"norm": -3.0}}, "[problem] norm", "-3"),
    ({"problem": {"boundary": [1.0, 2.0]}}, "[problem] boundary", "1.0"),
    ({"problem": {"boundary": "wall"}}, "[problem] boundary", "wall"),
    ({"model": {"n_octaves": 1}, "problem": {"boundary": [0.7, 0.7]}}, "[problem] boundary", "not a stationary point"),
    ({"problem": {"norm": 5.0, "omega": 0.5}}, "[problem]", "exclude"),
    ({"problem": {"guess": {"kind": "gaussian", "width": 0}}}, "[problem.guess] width", "0"),
    ({"problem": {"guess": {"kind": "gaussian", "field": "psi_77"}}}, "[problem.guess] field", "psi_77"),
    ({"problem": {"guess": {"kind": "multistart", "width": 1}}}, "[problem.guess]", "width"),
    ({"problem": {"guess": "gaussian"}}, "[problem.guess]", "gaussian"),
    ({"solver": {"kind": "magic"}}, "[solver] kind", "magic"),
    ({"solver": {"tol": 2.0}}, "[solver] tol", "2.0"),
    ({"spectrum": {"n_modes": 0}}, "[spectrum] n_modes", "0"),
    ({"spectrum": {"ell": [0, 0]}}, "[spectrum] ell", "[0, 0]"),
    ({"score": {"spectrum": "both"}}, "[score] spectrum", "both"),
    ({"score": {"null_samples": -1}}, "[score] null_samples", "-1"),
    ({"scan": {"trials": 0}}, "[scan] trials", "0"),
    ({"scan": {"sampler": "grid"}}, "[scan] sampler", "grid"),
    ({"scan": {"objectives": []}}, "[scan] objectives", "[]"),
    ({"scan": {"objectives": "hierarchy"}}, "[scan] objectives", "hierarchy"),
    ({"scan": {"objectives": ["hierarchie"]}}, "[scan] objectives", '"hierarchy"'),
    ({"scan": {"workers": 0}}, "[scan] workers", "0"),
    ({"scan": {"parameters": {"g": [0.8, 0.5]}}}, "[scan.parameters] g", "low < high"),
    ({"scan": {"parameters": {"g": [0.5, 0.5]}}}, "[scan.parameters] g", "low < high"),
    ({"scan": {"parameters": {"g": 0.5}}}, "[scan.parameters] g", "0.5"),
    ({"scan": {"parameters": {"g": ["a", 1]}}}, "[scan.parameters] g", "a"),
    ({"scan": {"parameters": {"G": [0.1, 1]}}}, "[scan.parameters]", '"g"'),
    ({"scan": {"parameters": {"norm": [-5, 1]}}}, "[scan.parameters] norm", "-5"),
    ({"scan": {"parameters": {"delta": [-0.1, 1]}}}, "[scan.parameters] delta", "-0.1"),
    ({"scan": {"parameters": {"norm": {"low": 0, "high": 1, "log": True}}}}, "[scan.parameters] norm", "low > 0"),
    ({"scan": {"parameters": {"norm": {"low": 1, "high": 2, "lgo": True}}}}, "[scan.parameters] norm", "lgo"),
    ({"scna": {}}, "[scna]", "[scan]"),
    ({"seed": 3}, "'seed'", "[scan]"),
    ({"grid": 3}, "[grid]", "3"),
]


@pytest.mark.parametrize(("tables", "where", "what"), WRONG, ids=[str(tables) for tables, *_ in WRONG])
def test_mistakes_are_named(tables, where, what):
    with pytest.raises(ValueError) as refusal:
        loads(tables)
    message = str(refusal.value)
    assert where in message
    assert what in message
    assert "\n" not in message


FLOATS = [(table, key) for table, keys in (
    ("model", ("m0_squared", "g", "delta", "beta", "lambda_1", "lambda_2", "mu_squared", "lambda_H", "g_yukawa")),
    ("grid", ("r_max", "dim")),
    ("problem", ("norm", "omega")),
    ("solver", ("tol", "max_seconds")),
) for key in keys]  # fmt: skip


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("table", "key"), FLOATS)
def test_nan_and_infinity_are_refused_everywhere(table, key, value):
    with pytest.raises(ValueError, match=rf"^\[{table}\] {key} must be finite"):
        loads({table: {key: value}})


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("side", [0, 1])
def test_nan_and_infinity_are_refused_in_ranges(side, value):
    limits = [0.1, 0.2]
    limits[side] = value
    with pytest.raises(ValueError, match=r"^\[scan.parameters\] g"):
        loads({"scan": {"parameters": {"g": limits}}})


JUNK = st.one_of(st.none(), st.booleans(), st.text(max_size=5), st.lists(st.integers(), max_size=3), st.dictionaries(
    st.text(max_size=3), st.integers(), max_size=2), st.floats(), st.integers(-5, 5))  # fmt: skip
TABLES = ("model", "grid", "problem", "solver", "spectrum", "score", "scan")
KEYS = ("g", "n_octaves", "r_max", "n_elements", "edges", "dim", "norm", "boundary", "guess", "parity", "line",
        "norm_of", "tol", "max_steps", "target", "kind", "n_modes", "ell", "spectrum", "targets", "trials", "seed",
        "objectives", "parameters", "function")  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(TABLES), st.dictionaries(st.sampled_from(KEYS), JUNK, max_size=2), max_size=2))
def test_any_configuration_is_accepted_or_refused_in_one_sentence(tables):
    try:
        config = loads(tables)
    except ValueError as refusal:
        message = str(refusal)
        assert "\n" not in message
        assert any(f"[{table}" in message for table in tables)
    else:
        assert isinstance(config, Config)
        assert loads(config.to_dict()) == config


def test_point_outside_the_theory_is_refused():
    config = loads(SCAN)
    with pytest.raises(ValueError, match="kappa"):
        config.problem_at({"kappa": 1.0})
    with pytest.raises(ValueError, match=r"\[problem\] norm"):
        config.problem_at({"norm": -1.0})


def test_settings_of_the_command_line_are_checked_too():
    assert loads(SCAN).with_scan(trials=7, seed=3).scan.trials == 7
    with pytest.raises(ValueError, match=r"\[scan\] trials"):
        loads(SCAN).with_scan(trials=0)


@pytest.mark.parametrize(
    ("content", "word"), [(b"[model\n", "not valid TOML"), (b"\xff\xfe", "not UTF-8"), (None, "cannot read")]
)
def test_unreadable_files(tmp_path, content, word):
    path = tmp_path / "scan.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=word) as refusal:
        load(path)
    assert str(path) in str(refusal.value)


def test_errors_in_a_file_name_the_file(tmp_path):
    path = tmp_path / "scan.toml"
    path.write_text("[grid]\nr_max = -2\n")
    with pytest.raises(ValueError, match=r"scan.toml: \[grid\] r_max"):
        load(path)


POTENTIALS = """
import jax.numpy as jnp
from supersoliton.theory import Potential

def quartic(u, p):
    return 0.5 * u[0] ** 2 - 0.25 * p["g"] * u[0] ** 4

def trap(u, p, r):
    return 0.5 * r**2 * u[0] ** 2

def ready():
    return Potential(quartic, fields=("chi",), params={"g": 2.0})

def wrong():
    return 3

def broken(u, p):
    return u
"""


@pytest.fixture
def potential_file(tmp_path):
    (tmp_path / "my_theory.py").write_text(POTENTIALS)
    return tmp_path


def _load_model(folder, table):
    path = folder / "scan.toml"
    path.write_text(tomli_w.dumps({"model": {"kind": "potential", **table}, "scan": {"parameters": {"norm": [1, 2]}}}))
    return load(path)


def test_potential_from_a_file(potential_file):
    config = _load_model(potential_file, {"function": "my_theory.py:quartic", "params": {"g": 3.0}})
    assert isinstance(config.model, Potential)
    assert config.model.params == {"g": 3.0}
    assert config.problem_at({"g": 4.0, "norm": 2.0}).model.params == {"g": 4.0}
    assert loads(config.to_dict()) == config  # the resolved path is absolute
    assert pickle.loads(pickle.dumps(config)).model.function is config.model.function


def test_potential_made_by_a_function(potential_file):
    assert _load_model(potential_file, {"function": "my_theory.py:ready"}).model.fields == ("chi",)
    config = _load_model(potential_file, {"function": "my_theory.py:ready", "params": {"g": 5.0}})
    assert config.model.params == {"g": 5.0}
    assert _load_model(potential_file, {"function": "my_theory.py:trap"}).model.explicit_r


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ({"function": "my_theory.py:absent"}, "absent"),
        ({"function": "my_theory.py:wrong"}, "must return a Potential"),
        ({"function": "my_theory.py:broken"}, "one real number"),
        ({"function": "my_theory.py:quartic"}, "g"),  # its coupling is not given
        ({"function": "my_theory.py"}, "file.py:name"),
        ({"function": "my_theory.py:ready", "fields": ["u"]}, "leave it out"),
        ({"function": "my_theory.py:ready", "params": {"h": 1.0}}, "h"),
        ({"function": "my_theory.py:quartic", "couplings": {"g": 1.0}}, "couplings"),
        ({"function": "my_theory.py:quartic", "params": {"g": math.nan}}, "finite"),
    ],
)
def test_mistakes_in_a_potential(potential_file, table, word):
    with pytest.raises(ValueError, match=word) as refusal:
        _load_model(potential_file, table)
    assert "[model]" in str(refusal.value)


def test_a_file_that_fails_is_reported(tmp_path):
    (tmp_path / "my_theory.py").write_text("import nothing_of_this_name\n")
    with pytest.raises(ValueError, match="nothing_of_this_name"):
        _load_model(tmp_path, {"function": "my_theory.py:quartic"})


def test_reading_tables_does_not_start_the_engine(tmp_path):
    """A finished scan is recognised from its file alone: importing JAX takes most of a second."""
    path = tmp_path / "scan.toml"
    path.write_text("[scan]\ntrials = 3\n")
    code = f"import sys; from supersoliton.config import read; read({str(path)!r}); sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert read(path) == {"scan": {"trials": 3}}


def test_conditions_in_one_dimension(tmp_path):
    """A parity for each field, and the two ends of a line."""
    (tmp_path / "two.py").write_text(
        "def two(u, p):\n    return 0.5 * (u[0] ** 2 + u[1] ** 2 - 1) ** 2 + 0.125 * u[1] ** 2\n"
    )
    tables = {
        "model": {"kind": "potential", "function": "two.py:two", "fields": ["f", "c"]},
        "grid": {"dim": 1, "r_max": 20.0},
    }
    half = {"boundary": [1.0, 0.0], "parity": ["odd", "even"]}
    config = loads(tables | {"problem": half}, base=tmp_path)
    assert config.problem_at().parity == ("odd", "even")
    assert loads(tomli_w.dumps(config.to_dict())) == config
    line = {"line": [[-1, 0], [1, 0]], "guess": {"kind": "multistart"}}
    config = loads(tables | {"problem": line}, base=tmp_path)
    assert config.problem_at().line == ((-1.0, 0.0), (1.0, 0.0))
    assert loads(tomli_w.dumps(config.to_dict())) == config
    result = evaluate(config, {})
    assert result.kind == "kink"
    assert result.values["energy"] == pytest.approx(11 / 12, rel=1e-6)
    with pytest.raises(ValueError, match=r"\[problem\] parity must have one value for each of 2 fields"):
        loads(tables | {"problem": {"boundary": [1.0, 0.0], "parity": ["odd"]}}, base=tmp_path)


def test_known_keys_are_listed_once():
    with pytest.raises(ValueError, match="known keys are") as caught:
        loads({"scan": {"zzzz": 1}})
    keys = str(caught.value).partition("known keys are ")[2].rstrip(".").split(", ")
    assert len(keys) == len(set(keys))
