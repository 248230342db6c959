"""The report of a scan: one self-contained HTML page, and its pictures as SVG files."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ...machine.atomic_write import write_atomically
from ...plotting import axis_label, kind_marker, page_figure
from ...plotting.html import escape, number, style, table
from ...states.kinds import Kind
from ..axes import in_words
from ..record.folder import REPORT, REPORT_COVERS, RESOLVED
from ..trial import is_finished
from . import figures, linked, refinement, slopes, states, verification
from .analysis import MAX_FOR_IMPORTANCE, MIN_TRIALS_FOR_IMPORTANCE, growth, importances
from .records import Record, Trial, read_record
from .summary import constraint_words, count_words, join_words, null_percentiles, scored_trials, summary_sentences

MAX_SHOWN = 4  # trials whose profile and spectrum are drawn
MAX_LISTED = 200  # longer lists of trials are left to trials.csv


def write_report(run_dir: Path, storage: str = "", *, trust: bool = False) -> Path:
    """Write ``report.html`` into a scan's folder, its pictures into ``report/``, and return the page's path.

    ``trust``: import the theory and the scores that only the folder's files name.

    Raises
    ------
    ValueError : if the folder holds no readable study.
    """
    run_dir = Path(run_dir)
    record = read_record(run_dir, storage, trust=trust)
    gallery = _Gallery(run_dir / "report")
    shown = shown_trials(record)
    computed = states.compute(record, shown, gallery.folder)
    sections = [
        ("Summary", _summary(record)),
        ("Pareto front", _pareto(record, gallery)),
        ("Best trials", _best(record, shown, computed, gallery)),
        ("Slopes in the couplings", slopes.section(record, computed.slopes)),
        ("Predictions of the surrogate", verification.section(record)),
        ("Scores compared with random spectra", _null(record, gallery)),
        ("Importance of the couplings", _importance(record, gallery)),
        ("Progress", _progress(record, gallery)),
        ("Reproduce this scan", _reproduce(record)),
        ("All trials", _all_trials(record)),
    ]
    path = run_dir / REPORT
    write_atomically(path, _page(record, [(title, body) for title, body in sections if body]))
    return path


class _Gallery:
    """Draws figures, saves them as SVG files, and returns the HTML that shows them in the colours of the page."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        for kind in ("png", "svg"):  # pictures of an earlier report
            for old in folder.glob(f"*.{kind}"):
                old.unlink()

    def show(self, name: str, alt: str, figure: Figure) -> str:
        return page_figure(figure, self.folder / f"{name}.svg", alt)


def _page(record: Record, sections: list[tuple[str, str]]) -> str:
    title = f"Scan {escape(record.name)}"
    anchors = [(heading, heading.lower().replace(" ", "-")) for heading, _ in sections]
    links = "".join(f"<a href='#{anchor}'>{heading}</a>" for heading, anchor in anchors)
    body = "".join(
        f"<section id='{anchor}'><h2>{heading}</h2>{content}</section>"
        for (heading, anchor), (_, content) in zip(anchors, sections, strict=True)
    )
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"{REPORT_COVERS.format(sum(is_finished(trial) for trial in record.frozen))}"
        f"<title>{title} – supersoliton</title>{style()}</head><body>"
        f"<header><h1>{title}</h1><p class='lead'>{_lead(record)}</p><nav>{links}</nav></header>"
        f"<main>{body}</main>{linked.scripts(record)}</body></html>\n"
    )


def _lead(record: Record) -> str:
    dates = [t.datetime_start for t in record.frozen if t.datetime_start]
    day = f" Started {min(dates):%Y-%m-%d %H:%M}." if dates else ""
    up = [record.label(name) for name in record.objectives if name not in record.minimised]
    goals = [f"{words}: {escape(join_words(names))}." for words, names in
             (("Maximised", up), ("Minimised", [*map(record.label, record.minimised)])) if names]  # fmt: skip
    return f"{' '.join(goals)}{day} Natural units: lengths in 1/mass, energies in mass."


def _summary(record: Record) -> str:
    said = [*summary_sentences(record), *verification.sentences(record)[:1], *refinement.sentences(record)]
    text = "".join(f"<p>{escape(sentence)}</p>" for sentence in said)
    counts = record.counts() | ({"failed": len(record.failed)} if record.failed else {})
    total = sum(counts.values())
    if not total:
        return f"<div class='summary'>{text}</div>"
    bar, legend = "", ""
    for kind, count in counts.items():
        colour = f"var(--kind-{kind_marker(kind)[1]})" if kind != "failed" else "var(--ink)"
        bar += f"<span style='width:{100 * count / total:.3f}%;background:{colour}'></span>"
        legend += f"<li><span class='swatch' style='background:{colour}'></span>{escape(count_words(count, kind))}</li>"
    return f"<div class='summary'>{text}</div><div class='bar'>{bar}</div><ul class='legend'>{legend}</ul>"


def _pareto(record: Record, gallery: _Gallery) -> str:
    if not record.trials:
        return ""
    drawn = gallery.show("pareto", "the objectives of all trials", figures.pareto_projections(record))
    still = "<p class='note'>Hollow: at least one constraint is violated. Ringed: Pareto-optimal.</p>"
    return f"{linked.views(record)}<noscript>{drawn}{still}</noscript>{_pareto_table(record)}"


# Recorded numbers of every theory in the table of the best trials; those that no trial has are left out.
_FACTS = {
    "omega": "ω",
    "charge": "Q",
    "charged_energy": "E_Q",
    "energy_per_charge": "E_Q / (m Q)",
    "charge_slope": "dQ/dω",
    "modes_at_fixed_charge": "negative modes at fixed charge",
}


def _pareto_table(record: Record) -> str:
    if not record.pareto:
        return "<p>No trial satisfies every constraint, so there is no Pareto front. The plots show all trials.</p>"
    own = {name: column.label for name, column in record.columns.items() if column.in_table}
    bounces = all(trial.kind == Kind.BOUNCE for trial in record.pareto)
    extra = {**_FACTS, "energy": "S" if bounces else "E[f]", **own, "residual": "residual"}
    extra |= {"negative_modes": "negative modes at fixed norm"}
    known = [name for name in extra if any(math.isfinite(trial.value(name)) for trial in record.pareto)]
    extra = {name: extra[name] for name in known if name not in record.objectives}
    head = ["trial", *map(record.label, record.objectives), *record.parameters, "kind", *extra.values()]
    shown = record.pareto[:MAX_LISTED]
    rows = (
        [
            str(trial.number),
            *(f"<b>{number(value)}</b>" for value in trial.objectives),
            *(number(trial.couplings.get(name, float("nan"))) for name in record.parameters),
            escape(trial.kind),
            *(number(trial.value(name), 2 if name == "residual" else 4) for name in extra),
        ]
        for trial in shown
    )
    more = len(record.pareto) - len(shown)
    note = f"<p class='note'>{more} more Pareto-optimal trials are in <code>trials.csv</code>.</p>" if more else ""
    meanings = [f"{column.label}: {column.meaning}" for name, column in record.columns.items()
                if column.meaning and (name in record.objectives or name in own)]  # fmt: skip
    note += f"<p class='note'>{escape('; '.join(meanings))}.</p>" if meanings else ""
    return table([_heading(title) for title in head], rows, trials=[trial.number for trial in shown]) + note


def _heading(title: str) -> str:
    """The name of a column, with line breaks allowed after underscores, as names are wider than most numbers."""
    return escape(title).replace("_", "_<wbr>")


_MODES_NOTE = (
    "<p class='note'>At fixed norm the modes are those of L₊ = δ²E/δu² − ω². A stable Q-ball has exactly one negative "
    "mode at ℓ = 0, which changes N, and dQ/dω &lt; 0. The zero mode at ℓ = 1 is the translation.</p>"
)


def shown_trials(record: Record) -> list[Trial]:
    """The trials under "Best trials": the best in each objective first, then further Pareto-optimal ones."""
    best = [record.pareto[i] for i in record.maximised(record.pareto).argmax(axis=0)] if record.pareto else []
    return list({trial.number: trial for trial in [*best, *record.pareto]}.values())[:MAX_SHOWN]


def _best(record: Record, shown: Sequence[Trial], computed: states.Computed, gallery: _Gallery) -> str:
    parts = []
    for trial in shown:
        profile = computed.profiles.get(trial.number)
        spectra = record.spectra(trial)
        if not profile and not spectra:
            continue
        stem = f"trial_{trial.number:05d}"
        parts.append(
            f"<article><h3>Trial {trial.number}: {_why_shown(record, trial)}</h3><p class='note'>{_point(trial)}</p>"
        )
        if trial.hits:
            parts.append(f"<p class='note'>Targets hit: {escape('; '.join(trial.hits))}.</p>")
        if isinstance(profile, states.Why):
            parts.append(f"<p class='note'>The profile cannot be drawn: {escape(profile)}.</p>")
        elif profile:
            parts.append(profile)
        if spectra:
            drawn = figures.spectrum_figure(spectra)
            parts.append(gallery.show(f"{stem}_spectrum", f"spectra of trial {trial.number}", drawn))
        parts.append("</article>")
    if parts:
        parts.insert(0, _MODES_NOTE)
    more = len(record.pareto) - len(shown)
    if parts and more > 0:
        parts.append(f"<p class='note'>{more} more Pareto-optimal trials are stored in <code>states/</code>.</p>")
    return "".join(parts)


def _why_shown(record: Record, trial: Trial) -> str:
    best = [
        record.label(name)
        for i, name in enumerate(record.objectives)
        if trial.objectives[i] * record.signs[i] >= record.maximised(record.pareto)[:, i].max()
    ]
    return escape(f"best {join_words(best)}" if best else "Pareto-optimal")


def _point(trial: Trial) -> str:
    return escape(", ".join(f"{name} = {number(value, 6)}" for name, value in trial.couplings.items()))


def _null(record: Record, gallery: _Gallery) -> str:
    group = scored_trials(record)
    if not null_percentiles(group).size:
        return ""
    which = "feasible trials" if record.feasible else "converged trials (none is feasible)"
    shown = gallery.show("null", "percentiles of the scores", figures.null_histogram(group))
    return (
        "<p>The fractal score of each spectrum is compared with two nulls: random log-uniform spectra of equal count "
        "and span (filled), and spectra of equal shape (line), with the same continuum and lightest mass and as many "
        f"bound masses at random. If the spectra of the {which} were random, the histogram would be flat.</p>{shown}"
    )


def _importance(record: Record, gallery: _Gallery) -> str:
    shares = importances(record)
    if not shares:
        few = len(record.parameters) > 1 and 0 < len(record.trials) < MIN_TRIALS_FOR_IMPORTANCE
        return f"<p>Shown once {MIN_TRIALS_FOR_IMPORTANCE} trials are finished.</p>" if few else ""
    many = len(record.feasible or record.trials) > MAX_FOR_IMPORTANCE
    thinned = f", an even sample of {len(record.feasible or record.trials)}" if many else ""
    shown = gallery.show("importance", "importance of the couplings", figures.importance_bars(shares))
    return (
        "<p>The share of each coupling in deciding whether a trial reaches the best tenth of an objective (PED-ANOVA, "
        "Watanabe et al. 2023), less that of as many trials chosen at random and 0 if no larger, with its standard "
        f"error, from {min(len(record.trials), MAX_FOR_IMPORTANCE)} trials{thinned}. "
        f"{escape(' '.join(in_words(record.unchanged)))}</p>{shown}"
    )


def _progress(record: Record, gallery: _Gallery) -> str:
    numbers, values, label = growth(record)
    if not numbers:
        return ""
    meaning = (
        "<p>Hypervolume of the Pareto front relative to the worst feasible values, normalised so that 1 would mean one "
        "trial that is best in every objective.</p>"
    )
    shown = gallery.show("progress", label, figures.history(numbers, values, axis_label(label)))
    return (meaning if len(record.objectives) > 1 else "") + shown


def _reproduce(record: Record) -> str:
    scan: Mapping[str, Any] = record.config.get("scan", {})
    rows = [[escape(name), *_range(spec)] for name, spec in scan.get("parameters", {}).items()]
    text = table(["coupling", "from", "to", "scale"], rows) if rows else ""
    facts = {
        "sampler": scan.get("sampler"),
        "seed": scan.get("seed"),
        "trials asked for": scan.get("trials"),
        "workers": scan.get("workers"),
        **record.config.get("versions", {}),
    }
    text += table(["", ""], [[escape(k), escape(v)] for k, v in facts.items() if v is not None], classes="facts")
    if record.config_text:
        file = shlex.quote(str(record.folder / RESOLVED))
        version = record.config.get("versions", {}).get("supersoliton", "")
        install = f"# supersoliton {version}, the other versions as above\n" if version else ""
        text += (
            "<p>The configuration below contains the value of every setting, including the seed. With one worker the "
            "same seed draws the same trials; with more workers, the order in which trials end affects what the "
            "sampler draws next.</p>"
            f"<pre><code>{escape(f'{install}supersoliton scan {file} --out again')}</code></pre>"
            f"<details><summary>config.resolved.toml</summary><pre><code>{escape(record.config_text)}</code></pre></details>"
        )
    return text


def _range(spec: Any) -> list[str]:
    """``[low, high]`` or ``{low, high, log}`` of the configuration as table cells."""
    low, high = (spec["low"], spec["high"]) if isinstance(spec, Mapping) else spec
    log = isinstance(spec, Mapping) and spec.get("log", False)
    return [number(float(low)), number(float(high)), "logarithmic" if log else "linear"]


def _all_trials(record: Record) -> str:
    if len(record.trials) + len(record.failed) > MAX_LISTED:
        return f"<p>See <code>trials.csv</code> for all {len(record.trials)} trials, one row each.</p>"
    rows = []
    for trial in record.trials:
        broken = [name for name, value in trial.constraints.items() if not value <= 0]
        words = "; ".join([*trial.reasons, *([] if trial.status == "converged" else [trial.status])])
        rows.append(
            [
                str(trial.number),
                escape(trial.kind),
                *(number(value) for value in trial.objectives),
                *(number(trial.couplings.get(name, float("nan"))) for name in record.parameters),
                escape(", ".join(broken)) or "none",
                number(trial.seconds, 2),
                escape(words) or "–",
            ]
        )
    blank = [""] * (len(record.objectives) + len(record.parameters))
    rows += [[str(n), "failed", *blank, "", "", escape(why)] for n, why in record.failed.items()]
    head = ["trial", "kind", *map(record.label, record.objectives), *record.parameters,
            "violated constraints", "seconds", "remarks"]  # fmt: skip
    demands = constraint_words(record)
    asked = [name for trial in record.trials[:1] for name in trial.constraints if name in demands]
    meaning = "; ".join(f"{name}: {demands[name]}" for name in asked)
    note = f"<p class='note'>Constraints: {escape(meaning)}.</p>" if meaning else ""
    numbers = [*(trial.number for trial in record.trials), *record.failed]
    return table([_heading(title) for title in head], rows, classes="all", trials=numbers) + note
