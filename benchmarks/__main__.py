"""Time one evaluation at the quickstart's size, stage by stage, against the eigenproblem that it contains.

make bench        or        python -m benchmarks [number of points]
"""

# ruff: noqa: E402  (the environment must be set before the imports)

from __future__ import annotations

import os
import sys
import time

# One thread, as in a worker of a scan; before NumPy is imported.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

from pathlib import Path

import numpy as np
import scipy.linalg

from supersoliton.config import load
from supersoliton.evaluate import evaluate

QUICKSTART = Path(__file__).resolve().parents[1] / "examples" / "quickstart.toml"


def seconds_of_dense_eigenproblem(size: int, wanted: int) -> float:
    """A dense symmetric eigenproblem of this size for its lowest eigenvalues: what a plain spectrum would cost."""
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((size, size))
    matrix = matrix + matrix.T
    start = time.perf_counter()
    scipy.linalg.eigh(matrix, eigvals_only=True, subset_by_index=(0, wanted - 1), overwrite_a=True, check_finite=False)
    return time.perf_counter() - start


def main(points: int) -> None:
    cfg = load(QUICKSTART)
    rng = np.random.default_rng(0)
    couplings = [cfg.scan.sample(rng) for _ in range(points + 1)]
    start = time.perf_counter()
    evaluate(cfg, couplings[0])
    first = time.perf_counter() - start
    problem = cfg.problem_at(couplings[0])
    size = len(problem.grid.nodes) * problem.model.n_fields
    stages: dict[str, list[float]] = {}
    dense = []
    for point in couplings[1:]:  # side by side, so that a busy machine slows both
        for stage, seconds in evaluate(cfg, point).seconds.items():
            stages.setdefault(stage, []).append(seconds)
        dense.append(seconds_of_dense_eigenproblem(size, cfg.spectrum.n_modes))
    reference = float(np.median(dense))
    print(f"{QUICKSTART.name}: one evaluation, one thread, median of {points} (compiled; the first took {first:.1f} s)")
    print(f"{'':24s}{'seconds':>9s}{'ratio':>8s}")
    print(f"{f'dense eigh, {size} unknowns':24s}{reference:9.3f}{1:8.2f}")
    for stage, values in stages.items():
        print(f"{stage:24s}{np.median(values):9.3f}{np.median(values) / reference:8.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
