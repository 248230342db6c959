"""The README's example prints what the README says that it prints; its table of speed is what was measured."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_spec = importlib.util.spec_from_file_location("readme_numbers", ROOT / "docs" / "readme_numbers.py")
readme_numbers = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(readme_numbers)

NUMBER = re.compile(r"-?\d+\.?\d*(?:e[-+]?\d+)?")


def test_example_prints_what_the_readme_says():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    printed, picture = readme_numbers.run(readme_numbers.example(text))
    said = readme_numbers.output(text)
    hint = "run `make docs`"
    assert NUMBER.sub("#", printed).split() == NUMBER.sub("#", said).split(), hint
    for now, then in zip(NUMBER.findall(printed), NUMBER.findall(said), strict=True):
        # Anything below 1e-6 is rounding error (residuals, the zero of a mode) and differs between machines.
        assert float(now) == pytest.approx(float(then), rel=2e-4, abs=1e-6), hint
    assert picture.startswith(b"\x89PNG")


def test_table_of_speed_is_that_of_the_results():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = readme_numbers.SPEED.search(text)
    assert found, "the README has lost its table of speed"
    written = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    table = readme_numbers.speed(written)
    assert found[0] == found[1] + table + found[2], "run `make docs`"
    # Not only the same text: each ratio stands in the line of its row.
    for row in written["rows"]:
        line = next(line for line in table.splitlines() if line.startswith(f"| {row['work']}"))
        number = re.search(r"\d+\.?\d*(?:e[-+]\d+)?", line.split("|")[2])
        if row["ratio"] is None:
            assert "not measured" in line
        else:
            assert float(number[0]) == pytest.approx(abs(row["ratio"]), rel=0.5)
            assert ("missed" in line) == (row["met"] is False)


def test_table_of_before_and_after_is_that_of_the_results():
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    found = readme_numbers.ROWS.search(text)
    assert found, "benchmarks/README.md has lost its table of before and after"
    before, after = (
        json.loads((ROOT / "benchmarks" / name).read_text(encoding="utf-8")) for name in ("before.json", "results.json")
    )
    assert found[0] == found[1] + readme_numbers.before_and_after(before, after) + found[2], "run `make docs`"
    assert found[0].count("\n| `") == len(after["rows"])


def test_files_that_the_readme_names_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"examples/\w+\.toml|docs/[\w/]+\.\w+|\]\((\w+(?:\.\w+)?)\)", text)) - {""}
    named |= set(re.findall(r"(?:examples|docs)/[\w/]+\.\w+", text))
    assert named
    for name in named:
        assert (ROOT / name).exists(), name
