"""Compare a scan with trained starts and the same scan without them: `python -m benchmarks.warm_start`.

Both use the same sampler, seed and number of trials, one worker and no cache, and run at the same time in processes of
their own, so that other load slows both. The result is written to build/warm_start.json.

    supersoliton pretrain examples/quickstart.toml
    python -m benchmarks.warm_start --trials 400
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

USES = ("none", "auto")
# relative difference below which two energies are the same (the tolerance of Newton's method)
_SAME = 1e-8


def run(use: str, config: Path, starts: Path, trials: int, folder: Path) -> dict[str, Any]:
    """Run one scan in this process; return its record and cost."""
    from supersoliton.config import load
    from supersoliton.scans.loop import run_scan

    shutil.rmtree(folder / use, ignore_errors=True)  # an existing scan would be resumed
    chosen = load(config).with_scan(workers=1, trials=trials, cache=False)
    chosen = chosen.with_warm_start(checkpoint=str(starts.absolute()), use=use)
    began, used = time.perf_counter(), time.process_time()
    result = run_scan(chosen, folder / use, name="warm_start", request={}, wanted=trials, workers=1, quiet=True)
    done = sorted((t for t in result.study.trials if t.values), key=lambda t: t.number)
    attributes = [t.user_attrs for t in done]
    return {
        "use": use,
        "trials": len(done),
        "wall": time.perf_counter() - began,
        "processor": time.process_time() - used,
        "stages": {
            name: float(np.sum([a["seconds"].get(name, 0.0) for a in attributes]))
            for name in ("state", "certificate", "spectrum", "scores", "total")
        },
        "newton_steps": [a["values"]["newton_steps"] for a in attributes],
        "energy": [a["values"]["energy"] for a in attributes],
        "starts": {word: sum(a["start"] == word for a in attributes) for word in {a["start"] for a in attributes}},
        "points": [[t.params[name] for name in sorted(t.params)] for t in done],
        "values": [list(t.values) for t in done],
        "front": sorted(t.number for t in result.pareto),
    }


def compare(none: dict[str, Any], auto: dict[str, Any]) -> dict[str, Any]:
    """Differences between the two scans."""
    points = [np.array(one["points"]) for one in (none, auto)]
    same = int(np.argmin(np.all(points[0] == points[1], axis=1))) if not np.array_equal(*points) else len(points[0])
    energies = [np.array(one["energy"][:same]) for one in (none, auto)]
    away = (energies[1] - energies[0]) / np.abs(energies[0])
    return {
        "trials_at_the_same_points": same,
        "energies_higher": int(np.sum(away > _SAME)),
        "energies_lower": int(np.sum(away < -_SAME)),
        "same_front": none["front"] == auto["front"],
        "newton_steps_ratio": float(np.sum(auto["newton_steps"]) / np.sum(none["newton_steps"])),
        "processor_ratio": auto["processor"] / none["processor"],
        "state_ratio": auto["stages"]["state"] / none["stages"]["state"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("examples/quickstart.toml"))
    parser.add_argument("--starts", type=Path, default=Path("runs/quickstart/warm_start.npz"))
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--out", type=Path, default=Path("build/warm_start"))
    parser.add_argument("--use", choices=USES, help="run only this one of the two, in this process")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    if asked.use:
        record = run(asked.use, asked.config, asked.starts, asked.trials, asked.out)
        (asked.out / f"{asked.use}.json").write_text(json.dumps(record))
        return
    command = [sys.executable, "-m", "benchmarks.warm_start", "--config", asked.config, "--starts", asked.starts]
    command += ["--trials", str(asked.trials), "--out", asked.out]
    both = [subprocess.Popen([*map(str, command), "--use", use]) for use in USES]
    if any(process.wait() for process in both):
        raise SystemExit("a scan failed; its message is above")
    none, auto = (json.loads((asked.out / f"{use}.json").read_text()) for use in USES)
    data = compare(none, auto)
    for record in (none, auto):
        steps = float(np.mean(record["newton_steps"]))
        print(
            f"{record['use']}: {record['trials']} trials, {steps:.1f} Newton steps a trial, "
            f"{record['processor']:.1f} s of processor time ({record['stages']['state']:.1f} s for the states), "
            f"front {record['front']}, starts {record['starts']}"
        )
    for name, value in data.items():
        print(f"{name}: {value:.3f}" if isinstance(value, float) else f"{name}: {value}")
    Path("build/warm_start.json").write_text(json.dumps({"compared": data, "none": none, "auto": auto}))


if __name__ == "__main__":
    main()
