"""Decay rates: their parts, units, the heat bath, and the renormalisation group."""

import functools
import math

import numpy as np
import pytest

import supersoliton as ss

COUPLINGS = {"m": 1.0, "a": 0.5, "c": 1 / 16}


def v4(u, p):
    return p["m"] * u[0] ** 2 / 2 - p["a"] * u[0] ** 3 + p["c"] * u[0] ** 4


@functools.cache
def state(dim):
    return ss.bounce(ss.Potential(v4, params=COUPLINGS), [0.0], dim=dim)


@functools.cache
def rate(dim):
    return ss.decay_rate(state(dim))


@pytest.mark.parametrize(("dim", "eigenvalue"), [(2, -1.00189025), (3, -0.86462549968253), (4, -0.61571009526306)])
def test_the_parts_of_a_rate(dim, eigenvalue):
    """Eigenvalues of `python -m benchmarks.independent_one_loop`; those of PHYSICS.md are all 1.1e-7 lower."""
    found = rate(dim)
    assert found.negative_eigenvalue == pytest.approx(eigenvalue, abs=1e-8 if dim == 2 else 1e-10)
    channels = ss.determinant(state(dim))._channels
    sides = [channels(0, -found.negative_eigenvalue + x)[1] for x in (-1e-9, 1e-9)]
    assert sides == [-1.0, 1.0]
    assert state(dim).action == found.S0
    assert found.log_rate == -found.S0 - found.S1
    assert 0.0 < found.error < 3e-8
    assert repr(found).startswith(f"DecayRate(ln(Γ/V) = {found.log_rate:.10g} ± ")


@pytest.mark.parametrize("dim", [2, 4])
def test_the_running_of_the_couplings_cancels_the_scale(dim):
    """One-loop running of V in mu, with tr V''^2 / 32 pi^2 in d = 4 and -V'' / 4 pi in d = 2."""
    m, a, c = COUPLINGS["m"], COUPLINGS["a"], COUPLINGS["c"]
    if dim == 2:  # V'' = m - 6 a u + 12 c u^2 without its constant and its tadpole
        loop, linear = {"m": 12 * c * -2 / (4 * math.pi)}, 6 * a / (4 * math.pi)
    else:  # V''^2 likewise
        unit = 1 / (32 * math.pi**2)
        loop = {"m": 2 * unit * (36 * a**2 + 24 * c * m), "a": 144 * a * c * unit, "c": 144 * c**2 * unit}
        linear = -12 * a * m * unit
    bounce = state(dim)
    fields = bounce.problem.grid.at_quadrature(bounce.u)[..., 0]
    weights = bounce.problem.grid.quadrature_weights
    change = loop["m"] * fields**2 / 2 - loop.get("a", 0.0) * fields**3 + loop.get("c", 0.0) * fields**4
    running = float(np.sum(weights * (change + linear * fields))) + _tail(bounce, linear)
    assert rate(dim).scale_derivative - running == pytest.approx(0.0, abs=1e-7)


def _tail(bounce, linear):
    """The same beyond the mesh: fields obey u'' + (d - 1) u'/r = u there, so that int u is a surface term."""
    grid = bounce.problem.grid
    slope = float(grid.differentiate(bounce.u)[-1, 0])
    surface = 2 * math.pi ** (grid.dim / 2) / math.gamma(grid.dim / 2) * grid.r_max ** (grid.dim - 1)
    return -surface * slope * linear


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_units(unit):
    scaled = ss.Potential(lambda u, p: unit**4 * v4([u[0] / unit], COUPLINGS))
    found = ss.decay_rate(ss.bounce(scaled, [0.0], dim=4), unit)
    assert found.log_rate == pytest.approx(rate(4).log_rate + 4 * math.log(unit), abs=1e-6)
    assert found.negative_eigenvalue == pytest.approx(unit**2 * rate(4).negative_eigenvalue, rel=1e-6)


def test_heat_bath():
    cold, warm = rate(3), ss.decay_rate(state(3), temperature=0.25)
    ratio = warm.S0 / cold.S0
    assert ratio == pytest.approx(4.0)
    # (S_0 / 2 pi)^(3/2) with S_0 over the temperature
    assert math.exp(warm.S1 - cold.S1) == pytest.approx(ratio**-1.5)
    factor = math.log(math.sqrt(-warm.negative_eigenvalue) / (2 * math.pi))
    assert warm.log_rate == pytest.approx(factor - warm.S0 - warm.S1)


def test_quantum_mechanics_of_a_cubic_potential():
    """V = x^2/2 - x^3/2, d = 1: Im E = (60)^(1/2) (S_0/2 pi)^(1/2) exp(-S_0) / 2 per hbar (Zinn-Justin)."""
    found = ss.decay_rate(ss.bounce(ss.Potential(lambda u, p: u[0] ** 2 / 2 - u[0] ** 3 / 2), [0.0], dim=1))
    action = found.S0
    assert action == pytest.approx(8 / 15, rel=1e-10)
    assert found.log_rate == pytest.approx(0.5 * math.log(60 * action / (2 * math.pi)) - action, abs=1e-8)


def test_what_is_no_decay_is_said_in_a_sentence():
    kink = ss.solve(ss.Problem(ss.Potential(lambda u, p: (u[0] ** 2 - 1) ** 2 / 8), line=([-1.0], [1.0])))
    with pytest.raises(ValueError, match="not a bounce but kink"):
        ss.decay_rate(kink)
    with pytest.raises(ValueError, match="scale must be a positive mass"):
        ss.decay_rate(kink, scale=0.0)
    with pytest.raises(ValueError, match="temperature must be a positive mass"):
        ss.decay_rate(kink, temperature=-1.0)
