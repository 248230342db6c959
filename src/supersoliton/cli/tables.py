"""A scan as data and as tables."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.style import Style
from rich.table import Column, Table
from rich.text import Text

from ..machine.display import PlainConsole

if TYPE_CHECKING:
    from ..scans.result import ScanResult

_NULLS = ("null_percentile", "shape_percentile")
_ANALYTIC = "analytic"  # start of a trial without a trained prediction


def number(value: Any, digits: int = 5) -> str:
    """A number as text with `digits` significant digits; a dash if it is not defined."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, float):
        return f"{value:.0f}" if value == round(value) and abs(value) < 1e6 else f"{value:.{digits}g}"
    return str(value)


def simple_table(*columns: str, title: str = "") -> Table:
    """A table without frames; all columns but the first are numbers. Headings have one word per line."""
    table = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left", title_style="bold", pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(
            "\n".join(column.replace("_", " ").split()), justify="left" if i == 0 else "right", no_wrap=True
        )
    return table


def print_table(console: Console, table: Table) -> None:
    """Print a table of numbers; one that is wider than the console in parts, each of which begins with column 1."""
    first, parts = [table.columns[0]], [[table.columns[0]]]
    for column in table.columns[1:]:
        if len(parts[-1]) > 1 and _width(console, _of(table, [*parts[-1], column])) > console.width:
            parts.append(list(first))
        parts[-1].append(column)
    for columns in parts:
        part = _of(table, columns)
        part.title = table.title if columns is parts[0] else None
        console.print(part)


def _of(table: Table, columns: Sequence[Column]) -> Table:
    """The table of some columns of another."""
    part = Table(box=table.box, title_justify="left", title_style="bold", pad_edge=False)
    for column in columns:
        part.add_column(column.header, justify=column.justify, no_wrap=True)
    for cells in zip(*(column.cells for column in columns), strict=True):
        part.add_row(*cells)
    return part


def _width(console: Console, table: Table) -> int:
    return Measurement.get(console, console.options.update_width(10_000), table).maximum


def describe_scan(result: ScanResult, report: str) -> dict[str, Any]:
    """The printed results of a scan, as plain data."""
    names = result.objectives
    done = [t.user_attrs for t in result.trials]
    saved = [a["values"]["steps_saved"] for a in done if a.get("start", _ANALYTIC) not in ("", _ANALYTIC)]
    return {
        "directory": str(result.directory),
        "report": report,
        "finished": result.finished,
        "wanted": result.wanted,
        "new": result.new,
        "interrupted": result.interrupted,
        "counts": result.counts,
        "failure": _commonest_failure(done),
        "recalled": sum(a.get("cache") == "hit" for a in done),
        "trained": len(saved),
        "steps_saved": sum(saved) / len(saved) if saved else math.nan,
        "objectives": list(names),
        "directions": [direction.name.lower() for direction in result.study.directions],
        "pareto": [
            {
                "trial": trial.number,
                "kind": trial.user_attrs.get("kind", ""),
                "objectives": dict(zip(names, trial.values, strict=True)),
                **{name: trial.user_attrs.get("values", {}).get(name, math.nan) for name in _NULLS},
                "parameters": dict(trial.params),
            }
            for trial in result.pareto
        ],
    }


def _commonest_failure(attributes: Sequence[Mapping[str, Any]]) -> str:
    """The last line of the error that occurs most often among the trials; empty if none failed."""
    errors = Counter(str(a["error"]).strip().splitlines()[-1] for a in attributes if a.get("error"))
    return errors.most_common(1)[0][0] if errors else ""


def print_scan(console: Console, data: Mapping[str, Any]) -> None:
    counts = ", ".join(f"{count} {kind or 'of no kind'}" for kind, count in sorted(data["counts"].items()))
    more = data["finished"] > data["wanted"]  # fewer asked for than there are
    state = (
        f"{data['finished']} trials are finished, {data['wanted']} were asked for"
        if more
        else (f"{data['finished']} of {data['wanted']} trials are finished")
    )
    if data["interrupted"]:
        state += "; stopped early, run the same command to resume"
    elif not data["new"]:
        state += ", nothing left to do"
    recalled = f" {data['recalled']} came from the cache of evaluations." if data["recalled"] else ""
    trained = ""
    if data["trained"]:
        trained = f" {data['trained']} used trained starts, saving {data['steps_saved']:.1f} Newton steps on average."
    console.print(f"{state}{f' ({counts})' if counts else ''}.{recalled}{trained}")
    if data["failure"]:
        console.print(f"{data['counts']['failed']} failed: {data['failure']}", markup=False)
    if data["pareto"]:
        _print_pareto(console, data)
    elif data["finished"]:
        console.print("No trial satisfies all constraints, so there is no Pareto front; see the report for details.")
    if data["finished"]:
        address = Path(data["report"]).resolve().as_uri()  # a terminal that knows links opens it with a click
        console.print(Text(data["report"], style=Style(link=address)), soft_wrap=True)


def _print_pareto(console: Console, data: Mapping[str, Any]) -> None:
    objectives, parameters = data["objectives"], list(data["pareto"][0]["parameters"])
    falling = data["directions"][0] == "maximize"
    ranked = sorted(data["pareto"], key=lambda row: row["objectives"][objectives[0]], reverse=falling)
    title = f"Pareto-optimal trials, best {objectives[0]} first"
    table = simple_table("trial", "kind", *objectives, *_NULLS, *parameters, title=title)
    for row in ranked:
        cells = [row["objectives"][name] for name in objectives] + [row[name] for name in _NULLS]
        cells += [row["parameters"][name] for name in parameters]
        table.add_row(str(row["trial"]), row["kind"], *(number(cell, 4) for cell in cells))
    print_table(console, table)


_NARROWEST = 160  # columns assumed if the output is not a terminal


def _console() -> Console:

    console = PlainConsole(highlight=False)
    return console if console.is_terminal else PlainConsole(highlight=False, width=max(console.width, _NARROWEST))
