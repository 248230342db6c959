"""The default guess, and the fields of each form of guess."""

import numpy as np
import pytest

import supersoliton as ss
from problems import cubic_nls, octave_model
from supersoliton.guesses.guess import choose_guess, core_of, is_search, starting_fields

CUBIC = ss.Potential(cubic_nls)
GRID = ss.RadialGrid(20.0, 8, 8)


def test_the_default_is_a_search_at_fixed_norm_and_one_profile_without():
    at_norm = ss.Problem(octave_model(0.6, n_octaves=2), GRID, norm=800.0)
    assert choose_guess(at_norm, None) == ss.MultiStart()
    assert choose_guess(ss.Problem(CUBIC, GRID), None) == ss.Gaussian(3.0, 3.0)
    at_frequency = ss.Problem(CUBIC, GRID, omega=0.5)
    high = choose_guess(at_frequency, None)
    # reaches through the barrier of V - omega^2 u^2/2 = 3/8 u^2 - u^4/4, that is beyond u = sqrt(3/2)
    assert high.amplitude > np.sqrt(1.5)
    for problem in (at_norm, at_frequency):
        assert is_search(choose_guess(problem, None, search=True))
        assert choose_guess(problem, high, search=True) is high


def test_without_a_mesh_only_a_profile_a_state_or_a_search_is_accepted():
    state = ss.solve(ss.Problem(CUBIC, GRID), ss.Gaussian(4.0, 1.0))
    assert core_of(ss.Gaussian(1.0, 2.0)) == 6.0
    assert core_of(state) is None
    assert core_of(ss.WarmStart()) is None
    for guess in (np.ones(5), lambda r: r):
        with pytest.raises(ValueError, match="an array or function needs a grid"):
            core_of(guess)


def test_every_start_has_the_boundary_values_and_the_norm():
    problem = ss.Problem(octave_model(0.6, n_octaves=2), GRID, norm=800.0)
    for guess in (ss.Exponential(2.0, 30.0), lambda r: np.ones((len(r), 3)), np.full((GRID.n_nodes, 3), 0.3)):
        u = starting_fields(problem, guess)
        assert np.array_equal(u[-1], problem.vacuum.values)
        norm = np.sum(GRID.quadrature_weights[..., None] * GRID.at_quadrature(u)[..., :2] ** 2)
        assert norm == pytest.approx(800.0, rel=1e-9)


def test_the_start_of_the_script_has_absolute_noise_and_a_fraction_of_the_vacuum():
    """1.5 exp(-r/3) + 0.05 N in each octave, v_H sqrt(-mu^2/lambda_H) + 0.01 N in the Higgs field."""
    model = octave_model(0.6, n_octaves=3)
    problem = ss.Problem(model, ss.RadialGrid(25.0, 40, 12))
    u = ss.OriginalGuess(vacuum_fraction=0.7, seed=5)(problem, problem.grid.nodes)
    octaves = u[:, :-1] - 1.5 * np.exp(-problem.grid.nodes / 3.0)[:, None]
    higgs = u[:, -1] - 0.7 * np.sqrt(2.0)
    assert octaves.std() == pytest.approx(0.05, rel=0.1)
    assert octaves[-200:].std() == pytest.approx(0.05, rel=0.1)  # as large where the profile is small
    assert higgs.std() == pytest.approx(0.01, rel=0.1)
    assert abs(higgs.mean()) < 0.002
    still = ss.OriginalGuess(sigma=0.0, field="psi_1")(problem, problem.grid.nodes)
    assert np.all(still[:, [0, 2]] == 0.0)
