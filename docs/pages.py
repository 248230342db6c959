"""What the pages show of the program: blocks of code, their output, and tables from benchmarks/results.json.

make docs        or        python docs/pages.py        regenerates the tutorial's output, the tables of the comparison,
the page of the campaign of certificates, and that of the columns of trials.csv
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
TUTORIAL = DOCS / "tutorial.md"
COMPARISON = DOCS / "comparison.md"
BLOCK = re.compile(
    r"^```(?P<language>bash|python|toml)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<code>.*?)^```\n", re.M | re.S
)
# What a Python block printed, directly after it.
OUTPUT = re.compile(r"\n```text\n(?P<text>.*?)^```\n", re.M | re.S)


class Block(NamedTuple):
    language: str
    title: str | None
    code: str
    said: str  # what the page says that it prints
    end: int  # where it ends in the page


def blocks(text: str) -> list[Block]:
    """The blocks of code of a page, in order."""
    found = []
    for match in BLOCK.finditer(text):
        output = OUTPUT.match(text, match.end())
        said, end = (output["text"], output.end()) if output else ("", match.end())
        found.append(Block(match["language"], match["title"], match["code"], said, end))
    return found


def run(block: Block, names: dict[str, Any], folder: Path) -> str:
    """Do in ``folder`` what a reader does with the block: type it, or save it. Returns what is printed.

    Python blocks share ``names``. A command must end with code 0. Raises whatever the block raises.
    """
    if block.language == "toml":
        if block.title:
            (folder / block.title).write_text(block.code, encoding="utf-8")
        return ""
    if block.language == "python":
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.chdir(folder):
            exec(compile(block.code, "<page>", "exec"), names)
        return printed.getvalue()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.code],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{block.code.strip()} ended with code {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def installs(block: Block) -> bool:
    """The one block that cannot be run in an empty folder: it makes the environment that runs it."""
    return block.language == "bash" and block.code.startswith("make install")


def with_outputs(text: str, folder: Path) -> str:
    """The page with what its Python blocks print now."""
    out, done = "", 0
    names: dict[str, Any] = {"__name__": "__main__"}
    for match, block in zip(BLOCK.finditer(text), blocks(text), strict=True):
        printed = "" if installs(block) else run(block, names, folder)
        out += text[done : match.end()]
        if block.language == "python" and printed:
            out += f"\n```text\n{printed}```\n"
        done = block.end
    return out + text[done:]


def _between(text: str, name: str, content: str) -> str:
    mark = re.compile(rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)", re.S)
    assert mark.search(text), f"the page has lost its marks of {name}"
    return mark.sub(lambda found: found[1] + "\n" + content + "\n" + found[2], text)


def with_tables(text: str, results: dict[str, Any]) -> str:
    """The comparison with its tables from the results of the benchmarks."""
    rows = {row["key"]: row for row in results["rows"]}
    others = rows["bounce-others"]
    where = f"{others['date']}, {results['machine']['cpu']}, yardstick {results['yardstick']['seconds']:.3f} s."
    lines = [
        "| fields | supersoliton | error of its action | CosmoTransitions | error of its action | ratio |",
        "|---|---|---|---|---|---|",
    ]
    for row in others["details"]["rows"]:
        lines.append(
            f"| {row['fields']} | {row['from_point_seconds']:.3f} s | {row['action_error']:.0e} "
            f"| {row['cosmo_transitions_seconds']:.3f} s | {row['cosmo_transitions_action_error']:.0e} "
            f"| {row['times_faster']:.2f} |"
        )
    bounces = "\n".join([*lines, "", f"{where} The ratio is above 1 where supersoliton is faster.", ""])
    lines = ["| | measured |", "|---|---|"]
    for key in ("differences", "differences-full", "differences-extrapolated"):
        lines.append(f"| {rows[key]['work']} | {rows[key]['ratio']:.3g} × as fast |")
    return _between(_between(text, "bounces", bounces), "differences", "\n".join([*lines, ""]))


def certificates(verdicts: list[dict[str, Any]]) -> str:
    """The page of the campaign, from benchmarks/data/certificates.json."""
    found = [v for v in verdicts if v["verdict"] in ("right", "wrong")]
    exists = [v for v in verdicts if not math.isnan(v["right"])]
    named = (
        ("right", "certified, right"),
        ("wrong", "certified, wrong"),
        ("unsure", "found, not certified"),
        ("missed", "not found"),
        ("refused", "rightly not certified"),
    )
    lines = [
        f"| problems | number | {' | '.join(words for _, words in named)} | error covered | median time |",
        "|---" * (len(named) + 4) + "|",
    ]
    for kind in [*dict.fromkeys(v["kind"] for v in verdicts), None]:
        own = [v for v in verdicts if kind in (None, v["kind"])]
        counts = [sum(v["verdict"] == name for v in own) for name, _ in named]
        known = [v for v in own if v["verdict"] in ("right", "wrong")]
        covered = f"{100.0 * sum(v['covered'] for v in known) / len(known):.1f} %" if known else ""
        seconds = statistics.median(v["seconds"] for v in own)
        cells = [f"{count or ''}" for count in counts]
        lines.append(f"| {kind or '**all**'} | {len(own)} | {' | '.join(cells)} | {covered} | {seconds:.1f} s |")
    rest = [v for v in verdicts if v["verdict"] in ("wrong", "unsure", "missed") or not v["covered"]]
    others = ["| problem | seed | | right | found | error stated | what the program says |", "|---" * 7 + "|"]
    for v in rest:
        words = " ".join(v["note"].split()).replace("|", "\\|") or ("" if v["covered"] else "error not covered")
        numbers = f"{v['right']:.9g} | {v['found']:.9g} | {v['stated']:.0e}"
        others.append(f"| {v['kind']}, {v['words']} | {v['seed']} | {v['verdict']} | {numbers} | {words} |")
    share = 100.0 * sum(v["verdict"] == "right" for v in exists) / len(exists)
    return CERTIFICATES.format(
        problems=len(verdicts),
        wrong=sum(v["verdict"] == "wrong" for v in verdicts),
        covered=f"{100.0 * sum(v['covered'] for v in found) / len(found):.1f}",
        share=f"{share:.1f}",
        table="\n".join(lines),
        rest="\n".join(others) if rest else "None.",
    )


CERTIFICATES = """# Are certified numbers right?

{problems} random problems of eleven kinds were solved and compared with references that share no code with the program:
shooting and collocation with SciPy, and closed forms. Two thirds of them are in units drawn at random, of the fields
and of lengths, from 1e-12 to 1e12. Of what was certified, {wrong} numbers are wrong (off by more than three times the
stated error); the stated error covers the true one in {covered} %; {share} % of what exists was found and certified.

Made by `make docs` from `benchmarks/data/certificates.json`, which `python -m benchmarks.certificates` writes; do not
edit. `benchmarks/certificates.py` defines the problems, `benchmarks/references.py` the references.

{table}

"Rightly not certified": nothing exists, or the box cuts the state off and the certificate says so. For bounces "right"
means the least action among all that the reference finds.

## Not certified, not found or not covered

{rest}
"""


def trials_table() -> str:
    """The page of the columns of trials.csv, from the definitions that the program uses."""
    from supersoliton.config.constraints import CONSTRAINTS
    from supersoliton.config.tables import RECORDED
    from supersoliton.scans.record.files import COLUMNS
    from supersoliton.scans.report.summary import CONSTRAINT_WORDS
    from supersoliton.scores.registry import SCORES, outputs
    from supersoliton.theory import OctaveHiggs

    def rows(columns: dict[str, str]) -> str:
        cells = [f"| `{name}` | {words.replace('|', '&#124;')} |" for name, words in columns.items()]
        return "\n".join(["| column | meaning |", "|---|---|", *cells])

    def meanings(columns: Any) -> dict[str, str]:
        return {name: column.meaning for name, column in columns.items()}

    clauses = CONSTRAINT_WORDS | {name: one.words for name, one in CONSTRAINTS.items()} | OctaveHiggs.constraints
    clauses |= {"amplitude": "a field that carries the norm is large enough"}
    clauses |= {"self_consistent": "the couplings fed back are self-consistent"}
    fed = {
        "iterations": "iterations of the self-consistent couplings",
        "self_consistency": "largest relative difference between fed and effective couplings",
        "effective_NAME": "effective value of the coupling NAME",
    }
    return TRIALS_TABLE.format(
        always=rows(COLUMNS),
        recorded=rows(RECORDED),
        scores=rows(meanings(outputs(SCORES))),
        octaves=rows(meanings(OctaveHiggs.columns)),
        fed=rows(fed),
        constraints=rows({f"c_{name}": clause for name, clause in clauses.items()}),
    )


TRIALS_TABLE = """# The columns of trials.csv

A scan appends one row to `trials.csv` for each trial that has ended. Numbers have all their digits; an empty cell or
`nan` means that the number is not defined. Any recorded value, score or constraint can be an objective of a scan, to be
maximised or minimised:

```toml
[scan]
objectives = ["hierarchy", {{ name = "energy", direction = "minimize" }}, "own.py:curvature"]
```

The last is a function of yours, `curvature(state, modes)`, of the state and of its modes at the lowest angular momentum
of `[spectrum] ell`. It is called where the trial runs, and its value is a column of its name. A value that is not
defined makes a trial infeasible, so it never wins.

Made by `make docs` from the definitions in the source; do not edit.

## Every trial

Between `status` and the recorded values stand the scanned couplings, each under its own name.

{always}

## The state

{recorded}

## Scores

Your own scores ([score] own) and functions have columns of their names.

{scores}

## Octave model

{octaves}

## Self-consistent couplings

{fed}

## Constraints

At most 0 means satisfied; a positive value measures the violation.

{constraints}
"""


def main() -> None:
    (DOCS / "trials_table.md").write_text(trials_table(), encoding="utf-8")
    verdicts = json.loads((ROOT / "benchmarks" / "data" / "certificates.json").read_text(encoding="utf-8"))
    (DOCS / "certificates.md").write_text(certificates(verdicts), encoding="utf-8")
    results = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    COMPARISON.write_text(with_tables(COMPARISON.read_text(encoding="utf-8"), results), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        TUTORIAL.write_text(with_outputs(TUTORIAL.read_text(encoding="utf-8"), Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main()
