"""An argument of the wrong kind to a public function: one sentence with the argument, its value and the remedy.

The calls run in a process of their own, because the suite checks annotations at run time.
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
messages = {}
for name in ("spectrum", "oscillations", "rotation", "sensitivity", "continuation",
             "solve", "find_states", "self_consistent", "vacua", "bounce", "scan", "pretrain"):
    for kind, value in wrong.items():
        try:
            getattr(ss, name)(value, *more.get(name, ()))
        except ValueError as error:
            messages[f"{name} {kind}"] = str(error)
for kind, call in {
    "complex": lambda: ss.solve(problem, guess=1j * np.ones((problem.grid.n_nodes, 1))),
    "large": lambda: ss.spectrum([np.arange(10_000)] * 1000),
}.items():
    try:
        call()
    except ValueError as error:
        messages[kind] = str(error)
print(json.dumps(messages))
"""


@pytest.fixture(scope="module")
def messages():
    done = subprocess.run([sys.executable, "-c", CALLS], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ["spectrum", "oscillations", "rotation", "sensitivity", "continuation"])
def test_functions_of_a_state(messages, name):
    for kind in ("model", "problem", "none", "number", "text", "array"):
        assert re.match(rf"{name}: state must be a State, got .+: solve first", messages[f"{name} {kind}"])


@pytest.mark.parametrize("name", ["solve", "find_states", "self_consistent"])
def test_functions_of_a_problem(messages, name):
    for kind in ("model", "none", "number", "text", "array"):
        assert re.match(rf"{name}: problem must be a Problem, got .+: use Problem", messages[f"{name} {kind}"])


@pytest.mark.parametrize("name", ["vacua", "bounce"])
def test_functions_of_a_model(messages, name):
    for kind in ("problem", "none", "number", "text", "array"):
        assert re.match(rf"{name}: model must be a model, got .+: use Potential", messages[f"{name} {kind}"])


@pytest.mark.parametrize("name", ["scan", "pretrain"])
def test_functions_of_a_configuration(messages, name):
    for kind in ("problem", "none", "number", "array"):
        assert re.match(rf"{name}: give the path of a TOML file or a Config, got ", messages[f"{name} {kind}"])


def test_a_complex_guess_is_not_cut_to_its_real_part(messages):
    assert "the fields are real, got complex values: give real ones" in messages["complex"]


def test_a_large_value_gives_a_short_message(messages):
    assert messages["large"].startswith("spectrum: state must be a State")
    assert len(messages["large"]) < 500
