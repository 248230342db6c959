"""The stated errors of energy, norm, omega^2 and action against closed forms, on coarse meshes and in small boxes."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

import supersoliton as ss
from supersoliton.states.jumps import jumps

RNG = np.random.default_rng(14)


def trap(u, p, r):
    return 0.5 * r**2 * u[0] ** 2


def focusing(u, p):
    return -0.5 * u[0] ** 4


def cubic(u, p):
    return 0.5 * u[0] ** 2 - 0.5 * u[0] ** 4


def tilted(u, p):
    return 0.5 * u[0] ** 2 - p["a"] * u[0] ** 3 + 0.25 * u[0] ** 4


def in_a_trap(dim, grid):
    """The lowest state of the oscillator: E = d/2, omega^2 = d at N = 1."""
    state = ss.solve(ss.Problem(ss.Potential(trap), grid, norm=1.0), ss.Gaussian(0.5, 1.0))
    return state, {"energy": dim / 2, "multiplier": dim, "action": 0.0}


def at_fixed_norm(a, grid):
    """u = a sech(a x): N = 2 a, omega^2 = -a^2, E = -a^3/3."""
    state = ss.solve(ss.Problem(ss.Potential(focusing), grid, norm=2 * a), lambda r: a / np.cosh(a * r))
    return state, {"energy": -(a**3) / 3, "multiplier": -(a**2), "action": 2 * a**3 / 3}


def at_fixed_frequency(omega, grid, boundary):
    """u = m sech(m x), m^2 = 1 - omega^2: N = 2 m and E - omega^2 N/2 = 2 m^3/3."""
    m = math.sqrt(1 - omega**2)
    problem = ss.Problem(ss.Potential(cubic), grid, omega=omega, boundary=boundary)
    state = ss.solve(problem, lambda r: m / np.cosh(m * r))
    return state, {"action": 2 * m**3 / 3, "norm": 2 * m, "energy": 2 * m**3 / 3 + omega**2 * m}


def over_a_barrier(a, grid, boundary):
    """In one dimension S = 2 int sqrt(2 V) up to the turning point."""
    model = ss.Potential(tilted, params={"a": a})
    turning = brentq(lambda x: tilted([x], {"a": a}), 1e-3, 2 * a)
    speed = lambda x: math.sqrt(max(2 * tilted([x], {"a": a}), 0.0))  # noqa: E731
    exact = 2 * quad(speed, 0.0, turning, epsabs=1e-12, limit=400)[0]
    problem = ss.Problem(model, grid, boundary=boundary, background=(0.0,))
    state = ss.solve(problem, lambda r: turning / np.cosh(r), ss.Newton(target="stationary"))
    return state, {"action": exact}


def kink(grid):
    """V = u^2 (1 - u^2)^2/2 from 0 to 1: E = 1/4."""
    model = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 * (1 - u[0] ** 2) ** 2)
    state = ss.solve(ss.Problem(model, grid, line=([0.0], [1.0])), lambda x: 1 / np.sqrt(1 + np.exp(-2 * x)))
    return state, {"energy": 0.25}


def random_problems(count):
    for k in range(count):
        order, n_elements = int(RNG.choice([6, 8, 12])), int(RNG.integers(4, 12))
        box = lambda low, high: RNG.uniform(low, high)  # noqa: E731
        line = ss.RadialGrid(box(5.0, 16.0), n_elements, order, dim=1)
        boundary = ("vacuum", "decaying")[k % 2]
        match k % 5:
            case 0:
                dim = float(RNG.choice([1.0, 2.0, 3.0]))
                yield in_a_trap(dim, ss.RadialGrid(box(3.4, 7.0), n_elements, order, dim=dim))
            case 1:
                yield at_fixed_norm(RNG.uniform(0.8, 1.5), line)
            case 2:
                yield at_fixed_frequency(RNG.uniform(0.1, 0.6), line, boundary)
            case 3:
                yield over_a_barrier(RNG.uniform(0.9, 1.4), line, boundary)
            case 4:
                yield kink(line)


def test_the_true_error_is_below_the_stated_one():
    """60 states; of the numbers stated, at most one in a hundred may be off by more than its error."""
    below, ratios = [], []
    for state, exact in random_problems(60):
        c = state.certificate
        if not state.converged or not c.localised:
            continue
        for name, value in exact.items():
            if name == "norm" and state.problem.norm is not None:
                continue
            stated, true = getattr(c.errors, name), abs(getattr(state, name) - value)
            below.append(true <= stated + 1e-13)
            ratios.append(stated / max(true, 1e-13))
            if not below[-1]:
                print(name, true, stated, state, state.grid)
    assert len(below) >= 100
    assert np.mean(below) >= 0.99
    assert np.median(ratios) <= 100.0


def test_a_small_box_is_a_reason():
    state, exact = in_a_trap(3.0, ss.RadialGrid(3.6, 8, 12))
    c = state.certificate
    true = abs(state.energy / exact["energy"] - 1)
    assert 1e-4 < true <= c.box <= 3 * true
    assert c.reasons == (f"energy uncertain by {c.box:.1e} because of the box: use a larger r_max",)
    assert c.energy_error == c.box + c.discretisation
    assert c.errors.norm == 0.0
    wide = in_a_trap(3.0, ss.RadialGrid(7.0, 8, 12))[0].certificate
    assert wide.certified, wide.reasons


def test_only_digits_that_are_right_are_printed():
    state, _ = in_a_trap(3.0, ss.RadialGrid(3.6, 8, 12))
    assert (
        dict(state.table())["energy E" if state.problem.norm is None else "static energy functional E[f]"] == "1.5 mass"
    )
    assert state.headline[2].text == "3 mass²"  # 3.00043


@pytest.mark.parametrize(("dim", "known"), [(4, True), (20, False)])
def test_the_centre_is_not_known_in_many_dimensions(dim, known):
    state = ss.bounce(ss.Potential(lambda u, p: u[0] ** 4 - 8 * u[0] ** 3 + 10 * u[0] ** 2), [0.0], dim=dim)
    reasons = [reason for reason in state.certificate.reasons if reason.startswith("the fields at the origin")]
    assert bool(reasons) != known


def bent(u, p):
    """V'' jumps at |u| = 0.6."""
    s = jnp.sqrt(u[0] ** 2 + 1e-30)
    return 0.5 * s**2 - s**4 + 0.5 * s**6 + 0.3 * jnp.maximum(s - 0.6, 0.0) ** 2


def test_where_the_curvature_jumps():
    """The error inside an element is noticed; without a grid an edge is placed at the jump, and it is gone."""
    problem = ss.Problem(ss.Potential(bent), ss.RadialGrid(20.0, 10, 12), norm=100.0)
    given = ss.solve(problem, ss.SuperGaussian(1.0, 4.5))
    chosen = ss.solve(problem.replace(grid=None), ss.SuperGaussian(1.0, 4.5))
    (jump,) = jumps(chosen.problem, chosen.u)
    assert jump.of == "V''"
    assert jump.fields[0] == pytest.approx(0.6, rel=1e-9)
    assert np.min(np.abs(chosen.grid.element_edges - jump.radius)) < 1e-9
    assert chosen.certificate.energy_error < 1e-10
    fine = ss.solve(problem.with_grid(ss.RadialGrid(20.0, 160, 12)), given)
    assert abs(chosen.energy - fine.energy) <= chosen.certificate.errors.energy + fine.certificate.errors.energy
    assert abs(given.energy - chosen.energy) <= given.certificate.errors.energy
