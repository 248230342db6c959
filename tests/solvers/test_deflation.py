"""Deflation: the step solves the deflated equation, and known solutions are not found again."""

import numpy as np
import pytest

import supersoliton as ss
from problems import BY_NAME, double_well, solved
from supersoliton.guesses.guess import starting_fields
from supersoliton.solvers.deflation import DeflatedNewton, _Deflated
from supersoliton.solvers.newton import Newton

GROUND = "cubic NLS d=3 n=0"


def distance(problem, u, v):
    away = u - v
    return float(np.sqrt(np.sum(away * (problem.grid.mass @ away))))


def test_newton_returns_to_the_known_state_and_deflation_does_not():
    state = solved(GROUND)
    problem = state.problem
    start = state.u + 0.05 * np.exp(-(problem.grid.nodes**2))[:, None] * problem.free_nodes
    plain = Newton(target="stationary").run(problem, start)
    assert distance(problem, plain.u, state.u) < 1e-8
    deflated = DeflatedNewton([state.u]).run(problem, start)
    assert not deflated.converged or distance(problem, deflated.u, state.u) > 1e-2


def test_the_other_solutions_of_the_double_well_are_reached_one_by_one():
    """Homogeneous stationary states of (1 - u^2)^2/2 with free ends: -1, 0, 1 and no other near this start."""
    problem = ss.Problem(ss.Potential(double_well), ss.RadialGrid(2.0, 2, 6), boundary="free")
    known = []
    for _ in range(3):
        solution = DeflatedNewton(known).run(problem, starting_fields(problem, lambda r: 0.8 + 0.0 * r))
        assert solution.converged, solution.status
        assert np.ptp(solution.u) < 1e-8
        known.append(solution.u)
    assert sorted(float(u[0, 0]) for u in known) == pytest.approx([-1.0, 0.0, 1.0], abs=1e-8)


@pytest.mark.parametrize("n_known", [1, 2])
def test_the_step_is_newton_s_for_the_deflated_force(n_known):
    """delta = -J^-1 m F with J = m F' + F m'^T by finite differences on a dense problem, against adapt(Newton step)."""
    problem = ss.Problem(ss.Potential(double_well), ss.RadialGrid(2.0, 1, 4), boundary="free")
    rng = np.random.default_rng(1)
    known = [rng.normal(size=(5, 1)) for _ in range(n_known)]
    u = rng.normal(size=(5, 1))
    iteration = _Deflated(problem, u, Newton(max_steps=5), known)
    step, _ = iteration.direction(problem.curvature(u), 0.0)

    def deflated_force(x):
        v = x[:, None]
        factor = np.prod([1.0 + 1.0 / distance(problem, v, k) ** 2 for k in known])
        return factor * problem.energy_and_gradient(v)[1][:, 0]

    x, eps = u[:, 0], 1e-6
    jacobian = np.stack([(deflated_force(x + eps * e) - deflated_force(x - eps * e)) / (2 * eps) for e in np.eye(5)], 1)
    expected = np.linalg.solve(jacobian, -deflated_force(x))
    assert step[:, 0] == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_without_known_states_it_is_newton():
    case = BY_NAME[GROUND]
    problem = case.problem()
    u = starting_fields(problem, case.guess)
    plain = Newton(target="stationary", max_steps=60).run(problem, u)
    assert np.array_equal(DeflatedNewton().run(problem, u).u, plain.u)


def test_a_start_at_a_known_state_does_not_crash_or_claim_it():
    state = solved(GROUND)
    solution = DeflatedNewton([state.u]).run(state.problem, state.u)
    assert not solution.converged or distance(state.problem, solution.u, state.u) > 1e-2
