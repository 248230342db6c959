"""A user's script passes mypy --strict: public names have types, and a wrong attribute is an error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import supersoliton

SCRIPT = """
import numpy as np
import supersoliton as ss


def potential(u: np.ndarray, p: dict[str, float]) -> float:
    return float(p["m"] * u[0] ** 2)


model = ss.Potential(potential, fields=("u",), params={"m": 1.0})
state = ss.solve(ss.Problem(model, ss.RadialGrid(r_max=20.0), norm=50.0), ss.Gaussian(width=2.0))
reveal_type(state)
reveal_type(state.certificate)
reveal_type(state.problem.grid)
reveal_type(state.certificate.certified)
reveal_type(ss.spectrum(state, n_modes=4).eigenvalues)
reveal_type(ss.rotation(state).charge)
reveal_type(ss.continuation(state, "norm", 60.0).states[0].energy)
reveal_type(ss.find_states(state.problem)[0].u)
reveal_type(ss.load("state.nc").grid.nodes)
reveal_type(ss.score(ss.spectrum(state)).null.mean)
"""
TYPES = [
    "State", "Certificate", "RadialGrid", "bool", "ndarray", "float", "float", "ndarray", "ndarray", "float",
]  # fmt: skip
WRONG = {
    "state.certificat": '"State" has no attribute "certificat"',
    "state.problem.mesh": '"DiscreteProblem" has no attribute "mesh"',
    "ss.spectrum(state).eigenvalue": '"Modes" has no attribute "eigenvalue"',
    "ss.spectrum(state, modes=4)": 'Unexpected keyword argument "modes" for "spectrum"',
    "ss.solve(model)": 'Argument 1 to "solve" has incompatible type "Potential"',
    "ss.solve(state.problem, guess='flat')": 'Argument "guess" to "solve" has incompatible type "str"',
    "ss.bounces": 'Module has no attribute "bounces"',
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """The messages of mypy --strict on the script followed by the wrong lines, by line number."""
    folder = tmp_path_factory.mktemp("typing")
    (folder / "script.py").write_text(SCRIPT + "\n".join(WRONG) + "\n")
    # The package under test, wherever it is installed; messages about its own files are those of `mypy` in the root.
    source = Path(supersoliton.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary", "--config-file=",
         f"--cache-dir={source.parent / '.mypy_cache' / 'script'}", "script.py"],
        cwd=folder, env={**os.environ, "MYPYPATH": str(source)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not done.stderr, done.stderr
    return [line for line in done.stdout.splitlines() if line.startswith("script.py:")]


def test_public_names_have_types(checked):
    revealed = [line.split('"')[1] for line in checked if "Revealed type is" in line]
    assert [name.partition("[")[0].rpartition(".")[2] for name in revealed] == TYPES


def test_a_correct_script_has_no_errors(checked):
    first = len(SCRIPT.splitlines()) + 1
    assert [line for line in checked if ": error:" in line and int(line.split(":")[1]) < first] == []


def test_wrong_names_are_errors(checked):
    first = len(SCRIPT.splitlines()) + 1
    for number, (code, message) in enumerate(WRONG.items(), start=first):
        found = [line for line in checked if line.startswith(f"script.py:{number}: error:")]
        assert any(message in line for line in found), (code, checked)
