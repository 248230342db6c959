"""A scan of eight trials and its Pareto front, both checked independently.

python examples/small_scan.py

The configuration is examples/quickstart.toml with three octaves instead of twelve. Each trial samples couplings and a
norm, then solves, checks and scores the state. The front is compared with one found from trials.csv by comparing all
pairs, and the energy of its first point with that on a mesh of higher order.
"""

import csv
import tempfile
from pathlib import Path

import numpy as np

import supersoliton as ss
from supersoliton.config import loads

CONFIG = """
[model]
n_octaves = 3
quartic_sign = -1
mu_squared = -1.0
lambda_H = 0.5
m0_squared = 0.5
lambda_2 = 0.01

[grid]
edges = [0.0, 2.6, 4.9, 7.2, 9.9, 13.2, 17.0, 21.0, 25.0]
order = 12

[scan]
trials = 8
workers = 1
sampler = "random"
seed = 1
objectives = ["fractal_score", "hierarchy", "regularity"]

[scan.parameters]
g = [0.5, 0.8]
lambda_1 = [0.03, 0.1]
norm = { low = 400, high = 3000, log = true }
"""


def front(points: np.ndarray) -> set[int]:
    """Indices of the rows that no other row dominates."""
    return {i for i, p in enumerate(points) if not any(np.all(q >= p) and np.any(q > p) for q in points)}


def main() -> None:
    config = loads(CONFIG)
    objectives = ("fractal_score", "hierarchy", "regularity")
    with tempfile.TemporaryDirectory() as folder:
        result = ss.scan(config, out=Path(folder) / "scan", quiet=True)
        with (result.directory / "trials.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    feasible = [row for row in rows if all(float(row[name]) <= 0.0 for name in row if name.startswith("c_"))]
    found = front(np.array([[float(row[name]) for name in objectives] for row in feasible]))
    numbers = sorted(int(feasible[i]["number"]) for i in found)
    assert numbers == sorted(trial.number for trial in result.pareto)
    for row in (feasible[i] for i in sorted(found)):
        print(f"trial {row['number']}: " + ", ".join(f"{name} {float(row[name]):.4f}" for name in objectives))
    print(
        f"{len(feasible)} of {len(rows)} trials feasible; Pareto front {numbers}, the same by comparing pairs: agrees"
    )

    best = result.pareto[0]
    row = next(row for row in rows if int(row["number"]) == best.number)
    couplings = {name: value for name, value in best.params.items() if name != "norm"}
    model = ss.OctaveHiggs(
        n_octaves=3, quartic_sign=-1, mu_squared=-1.0, lambda_H=0.5, m0_squared=0.5, lambda_2=0.01, **couplings
    )
    finer = ss.RadialGrid(order=16, edges=tuple(np.linspace(0.0, 25.0, 12)))
    state = ss.solve(ss.Problem(model, finer, norm=best.params["norm"]))
    assert abs(state.energy / float(row["energy"]) - 1.0) < 1e-8
    print(f"trial {best.number}: E = {float(row['energy']):.9f}, on another mesh {state.energy:.9f}: agrees")


if __name__ == "__main__":
    main()
