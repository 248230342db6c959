"""The wrong kind of thing given to a public function: one sentence with what, value and remedy.

In a process of its own: the suite checks annotations at run time and would answer first.
"""

import json
import re
import subprocess
import sys

import pytest

CALLS = """
import json
import numpy as np
import supersoliton as ss

model = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - 0.25 * u[0] ** 4, ("u",))
problem = ss.Problem(model, ss.RadialGrid(r_max=12.0, n_elements=3, order=6), norm=5.0)
wrong = {"model": model, "problem": problem, "none": None, "number": 3.0, "text": "V", "array": np.ones(3)}
more = {"sensitivity": ("norm",), "continuation": ("norm", 6.0), "bounce": ([0.0],)}
told = {}
for name in ("spectrum", "oscillations", "rotation", "sensitivity", "continuation",
             "solve", "find_states", "self_consistent", "vacua", "bounce", "scan", "pretrain"):
    for kind, value in wrong.items():
        try:
            getattr(ss, name)(value, *more.get(name, ()))
        except ValueError as error:
            told[f"{name} {kind}"] = str(error)
for kind, call in {
    "complex": lambda: ss.solve(problem, guess=1j * np.ones((problem.grid.n_nodes, 1))),
    "large": lambda: ss.spectrum([np.arange(10_000)] * 1000),
}.items():
    try:
        call()
    except ValueError as error:
        told[kind] = str(error)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told():
    done = subprocess.run([sys.executable, "-c", CALLS], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ["spectrum", "oscillations", "rotation", "sensitivity", "continuation"])
def test_what_takes_a_state(told, name):
    for kind in ("model", "problem", "none", "number", "text", "array"):
        assert re.match(rf"{name}: state must be a State, got .+: solve first", told[f"{name} {kind}"])


@pytest.mark.parametrize("name", ["solve", "find_states", "self_consistent"])
def test_what_takes_a_problem(told, name):
    for kind in ("model", "none", "number", "text", "array"):
        assert re.match(rf"{name}: problem must be a Problem, got .+: use Problem", told[f"{name} {kind}"])


@pytest.mark.parametrize("name", ["vacua", "bounce"])
def test_what_takes_a_model(told, name):
    for kind in ("problem", "none", "number", "text", "array"):
        assert re.match(rf"{name}: model must be a model, got .+: use Potential", told[f"{name} {kind}"])


@pytest.mark.parametrize("name", ["scan", "pretrain"])
def test_what_takes_a_configuration(told, name):
    for kind in ("problem", "none", "number", "array"):
        assert re.match(rf"{name}: give the path of a TOML file or a Config, got ", told[f"{name} {kind}"])


def test_a_complex_guess_is_not_cut_to_its_real_part(told):
    assert "the fields are real, got complex values: give real ones" in told["complex"]


def test_a_large_value_is_told_shortly(told):
    assert told["large"].startswith("spectrum: state must be a State")
    assert len(told["large"]) < 500
