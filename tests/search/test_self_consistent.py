"""Fixed points in closed form, convergence rates from theory, and cases without a fixed point."""

import itertools
import math
import tomllib

import numpy as np
import pytest
from scipy.optimize import brentq

import supersoliton as ss
from supersoliton.config import loads
from supersoliton.evaluate.evaluation import evaluate
from supersoliton.search.self_consistent import iterate
from supersoliton.theory import octave_mean_field

GRID = ss.RadialGrid(r_max=6.0, n_elements=2, order=6)
START = np.tile([1.0, 0.0], (GRID.n_nodes, 1))


def hartree(problem, u, kappa):
    """The effective couplings of a state."""
    grid = problem.grid
    return octave_mean_field.hartree(problem.model.params, grid.at_quadrature(u), grid.quadrature_weights, kappa)


def condensate(**changes):
    """One octave that fills the box, without a Higgs field; V = m^2 u^2/2 + s g u^4/4 + delta u^6/8."""
    given = {"m0_squared": -1.0, "g": 0.8, "quartic_sign": 1, "delta": 0.0, "lambda_1": 0.0, "lambda_2": 0.0,
             "mu_squared": 1.0, "g_yukawa": 0.0}  # fmt: skip
    return ss.Problem(ss.OctaveHiggs(n_octaves=1, **{**given, **changes}), GRID, boundary="free")


def fixed_point(problem, guess=START, formulas=None, **options):
    return ss.self_consistent(
        problem, ss.SelfConsistent(**options), guess, ss.Newton(target="minimum"), formulas=formulas
    )


@pytest.mark.parametrize("kappa", [0.05, 0.2, 1.0])
def test_the_mass_of_a_condensate_in_closed_form(kappa):
    """u^2 = -m_eff^2/g and m_eff^2 = m^2 + 3 g kappa u^2, so m_eff^2 = m^2/(1 + 3 kappa)."""
    found = fixed_point(condensate(), fluctuation=kappa)
    assert found.converged
    assert found.couplings["m0_squared"] == pytest.approx(-1.0 / (1 + 3 * kappa), rel=1e-8)
    assert found.bare == {"m0_squared": -1.0}
    assert found.state.problem.model.m0_squared == found.couplings["m0_squared"]
    assert np.allclose(found.state.u[:, 0] ** 2, 1.0 / (1 + 3 * kappa) / 0.8, rtol=1e-8)
    assert found.state.certificate.kind == "condensate"


def test_mass_and_quartic_of_a_condensate_with_a_sextic_term():
    """Both fed back: one algebraic equation for u^2 = x, m_eff^2(x) + g_eff(x) x + 3/4 delta x^2 = 0."""
    m2, g, delta, kappa = -1.0, 0.8, 0.3, 0.25

    def mass(x):
        return m2 + 3 * g * kappa * x + 45 / 4 * delta * (kappa * x) ** 2

    def quartic(x):
        return g + 15 / 2 * delta * kappa * x

    x = brentq(lambda x: mass(x) + quartic(x) * x + 0.75 * delta * x**2, 1e-6, 10.0, xtol=1e-14)
    found = fixed_point(condensate(delta=delta), feedback=("m0_squared", "g"), fluctuation=kappa)
    assert found.converged
    assert found.couplings == pytest.approx({"m0_squared": mass(x), "g": quartic(x)}, rel=1e-7)
    assert np.allclose(found.state.u[:, 0] ** 2, x, rtol=1e-7)


@pytest.mark.parametrize(("kappa", "alpha"), [(0.2, 0.5), (0.2, 0.9), (1.0, 0.3), (0.05, 1.0)])
def test_the_error_shrinks_by_one_minus_alpha_times_one_minus_slope(kappa, alpha):
    """F(c) = m^2 - 3 kappa c, slope -3 kappa: each iteration multiplies the error by 1 - alpha (1 + 3 kappa)."""
    options = {"fluctuation": kappa, "relaxation": alpha, "adapt": False, "max_iterations": 6, "tolerance": 1e-12}
    found = fixed_point(condensate(), **options)
    errors = [step.fed["m0_squared"] + 1.0 / (1 + 3 * kappa) for step in found.history]
    expected = 1.0 - alpha * (1 + 3 * kappa)
    assert len(errors) == 6
    assert [b / a for a, b in itertools.pairwise(errors)] == pytest.approx([expected] * 5, rel=1e-6)


def test_an_adapted_relaxation_finds_the_fixed_point_of_a_linear_map_at_once():
    found = fixed_point(condensate(), fluctuation=0.2, relaxation=0.1)
    assert found.converged
    assert len(found.history) == 3


QBALL = ss.Problem(
    ss.OctaveHiggs(n_octaves=2, m0_squared=0.5, g=0.6, lambda_1=0.05, lambda_2=0.01),
    ss.RadialGrid(r_max=25.0, n_elements=7, order=10),
    norm=1200.0,
)


@pytest.fixture(scope="module")
def ball():
    return ss.solve(QBALL)


def test_at_fixed_norm_a_mass_shifts_the_multiplier_and_nothing_else(ball):
    """m0^2 and omega^2 enter as m0^2 - omega^2: F does not depend on the mass c, so one full step is exact."""
    found = fixed_point(QBALL, ball, fluctuation=0.1, relaxation=1.0)
    assert found.converged
    assert len(found.history) == 2
    assert found.couplings["m0_squared"] == pytest.approx(hartree(QBALL, ball.u, 0.1)["m0_squared"], rel=1e-8)
    shift = found.couplings["m0_squared"] - 0.5
    assert abs(shift) > 0.05
    assert found.state.multiplier - ball.multiplier == pytest.approx(shift, rel=1e-7)
    assert found.state.energy - ball.energy == pytest.approx(0.5 * shift * 1200.0, rel=1e-7)
    assert np.allclose(found.state.u, ball.u, atol=1e-7)


def test_a_q_ball_converges_at_the_rate_of_its_sensitivity(ball):
    """The slope of F from the exact derivative of the fields with respect to g (ss.sensitivity)."""
    found = fixed_point(QBALL, ball, feedback=("g",), fluctuation=0.1)
    assert found.converged
    state = found.state
    assert hartree(QBALL, state.u, 0.1)["g"] == pytest.approx(state.problem.model.g, rel=1e-8)
    moved, step = ss.sensitivity(state, "g").fields, 1e-4
    there, here = (hartree(QBALL, state.u + x * moved, 0.1)["g"] for x in (step, -step))
    slope = (there - here) / (2 * step)
    near = fixed_point(
        QBALL, ball, feedback=("g",), fluctuation=0.1, relaxation=0.5, adapt=False, tolerance=1e-12, max_iterations=6
    )
    fed = [step.fed["g"] - state.problem.model.g for step in near.history]
    assert abs(slope) > 0.1
    assert fed[5] / fed[4] == pytest.approx(1 - 0.5 * (1 - slope), rel=1e-3)


def test_several_couplings_of_a_q_ball(ball):
    found = fixed_point(QBALL, ball, feedback=("m0_squared", "g", "mu_squared"), fluctuation=0.05)
    assert found.converged
    assert found.state.certificate.certified
    again = hartree(QBALL, found.state.u, 0.05)
    assert {name: again[name] for name in found.couplings} == pytest.approx(found.couplings, rel=1e-8)


# No fixed point


def test_a_condensate_that_its_own_effect_destroys_oscillates():
    """First order: with s = -1 the condensate exists for g^2 >= 3 delta m^2 only, and then u^2 >= 2g/(3 delta).

    It would lower g by 15/2 delta kappa u^2 >= 5 kappa g: with kappa = 0.2 to below g_0 - g < sqrt(3 delta m^2), where
    there is no condensate, and without it g is g_0 again.
    """
    m2, delta, kappa = 0.5, 0.2, 0.2
    edge = math.sqrt(3 * delta * m2)
    problem = condensate(m0_squared=m2, delta=delta, quartic_sign=-1, g=1.1 * edge)
    start = np.tile([2.5, 0.0], (GRID.n_nodes, 1))
    found = fixed_point(problem, start, feedback=("g",), fluctuation=kappa, max_iterations=40)
    assert found.status.startswith("oscillates: g goes back and forth between")
    assert not found.converged
    assert found.residual > 0.1
    fed = [step.fed["g"] for step in found.history[-10:]]
    assert min(fed) < edge < max(fed)


def test_too_large_a_relaxation_oscillates():
    found = fixed_point(condensate(), fluctuation=1.0, relaxation=1.0, adapt=False)
    assert found.status.startswith("oscillates: m0_squared goes back and forth between -1 and 2")
    assert len(found.history) < 30


def _thrice(problem, u):
    """F(c) = 3 c + 1/2 of a condensate u^2 = -c/g: a fixed point at -1/4 that every iteration moves away from."""
    return {"m0_squared": 0.5 - 3.0 * 0.8 * float(u[0, 0] ** 2)}


@pytest.mark.parametrize("adapt", [False, True])
def test_a_repelling_fixed_point_diverges(adapt):
    found = fixed_point(condensate(), formulas=_thrice, adapt=adapt, relaxation=1.0)
    assert found.status.startswith("diverges: ")


def test_the_clip_limits_couplings_and_is_reported():
    found = fixed_point(condensate(), fluctuation=0.2, clip={"m0_squared": [-2.0, -0.7]})
    assert found.status.startswith(
        "no fixed point within the clip: m0_squared = -0.7 is at its limit, the effective value is m0_squared = -0.58"
    )
    assert found.couplings == {"m0_squared": -0.7}
    wide = fixed_point(condensate(), fluctuation=0.2, clip={"m0_squared": [-2.0, -0.6]})
    assert wide.converged


def test_couplings_without_a_vacuum_end_the_iteration():
    found = fixed_point(condensate(), formulas=lambda problem, u: {"lambda_H": -2.0}, feedback=("lambda_H",))
    assert found.status.startswith("lost: no theory with a vacuum at lambda_H = -0.75")
    assert found.couplings == {"lambda_H": -0.75}
    assert math.isinf(found.residual)
    nothing = fixed_point(condensate(), formulas=lambda problem, u: {"g": math.nan}, feedback=("g",))
    assert nothing.status.startswith("diverges: the effective couplings are g = nan")


def test_slow_convergence_is_reported_with_its_rate():
    found = fixed_point(condensate(), fluctuation=0.2, relaxation=0.1, adapt=False, max_iterations=5)
    assert found.status == "not self-consistent within 5 iterations: residual 3.0e-01, times 0.84 per iteration"


# Other models, wrong input


def test_a_potential_of_the_users_with_formulas_of_their_own():
    """The same closed form, with V and F written by hand."""
    theory = ss.Potential(lambda u, p: 0.5 * p["a"] * u[0] ** 2 + 0.25 * u[0] ** 4, params={"a": -1.0})
    problem = ss.Problem(theory, GRID, boundary="free")
    options = ss.SelfConsistent(feedback=("a",))
    found = ss.self_consistent(
        problem, options, START[:, :1], formulas=lambda p, u: {"a": p.model.params["a"] + 0.6 * float(u[0, 0] ** 2)}
    )
    assert found.converged
    assert found.couplings["a"] == pytest.approx(-1 / 1.6, rel=1e-8)
    with pytest.raises(ValueError, match=r"needs a theory that gives effective couplings in .hartree., got Potential"):
        ss.self_consistent(problem, options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"closure": "magic"}, "closure must be one of hartree, tangent"),
        ({"feedback": ()}, "feedback must be distinct"),
        ({"feedback": ("g", "g")}, "feedback must be distinct"),
        ({"relaxation": 0.0}, "relaxation must be above 0 and at most 1"),
        ({"fluctuation": -0.1}, "fluctuation must be above 0"),
        ({"tolerance": math.nan}, "tolerance must be above 0"),
        ({"max_iterations": 0}, "max_iterations must be at least 1"),
        ({"clip": {"g": [0.0, 1.0]}}, "clip must give"),
        ({"clip": {"m0_squared": [1.0, 0.0]}}, "clip must give"),
    ],
)
def test_wrong_options_are_refused_in_a_sentence(options, words):
    with pytest.raises(ValueError, match=words):
        ss.SelfConsistent(**options)


def test_a_coupling_that_the_closure_does_not_give_is_refused():
    with pytest.raises(
        ValueError, match="\"hartree\" gives no effective 'lambda_1': choose from m0_squared, g, mu_squared"
    ):
        fixed_point(QBALL, None, feedback=("lambda_1",))
    with pytest.raises(ValueError, match="need a mesh"):
        ss.self_consistent(ss.Problem(QBALL.model, norm=900.0))


# In a configuration

TOML = """
[model]
n_octaves = 2
m0_squared = 0.5
lambda_1 = 0.05
lambda_2 = 0.01
[grid]
r_max = 16.0
n_elements = 4
order = 8
[problem.self_consistent]
feedback = ["m0_squared", "g"]
fluctuation = 0.05
clip = { g = [0.1, 2.0] }
[spectrum]
n_modes = 20
ell = [0]
[score]
null_samples = 20
[scan.parameters]
g = [0.5, 0.8]
norm = [400.0, 900.0]
"""
POINT = {"g": 0.6, "norm": 700.0}


def test_an_evaluation_is_that_of_the_fixed_point():
    cfg = loads(TOML)
    assert loads(cfg.to_dict()) == cfg
    found = evaluate(cfg, POINT)
    assert (found.status, found.kind) == ("converged", "q-ball")
    assert found.constraints["self_consistent"] == -1.0
    assert found.feasible
    assert found.point == POINT
    effective = {name: found.values[f"effective_{name}"] for name in ("m0_squared", "g")}
    assert effective == {name: found.state.problem.model.params[name] for name in effective}
    assert hartree(cfg.problem_at(POINT), found.state.u, 0.05)["g"] == pytest.approx(effective["g"], rel=1e-8)
    assert found.values["self_consistency"] <= 1e-8
    assert found.values["iterations"] >= 3
    assert found.values["energy"] == found.state.energy
    plain = evaluate(loads({name: t for name, t in tomllib.loads(TOML).items() if name != "problem"}), POINT)
    assert "self_consistent" not in plain.constraints
    assert abs(plain.values["energy"] - found.values["energy"]) > 1.0
    # and through the cache, with the couplings of its state
    from supersoliton.evaluate.cache.memory import evaluate_cached

    first, again = (evaluate_cached(cfg, POINT) for _ in range(2))
    assert set(again.seconds) == {"cache", "total"}
    assert again.values == pytest.approx(first.values, rel=0, abs=0, nan_ok=True)
    assert again.state.problem.model.params == found.state.problem.model.params
    assert again.state.problem.energy(again.state.u) == first.state.energy


def test_an_evaluation_without_a_fixed_point_is_recorded_and_not_feasible():
    cfg = loads(TOML.replace("fluctuation = 0.05", "fluctuation = 0.05\nmax_iterations = 2"))
    found = evaluate(cfg, POINT)
    assert found.status.startswith("not self-consistent within 2 iterations")
    assert found.status in found.reasons
    assert found.constraints["self_consistent"] > 5  # decades above the tolerance
    assert found.constraints["converged"] == -1.0  # the state itself is one, at the couplings it was fed
    assert not found.feasible
    lost = evaluate(loads(TOML.replace('"m0_squared", "g"', '"g"').replace("[0.1, 2.0]", "[0.59, 0.61]")), POINT)
    assert lost.status.startswith("no fixed point within the clip: g = 0.59 is at its limit")
    assert lost.constraints["self_consistent"] > 0


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('"m0_squared", "g"', '"lambda_1"', r"\[problem.self_consistent\].*no effective 'lambda_1'"),
        ("fluctuation = 0.05", "fluctuation = -1", r"\[problem.self_consistent\] fluctuation must be above 0"),
        ("fluctuation", "flucutation", r"\[problem.self_consistent\] has no key 'flucutation'.*did you mean"),
        ("fluctuation = 0.05", 'closure = "x"', r"\[problem.self_consistent\] closure must be one of"),
        ("[0.1, 2.0]", "3", r"\[problem.self_consistent\] clip must give"),
    ],
)
def test_a_wrong_table_is_refused_in_a_sentence(before, after, words):
    with pytest.raises(ValueError, match=words):
        loads(TOML.replace("clip", "#clip" if "lambda" in after else "clip").replace(before, after))


def test_another_guess_than_many_starts_is_used_again_where_a_state_is_lost():
    """With a given guess no lower state is searched for; without one it is, with the same result here."""
    options = ss.SelfConsistent(feedback=("g",), fluctuation=0.05)
    many = iterate(QBALL, options, None, ss.Newton())
    one = iterate(QBALL, options, many.solutions[0].u, ss.Newton())
    assert many.couplings == pytest.approx(one.couplings, rel=1e-7)


def test_the_command_prints_bare_and_effective_couplings(tmp_path):
    import json

    from rich.console import Console

    from supersoliton.cli.states import describe_state, find_state, print_state

    state, fed = find_state(loads(TOML), POINT)
    assert fed["status"] == "converged"
    assert fed["bare"] == {"m0_squared": 0.5, "g": 0.6}
    assert fed["effective"]["g"] == state.problem.model.g
    console = Console(record=True, width=160, file=(tmp_path / "out.txt").open("w"))
    with console.file:
        print_state(
            console,
            {"point": POINT, "saved": [], "whole_seconds": 1.0, **describe_state(state), "self_consistent": fed},
        )
    text = console.export_text()
    assert f"self-consistent after {fed['iterations']} iterations" in text
    assert f"{state.problem.model.g:.12g}" in text
    assert json.dumps(fed)
