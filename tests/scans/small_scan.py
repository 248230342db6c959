"""A scan small enough for a test: two octaves and a Higgs field on a coarse mesh, with the real solver."""

import csv

import tomli_w

TABLES = {
    "model": {"n_octaves": 2, "m0_squared": 0.5, "lambda_1": 0.05, "lambda_2": 0.01},
    "grid": {"r_max": 16.0, "n_elements": 4, "order": 8},
    "spectrum": {"n_modes": 20, "ell": [0]},
    "score": {"null_samples": 20},
    "scan": {
        "trials": 3,
        "workers": 1,
        "sampler": "random",
        "cache": False,
        "objectives": ["fractal_score", "hierarchy"],
        "parameters": {"g": [0.55, 0.7], "norm": {"low": 400, "high": 900, "log": True}},
    },
}


def write_file(folder, *, name="small", **scan):
    """A TOML file of the small scan, with other [scan] settings if given."""
    path = folder / f"{name}.toml"
    path.write_text(tomli_w.dumps({**TABLES, "scan": {**TABLES["scan"], **scan}}))
    return path


def load_small(folder, **scan):
    """The small scan as a Config."""
    from supersoliton.config import load

    return load(write_file(folder, **scan))


def run_small(folder, directory, *, trials=3, **scan):
    """Scan in this process or in workers, without a report, as `supersoliton.scan` does after reading the file."""
    from supersoliton.scans.loop import run_scan

    config = load_small(folder, **scan)
    return run_scan(
        config, directory, name="small", request={}, wanted=trials, workers=config.scan.workers, quiet=True
    )  # fmt: skip


def points(result):
    """What was evaluated and what came of it, trial by trial."""
    return [(trial.params, trial.values) for trial in result.study.trials]


def read_rows(directory):
    """The rows of trials.csv."""
    with (directory / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))
