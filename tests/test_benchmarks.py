"""The benchmarks run, compute correct values, and write their results. Timings are not tested."""

# ruff: noqa: E402  (the benchmarks are found from the root of the repository)

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_bvp

import supersoliton as ss

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import bounces, comparison, finite_differences, growth, measure, results
from benchmarks.__main__ import GROUPS

from supersoliton.theory.derivatives import point_kernels

# The fields of a row.
SCHEMA = {
    "key": str, "work": str, "value": float | None, "unit": str, "ratio": float | None, "ratio_to": str,
    "target": float | None, "at_most": bool, "clock": str, "note": str, "details": dict, "met": bool | None,
    "verdict": str, "date": str, "commit": str,
}  # fmt: skip
TARGETS = {
    "one-start": 1.3, "multi-start": 2.5, "state": 0.3, "state-steps": 20, "differences": 100, "bounce": 0.5,
    "bounce-from-point": 0.5,
    "bounce-error": 1e-8, "bounce-others": 1, "first-call": 4, "second-call": 2, "command-line": 0.4,
    "growth-fields": 2.5, "growth-elements": 1.2, "two-workers": 1.8, "overhead": 5,
}  # fmt: skip


def small_model() -> ss.OctaveHiggs:
    couplings = {"m0_squared": 0.5, "g": 0.6, "delta": 0.2, "beta": 0.15, "lambda_1": 0.05, "lambda_2": 0.01}
    return ss.OctaveHiggs(3, quartic_sign=-1.0, mu_squared=-1.0, lambda_H=0.5, g_yukawa=0.1, **couplings)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The results of `make bench` at a tiny size."""
    path = tmp_path_factory.mktemp("bench") / "results.json"
    command = [sys.executable, "-m", "benchmarks", "--size", "tiny", "--out", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in GROUPS:
        assert f"\n{name}\n" in done.stdout  # a line of progress
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    found = json.loads(path.read_text())
    assert results.table(found) in done.stdout
    return found


def is_right(value, kind):
    return isinstance(value, kind) or (isinstance(value, int) and isinstance(1.0, kind) and not isinstance(value, bool))


def check_schema(found):
    assert found["machine"]["cpu"]
    assert found["machine"]["cores"] >= 1
    assert set(found["versions"]) >= {"python", "supersoliton", "jax", "numpy", "scipy"}
    assert found["yardstick"]["seconds"] > 0
    for row in found["rows"]:
        assert set(row) == set(SCHEMA)
        for name, kind in SCHEMA.items():
            assert is_right(row[name], kind), (row["key"], name, row[name])
        if row["ratio"] is None:
            assert row["verdict"] == "not measured"
            assert row["note"]
        elif row["target"] is not None:
            assert row["met"] is (row["ratio"] <= row["target"] if row["at_most"] else row["ratio"] >= row["target"])
    rows = {row["key"]: row for row in found["rows"]}
    assert {key: rows[key]["target"] for key in TARGETS} == TARGETS


@pytest.mark.nightly
def test_every_row_runs_and_is_written(written):
    check_schema(written)
    assert written["size"] == "tiny"
    rows = {row["key"]: row for row in written["rows"]}
    assert rows["bounce-error"]["ratio"] < 1e-8
    assert rows["one-start"]["details"]["kinds"] != []


def test_the_results_in_the_repository_are_complete():
    found = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    check_schema(found)
    assert found["size"] == "full"


def test_rows_measured_again_replace_their_own_and_leave_the_others(tmp_path):
    def row(key, ratio):
        return measure.Row(key, "work", ratio, "s", ratio, "yardstick", 1.0)

    path = tmp_path / "results.json"
    results.write(path, [row("a", 0.5), row("b", 2.0)], measure.TINY, seconds=1.0, keep=False)
    results.write(path, [row("b", 0.25), row("c", math.nan)], measure.TINY, seconds=1.0, keep=True)
    found = json.loads(path.read_text())["rows"]
    assert [(r["key"], r["ratio"], r["verdict"]) for r in found] == [
        ("a", 0.5, "met"), ("b", 0.25, "met"), ("c", None, "missed"),
    ]  # fmt: skip


def test_the_finite_differences_have_the_potential_of_the_model():
    model = small_model()
    by_hand, kernels = finite_differences.Theory(model), point_kernels(model.potential_function)
    u = np.random.default_rng(0).normal(size=(20, 4))
    value, slope = by_hand.value_and_slope(u)
    radii = np.zeros(len(u))
    assert value == pytest.approx(np.asarray(kernels.value(u, model.params, radii)), rel=1e-12)
    step = 1e-6
    for field in range(4):
        along = step * np.eye(4)[field]
        (high, up), (low, down) = by_hand.value_and_slope(u + along), by_hand.value_and_slope(u - along)
        assert slope[:, field] == pytest.approx((high - low) / (2 * step), rel=1e-6, abs=1e-8)
        assert by_hand.curvature(u)[:, field] == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-8)


def test_the_finite_differences_converge_to_our_energy_at_second_order():
    problem = ss.Problem(small_model(), ss.RadialGrid(25.0, 8, 12), norm=1200.0)
    exact = ss.solve(problem, comparison.GUESS, ss.Newton())
    spectrum = ss.spectrum(exact, n_modes=20).eigenvalues
    energy, modes = [], []
    for cells in (50, 100, 200):
        scheme = finite_differences.FiniteDifferences(small_model(), 1200.0, 25.0, cells)
        found = scheme.solve(comparison.GUESS, 20, tolerance=1e-12)
        energy.append(abs(found.energy / exact.energy - 1.0))
        modes.append(comparison.worst(found.eigenvalues, spectrum))
    assert energy[-1] < 1e-4
    for errors in (energy, modes):
        assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.2)
        assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.1)
    # the gradient is that of the rescaled energy
    y = scheme.start(comparison.GUESS) + 0.1 * np.random.default_rng(1).normal(size=4 * 200)
    along = np.random.default_rng(2).normal(size=y.size)
    slope = (scheme.objective(y + 1e-6 * along)[0] - scheme.objective(y - 1e-6 * along)[0]) / 2e-6
    assert scheme.objective(y)[1] @ along == pytest.approx(slope, rel=1e-6)


def test_extrapolation_and_exponents_are_those_of_exact_powers():
    rows = [{"cells": n, "mode_error": 3.0 / n**2, "seconds": 0.1 * n**1.5} for n in (100, 200)]
    found = comparison.extrapolated(rows, 3e-8)
    assert found["cells"] == pytest.approx(1e4)
    assert found["seconds"] == pytest.approx(0.1 * 1e4**1.5)
    assert growth.exponent((4, 8, 16), (2.0, 8.0, 32.0)) == pytest.approx(2.0)


@pytest.mark.parametrize("n", bounces.WELLS)
def test_both_bounce_programs_get_the_same_potential(n):
    value, slope, _ = bounces.in_numpy(n)
    model = bounces.potential(n)
    kernels = point_kernels(model.potential_function)
    u = np.random.default_rng(n).normal(size=(5, n))
    assert value(u) == pytest.approx(np.asarray(kernels.value(u, model.params, np.zeros(5))), rel=1e-12)
    step = 1e-6
    for field in range(n):
        along = step * np.eye(n)[field]
        assert slope(u)[:, field] == pytest.approx(
            (value(u + along) - value(u - along)) / (2 * step), rel=1e-6, abs=1e-8
        )


def test_actions_without_a_reference_agree_with_collocation():
    """SciPy's solve_bvp on phi, phi' and the action S' = 4 pi r^2 (phi'^2/2 + V), started from the perturbed bounce."""
    n = 8
    coefficients, action = bounces.WELLS[n]
    value, slope, _ = bounces.in_numpy(n)
    state = ss.bounce(bounces.potential(n), [0.0] * n, dim=3)
    assert state.action == pytest.approx(action, rel=1e-9)
    mass = math.sqrt(2.0 * (sum(coefficients[:-1]) - coefficients[-1]))
    r = np.linspace(0.0, 16.0 / mass, 161)

    def right_side(x, y):
        phi, speed = y[:n].T, y[n : 2 * n]
        density = 0.5 * np.sum(speed**2, axis=0) + value(phi)
        return np.vstack([speed, slope(phi).T, 4.0 * np.pi * x**2 * density])

    def boundary(a, b):
        return np.concatenate([a[n : 2 * n], b[:n], a[2 * n :]])

    friction = np.zeros((2 * n + 1, 2 * n + 1))  # y' = f + S y/r
    friction[n : 2 * n, n : 2 * n] = -2.0 * np.eye(n)
    phi = np.where(r < state.grid.r_max, np.asarray(state(np.minimum(r, state.grid.r_max))).T, 0.0)
    phi *= 1.0 + 0.02 * np.cos(r)  # not the answer itself
    start = np.vstack([phi, np.gradient(phi, r, axis=1), np.zeros_like(r)])
    found = solve_bvp(right_side, boundary, r, start, S=friction, tol=1e-6)
    assert found.status == 0
    assert found.y[-1, -1] == pytest.approx(action, rel=1e-8)


ACCELERATORS = """
from benchmarks import accelerators, measure
print(accelerators.rate(measure.TINY, accelerators.devices.find("cpu")))
"""


def test_the_rate_on_a_device_is_measured():
    """The code of the comparison with an accelerator runs on the CPU."""
    done = subprocess.run([sys.executable, "-c", ACCELERATORS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert 0.0 < float(done.stdout) < 1000.0
