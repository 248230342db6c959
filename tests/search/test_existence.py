"""Problems without a localised state: the condition that decides it is named, with the right limits."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss
from problems import cubic_nls
from supersoliton.search import solve as solve_module
from supersoliton.search.existence import why_none
from supersoliton.search.norm_branch import least_norm
from supersoliton.solvers.base import Stopwatch


def sextic(u, p):
    return 0.5 * u[0] ** 2 - 0.4 * u[0] ** 4 + 0.1 * u[0] ** 6  # least 2V/u^2: 1 - 0.8 x + 0.2 x^2 at x = 2: 0.2


def repulsive(u, p):
    return 0.5 * u[0] ** 2 + u[0] ** 4


GRID = ss.RadialGrid(20.0, 12, 12)


def reason(potential, **settings):
    return why_none(ss.Problem(ss.Potential(potential), **settings))


@pytest.mark.parametrize("omega", [1.01, -1.5, 30.0])
def test_above_the_mass_the_fields_oscillate(omega):
    assert "the fields outside oscillate (the lightest mass is 1)" in reason(sextic, omega=omega)
    with pytest.raises(ValueError, match=r"solve: at omega = .* the fields outside oscillate"):
        ss.solve(ss.Problem(ss.Potential(sextic), omega=omega))


def test_below_the_least_frequency_there_is_none_and_the_limit_is_given():
    assert "choose omega above 0.4472" in reason(sextic, omega=0.44)
    assert reason(sextic, omega=0.45) is None
    assert ss.solve(ss.Problem(ss.Potential(sextic), omega=0.5)).certificate.certified


@pytest.mark.parametrize("settings", [{}, {"omega": 0.9}, {"norm": 3.0}], ids=str)
def test_repulsion_binds_nothing(settings):
    assert "nowhere below" in reason(repulsive, **settings)


@pytest.mark.parametrize(("dim", "exists"), [(3, True), (3.9, True), (4, False), (5, False)])
def test_by_pohozaev_the_cubic_equation_has_none_from_four_dimensions_on(dim, exists):
    assert (reason(cubic_nls, dim=dim) is None) is exists


def test_a_tower_of_conditions_does_not_refuse_what_exists():
    """Potentials that have a soliton, flat, logarithmic or with a false vacuum off the origin, are let through."""
    assert reason(lambda u, p: jnp.log1p(u[0] ** 2), omega=0.003) is None
    assert reason(lambda u, p: 0.5 * u[0] ** 2 * (1 - jnp.log(u[0] ** 2)), dim=5) is None
    tilted = ss.Potential(lambda u, p: 0.25 * (u[0] ** 2 - 1) ** 2 + 0.05 * u[0])
    assert why_none(ss.Problem(tilted, background=ss.vacua(tilted)[1].values)) is None
    assert "nowhere below" in (why_none(ss.Problem(tilted, background=ss.vacua(tilted)[0].values)) or "")
    trap = ss.Potential(lambda u, p, r: 0.5 * (1 + r**2) * u[0] ** 2)
    assert why_none(ss.Problem(trap, norm=1.0)) is None


def test_a_vacuum_that_is_found_instead_is_called_one():
    with pytest.warns(ss.SolveWarning, match="what was found is the vacuum: at omega = 0.3 no localised state exists"):
        state = ss.solve(ss.Problem(ss.Potential(sextic), GRID, omega=0.3))
    assert state.certificate.kind == "vacuum"
    assert not state.certificate.certified
    assert "what was found is the vacuum" in repr(state)


def test_below_the_least_norm_that_is_said(monkeypatch):
    """The least norm, from N(omega) of states on a fine list of omega."""
    problem = ss.Problem(ss.Potential(sextic), norm=20.0)
    norms = [ss.solve(ss.Problem(ss.Potential(sextic), omega=w)).norm for w in (0.82, 0.86, 0.9, 0.94, 0.97)]
    assert min(norms) < min(norms[0], norms[-1])
    assert least_norm(problem, Stopwatch(None)) == pytest.approx(min(norms), rel=0.02)
    monkeypatch.setattr(solve_module, "_LEAST_NORM_SECONDS", 600.0)  # a busy machine
    state = ss.solve(problem)
    assert not state.certificate.certified
    assert any("localised states of this potential have at least about" in r for r in state.certificate.reasons)


def test_no_argument_of_bounce_is_named_by_solve():
    two = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 + 0.5 * u[1] ** 2 + u[0] ** 2 * u[1] ** 2, fields=("a", "b"))
    with pytest.raises(
        ValueError, match="without a grid a localised state is needed, but no state lower than"
    ) as error:
        ss.solve(ss.Problem(two))
    assert "_vacuum" not in str(error.value)
    assert "bounce:" not in str(error.value)


def test_a_flat_potential_at_a_small_frequency_is_solved_by_shooting():
    """V = ln(1 + u^2), omega = 0.003: centre 5573.773 and action 6.6139107e10 by shooting with SciPy."""
    state = ss.solve(ss.Problem(ss.Potential(lambda u, p: jnp.log1p(u[0] ** 2)), omega=0.003))
    assert abs(float(state(0.0)[0])) == pytest.approx(5573.773, rel=1e-6)
    assert state.action == pytest.approx(6.6139107e10, rel=1e-7)


def test_find_states_gives_the_reason():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        states = ss.find_states(ss.Problem(ss.Potential(sextic), omega=1.2))
    assert states == []
    assert "the fields outside oscillate" in states.not_found[0]
    assert np.all([isinstance(text, str) for text in states.not_found])
