"""What the pages show of the program: blocks of code, their output, and tables from benchmarks/results.json.

make docs        or        python docs/pages.py        regenerates the tutorial's output, the tables of the comparison,
the page of the campaign of certificates, the branch in beta of the page of spectra, and the columns of trials.csv
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from supersoliton.config.old_names import OLD_NAMES

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
TUTORIAL = DOCS / "tutorial.md"
COMPARISON = DOCS / "comparison.md"
SPECTRA = DOCS / "spectra.md"
BRANCH = ROOT / "examples" / "quickstart.toml"  # followed in beta on the page of spectra
V39 = DOCS / "guides" / "coming_from_v39.md"
REACHED = ROOT / "benchmarks" / "data" / "reached.json"
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


KINDS = {
    "coupling": "Couplings",
    "numerics": "Mesh, start, descent, spectrum",
    "feedback": "Self-consistent iteration",
    "scan": "Scan",
    "column": "Columns of its CSV file and attributes of a trial",
    "file": "Files",
}


def names_of_v39() -> str:
    """The table of the page "Coming from v39", from the list with which the parser answers."""
    lines = []
    for kind, heading in KINDS.items():
        lines += ["", f"### {heading}", "", "| v39 | its value | here | |", "|---|---|---|---|"]
        for row in (row for row in OLD_NAMES if row.kind == kind):
            here = f"`{row.name}` in `[{row.table}]`" if row.name else "–"
            lines.append(f"| `{row.old}` | {row.value} | {here} | {row.words} |")
    return "\n".join([*lines, ""])


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


def branch(rows: list[dict[str, str]]) -> str:
    """The table of a branch in beta: five of its states, each number with its slope."""
    shown = {"energy": "E", "hierarchy": "hierarchy", "octave_splitting": "octave splitting",
             "mass_ratio": "mass ratio", "fractal_score": "fractal score", "mass_1": "lowest mass"}  # fmt: skip
    lines = [
        f"| β | {' | '.join(f'{words} | d/dβ' for words in shown.values())} |",
        "|---" * (1 + 2 * len(shown)) + "|",
    ]
    for k in range(5):
        row = rows[round(k * (len(rows) - 1) / 4)]
        cells = [f"{float(row[name]):.6g} | {float(row[f'{name}_by_beta']):.4g}" for name in shown]
        lines.append(f"| {float(row['beta']):.6g} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def follow(folder: Path) -> list[dict[str, str]]:
    """The rows of the table of the example, which the command writes into ``folder`` with its picture."""
    command = [sys.executable, "-m", "supersoliton", "branch", str(BRANCH), "--parameter", "beta", "--to", "0.6"]
    subprocess.run([*command, "--out", str(folder), "--quiet"], check=True)
    return list(csv.DictReader((folder / f"{BRANCH.stem}_beta.csv").read_text(encoding="utf-8").splitlines()))


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
    from supersoliton.config.tables import OF_TRANSITION, RECORDED
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
        transition=rows(meanings(OF_TRANSITION)),
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

## Transitions

In a scan with a table `[transition]`. The other numbers are those of the bounce at the nucleation temperature.

{transition}

## Constraints

At most 0 means satisfied; a positive value measures the violation.

{constraints}
"""


REACHED_PAGE = """# What the examples reach

The scans of `quickstart`, `hierarchy` and `wide` ask for
`constraints = ["certified", "rotating", "classically_stable"]`. Every Pareto-optimal trial, and the ten best by score
of the others, were evaluated again on a mesh with every element split in two and an order higher by two, with their own
search, certificate and spectrum.

Made by `make docs` from `benchmarks/data/reached.json`, which `python -m benchmarks.reached runs/NAME ...` writes; do
not edit.

{summary}

"Same state": the energy on the other mesh agrees to 1e-6; otherwise the search ended in another local minimum there.

## Best values of feasible trials

{best}

Hierarchy above 10 (of the box masses) and m(Φ)/m(Ψ) of at least 1.4 (of the vacuum masses) are the goals of
parameter_scan_supersoliton_v39_STABLE_HIERARCHY.py; the last columns count the feasible trials that reach them.

## What they depend on

The couplings of the best trials by score and by hierarchy, with other numbers of modes k, radii R, and scored spectra.
The hierarchy is the ratio of the heaviest to the lightest scored mass. Of a box spectrum the heaviest is the k-th wave
of the box, set by k and R, and the lightest is √λ of the lowest mode of L₊. Far below the vacuum masses
that is a *soft mode*, a direction in which the Q-ball is nearly unstable, and no particle. The frequencies ρ of
`"oscillations"` are true ones.

{variants}
"""


def examples_reached(runs: dict[str, Any]) -> str:
    """The page of the examples' fronts, from benchmarks/data/reached.json."""
    summary = [
        "| scan | trials | certified | classically stable | feasible | Pareto-optimal | evaluated again | same state "
        "| certified | classically stable |",
        "|---" * 10 + "|",
    ]
    best = [
        "| scan | fractal score | hierarchy | m(Φ)/m(Ψ) | octave splitting | hierarchy > 10 | m(Φ)/m(Ψ) ≥ 1.4 | both |",
        "|---" * 8 + "|",
    ]
    variants = []
    for name, run in runs.items():
        front = [*run["front"], *run["next"]]
        marks = [sum(bool(one["same"]) for one in front)]
        marks += [sum(one["found"][key] == 1.0 for one in front) for key in ("certified", "classically_stable")]
        goals = [run["goals"][key] for key in ("hierarchy", "mass_ratio", "both")]
        cells = [name, run["trials"], f"{run['certified']:.0%}", f"{run['classically_stable']:.0%}", run["feasible"]]
        summary.append(f"| {' | '.join(str(cell) for cell in [*cells, len(run['front']), len(front), *marks])} |")
        tops = [f"{top['value']:.4g} (trial {top['trial']})" for top in run["best"].values()]
        best.append(f"| {' | '.join([name, *tops, *map(str, goals)])} |")
        for number, leader in run["leaders"].items():
            couplings = ", ".join(f"{key} = {value:.4g}" for key, value in leader["couplings"].items())
            variants += ["", f"**{name}, trial {number}**: {couplings}.", ""]
            variants += ["| | fractal score | hierarchy | lightest mode of L₊, √λ | |", "|---|---|---|---|---|"]
            variants += [f"| {what} | {_variant(one)} |" for what, one in leader["variants"].items()]
    pages = ("\n".join(lines) for lines in (summary, best, variants))
    return REACHED_PAGE.format(**dict(zip(("summary", "best", "variants"), pages, strict=True)))


def _variant(one: dict[str, Any]) -> str:
    words = one["kind"] if one["certified"] == 1.0 else f"{one['kind']}, not certified"
    words += "" if one["classically_stable"] == 1.0 else ", not classically stable"
    numbers = (
        "–" if one[key] is None else f"{one[key]:.4g}" for key in ("fractal_score", "hierarchy", "lightest_mass")
    )
    return " | ".join([*numbers, words])


def main() -> None:
    (DOCS / "trials_table.md").write_text(trials_table(), encoding="utf-8")
    V39.write_text(_between(V39.read_text(encoding="utf-8"), "names", names_of_v39()), encoding="utf-8")
    if REACHED.is_file():
        (DOCS / "examples_reached.md").write_text(examples_reached(json.loads(REACHED.read_text(encoding="utf-8"))))
    verdicts = json.loads((ROOT / "benchmarks" / "data" / "certificates.json").read_text(encoding="utf-8"))
    (DOCS / "certificates.md").write_text(certificates(verdicts), encoding="utf-8")
    results = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    COMPARISON.write_text(with_tables(COMPARISON.read_text(encoding="utf-8"), results), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        TUTORIAL.write_text(with_outputs(TUTORIAL.read_text(encoding="utf-8"), Path(folder)), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        table = branch(follow(Path(folder)))
        shutil.copy(Path(folder) / f"{BRANCH.stem}_beta.png", DOCS / "img" / "branch_beta.png")
        SPECTRA.write_text(_between(SPECTRA.read_text(encoding="utf-8"), "branch", table), encoding="utf-8")


if __name__ == "__main__":
    main()
