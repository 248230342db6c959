"""One contract for every method: the same state and numbers, descent of the energy, and a status if it fails."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import supersoliton as ss
from problems import BY_NAME, QUICKSTART_GRID, octave_model, trapped_gas
from supersoliton.config import loads
from supersoliton.guesses.guess import starting_fields
from supersoliton.problem.residual import force
from supersoliton.solvers.descent import Descent
from supersoliton.solvers.lbfgs import Chart

# States that do not converge are the subject here; that solve warns of them is tested in tests/search/test_solve.py.
pytestmark = pytest.mark.filterwarnings("ignore::supersoliton.SolveWarning")

SOLVERS = {
    "newton": ss.Newton(target="minimum"),
    "lbfgs": ss.LBFGS(),
    "flow": ss.GradientFlow(),
    "flow alone": ss.GradientFlow(polish=False),
}
DESCENTS = [name for name in SOLVERS if name != "newton"]


def well(u, p, r):
    """A potential well with a wall at r = 5: inside V has its minimum at u^2 = -tanh(r - 5), outside at 0."""
    return 0.5 * jnp.tanh(r - 5.0) * u[0] ** 2 + 0.25 * u[0] ** 4


def repulsive(u, p):
    return 0.5 * u[0] ** 2 + 0.25 * u[0] ** 4


def symmetric_wall(u, p):
    """1/2 (1 - u^2)^2 with a kinetic factor: a kink of width sqrt(k)."""
    return 0.5 * (1.0 - u[0] ** 2) ** 2


@dataclass(frozen=True)
class Method:
    """A problem, a start in the basin of one state, and independently known values of the state."""

    problem: Callable[[], ss.Problem]
    guess: Any
    energy: float | None = None
    multiplier: float | None = None
    kind: str = ""


def _of(name: str) -> Method:
    case = BY_NAME[name]
    return Method(case.problem, case.guess, case.exact["energy"], case.exact.get("multiplier"), case.kind)


PROBLEMS = {
    "trap": _of("Gross-Pitaevskii beta=0"),
    "Gross-Pitaevskii": _of("Gross-Pitaevskii beta=10"),
    "kink": _of("kink d=1"),
    "two octaves": Method(
        lambda: ss.Problem(octave_model(0.6, n_octaves=2), QUICKSTART_GRID, norm=1200.0),
        ss.SuperGaussian(2.0, 3.5, field=(0, 1), alternate=True),
        kind="q-ball",
    ),
    "condensate wall": Method(
        lambda: ss.Problem(ss.Potential(well), ss.RadialGrid(12.0, 8, 12)), ss.Gaussian(1.0, 3.0, field=0)
    ),
    "kinetic factor": Method(
        # With k = 4 the kink is tanh(x/2) and costs twice as much.
        lambda: ss.Problem(
            ss.Potential(symmetric_wall, kinetic=(4.0,)),
            ss.RadialGrid(24.0, 8, 12, dim=1),
            boundary=[1.0],
            parity="odd",
        ),
        lambda r: np.tanh(r),
        energy=8.0 / 3.0,
        kind="kink",
    ),
    "vacuum": Method(
        lambda: ss.Problem(ss.Potential(repulsive), ss.RadialGrid(20.0, 8, 12)),
        ss.Gaussian(1.0, 3.0, field=0),
        energy=0.0,
        multiplier=0.0,
        kind="vacuum",
    ),
    "fixed frequency": Method(
        # The chemical potential of the row beta = 10, norm free: the minimum of E - omega^2 N/2.
        lambda: ss.Problem(
            ss.Potential(trapped_gas, params={"beta": 10.0}),
            BY_NAME["Gross-Pitaevskii beta=10"].problem().grid,
            omega=math.sqrt(BY_NAME["Gross-Pitaevskii beta=10"].exact["multiplier"]),
        ),
        ss.Gaussian(0.3, 1.5, field=0),
        energy=BY_NAME["Gross-Pitaevskii beta=10"].exact["energy"],
        multiplier=BY_NAME["Gross-Pitaevskii beta=10"].exact["multiplier"],
    ),
}


@functools.cache
def found(problem: str, solver: str) -> ss.State:
    method, chosen = PROBLEMS[problem], SOLVERS[solver]
    if solver == "newton" and method.problem().omega is not None:
        chosen = ss.Newton(target="stationary")
    return ss.solve(method.problem(), method.guess, chosen)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("problem", PROBLEMS)
class TestContract:
    def test_converges_to_the_same_state(self, problem, solver):
        state, reference = found(problem, solver), found(problem, "newton")
        assert state.converged, state.status
        assert state.solution.residual <= 1e-10
        # A vacuum's energy has no scale of its own: that of a field of strength 1 in the box.
        scale = max(state.problem.energy_scale(state.u), 1.0)
        assert state.energy == pytest.approx(reference.energy, abs=1e-9 * scale)
        assert state.multiplier == pytest.approx(reference.multiplier, rel=1e-8, abs=1e-8)
        if problem != "fixed frequency":  # a repulsive gas has two states there, u and -u, of equal rights
            assert state.u == pytest.approx(reference.u, abs=1e-6)
        assert state.certificate.kind == reference.certificate.kind
        assert state.certificate.certified == reference.certificate.certified

    def test_meets_what_is_known_independently(self, problem, solver):
        method, state = PROBLEMS[problem], found(problem, solver)
        if method.energy is not None:
            assert state.energy == pytest.approx(method.energy, rel=1e-9, abs=1e-9)
        if method.multiplier is not None:
            assert state.multiplier == pytest.approx(method.multiplier, rel=1e-8)
        if method.kind:
            assert state.certificate.kind == method.kind

    def test_never_goes_uphill_and_keeps_norm_and_boundary(self, problem, solver):
        state = found(problem, solver)
        u = state.u
        energies = np.array([energy for energy, _ in state.solution.history])
        start = starting_fields(state.problem, PROBLEMS[problem].guess)
        assert energies[0] == pytest.approx(state.problem.energy(start), rel=1e-13)
        assert energies[-1] == pytest.approx(state.energy, rel=1e-13, abs=1e-13)
        assert len(energies) <= state.solution.steps + 1
        if state.problem.omega is None:  # at fixed frequency it is E - omega^2 N/2 that falls
            assert np.all(np.diff(energies) <= 1e-12 * max(abs(energies[0]), state.problem.energy_scale(u)))
        if state.problem.norm is not None:
            assert state.problem.norm_of_state(u) == pytest.approx(state.problem.norm, rel=1e-12)
        held = state.problem.free_nodes == 0
        assert np.array_equal(u[held], start[held])


def test_the_condensate_wall_solves_its_equation():
    """u'' + 2u'/r = tanh(r - 5) u + u^3 integrated outwards from the value found at the origin."""
    state = found("condensate wall", "lbfgs")
    u0 = state.u[0, 0]
    curvature = math.tanh(-5.0) * u0 + u0**3
    shot = solve_ivp(
        lambda r, y: [y[1], math.tanh(r - 5.0) * y[0] + y[0] ** 3 - 2.0 * y[1] / r],
        (1e-3, 5.0),
        [u0 + curvature * 1e-6 / 6.0, curvature * 1e-3 / 3.0],
        rtol=1e-11,
        atol=1e-12,
    )
    assert abs(u0) > 0.9
    assert state(np.array([5.0]))[0, 0] == pytest.approx(shot.y[0, -1], rel=1e-3)  # errors at u0 grow like e^7


# Status of failed runs


def _two_octaves() -> tuple[ss.Problem, np.ndarray]:
    problem = PROBLEMS["two octaves"].problem()
    return problem, starting_fields(problem, PROBLEMS["two octaves"].guess)


def _dies(u, p):
    return jnp.where(u[0] > 0.5, jnp.nan, 0.5 * u[0] ** 2)


def _barrier(u, p):
    """ln u beyond reach: NaN for u <= 0, with its minimum at u = 1."""
    return u[0] - jnp.log(u[0])


@pytest.mark.parametrize("solver", SOLVERS)
class TestFailure:
    def test_too_few_steps_in_words(self, solver):
        problem, u = _two_octaves()
        solution = replace(SOLVERS[solver], max_steps=2).run(problem, u)
        assert not solution.converged
        assert solution.steps == 2
        assert solution.status.startswith("not converged within 2 steps: residual ")
        assert solution.residual == pytest.approx(force(problem, solution.u).residual, rel=1e-12)

    def test_out_of_time_in_words(self, solver):
        problem, u = _two_octaves()
        solution = replace(SOLVERS[solver], max_seconds=1e-9).run(problem, u)
        assert solution.status.startswith("out of time after ")
        assert solution.u == pytest.approx(u, rel=1e-14, abs=0)  # placed on the norm again: a rounding

    def test_a_budget_is_kept_within_a_line_search(self, solver):
        problem, u = _two_octaves()
        SOLVERS[solver].run(problem, u)  # compiled
        begin = time.process_time()
        replace(SOLVERS[solver], max_seconds=0.02).run(problem, u)
        assert time.process_time() - begin < 5.0

    @pytest.mark.parametrize("norm", [None, 200.0])
    def test_nan_at_the_start_in_words(self, solver, norm):
        problem = ss.Problem(ss.Potential(_dies), ss.RadialGrid(20.0, 8, 12), norm=norm)
        state = ss.solve(problem, ss.Gaussian(3.0, 1.0), SOLVERS[solver])
        assert state.status == "diverged: the energy or its gradient is not finite"
        assert state.certificate.kind == "unconverged"
        assert not state.certificate.certified

    def test_nan_on_the_way_is_turned_back_from(self, solver):
        """NaN outside its path does not stop the flow to u = 1."""
        problem = ss.Problem(ss.Potential(_barrier), ss.RadialGrid(10.0, 8, 12), boundary=[1.0])
        state = ss.solve(problem, ss.Gaussian(-0.97, 2.0, field=0), SOLVERS[solver])
        assert state.converged, state.status
        assert state.u == pytest.approx(np.ones_like(state.u), abs=1e-9)

    def test_an_energy_without_a_bottom_is_not_certified(self, solver):
        problem = ss.Problem(ss.Potential(lambda u, p: -0.25 * u[0] ** 4), ss.RadialGrid(20.0, 8, 12), norm=500.0)
        state = ss.solve(problem, ss.Gaussian(3.0, 1.0), replace(SOLVERS[solver], max_steps=80, max_seconds=5.0))
        assert not state.certificate.certified
        assert state.certificate.reasons


def test_lbfgs_without_polish_reports_its_residual():
    problem, u = _two_octaves()
    rough = ss.LBFGS(polish=False).run(problem, u)
    assert not rough.converged
    assert rough.status.startswith(f"L-BFGS ended at residual {rough.residual:.1e}, above 1e-10: ")
    exact = found("two octaves", "newton").energy
    assert 0 < rough.residual < 1e-3
    assert 0 <= problem.energy(rough.u) - exact < 1e-6 * exact
    finer = ss.LBFGS(polish=False, ftol=0.0, gtol=0.0).run(problem, u)  # to what the energy can resolve
    assert finer.residual < 1e-6 < 1e4 * rough.residual
    assert ss.LBFGS(polish=False, tol=1e-3).run(problem, u).status == "converged"


def test_the_explicit_scheme_is_far_from_converged_after_a_hundred_steps():
    """100 steps of 2e-5 are a time of 0.002: the fields hardly change and the status reports no convergence."""
    problem, u = _two_octaves()
    solution = ss.GradientFlow(scheme="explicit", max_steps=100).run(problem, u)
    assert solution.steps == 100
    assert not solution.converged
    assert solution.status.startswith("not converged within 100 steps: residual ")
    assert solution.residual > 0.1
    energies = np.array([energy for energy, _ in solution.history])
    assert len(energies) == 11  # the start, and each restoration of the norm
    assert np.all(np.diff(energies) < 0)
    exact = found("two octaves", "newton").energy
    assert energies[-1] - exact > 0.9 * (energies[0] - exact)
    assert float(problem.norm_of_state(solution.u)) == pytest.approx(1200.0, rel=1e-12)


def test_the_explicit_scheme_follows_the_flow():
    """dE/dtau = -F^T M^-1 F along the projected flow, and its fixed points are the constrained stationary points."""
    problem, u = _two_octaves()
    grid = problem.grid
    solution = ss.GradientFlow(scheme="explicit", dtau=1e-7, normalise_every=1, max_steps=1).run(problem, u)
    at = force(problem, u)
    slope = -float(np.sum(at.vector[:-1] * np.linalg.solve(grid.mass[:-1, :-1], at.vector[:-1])))
    assert (solution.history[1][0] - solution.history[0][0]) / 1e-7 == pytest.approx(slope, rel=1e-3)
    exact = found("two octaves", "newton").u
    still = ss.GradientFlow(scheme="explicit", tol=1e-14, polish=False, max_steps=20).run(problem, exact)
    assert still.u == pytest.approx(exact, abs=1e-12)


def test_the_explicit_scheme_converges_with_large_steps():
    """On a mesh coarse enough for steps of 2e-3, reached by halving a longer one."""
    problem = ss.Problem(ss.Potential(repulsive), ss.RadialGrid(6.0, 2, 6, dim=1), boundary="free", norm=3.0)
    u = starting_fields(problem, ss.Gaussian(1.0, 2.0))
    reference = ss.Newton().run(problem, u)
    slow = ss.GradientFlow(scheme="explicit", dtau=0.1, max_steps=20000, polish=False, tol=1e-8).run(problem, u)
    assert slow.converged, slow.status
    assert problem.energy(slow.u) == pytest.approx(problem.energy(reference.u), rel=1e-9)
    assert slow.multiplier == pytest.approx(reference.multiplier, rel=1e-8)


def test_the_clip_keeps_fields_in_bounds():
    problem = ss.Problem(ss.Potential(repulsive), ss.RadialGrid(10.0, 4, 8))
    u = starting_fields(problem, ss.Gaussian(3.0, 2.0, field=0))
    solution = ss.GradientFlow(scheme="explicit", clip=0.5, max_steps=10).run(problem, u)
    assert np.abs(solution.u).max() <= 0.5


# The gradient in the coordinates w


def _smooth(problem: ss.Problem, seed: int) -> np.ndarray:
    """A few waves in every field, resolved by the mesh, that vanish at both ends."""
    rng, x = np.random.default_rng(seed), problem.grid.nodes[:, None] / problem.grid.r_max
    waves = [rng.normal(size=problem.model.n_fields) * np.sin(k * np.pi * x) for k in range(1, 6)]
    return np.sum(waves, axis=0) * problem.free_nodes


@pytest.mark.parametrize("name", ["two octaves", "kink", "condensate wall", "fixed frequency", "kinetic factor"])
def test_the_gradient_in_the_metric_is_exact(name):
    problem = PROBLEMS[name].problem()
    u = starting_fields(problem, PROBLEMS[name].guess) + 0.1 * _smooth(problem, 0)
    chart = Chart(Descent(problem, u, tol=1e-10, max_steps=1, max_seconds=None, name="test"))
    w = 1.3 * chart.coordinates(u)  # off the sphere, where one is given
    _, gradient = chart.value_and_gradient(w)
    for seed in (1, 2, 3):
        direction = chart.coordinates(u + _smooth(problem, seed)) - chart.coordinates(u)
        step = 1e-4 * direction / np.linalg.norm(direction)
        forward, backward = (chart.value_and_gradient(w + sign * step)[0] for sign in (1.0, -1.0))
        assert forward - backward == pytest.approx(2.0 * gradient @ step, abs=2e-10 * np.linalg.norm(gradient))
    assert chart.coordinates(chart.fields(w)) == pytest.approx(w, rel=1e-9, abs=1e-9)
    if problem.norm is not None:  # along the ray nothing changes
        ray = chart.coordinates(np.where(problem.carries_norm > 0, u, problem.vacuum.values))
        assert abs(gradient @ ray) < 1e-9 * np.linalg.norm(gradient) * np.linalg.norm(ray)


def test_the_inner_product_of_the_coordinates_is_that_of_h1():
    problem = PROBLEMS["kink"].problem()
    grid = problem.grid
    u = starting_fields(problem, PROBLEMS["kink"].guess)
    chart = Chart(Descent(problem, u, tol=1e-10, max_steps=1, max_seconds=None, name="test"))
    rng = np.random.default_rng(2)
    a, b = (rng.normal(size=u.shape) * problem.free_nodes for _ in range(2))
    origin = chart.coordinates(u)
    product = (chart.coordinates(u + a) - origin) @ (chart.coordinates(u + b) - origin)
    assert product == pytest.approx(float(np.sum(a * ((grid.stiffness + grid.mass) @ b))), rel=1e-10)


# Arguments and configuration


BAD = [
    *((kind, {"tol": value}) for kind in (ss.LBFGS, ss.GradientFlow) for value in (0, 1.0, math.nan, "x", None, True)),
    *((kind, {"max_steps": value}) for kind in (ss.LBFGS, ss.GradientFlow) for value in (0, 2.5, None, True)),
    *((kind, {"max_seconds": value}) for kind in (ss.LBFGS, ss.GradientFlow) for value in (0, -1.0, math.nan, "x")),
    *((kind, {"polish": value}) for kind in (ss.LBFGS, ss.GradientFlow) for value in (1, None, "yes")),
    *((ss.LBFGS, {name: value}) for name in ("ftol", "gtol") for value in (-1e-9, math.inf, None, "x")),
    *((ss.GradientFlow, {"scheme": value}) for value in ("implicit", None, 3)),
    *((ss.GradientFlow, {"dtau": value}) for value in (0, -1.0, math.nan, "x")),
    *((ss.GradientFlow, {"clip": value}) for value in (0, -1.0, math.nan, None)),
    *((ss.GradientFlow, {"normalise_every": value}) for value in (0, 1.5, None, True)),
]


@pytest.mark.parametrize(("kind", "arguments"), BAD)
def test_bad_options_are_one_sentence(kind, arguments):
    name, value = next(iter(arguments.items()))
    with pytest.raises(ValueError, match=rf"^solver\.{name} must .*: ") as error:
        kind(**arguments)
    assert repr(value) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("table", "solver"),
    [
        ({}, ss.Newton()),
        ({"kind": "lbfgs", "ftol": 1e-7, "polish": False}, ss.LBFGS(ftol=1e-7, polish=False)),
        ({"kind": "gradient_flow", "max_steps": 50}, ss.GradientFlow(max_steps=50)),
        ({"kind": "gradient_flow", "scheme": "explicit", "dtau": 1e-4}, ss.GradientFlow("explicit", 1e-4)),
    ],
)
def test_a_configuration_names_the_method(table, solver):
    config = loads({"solver": table})
    assert config.solver == solver
    assert loads(config.to_dict()).solver == solver


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"kind": "lbfgs", "target": "minimum"}, r"^\[solver\] has no key 'target'"),
        ({"kind": "gradient_flow", "scheme": "implicit"}, r"^\[solver\] scheme must be one of"),
        ({"kind": "lbfgs", "ftol": "small"}, r"^\[solver\] ftol must be a number"),
        ({"kind": "cg"}, r"^\[solver\] kind must be one of newton, lbfgs, gradient_flow"),
    ],
)
def test_a_wrong_solver_table_is_one_sentence(table, words):
    with pytest.raises(ValueError, match=words):
        loads({"solver": table})
