"""Phases followed in T against closed forms: folds, second order, crossings, copies under symmetries, other units."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from benchmarks.transitions import draw

import supersoliton as ss

COUPLINGS = {"T": 50.0, "c": 0.1, "m2": 100.0, "k": -10.0, "l": 0.1}


def cubic(u, p):
    """PhaseTracer's test in one field."""
    return (p["c"] * p["T"] ** 2 - p["m2"]) * u[0] ** 2 + p["k"] * u[0] ** 3 + p["l"] * u[0] ** 4


def test_ends_and_crossing_are_those_of_the_closed_form():
    found = ss.phases(ss.Potential(cubic, fields=("phi",), params=COUPLINGS), start=0.0, stop=80.0)
    broken = next(phase for phase in found if phase.values.max() > 1.0)
    symmetric = next(phase for phase in found if np.all(np.abs(phase.values) < 1e-12))
    c, m2, k, quartic = (COUPLINGS[name] for name in ("c", "m2", "k", "l"))
    fold = math.sqrt((9 * k**2 / (32 * quartic) + m2) / c)
    assert broken.high == pytest.approx(fold, rel=1e-13)
    assert broken.ends == ("range", "fold")
    assert broken(broken.high)[0] == pytest.approx(37.5, rel=1e-6)
    assert symmetric.low == pytest.approx(math.sqrt(m2 / c), rel=1e-13)
    assert symmetric.ends == ("second order", "range")  # it passes through the other one there
    first = next(one for one in found.transitions if one.order == 1)
    assert first.critical == pytest.approx(0.5 * math.sqrt(k**2 / (c * quartic) + 4 * m2 / c), rel=1e-13)
    assert (first.high, first.low) == (symmetric, broken)
    for t in (10.0, 40.0, 61.0):
        root = (-3 * k + math.sqrt(9 * k**2 - 32 * quartic * (c * t**2 - m2))) / (8 * quartic)
        assert broken(t)[0] == pytest.approx(root, rel=1e-13)
        rate = -2 * c * t / math.sqrt(9 * k**2 - 32 * quartic * (c * t**2 - m2)) * 2
        assert broken.rate(t)[0] == pytest.approx(rate, rel=1e-9)
        assert broken.energy_rate(t) == pytest.approx(2 * c * t * root**2, rel=1e-12)
    assert first.latent_heat == pytest.approx(-first.critical * 2 * c * first.critical * 50.0**2, rel=1e-9)
    with pytest.raises(ValueError, match="not 70"):
        broken(70.0)
    assert "first order at T = 59.16079783" in repr(found)
    assert found.plot().axes


def test_a_second_order_transition_and_a_copy_under_a_symmetry():
    model = ss.Potential(lambda u, p: 0.5 * (p["T"] ** 2 - 1.0) * u[0] ** 2 + 0.25 * u[0] ** 4, params={"T": 0.5})
    found = ss.phases(model, start=0.0, stop=2.0)
    assert len(found) == 2
    (only,) = found.transitions
    assert only.order == 2
    assert only.critical == pytest.approx(1.0, rel=1e-12)
    assert found[0].high == pytest.approx(1.0, abs=1e-9)
    assert abs(found[0](0.6)[0]) == pytest.approx(0.8, rel=1e-13)


def test_a_circle_of_minima_is_one_phase():
    """V = (T^2 - 1) s^2/2 - 0.4 T s^3 + s^4/4 of s = |u|: equal at T^2 = 1/0.68, the fold at T^2 = 1/0.64."""

    def potential(u, p):
        square = u[0] ** 2 + u[1] ** 2
        cube = jnp.where(square > 0.0, jnp.where(square > 0.0, square, 1.0) ** 1.5, 0.0)
        return 0.5 * (p["T"] ** 2 - 1.0) * square - 0.4 * p["T"] * cube + 0.25 * square**2

    found = ss.phases(ss.Potential(potential, fields=("a", "b"), params={"T": 0.5}), start=0.0, stop=2.0)
    assert len(found) == 2
    assert found.transitions[0].critical == pytest.approx(1.0 / math.sqrt(0.68), rel=1e-12)
    assert found[0].high == pytest.approx(1.25, rel=1e-12)


@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_units_do_not_matter(unit):
    couplings = {**COUPLINGS, "T": 50.0 * unit, "m2": 100.0 * unit**2, "k": -10.0 * unit}
    found = ss.phases(ss.Potential(cubic, params=couplings), start=0.0, stop=80.0 * unit)
    plain = ss.phases(ss.Potential(cubic, params=COUPLINGS), start=0.0, stop=80.0)
    assert len(found) == len(plain)
    assert [one.critical / unit for one in found.transitions] == pytest.approx(
        [one.critical for one in plain.transitions], rel=1e-12
    )
    assert [phase.low / unit for phase in found] == pytest.approx([phase.low for phase in plain], rel=1e-12, abs=1e-12)


def test_any_coupling_may_vary():
    """m2 in place of T: the broken minimum is degenerate with the origin at k^2 = 4 l M."""
    model = ss.Potential(lambda u, p: p["M"] * u[0] ** 2 - u[0] ** 3 + p["l"] * u[0] ** 4, params={"M": 0.5, "l": 0.25})
    for start, stop in ((2.0, 0.1), (0.5, 1.5)):  # in the second range the crossing is where minima are searched
        (only,) = ss.phases(model, "M", start=start, stop=stop).transitions
        assert only.critical == pytest.approx(1.0, rel=1e-13)


@pytest.mark.parametrize(
    ("options", "word"),
    [({"parameter": "Q"}, "'Q'"), ({"start": 1.0, "stop": 1.0}, "different"), ({"n_searches": 1}, "n_searches")],
)
def test_mistakes_are_said(options, word):
    with pytest.raises(ValueError, match=word):
        ss.phases(ss.Potential(cubic, params=COUPLINGS), **{"start": 0.0, "stop": 80.0, **options})


def test_a_merging_is_no_crossing():
    """Where two minima become one their energies differ by rounding, of either sign."""
    found = ss.phases(draw(5), start=5.0, stop=250.0)
    assert [one.order for one in found.transitions] == [1, 2]
    assert found.transitions[1].critical == pytest.approx(draw(5).params["T0"], rel=1e-9)
