"""Compare samplers: hypervolume against trials, and the cost of choosing a point.

    python -m benchmarks.samplers run FOLDER --samplers tpe nsga2 --seeds 5 --trials 120
    python -m benchmarks.samplers run FOLDER --stand-in --seeds 10 --trials 400
    python -m benchmarks.samplers table FOLDER --trials 120 400
    python -m benchmarks.samplers cost --samplers tpe nsga2 --trials 1000 10000

`run` evaluates `examples/quickstart.toml` and appends each trial to FOLDER/SAMPLER_SEED.jsonl, so that it can be
stopped, resumed and extended; several processes may share a folder. --stand-in replaces the evaluation by a surrogate
of 1024 evaluations (`data/quickstart_sobol.npz`) with their small-scale noise. `table` prints the tables of
`docs/development/samplers.md`. `cost` prints the processor time of a trial without its evaluation, after so many
trials: asking, telling, SQLite and trials.csv.
"""

# ruff: noqa: E402  (the environment must be set before the imports)

from __future__ import annotations

import os

# One thread, as in a worker of a scan; before NumPy is imported.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import fcntl
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from supersoliton.config import load
from supersoliton.sampling.samplers import choose_parents_again, distributions, make_sampler
from supersoliton.sampling.surrogate import Scale, fit, from_unit, to_unit
from supersoliton.scans.record import storage
from supersoliton.scans.record.files import ParetoFront, TrialTable
from supersoliton.scans.record.ledger import Ledger
from supersoliton.scans.report.analysis import hypervolume
from supersoliton.scans.trial import Outcome

QUICKSTART = Path(__file__).resolve().parents[1] / "examples" / "quickstart.toml"
TABLE = Path(__file__).parent / "data" / "quickstart_sobol.npz"


Evaluate = Callable[[dict[str, float]], tuple[list[float], dict[str, float]]]  # point → objectives, constraints


class StandIn:
    """Surrogate of the evaluation: the mean of a Gaussian process of 1024 evaluations plus their leave-one-out errors.

    A hash of the point selects the trial whose errors are added, the same for all objectives. So the same point has the
    same value, and values scatter around the mean like real ones and within their range; any structure of the errors in
    the couplings is lost.
    """

    def __init__(self, config: Any) -> None:
        table = np.load(TABLE)
        self._parameters = config.scan.parameters
        points = [from_unit(self._parameters, unit) for unit in table["units"]]
        constraints = {"localised": table["localised"]}
        self._surrogate = fit(self._parameters, points, table["values"], constraints)
        self.objectives = self._surrogate.objectives
        self._low, self._high = table["values"].min(axis=0), table["values"].max(axis=0)

    def __call__(self, point: dict[str, float]) -> tuple[list[float], dict[str, float]]:
        unit = to_unit(self._parameters, [point])
        digest = hashlib.sha256(unit.tobytes()).digest()
        trial = int.from_bytes(digest[:8], "big") % len(self.objectives[0].left_out)
        values = np.array([m.scale.back(m.mean(unit)[0] + m.left_out[trial]) for m in self.objectives])
        model = self._surrogate.constraints["localised"]
        return np.clip(values, self._low, self._high).tolist(), {
            "localised": float(model.scale.back(model.mean(unit)[0]))
        }


def real(config: Any) -> Evaluate:
    """The evaluation itself."""
    from supersoliton.evaluate.evaluation import evaluate

    def values_and_constraints(point: dict[str, float]) -> tuple[list[float], dict[str, float]]:
        evaluation = evaluate(config, point)
        return [evaluation.values.get(name, 0.0) for name in config.scan.objectives], evaluation.constraints

    return values_and_constraints


def run(path: Path, sampler: str, seed: int, trials: int, evaluate: Evaluate) -> None:
    """Continue one scan from the end of its file; return at once if another process runs it."""
    config = load(QUICKSTART).with_scan(sampler=sampler, seed=seed)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        file.seek(0)
        rows = [json.loads(line) for line in file]
        study = optuna.create_study(directions=["maximize"] * len(config.scan.objectives))
        space = distributions(config.scan)
        study.add_trials(_frozen(row, space) for row in rows)
        choose_parents_again(study, config.scan)
        for number in range(len(rows), trials):
            before = time.process_time()
            study.sampler = make_sampler(config.scan, number)
            trial = study.ask(space)
            asked = time.process_time()
            values, constraints = evaluate(trial.params)
            for name, value in constraints.items():
                trial.set_constraint(name, value)
            study.tell(trial, values)
            finished: Any = study.get_trials(deepcopy=False)[number]
            row = {
                "params": finished.params,
                "values": finished.values,
                "constraints": finished.constraints,
                "system": finished.system_attrs,
                "drawn_by": finished.user_attrs.get("drawn_by", sampler),
                "ask": asked - before,
                "evaluate": time.process_time() - asked,
            }
            file.write(json.dumps(row) + "\n")
            file.flush()


def _frozen(row: dict[str, Any], space: dict[str, Any]) -> optuna.trial.FrozenTrial:
    return optuna.create_trial(
        params=row["params"], distributions=space, values=row["values"], system_attrs=row["system"]
    )


def read(folder: Path) -> dict[str, dict[int, list[dict[str, Any]]]]:
    """Sampler → seed → rows."""
    found: dict[str, dict[int, list[dict[str, Any]]]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        name, _, seed = path.stem.rpartition("_")
        found.setdefault(name, {})[int(seed)] = [json.loads(line) for line in path.read_text().splitlines()]
    return found


def feasible_values(rows: list[dict[str, Any]]) -> np.ndarray:
    kept = [row["values"] for row in rows if all(value <= 0 for value in row["constraints"].values())]
    return np.array(kept).reshape(len(kept), -1)


def volume(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """Hypervolume of the points as a fraction of the box low … high."""
    inside = np.clip((points - low) / (high - low), 0.0, None)
    beaten = [any((other >= p).all() and (other > p).any() for other in inside) for p in inside]
    return hypervolume(inside[~np.array(beaten, dtype=bool)])


def table(folder: Path, counts: list[int]) -> str:
    """Median (lowest to highest seed) of the hypervolume after so many trials, and the cost of asks.

    The hypervolume is given twice: of the objectives, and of the objectives on the scale of `sampling.surrogate.Scale`,
    which limits the weight of outliers. The box spans the worst to the best feasible value of all runs.
    """
    runs = read(folder)
    everything = np.concatenate([feasible_values(rows) for seeds in runs.values() for rows in seeds.values()])
    scales = [Scale.of(column) for column in np.load(TABLE)["values"].T]
    lines = [f"{len(everything)} feasible trials of at most {everything.max(axis=0).round(3).tolist()}"]
    for name, seeds in runs.items():
        cells = []
        for count in counts:
            whole = [rows[:count] for rows in seeds.values() if len(rows) >= count]
            for convert in (
                lambda v: v,
                lambda v: np.stack([s.forward(x) for s, x in zip(scales, v.T, strict=True)], 1),
            ):
                box = convert(everything)
                volumes = [volume(convert(feasible_values(rows)), box.min(axis=0), box.max(axis=0)) for rows in whole]
                cells.append(f"{np.median(volumes):.3f} ({min(volumes):.3f} to {max(volumes):.3f})" if whole else "–")
            asks = [np.median([row["ask"] for row in rows[-20:]]) for rows in whole]
            cells.append(f"{len(whole)} seeds, {1e3 * np.median(asks):.1f} ms" if whole else "–")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


class _Scan:
    """The loop of `run_scan` without workers, with the stand-in."""

    def __init__(self, folder: Path, settings: Any, evaluate: Evaluate) -> None:
        address = storage.locate("", folder)
        if storage.read_mark(address, "cost") is None:
            storage.create_study(address, "cost", settings, {"config": {}, "request": {}})
        self._settings, self._evaluate = settings, evaluate
        self._record = storage.open_record(address, storage.open_study(address, "cost"))
        self._ledger = Ledger(self._record, settings)
        trials = self._ledger.load()
        self._table = TrialTable(folder / "trials.csv", list(settings.parameters), trials)
        self._front = ParetoFront(folder / "states", trials)
        self._pending: list[tuple[int, Outcome]] = []

    def run_trials(self, trials: int) -> list[float]:
        """Run ``trials`` more; return the processor seconds of each without its evaluation."""
        costs = []
        for _ in range(trials):
            begun = time.process_time()
            made = self._ledger.update(self._pending, room=1, wanted=10**9)
            for trial in made.ended:
                self._front.settle(trial)
                self._table.append(trial)
            costs.append(time.process_time() - begun)
            self._pending = [(number, self._outcome(point)) for number, point in made.points]
        return costs

    def close(self) -> None:
        self._record.close()

    def _outcome(self, point: dict[str, float]) -> Outcome:
        values, constraints = self._evaluate(point)
        named = dict(zip(self._settings.objectives, values, strict=True))
        # the number of constraints of a real evaluation
        others = dict.fromkeys(("precheck", "converged", "resolved", "stable", "scored"), 0.0)
        return Outcome(point, kind="q-ball", status="converged", values=named, constraints=constraints | others)


def cost(samplers: list[str], counts: list[int], evaluate: Evaluate, measured: int = 40) -> str:
    """Rows with the median cost of a trial without its evaluation (of `measured`) after so many random trials."""
    config = load(QUICKSTART)
    cells: dict[str, list[str]] = {name: [] for name in samplers}
    with tempfile.TemporaryDirectory() as name:
        before, folder = Path(name) / "before", Path(name) / "scan"
        before.mkdir()
        for count in counts:
            random = _Scan(before, config.with_scan(sampler="random").scan, evaluate)
            random.run_trials(count - len(random._ledger.memory.trials))
            random.close()
            for sampler in samplers:
                shutil.copytree(before, folder)
                scan = _Scan(folder, config.with_scan(sampler=sampler).scan, evaluate)
                costs = scan.run_trials(measured + 2)[2:]  # the first ones load the study
                scan.close()
                shutil.rmtree(folder)
                cells[sampler].append(f"{1e3 * np.median(costs):.1f} ms")
    return "\n".join(f"| {name} | {' | '.join(row)} |" for name, row in cells.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run")
    runner.add_argument("folder", type=Path)
    runner.add_argument("--samplers", nargs="+", default=["tpe", "nsga2", "nsga3", "random", "sobol"])
    runner.add_argument("--seeds", type=int, default=5)
    runner.add_argument("--trials", type=int, default=120)
    runner.add_argument("--stand-in", action="store_true")
    shower = commands.add_parser("table")
    shower.add_argument("folder", type=Path)
    shower.add_argument("--trials", type=int, nargs="+", default=[120, 400])
    pricer = commands.add_parser("cost")
    pricer.add_argument("--samplers", nargs="+", default=["random", "sobol", "nsga2", "nsga3", "tpe"])
    pricer.add_argument("--trials", type=int, nargs="+", default=[1000, 10000])
    given = parser.parse_args()
    if given.command == "cost":
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        print(cost(given.samplers, sorted(given.trials), StandIn(load(QUICKSTART))))
        return
    if given.command == "table":
        print(table(given.folder, given.trials))
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    config = load(QUICKSTART)
    evaluate: Evaluate = StandIn(config) if given.stand_in else real(config)
    for seed in range(given.seeds):
        for sampler in given.samplers:
            run(given.folder / f"{sampler}_{seed}.jsonl", sampler, seed, given.trials, evaluate)


if __name__ == "__main__":
    main()
