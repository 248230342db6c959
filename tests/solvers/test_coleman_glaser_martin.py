"""Descent on the scale-free functional: its minimum is the bounce, from any size, never uphill."""

import math

import numpy as np
import pytest

import supersoliton as ss
from problems import BY_NAME, REFERENCE, cubic_nls, one_field_quartic, tilted_quartic, well_model
from supersoliton.solvers.coleman_glaser_martin import ColemanGlaserMartin

GRID = ss.RadialGrid(edges=(0.0, 0.3, 0.8, 1.5, 2.7, 4.5, 7.5, 12.5, 20.0), order=12)


def problem_of(model, grid=GRID):
    return ss.Problem(model, grid, boundary=(0.0,) * model.n_fields)


@pytest.mark.parametrize("size", [0.5, 1.0, 3.0])
def test_the_minimum_is_the_action_of_the_bounce_for_any_size_of_the_start(size):
    problem = problem_of(ss.Potential(cubic_nls))
    start = 6.0 * np.exp(-((problem.grid.nodes / size) ** 2))[:, None] * problem.free_nodes
    shape = ColemanGlaserMartin(tol=1e-4).descend(problem, start)
    assert shape.status == "converged"
    # The tail of a large shape is cut off at the edge of the box: e^(-2 * 20/3) of it.
    assert shape.action == pytest.approx(BY_NAME["cubic NLS d=3 n=0"].exact["action"], rel=1e-5)


def test_r_over_the_root_of_lambda_is_the_bounce():
    problem = problem_of(ss.Potential(cubic_nls))
    start = 6.0 * np.exp(-(problem.grid.nodes**2))[:, None] * problem.free_nodes
    shape = ColemanGlaserMartin(tol=1e-10).descend(problem, start)
    exact = ss.bounce(ss.Potential(cubic_nls), [0.0])
    r = np.linspace(0.0, 5.0, 50)
    found = problem.grid.interpolate(shape.u, r / math.sqrt(shape.scale))
    assert np.abs(found) == pytest.approx(np.abs(exact(r)), abs=1e-5)


@pytest.mark.parametrize("dim", [2.5, 3, 4])
def test_any_shape_lies_above_and_each_budget_of_steps_lies_lower(dim):
    model = ss.Potential(one_field_quartic)
    problem = problem_of(model, ss.RadialGrid(edges=GRID.edges, order=12, dim=dim))
    start = 6.0 / (1.0 + np.exp(3.0 * (problem.grid.nodes - 2.0)))[:, None] * problem.free_nodes
    actions = [ColemanGlaserMartin(tol=1e-9, max_steps=n).descend(problem, start).action for n in (1, 3, 6, 12, 150)]
    assert actions == sorted(actions, reverse=True)
    assert actions[0] > actions[-1]
    assert actions[-1] == pytest.approx(ss.bounce(model, [0.0], dim=dim).action, rel=1e-6)
    assert all(a >= actions[-1] for a in actions)


def test_several_fields():
    row = next(r for r in REFERENCE["bounces"] if r["n_fields"] == 2)
    problem = problem_of(well_model(row["coefficients"][:-1], row["coefficients"][-1]))
    step = 1.0 / (1.0 + np.exp(2.0 * (problem.grid.nodes - 3.0)))
    start = np.stack([1.1 * step, 0.9 * step], axis=1) * problem.free_nodes
    shape = ColemanGlaserMartin(tol=1e-9).descend(problem, start)
    assert shape.action == pytest.approx(row["action"], rel=1e-6)


def test_a_start_without_lower_potential_is_refused():
    problem = problem_of(ss.Potential(tilted_quartic, params={"c": 0.3}))
    shape = ColemanGlaserMartin().descend(
        problem, 0.01 * np.exp(-(problem.grid.nodes**2))[:, None] * problem.free_nodes
    )
    assert "no region of lower potential" in shape.status
    assert math.isnan(shape.action)


def test_limits_are_reported():
    problem = problem_of(ss.Potential(cubic_nls))
    start = 6.0 * np.exp(-(problem.grid.nodes**2))[:, None] * problem.free_nodes
    shape = ColemanGlaserMartin(tol=1e-9, max_steps=2).descend(problem, start)
    assert shape.steps == 2
    assert "not converged within 2 steps" in shape.status
    assert "out of time" in ColemanGlaserMartin(tol=1e-14, max_seconds=1e-9).descend(problem, start).status
