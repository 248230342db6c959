"""Training small enough for a test: three octaves and a Higgs field, two couplings, every stage for real."""

import tomli_w

TABLES = {
    "model": {"n_octaves": 3, "m0_squared": 0.5, "lambda_1": 0.05, "lambda_2": 0.01},
    "grid": {"edges": [0.0, 2.6, 4.9, 7.2, 9.9, 13.2, 18.0], "order": 9},
    "spectrum": {"n_modes": 20, "ell": [0]},
    "score": {"null_samples": 20},
    "scan": {
        "trials": 6,
        "workers": 1,
        "sampler": "random",
        "cache": False,
        "objectives": ["fractal_score", "hierarchy"],
        "parameters": {"g": [0.55, 0.7], "norm": {"low": 600, "high": 1800, "log": True}},
    },
    "warm_start": {
        "checkpoint": "warm_start.npz", "points": 10, "seeds": 8, "basis": 24, "fresh": 60, "steps": 400, "width": 32,
        "networks": 0.05,
    },
}  # fmt: skip


def write_file(folder, *, scan=None, **warm_start):
    """A TOML file in `folder` with these tables and the given changes."""
    path = folder / "small.toml"
    tables = {**TABLES, "scan": {**TABLES["scan"], **(scan or {})}}
    tables["warm_start"] = {**TABLES["warm_start"], **warm_start}
    path.write_text(tomli_w.dumps(tables))
    return path


def load_small(folder, **settings):
    from supersoliton.config import load

    return load(write_file(folder, **settings))
