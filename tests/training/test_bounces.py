"""Training for states without norm: the bounces of a user's potential, saddles that no descent leads to."""

import numpy as np
import pytest
import tomli_w

import supersoliton as ss
from supersoliton.guesses.trained.library import SOURCES
from supersoliton.search.lowest import find_solutions
from supersoliton.search.saddle import is_soliton
from supersoliton.training.bench import bench
from supersoliton.training.pretraining import pretrain
from supersoliton.training.seeds import make_seed

POTENTIAL = """
def quartic(u, p):
    return 0.5 * u[0] ** 2 - 0.5 * u[0] ** 3 + 0.125 * p["alpha"] * u[0] ** 4
"""
TABLES = {
    "model": {"kind": "potential", "function": "v.py:quartic", "fields": ["phi"], "params": {"alpha": 0.6}},
    "problem": {"boundary": [0.0]},
    "grid": {"r_max": 22.0, "n_elements": 10, "order": 10, "dim": 4},
    "solver": {"target": "stationary"},
    "scan": {"objectives": ["fractal_score", "hierarchy"], "parameters": {"alpha": [0.3, 0.75]}, "workers": 1},
    "warm_start": {
        "checkpoint": "w.npz", "points": 12, "seeds": 10, "basis": 10, "fresh": 40, "steps": 200, "width": 16,
    },
}  # fmt: skip
UNSEEN = (0.33, 0.47, 0.63)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    from supersoliton.config import load

    folder = tmp_path_factory.mktemp("bounces")
    (folder / "v.py").write_text(POTENTIAL)
    (folder / "b.toml").write_text(tomli_w.dumps(TABLES))
    config = load(folder / "b.toml")
    return config, pretrain(config, workers=1)


def test_trained_starts_find_the_bounces_of_the_box(trained):
    """Their actions equal those of `bounce`, which has another mesh."""
    config, library = trained
    assert [str(branch) for branch in library.models] == ["+0"]
    for alpha in UNSEEN:
        problem = config.problem_at({"alpha": alpha})
        state = ss.solve(problem, guess=config.trained_guess, solver=config.solver)
        assert state.certificate.certified, state.certificate
        assert (state.certificate.kind, state.certificate.negative_modes) == ("bounce", 1)
        assert state.energy == pytest.approx(ss.bounce(problem.model, (0.0,), dim=4).action, rel=1e-8)


def test_every_trained_branch_is_tried(trained):
    """At 0.4 screening leaves a start on the other side of the false vacuum, on a branch that was not trained."""
    config, _ = trained
    for alpha in (0.35, 0.4, 0.45, 0.5):
        problem = config.problem_at({"alpha": alpha})
        found = find_solutions(problem, config.solver, config.trained_guess)
        assert found.start in SOURCES
        assert is_soliton(problem, found.solutions)


def test_what_training_saves(trained):
    """No descent leads to a saddle: without training each search computes the bounce again."""
    config, library = trained
    inside, _ = bench(config, library, points=8)
    assert (inside.points, inside.lost) == (8, 0)
    found = {row.use: row for row in inside.searches}
    assert all(row.wrong == 0 and row.success == 100.0 for row in inside.searches)
    assert found["auto"].used == 100.0
    assert found["auto"].steps < 0.3 * found["none"].steps


def test_the_vacuum_is_no_branch(trained):
    """Converged and certified, but not a soliton, so not a training state."""
    config, library = trained
    problem = config.problem_at({"alpha": 0.5})
    still = config.solver.run(problem, np.zeros((problem.grid.n_nodes, 1)))
    assert still.converged
    assert ss.solve(problem, guess=still.u, solver=config.solver).certificate.kind == "vacuum"
    assert not is_soliton(problem, [still])
    assert make_seed(problem, library.box, still) is None
