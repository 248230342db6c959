"""The rows of bounces: n = 1 ... 8 fields (arXiv:1901.03714) compared with CosmoTransitions' default.

CosmoTransitions (Wainwright, arXiv:1109.4189) is pure Python. `make bench` installs it into .venv-bench with the same
NumPy and SciPy as ours; it gets V and V' as vectorised NumPy, and a point beyond the barrier. Our calls are timed
without that point and, for the comparison, with it. All calls alternate in one process, after one to compile.
"""

from __future__ import annotations

import functools
import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy import ndarray as Array

import supersoliton as ss

from .measure import Row, Size, Timing, in_yardsticks, say, timed, yardstick

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ROOT / ".venv-bench"
_STATES = json.loads((ROOT / "tests" / "reference" / "states.json").read_text(encoding="utf-8"))["bounces"]
# c_1 ... c_n and delta of table 1 of arXiv:1901.03714. For 5, 7 and 8 fields the reference file has no action: these
# are from scipy.integrate.solve_bvp with tol = 1e-9 on r m < 20, started at our bounce (it moved them by less than
# 2e-13; for 6 fields the same gives the file's action to 1e-13). The paper prints 16.3, 36.7 and 46.0.
_MORE = {
    5: ([0.4747, 0.234808, 0.57023, 0.138912, 0.517238, 0.658889], 16.266868786295),
    7: ([0.5233, 0.34234, 0.4747, 0.234808, 0.57023, 0.138912, 0.517238, 0.658889], 36.670590103818),
    8: ([0.2434, 0.5233, 0.34234, 0.4747, 0.234808, 0.57023, 0.138912, 0.51723, 0.658889], 46.005582212987),
}
WELLS: dict[int, tuple[list[float], float]] = {
    row["n_fields"]: (row["coefficients"], row["action"]) for row in _STATES if "name" not in row
} | _MORE


def quartic(u: Any, p: Any) -> Any:
    """0.1 (x^4 - 8 x^3 + 10 x^2)."""
    return 0.1 * u[0] ** 4 - 0.8 * u[0] ** 3 + u[0] ** 2


def well(u: Any, p: Any) -> Any:
    """(sum c_i (u_i - 1)^2 - delta) sum u_i^2."""
    c = jnp.stack([jnp.asarray(p[f"c_{i}"]) for i in range(u.shape[0])])
    return (jnp.sum(c * (u - 1.0) ** 2) - p["delta"]) * jnp.sum(u**2)


def potential(n: int) -> ss.Potential:
    if n == 1:
        return ss.Potential(quartic)
    c = WELLS[n][0]
    return ss.Potential(
        well, tuple(f"u_{i}" for i in range(n)), {**{f"c_{i}": x for i, x in enumerate(c[:-1])}, "delta": c[-1]}
    )


def in_numpy(n: int) -> tuple[Callable[[Array], Array], Callable[[Array], Array], list[float]]:
    """V, V' and a point beyond the barrier, in the form that CosmoTransitions takes."""
    if n == 1:
        return (
            lambda x: 0.1 * (x[..., 0] ** 4 - 8.0 * x[..., 0] ** 3 + 10.0 * x[..., 0] ** 2),
            lambda x: 0.4 * x**3 - 2.4 * x**2 + 2.0 * x,
            [5.0],
        )
    *first, delta = WELLS[n][0]
    c = np.array(first)

    def value(x: Array) -> Array:
        return (np.sum(c * (x - 1.0) ** 2, axis=-1) - delta) * np.sum(x * x, axis=-1)

    def slope(x: Array) -> Array:
        depth = (np.sum(c * (x - 1.0) ** 2, axis=-1) - delta)[..., None]
        return 2.0 * c * (x - 1.0) * np.sum(x * x, axis=-1)[..., None] + 2.0 * x * depth

    return value, slope, [1.0] * n


def cosmo_transitions() -> Any | None:
    """The module cosmoTransitions.pathDeformation, or None if it is not installed."""
    if PACKAGES.is_dir() and str(PACKAGES) not in sys.path:
        sys.path.append(str(PACKAGES))
    try:
        return importlib.import_module("cosmoTransitions.pathDeformation")
    except ImportError:
        return None


def _theirs(module: Any, n: int) -> float:
    value, slope, beyond = in_numpy(n)
    found = module.fullTunneling(
        [beyond, [0.0] * n], value, slope, tunneling_init_params={"alpha": 2},  # alpha = d - 1
        deformation_deform_params={"verbose": 0}, verbose=False,
    )  # fmt: skip
    return float(found.action)


def _compare(module: Any | None, n: int, repetitions: int) -> tuple[dict[str, Any], Timing, Timing]:
    """The row of n fields, and our timings without and with the point beyond the barrier."""
    model, action = potential(n), WELLS[n][1]
    call = functools.partial(ss.bounce, model, [0.0] * n, dim=3)
    from_point = functools.partial(ss.bounce, model, [0.0] * n, in_numpy(n)[2], dim=3)
    call()
    from_point()
    if module is not None:
        _theirs(module, n)
    seconds, ours, yardsticks, other = [], [], [], []
    for _ in range(repetitions):  # a yardstick, ours, ours with the point that theirs is given, theirs
        yardsticks.append(yardstick()[1])
        taken, state = timed(call)
        seconds.append(taken)
        taken, again = timed(from_point)
        ours.append(taken)
        if module is not None:
            taken, found = timed(functools.partial(_theirs, module, n))
            other.append(taken)
    timing, point_timing = Timing(seconds, yardsticks, [state]), Timing(ours, yardsticks, [again])
    row: dict[str, Any] = {
        "fields": n,
        "seconds": timing.median,
        "yardsticks": timing.ratio,
        "from_point_seconds": point_timing.median,
        "from_point_yardsticks": point_timing.ratio,
        "action_error": max(abs(found_.action / action - 1.0) for found_ in (state, again)),
        "certified": bool(state.certificate.certified),
    }
    if other:
        row |= {
            "cosmo_transitions_seconds": float(np.median(other)),
            "cosmo_transitions_action_error": abs(found / action - 1.0),
            "times_faster": float(np.median(other)) / point_timing.median,
        }
    return row, timing, point_timing


def bounces(size: Size) -> list[Row]:
    module = cosmo_transitions()
    if module is None:
        say("CosmoTransitions is not installed (make bench installs it into .venv-bench): not measured")
    table, timings, with_point = [], {}, {}
    for n in size.bounces:
        row, timing, point_timing = _compare(module, n, size.repetitions)
        table.append(row)
        timings[n], with_point[n] = timing, point_timing
        say(
            f"bounce, {n} fields: {timing.ratio:.2f} yardsticks, {point_timing.ratio:.2f} given a point beyond the "
            f"barrier, {row.get('times_faster', float('nan')):.2f} x faster"
        )
    last = max(size.bounces)
    error = max(row["action_error"] for row in table)
    rows = [
        in_yardsticks("bounce", f"bounce, n = {last}, compiled kernels, no guess", timings[last], 0.5),
        in_yardsticks("bounce-from-point", "the same, given a point beyond the barrier", with_point[last], 0.5),
        Row("bounce-error", f"largest error of the action, n = {min(size.bounces)} ... {last}", error, "relative",
            error, "one", 1e-8, clock="none", details={"rows": table}),
    ]  # fmt: skip
    work = "bounces compared with CosmoTransitions' default, both given that point: the smallest speed-up of all rows"
    if module is None:
        rows.append(Row("bounce-others", work, None, "s", None, "faster", 1.0, False, note="CosmoTransitions missing"))
    else:
        least = min(table, key=lambda row: row["times_faster"])
        note = f"at n = {least['fields']}; its action is off by {least['cosmo_transitions_action_error']:.0e}"
        rows.append(Row("bounce-others", work, least["from_point_seconds"], "s", least["times_faster"], "faster", 1.0,
                        False, note=note, details={"rows": table}))  # fmt: skip
    return rows
