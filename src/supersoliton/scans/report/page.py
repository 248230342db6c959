"""The report of a scan: one self-contained HTML page, and its pictures as SVG files."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ...machine.atomic_write import write_atomically
from ...plotting import axis_label, kind_marker, page_figure, save_figure
from ...plotting.html import escape, number, style, table
from ..axes import in_words
from ..record.folder import REPORT, REPORT_COVERS, RESOLVED
from ..trial import is_finished
from . import comparison, figures, layout, linked, refinement, slopes, states, verification
from .analysis import MAX_FOR_IMPORTANCE, MIN_TRIALS_FOR_IMPORTANCE, growth, importances
from .records import Record, Trial, read_record, shown_trials
from .summary import count_words, is_scored, join_words, null_percentiles, scored_trials, summary_sentences


def write_report(run_dir: Path, storage: str = "", *, trust: bool = False, compare: Path | None = None) -> Path:
    """Write ``report.html`` into a scan's folder, its pictures into ``report/``, and return the page's path.

    ``trust``: import the theory and the scores that only the folder's files name. ``compare``: the folder of another
    scan, which the page then shows next to this one.

    Raises
    ------
    ValueError : if the folder holds no readable study.
    """
    run_dir = Path(run_dir)
    record = read_record(run_dir, storage, trust=trust)
    other = None if compare is None else read_record(Path(compare), trust=trust)
    gallery = _Gallery(run_dir / "report")
    shown = shown_trials(record)
    computed = states.compute(record, shown, gallery.folder)
    sections = [
        ("Summary", "Summary", _summary(record)),
        ("Compared", "Compared with another scan", comparison.section(record, other) if other else ""),
        ("Trials", "Trials", layout.trials(record)),
        ("Couplings", "Results over couplings", layout.results_over_couplings(record)),
        ("Objectives", "Objectives in pairs and in three dimensions", _objectives(record, gallery)),
        ("Best trials", "Best trials", _best(record, shown, computed, gallery)),
        ("Slopes", "Slopes in the couplings", slopes.section(record, computed.slopes)),
        ("Surrogate", "Predictions of the surrogate", verification.section(record)),
        ("Null", "Scores compared with random spectra", _null(record, gallery)),
        ("Importance", "Importance of the couplings", _importance(record, gallery)),
        ("Progress", "Progress", _progress(record, gallery)),
        ("Reproduce", "Reproduce this scan", _reproduce(record)),
        ("Definitions", "Definitions", layout.definitions(record)),
    ]
    path = run_dir / REPORT
    drawn = comparison.data_of(record, other) if other else None
    write_atomically(
        path, _page(record, [section for section in sections if section[-1]], linked.scripts(record, drawn))
    )
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

    def save(self, name: str, figure: Figure) -> str:
        """Write a figure that the page does not show, and return its path from the page."""
        save_figure(figure, self.folder / f"{name}.svg")
        return f"{self.folder.name}/{name}.svg"


def _page(record: Record, sections: list[tuple[str, str, str]], scripts: str) -> str:
    title = f"Scan {escape(record.name)}"
    anchors = [short.lower().replace(" ", "-") for short, _, _ in sections]
    links = "".join(f"<a href='#{anchor}'>{short}</a>" for (short, _, _), anchor in zip(sections, anchors, strict=True))
    if record.trials:
        links += "<label class='hint'>trial <input id='pick' type='number' min='0' inputmode='numeric'></label>"
    body = "".join(
        f"<section id='{anchor}'><h2>{heading}</h2>{content}</section>"
        for anchor, (_, heading, content) in zip(anchors, sections, strict=True)
    )
    sheet = (Path(__file__).with_name("web") / "report.css").read_text(encoding="utf-8")
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"{REPORT_COVERS.format(sum(is_finished(trial) for trial in record.frozen))}"
        f"<title>{title} – supersoliton</title>{style()}<style>{sheet}</style></head><body class='report'>"
        f"<header><h1>{title}</h1><p class='lead'>{_lead(record)}</p></header><nav>{links}</nav>"
        f"<main>{layout.tiles(record)}{layout.first_screen(record)}{body}</main>{layout.drawer()}"
        f"{scripts}</body></html>\n"
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


def _objectives(record: Record, gallery: _Gallery) -> str:
    if not record.trials:
        return ""
    file = gallery.save("pareto", figures.pareto_projections(record))
    none = "<p>No trial satisfies every constraint, so there is no Pareto front. The plots show all trials.</p>"
    link = f"<p class='note hint'>As a picture: <a href='{file}'>{file}</a></p>"
    return f"{'' if record.pareto else none}{layout.pairs(record)}{link}"


_MODES_NOTE = (
    "<p class='note'>At fixed norm the modes are those of L₊ = δ²E/δu² − ω². A stable Q-ball has exactly one negative "
    "mode at ℓ = 0, which changes N, and dQ/dω &lt; 0. The zero mode at ℓ = 1 is the translation.</p>"
)


def _best(record: Record, shown: Sequence[Trial], computed: states.Computed, gallery: _Gallery) -> str:
    parts = [_article(record, trial, computed.pictures.get(trial.number), gallery) for trial in shown]
    parts = [part for part in parts if part]
    if not parts:
        return ""
    more = len(record.pareto) - len(shown)
    if more > 0:
        parts.append(f"<p class='note'>{more} more Pareto-optimal trials are stored in <code>states/</code>.</p>")
    rotating = any(math.isfinite(trial.value("charge")) for trial in shown)
    return (_MODES_NOTE if rotating else "") + "".join(parts)


def _article(record: Record, trial: Trial, picture: str | None, gallery: _Gallery) -> str:
    """One of the best trials: its point, profile and spectrum, and links to its pictures; empty if it has neither."""
    spectra, files = record.spectra(trial), []
    if picture is None and not spectra:
        return ""
    why = ""
    if isinstance(picture, states.Why):
        why = f"<p class='note'>The picture of the state cannot be drawn: {escape(picture)}.</p>"
    elif picture is not None:
        files.append(picture)
    if spectra:
        files.append(gallery.save(f"trial_{trial.number:05d}_spectrum", figures.spectrum_figure(spectra)))
    links = ", ".join(f"<a href='{escape(file)}'>{escape(file)}</a>" for file in files)
    hits = "".join(f"<li>{escape(hit)}</li>" for hit in trial.hits)
    folded = f"<details><summary>{len(trial.hits)} targets hit</summary><ul>{hits}</ul></details>" if hits else ""
    return (
        f"<article><h3><button type='button' class='link' data-open='{trial.number}'>Trial {trial.number}</button>: "
        f"{_why_shown(record, trial)}</h3><p class='note facts'>{layout.point(record, trial)}</p>"
        f"<div class='columns' data-pictures='{trial.number}'></div>{why}{folded}"
        f"<p class='note hint'>With all modes: {links}</p></article>"
    )


def _why_shown(record: Record, trial: Trial) -> str:
    best = [
        record.label(name)
        for i, name in enumerate(record.objectives)
        if trial.objectives[i] * record.signs[i] >= record.maximised(record.pareto)[:, i].max()
    ]
    return escape(f"best {join_words(best)}" if best else "Pareto-optimal")


def _null(record: Record, gallery: _Gallery) -> str:
    group = scored_trials(record)
    if not (is_scored(record) and null_percentiles(group).size):
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
    names = {name: layout.plain(record, name) for name in record.parameters}
    drawn = "".join(
        gallery.show(f"importance_{k}", f"importance for {name}", figures.importance_bars({name: shares[name]}, names))
        for k, name in enumerate(shares)
    )
    shown = f"<div class='flats'>{drawn}</div>"
    return (
        "<p>The share of each coupling in deciding whether a trial reaches the best tenth of an objective (PED-ANOVA, "
        "Watanabe et al. 2023), less that of as many trials chosen at random and 0 if no larger, with its standard "
        f"error, from {min(len(record.trials), MAX_FOR_IMPORTANCE)} trials{thinned}. "
        f"{escape(' '.join(in_words(record.unchanged)))}</p>{shown}"
    )


def _progress(record: Record, gallery: _Gallery) -> str:
    numbers, values, label = growth(record)
    if not numbers:
        return layout.histories(record)
    meaning = (
        "<p>Hypervolume of the Pareto front relative to the worst feasible values, normalised so that 1 would mean one "
        "trial that is best in every objective.</p>"
    )
    shown = gallery.show("progress", label, figures.history(numbers, values, axis_label(label)))
    many = len(record.objectives) > 1
    return layout.histories(record) + (meaning + shown if many else f"<noscript>{shown}</noscript>")


def _reproduce(record: Record) -> str:
    if not record.config:
        return ""
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
