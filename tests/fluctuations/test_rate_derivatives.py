"""Derivatives of a rate in the couplings: exact relations between them, and units."""

import math

import pytest

import supersoliton as ss

COUPLINGS = {"m": 1.0, "a": 0.5, "c": 1 / 16}


def v4(u, p):
    return p["m"] * u[0] ** 2 / 2 - p["a"] * u[0] ** 3 + p["c"] * u[0] ** 4


@pytest.fixture(scope="module", params=[3, 4])
def rate(request):
    return ss.decay_rate(ss.bounce(ss.Potential(v4, params=COUPLINGS), [0.0], dim=request.param), scale=1.5)


def along(rate, powers, name):
    """The change of a part of the rate where the logarithms of the couplings change by ``powers``."""
    return sum(power * COUPLINGS[key] * getattr(rate.derivatives[key], name) for key, power in powers.items())


def test_larger_fields(rate):
    """u = s v: a v^3 has s a, c v^4 has s^2 c and 1/hbar is 1/s^2; exp(-S_1) has sqrt(1/s^2) for each translation."""
    dim = rate._determinant.dim
    powers = {"a": 1.0, "c": 2.0}
    assert along(rate, powers, "S0") == pytest.approx(-2 * rate.S0, rel=1e-9)
    assert along(rate, powers, "S1") == pytest.approx(dim, abs=1e-6)


def test_larger_masses(rate):
    """All lengths by 1/s: in d = 4 (3) m has s^2, a has s (s^3/2), c has 1 (s); S_1 changes by its own dimension."""
    dim = rate._determinant.dim
    powers = {"m": 2.0, "a": 3.0 - dim / 2, "c": 4.0 - dim}
    assert along(rate, powers, "S0") == pytest.approx(0.0, abs=1e-8 * rate.S0)
    assert along(rate, powers, "S1") == pytest.approx(-dim + rate.scale_derivative, abs=1e-6)
    for one in rate.derivatives.values():
        assert one.log_rate == pytest.approx(-one.S0 - one.S1, rel=1e-12)
        assert 0.0 < one.error < 1e-6 * abs(one.log_rate)


def test_a_coupling_of_0_and_heat():
    """A coupling that is 0 needs a step in any unit; the thermal factor has its own derivative."""

    def potential(u, p):
        return v4(u, COUPLINGS) + p["e"] * 1e6 * u[0] ** 3

    state = ss.bounce(ss.Potential(potential, params={"e": 0.0}), [0.0], dim=3)
    cold, warm = ss.decay_rate(state), ss.decay_rate(state, temperature=0.5)
    direct = ss.decay_rate(ss.bounce(ss.Potential(v4, params=COUPLINGS), [0.0], dim=3)).derivatives["a"]
    by_zero = cold.derivatives["e"]
    assert pytest.approx([-1e6, -1e6], rel=1e-7) == [by_zero.S0 / direct.S0, by_zero.S1 / direct.S1]
    found, step = warm.derivatives["e"], 1e-9
    neighbours = [
        ss.decay_rate(ss.bounce(ss.Potential(potential, params={"e": x}), [0.0], dim=3)).negative_eigenvalue
        for x in (step, -step)
    ]
    factor = 0.5 * math.log(neighbours[0] / neighbours[1]) / (2 * step)
    assert found.log_rate + found.S0 + found.S1 == pytest.approx(factor, rel=1e-4)
