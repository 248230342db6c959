"""Follow a state along one parameter; print and write its numbers with their exact slopes."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console

from ..config import Config
from ..config.old_names import successor
from ..families.branch import Branch
from ..families.continuation import continuation
from ..families.slopes import Slopes, slopes_of
from ..machine.atomic_write import write_atomically
from ..plotting import axis_label
from ..plotting.branch import plot_slopes
from ..scores import registry
from .outputs import Outputs
from .states import find_state
from .tables import number, print_table, simple_table

_MASSES = 4  # lowest masses listed
_FIRST = ("energy", "omega_squared", "hierarchy", "fractal_score")  # columns of the printed table, before others
_BY, _REACH = "{}_by_{}", "{}_reach"  # columns of the file: of a slope, and of the distance to the next step


def follow(config: Config, point: Mapping[str, float], parameter: str, to: float, files: Outputs) -> dict[str, Any]:
    """The branch from the state of a configuration, as plain data; writes its table and its picture."""
    if config.problem.self_consistent is not None:
        raise ValueError(
            "branch follows fixed couplings, and [problem.self_consistent] feeds them back: leave that table out."
        )
    if words := successor(parameter, "model", config.model.params):
        raise ValueError(f"--parameter {parameter}: {words}")
    state, _ = find_state(config, point)
    branch = continuation(state, parameter, to)
    chosen = (*registry.SCORES, *config.own_scores)
    options = dataclasses.replace(config.score, null_samples=0)
    found = [
        slopes_of(one, [parameter], options, chosen, n_modes=config.spectrum.n_modes, ell=config.spectrum.ell)
        for one in branch.states
    ]
    rows = [_row(parameter, p.parameter, one, s) for p, one, s in zip(branch, branch.states, found, strict=True)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    write_atomically(files.data, _csv(names, rows))
    shown, columns = _shown(config, parameter, rows), {**config.model.columns, **registry.outputs(chosen)}
    labels = [columns[name].label if name in columns else axis_label(name) for name in shown]
    curves = dict(zip(labels, _columns(parameter, shown, rows), strict=True))
    return {
        "parameter": parameter,
        "to": to,
        "status": branch.status,
        "reached": branch.reached,
        "spectrum": config.score.spectrum,
        "special": _special(branch),
        "shown": shown,
        "without_slope": [name for name in names if name in columns and _BY.format(name, parameter) not in names],
        "rows": rows,
        "saved": files.save(plot_slopes(branch, curves)),
    }


def _row(parameter: str, value: float, state: Any, found: Slopes) -> dict[str, Any]:
    """One state: the parameter, its kind, and each number with its slope and the distance to its next step."""
    row: dict[str, Any] = {parameter: value, "kind": str(state.certificate.kind)}
    row |= {"certified": state.certificate.certified, "stable": not state.certificate.unstable}
    for name, number_ in found.values.items():
        if name == parameter or not math.isfinite(number_):
            continue
        row[name] = number_
        if name in found.slopes:
            row[_BY.format(name, parameter)] = float(found.slopes[name][0])
            if math.isfinite(reach := float(found.reach[name][0])):
                row[_REACH.format(name)] = reach
    for k, (mass, slope) in enumerate(zip(found.masses[:_MASSES], found.mass_slopes[0, :_MASSES], strict=True), 1):
        row |= {f"mass_{k}": float(mass), _BY.format(f"mass_{k}", parameter): float(slope)}
    return row


def _shown(config: Config, parameter: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The columns of the printed table: energy, frequency, scores, numbers of the theory and the lowest masses."""
    own = [*_FIRST, *config.scan.objectives, *config.model.columns]
    own += [f"mass_{k}" for k in range(1, _MASSES + 1)]
    return [name for name in dict.fromkeys(own) if any(_BY.format(name, parameter) in row for row in rows)]


def _special(branch: Branch) -> list[dict[str, Any]]:
    return [
        {"kind": one.kind, "parameter": one.parameter, "tolerance": one.tolerance, "words": repr(one)}
        for one in branch.special
    ]


def _csv(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: "" if v is None or v != v else v for k, v in row.items()} for row in rows)
    return text.getvalue()


def _columns(parameter: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Any, Any]]:
    """Values and slopes of each column."""
    for name in names:
        pair = (name, _BY.format(name, parameter))
        values, slopes = (np.array([row.get(key, math.nan) for row in rows], dtype=float) for key in pair)
        yield values, slopes


def print_branch(console: Console, data: Mapping[str, Any]) -> None:
    """Tables of the values and of the slopes, the special points, and what has no slope."""
    parameter, names, rows = data["parameter"], data["shown"], data["rows"]
    slopes = [_BY.format(name, parameter) for name in names]
    for keys, digits, title in (
        (names, 5, f"{len(rows)} states, {data['status']}; scored spectrum: {data['spectrum']}"),
        (slopes, 4, f"exact slopes d/d{parameter}"),
    ):
        table = simple_table(parameter, *names, title=title)
        for row in rows:
            table.add_row(f"{row[parameter]:.6g}", *(number(row.get(key), digits) for key in keys))
        print_table(console, table)
    for one in data["special"]:
        console.print(one["words"], markup=False)
    uncertified = sum(not row["certified"] for row in rows)
    if uncertified:
        console.print(f"{uncertified} of the states are not certified (column certified).")
    near = min((row.get(_REACH.format("fractal_score"), math.inf) for row in rows), default=math.inf)
    if math.isfinite(near):
        console.print(
            f"fractal_score steps where a target becomes a hit or a ratio passes 1.01, here {near:.2g} away at the "
            "nearest; between two steps it has the slope of its correlation, which is given."
        )
    if data["without_slope"]:
        console.print(f"not smooth, or of unknown derivative, so without a slope: {', '.join(data['without_slope'])}")
    console.print("saved " + ", ".join(data["saved"]), soft_wrap=True, markup=False)
