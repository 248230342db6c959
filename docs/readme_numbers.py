"""Regenerate the README's output, picture and three numbers of speed, and the tables of docs/speed.md and benchmarks/.

The README's example is run; the numbers of speed are those of benchmarks/results.json.

make docs        or        python docs/readme_numbers.py
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.results import RESULTS, busy, measured, target  # noqa: E402

README = ROOT / "README.md"
SPEED_PAGE = ROOT / "docs" / "speed.md"
BENCHMARKS = ROOT / "benchmarks" / "README.md"
BEFORE = ROOT / "benchmarks" / "before.json"
PICTURE = ROOT / "docs" / "img" / "qball.png"
BLOCK = re.compile(r"(<!-- output: begin -->\n).*?(<!-- output: end -->)", re.S)
ROWS = re.compile(r"(<!-- rows: begin -->\n).*?(<!-- rows: end -->)", re.S)
THREE = re.compile(r"(<!-- three numbers: begin -->\n).*?(<!-- three numbers: end -->)", re.S)
CALLS = re.compile(r"^\| `([^`]+)` \|", re.M)
SPEED = re.compile(r"(<!-- speed: begin -->\n).*?(<!-- speed: end -->)", re.S)


def example(text: str) -> str:
    """The README's Python example."""
    found = re.search(r"```python\n(.*?)```", text, re.S)
    assert found, "the README has lost its Python example"
    return found[1]


def calls(text: str) -> list[str]:
    """The code of each row of the README's table of other entry points."""
    return CALLS.findall(text)


def output(text: str) -> str:
    """What the README says that its example prints."""
    found = BLOCK.search(text)
    assert found, "the README has lost its output block"
    return found[0].split("```")[1].removeprefix("text\n") if "```" in found[0] else ""


def three_numbers(written: dict[str, Any]) -> str:
    """Milliseconds of an evaluation and of a bounce, seconds of the first call."""
    rows = {row["key"]: row for row in written["rows"]}
    evaluation, bounce, first = rows["multi-start"], rows["bounce"], rows["first-call"]
    return (
        "| work | one core |\n|---|---|\n"
        "| the lowest state of 13 fields from many starts, certified, with 300 modes and scores "
        f"| {1000 * seconds(evaluation):.0f} ms |\n"
        f"| a bounce of 8 fields without a guess, action to 1e-12 | {1000 * seconds(bounce):.0f} ms |\n"
        "| the first call with a new potential and an empty cache: import, compile, solve "
        f"| {first['ratio']:.1f} s |\n\n"
        f"Measured on {written['date']} on {written['machine']['cpu']} with JAX {written['versions']['jax']}.\n"
    )


def seconds(row: dict[str, Any]) -> float:
    """Of a row measured in yardsticks."""
    return float(row["ratio"]) * float(row["details"]["yardstick_seconds"])


def commits(written: dict[str, Any]) -> str:
    """The commits at which the rows were measured: more than one after `--only`."""
    return " and ".join(dict.fromkeys(row["commit"] for row in written["rows"]))


def speed(written: dict[str, Any]) -> str:
    """The table of speed: every row of benchmarks/results.json."""
    yardstick, machine = written["yardstick"], written["machine"]
    lines = [
        f"Measured on {written['date']} at {commits(written)} on {machine['cpu']}, {machine['cores']} cores, Python "
        f"{written['versions']['python']}, JAX {written['versions']['jax']}; one thread, medians, kernels compiled. "
        f"One yardstick is a dense symmetric eigenproblem, {yardstick['eigenvalues']} of {yardstick['unknowns']} "
        f"eigenvalues, by SciPy: {yardstick['seconds']:.3f} s here. {busy(written)}".rstrip(),
        "",
        "| work | measured | target | |",
        "|---|---|---|---|",
    ]
    for row in written["rows"]:
        work = row["work"] + (f" ({row['note']})" if row["note"] else "")
        verdict = "" if row["target"] is None or row["met"] is None else row["verdict"]
        lines.append(f"| {work} | {measured(row)} | {target(row)} | {verdict} |")
    return "\n".join(lines) + "\n"


def _then(row: dict[str, Any] | None, was_busy: bool) -> str:
    """A row of the older file, with processor time instead of wall time where the machine was busy."""
    if row is None:
        return ""
    if was_busy and row["clock"] == "wall time":
        seconds = row["details"].get("processor_seconds")
        return "not measured" if seconds is None else f"{seconds:.1f} s of processor time"
    return measured(row)


def before_and_after(before: dict[str, Any], after: dict[str, Any]) -> str:
    """The table of benchmarks/README.md: each row of before.json with that of results.json."""
    old = {row["key"]: row for row in before["rows"]}
    lines = [
        f"Before: {before['date']}, {commits(before)}. {busy(before)}".rstrip(),
        f"After: {after['date']}, {commits(after)}. {busy(after)}".rstrip(),
        "",
        "| row | before | after | target |",
        "|---|---|---|---|",
    ]
    for row in after["rows"]:
        then, now = _then(old.get(row["key"]), bool(busy(before))), _then(row, bool(busy(after)))
        lines.append(f"| `{row['key']}` | {then} | {now} | {target(row)} |")
    return "\n".join(lines) + "\n"


def run(code: str) -> tuple[str, bytes]:
    """Run the example in an empty folder: what it prints, and the picture that it saves."""
    printed = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
        return printed.getvalue(), Path("qball.png").read_bytes()


def main() -> None:
    os.environ.setdefault("MPLBACKEND", "Agg")
    text = README.read_text(encoding="utf-8")
    printed, picture = run(example(text))
    block = f"```text\n{printed}```\n"
    text = BLOCK.sub(lambda m: m[1] + block + m[2], text)
    after = json.loads(RESULTS.read_text(encoding="utf-8"))
    three, table = three_numbers(after), speed(after)
    README.write_text(THREE.sub(lambda m: m[1] + three + m[2], text), encoding="utf-8")
    page = SPEED_PAGE.read_text(encoding="utf-8")
    SPEED_PAGE.write_text(SPEED.sub(lambda m: m[1] + table + m[2], page), encoding="utf-8")
    rows = before_and_after(json.loads(BEFORE.read_text(encoding="utf-8")), after)
    page = BENCHMARKS.read_text(encoding="utf-8")
    BENCHMARKS.write_text(ROWS.sub(lambda m: m[1] + rows + m[2], page), encoding="utf-8")
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_bytes(picture)
    print(f"{printed}written into {README.relative_to(ROOT)}, with {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
