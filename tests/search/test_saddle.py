"""Localised states without norm from many starts, in evaluations and configurations without a guess."""

import numpy as np
import pytest
import tomli_w

import supersoliton as ss
from supersoliton.config import load
from supersoliton.evaluate.evaluation import evaluate
from supersoliton.search.lowest import find_solutions
from supersoliton.search.saddle import find_solitons, is_soliton, through_the_barrier
from supersoliton.states.state import make_state

CUBIC = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - 0.25 * u[0] ** 4, ("u",))
TILTED = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - 0.5 * u[0] ** 3 + 0.0625 * u[0] ** 4, ("u",))


def on_a_grid(model, **settings):
    return ss.Problem(model, ss.RadialGrid(r_max=22.0, n_elements=10, order=10, dim=4), **settings)


def test_a_configuration_finds_the_bounce_without_a_guess(tmp_path):
    """Its action equals that of `bounce`, at couplings where no analytic profile leads to it."""
    (tmp_path / "v.py").write_text("def v(u, p):\n    return 0.5 * u[0]**2 - 0.5 * u[0]**3 + p['a'] * u[0]**4\n")
    tables = {
        "model": {"kind": "potential", "function": "v.py:v", "fields": ["phi"], "params": {"a": 0.06}},
        "problem": {"boundary": [0.0]},
        "grid": {"r_max": 22.0, "n_elements": 10, "order": 10, "dim": 4},
        "spectrum": {"n_modes": 30, "ell": [0]},
        "scan": {"parameters": {"a": [0.04, 0.08]}, "objectives": ["hierarchy"]},
    }
    (tmp_path / "b.toml").write_text(tomli_w.dumps(tables))
    config = load(tmp_path / "b.toml")
    for a in (0.04, 0.0625, 0.08):
        found = evaluate(config, {"a": a})
        assert (found.status, found.kind, found.reasons) == ("converged", "bounce", ())
        assert (found.values["negative_modes"], found.state.certificate.unstable) == (1.0, False)
        assert max(found.constraints.values()) <= 0.0  # a scan of bounces has a Pareto front
        exact = ss.bounce(config.problem_at({"a": a}).model, (0.0,), dim=4).action
        assert found.values["energy"] == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize("omega", [0.3, 0.6])
def test_at_fixed_frequency_the_soliton_of_one_dimension(omega):
    """u = sqrt(2) k / cosh(k r) with k^2 = 1 - omega^2; its norm over the whole line is 4 k."""
    problem = ss.Problem(CUBIC, ss.RadialGrid(r_max=40.0, n_elements=16, order=12, dim=1), omega=omega)
    found = find_solitons(problem, ss.Newton(), None)
    k = np.sqrt(1.0 - omega**2)
    assert found.solutions[0].converged
    assert problem.norm_of_state(found.solutions[0].u) == pytest.approx(4.0 * k, rel=1e-9)
    certificate = make_state(problem, found.solutions[0]).certificate
    assert (certificate.negative_modes, certificate.unstable) == (1, False)  # none at fixed norm
    assert abs(found.solutions[0].u[0, 0]) == pytest.approx(np.sqrt(2.0) * k, rel=1e-9)


def test_a_soliton_found_by_the_search_is_kept():
    problem = on_a_grid(CUBIC, boundary=(0.0,)).with_grid(ss.RadialGrid(r_max=20.0, n_elements=8, order=10, dim=3))
    plain, found = (find(problem, ss.Newton(), None) for find in (find_solutions, find_solitons))
    assert is_soliton(problem, plain.solutions) == (plain.steps == found.steps)
    assert is_soliton(problem, found.solutions)


@pytest.mark.parametrize(
    ("settings", "guess", "solver"),
    [
        ({"boundary": (0.0,)}, None, ss.Newton(target="minimum")),  # a saddle is no minimum
        ({"boundary": (0.0,)}, ss.Gaussian(0.1, 3.0), ss.Newton()),  # a guess says which state is meant
        ({}, None, ss.Newton()),  # no false vacuum was named: far away is the lowest one, which does not decay
    ],
)
def test_the_barrier_is_left_alone(settings, guess, solver):
    problem = on_a_grid(TILTED, **settings)
    plain, found = (find(problem, solver, guess) for find in (find_solutions, find_solitons))
    assert [s.status for s in found.solutions] == [s.status for s in plain.solutions]
    assert found.steps == plain.steps


def test_without_a_bounce_the_search_result_is_kept():
    """A convex potential has no bounce: the result without one is kept, with its status."""
    problem = on_a_grid(ss.Potential(lambda u, p: 0.5 * u[0] ** 2 + 0.25 * u[0] ** 4, ("u",)), boundary=(0.0,))
    found = find_solitons(problem, ss.Newton(), None)
    assert not is_soliton(problem, found.solutions)
    assert found.relaxed == find_solutions(problem, ss.Newton(), None).relaxed


def test_a_free_boundary_excludes_the_bounce_on_a_mesh_but_not_without_one():
    """With a free boundary nothing keeps the false vacuum at the edge of a given mesh; without a mesh it is fixed."""
    free = on_a_grid(TILTED, boundary="free", background=(0.0,))
    assert through_the_barrier(free) is None
    state = ss.solve(ss.Problem(TILTED, dim=4, boundary="free", background=(0.0,)))
    assert state.certificate.kind == "bounce"
    assert state.energy == pytest.approx(ss.bounce(TILTED, (0.0,), dim=4).action, rel=1e-9)


def test_more_negative_modes_than_the_kind_must_have():
    """The static soliton of -u^4/4 in three dimensions: as a bounce it has the one negative mode of its kind; at
    its norm it is a saddle too (N falls with the frequency); a state with a node has more than one."""
    grid = ss.RadialGrid(r_max=14.0, n_elements=8, order=12)
    problem = ss.Problem(CUBIC, grid, boundary=(0.0,))
    bounce, excited = ss.find_states(problem, 16)[:2]
    held = ss.Problem(CUBIC, grid, norm=bounce.norm, boundary=(0.0,))
    ball = ss.solve(held, guess=bounce, solver=ss.Newton(target="stationary"))
    found = [
        (s.certificate.kind, s.certificate.negative_modes, s.certificate.unstable) for s in (bounce, ball, excited)
    ]
    # omega^2 is 0 there: nothing rotates
    assert found[:2] == [("bounce", 1, False), ("minimum at fixed norm", 1, True)]
    assert found[2][0] == "excited"
    assert found[2][1] > 1
    assert found[2][2]


def test_many_starts_that_all_end_in_the_vacuum():
    """A convex potential without a given state at infinity: no bounce is searched for; the result is the vacuum."""
    problem = ss.Problem(ss.Potential(lambda u, p: 0.5 * u[0] ** 2 + 0.25 * u[0] ** 4, ("u",)), ss.RadialGrid(14.0))
    assert ss.solve(problem, ss.MultiStart()).certificate.kind == "vacuum"
