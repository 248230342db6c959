"""What the commands print on a terminal of 80 columns: nothing is cut."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import termios

import pytest
import tomli_w
from rich.console import Console
from small_scan import TABLES, write_file

from supersoliton.cli.tables import print_table, simple_table

COMMAND = [sys.executable, "-m", "supersoliton"]


def printed(*arguments):
    """What a command shows on such a terminal, without its colours."""
    terminal, own = pty.openpty()
    termios.tcsetwinsize(own, (50, 80))
    shown = b""
    with subprocess.Popen([*COMMAND, *map(str, arguments)], stdout=own, stderr=subprocess.DEVNULL) as process:
        os.close(own)
        with contextlib.suppress(OSError):  # by which Linux tells the end of a terminal
            while part := os.read(terminal, 1 << 16):
                shown += part
    os.close(terminal)
    assert process.returncode == 0
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r", "")


def state_file(folder):
    """A Q-ball of twelve octaves, with its long names and many numbers."""
    tables = {key: value for key, value in TABLES.items() if key != "scan"}
    model = {**TABLES["model"], "n_octaves": 12, "g": 0.6}
    path = folder / "one.toml"
    path.write_text(tomli_w.dumps({**tables, "model": model, "problem": {"norm": 600.0}}))
    return path


@pytest.mark.parametrize("command", ["solve", "spectrum", pytest.param("branch", marks=pytest.mark.nightly)])
def test_a_state_is_shown_with_all_its_digits(tmp_path, command):
    wishes = {"solve": ["--out", tmp_path], "branch": ["--parameter", "beta", "--to", "0.16", "--out", tmp_path]}
    shown = printed(command, state_file(tmp_path), "--json", tmp_path / "data.json", *wishes.get(command, []))
    assert "…" not in shown
    assert all(len(line) <= 80 for line in shown.partition("saved")[0].splitlines())
    data = json.loads((tmp_path / "data.json").read_text())
    words = {
        "solve": lambda: [f"{data['certificate']['residual']:.1e}", "translation mode", "norm at the boundary"],
        "spectrum": lambda: [f"{data['scores']['physical']['fractal_score']:.5g}", "percentile", "regularity"],
        "branch": lambda: [f"{data['rows'][-1][name]:.5g}" for name in ("energy", "hierarchy", "mass_ratio")],
    }[command]()
    assert not [word for word in words if word not in shown]


def test_a_scan_is_shown_with_all_its_columns(tmp_path):
    file = write_file(tmp_path, trials=2, objectives=["fractal_score", "hierarchy", "regularity", "enhanced_score"])
    shown = printed("scan", file, "--out", tmp_path / "run", "--json", tmp_path / "data.json", "--quiet")
    assert shown == ""
    shown = printed("scan", file, "--out", tmp_path / "run", "--json", tmp_path / "data.json")
    assert "…" not in shown
    assert all(len(line) <= 80 for line in shown.splitlines() if str(tmp_path) not in line)
    for row in json.loads((tmp_path / "data.json").read_text())["pareto"]:
        for value in (*row["objectives"].values(), *row["parameters"].values()):
            assert f"{value:.4g}" in shown


@pytest.mark.parametrize("width", [30, 60, 200])
def test_parts_of_a_table_have_its_first_column_and_every_other_once(width, capsys):
    names = [f"column_{k}" for k in range(12)]
    table = simple_table("trial", *names, title="numbers")
    for row in range(3):
        table.add_row(str(row), *(f"{row}.{k:03d}" for k in range(12)))
    print_table(Console(width=width), table)
    shown = capsys.readouterr().out
    assert shown.count("numbers") == 1
    assert max(map(len, shown.splitlines())) <= width
    assert all(shown.count(f"{row}.{k:03d}") == 1 for row in range(3) for k in range(12))
    assert shown.count("trial") == shown.count("─\n") + (shown.count("─ \n"))
    assert (shown.count("trial") > 1) == (width < 200)
