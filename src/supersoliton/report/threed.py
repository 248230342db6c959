"""The Pareto front in three dimensions, as an interactive picture that turns (plotly, inlined, works offline)."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from ..plotting import PALETTES
from .figures import KIND_MARKERS, axis_label, group_by_kind, thin, wants_log
from .html import escape, number
from .records import Record, Trial

# plotly's three-dimensional symbols for the markers of the flat pictures
_SYMBOLS = {"o": "circle", "D": "diamond", "^": "cross", "s": "square", "p": "x", "v": "diamond-open"}


def pareto_3d(record: Record) -> str:
    """HTML of the first three objectives as a turning picture, without plotly.js; empty with fewer than three."""
    if len(record.objectives) < 3 or not record.trials:
        return ""
    figure = go.Figure()
    for kind, group in group_by_kind(thin(record.trials, keep=record.pareto)).items():
        marker, slot = KIND_MARKERS.get(kind, ("o", -1))
        colour = "#808a94" if slot < 0 else PALETTES["light"][slot]
        meta = f"--kind-{slot}"  # the page's colour of this kind, put in by THEME_SCRIPT
        for trials, opacity, name in (
            ([t for t in group if t.is_feasible], 0.85, kind),
            ([t for t in group if not t.is_feasible], 0.5, f"{kind}, infeasible"),
        ):
            if trials:
                style = {"size": 4, "symbol": _SYMBOLS.get(marker, "circle"), "color": colour, "opacity": opacity}
                figure.add_trace(_points(record, trials, name, style, meta))
    if record.pareto:
        style = {"size": 8, "symbol": "circle-open", "color": "#d55e00", "line": {"width": 3}}
        figure.add_trace(_points(record, record.pareto, "Pareto-optimal", style, "--ink"))
    axes = {}
    for axis, index in zip("xyz", range(3), strict=True):
        log = wants_log([trial.objectives[index] for trial in record.trials])
        axes[f"{axis}axis"] = {
            "title": {"text": axis_label(record.objectives[index])},
            "type": "log" if log else "linear",
            **({"dtick": 1} if log else {"nticks": 5}),
            "exponentformat": "power",
            "gridcolor": "#b4bcc4",
            "backgroundcolor": "rgba(0,0,0,0)",
            "zerolinecolor": "#808a94",
        }
    figure.update_layout(
        template="none",
        height=560,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        showlegend=True,
        legend={"orientation": "h", "yanchor": "top", "y": 0.0, "x": 0.5, "xanchor": "center"},
        scene={**axes, "camera": {"eye": {"x": 1.75, "y": 1.75, "z": 0.8}}, "dragmode": "turntable"},
        hoverlabel={"align": "left"},
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": "#808a94", "activecolor": "#0072b2"},
    )
    return figure.to_html(
        full_html=False, include_plotlyjs=False, div_id="pareto-3d", config={"displaylogo": False, "responsive": True}
    )


def _points(record: Record, trials: Sequence[Trial], name: str, style: dict[str, object], meta: str) -> go.Scatter3d:
    """One trace; pointing at a trial shows its number, objectives and couplings."""
    return go.Scatter3d(
        x=[t.objectives[0] for t in trials],
        y=[t.objectives[1] for t in trials],
        z=[t.objectives[2] for t in trials],
        mode="markers",
        name=name,
        meta=meta,
        marker=style,
        text=[_hover(record, trial) for trial in trials],
        hoverinfo="text",
    )


def _hover(record: Record, trial: Trial) -> str:
    lines = [f"<b>trial {trial.number}</b>, {escape(trial.kind)}"]
    lines += [f"{escape(n)} = {number(v)}" for n, v in zip(record.objectives, trial.objectives, strict=True)]
    lines += [f"{escape(name)} = {number(value)}" for name, value in trial.couplings.items()]
    return "<br>".join(lines)


def plotly_script() -> str:
    """plotly.js as an inline script (4 to 5 MB): the page needs no network."""
    return f"<script>{get_plotlyjs()}</script>"


# Plotly's colours are set by script, not by CSS: follow the page's colour scheme, also when it changes.
THEME_SCRIPT = """<script>
(function () {
  const view = document.getElementById("pareto-3d");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  function follow() {
    const page = getComputedStyle(document.documentElement);
    const ink = page.getPropertyValue("--ink").trim();
    view.data.forEach((trace, i) => {
      Plotly.restyle(view, {"marker.color": page.getPropertyValue(trace.meta).trim()}, [i]);
    });
    const colours = {"font.color": ink};
    for (const axis of ["x", "y", "z"]) {
      colours[`scene.${axis}axis.color`] = ink;
      colours[`scene.${axis}axis.gridcolor`] = page.getPropertyValue("--line").trim();
    }
    Plotly.relayout(view, colours);
  }
  if (view) { follow(); dark.addEventListener("change", follow); }
})();
</script>"""
