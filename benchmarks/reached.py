"""What the scans of the examples reach: fronts evaluated again on another mesh, and what the best values depend on.

python -m benchmarks.reached RUN [RUN ...]     each RUN is the folder of a scan, e.g. runs/wide

Writes data/reached.json, from which docs/pages.py makes docs/examples_reached.md.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import tomllib
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from supersoliton.config import Config, loads
from supersoliton.evaluate.evaluation import Evaluation, evaluate

FILE = Path(__file__).parent / "data" / "reached.json"
QUANTITIES = ("fractal_score", "hierarchy", "mass_ratio", "octave_splitting")
HIERARCHY, MASS_RATIO = 10.0, 1.4  # the goals of v39
_SAME = 1e-6  # relative difference of E below which the evaluation on the other mesh has found the same state
_RADII = (20.0, 30.0)
_COUNTS = (100, 600)


def changed(config: Config, **tables: Mapping[str, Any]) -> Config:
    """The configuration with other keys in some tables."""
    old = config.to_dict()
    return loads({**old, **{name: {**old[name], **keys} for name, keys in tables.items()}})


def finer(config: Config) -> Config:
    """Every element split in two, of an order higher by two."""
    edges = list(config.grid.element_edges)
    halves = [0.5 * (a + b) for a, b in pairwise(edges)]
    grid = {"edges": sorted(float(edge) for edge in [*edges, *halves]), "order": config.grid.order + 2}
    return loads({**config.to_dict(), "grid": grid})


def with_radius(config: Config, radius: float) -> Config:
    edges = [float(edge) for edge in config.grid.element_edges if edge < 0.9 * radius]
    return loads({**config.to_dict(), "grid": {"edges": [*edges, radius], "order": config.grid.order}})


def is_feasible(row: Mapping[str, str]) -> bool:
    return all(float(value) <= 0.0 for name, value in row.items() if name.startswith("c_") and value)


def front(rows: list[dict[str, str]], objectives: list[str]) -> list[dict[str, str]]:
    """The feasible rows that no other dominates, by comparing all pairs."""
    points = [(tuple(float(row[name]) for name in objectives), row) for row in rows if is_feasible(row)]
    return [
        row
        for a, row in points
        if not any(b != a and all(y >= x for x, y in zip(a, b, strict=True)) for b, _ in points)
    ]


def numbers(evaluation: Evaluation) -> dict[str, Any]:
    found = {name: evaluation.values.get(name) for name in (*QUANTITIES, "energy", "omega_squared", "lightest_squared")}
    masses = evaluation.spectra.get("box")
    lightest = float(min(masses)) if masses is not None and len(masses) else None
    return {**found, "kind": str(evaluation.kind), "lightest_mass": lightest,
            "certified": evaluation.values.get("certified"),
            "classically_stable": evaluation.values.get("classically_stable")}  # fmt: skip


def again(config: Config, row: Mapping[str, str], names: list[str]) -> dict[str, Any]:
    """A trial's numbers, evaluated on the finer mesh, next to those recorded."""
    found = numbers(evaluate(finer(config), {name: float(row[name]) for name in names}))
    error = abs(found["energy"] / float(row["energy"]) - 1.0)
    return {"trial": int(row["number"]), "same": error < _SAME, "energy_error": error,
            "recorded": {name: float(row[name]) for name in QUANTITIES}, "found": found}  # fmt: skip


def dependence(config: Config, row: Mapping[str, str], names: list[str]) -> dict[str, Any]:
    """The same couplings with other numbers of modes, radii and scored spectra."""
    point = {name: float(row[name]) for name in names}
    variants = {"as scanned": config}
    variants |= {f"k = {count} modes": changed(config, spectrum={"n_modes": count}) for count in _COUNTS}
    variants |= {f"R = {radius:g}": with_radius(config, radius) for radius in _RADII}
    for name in ("physical", "oscillations"):
        variants[f"spectrum = {name}"] = changed(config, score={"spectrum": name})
    return {name: numbers(evaluate(variant, point)) for name, variant in variants.items()}


def measure(folder: Path) -> dict[str, Any]:
    config = loads(tomllib.loads((folder / "config.resolved.toml").read_text(encoding="utf-8")))
    with (folder / "trials.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["state"] == "COMPLETE"]
    names, objectives = list(config.scan.parameters), list(config.scan.objectives)
    feasible, best = [row for row in rows if is_feasible(row)], front(rows, objectives)
    others = sorted((row for row in feasible if row not in best), key=lambda row: -float(row[objectives[0]]))[:10]
    tops = {name: max(feasible, key=lambda row, name=name: float(row[name])) for name in QUANTITIES}
    broken = Counter(n[2:] for row in rows for n, v in row.items() if n.startswith("c_") and v and float(v) > 0)
    good = [row for row in feasible if float(row["hierarchy"]) > HIERARCHY and float(row["mass_ratio"]) >= MASS_RATIO]
    leaders = {int(tops[name]["number"]): tops[name] for name in ("fractal_score", "hierarchy")}
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "objectives": objectives,
        "trials": len(rows),
        "kinds": dict(Counter(row["kind"] for row in rows)),
        "certified": sum(float(row["certified"]) == 1.0 for row in rows) / len(rows),
        "classically_stable": sum(float(row["classically_stable"] or "nan") == 1.0 for row in rows) / len(rows),
        "feasible": len(feasible),
        "excluded": dict(broken),
        "best": {name: {"value": float(row[name]), "trial": int(row["number"])} for name, row in tops.items()},
        "goals": {"hierarchy": sum(float(row["hierarchy"]) > HIERARCHY for row in feasible),
                  "mass_ratio": sum(float(row["mass_ratio"]) >= MASS_RATIO for row in feasible), "both": len(good)},
        "front": [again(config, row, names) for row in best],
        "next": [again(config, row, names) for row in others],
        "leaders": {number: {"couplings": {n: float(row[n]) for n in names}, "octaves_in_core": row["octaves_in_core"],
                             "again": again(config, row, names), "variants": dependence(config, row, names)}
                    for number, row in leaders.items()},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reached", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    for folder in parser.parse_args().runs:
        known[folder.resolve().name] = measure(folder)
        FILE.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{folder}: written to {FILE}")


if __name__ == "__main__":
    main()
