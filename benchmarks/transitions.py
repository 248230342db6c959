"""Nucleation temperatures of random two-field potentials at finite temperature, against bisections of single bounces.

    python -m benchmarks.transitions [NUMBER] [FIRST]

V = sum_i [D_i (T^2 - T_i^2)/2 phi_i^2 - (E_i T + A_i) phi_i^3/3 + l_i/4 phi_i^4] + l_12/2 phi_1^2 phi_2^2, in GeV. For
every transition of first order that is said to nucleate, S3/T of bounces found from nothing has to cross the criterion
within 1e-6 of T_n: above at T_n (1 + 1e-6), below at T_n (1 - 1e-6); the difference is that of the secant through both.
For every other one it is evaluated at 12 temperatures, none of which may be below the criterion.
"""

from __future__ import annotations

import json
import math
import sys
import time

import numpy as np

import supersoliton as ss

CRITERION = 140.0
WITHIN = 1e-6  # relative difference of temperatures that is allowed


def potential(u, p):
    square = u**2
    each = [
        0.5 * p[f"D{i}"] * (p["T"] ** 2 - p[f"T{i}"] ** 2) * square[i]
        - (p[f"E{i}"] * p["T"] + p[f"A{i}"]) * u[i] ** 3 / 3.0
        + 0.25 * p[f"l{i}"] * square[i] ** 2
        for i in (0, 1)
    ]
    return sum(each) + 0.5 * p["l01"] * square[0] * square[1]


def draw(seed):
    rng, params = np.random.default_rng(seed), {"T": 100.0}
    for i in (0, 1):
        scale = rng.uniform(60.0, 200.0)
        params |= {f"D{i}": rng.uniform(0.1, 0.5), f"T{i}": scale, f"E{i}": rng.uniform(0.02, 0.3)}
        params |= {f"A{i}": rng.choice([0.0, 1.0]) * rng.uniform(0.0, 20.0), f"l{i}": rng.uniform(0.05, 0.4)}
    return ss.Potential(potential, fields=("a", "b"), params={**params, "l01": rng.uniform(0.0, 0.6)})


def over(transition, t):
    """S3/T of the bounce found from nothing."""
    high, low = transition.high, transition.low
    return ss.bounce(high.model(t), high(t), low(t)).action / t


def check(transition):
    found = ss.nucleation(transition, CRITERION)
    bottom = max(transition.high.low, transition.low.low)
    if found.status == "nucleates":
        ends = [found.temperature * (1.0 + side * WITHIN) for side in (-1.0, 1.0)]
        below, above = (over(transition, t) - CRITERION for t in ends)
        if not below < 0.0 < above:
            return found, math.inf
        return found, abs(WITHIN * (below + above) / (above - below))
    lowest = np.inf
    for t in np.linspace(bottom, transition.critical, 14)[1:-1]:
        try:
            lowest = min(lowest, over(transition, float(t)))
        except ss.BounceError:
            continue
    return found, float(lowest < CRITERION)


def main(number=100, first=0):
    rows, start = [], time.process_time()
    for seed in range(first, first + number):
        model = draw(seed)
        for transition in (one for one in ss.phases(model, start=5.0, stop=250.0).transitions if one.order == 1):
            try:
                found, missed = check(transition)
                rows.append({"seed": seed, "status": found.status, "T": found.temperature, "missed": missed,
                             "bounces": len(found.history)})  # fmt: skip
            except (ValueError, RuntimeError) as error:
                rows.append({"seed": seed, "status": f"{type(error).__name__}: {error}", "missed": float("nan")})
            print(json.dumps(rows[-1]), flush=True)
    good = [row for row in rows if row["status"] == "nucleates"]
    print(json.dumps({
        "potentials": number, "transitions": len(rows), "nucleate": len(good),
        "largest relative difference": max((row["missed"] for row in good), default=0.0),
        "wrong refusals": sum(row["missed"] == 1.0 for row in rows if row not in good),
        "errors": sum(not row["missed"] >= 0.0 for row in rows),
        "bounces, median": float(np.median([row["bounces"] for row in good])) if good else None,
        "processor seconds": round(time.process_time() - start, 1),
    }, indent=1))  # fmt: skip


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
