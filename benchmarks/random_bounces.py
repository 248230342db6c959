"""Bounces of random potentials without a guess: success rate, time, and the reasons of the failures.

python -m benchmarks.random_bounces [number of potentials] [first seed] [--fields N] [--dim D]

The potentials are those of tests/random_potentials.py: 2 to 6 fields, a metastable origin, bounded by a quartic term.
"""

# ruff: noqa: E402  (the environment must be set before the imports)

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import numpy as np

import supersoliton as ss
from random_potentials import faults, random_potential


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("number", type=int, nargs="?", default=50)
    parser.add_argument("first", type=int, nargs="?", default=0, help="first seed")
    parser.add_argument("--fields", type=int, default=None, help="number of fields (default: 2 to 6, by seed)")
    parser.add_argument("--dim", type=float, default=3.0)
    parser.add_argument("--seconds", type=float, default=60.0, help="time budget of one bounce")
    chosen = parser.parse_args()
    seconds, failures = [], []
    for seed in range(chosen.first, chosen.first + chosen.number):
        model = random_potential(seed, chosen.fields)
        start = time.perf_counter()
        try:
            state = ss.bounce(model, [0.0] * model.n_fields, dim=chosen.dim, max_seconds=chosen.seconds)
            wrong = faults(state)
            numbers = f"action {state.action:.12g} +- {state.certificate.discretisation:.0e}"
        except ss.BounceError as error:
            wrong, numbers = [str(error)], "none"
        seconds.append(time.perf_counter() - start)
        words = "; ".join(wrong) or "certified"
        print(f"seed {seed}: {model.n_fields} fields, {numbers}, {seconds[-1]:.2f} s: {words}", flush=True)
        if wrong:
            failures.append(f"seed {seed}: {words}")
    good = len(seconds) - len(failures)
    print(
        f"{good} of {len(seconds)} found and certified; median {np.median(seconds):.2f} s, longest {max(seconds):.2f} s"
    )
    for failure in failures:
        print(f"  {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
