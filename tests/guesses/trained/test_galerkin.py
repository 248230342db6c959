"""Newton's method within a basis."""

import numpy as np
import pytest

import supersoliton as ss
from supersoliton.families.sensitivity import tangents
from supersoliton.guesses.trained.basis import make_basis
from supersoliton.guesses.trained.galerkin import TOLERANCE, GalerkinPoint, correct, variation
from supersoliton.problem.residual import force

MODEL = {
    "n_octaves": 2, "m0_squared": 0.5, "quartic_sign": -1, "delta": 0.2, "beta": 0.15, "lambda_1": 0.05,
    "lambda_2": 0.01, "mu_squared": -1.0, "lambda_H": 0.5, "g_yukawa": 0.1,
}  # fmt: skip
GRID = ss.RadialGrid(order=9, edges=(0.0, 2.6, 4.9, 7.2, 9.9, 13.2, 18.0))


def q_ball(g):
    problem = ss.Problem(ss.OctaveHiggs(g=g, **MODEL), GRID, norm=900.0)
    return ss.solve(problem, guess=ss.SuperGaussian(2.0, 3.5, field=(0, 1), alternate=True))


@pytest.fixture(scope="module")
def basis():
    states = [q_ball(g) for g in (0.55, 0.6, 0.7)]
    w = np.stack([s.u - s.problem.vacuum.values for s in states])
    slopes = np.concatenate([0.2 * tangents(s.problem, s.u, ["g"]) for s in states])
    return make_basis(GRID, w, slopes, size=5)


def test_a_state_of_the_basis_is_found_again(basis):
    """At a coupling whose state spans the basis, Newton's method within it ends at that state, as on the mesh."""
    state = q_ball(0.6)
    target = basis.project(state.u - state.problem.vacuum.values)
    start = GalerkinPoint(
        state.problem, basis, target + 0.05 * np.linalg.norm(target) / np.sqrt(basis.size) * np.ones(basis.size)
    )
    found = correct(start, 12, tolerance=0.0)
    assert start.error > 3e-4
    assert found.error < 1e-9
    assert state.problem.energy(found.u) == pytest.approx(state.energy, rel=1e-12)
    assert found.unscaled_force.multiplier == pytest.approx(state.multiplier, rel=1e-8)


def test_between_the_states_the_energy_error_is_quadratic(basis):
    """A Galerkin solution: stationary within the basis; the energy is above the minimum by the square of the error.

    By 5e-12 at g = 0.65, ninety times the last digit of the energy; nearer to the state at 0.6 it drowns in rounding.
    """
    state = q_ball(0.65)
    problem = state.problem
    start = GalerkinPoint(problem, basis, basis.project(state.u - problem.vacuum.values))
    found = correct(start, 12, tolerance=0.0)
    away = found.u - state.u
    error = np.sqrt(np.sum(away * (GRID.mass @ away)) / problem.norm)
    assert 1e-8 < error < 1e-3
    assert 0.2 < (problem.energy(found.u) - state.energy) / (error**2 * problem.norm) < 20.0
    assert problem.norm_of_state(found.u) == pytest.approx(problem.norm, rel=1e-13)
    assert found.unscaled_force.residual == pytest.approx(force(problem, found.u).residual, rel=1e-12)


def test_convergence_is_quadratic(basis):
    state = q_ball(0.6)
    target = basis.project(state.u - state.problem.vacuum.values)
    point = GalerkinPoint(state.problem, basis, 1.003 * target)
    errors = []
    for _ in range(3):
        errors.append(np.linalg.norm(basis.project(point.u - state.problem.vacuum.values) - target))
        point = correct(point, 1, tolerance=0.0)
    assert errors[1] < 0.5 * errors[0]
    assert errors[2] < 0.05 * errors[1] or errors[2] < 1e-8 * np.linalg.norm(target)


def test_corrections_stop_at_the_accuracy_of_the_basis(basis):
    state = q_ball(0.6)
    start = GalerkinPoint(state.problem, basis, basis.project(state.u - state.problem.vacuum.values))
    assert correct(start, 5) is start  # already below the tolerance
    assert correct(GalerkinPoint(state.problem, basis, np.zeros(basis.size)), 0).error > 1e-4


def test_without_norm():
    """The cubic kink-like state sech in d = 1, whose family in the coupling a is u/sqrt(a): one direction spans it."""

    def potential(a):
        return ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - 0.25 * p["a"] * u[0] ** 4, ("u",), {"a": a})

    grid = ss.RadialGrid(r_max=20.0, n_elements=12, order=12, dim=1)
    exact = np.sqrt(2.0) / np.cosh(grid.nodes)[:, None]
    basis = make_basis(grid, np.stack([exact, 0.8 * exact]), np.zeros((0, grid.n_nodes, 1)), size=1)
    problem = ss.Problem(potential(1.3), grid)
    found = correct(GalerkinPoint(problem, basis, np.zeros(1)), 12, tolerance=0.0)
    assert found.u == pytest.approx(exact / np.sqrt(1.3), abs=1e-6)


def away_from(state, basis, relative):
    """A start with this relative error, in a random direction."""
    target = basis.project(state.u - state.problem.vacuum.values)
    random = np.random.default_rng(1).normal(size=basis.size)
    return GalerkinPoint(
        state.problem, basis, target + relative * np.sqrt(state.norm) * random / np.linalg.norm(random)
    )


def test_a_predicted_second_variation_is_used_for_the_first_step(basis):
    """Near the root the last residual is not evaluated; it is as small as estimated."""
    state = q_ball(0.6)
    near, truth = away_from(state, basis, 0.002), away_from(state, basis, 0.0)
    assert near.error > TOLERANCE
    predicted = variation(truth)
    found = correct(near, 1, predicted=predicted)
    assert "_evaluated" not in found.__dict__
    assert found.error < 0.05 * near.error
    assert found.error < TOLERANCE


@pytest.mark.parametrize("times", [0.3, 30.0])
def test_a_wrong_predicted_second_variation_is_replaced(basis, times):
    """Far away the residual is checked after the predicted step; if it is poor, the own second variation is used."""
    state = q_ball(0.6)
    far, truth = away_from(state, basis, 0.05), away_from(state, basis, 0.0)
    assert far.error > 0.01
    wrong = times * variation(truth)
    plain, found = correct(far, 6, tolerance=1e-6), correct(far, 6, 1e-6, wrong)
    assert plain.error < 1e-6
    assert found.error < 1e-6
    assert correct(far, 0, 1e-6, wrong) is far
    assert correct(far, 6, predicted=wrong).error < TOLERANCE


def test_the_energy_is_that_at_the_norm(basis):
    """Exact to first order in the error of the norm; unscaled, its error would be half the multiplier times that."""
    state = q_ball(0.6)
    for scale in (1.001, 1.002):
        w = scale * (state.u - state.problem.vacuum.values)
        point = GalerkinPoint(state.problem, basis, basis.project(w))
        off = abs(point.norm - state.norm)
        raw = abs(state.problem.energy(point.unscaled) - state.energy)
        assert raw > 0.2 * state.multiplier * off
        assert abs(point.energy - state.energy) < 0.02 * raw
        assert state.problem.norm_of_state(point.u) == pytest.approx(state.norm, rel=1e-12)
        assert point.error == pytest.approx(float(point.unscaled_force.residual) + 0.5 * off / state.norm, rel=1e-9)
