"""The data of the page and the scripts that draw it.

The scripts in `web/` draw the trials on canvases, without a library, the network or WebGL. A hundred thousand numbers
take a megabyte; beyond `plotting.MAX_POINTS` trials dominated ones are thinned, and a note says so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...plotting import in_plain_text, kind_marker, named_fields, signed_mass, symbol_of, thin
from ...states.kinds import Kind
from ...states.state_file import read_state_file
from ...theory.radial import RadialTheory
from .columns import checks_of, columns_of, constraints_of, table_columns
from .records import Record, Trial, shown_trials
from .summary import kind_words

MAX_DRAWN = 150  # Pareto-optimal trials whose profile and spectrum are on the page, 3 to 8 kB each
SCRIPTS = (
    *("data.js", "labels.js", "elements.js", "scales.js", "marks.js", "tooltip.js"),
    *("views.js", "projection.js", "cube.js", "parallel.js", "pictures.js", "certificate.js"),
    *("drawer.js", "ranges.js", "choices.js", "table.js", "start.js"),
)


def scripts(record: Record, other: Mapping[str, Any] | None = None) -> str:
    """The data and the scripts, inline, so that the page needs no other file. Empty without trials.

    ``other``: what is drawn of another scan.
    """
    if not record.trials:
        return ""
    # "<" as a JSON escape: no name, reason or status can end the element or begin another
    data = json.dumps(
        page_data(record) | ({"other": other} if other else {}), allow_nan=False, separators=(",", ":")
    ).replace("<", "\\u003c")
    folder = Path(__file__).with_name("web")
    names = SCRIPTS if other is None else (*SCRIPTS[:-1], "compared.js", SCRIPTS[-1])
    code = "".join(f"<script>{(folder / name).read_text(encoding='utf-8')}</script>" for name in names)
    return f"<script type='application/json' id='record'>{data}</script>{code}"


def page_data(record: Record) -> dict[str, Any]:
    """The data of the scripts: one list per quantity over the trials shown, None where it is not defined."""
    shown = thin(record.trials, keep=record.pareto)
    place = {trial.number: i for i, trial in enumerate(shown)}
    front = [place[trial.number] for trial in record.pareto]
    best = [front[k] for k in record.maximised(record.pareto).argmax(axis=0)] if front else []
    kinds = list(dict.fromkeys(trial.kind for trial in shown))
    statuses = list(dict.fromkeys(trial.status for trial in shown))
    return {
        "name": record.name,
        "number": [trial.number for trial in shown],
        "columns": columns_of(record, shown),
        "shown": table_columns(record, shown),
        "listed": [*front, *sorted({*range(len(shown))} - {*front})],
        "kinds": [_kind(kind) for kind in kinds],
        "kind": [kinds.index(trial.kind) for trial in shown],
        "statuses": statuses,
        "status": [statuses.index(trial.status) for trial in shown],
        "feasible": [int(trial.is_feasible) for trial in shown],
        "pareto": np.isin(np.arange(len(shown)), front).astype(int).tolist(),
        "first": front[0] if front else -1,
        "best": best,
        "checks": checks_of(shown),
        "constraints": constraints_of(record, shown),
        "reasons": {trial.number: list(trial.reasons) for trial in shown if trial.reasons},
        "hits": {trial.number: list(trial.hits) for trial in record.pareto if trial.hits},
        "states": _states(record),
        "not_drawn": f"This page contains the profiles of {MAX_DRAWN} trials; the others are in states/.",
    }


def _kind(kind: str) -> dict[str, str | int]:
    marker, slot = kind_marker(kind)
    return {"name": kind, "word": kind_words(kind)[0], "marker": marker, "slot": slot}


def _states(record: Record) -> dict[int, dict[str, Any]]:
    """Profile and spectrum of up to `MAX_DRAWN` Pareto-optimal trials, evenly along the front."""
    found = {}
    for trial in thin(record.pareto, keep=[*record.pareto[:1], *shown_trials(record)], at_most=MAX_DRAWN):
        state = state_of(record, trial)
        if any(state.values()):
            found[trial.number] = state
    return found


def state_of(record: Record, trial: Trial) -> dict[str, Any]:
    """Profile and spectrum of a trial as the scripts draw them, None where there is none."""
    profile = _profile(record.state_file(trial), trial.kind, record)
    return {"profile": profile, "spectrum": _spectrum(record.spectra(trial))}


def _profile(path: Path, kind: str, record: Record) -> dict[str, Any] | None:
    """The fields at the nodes of the mesh, read without the model, which may be in a user's file elsewhere."""
    try:
        stored, r, data = read_state_file(path)
    except ValueError:  # missing, or damaged, which the page says
        return None
    names, u = list(data), np.stack(list(data.values()), axis=1)
    labels = [in_plain_text(symbol_of(name, record.theory.symbols)) or name for name in names]
    reach = np.abs(u).max(axis=0)
    r, u = (r, u) if r[0] < 0.0 else (r[: (end := _end(u))], u[:end])
    background = [i for i, name in enumerate(names) if name in record.theory.background]
    named = named_fields(reach, background)
    rest = [i for i in range(len(names)) if i not in named]
    fields = [{"label": labels[i], "special": int(i in background), "values": _rounded(u[:, i])} for i in named]
    fields += [{"label": "", "special": 0, "values": _rounded(u[:, i])} for i in rest if reach[i] > 1e-3 * reach.max()]
    dim = float(stored.get("grid", {}).get("dim", 3))
    dim -= kind == Kind.BOUNCE and dim > 3  # one of them is imaginary time
    unit = {1.0: "field", 3.0: "field [mass]"}.get(dim, f"field [mass^{(dim - 1) / 2:g}]")
    unit = "fields" if issubclass(record.theory, RadialTheory) else unit  # a density has units of its own
    return {
        "r": [float(f"{x:.4g}") for x in r],
        "fields": fields,
        "unit": unit,
        "more": f"{len(rest)} more, smaller" if rest else "",
    }


def _end(u: np.ndarray) -> int:
    """How many nodes show the soliton: half as far again as where the fields reach their values at the edge."""
    far = np.abs(u - u[-1]).max(axis=1) > 2e-3 * np.ptp(u, axis=0).max()
    return min(len(u), 2 + int(1.25 * (np.flatnonzero(far)[-1] + 1))) if far.any() else len(u)


def _rounded(values: np.ndarray) -> list[float]:
    """Rounded to a two-thousandth of the largest, which is less than a pixel."""
    digits = max(0, 4 - math.ceil(math.log10(max(float(np.abs(values).max()), 1e-12))))
    return [round(float(value), digits) for value in values]


def _spectrum(spectra: Mapping[str, Sequence[float]]) -> dict[str, Any] | None:
    """Signed masses: levels below the continuum for each l, and box modes up to 1.5 times the last threshold."""
    if not spectra:
        return None
    edges = signed_mass(np.asarray(spectra.get("continuum", ()), dtype=float))
    edges = np.unique(np.round(edges[np.isfinite(edges)], 5))
    bound = sorted((name for name in spectra if name.startswith("bound_")), key=lambda name: int(name.split("_")[1]))
    columns: list[dict[str, Any]] = [
        {"label": f"ℓ = {name.split('_')[1]}", "values": _levels(signed_mass(np.asarray(spectra[name], dtype=float)))}
        for name in bound
    ]
    box = np.sort(np.asarray(spectra.get("box", ()), dtype=float))
    top = 1.5 * float(edges.max()) if edges.size else math.inf
    near = box[box <= top][:60]
    columns.append({"label": "box, ℓ = 0", "thin": 1, "values": _levels(near)})
    note = "Dashed: continuum thresholds. "
    if box.size:
        note += f"{box.size} box modes from {box[0]:.4g} to {box[-1]:.4g}, {near.size} of them shown."
    return {
        "columns": columns,
        "continuum": _levels(edges),
        "note": note,
        # a zero mode is computed as about +-1e-10 in lambda, with a random sign
        "zero": 1e-3 * float(np.abs(edges).max()) if edges.size else 1e-3,
    }


def _levels(values: np.ndarray) -> list[float]:
    return [float(f"{value:.6g}") for value in values if math.isfinite(value)]
