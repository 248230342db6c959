"""Tabulated potentials against the formula that the table was made of."""

import numpy as np
import pytest

import supersoliton as ss


def formula(x):
    return x**4 - 8 * x**3 + 10 * x**2


@pytest.mark.parametrize("unit", [1.0, 246.0, 1e-12])
def test_minima_and_masses_of_a_table_are_those_of_the_formula(unit):
    """Minima 0 and 5 with V'' = 20 and 80, V(5) = -125; a quintic spline is exact for a quartic."""
    x = np.linspace(-1.0, 6.5, 76)
    deep, shallow = ss.vacua(ss.Potential(ss.Table(unit * x, unit**4 * formula(x))))
    assert deep.values == pytest.approx([5.0 * unit], rel=1e-10)
    assert deep.energy_density == pytest.approx(-125.0 * unit**4, rel=1e-10)
    assert deep.masses_squared == pytest.approx([80.0 * unit**2], rel=1e-7)
    assert shallow.values == pytest.approx([0.0], abs=1e-10 * unit)
    assert shallow.masses_squared == pytest.approx([20.0 * unit**2], rel=1e-7)


def test_the_bounce_of_a_table_is_that_of_the_formula():
    """S = 34.6636011 in d = 4 (shooting)."""
    x = np.linspace(-1.0, 6.0, 141)
    state = ss.bounce(ss.Potential(ss.Table(x, formula(x))), [0.0], dim=4)
    assert state.action == pytest.approx(34.663601, rel=1e-6)
    assert state.certificate.certified


def test_a_spline_of_a_smooth_function_has_four_continuous_derivatives():
    """Order of convergence of sin: values h^6; V'' is continuous at the knots to rounding."""
    errors = []
    for n in (21, 41):
        x = np.linspace(0.0, 6.0, n)
        table = ss.Table(x, np.sin(x))
        middle = 0.5 * (x[5:-6] + x[6:-5])
        errors.append(max(abs(float(table([m])) - np.sin(m)) for m in middle))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(6.0, abs=0.7)


def test_v_rises_beyond_the_table_where_it_rises_at_its_end():
    x = np.linspace(-1.0, 6.0, 71)
    table = ss.Table(x, formula(x))
    ends = [float(table([v])) for v in (-3.0, -2.0, -1.0, 6.0, 7.0, 8.0)]
    assert ends[0] > ends[1] > ends[2]
    assert ends[3] < ends[4] < ends[5]
    assert table.range == (-1.0, 6.0)
    assert ss.vacua(ss.Potential(table)).unbounded is None


@pytest.mark.parametrize(
    ("x", "v", "words"),
    [
        ([0.0, 1.0], [0.0, 1.0], "at least 6 values, got 2"),
        ([0.0, 1.0, 2.0, 3.0, 3.0, 4.0], np.arange(6.0), "must ascend, got 3 before 3: sort the table$"),
        (np.arange(8.0), np.full(8, np.nan), "must be finite"),
        (np.arange(8.0), np.arange(7.0), r"got shapes \(8,\) and \(7,\)"),
        ("a", "b", "two lists"),
        (np.arange(60.0), np.random.default_rng(0).normal(size=60), "a minimum .* that the table does not have"),
    ],
)
def test_bad_tables_are_refused_in_one_sentence(x, v, words):
    with pytest.raises(ValueError, match=words) as error:
        ss.Table(x, v)
    assert "\n" not in str(error.value)
