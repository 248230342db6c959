"""Screened starts: energies, norms, boundary values, and the sets of lowest coupling energy."""

import itertools

import numpy as np
import pytest

import supersoliton as ss
from problems import QUICKSTART_GRID, cubic_nls, octave_model, solved
from supersoliton.guesses.multistart import carrying_sets, screened_starts


def octaves(n=4, norm=600.0, **couplings):
    return ss.Problem(octave_model(0.6, n_octaves=n, **couplings), QUICKSTART_GRID, norm=norm)


def test_every_start_has_its_norm_its_boundary_values_and_the_energy_stated():
    problem = octaves()
    found = screened_starts(problem)
    assert len(found) > 5
    for start in found:
        assert problem.norm_of_state(start.u) == pytest.approx(600.0, rel=1e-12)
        assert np.array_equal(start.u[-1], problem.vacuum.values)
        assert start.energy == pytest.approx(problem.energy(start.u), rel=1e-2)
        carried = np.flatnonzero(np.abs(start.u[0, :4]) > 1e-12)
        assert tuple(carried) == start.label
    energies = [s.energy for s in found]
    assert energies == sorted(energies)
    assert len({s.label for s in found}) == len(found)


def test_the_sets_are_those_of_lowest_coupling_energy_by_brute_force():
    """Without Higgs: all signs of all subsets of 4 octaves, c(S) of the notes."""
    problem = octaves(lambda_1=0.3, lambda_2=0.2)
    matrix = _coupling(problem)
    kept = carrying_sets(problem)
    for size in (1, 2, 3, 4):
        ranked = sorted(
            (_energy_of_set(matrix, chosen, signs), chosen)
            for chosen in itertools.combinations(range(4), size)
            for signs in itertools.product((1.0, -1.0), repeat=size)
        )
        mine = [(_energy_of_set(matrix, m, s), m) for m, s in kept if len(m) == size]
        assert min(mine)[0] == pytest.approx(ranked[0][0], rel=1e-9), (ranked[0], kept)


def _coupling(problem):
    """V'' at the vacuum among the octaves, by differences."""
    model, v, eps = problem.model, problem.vacuum.values, 1e-3

    def at(*moves):
        u = v.copy()
        for i, s in moves:
            u[i] += s * eps
        return float(model.potential_function(u, model.params, 0.0))

    out = np.zeros((4, 4))
    for i in range(4):
        for j in range(4):
            parts = [s * t * at((i, s), (j, t)) for s in (1, -1) for t in (1, -1)]
            out[i, j] = sum(parts) / (4 * eps**2)
    return out


def _energy_of_set(matrix, chosen, signs):
    off = matrix - np.diag(np.diag(matrix))
    full = np.zeros(4)
    full[list(chosen)] = signs
    lent = off @ full
    outside = [k for k in range(4) if k not in chosen]
    return 0.5 * full @ off @ full - 0.5 * sum(lent[k] ** 2 / abs(matrix[k, k]) for k in outside)


def test_signs_follow_the_sign_of_the_coupling():
    repelled = dict(carrying_sets(octaves(n=2, lambda_1=0.3)))
    attracted = dict(carrying_sets(octaves(n=2, lambda_1=-0.3)))
    assert np.prod(repelled[(0, 1)]) == -1.0
    assert np.prod(attracted[(0, 1)]) == 1.0


def test_polishing_the_default_starts_finds_no_more_than_the_best_known_state():
    """The state found without a guess is not above the catalogue's, which has a guess chosen by hand."""
    state = solved("octaves g=0.6 N=600")
    assert ss.solve(state.problem).energy <= state.energy * (1.0 + 1e-9)


def test_without_a_norm_several_strengths_are_tried():
    problem = ss.Problem(ss.Potential(cubic_nls), ss.RadialGrid(20.0, 8, 12))
    best = screened_starts(problem)[0]
    assert best.energy < 0  # -u^4: some strength falls through the barrier


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "three", None])
def test_wrong_counts_are_refused(value):
    with pytest.raises(ValueError, match=r"guess\.n_polish must be an integer of at least 1, got .*: try 3"):
        ss.MultiStart(n_polish=value)
