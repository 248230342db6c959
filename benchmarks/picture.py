"""benchmarks/growth.png: cost against the number of fields and of elements, and bounces beside CosmoTransitions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

_OURS, _OTHER, _FIT = "#1f5fa8", "#b5521b", "#7a7a7a"


def _row(written: dict[str, Any], key: str) -> dict[str, Any] | None:
    return next((row for row in written["rows"] if row["key"] == key), None)


def draw(written: dict[str, Any], path: Path) -> bool:
    """Draw what there is; False, and no file, where the rows are missing."""
    grown = [("growth-fields", "fields"), ("growth-elements", "elements of order 12")]
    found = [(row, label) for key, label in grown if (row := _row(written, key)) is not None]
    bounce = _row(written, "bounce-error")
    if len(found) < len(grown) or bounce is None:
        return False
    figure, axes = plt.subplots(1, 3, figsize=(12.0, 3.9), layout="constrained")
    for axis, (row, label) in zip(axes, found, strict=False):
        _growth(axis, row, label)
    _bounces(axes[2], bounce["details"]["rows"])
    figure.suptitle(f"supersoliton on one core of {written['machine']['cpu']}, {written['date']}", fontsize=10)
    figure.savefig(path, dpi=130)
    plt.close(figure)
    return True


def _growth(axis: Any, row: dict[str, Any], label: str) -> None:
    n = np.array([found["n"] for found in row["details"]["measured"]], dtype=float)
    cost = np.array([found["yardsticks"] for found in row["details"]["measured"]])
    slope, intercept = np.polyfit(np.log(n), np.log(cost), 1)
    axis.loglog(n, cost, "o-", color=_OURS, label="measured")
    axis.loglog(n, np.exp(intercept) * n**slope, "--", color=_FIT, label=f"fit: n^{slope:.2f}")
    allowed = cost[0] * (n / n[0]) ** row["target"]
    axis.loglog(n, allowed, ":", color=_OTHER, label=f"allowed: n^{row['target']:g}")
    for x, y, found in zip(n, cost, row["details"]["measured"], strict=True):
        axis.annotate(f"{found['steps']} steps", (x, y), textcoords="offset points", xytext=(5, -11), fontsize=7)
    axis.set_xticks(n, [f"{x:g}" for x in n])
    axis.minorticks_off()
    axis.set_ylim(0.6 * cost.min(), 2.0 * max(cost.max(), allowed.max()))
    axis.set_xlabel(label)
    axis.set_ylabel("one state, in yardsticks")
    axis.legend(fontsize=8, frameon=False)


def _bounces(axis: Any, rows: list[dict[str, Any]]) -> None:
    n = [row["fields"] for row in rows]
    axis.semilogy(n, [row["seconds"] for row in rows], "o-", color=_OURS, label="supersoliton")
    _errors(axis, n, rows, "seconds", "action_error", _OURS, -13)
    if "cosmo_transitions_seconds" in rows[0]:
        axis.semilogy(
            n, [row["cosmo_transitions_seconds"] for row in rows], "s-", color=_OTHER, label="CosmoTransitions"
        )
        _errors(axis, n, rows, "cosmo_transitions_seconds", "cosmo_transitions_action_error", _OTHER, 7)
    axis.set_xticks(n)
    axis.set_xlim(min(n) - 0.5, max(n) + 0.5)
    low, high = axis.get_ylim()
    axis.set_ylim(0.6 * low, 2.5 * high)
    axis.set_xlabel("fields of the bounce")
    axis.set_ylabel("seconds (written: error of the action)")
    axis.legend(fontsize=8, frameon=False)


def _errors(axis: Any, n: list[int], rows: list[dict[str, Any]], y: str, error: str, color: str, below: int) -> None:
    for x, row in zip(n, rows, strict=True):
        axis.annotate(
            f"{row[error]:.0e}", (x, row[y]), textcoords="offset points", xytext=(0, below), fontsize=6.5, color=color,
            ha="center",
        )  # fmt: skip
