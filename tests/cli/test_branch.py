"""`supersoliton branch`: its table, file and picture agree with each other and with the identities of a branch."""

import csv
import json

import numpy as np
import pytest
import tomli_w
from small_scan import TABLES
from typer.testing import CliRunner

import supersoliton as ss
from supersoliton.cli.commands import app

DROPLET = "def droplet(u, p):\n    return -0.25 * p['g'] * u[0] ** 4 + u[0] ** 6 / 6.0\n"
FOLD_NORM = 189.459157251  # of -lap u + w u - u^3 + u^5 = 0 in d = 3 (reference/states.json, cubic_quintic)


def branch(folder, tables, *options):
    (folder / "one.toml").write_text(tomli_w.dumps(tables))
    given = ["branch", str(folder / "one.toml"), "--out", str(folder), "--json", str(folder / "b.json"), *options]
    done = CliRunner().invoke(app, given, env={"COLUMNS": "200"})
    data = json.loads((folder / "b.json").read_text()) if (folder / "b.json").exists() else None
    return done, data


def octaves(**problem):
    tables = {key: value for key, value in TABLES.items() if key != "scan"}
    tables["grid"] = {"r_max": 20.0, "n_elements": 6, "order": 10}
    return {**tables, "model": {**TABLES["model"], "n_octaves": 3, "g": 0.6}, "problem": {"norm": 900.0, **problem}}


def test_table_file_and_picture(tmp_path):
    done, data = branch(tmp_path, octaves(), "--parameter", "beta", "--to", "0.22")
    assert done.exit_code == 0, done.output
    assert data["reached"]
    rows = list(csv.DictReader((tmp_path / "one_beta.csv").read_text().splitlines()))
    assert len(rows) == len(data["rows"]) >= 3
    beta = np.array([float(row["beta"]) for row in rows])
    assert (beta[0], beta[-1]) == (0.15, 0.22)
    assert (tmp_path / "one_beta.png").stat().st_size > 20_000
    for name in ("energy", "omega_squared", "hierarchy", "octave_splitting", "mass_ratio", "mass_1", "mass_3"):
        values, slopes = (np.array([float(row[key]) for row in rows]) for key in (name, f"{name}_by_beta"))
        # Hermite's rule with the slopes' own differences: of third order in the step
        change = 0.5 * np.diff(beta) * (slopes[1:] + slopes[:-1])
        assert np.diff(values) == pytest.approx(change, abs=0.02 * np.max(np.abs(change))), name
        assert name.split("_")[0] in done.output, name
    assert all(row["certified"] == "True" for row in rows)
    assert "octaves_in_core" in data["without_slope"]
    assert float(rows[0]["fractal_score_reach"]) > 0
    assert f"{data['rows'][-1]['energy']:.5g}" in done.output
    last = ss.OctaveHiggs(n_octaves=3, m0_squared=0.5, g=0.6, lambda_1=0.05, lambda_2=0.01, beta=0.22)
    other = ss.solve(ss.Problem(last, ss.RadialGrid(20.0, 6, 10), norm=900.0))
    assert float(rows[-1]["energy"]) == pytest.approx(other.energy, rel=1e-9)


def test_through_a_fold(tmp_path):
    """By scaling the fold of the norm is one of g, g^2 N = N_fold: the branch turns there and comes back."""
    (tmp_path / "droplet.py").write_text(DROPLET)
    tables = {
        "model": {"kind": "potential", "function": "droplet.py:droplet", "params": {"g": 1.0}},
        "grid": {"edges": [0.0, 2.5, 5.0, 8.0, 12.0, 18.0, 30.0, 60.0, 110.0], "order": 12},
        "problem": {"norm": 225.85923762217396, "guess": {"kind": "super_gaussian", "amplitude": 0.8, "width": 4.3}},
        "spectrum": {"n_modes": 10, "ell": [0]},
    }
    done, data = branch(tmp_path, tables, "--parameter", "g", "--to", "0.5")
    assert done.exit_code == 1
    assert "came back" in data["status"]
    (fold,) = data["special"]
    assert fold["kind"] == "fold"
    assert fold["parameter"] == pytest.approx((FOLD_NORM / 225.85923762217396) ** 0.5, rel=1e-7)
    assert f"fold at {fold['parameter']:.8g}" in done.output
    rows = data["rows"]
    turn = int(np.argmin([row["g"] for row in rows]))
    assert 0 < turn < len(rows) - 1
    for row in rows:  # E = f(g^2 N) and dE = omega^2/2 dN at fixed g give dE/dg at fixed N
        assert row["energy_by_g"] == pytest.approx(row["omega_squared"] * row["norm"] / row["g"], rel=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--parameter", "gg", "--to", "1"), "no parameter 'gg'"),
        (("--parameter", "omega", "--to", "1"), "needs a state at fixed frequency"),
        (("--parameter", "beta", "--to", "x"), "'x' is not a number"),
        (("--parameter", "beta", "--to", "0.15"), "is the value of the state itself"),
    ],
)
def test_wrong_options_are_one_sentence(tmp_path, options, words):
    done, data = branch(tmp_path, octaves(), *options)
    assert done.exit_code != 0
    assert words in f"{done.output} {done.exception}"
    assert data is None


def test_what_is_not_followed_is_refused_before_anything_is_computed(tmp_path):
    fed = octaves(self_consistent={"feedback": ["m0_squared"]})
    done, _ = branch(tmp_path, fed, "--parameter", "beta", "--to", "0.4")
    assert "leave that table out" in str(done.exception)
    assert not (tmp_path / "one_beta.csv").exists()


def test_a_name_of_v39_is_answered_with_ours(tmp_path):
    done, data = branch(tmp_path, octaves(), "--parameter", "beta_hierarchy", "--to", "0.22")
    assert data is None
    assert str(done.exception) == "--parameter beta_hierarchy: beta_hierarchy is called beta here."
