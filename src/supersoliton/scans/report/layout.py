"""The elements of the page: its first screen, the linked views, the table of trials, the drawer and the definitions."""

from __future__ import annotations

import itertools
import math

import numpy as np

from ...plotting import in_html, in_plain_text, kind_marker, thin
from ...plotting.html import escape, number, table
from .columns import columns_of, headline_of, label_of, meaning_of
from .records import Record, Trial
from .summary import kind_words

_SHAPES = {"o": "●", "P": "✚", "D": "◆", "^": "▲", ">": "▶", "<": "◀", "p": "⬟", "s": "■", "v": "▼", ".": "●"}


def tiles(record: Record) -> str:
    """The row of numbers: trials, solitons, front, time, and the best value of each objective."""
    solitons = [trial for trial in record.trials if trial.is_soliton]
    certified = sum(trial.value("certified") == 1.0 for trial in solitons)
    spent = [trial.seconds for trial in record.trials if math.isfinite(trial.seconds) and not trial.recalled]
    recalled = sum(trial.recalled for trial in record.trials)
    took = [f"{np.median(spent):.2g} s a trial"] if spent else []
    took += [f"{recalled} from the cache"] if recalled else []
    failed = f"{len(record.failed)} failed" if record.failed else "none failed"
    cells = [
        ("trials", str(len(record.trials) + len(record.failed)), failed),
        ("solitons", str(len(solitons)), f"{certified} pass every check"),
        ("on the front", str(len(record.pareto)), f"{len(record.feasible)} feasible")
        if len(record.objectives) > 1
        else ("feasible", str(len(record.feasible)), f"of {len(record.trials)} finished"),
        ("time", _duration(record), " · ".join(took)),
    ]  # fmt: skip
    boxes = "".join(
        f"<div class='tile'><span>{escape(name)}</span><b>{escape(value)}</b><small>{escape(note)}</small></div>"
        for name, value, note in cells
    )
    best = record.maximised(record.pareto).argmax(axis=0) if record.pareto else []
    for k, (name, place) in enumerate(zip(record.objectives, best, strict=False)):
        trial = record.pareto[place]
        boxes += (
            f"<button type='button' class='tile' data-open='{trial.number}'><span>best {_name(record, name)}</span>"
            f"<b>{number(trial.objectives[k])}</b><small>trial {trial.number}</small></button>"
        )
    return f"<div class='tiles'>{boxes}</div>"


def _duration(record: Record) -> str:
    """From the start of the first trial to the end of the last."""
    ends = [trial.datetime_complete for trial in record.frozen if trial.datetime_complete]
    begins = [trial.datetime_start for trial in record.frozen if trial.datetime_start]
    if not (ends and begins):
        return "–"
    seconds = (max(ends) - min(begins)).total_seconds()
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"


def first_screen(record: Record) -> str:
    """The profile of the best trial next to the front."""
    if not record.trials:
        return ""
    return f"<div class='first'>{_best_card(record)}{_front_card(record)}</div>"


def _best_card(record: Record) -> str:
    if not record.pareto:
        return "<div class='card'><h3>No best trial</h3><p>No trial satisfies every constraint.</p></div>"
    trial, certified = record.pareto[0], record.pareto[0].value("certified")
    words = [escape(kind_words(trial.kind)[0])]
    if math.isfinite(certified):
        verdict = ("passes", "✓ passes every check") if certified else ("fails", "✗ fails a check")
        words.append(f"<span class='{verdict[0]}'>{verdict[1]}</span>")
    for name in headline_of(trial):
        unit = record.unit(name)
        words.append(f"{_name(record, name)} = {number(trial.value(name), 5)}{f' {unit}' if unit else ''}")
    facts = "".join(f"<span>{one}</span>" for one in words)
    return (
        f"<div class='card'><h3><button type='button' class='link' data-open='{trial.number}'>Trial {trial.number}"
        f"</button>: best {_name(record, record.objectives[0])}</h3><p class='note facts'>{facts}</p>"
        "<div id='best'></div></div>"
    )


def _front_card(record: Record) -> str:
    """Two objectives against each other; a single one against the only coupling, or against the trials."""
    names = record.objectives
    x = names[0] if len(names) > 1 else record.parameters[0] if len(record.parameters) == 1 else "number"
    y = names[min(1, len(names) - 1)]
    title = "Pareto front" if len(names) > 1 else "All trials"
    return (
        f"<div class='card chart'><h3>{title}</h3>"
        f"{_axes(_choice('x', x), _choice('y', y), _choice('colour', '', 'kind'))}"
        f"{_view('projection', 'all trials', x=x, y=y, height='430')}{_key(record)}</div>"
    )


def _key(record: Record) -> str:
    """What the marks mean: the kinds that were found, hollow, ringed."""
    entries = "".join(
        f"<li><span style='color:var(--kind-{kind_marker(kind)[1]})'>{_SHAPES[kind_marker(kind)[0]]}</span> "
        f"{escape(kind_words(kind)[0])}</li>"
        for kind in dict.fromkeys(trial.kind for trial in record.trials)
    )
    ringed = f"<li>ringed: {'Pareto-optimal' if len(record.objectives) > 1 else 'best'}</li>" if record.pareto else ""
    hollow = "<li>hollow: violates a constraint</li>" if any(not t.is_feasible for t in record.trials) else ""
    return f"<ul class='legend'>{entries}{hollow}{ringed}</ul>"


def pairs(record: Record) -> str:
    """Three columns as a cube, and every pair of objectives."""
    names = [*record.objectives, *record.parameters]
    flat = "".join(
        _view("projection", f"{record.label(y)} over {record.label(x)}", x=x, y=y)
        for x, y in itertools.combinations(record.objectives, 2)
    )
    cube = ""
    if len(names) >= 3:
        axes = dict(zip("xyz", names, strict=False))
        drawn = _view("cube", "all trials in three dimensions", **axes)
        cube = (
            f"<div class='chart'>{_axes(*(_choice(axis, name) for axis, name in axes.items()))}{drawn}"
            "<p class='note hint'>Drag or use the arrow keys to rotate, Ctrl and the wheel or + and − to zoom, "
            "double-click to reset the view.</p></div>"
        )
    return f"<div class='columns'>{cube}<div class='flats'>{flat}</div></div>" if cube or flat else ""


def results_over_couplings(record: Record) -> str:
    """One result over every coupling, and over two of them as a colour."""
    if not record.trials or not record.parameters:
        return ""
    result = record.objectives[0]
    slices = "".join(
        _view("projection", f"{result} over {name}", x=name, y=result, height="240") for name in record.parameters
    )
    chosen = _axes(_choice("y", result, words="result"))
    text = f"<div class='chart'>{chosen}<div class='flats'>{slices}</div></div>"
    if len(record.parameters) < 2:
        return text
    x, y = record.parameters[:2]
    chosen = _axes(_choice("x", x), _choice("y", y), _choice("colour", result, "kind"))
    drawn = _view("projection", "a result over two couplings", x=x, y=y, colour=result, height="380")
    return f"{text}<div class='chart map'><h3>A result over two couplings</h3>{chosen}{drawn}</div>"


def histories(record: Record) -> str:
    """Every objective over the trials, with the best so far."""
    if not record.trials:
        return ""
    drawn = "".join(
        _view("projection", f"{name} over the trials", x="number", y=name, best="1", height="240")
        for name in record.objectives
    )
    return f"<div class='flats'>{drawn}</div><p class='note hint'>Line: the best value so far.</p>"


def trials(record: Record) -> str:
    """Parallel coordinates with the ranges that filter, the table with its buttons, and the trials that failed."""
    if not record.trials:
        return _failures(record)
    lines = ""
    if len(record.objectives) + len(record.parameters) > 1:
        lines = _view("parallel", "parallel coordinates of all trials")
    first, front = escape(record.objectives[0]), f"the front ({len(record.pareto)})"
    ranges = (
        f"<form id='ranges' class='axes hint'><label>range of <select name='column' data-value='{first}'></select>"
        "</label><label>from <input name='from' type='number' step='any'></label><label>to <input name='to' "
        "type='number' step='any'></label><button>filter</button><span class='note'>or drag along an axis; every "
        "picture and the table follow.</span></form><p id='chosen' role='status'></p>"
    )
    which = [("front", front)] * bool(record.pareto) + [("feasible", f"feasible ({len(record.feasible)})")]
    options = "".join(f"<option value='{value}'>{words}</option>" for value, words in [*which, ("all", "all")])
    buttons = (
        f"<div class='axes hint'><label>show <select id='which'>{options}</select></label><details><summary>columns"
        "</summary><div id='columns'></div></details><button type='button' id='csv'>download as CSV</button><span "
        "class='note'>All trials with all digits: <a href='trials.csv'>trials.csv</a></span></div>"
    )
    still = f"<noscript>{_still_table(record)}</noscript>"
    return f"{lines}{ranges}{_thinned(record)}{buttons}<div id='table'></div>{still}{_failures(record)}"


def _thinned(record: Record) -> str:
    """A note where not all trials are on the page."""
    shown = len(thin(record.trials, keep=record.pareto))
    if shown == len(record.trials):
        return ""
    return (
        f"<p class='note'>{shown} of {len(record.trials)} trials are drawn here: all {len(record.pareto)} "
        "Pareto-optimal ones, and an even sample of the others. Counts and the other sections include all trials "
        "unless stated otherwise.</p>"
    )


def _still_table(record: Record) -> str:
    """The front for a browser that runs no scripts."""
    head = ["trial", *map(record.label, record.objectives), *record.parameters, "kind"]
    rows = (
        [str(t.number), *map(number, t.objectives),
         *(number(t.couplings.get(name, math.nan)) for name in record.parameters), escape(t.kind)]
        for t in (record.pareto or record.trials)[:50]
    )  # fmt: skip
    return table([escape(title) for title in head], rows)


def _failures(record: Record) -> str:
    """The trials that failed, by reason."""
    if not record.failed:
        return ""
    reasons: dict[str, list[int]] = {}
    for trial, why in record.failed.items():
        reasons.setdefault(why, []).append(trial)
    rows = [
        [str(len(found)), escape(", ".join(map(str, found[:10])) + (", …" if len(found) > 10 else "")), escape(why)]
        for why, found in sorted(reasons.items(), key=lambda item: -len(item[1]))[:50]
    ]
    return f"<h3>Failed trials</h3>{table(['trials', 'numbers', 'reason'], rows)}"


def drawer() -> str:
    """The drawer of a trial, filled by the scripts."""
    buttons = "".join(
        f"<button type='button' id='{name}' aria-label='{words}'>{sign}</button>"
        for name, words, sign in (
            ("previous", "previous trial", "‹"),
            ("next", "next trial", "›"),
            ("close", "close", "close ×"),
        )
    )
    return (
        f"<aside id='drawer' role='dialog' aria-label='trial' tabindex='-1' hidden><p class='bar-of-drawer'>{buttons}"
        "</p><div id='trial' aria-live='polite'></div></aside>"
    )


def definitions(record: Record) -> str:
    """Every column of the page with its symbol, name, unit and meaning."""
    rows = [
        [in_html(one["label"]), *(escape(one[key] or "–") for key in ("name", "unit", "meaning"))]
        for one in columns_of(record, record.trials[:50])
    ]
    listed = table(["", "name", "unit", "meaning"], rows)
    return f"<details><summary>{len(rows)} numbers of a trial</summary>{listed}</details>" if record.trials else ""


def point(record: Record, trial: Trial) -> str:
    """The couplings of a trial."""
    return "".join(
        f"<span>{_name(record, name)} = {number(value, 6)}</span>" for name, value in trial.couplings.items()
    )


def plain(record: Record, name: str) -> str:
    """The symbol of a number, or its name in words, as plain text."""
    return in_plain_text(label_of(record, name))


def _axes(*choices: str) -> str:
    return f"<div class='axes'>{''.join(choices)}</div>"


def _view(kind: str, label: str, **data: str) -> str:
    given = "".join(f" data-{name}='{escape(value)}'" for name, value in data.items())
    return f"<div class='view' data-view='{kind}' data-label='{escape(label)}'{given}></div>"


def _choice(axis: str, name: str, none: str = "", words: str = "") -> str:
    empty = f" data-none='{none}'" if none else ""
    return f"<label>{words or axis} <select data-axis='{axis}' data-value='{escape(name)}'{empty}></select></label>"


def _name(record: Record, name: str) -> str:
    """The symbol or words of a number, with its definition on hover."""
    meaning = meaning_of(record, name)
    title = f" class='defined' title='{escape(meaning)}'" if meaning else ""
    return f"<span{title}>{in_html(label_of(record, name))}</span>"
