"""solve: with each kind of guess, without one, without a mesh, and its failures."""

import math
import time
import warnings

import numpy as np
import pytest

import supersoliton as ss
from problems import BY_NAME, cubic_nls, octave_model, quadratic_nls, solved, tilted_quartic

GRID = ss.RadialGrid(edges=(0.0, 0.3, 0.8, 1.5, 2.7, 4.5, 7.5, 12.5, 20.0), order=12)


def nls(**settings):
    return ss.Problem(ss.Potential(cubic_nls), **settings)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_no_mesh_and_no_guess_reach_the_closed_form_or_the_reference(dim):
    exact = BY_NAME[f"cubic NLS d={dim} n=0"].exact
    state = ss.solve(nls(dim=dim))
    assert state.action == pytest.approx(exact["action"], rel=1e-9)
    assert state.norm == pytest.approx(exact["norm"], rel=1e-9)
    assert state.certificate.certified, state.certificate.reasons
    assert abs(state.action / exact["action"] - 1.0) <= state.certificate.discretisation + 2e-12


@pytest.mark.parametrize("boundary", ["vacuum", "decaying"])
@pytest.mark.parametrize(("amplitude", "width"), [(2.0, 0.4), (5.0, 5.0), (-4.0, 1.0)])
def test_a_poor_guess_through_the_barrier_still_ends_at_the_ground_state(boundary, amplitude, width):
    """Newton's basin is small; if it fails, the saddle of least action is returned."""
    state = ss.solve(ss.Problem(ss.Potential(cubic_nls), GRID, boundary=boundary), ss.Gaussian(amplitude, width))
    assert state.converged, state.status
    if state.certificate.kind == "bounce":
        assert state.action == pytest.approx(BY_NAME["cubic NLS d=3 n=0"].exact["action"], rel=1e-8)
    else:  # or at another state, and then it must not be called a bounce
        assert state.certificate.negative_modes != 1
    assert state.certificate.kind in ("bounce", "excited")


def test_a_guess_below_the_barrier_ends_in_the_vacuum():
    state = ss.solve(nls(grid=GRID), ss.Gaussian(0.3, 1.0))
    assert state.certificate.kind == "vacuum"
    assert np.max(np.abs(state.u)) < 1e-8


def test_every_kind_of_guess_is_the_same_guess():
    case = BY_NAME["quadratic NLS d=3"]
    problem = case.problem()
    nodes = problem.grid.nodes
    profile = ss.Gaussian(4.0, 1.2)
    array = profile(problem, nodes)
    ends = [
        ss.solve(problem, g).action for g in (profile, array, array[:, 0], lambda r: np.interp(r, nodes, array[:, 0]))
    ]
    assert ends == pytest.approx([case.exact["action"]] * 4, rel=1e-9)


def test_a_state_is_a_guess_on_another_mesh_and_for_another_coupling():
    state = solved("quadratic NLS d=3")
    other = ss.Problem(ss.Potential(quadratic_nls), ss.RadialGrid(18.0, 10, 12), boundary="decaying")
    assert ss.solve(other, state).action == pytest.approx(state.action, rel=1e-8)


def test_a_multi_start_without_guess_at_fixed_norm_is_no_higher_than_any_single_start():
    problem = ss.Problem(octave_model(0.6, n_octaves=2), ss.RadialGrid(25.0, 8, 12), norm=800.0)
    best = ss.solve(problem)
    assert best.certificate.certified, best.certificate.reasons
    for field in (0, 1, (0, 1)):
        single = ss.solve(problem, ss.SuperGaussian(2.0, 3.5, field=field, alternate=True))
        assert not single.converged or best.energy <= single.energy + 1e-8 * abs(single.energy)


def test_the_scaling_law_of_the_fixed_norm_problem():
    """d = 1, V = -u^4/4 alone: E(N) = -N^3/96, omega^2 = -N^2/16 (u = a sech(a r/sqrt 2), N = 2 sqrt 2 a)."""
    model = ss.Potential(focusing)
    for norm in (2.0, 4.0):
        state = ss.solve(ss.Problem(model, ss.RadialGrid(60.0 / norm, 12, 12, dim=1), norm=norm), ss.Gaussian(1.0, 2.0))
        assert state.energy == pytest.approx(-(norm**3) / 96.0, rel=1e-8)
        assert state.multiplier == pytest.approx(-(norm**2) / 16.0, rel=1e-7)


def focusing(u, p):
    return -0.25 * u[0] ** 4


def test_a_stable_false_vacuum_without_a_mesh_is_refused_in_words():
    with pytest.raises(ValueError, match="solve: V is nowhere below its value in the vacuum, so no localised state"):
        ss.solve(ss.Problem(ss.Potential(tilted_quartic, params={"c": 0.6}), dim=3))


def test_an_unconverged_state_is_returned_with_its_status_or_thrown():
    problem = BY_NAME["octaves g=0.6 N=600"].problem()
    guess = BY_NAME["octaves g=0.6 N=600"].guess
    with pytest.warns(ss.SolveWarning, match="solve: the result is not converged: not converged within 2 steps"):
        state = ss.solve(problem, guess, ss.Newton(max_steps=2))
    assert not state.converged
    assert "within 2 steps" in state.status
    assert not state.certificate.certified
    assert state.status in state.certificate.reasons
    with pytest.raises(ss.SolveError, match="within 2 steps") as caught:
        ss.solve(problem, guess, ss.Newton(max_steps=2), throw=True)
    assert caught.value.state.status == state.status


@pytest.mark.parametrize(
    "guess",
    [np.zeros((3, 1)), np.full(97, math.nan), "gaussian", 3.0, lambda r: r[:2], lambda r: "no"],
    ids=["wrong shape", "NaN", "word", "number", "short function", "function of words"],
)
def test_a_guess_that_does_not_fit_is_refused_in_one_sentence(guess):
    with pytest.raises(ValueError, match="guess") as caught:
        ss.solve(nls(grid=GRID), guess)
    assert "\n" not in str(caught.value)


def test_arrays_need_a_mesh_and_problems_must_be_problems():
    with pytest.raises(ValueError, match="an array or function needs a grid"):
        ss.solve(nls(dim=3), np.zeros(10))


def test_the_time_limit_of_the_solver_is_that_of_the_call():
    problem = BY_NAME["octaves g=0.6 N=5000"].problem()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ss.SolveWarning)
        ss.solve(problem, BY_NAME["octaves g=0.6 N=5000"].guess, ss.Newton(max_steps=1))
        start = time.perf_counter()
        state = ss.solve(problem, None, ss.Newton(max_seconds=0.05))
    assert time.perf_counter() - start < 5.0
    assert state.converged or "time" in state.status
