"""The page of checked claims: Markdown without pictures, or one self-contained HTML file with pictures."""

from __future__ import annotations

import datetime
import platform
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from .._version import __version__
from ..plotting import page_figure
from ..plotting.html import escape, style, table
from .claim import SCRIPT, VERDICTS, Claim, Table

TITLE = "Claims about the octave model, checked"
_ABOUT = (
    "Claims made with the script {script} of the public repository hyconiek/Fractal-Nadsoliton-Theory (November 2025), "
    'called "the script" on this page: what was claimed, what this program finds, and the command that finds it. '
    "Bugs of the script are reproduced only where they explain its published numbers; the library does not have them."
)
# ASCII in the claims' sentences -> symbol on the page
_SYMBOLS = (
    (r"\blambda_H\b", "λ_H"), (r"\blambda_1\b", "λ₁"), (r"\blambda_2\b", "λ₂"), (r"\bdelta\b", "δ"), (r"\bbeta\b", "β"),
    (r"\bomega\b", "ω"), (r"\bmu\^2", "μ²"), (r"\bm0\^2", "m₀²"), (r"\bPsi\b", "Ψ"),
    (r"\bPsi_", "Ψ_"), (r"\bPhi\b", "Φ"), (r"\bpi\b", "π"),
    (r"\blap\b", "∇²"), (r"∇²\^2", "∇⁴"), (r"\bint\b", "∫"), (r"\^2(?!\.?\d)", "²"), (r"\^3(?!\.?\d)", "³"),
    (r"\^4(?!\.?\d)", "⁴"), (r"\^6(?!\.?\d)", "⁶"),
    (r"(?<=[\d.]) x(?=[ ,;.)]|$)", " ×"), (r"\bsqrt\b", "√"),
)  # fmt: skip


def shown(text: str) -> str:
    """A sentence with symbols (λ₁, Ψ, ∇²) in place of their ASCII names."""
    for pattern, symbol in _SYMBOLS:
        text = re.sub(pattern, symbol, text)
    return text


def verdict_counts(claims: Sequence[Claim]) -> str:
    """The number of claims with each verdict, in the order of VERDICTS."""
    counts = Counter(claim.verdict for claim in claims)
    return "; ".join(f"{counts[verdict]} x {verdict}" for verdict in VERDICTS if counts[verdict])


def made_by(claims: Sequence[Claim]) -> str:
    seconds = sum(claim.seconds for claim in claims)
    day = datetime.datetime.now(tz=datetime.UTC).date()
    return f"supersoliton {__version__}, Python {platform.python_version()}, {day}, {seconds:.0f} s"


def write_markdown(claims: Sequence[Claim], path: Path) -> Path:
    """Write the page of the documentation, docs/validation.md."""
    path.write_text(markdown(claims), encoding="utf-8")
    return path


def markdown(claims: Sequence[Claim]) -> str:
    lines = [f"# {TITLE}", "", _ABOUT.format(script=f"`{SCRIPT}`"), "",
             f"Made by `supersoliton validate --page FILE` ({made_by(claims)}); do not edit.",
             "", f"{len(claims)} claims: {shown(verdict_counts(claims))}.", ""]  # fmt: skip
    overview = Table("", ("claim", "claimed", "found", "verdict"), tuple(_overview(claim) for claim in claims))
    lines += _markdown_table(overview)
    for claim in claims:
        lines += ["", f"## {claim.title}", ""]
        lines += [f"**Claimed:** {_cell(claim.claimed)}.", "", f"**Found:** {_cell(claim.found)}.", ""]
        lines += [f"**Verdict: {claim.verdict}:** {_cell(claim.reason)}", "", f"    {claim.command}", ""]
        for note in claim.notes:
            lines += [_cell(note), ""]
        for each in claim.tables:
            lines += [f"{_cell(each.title)}:", "", *_markdown_table(each), ""]
    return "\n".join(lines).rstrip() + "\n"


def _overview(claim: Claim) -> tuple[str, ...]:
    return claim.title, claim.claimed, claim.found, claim.verdict


def _cell(text: str) -> str:
    """Text with the special characters of Markdown escaped."""
    return re.sub(r"([|*_<>\\])", r"\\\1", shown(text))


def _markdown_table(rows: Table) -> list[str]:
    head = "| " + " | ".join(_cell(x) for x in rows.head) + " |"
    rule = "|" + "---|" * len(rows.head)
    return [head, rule, *("| " + " | ".join(_cell(x) for x in row) + " |" for row in rows.rows)]


def write_page(claims: Sequence[Claim], folder: Path) -> Path:
    """Write ``folder/validation.html`` with its pictures inside, and each picture as a PNG file next to it."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        [f"<a href='#{c.name}'>{escape(c.title)}</a>", _html(c.claimed), _html(c.found), escape(c.verdict)]
        for c in claims
    ]
    sections = "".join(_section(claim, folder) for claim in claims)
    path = folder / "validation.html"
    path.write_text(
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{TITLE} – supersoliton</title>{style()}</head><body>"
        f"<header><h1>{TITLE}</h1><p class='lead'>{escape(_ABOUT.format(script=SCRIPT))}</p>"
        f"<p class='note'>{len(claims)} claims: {_html(verdict_counts(claims))}. Made by <code>supersoliton "
        f"validate</code> "
        f"({escape(made_by(claims))}).</p></header><main>"
        f"{table(('claim', 'claimed', 'found', 'verdict'), rows)}{sections}</main></body></html>\n",
        encoding="utf-8",
    )
    return path


def _section(claim: Claim, folder: Path) -> str:
    drawn = "".join(page_figure(each.draw(), folder / f"{each.name}.svg", each.alt) for each in claim.pictures)
    tables = "".join(
        f"<h3>{_html(each.title)}</h3>"
        + table([_html(x) for x in each.head], [[_html(x) for x in row] for row in each.rows])
        for each in claim.tables
    )
    notes = "".join(f"<p class='note'>{_html(note)}</p>" for note in claim.notes)
    return (
        f"<section id='{claim.name}'><h2>{escape(claim.title)}</h2>"
        f"<p><b>Claimed:</b> {_html(claim.claimed)}.</p><p><b>Found:</b> {_html(claim.found)}.</p>"
        f"<p><b>Verdict: {escape(claim.verdict)}:</b> {_html(claim.reason)}</p>"
        f"<pre>{escape(claim.command)}</pre>{drawn}{tables}{notes}</section>"
    )


def _html(text: str) -> str:
    return escape(shown(text))
