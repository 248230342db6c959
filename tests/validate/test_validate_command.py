"""`supersoliton validate` in a process of its own, and the page that it writes."""

import functools
import json
import re
from pathlib import Path

import pytest

import command_line
from supersoliton import validate
from supersoliton.validate import origin
from supersoliton.validate.page import markdown, shown

run = functools.partial(command_line.run, "validate")
PAGE = Path(__file__).parents[2] / "docs" / "validation.md"


def test_claims_are_printed_saved_and_drawn(tmp_path):
    done = run("--only", "mass_ratio", "--only", "origin", "--json", tmp_path / "v.json", "--out", tmp_path / "page")
    assert done.returncode == 0, done.stderr
    assert "2/2 origin: does not hold" in done.stderr
    for word in ("claimed", "found", "verdict", "supersoliton validate --only origin"):
        assert word in done.stdout
    data = json.loads((tmp_path / "v.json").read_text())
    assert [claim["name"] for claim in data["claims"]] == ["mass_ratio", "origin"]
    assert data["claims"][1]["numbers"]["ratio"] == pytest.approx(3.0128e14, rel=1e-4)
    html = (tmp_path / "page" / "validation.html").read_text()
    assert html.count("<section id=") == 2
    assert html.count("<svg ") == 1
    assert (tmp_path / "page" / "origin.svg").stat().st_size > 5000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "nonsense"], "nonsense"),
        (["--page", "validation.html"], ".md"),
        (["--json", "/nowhere/v.json"], "/nowhere"),
        (["--only", "origin", "--page", "v.md"], "--only"),
    ],
)
def test_mistakes_are_one_plain_line(arguments, words):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.strip().splitlines()) == 1
    assert words in done.stderr


def test_the_page_in_the_documentation_has_every_claim():
    text = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"supersoliton validate --only (\w+)", text) == list(validate.NAMES)
    assert text.splitlines()[:3] == markdown([]).splitlines()[:3]  # the introduction survives `--page`


def test_markdown_keeps_what_the_claim_says():
    claim = origin.check(points=100)
    text = markdown([claim])
    assert f"**Verdict: {claim.verdict}:**" in text
    assert text.count("\n|") == 4 + sum(len(table.rows) + 2 for table in claim.tables) - 1
    assert shown("beta lap^2 Psi, m0^2 = 2 x 3, m^2N, n^2.4") == "β ∇⁴ Ψ, m₀² = 2 × 3, m²N, n^2.4"
