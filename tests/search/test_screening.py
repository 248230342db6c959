"""Starts that step together: the same as alone, never up in energy, and ranked as the states they lead to."""

from pathlib import Path

import numpy as np
import pytest

import supersoliton as ss
from problems import QUICKSTART_GRID, octave_model
from supersoliton.config import load
from supersoliton.guesses.multistart import screened_starts
from supersoliton.search.lowest import find_solutions
from supersoliton.search.screening import flow_together

ROOT = Path(__file__).parents[2]

COARSE = ss.RadialGrid(25.0, 8, 4)


def problem_of(grid=COARSE, norm=1200.0):
    return ss.Problem(octave_model(0.6), grid, norm=norm)


def test_a_step_together_is_the_step_of_newtons_method():
    problem = problem_of()
    starts = screened_starts(problem)
    moved = {start.label: start for start in flow_together(problem, starts, (len(starts),))}
    compared = 0
    for start in starts:
        alone = ss.Newton(max_steps=1).run(problem, start.u)
        if len(alone.history) == 2:  # its first step was taken, not refused
            compared += 1
            assert moved[start.label].u == pytest.approx(alone.u, abs=1e-10)
            assert moved[start.label].energy == pytest.approx(alone.history[-1][0], rel=1e-11)
    assert compared >= 10


def test_no_step_raises_the_energy_or_changes_the_norm():
    problem = problem_of()
    starts = screened_starts(problem)
    before = {start.label: start.energy for start in starts}
    after = flow_together(problem, starts, (12, 5))
    assert len(after) == 5
    assert [s.energy for s in after] == sorted(s.energy for s in after)
    for start in after:
        assert start.energy < before[start.label]
        assert start.energy == pytest.approx(problem.energy(start.u), rel=1e-12)
        assert problem.norm_of_state(start.u) == pytest.approx(1200.0, rel=1e-12)


def test_a_step_that_overshoots_is_shortened():
    """At strong coupling the step at sigma = 1 raises the energy of a narrow start; Newton's method rejects it too."""
    config = load(ROOT / "examples" / "hierarchy.toml")
    rng = np.random.default_rng(5)
    points = [config.scan.sample(rng) for _ in range(8)]
    problem = config.problem_at(points[7])
    problem = problem.with_grid(ss.RadialGrid(order=4, edges=tuple(problem.grid.element_edges)))
    starts = screened_starts(problem)
    refused = [s for s in starts if len(ss.Newton(max_steps=1).run(problem, s.u).history) == 1]
    assert refused
    after = {s.label: s.energy for s in flow_together(problem, starts, (len(starts),))}
    assert all(after[s.label] < s.energy for s in refused)


@pytest.mark.parametrize(("example", "draw"), [("quickstart", 9), ("quickstart", 21), ("hierarchy", 7)])
def test_the_search_finds_the_lowest_of_all_relaxed_starts(example, draw):
    """The lowest of all starts relaxed on the coarse mesh, at couplings where fewer steps rank them wrongly."""
    config = load(ROOT / "examples" / f"{example}.toml")
    rng = np.random.default_rng(5)
    points = [config.scan.sample(rng) for _ in range(draw + 1)]
    problem = config.problem_at(points[draw])
    found = find_solutions(problem, ss.Newton(), None)
    assert found.solutions[0].converged
    coarse = problem.with_grid(ss.RadialGrid(order=6, edges=tuple(problem.grid.element_edges)))
    ends = [ss.Newton(tol=1e-4).run(coarse, start.u) for start in screened_starts(coarse)]
    lowest = min(coarse.energy(end.u) for end in ends)
    assert problem.energy(found.solutions[0].u) == pytest.approx(lowest, rel=1e-4)


def test_a_given_guess_is_the_only_start():
    problem = problem_of(QUICKSTART_GRID)
    found = find_solutions(problem, ss.Newton(), ss.Gaussian(2.0, 4.0, field=1))
    assert len(found.solutions) == found.relaxed == 1
    assert problem.energy(found.solutions[0].u) == pytest.approx(380.036977236, rel=1e-9)
