"""When predictions are accepted or rejected, and how few evaluations that needs."""

import dataclasses

import numpy as np
import pytest

import supersoliton as ss
from supersoliton.guesses.trained.basis import make_basis
from supersoliton.guesses.trained.box import Box
from supersoliton.guesses.trained.carriers import carriers_of
from supersoliton.guesses.trained.galerkin import TOLERANCE, GalerkinPoint, correct, variation
from supersoliton.guesses.trained.library import SOURCES, BranchModel
from supersoliton.guesses.trained.prediction import Prediction, corrected, is_minimum, predict
from supersoliton.search.lowest import _Search, find_solutions
from supersoliton.training.seeds import follow, make_seed

MODEL = {
    "n_octaves": 2, "m0_squared": 0.5, "quartic_sign": -1, "delta": 0.2, "beta": 0.15, "lambda_1": 0.05,
    "lambda_2": 0.01, "mu_squared": -1.0, "lambda_H": 0.5, "g_yukawa": 0.1,
}  # fmt: skip
GRID = ss.RadialGrid(order=9, edges=(0.0, 2.6, 4.9, 7.2, 9.9, 13.2, 18.0))
NEAR_A_STATE = {"g": 0.6, "norm": 700.0}


def opposed(norm):
    """Octaves 0 and 1 with opposite signs: a minimum at large norm, a saddle at a smaller one."""
    problem = ss.Problem(ss.OctaveHiggs(g=0.7, **MODEL), GRID, norm=norm)
    guess = ss.SuperGaussian(2.0, 3.0 if norm < 700 else 3.5, field=(0, 1), alternate=True)
    return ss.solve(problem, guess=guess, solver=ss.Newton(target="stationary" if norm < 700 else "minimum"))


def predicted(state, shift=0.0):
    """The state less a part of its first carrier, as a prediction in a basis that spans both."""
    problem = state.problem
    w = state.u - problem.vacuum.values
    other = w.copy()
    other[:, 0] *= 0.9
    basis = make_basis(problem.grid, np.stack([w, other]), np.zeros((0, *w.shape)), size=1)
    model = BranchModel(carriers_of(problem, state.u), basis, np.zeros((1, 1)), np.zeros((1, 1)))
    return Prediction(GalerkinPoint(problem, basis, basis.project(w + shift * (other - w))), "regression", model)


@pytest.mark.parametrize(("norm", "negative"), [(900.0, 0), (500.0, 1)])
def test_a_saddle_is_no_start(norm, negative):
    """A saddle is rejected although it solves the equation on its branch: the search is for a minimum."""
    state = opposed(norm)
    assert state.certificate.negative_modes == negative
    assert str(carriers_of(state.problem, state.u)) == "+0 -1"
    start, coarse = predicted(state), state.problem.coarser(3)
    assert start.point.error < 1e-9
    assert is_minimum(state.problem, coarse, start) == (negative == 0)
    assert (corrected(state.problem, coarse, start, 4) is None) == (negative > 0)


def test_without_norm_any_stationary_point_is_accepted():
    """A bounce is accepted: it must have a negative mode."""
    bounce = ss.bounce(ss.Potential(lambda u, p: 0.25 * u[0] ** 4 - 0.5 * u[0] ** 3 + 0.4 * 0.5 * u[0] ** 2, ("u",)),
                       (0.0,))  # fmt: skip
    assert bounce.certificate.negative_modes == 1
    start = Prediction(GalerkinPoint(bounce.problem, *_spanned(bounce)), "regression", None)
    assert is_minimum(bounce.problem, bounce.problem.coarser(3), start)


def _spanned(state):
    w = state.u - state.problem.vacuum.values
    basis = make_basis(state.problem.grid, np.stack([w, 0.9 * w]), np.zeros((0, *w.shape)), size=1)
    return basis, basis.project(w)


def test_a_basis_that_does_not_span_the_state_is_rejected():
    """The residual after the correction is too large: the branch has ended there."""
    state = opposed(900.0)
    other = ss.Problem(ss.OctaveHiggs(g=0.695, **MODEL), GRID, norm=900.0)
    start = predicted(state)
    point = GalerkinPoint(other, start.model.basis, start.point.coefficients)
    start = start._replace(point=point)
    reached = correct(point, 4)
    assert 1.5e-3 < reached.error < 0.07
    assert carriers_of(other, reached.u) == start.model.branch
    assert is_minimum(other, other.coarser(3), start)
    assert corrected(other, other.coarser(3), start, 4) is None


def spanned_by_three():
    """The problem of the first of three states on a branch, their basis, and the coefficients of each."""
    states = [
        ss.solve(ss.Problem(ss.OctaveHiggs(g=g, **MODEL), GRID, norm=900.0), guess=opposed(900.0))
        for g in (0.55, 0.62, 0.7)
    ]
    w = np.stack([state.u - state.problem.vacuum.values for state in states])
    basis = make_basis(GRID, w, w[:0], size=2)
    return states[0].problem, basis, np.stack([basis.project(one) for one in w])


def test_a_wrong_prediction_is_corrected_again():
    """With a predicted second variation thirty times too stiff, the correction uses that of the start instead."""
    problem, basis, ends = spanned_by_three()
    branch = carriers_of(problem, problem.vacuum.values + basis.expand(ends[0]))
    model = BranchModel(branch, basis, np.zeros((1, 1)), ends[:1])
    start = Prediction(GalerkinPoint(problem, basis, ends[0] + 0.04 * (ends[2] - ends[0])), "regression", model)
    start = start._replace(variation=30.0 * variation(start.point))
    assert TOLERANCE < start.point.error < 0.01
    assert correct(start.point, 4, predicted=start.variation).error > TOLERANCE
    assert corrected(problem, problem.coarser(3), start, 4).point.error < TOLERANCE


def asked_of(model):
    """The model, and which sources it is asked for."""
    asked = []

    class Noted(BranchModel):
        def predict(self, source, x):
            asked.append(source)
            return super().predict(source, x)

    fields = {f.name: getattr(model, f.name) for f in dataclasses.fields(model)}
    return Noted(**fields), asked


@pytest.mark.parametrize("fit", ["good", "hopeless", "none"])
def test_the_nearest_state_is_used_if_the_fits_are_poor(config, library, fit):
    problem = config.problem_at(NEAR_A_STATE)
    branch = carriers_of(problem, find_solutions(problem, config.solver, None).solutions[0].u)
    model = library.models[branch]
    if fit == "hopeless":
        model = dataclasses.replace(model, network=None, regression=lambda _: -10.0 * model.coefficients[0])
    elif fit == "none":
        model = dataclasses.replace(model, network=None, regression=None)
    model, asked = asked_of(model)
    found = predict(dataclasses.replace(library, models={branch: model}), problem, branch, SOURCES)
    assert ("neighbour" in asked) == (fit != "good")
    assert (found.source == "neighbour") == (fit != "good")


def test_every_state_is_found_also_from_trained_starts(config):
    """With every=True no state is dropped because of its energy."""
    for point in (NEAR_A_STATE, {"g": 0.68, "norm": 1000.0}):
        problem = config.problem_at(point)
        plain, found = (
            sorted(round(problem.energy(s.u), 6) for s in find_solutions(problem, config.solver, guess, every=True)[0])
            for guess in (ss.MultiStart(), config.trained_guess)
        )
        assert len(plain) > 1
        assert found == plain


def test_a_start_that_may_be_the_lowest_is_not_dropped(config):
    state = opposed(900.0)
    start, search = predicted(state, shift=0.05), _Search(state.problem, config.solver, ss.MultiStart())
    bound = start.error_bound(state.problem)
    assert 0.0 < start.energy - state.energy < bound
    assert not search.is_too_high(start, state.energy)
    assert search.is_too_high(start, state.energy - 2.0 * bound)


def test_states_of_a_branch_spread_by_steps(config):
    box = Box.of(config.scan.parameters)
    problem = config.problem_at({"g": 0.57, "norm": 1500.0})
    first = make_seed(problem, box, find_solutions(problem, config.solver, None).solutions[0])
    found = follow(config, box, [first], 8, [0])
    x = np.stack([seed.x for seed in found])
    assert {str(seed.branch) for seed in found} == {str(first.branch)}
    nearest = [np.min(np.linalg.norm(x[:k] - x[k], axis=1)) for k in range(1, len(x))]
    assert max(nearest) <= 1.2 + 1e-12
    assert np.max(np.linalg.norm(x - x[0], axis=1)) > 1.4


def test_old_factors_are_replaced():
    """From far away the first factors are not enough; from a nearer start they are."""
    problem, basis, ends = spanned_by_three()

    def error(times, steps):
        start = GalerkinPoint(problem, basis, ends[0] + times * (ends[2] - ends[0]))
        found = correct(start, steps, tolerance=0.0).coefficients
        return np.linalg.norm(found - ends[0]) / np.linalg.norm(ends[0])

    assert error(1, 1) < 1e-9
    assert error(3, 1) > 0.1
    assert error(3, 8) < 1e-9
