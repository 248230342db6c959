"""Bounces without a guess: known actions, messages if there is none, thin walls, and random potentials."""

import functools
import math
from dataclasses import replace

import numpy as np
import pytest

import supersoliton as ss
from problems import (
    BOUNCES,
    BY_NAME,
    REFERENCE,
    cubic_nls,
    cubic_quintic,
    double_well,
    fubini_lipatov,
    logarithmic,
    one_field_quartic,
    q_ball_potential,
    quadratic_nls,
    tilted_quartic,
    trapped_gas,
    well_model,
)
from random_potentials import faults, random_potential
from supersoliton.solvers.newton import Newton

KNOWN = {case.name: case for case in BOUNCES if "Fubini" not in case.name}
# The reference was computed on two meshes that agree to 6e-12 at worst, 1e-12 as a rule.
REFERENCE_ERROR = 3e-12


@functools.cache
def found(name: str) -> ss.State:
    case = KNOWN[name]
    return ss.bounce(case.model(), case.false, dim=case.dim)


def largest_mass_squared(state: ss.State) -> float:
    return max(1.0, float(state.problem.vacuum.masses_squared[-1]))


@pytest.mark.parametrize("name", KNOWN)
def test_every_bounce_of_the_catalogue_is_found_without_a_guess(name):
    state, case = found(name), KNOWN[name]
    assert state.converged, state.status
    assert state.action == pytest.approx(case.action, rel=1e-9)
    if case.u_at_origin is not None:
        assert state.u[0] == pytest.approx(np.array(case.u_at_origin), rel=1e-9)
    if case.lambda_0 is not None:
        modes = ss.spectrum(state, n_modes=3)
        assert modes.eigenvalues[0] == pytest.approx(case.lambda_0, rel=1e-7)
        assert modes.eigenvalues[1] > 0
    assert faults(state) == []
    assert state.certificate.certified
    assert abs(state.certificate.translation_mode) <= 1e-7 * largest_mass_squared(state)


@pytest.mark.parametrize("name", KNOWN)
def test_the_reported_error_of_the_action_brackets_the_reference(name):
    state, case = found(name), KNOWN[name]
    reported = state.certificate.discretisation
    assert abs(state.action / case.action - 1.0) <= reported + REFERENCE_ERROR
    assert 1e-17 < reported < 1e-11  # to rounding, and not less than rounding


@pytest.mark.parametrize("order", [4, 6])
@pytest.mark.parametrize("name", ["one-field quartic d=3", "3-field well d=4", "tilted quartic c=0.47 d=3"])
def test_the_reported_error_brackets_the_truth_on_a_coarse_mesh(name, order):
    fine = found(name)
    edges = tuple(fine.grid.element_edges[::2])
    problem = fine.problem.with_grid(ss.RadialGrid(edges=edges, order=order, dim=fine.grid.dim))
    coarse = ss.solve(problem, fine, Newton(target="stationary"))
    assert coarse.converged, coarse.status
    true = abs(coarse.action / fine.action - 1.0)
    assert true > 1e-12  # or this would test nothing
    assert true <= coarse.certificate.discretisation <= 100.0 * true


@pytest.mark.parametrize("name", ["one-field quartic d=3", "6-field well d=3"])
def test_the_action_is_that_of_gradients_alone(name):
    """On a stationary point S = 2T/d by scaling (Derrick): T from the interpolant on a uniform fine grid."""
    state, d = found(name), KNOWN[name].dim
    r = np.linspace(0.0, state.grid.r_max, 40001)
    slope = np.gradient(state(r), r, axis=0, edge_order=2)
    tension = 0.5 * 4.0 * math.pi * np.trapezoid(r**2 * np.sum(slope**2, axis=1), r)
    assert state.action == pytest.approx(2.0 / d * tension, rel=1e-5)


# Closed forms and published numbers beyond the table


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_the_logarithmic_potential_in_every_dimension(dim):
    """S = 1/2 m^2 w^2 e^d (pi/m^2)^(d/2), u(0) = w e^(d/2), lambda_0 = -2 m^2; V'' diverges at the vacuum."""
    m, w = 1.3, 0.7
    state = ss.bounce(ss.Potential(logarithmic, params={"m": m, "w": w}), [0.0], dim=dim)
    exact = 0.5 * m**2 * w**2 * math.exp(dim) * (math.pi / m**2) ** (dim / 2)
    assert state.converged, state.status
    assert state.action == pytest.approx(exact, rel=1e-9)
    assert state.u[0, 0] == pytest.approx(w * math.exp(dim / 2), rel=1e-9)
    assert ss.spectrum(state, n_modes=2).eigenvalues[0] == pytest.approx(-2.0 * m**2, rel=1e-7)
    assert abs(state.action / exact - 1.0) <= state.certificate.discretisation + 1e-13
    assert faults(state) == []


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_cubic_nls_has_its_ground_state_as_bounce(dim):
    exact = BY_NAME[f"cubic NLS d={dim} n=0"].exact
    state = ss.bounce(ss.Potential(cubic_nls), [0.0], dim=dim)
    assert abs(state.u[0, 0]) == pytest.approx(exact["u0"], rel=1e-9)
    assert state.action == pytest.approx(exact["action"], rel=1e-9)
    assert state.norm == pytest.approx(exact["norm"], rel=1e-9)
    assert faults(state) == []


@pytest.mark.parametrize(
    ("potential", "params", "row"),
    [
        (quadratic_nls, {}, REFERENCE["nls"]["quadNLS_d3"]),
        (cubic_quintic, {"w": 0.05}, REFERENCE["cubic_quintic"]["0.05"]),
        (cubic_quintic, {"w": 0.1}, REFERENCE["cubic_quintic"]["0.1"]),
    ],
    ids=["quadratic NLS", "cubic-quintic 0.05", "cubic-quintic 0.1"],
)
def test_other_rows_of_the_reference(potential, params, row):
    state = ss.bounce(ss.Potential(potential, params=params), [0.0])
    assert abs(state.u[0, 0]) == pytest.approx(row["u0"], rel=1e-9)
    assert state.action == pytest.approx(row["action"], rel=1e-9)
    assert state.norm == pytest.approx(row["mass"], rel=1e-9)
    assert faults(state) == []


def rotating(u, p):
    """The Q-ball's effective potential at frequency k."""
    return q_ball_potential(u, p) - 0.5 * p["k"] ** 2 * u[0] ** 2


def test_the_reference_q_ball_is_a_bounce_of_the_rotated_potential():
    row = REFERENCE["q_ball"]
    state = ss.bounce(ss.Potential(rotating, params={"k": row["k"]}), [0.0])
    assert abs(state.u[0, 0]) == pytest.approx(row["f0"], rel=1e-9)
    assert state.action == pytest.approx(row["action"], rel=1e-9)
    assert state.norm == pytest.approx(row["mass"], rel=1e-9)
    assert faults(state) == []


def test_a_coupling_scales_the_action_as_it_must():
    """u -> u/s and r -> r/m: S(m, s) = s^2 m^(2-d) S(1, 1) for V = m^2 s^2 V1(u/s)."""
    d, m, s = 3, 2.5, 40.0

    base = found("one-field quartic d=3")
    state = ss.bounce(ss.Potential(scaled_quartic, params={"m": m, "s": s}), [0.0], dim=d)
    assert state.action == pytest.approx(s**2 * m ** (2 - d) * base.action, rel=1e-9)
    assert state.u[0, 0] == pytest.approx(s * base.u[0, 0], rel=1e-9)
    assert faults(state) == []


def scaled_quartic(u, p):
    return p["m"] ** 2 * p["s"] ** 2 * one_field_quartic(u / p["s"], p)


def test_the_order_of_the_fields_and_a_constant_do_not_matter():
    c = [0.684373, 0.181928, 0.295089]
    state = ss.bounce(well_model([c[2], c[0], c[1]], 0.284821), [0.0, 0.0, 0.0])
    base = found("3-field well d=3")
    assert state.action == pytest.approx(base.action, rel=1e-11)
    assert state.u[0] == pytest.approx(base.u[0][[2, 0, 1]], rel=1e-9)


def test_the_true_vacuum_may_be_named_and_vacuum_records_are_taken():
    model = ss.Potential(one_field_quartic)
    true = ss.vacua(model)[0]
    false = next(v for v in ss.vacua(model) if abs(v.values[0]) < 1e-6)
    assert ss.bounce(model, false, true).action == pytest.approx(found("one-field quartic d=3").action, rel=1e-11)


# Least action


def two_directions(u, p):
    """Two barriers out of the origin: along u_0, and along u_1 a higher one."""
    return 0.5 * (u[0] ** 2 + u[1] ** 2) - 0.25 * (u[0] ** 4 + p["g"] * u[1] ** 4) + p["k"] * (u[0] * u[1]) ** 2


@pytest.mark.parametrize("g", [0.2, 0.95, 1.05])
def test_the_wall_of_lower_action_is_chosen(g):
    """Decoupled directions: actions S and S/g, S the reference's; k > 0 keeps them apart."""
    state = ss.bounce(ss.Potential(two_directions, ("a", "b"), {"g": g, "k": 1.0}), [0.0, 0.0])
    exact = REFERENCE["nls"]["cubicNLS_d3_n0"]["action"]
    assert state.action == pytest.approx(exact / max(g, 1.0), rel=1e-9)
    assert faults(state) == []


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_no_lower_minimum_is_reached_by_a_bounce_of_less_action(seed):
    """The bounce to any given lower state has at least the action of the one chosen without true_vacuum."""
    model = random_potential(seed)
    origin = [0.0] * model.n_fields
    free = ss.bounce(model, origin)
    for v in ss.vacua(model)[:4]:
        if v.energy_density < -1e-6:
            assert ss.bounce(model, origin, v).action >= free.action * (1.0 - 1e-9), v


# No bounce


def refusal(*args, **kwargs) -> str:
    with pytest.raises(ss.BounceError) as caught:
        ss.bounce(*args, **kwargs)
    words = str(caught.value)
    assert words.startswith("bounce: ")
    assert "\n" not in words
    assert len(words) < 400
    return words


@pytest.mark.parametrize("dim", [3, 4])
def test_a_scale_free_instanton_is_refused_in_plain_words(dim):
    assert "massless" in refusal(ss.Potential(fubini_lipatov, params={"g": 1.0}), [0.0], dim=dim)


def test_degenerate_vacua():
    assert "degenerate" in refusal(ss.Potential(double_well), [-1.0])
    assert "degenerate" in refusal(ss.Potential(double_well), [-1.0], [1.0])
    assert "degenerate" in refusal(ss.Potential(tilted_quartic, params={"c": 0.5}), [0.0])


def test_a_tachyonic_false_vacuum():
    words = refusal(ss.Potential(double_well), [0.0])
    assert "tachyon" in words
    assert "-2" in words


def test_nothing_lower():
    assert "no state lower" in refusal(ss.Potential(trapless, params={"beta": 1.0}), [0.0])
    assert "no state lower" in refusal(
        ss.Potential(one_field_quartic), [ss.vacua(ss.Potential(one_field_quartic))[0].values[0]]
    )


def trapless(u, p):
    return 0.5 * u[0] ** 2 + 0.5 * p["beta"] * u[0] ** 4


def test_exchanged_vacua():
    model = ss.Potential(one_field_quartic)
    true = ss.vacua(model)[0]
    assert "exchange" in refusal(model, true, [0.0])


def test_a_massless_false_vacuum():
    assert "massless" in refusal(ss.Potential(flat_direction, ("a", "b")), [0.0, 0.0])


def flat_direction(u, p):
    return 0.5 * u[0] ** 2 - 0.25 * (u[0] ** 2 + u[1] ** 2) ** 2


def test_a_false_vacuum_that_is_not_stationary():
    assert "is not a stationary point of V" in refusal(ss.Potential(one_field_quartic), [0.3])


def test_explicit_radius():
    assert "r itself" in refusal(ss.Potential(trapped_gas, params={"beta": 1.0}), [0.0])


@pytest.mark.parametrize(
    "change",
    [
        {"false_vacuum": [0.0, 0.0]},
        {"false_vacuum": [math.nan]},
        {"true_vacuum": [1.0, 2.0]},
        {"true_vacuum": [math.inf]},
        {"dim": 0.5},
        {"dim": math.nan},
        {"dim": True},
    ],
    ids=str,
)
def test_wrong_arguments_are_named_with_value_and_remedy(change):
    arguments = {"model": ss.Potential(one_field_quartic), "false_vacuum": [0.0], **change}
    with pytest.raises(ValueError, match=f"bounce: {next(iter(change))} .*: [a-z]") as caught:
        ss.bounce(**arguments)
    assert "\n" not in str(caught.value)


# Real dimensions


@pytest.mark.parametrize("dim", [1.4, 2.0, 2.5, 3.7])
def test_real_dimensions(dim):
    state = ss.bounce(ss.Potential(one_field_quartic), [0.0], dim=dim)
    assert state.grid.dim == dim
    assert faults(state) == []
    assert state.certificate.virial <= 1e-10
    assert ss.spectrum(state, n_modes=2).eigenvalues[0] < 0 < ss.spectrum(state, n_modes=2).eigenvalues[1]


def test_the_logarithmic_closed_form_holds_in_a_real_dimension():
    for dim in (1.5, 2.5, 3.7):
        state = ss.bounce(ss.Potential(logarithmic, params={"m": 1.3, "w": 0.7}), [0.0], dim=dim)
        exact = 0.5 * 1.3**2 * 0.7**2 * math.exp(dim) * (math.pi / 1.3**2) ** (dim / 2)
        assert state.action == pytest.approx(exact, rel=1e-9), dim


@pytest.mark.parametrize("params", [{"c": 0.2}, {"c": 0.45}, {"c": 0.495}], ids=str)
def test_in_one_dimension_the_action_is_an_integral_over_the_field(params):
    """d = 1: u'^2 = 2 V, so S = 2 int sqrt(2 V) du up to the turning point (S counts both sides)."""
    model = ss.Potential(tilted_quartic, params=params)
    state = ss.bounce(model, [0.0], dim=1)
    c = params["c"]
    # V = u^2 (u^2/4 - (c+1) u/3 + c/2): the first zero beyond the origin
    turning = min(np.roots([0.25, -(c + 1.0) / 3.0, 0.5 * c]).real)
    x, weight = np.polynomial.legendre.leggauss(400)
    t = 0.5 * (x + 1.0)  # u = turning (1 - t^2) takes the root at the end away
    u = turning * (1.0 - t**2)
    potential = 0.25 * u**4 - (c + 1.0) * u**3 / 3.0 + 0.5 * c * u**2
    exact = float(np.sum(0.5 * weight * 2.0 * np.sqrt(2.0 * potential) * 2.0 * turning * t))
    assert state.u[0, 0] == pytest.approx(turning, rel=1e-9)
    assert state.action == pytest.approx(exact, rel=1e-9)


# Thin walls


def thin_wall_action(c: float, dim: int) -> float:
    """27 pi^2 sigma^4/(2 eps^3) in d = 4, 16 pi sigma^3/(3 eps^2) in d = 3 (Coleman 1977); sigma at c = 1/2."""
    tension = math.sqrt(0.5) / 6.0  # int_0^1 sqrt(2 V) du with V = u^2 (1 - u)^2/4
    depth = (1.0 - 2.0 * c) / 12.0  # -V(1)
    if dim == 4:
        return 27.0 * math.pi**2 * tension**4 / (2.0 * depth**3)
    return 16.0 * math.pi * tension**3 / (3.0 * depth**2)


def thin_wall_radius(c: float, dim: int) -> float:
    return (dim - 1) * math.sqrt(0.5) / 6.0 * 12.0 / (1.0 - 2.0 * c)


@pytest.mark.parametrize("dim", [3, 4])
def test_a_thin_wall_approaches_its_formula_on_the_same_number_of_elements(dim):
    depths = (0.47, 0.49, 0.495, 0.499)
    states = [ss.bounce(ss.Potential(tilted_quartic, params={"c": c}), [0.0], dim=dim) for c in depths]
    off = [abs(s.action / thin_wall_action(c, dim) - 1.0) for s, c in zip(states, depths, strict=True)]
    assert off == sorted(off, reverse=True)
    # u -> 1 - u exchanges the vacua, so the correction is of second order in eps: it falls as (1 - 2c)^2.
    assert off[2] / off[1] == pytest.approx(0.25, abs=0.02)
    assert off[3] / off[2] == pytest.approx(0.04, abs=0.01)
    assert off[-1] < 1e-5
    radii = [float(np.interp(-0.5, -s.u[:, 0], s.grid.nodes)) for s in states]
    assert radii[-1] == pytest.approx(thin_wall_radius(0.499, dim), rel=0.02)
    assert max(s.grid.n_elements for s in states) <= 24  # 16 at radius 47, not 30 times more at radius 1414
    for state in states:
        assert faults(state) == []
        assert abs(state.certificate.translation_mode) <= 1e-7


def test_nearly_degenerate_vacua_are_refused():
    words = refusal(ss.Potential(tilted_quartic, params={"c": 0.4999999}), [0.0])
    assert "degenerate" in words
    assert "no state lower" not in words


@pytest.mark.parametrize("c", [0.49, 0.499])
def test_a_thin_wall_in_two_dimensions(c):
    """S = pi sigma^2/eps, R = sigma/eps; the correction is again of second order."""
    state = ss.bounce(ss.Potential(tilted_quartic, params={"c": c}), [0.0], dim=2)
    formula = math.pi * (math.sqrt(0.5) / 6.0) ** 2 * 12.0 / (1.0 - 2.0 * c)
    assert state.action == pytest.approx(formula, rel=1e-2)
    assert faults(state) == []


# Random potentials; all fifty, and more, in benchmarks/random_bounces.py


@pytest.mark.parametrize("seed", range(12))
def test_a_random_potential(seed):
    state = ss.bounce(random_potential(seed), [0.0] * (2 + seed % 5))
    assert faults(state) == []
    assert state.certificate.certified


def test_an_unfinished_continuation_in_the_dimension_is_reported():
    """A state of the wrong dimension must not be called converged."""
    state = ss.bounce(ss.Potential(tilted_quartic, params={"c": 0.499}), [0.0], dim=1, max_seconds=0.5)
    assert state.grid.dim == 1.0 or (not state.converged and "d = " in state.status)
    assert state.grid.dim == 1.0 or not state.certificate.certified


def test_the_time_budget_is_kept_and_reported():
    state = None
    try:
        state = ss.bounce(random_potential(4), [0.0] * 6, max_seconds=1e-3, solver=replace(Newton(), max_seconds=1e-3))
    except ss.BounceError as error:
        assert "time" in str(error)  # noqa: PT017
    assert state is None or state.converged or "time" in state.status
