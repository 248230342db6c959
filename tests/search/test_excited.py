"""Several solutions: both known states of one equation, distinct, in order, each with its certificate."""

import itertools
import time

import numpy as np
import pytest

import supersoliton as ss
from problems import BY_NAME, cubic_nls, octave_model, one_field_quartic, quadratic_nls, tilted_quartic


def nodes_of(state):
    """Sign changes of the field where it is above rounding."""
    u = state(np.linspace(0.0, state.grid.r_max, 4000))[:, 0]
    signs = np.sign(u[np.abs(u) > 1e-6 * np.max(np.abs(u))])
    return int(np.sum(signs[1:] != signs[:-1]))


def test_cubic_nls_with_no_node_and_with_one_from_one_call():
    states = ss.find_states(ss.Problem(ss.Potential(cubic_nls), dim=3))
    by_nodes = {nodes_of(s): s for s in states}
    for nodes in (0, 1):
        exact, state = BY_NAME[f"cubic NLS d=3 n={nodes}"].exact, by_nodes[nodes]
        assert abs(state.u[0, 0]) == pytest.approx(exact["u0"], rel=1e-9)
        assert state.action == pytest.approx(exact["action"], rel=1e-9)
        assert state.norm == pytest.approx(exact["norm"], rel=1e-9)
        assert state.certificate.negative_modes == nodes + 1
        assert state.certificate.certified, state.certificate.reasons
        assert state.certificate.kind == ("bounce", "excited")[nodes]
    assert [s.energy for s in states] == sorted(s.energy for s in states)


def test_without_nodes_only_the_bounce_is_searched_for():
    states = ss.find_states(ss.Problem(ss.Potential(cubic_nls), dim=3), max_nodes=0)
    assert [nodes_of(s) for s in states] == [0]


def test_u_and_minus_u_are_one_state_but_two_ways_out_of_a_vacuum_are_found_once():
    states = ss.find_states(ss.Problem(ss.Potential(quadratic_nls), dim=3), max_nodes=0)
    assert len(states) == 1
    assert states[0].action == pytest.approx(BY_NAME["quadratic NLS d=3"].exact["action"], rel=1e-9)


def test_q_balls_are_distinct_sorted_and_certified():
    problem = ss.Problem(octave_model(0.6, n_octaves=3), ss.RadialGrid(25.0, 8, 12), norm=1200.0)
    states = ss.find_states(problem, n_starts=10)
    assert len(states) >= 2
    energies = [s.energy for s in states]
    assert energies == sorted(energies)
    for a, b in itertools.combinations(states, 2):
        assert abs(a.energy - b.energy) > 1e-6
        assert problem.grid.integrate((a.u - b.u) ** 2).sum() > 1e-6 * problem.norm
    for s in states:
        assert s.converged
        assert s.norm == pytest.approx(1200.0, rel=1e-10)
        assert s.certificate.negative_modes == 0
        assert s.certificate.certified, s.certificate.reasons


def test_degenerate_states_are_distinguished():
    """Two octaves without coupling between them: a soliton in either has the same energy and is another state."""
    model = octave_model(0.6, n_octaves=2, lambda_1=0.0, lambda_2=0.0)
    problem = ss.Problem(model, ss.RadialGrid(25.0, 8, 12), norm=600.0)
    states = ss.find_states(problem, n_starts=8)
    carriers = {int(np.argmax(np.abs(s.u[0, :2]))) for s in states if s.certificate.certified}
    assert carriers == {0, 1}


def test_the_lowest_is_what_solve_returns_and_no_higher():
    problem = ss.Problem(octave_model(0.6, n_octaves=3), ss.RadialGrid(25.0, 8, 12), norm=1200.0)
    assert ss.find_states(problem, n_starts=10)[0].energy <= ss.solve(problem).energy + 1e-8


def test_a_vacuum_that_does_not_decay_has_no_states():
    assert ss.find_states(ss.Problem(ss.Potential(tilted_quartic, params={"c": 0.6}), dim=3)) == []


def test_the_false_vacuum_may_be_the_one_named():
    """The false vacuum u = 0 of the published potential, given as boundary."""
    problem = ss.Problem(ss.Potential(one_field_quartic), boundary=[0.0], dim=3)
    states = ss.find_states(problem, max_nodes=0)
    assert states[0].action == pytest.approx(52.413326300814084, rel=1e-9)


@pytest.mark.parametrize("change", [{"n_starts": 0}, {"n_starts": True}, {"max_nodes": -1}], ids=str)
def test_wrong_counts_are_refused(change):
    with pytest.raises(ValueError, match=f"find_states: {next(iter(change))} must be"):
        ss.find_states(**{"problem": ss.Problem(ss.Potential(cubic_nls), dim=3), **change})


def test_the_time_budget_is_kept():
    problem = ss.Problem(octave_model(0.6, n_octaves=3), ss.RadialGrid(25.0, 8, 12), norm=1200.0)
    ss.find_states(problem, n_starts=1)  # compiled
    start = time.perf_counter()
    states = ss.find_states(problem, n_starts=2000, max_seconds=1.0)
    assert time.perf_counter() - start < 5.0
    assert states
