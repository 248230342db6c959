"""Collapse at fixed norm: a trapped gas with attraction, whose critical norm is published."""

import numpy as np
import pytest

import supersoliton as ss
from supersoliton.problem.transfer import scale_to_norm
from supersoliton.search.collapse import COLLAPSED, is_collapsed
from supersoliton.search.same_state import is_unresolved

# Critical k = N |a|/a_ho of the isotropic trap: P. A. Ruprecht et al., Phys. Rev. A 51 (1995) 4704; A. Gammal,
# T. Frederico, L. Tomio, Phys. Rev. A 64 (2001) 055602: 0.5750.
CRITICAL = 0.575
GRID = ss.RadialGrid(r_max=8.0, n_elements=16, order=12, dim=3)


def gas(u, p, r):
    return 0.5 * r**2 * u[0] ** 2 - 2 * np.pi * p["k"] * u[0] ** 4


def problem(k, grid=GRID):
    return ss.Problem(ss.Potential(gas, fields=("psi",), params={"k": k}), grid, norm=1.0)


@pytest.mark.parametrize("grid", [GRID, None], ids=["grid", "no grid"])
@pytest.mark.parametrize(("k", "energy"), [(0.5, 1.2383417558), (CRITICAL - 1e-3, None)])
def test_below_the_critical_norm_the_local_minimum_is_preferred(grid, k, energy):
    state = ss.solve(problem(k, grid))
    assert state.certificate.kind == "trapped"
    assert state.certificate.certified, state.certificate.reasons
    assert state.energy == pytest.approx(state.energy if energy is None else energy, rel=1e-9)


@pytest.mark.parametrize("grid", [GRID, None], ids=["grid", "no grid"])
def test_above_it_collapse_is_said(grid):
    with pytest.warns(ss.SolveWarning, match="collapsed onto the mesh: .* lowers the energy without bound"):
        state = ss.solve(problem(CRITICAL + 1e-3, grid))
    assert state.status == COLLAPSED
    assert not state.converged
    assert state.certificate.kind == "unconverged"
    assert state.certificate.reasons == (COLLAPSED,)


def test_collapse_from_a_narrow_guess_is_not_a_state():
    with pytest.warns(ss.SolveWarning, match="collapsed"):
        state = ss.solve(problem(CRITICAL + 0.2), ss.Gaussian(1.0, 0.3))
    assert not state.converged


def test_find_states_says_that_everything_collapses():
    with pytest.warns(ss.SolveWarning, match="find_states: collapsed onto the mesh"):
        states = ss.find_states(problem(2.0), n_starts=2, max_nodes=0)
    assert states == []
    assert states.not_found == (COLLAPSED,)


def test_a_metastable_soliton_is_preferred_to_a_collapse():
    """-u^8 makes the energy unbounded below; the local minimum is close to the state without it (perturbation)."""

    def potential(u, p):
        return u[0] ** 2 / 2 - 0.4 * u[0] ** 4 + u[0] ** 6 / 8 - p["e"] * u[0] ** 8

    model = ss.Potential(potential, params={"e": 0.0})
    grid = ss.RadialGrid(r_max=30.0)
    exact = ss.solve(ss.Problem(model, grid, norm=100.0))
    first = -grid.integrate(exact.u**8).sum()
    state = ss.solve(ss.Problem(model.replace(e=1e-4), grid, norm=100.0))
    assert state.certificate.kind == "q-ball"
    assert state.energy - exact.energy == pytest.approx(1e-4 * first, rel=1e-2)


def test_a_narrow_spike_is_no_collapse_where_the_energy_is_bounded_below():
    """The mesh is too coarse for it, and that is another matter."""

    def bounded(u, p):
        return 0.5 * u[0] ** 2 - 0.4 * u[0] ** 4 + u[0] ** 6 / 8

    held, falling = ss.Problem(ss.Potential(bounded), GRID, norm=1.0), problem(CRITICAL + 0.2)
    with pytest.warns(ss.SolveWarning, match="collapsed"):
        spike = ss.solve(falling).u
    assert is_unresolved(held, spike)
    assert not is_collapsed(held, scale_to_norm(held, spike))
    assert is_collapsed(falling, spike)
