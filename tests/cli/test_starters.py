"""`init` and `example` write files that work; what `solve` writes never takes the place of another's files."""

import json
import math
import re
import shutil
import webbrowser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from supersoliton.cli.commands import app
from supersoliton.config import load

ROOT = Path(__file__).parents[2]
KINDS = sorted(path.stem for path in (ROOT / "examples" / "start").glob("*.toml"))
# What a state of each kind is known to have: PHYSICS.md of the project, or a closed form.
KNOWN = {
    "bounce": ("action", 268.1008433124, 1e-9),
    "kink": ("energy", 2.0 * math.sqrt(2.0) / 3.0, 1e-9),
    "vortex": ("energy", math.pi * 0.8679102902927, 1e-9),
    "density": ("energy", 4.0 * math.pi * 1.564245753963, 1e-6),
}


def invoke(*arguments):
    return CliRunner().invoke(app, [str(word) for word in arguments], env={"COLUMNS": "100"})


def test_kinds_and_examples_are_listed_with_a_sentence():
    for command, names in (("init", KINDS), ("example", ["quickstart", "kink", "wide"])):
        listed = dict(re.findall(r"^(\w+)  +(\S.*)$", invoke(command).output, re.M))
        assert {*names} <= listed.keys()
        assert all(len(words) > 10 for words in listed.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_starter_is_commented_and_solved(kind, tmp_path):
    done = invoke("init", kind, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    file = tmp_path / f"{kind}.toml"
    assert f"next: supersoliton solve {file}" in done.output
    text = file.read_text()
    assert text.count("#") >= 8
    config = load(file)  # every key that is given is known
    solved = invoke("solve", file, "--out", tmp_path, "--json", tmp_path / "data.json")
    assert solved.exit_code == 0, solved.output
    data = json.loads((tmp_path / "data.json").read_text())
    assert data["certified"], data["certificate"]
    name, value, tolerance = KNOWN.get(kind, ("energy", data["energy"], 0.0))
    assert data[name] == pytest.approx(value, rel=tolerance)
    assert ("[scan]" in text) == bool(config.scan.parameters)


def test_nothing_is_replaced(tmp_path):
    (tmp_path / "kink.toml").write_text("mine")
    done = invoke("init", "kink", "--out", tmp_path)
    assert f"{tmp_path / 'kink.toml'} exists: move it away" in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["kink.toml"]
    assert (tmp_path / "kink.toml").read_text() == "mine"
    assert "there is no example 'quick': choose from bounces, " in str(invoke("example", "quick").exception)


def test_results_are_named_after_their_file_and_replace_only_their_own(tmp_path, monkeypatch):
    for folder in ("one", "two"):
        invoke("init", "kink", "--out", tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    first, again, other = (invoke("solve", f"{name}/kink.toml") for name in ("one", "one", "two"))
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "saved " in first.output
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two", "kink.nc", "kink.png"}
    assert "kink.nc exists and was not made from two/kink.toml" in str(other.exception)
    shutil.copyfile("kink.nc", "mine.nc")
    Path("one/kink.toml").rename("one/mine.toml")
    assert "mine.nc exists and was not made from one/mine.toml" in str(invoke("solve", "one/mine.toml").exception)


def test_open_shows_the_picture(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not opened.append(address))
    invoke("init", "kink", "--out", tmp_path)
    assert invoke("solve", tmp_path / "kink.toml", "--out", tmp_path, "--open", "--quiet").exit_code == 0
    assert opened == [(tmp_path / "kink.png").as_uri()]
