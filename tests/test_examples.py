"""Every example runs and prints that it agrees with an independent number."""

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


def test_there_are_examples():
    assert len(EXAMPLES) >= 8


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path)])
    runpy.run_path(str(path), run_name="__main__")
    printed = capsys.readouterr().out
    if path.stem == "spectra":  # prints a table, whose numbers other tests check
        assert "growth rates" in printed
        return
    assert "agrees" in printed
    if path.stem == "octave_ladder":
        assert (tmp_path / "octave_ladder.png").read_bytes().startswith(b"\x89PNG")
