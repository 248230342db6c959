"""Newton's method on every problem of the catalogue, descent of the energy, and the status of failed runs."""

import math
import time
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss
from problems import BY_NAME, CASES, COMPACT_GRID, QUICKSTART_GRID, cubic_nls, octave_model, solved, strong_model
from supersoliton.elements.grid import differentiation_matrix
from supersoliton.theory.derivatives import point_kernels

# States that do not converge are the subject here; that solve warns of them is tested in tests/search/test_solve.py.
pytestmark = pytest.mark.filterwarnings("ignore::supersoliton.SolveWarning")

FIXED_NORM = [case.name for case in CASES if "norm" in case.exact and case.problem().norm is not None]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_the_exact_answer_is_found(case):
    state = solved(case.name)
    assert state.converged, state.status
    assert state.certificate.residual <= 1e-10
    for name, value in case.exact.items():
        if name == "u0":
            assert state.u[0, 0] == pytest.approx(value, rel=1e-9)
        else:
            assert getattr(state, name) == pytest.approx(value, rel=case.rel, abs=case.rel), name
    if case.profile is not None:
        assert state.u == pytest.approx(case.profile(state.grid.nodes), abs=1e-8 * np.abs(state.u).max())


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_the_differential_equation_holds_between_the_nodes(case):
    """-k (u'' + (d - 1) u'/r) + V'(u) - omega^2 u in L2, from the interpolant itself: no weak form, no dual norm.

    Two derivatives cost accuracy: the bound is that of an interpolant whose error in H^1 is the root of the energy's.
    """
    state = solved(case.name)
    grid, model = state.grid, state.problem.model
    half = 0.5 * np.diff(grid.element_edges)[:, None, None]
    second = np.einsum("eqa,ab->eqb", grid.derivative, differentiation_matrix(grid.order)) / half
    u, slope, curvature = (
        np.einsum("eqa,eai->eqi", matrix, grid.gather(state.u))
        for matrix in (grid.interpolation, grid.derivative, second)
    )
    r = grid.quadrature_points
    force = point_kernels(model.potential_function).gradient(u.reshape(-1, model.n_fields), model.params, r.ravel())
    force = np.asarray(force).reshape(u.shape)
    equation = -model.kinetic * (curvature + (grid.dim - 1) * slope / r[..., None]) + force
    equation -= state.multiplier * state.problem.carries_norm * u
    sizes = [np.sqrt(np.sum(grid.quadrature_weights[..., None] * x**2)) for x in (equation, force, curvature)]
    bound = 5e-5 + 60.0 * math.sqrt(state.certificate.discretisation)
    assert sizes[0] <= bound * max(sizes[1:])


@pytest.mark.parametrize("name", FIXED_NORM)
def test_the_energy_never_rises_on_a_minimisation_and_the_norm_is_kept(name):
    case = BY_NAME[name]
    state = solved(name)
    energies = np.array([energy for energy, _ in state.solution.history])
    assert len(energies) >= 3
    scale = state.problem.energy_scale(state.u)
    assert np.all(np.diff(energies) <= 1e-12 * scale)
    assert energies[-1] == pytest.approx(state.energy, rel=1e-14)
    assert state.norm == pytest.approx(case.exact["norm"], rel=1e-12)


@pytest.mark.parametrize("norm", [450.0, 900.0, 3000.0])
@pytest.mark.parametrize(
    "guess",
    [
        ss.Gaussian(1.0, 4.0, field=1),
        ss.Exponential(1.5, 3.0, field=(0, 1), alternate=True),
        ss.OriginalGuess(seed=3),
        ss.Gaussian(0.1, 50.0),
    ],
    ids=["Gaussian", "exponential", "original", "wide Gaussian"],
)
def test_minimisation_from_poor_guesses_descends_and_ends_with_a_status(guess, norm):
    """Two octaves on the common mesh: converged to a stationary point, never uphill."""
    problem = ss.Problem(octave_model(0.6, n_octaves=2), QUICKSTART_GRID, norm=norm)
    state = ss.solve(problem, guess)
    energies = np.array([energy for energy, _ in state.solution.history])
    assert np.all(np.diff(energies) <= 1e-12 * problem.energy_scale(state.u))
    assert state.converged, state.status
    assert state.certificate.negative_modes == 0  # a minimisation does not end on a saddle


def test_a_saddle_is_left_for_a_minimum():
    """Two octaves without coupling, equal by symmetry: the symmetric state is a saddle at a norm where one is lower."""
    model = octave_model(0.6, n_octaves=2, lambda_1=0.0, lambda_2=0.0)
    problem = ss.Problem(model, QUICKSTART_GRID, norm=600.0)
    symmetric = ss.solve(problem, ss.Gaussian(1.0, 4.0, field=(0, 1)), ss.Newton(target="stationary"))
    lower = ss.solve(problem, ss.Gaussian(1.0, 4.0, field=(0, 1)))
    assert lower.certificate.negative_modes == 0
    single = ss.solve(problem, ss.Gaussian(2.0, 4.0, field=0))
    assert lower.energy == pytest.approx(single.energy, rel=1e-10)
    if symmetric.converged and symmetric.certificate.kind == "q-ball":
        assert symmetric.energy > lower.energy
        assert symmetric.certificate.negative_modes > 0


def test_the_multiplier_is_the_slope_of_the_energy_along_the_branch():
    """dE/dN = omega^2/2, by central differences."""
    states = [
        ss.solve(ss.Problem(strong_model(), COMPACT_GRID, norm=norm), solved("octaves strong coupling N=60"))
        for norm in (59.9, 60.1)
    ]
    slope = (states[1].energy - states[0].energy) / 0.2
    assert slope == pytest.approx(0.5 * solved("octaves strong coupling N=60").multiplier, rel=1e-3)


def test_fixed_norm_and_fixed_frequency_are_the_same_state():
    at_norm = solved("octaves g=0.6 N=1200")
    problem = ss.Problem(at_norm.problem.model, QUICKSTART_GRID, omega=math.sqrt(at_norm.multiplier))
    at_omega = ss.solve(problem, at_norm)
    assert at_omega.converged
    assert at_omega.norm == pytest.approx(1200.0, rel=1e-8)
    assert at_omega.energy == pytest.approx(at_norm.energy, rel=1e-8)


def test_the_norm_of_one_field_alone_may_be_fixed():
    model = octave_model(0.6, n_octaves=2)
    problem = ss.Problem(model, QUICKSTART_GRID, norm=600.0, norm_of="psi_0")
    state = ss.solve(problem, ss.SuperGaussian(2.0, 3.5, field=0))
    assert state.converged, state.status
    parts = state.grid.integrate(state.u**2)
    assert parts[0] == pytest.approx(600.0, rel=1e-12)
    assert parts[1] > 1e-3  # driven by the coupling, and not constrained
    assert state.norm == pytest.approx(600.0, rel=1e-12)


def test_free_boundary_has_no_slope_at_the_outside():
    problem = ss.Problem(octave_model(0.6, n_octaves=2), QUICKSTART_GRID, boundary="free", norm=1200.0)
    state = ss.solve(problem, ss.SuperGaussian(2.0, 3.5, field=1))
    assert state.converged, state.status
    assert state.grid.differentiate(state.u)[-1] == pytest.approx(0.0, abs=1e-6)


# Status of failed runs


def test_too_few_steps_in_words():
    case = BY_NAME["octaves g=0.6 N=5000"]
    state = ss.solve(case.problem(), case.guess, ss.Newton(max_steps=2))
    assert not state.converged
    assert state.status.startswith("not converged within 2 steps: residual ")
    assert state.steps == 2
    assert state.certificate.kind == "unconverged"
    assert not state.certificate.certified


def test_out_of_time_in_words():
    case = BY_NAME["octaves g=0.6 N=5000"]
    state = ss.solve(case.problem(), case.guess, ss.Newton(max_seconds=1e-9))
    assert state.status.startswith("out of time after ")
    assert state.certificate.kind == "unconverged"


def _dies(u, p):
    """A potential that is NaN beyond u = 0.5."""
    return jnp.where(u[0] > 0.5, jnp.nan, 0.5 * u[0] ** 2)


def _overflows(u, p):
    return jnp.exp(1000.0 * u[0] ** 2) - 1.0


@pytest.mark.parametrize("function", [_dies, _overflows])
@pytest.mark.parametrize("norm", [None, 200.0])
def test_a_potential_that_is_not_finite_diverges_in_words(function, norm):
    problem = ss.Problem(ss.Potential(function), ss.RadialGrid(20.0, 8, 12), norm=norm)
    state = ss.solve(problem, ss.Gaussian(3.0, 1.0))
    assert state.status == "diverged: the energy or its gradient is not finite"
    assert state.certificate.kind == "unconverged"
    assert not state.certificate.certified


def test_an_energy_unbounded_below_does_not_converge():
    """-u^4 in three dimensions collapses at any fixed norm."""
    problem = ss.Problem(ss.Potential(cubic_nls), ss.RadialGrid(20.0, 8, 12), norm=500.0)
    state = ss.solve(problem, ss.Gaussian(3.0, 1.0), ss.Newton(max_steps=60))
    assert not state.certificate.certified
    assert state.certificate.reasons


def test_throw_raises_the_status():
    case = BY_NAME["octaves g=0.6 N=5000"]
    with pytest.raises(ss.SolveError, match="not converged within 2 steps") as error:
        ss.solve(case.problem(), case.guess, ss.Newton(max_steps=2), throw=True)
    assert error.value.state.steps == 2
    assert ss.solve(case.problem(), solved(case.name), throw=True).converged


def test_a_slow_potential_stops_near_its_budget():
    case = BY_NAME["octaves g=0.6 N=5000"]
    solved(case.name)  # compiled
    start = time.process_time()
    ss.solve(case.problem(), case.guess, ss.Newton(max_seconds=0.02))
    assert time.process_time() - start < 5.0


# Arguments


BAD = [
    *(({"tol": value}, "solver.tol") for value in (0, 1.0, -1e-9, math.nan, "x", None, True)),
    *(({"max_steps": value}, "solver.max_steps") for value in (0, -1, 2.5, None, True, "9")),
    *(({"target": value}, "solver.target") for value in ("saddle", None, 3)),
    *(({"max_seconds": value}, "solver.max_seconds") for value in (0, -1.0, math.nan, "x")),
]


@pytest.mark.parametrize(("arguments", "words"), BAD)
def test_bad_options_are_one_sentence(arguments, words):
    with pytest.raises(ValueError, match=words) as error:
        ss.Newton(**arguments)
    assert repr(next(iter(arguments.values()))) in str(error.value)


def test_tolerance_is_met_and_options_are_plain_data():
    case = BY_NAME["octaves g=0.6 N=600"]
    loose = ss.solve(case.problem(), case.guess, ss.Newton(tol=1e-3))
    assert loose.converged
    assert loose.steps <= solved(case.name).steps
    assert replace(ss.Newton(), tol=1e-6).tol == 1e-6


@pytest.mark.parametrize(
    ("problem", "guess", "words"),
    [
        (None, np.ones(5), r"shape \(5,\), expected \(97, 1\)"),
        (None, np.full(97, math.nan), "NaN or infinity"),
        (None, "x", "guess"),
        (None, lambda r: np.ones(3), r"shape \(3,\)"),
        (None, ss.Gaussian(field="nope"), "guess.field 'nope'"),
        (None, ss.Gaussian(field=7), "guess.field 7"),
        (1.0, np.zeros(97), "cannot be scaled to the norm"),
    ],
)
def test_a_guess_that_does_not_fit_is_one_sentence(problem, guess, words):
    with pytest.raises(ValueError, match=words) as error:
        ss.solve(ss.Problem(ss.Potential(cubic_nls), ss.RadialGrid(20.0, 8, 12), norm=problem), guess)
    assert "\n" not in str(error.value)


def test_without_a_mesh_one_is_chosen_or_an_error_is_raised():
    """Without a grid: a state on a mesh that the solver chose, or a sentence; never an assertion."""
    try:
        state = ss.solve(ss.Problem(ss.Potential(cubic_nls), dim=1), ss.Gaussian(1.4, 1.2))
    except ValueError as error:
        words = str(error)
    else:
        words = f"grid {state.energy:.10f}"
        assert state.energy == pytest.approx(4.0 / 3.0, rel=1e-6)
    assert "grid" in words
