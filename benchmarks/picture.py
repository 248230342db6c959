"""benchmarks/growth.png: cost against the number of fields and of elements, and bounces against CosmoTransitions."""

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
    """Draw the picture; return False, without a file, if rows are missing."""
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
    found = row["details"]["measured"]
    n = np.array([one["n"] for one in found], dtype=float)
    cost = np.array([one["yardsticks"] for one in found])
    slope, intercept = np.polyfit(np.log(n), np.log(cost), 1)
    steps = sorted({one["steps"] for one in found})
    axis.loglog(n, cost, "o-", color=_OURS, label=f"measured, {' or '.join(map(str, steps))} Newton steps")
    axis.loglog(n, np.exp(intercept) * n**slope, "--", color=_FIT, label=f"fit: $n^{{{slope:.2f}}}$")
    allowed = cost[0] * (n / n[0]) ** row["target"]
    axis.loglog(n, allowed, ":", color=_OTHER, label=f"target: $n^{{{row['target']:g}}}$")
    largest = row["details"]["of_the_largest_two"]
    axis.annotate(
        f"$n^{{{largest:.2f}}}$", (np.sqrt(n[-1] * n[-2]), np.sqrt(cost[-1] * cost[-2])),
        textcoords="offset points", xytext=(6, -10), fontsize=8, color=_OURS,
    )  # fmt: skip
    axis.set_xticks(n, [f"{x:g}" for x in n])
    axis.minorticks_off()
    axis.set_ylim(0.6 * cost.min(), 4.0 * max(cost.max(), allowed.max()))
    axis.set_xlabel(label)
    axis.set_ylabel("one state, in yardsticks")
    axis.legend(fontsize=8, frameon=False, loc="upper left")


def _bounces(axis: Any, rows: list[dict[str, Any]]) -> None:
    n = [row["fields"] for row in rows]
    for prefix, name, marker, color in (
        ("", "supersoliton", "o", _OURS),
        ("cosmo_transitions_", "CosmoTransitions", "s", _OTHER),
    ):
        if f"{prefix}seconds" not in rows[0]:
            continue
        errors = [row[f"{prefix}action_error"] for row in rows]
        label = f"{name}: action to {min(errors):.0e} … {max(errors):.0e}"
        axis.semilogy(n, [row[f"{prefix}seconds"] for row in rows], f"{marker}-", color=color, label=label)
    axis.set_xticks(n)
    axis.set_xlim(min(n) - 0.5, max(n) + 0.5)
    low, high = axis.get_ylim()
    axis.set_ylim(0.7 * low, 4.0 * high)
    axis.set_xlabel("fields of the bounce")
    axis.set_ylabel("seconds")
    axis.legend(fontsize=8, frameon=False, loc="upper left")
