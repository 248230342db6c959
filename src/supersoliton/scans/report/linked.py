"""The linked views of the page: the data of each trial, and the elements in which the scripts draw them.

The scripts in `web/` draw the trials on canvases, without a library, the network or WebGL. A hundred thousand numbers
take a megabyte; beyond `plotting.MAX_POINTS` trials dominated ones are thinned, and a note says so.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...plotting import field_label, kind_marker, named_fields, signed_mass, thin, wants_log
from ...plotting.html import escape
from ...states.state_file import read_state_file
from ...theory.radial import RadialTheory
from .records import Record, Trial
from .summary import kind_words

MAX_DRAWN = 150  # Pareto-optimal trials whose profile and spectrum are on the page, 3 to 8 kB each
SCRIPTS = ("scales.js", "views.js", "details.js", "start.js")

# Numbers that the panel shows in any theory: name in the record -> (label, significant digits).
_FACTS = {
    "omega": ("ω [mass]", 6),
    "charge": ("Q", 6),
    "charged_energy": ("E_Q [mass]", 8),
    "energy_per_charge": ("E_Q / (m_free Q)", 5),
    "charge_slope": ("dQ/dω [1/mass]", 5),
    "modes_at_fixed_charge": ("negative modes at fixed charge", 3),
    "energy": ("E[f], static functional [mass]", 8),
    "norm": ("N [1/mass]", 6),
    "multiplier": ("ω² [mass²]", 6),
    "size": ("size", 4),
    "residual": ("residual", 2),
    "discretisation": ("discretisation", 2),
    "box": ("box", 2),
    "virial": ("virial", 2),
    "negative_modes": ("negative modes at fixed norm", 3),
    "translation_mode": ("translation mode", 2),
    "boundary_fraction": ("norm in the outer tenth", 2),
}


def views(record: Record) -> str:
    """The elements of the page that the scripts fill; empty without trials."""
    if not record.trials:
        return ""
    shown = thin(record.trials, keep=record.pareto)
    names = [*record.objectives, *record.parameters]
    thinned = ""
    if len(shown) < len(record.trials):
        thinned = (
            f"<p class='note'>{len(shown)} of {len(record.trials)} trials are drawn here: all {len(record.pareto)} "
            "Pareto-optimal ones, and an even sample of the others. Counts and the plots of the other sections "
            "include all trials unless stated otherwise.</p>"
        )
    pairs = [*itertools.combinations(record.objectives, 2)]
    flat = "".join(
        f"<div class='view flat' data-view='projection' data-x='{escape(x)}' data-y='{escape(y)}' "
        f"data-label='{escape(record.label(y))} over {escape(record.label(x))}, all trials'></div>"
        for x, y in pairs
    )
    cube = _cube(names) if len(names) >= 3 else ""
    lines = (
        "<h3>Couplings and objectives</h3><div class='view' data-view='parallel' data-label='parallel coordinates of "
        "all trials'></div><p class='note'><span id='chosen' role='status'></span><button id='clear' hidden>show all"
        "</button> <span class='hint'>Drag along an axis to filter trials in all plots. Hover over a line to see its "
        "trial.</span></p>"
        if len(names) >= 2
        else ""
    )
    return (
        f"<div class='linked'><div>{_key(shown, record)}{cube}<div class='flats'>{flat}</div>{lines}{thinned}</div>"
        "<aside><label>Show trial <input id='pick' type='number' min='0' inputmode='numeric'></label>"
        "<div id='trial' aria-live='polite'></div></aside></div>"
    )


def _cube(names: Sequence[str]) -> str:
    def options(chosen: int) -> str:
        return "".join(
            f"<option value='{escape(name)}'{' selected' if k == chosen else ''}>{escape(name)}</option>"
            for k, name in enumerate(names)
        )

    choosers = "".join(
        f"<label>{letter} <select data-axis='{axis}'>{options(axis)}</select></label>"
        for axis, letter in enumerate("xyz")
    )
    return (
        f"<div><div class='axes'>{choosers}</div><div class='view' data-view='cube' "
        f"data-axes='{escape(json.dumps(list(names[:3])))}' data-label='all trials in three dimensions'></div>"
        "<p class='note hint'>Hover over a trial to see it in the panel; click to pin it. Drag or use the arrow keys "
        "to rotate, Ctrl and the wheel or + and − to zoom, double-click to reset the view.</p></div>"
    )


def _key(shown: Sequence[Trial], record: Record) -> str:
    kinds = dict.fromkeys(trial.kind for trial in shown)
    shapes = {"o": "●", "P": "✚", "D": "◆", "^": "▲", ">": "▶", "<": "◀", "p": "⬟", "s": "■", "v": "▼", ".": "●"}
    entries = "".join(
        f"<li><span style='color:var(--kind-{kind_marker(kind)[1]})'>"
        f"{shapes[kind_marker(kind)[0]]}</span> {escape(kind_words(kind)[0])}</li>"
        for kind in kinds
    )
    ringed = f"<li>ringed: {'Pareto-optimal' if len(record.objectives) > 1 else 'best'}</li>" if record.pareto else ""
    hollow = "<li>hollow: violates a constraint</li>" if any(not t.is_feasible for t in shown) else ""
    return f"<ul class='legend'>{entries}{hollow}{ringed}</ul>"


def scripts(record: Record) -> str:
    """The data and the scripts, inline, so that the page needs no other file. Empty without trials."""
    if not record.trials:
        return ""
    # "<" as a JSON escape: no name, reason or status can end the element or begin another
    data = json.dumps(page_data(record), allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    folder = Path(__file__).with_name("web")
    code = "".join(f"<script>{(folder / name).read_text(encoding='utf-8')}</script>" for name in SCRIPTS)
    return f"<script type='application/json' id='record'>{data}</script>{code}"


def page_data(record: Record) -> dict[str, Any]:
    """The data of the scripts: one list per quantity over the trials shown, None where it is not defined."""
    shown = thin(record.trials, keep=record.pareto)
    best = {trial.number for trial in record.pareto}
    kinds = list(dict.fromkeys(trial.kind for trial in shown))
    statuses = list(dict.fromkeys(trial.status for trial in shown))
    ranges = record.config.get("scan", {}).get("parameters", {})
    own = {name: (column.label, column.digits) for name, column in record.columns.items()}
    facts = [
        {"label": words, "digits": digits, "values": [_number(t.value(name), digits + 1) for t in shown]}
        for name, (words, digits) in {**_FACTS, **own}.items()
        if name not in record.objectives
        and name not in record.parameters
        and any(math.isfinite(t.value(name)) for t in shown)
    ]
    return {
        "number": [trial.number for trial in shown],
        "objectives": [_objective(record, shown, k, name) for k, name in enumerate(record.objectives)],
        "parameters": [_parameter(shown, name, ranges.get(name)) for name in record.parameters],
        "kinds": [_kind(kind) for kind in kinds],
        "kind": [kinds.index(trial.kind) for trial in shown],
        "statuses": statuses,
        "status": [statuses.index(trial.status) for trial in shown],
        "feasible": [int(trial.is_feasible) for trial in shown],
        "pareto": [int(trial.number in best) for trial in shown],
        "certified": [_number(trial.value("certified"), 1) for trial in shown],
        "reasons": {trial.number: "; ".join(_why_not(trial)) for trial in shown if _why_not(trial)},
        "facts": facts,
        "hits": {trial.number: "; ".join(trial.hits) for trial in record.pareto if trial.hits},
        "states": _states(record),
        "not_drawn": f"This page contains the profiles of {MAX_DRAWN} trials; the others are in states/.",
        "first": next((i for i, trial in enumerate(shown) if record.pareto and trial is record.pareto[0]), -1),
    }


def _why_not(trial: Trial) -> list[str]:
    broken = [name.replace("_", " ") for name, value in trial.constraints.items() if not value <= 0]
    return [*trial.reasons, *([f"violated constraints: {', '.join(broken)}"] if broken else [])]


def _objective(record: Record, shown: Sequence[Trial], k: int, name: str) -> dict[str, Any]:
    values = [trial.objectives[k] for trial in shown]
    column = _column(name, values, log=wants_log([v for v in values if math.isfinite(v)]))
    return column | {"label": record.label(name), "is_objective": True}


def _parameter(shown: Sequence[Trial], name: str, spec: Any) -> dict[str, Any]:
    values = [trial.couplings.get(name, math.nan) for trial in shown]
    column = _column(name, values, log=isinstance(spec, Mapping) and bool(spec.get("log", False)))
    if spec is not None:
        low, high = (spec["low"], spec["high"]) if isinstance(spec, Mapping) else spec
        inside = all(low <= value <= high for value in values if math.isfinite(value))
        column |= {"low": float(low), "high": float(high)} if inside else {}  # the ranges may have been changed
    return column


def _column(name: str, values: Sequence[float], *, log: bool) -> dict[str, Any]:
    return {"name": name, "label": name, "log": log, "values": [_number(value, 7) for value in values]}


def _kind(kind: str) -> dict[str, str | int]:
    marker, slot = kind_marker(kind)
    return {"name": kind, "word": kind_words(kind)[0], "marker": marker, "slot": slot}


def _states(record: Record) -> dict[int, dict[str, Any]]:
    """Profile and spectrum of up to `MAX_DRAWN` Pareto-optimal trials, evenly along the front."""
    found = {}
    for trial in thin(record.pareto, keep=record.pareto[:1], at_most=MAX_DRAWN):
        profile, spectrum = _profile(record.state_file(trial), record), _spectrum(record.spectra(trial))
        if profile or spectrum:
            found[trial.number] = {"profile": profile, "spectrum": spectrum}
    return found


def _profile(path: Path, record: Record) -> dict[str, Any] | None:
    """The fields at the nodes of the mesh, read without the model, which may be in a user's file elsewhere."""
    try:
        stored, r, data = read_state_file(path)
    except ValueError:  # missing, or damaged, which the page says
        return None
    names, u = list(data), np.stack(list(data.values()), axis=1)
    reach = np.abs(u).max(axis=0)
    background = [i for i, name in enumerate(names) if name in record.theory.background]
    named = named_fields(reach, background)
    rest = [i for i in range(len(names)) if i not in named]
    fields = [
        {"label": _plain(names[i], record), "special": int(i in background), "values": _rounded(u[:, i])} for i in named
    ]
    fields += [{"label": "", "special": 0, "values": _rounded(u[:, i])} for i in rest if reach[i] > 1e-3 * reach.max()]
    dim = float(stored.get("grid", {}).get("dim", 3))
    unit = {1.0: "field", 3.0: "field [mass]"}.get(dim, f"field [mass^{(dim - 1) / 2:g}]")
    unit = "fields" if issubclass(record.theory, RadialTheory) else unit  # a density has units of its own
    return {
        "r": [float(f"{x:.4g}") for x in r],
        "fields": fields,
        "unit": unit,
        "more": f"{len(rest)} more, smaller" if rest else "",
    }


def _rounded(values: np.ndarray) -> list[float]:
    """Rounded to a two-thousandth of the largest, which is less than a pixel."""
    digits = max(0, 4 - math.ceil(math.log10(max(float(np.abs(values).max()), 1e-12))))
    return [round(float(value), digits) for value in values]


def _plain(name: str, record: Record) -> str:
    """``chi_3`` -> χ₃, for text without mathematics."""
    label = field_label(name, record.theory.symbols)
    if not label.startswith("$"):
        return name
    stem, _, index = label.strip("$").partition("_")
    subscript = index.strip("{}").translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
    return stem + subscript


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


def _number(value: float, digits: int) -> float | None:
    """Rounded to `digits`, to keep the page small; None for NaN, which JSON lacks."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None
