"""Meshes and domains chosen from the solution: transfer, refinement, growth."""

import math

import numpy as np
import pytest

import supersoliton as ss
from problems import BY_NAME, cubic_nls, cubic_quintic, octave_model, solved, well_model
from supersoliton.problem.asymptotics import decay_length
from supersoliton.problem.transfer import transfer
from supersoliton.search.adaptive import ELEMENTS, converge_mesh, domain_for, grow_domain, reaches_edge
from supersoliton.search.same_state import REMESHED
from supersoliton.solvers.newton import Newton


def test_decay_length_is_that_of_the_lightest_mass_in_units_of_its_kinetic_factor():
    assert decay_length(ss.Problem(ss.Potential(cubic_nls))) == pytest.approx(1.0)
    heavy = ss.Potential(cubic_nls, kinetic=[4.0])  # 4 u'' = u
    assert decay_length(ss.Problem(heavy)) == pytest.approx(2.0)
    rotating = ss.Problem(ss.Potential(cubic_nls), omega=0.6)  # u'' = (1 - 0.36) u
    assert decay_length(rotating) == pytest.approx(1.25)
    c, delta = [0.7, 0.2], 0.1
    well = ss.Problem(well_model(c, delta))  # V'' = 2 (sum c - delta) for both fields
    assert decay_length(well) == pytest.approx(1.0 / math.sqrt(2.0 * (sum(c) - delta)))


def test_decay_length_with_a_kinetic_factor_and_a_frequency():
    """k u'' = (m^2 - omega^2) u, so the length is sqrt(k/(m^2 - omega^2))."""
    problem = ss.Problem(ss.Potential(cubic_nls, kinetic=[4.0]), omega=0.6)
    assert decay_length(problem) == pytest.approx(2.0 / 0.8)


def test_a_massless_field_has_no_decay_length():
    massless = ss.Problem(ss.Potential(cubic_nls), omega=1.0)
    assert decay_length(massless) == math.inf
    assert domain_for(massless, 2.0) > 10.0


def test_a_transfer_to_a_larger_domain_keeps_the_state_and_its_tail():
    state = solved("cubic NLS d=1 n=0")  # sqrt(2) sech r
    larger = state.problem.with_grid(ss.RadialGrid(1.4 * state.grid.r_max, 12, 12, dim=1))
    u = transfer(state.problem, state.u, larger)
    assert u[:, 0] == pytest.approx(math.sqrt(2.0) / np.cosh(larger.grid.nodes), rel=1e-3, abs=1e-9)


def test_a_transfer_keeps_norm_and_boundary_values():
    state = solved("octaves g=0.6 N=600")
    target = state.problem.with_grid(ss.RadialGrid(20.0, 7, 10))
    u = transfer(state.problem, state.u, target)
    assert target.norm_of_state(u) == pytest.approx(600.0, rel=1e-12)
    assert np.array_equal(u[-1], state.problem.vacuum.values)


def test_refinement_converges_and_its_error_estimate_holds():
    """From 4 elements of order 4 to the reference's 12 digits."""
    exact = BY_NAME["cubic NLS d=3 n=0"].exact["action"]
    fine = solved("cubic NLS d=3 n=0")
    problem = fine.problem.with_grid(ss.RadialGrid(edges=(0.0, 0.7, 2.0, 6.0, 20.0), order=4))
    newton = Newton(target="stationary")
    start = newton.run(problem, transfer(fine.problem, fine.u, problem))
    assert start.converged
    assert abs(problem.energy(start.u) / exact - 1.0) > 1e-4
    mesh, solution, error = converge_mesh(problem, start, newton)
    assert mesh.grid.n_elements in ELEMENTS
    true = abs(mesh.energy(solution.u) / exact - 1.0)
    assert true <= error + 3e-12
    assert error <= 2e-12


def test_a_resolved_solution_is_left_as_it_is():
    state = ss.bounce(ss.Potential(cubic_nls), [0.0])
    mesh, solution, _ = converge_mesh(state.problem, state.solution, Newton(target="stationary"))
    assert mesh is state.problem
    assert solution is state.solution


def test_a_domain_grows_only_where_the_state_reaches_its_edge():
    newton = Newton(target="stationary")
    wide = solved("cubic NLS d=3 n=0")
    assert grow_domain(wide.problem, wide.solution, newton, 1.5, 6, reaches_edge) == (wide.problem, wide.solution)
    narrow = wide.problem.with_grid(ss.RadialGrid(4.0, 6, 12))
    solution = newton.run(narrow, transfer(wide.problem, wide.u, narrow))
    assert solution.converged
    once, _ = grow_domain(narrow, solution, newton, 1.5, 1, reaches_edge)
    assert once.grid.r_max == pytest.approx(6.0)
    larger, moved = grow_domain(narrow, solution, newton, 1.5, 6, reaches_edge)
    assert larger.grid.r_max > once.grid.r_max
    assert not reaches_edge(larger, moved)
    flat = ss.solve(narrow, np.zeros((narrow.grid.n_nodes, 1)))
    assert not reaches_edge(narrow, flat.solution)  # the vacuum reaches every edge


def test_a_domain_that_leads_to_another_state_is_not_taken():
    """The domain never becomes large enough: with a tolerance the last good one is returned, else the last tried."""
    wide = solved("cubic NLS d=3 n=0")
    lazy = Newton(target="stationary", max_steps=1, tol=1e-14)
    for tolerance, radius in ((REMESHED, wide.grid.r_max), (None, 3.0 * wide.grid.r_max)):
        problem, _ = grow_domain(wide.problem, wide.solution, lazy, 3.0, 3, lambda *_: True, tolerance)
        assert problem.grid.r_max == pytest.approx(radius)


@pytest.mark.parametrize("w", [0.1, 0.05])
def test_a_problem_without_a_grid_reaches_the_reference(w):
    """Without mesh and guess the program chooses domain, elements and start."""
    exact = BY_NAME[f"cubic-quintic w={w:g}"].exact
    state = ss.solve(ss.Problem(ss.Potential(cubic_quintic, params={"w": w}), dim=3))
    assert state.action == pytest.approx(exact["action"], rel=1e-9)
    assert state.u[0, 0] ** 2 == pytest.approx(exact["u0"] ** 2, rel=1e-9)
    assert state.certificate.certified, state.certificate.reasons


def test_a_fixed_norm_without_a_grid_reaches_the_reference():
    """Two octaves at N = 600: the same state as on a mesh made by hand, refined four times over."""
    model = octave_model(0.6, n_octaves=2)
    free = ss.solve(ss.Problem(model, norm=600.0))
    assert free.certificate.certified, free.certificate.reasons
    by_hand = ss.solve(ss.Problem(model, ss.RadialGrid(40.0, 16, 12), norm=600.0), free)
    assert by_hand.converged
    assert free.energy == pytest.approx(by_hand.energy, rel=1e-9)
