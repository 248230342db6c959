"""Scores of the physical spectrum against those of the full basis: python -m benchmarks.full_basis [--trials 100]

A trial finds its bound states in a reduced basis and iterates them on the whole mesh. Here each localised state of a
scan of examples/hierarchy.toml with [score] spectrum = "physical" is diagonalised in the full basis, whose translation
is so near to 0 that a threshold takes it out, and the hierarchy is computed from its definition.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

import supersoliton as ss
from supersoliton.config import load
from supersoliton.config.configuration import Config
from supersoliton.evaluate.evaluation import evaluate
from supersoliton.fluctuations.spectrum import channels_of
from supersoliton.scans.loop import run_scan
from supersoliton.states.state import State
from supersoliton.theory.vacua import mass_matrix

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "hierarchy.toml"
_TRANSLATION = 1e-6  # of the largest mass^2; in the full basis it is at 1e-9


def hierarchy(config: Config, state: State) -> float:
    """Largest mass over the smallest of the vacuum and of the bound states in the full basis."""
    problem = state.problem
    squared = [*np.linalg.eigvalsh(mass_matrix(problem.model, problem.vacuum.values, problem.grid.r_max))]
    largest = max(squared)
    for ell in channels_of(problem, config.spectrum.ell):
        squared += list(ss.spectrum(state, 1, ell).bound)
    masses = np.sqrt([value for value in squared if value > _TRANSLATION * largest])
    return float(masses.max() / masses.min())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.full_basis")
    parser.add_argument("--trials", type=int, default=100)
    trials = parser.parse_args().trials
    tables = load(EXAMPLE).to_dict()
    config = load(EXAMPLE).with_tables({**tables, "score": {**tables["score"], "spectrum": "physical"}})
    with tempfile.TemporaryDirectory() as folder:
        wishes = {"name": "physical", "request": {}, "wanted": trials, "workers": 2, "quiet": True}
        result = run_scan(config, Path(folder) / "run", **wishes)
    differences = []
    for trial in result.trials:
        found = evaluate(config, trial.params)
        if found.state is not None and found.state.certificate.localised:
            exact = hierarchy(config, found.state)
            differences.append(abs(found.values["hierarchy"] / exact - 1.0))
    report = {
        "trials": len(result.trials),
        "localised": len(differences),
        "largest relative difference of hierarchy": max(differences, default=float("nan")),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
