"""T_n, beta/H and their derivatives: published numbers, differences of whole computations, bounces on their own."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from benchmarks.transitions import draw
from matplotlib.figure import Figure
from scipy.optimize import brentq

import supersoliton as ss
from supersoliton.transitions.phases import Transition
from supersoliton.transitions.supercooling import bounce_at

COUPLINGS = {"T": 50.0, "c": 0.1, "m2": 100.0, "k": -10.0, "l": 0.1}


def cubic(u, p):
    return (p["c"] * p["T"] ** 2 - p["m2"]) * u[0] ** 2 + p["k"] * u[0] ** 3 + p["l"] * u[0] ** 4


def nucleates(couplings, unit=1.0, **options):
    found = ss.phases(ss.Potential(cubic, fields=("phi",), params=couplings), start=0.0, stop=80.0 * unit)
    return ss.nucleation(next(one for one in found.transitions if one.order == 1), **options)


@pytest.fixture(scope="module")
def published():
    return nucleates(COUPLINGS)


def test_a_published_model(published):
    """The exact values are those of two other programs of this kind."""
    assert published.status == "nucleates"
    assert published.temperature == pytest.approx(57.4104446492, rel=1e-11)
    assert published.beta_over_H == pytest.approx(7407.709, rel=1e-7)
    assert published.action_over_T == pytest.approx(140.0, rel=1e-10)
    assert len(published.history) <= 6
    assert repr(published).startswith("Nucleation(T = 57.41044465, S3/T = 140, beta/H = 7407.709")


def test_the_bounce_at_that_temperature_has_that_action(published):
    model = ss.Potential(cubic, fields=("phi",), params={**COUPLINGS, "T": published.temperature})
    state = ss.bounce(model, [0.0])
    assert state.action / published.temperature == pytest.approx(140.0, rel=1e-10)
    assert published.radius == pytest.approx(state.half_radius, rel=1e-6)


def test_alpha_is_that_of_the_potential(published):
    t, (c, m2, k, quartic) = published.temperature, (COUPLINGS[name] for name in ("c", "m2", "k", "l"))
    root = (-3 * k + math.sqrt(9 * k**2 - 32 * quartic * (c * t**2 - m2))) / (8 * quartic)
    gap = -((c * t**2 - m2) * root**2 + k * root**3 + quartic * root**4)
    expected = (gap + 0.25 * t * 2 * c * t * root**2) / (math.pi**2 / 30 * 106.75 * t**4)
    assert published.alpha == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("name", "step"), [("c", 1e-5), ("m2", 1e-2), ("k", 1e-3), ("l", 1e-5)])
def test_derivatives_in_couplings(published, name, step):
    ends = [nucleates({**COUPLINGS, name: COUPLINGS[name] + side * step}) for side in (-1.0, 1.0)]
    for exact, attribute in zip(published.derivatives[name], ("temperature", "beta_over_H"), strict=True):
        difference = (getattr(ends[1], attribute) - getattr(ends[0], attribute)) / (2 * step)
        assert exact == pytest.approx(difference, rel=1e-6)


@pytest.mark.parametrize("share", [1e-3, 0.03, 0.5, 0.97, 0.999])
def test_the_derivative_of_the_action_over_the_whole_range(published, share):
    """dS3/dT against differences, from thin walls near T_c to shallow barriers near the spinodal.

    Of fourth order in steps of a hundredth of the distance to the nearer end: the action is accurate to 1e-12.
    """
    one = published.transition
    low, high = one.high.low, one.critical
    t = high - share * (high - low)
    step = 1e-2 * min(high - t, t - low)
    actions = [bounce_at(one, t + k * step).action for k in (-2, -1, 1, 2)]
    difference = (actions[0] - 8.0 * actions[1] + 8.0 * actions[2] - actions[3]) / (12.0 * step)
    assert bounce_at(one, t).rate == pytest.approx(difference, rel=1e-6)


@pytest.mark.parametrize("unit", [1e-6, 1e9])
def test_units_do_not_matter(published, unit):
    other = nucleates({**COUPLINGS, "T": 50.0 * unit, "m2": 100.0 * unit**2, "k": -10.0 * unit}, unit)
    assert other.temperature == pytest.approx(published.temperature * unit, rel=1e-11)
    assert other.beta_over_H == pytest.approx(published.beta_over_H, rel=1e-9)
    assert other.alpha == pytest.approx(published.alpha, rel=1e-9)


def two_fields():
    """CosmoTransitions' testModel1: two scalars and thirty bosons."""
    square, l1, l2, mixing = 246.0**2, 0.5 * (120.0 / 246.0) ** 2, 0.5 * (50.0 / 246.0) ** 2, 25.0**2

    def tree(u, p):
        return 0.25 * l1 * (u[0] ** 2 - square) ** 2 + 0.25 * l2 * (u[1] ** 2 - square) ** 2 - mixing * u[0] * u[1]

    def scalars(u, p):
        a, b = l1 * (3 * u[0] ** 2 - square), l2 * (3 * u[1] ** 2 - square)
        half = jnp.sqrt(0.25 * (a - b) ** 2 + mixing**2)
        return jnp.stack([0.5 * (a + b) + half, 0.5 * (a + b) - half])

    def bosons(u, p):
        return 0.1 * (u[0] ** 2 + u[1] ** 2) + 0.15 * u[0] * u[1]

    loop = [ss.thermal.Species(scalars, [1, 1]), ss.thermal.Species(bosons, 30)]
    return ss.Potential(ss.thermal.one_loop(tree, loop, scale=246.0), fields=("x", "y"), params={"T": 100.0})


@pytest.mark.nightly  # the guide computes the same without the bisection
def test_two_fields_with_thirty_bosons():
    """T_c as published; T_n by bisection of bounces found on their own. Three programs print 79.990, 84.238, 84.190."""
    model = two_fields()
    found = ss.phases(model, start=0.0, stop=250.0)
    one = found.transitions[-1]
    assert one.critical == pytest.approx(109.408408, rel=1e-8)
    near = ss.nucleation(one)
    assert near.temperature == pytest.approx(84.2, abs=0.05)
    assert len(near.history) <= 8

    def over(t):
        high, low = ss.vacua(model.replace(T=t), known=None), one.low(t)
        high = next(v.values for v in high if v.values[0] > 0.0 > v.values[1])
        return ss.bounce(model.replace(T=t), high, low).action / t - 140.0

    t = near.temperature
    assert brentq(over, t - 1e-3, t + 1e-3, xtol=1e-9 * t, rtol=1e-12, maxiter=12) == pytest.approx(t, rel=1e-8)


def test_an_action_that_never_falls_so_far():
    """A barrier that remains at T = 0: S3/T is U-shaped, and its minimum is told."""
    model = ss.Potential(
        lambda u, p: 0.5 * (1.0 + 0.2 * p["T"] ** 2) * u[0] ** 2 - 0.5 * u[0] ** 3 + 0.0995 * u[0] ** 4,
        params={"T": 0.5},
    )
    found = ss.phases(model, start=0.01, stop=3.0)
    none = ss.nucleation(found.transitions[0], 1.0)
    assert "never falls to 1: its minimum is" in none.status
    assert math.isnan(none.temperature)
    assert none.action_over_T == min(action / t for t, action, _ in none.history)
    around = [ss.bounce(model.replace(T=none.least_at * x), [0.0]) for x in (0.99, 1.01)]
    assert all(state.action / state.problem.model.params["T"] > none.action_over_T for state in around)
    assert repr(none).startswith("Nucleation(S3/T never falls")
    some = ss.nucleation(found.transitions[0], 1.01 * none.action_over_T)
    assert some.status == "nucleates"
    assert some.temperature > none.least_at
    assert some.beta_over_H > 0.0


def test_mistakes_are_said(published):
    found = ss.phases(ss.Potential(cubic, params=COUPLINGS), start=0.0, stop=80.0)
    second = Transition(1.0, 2, found[0], found[1], 0.0)
    with pytest.raises(ValueError, match="first order"):
        ss.nucleation(second)
    with pytest.raises(ValueError, match="criterion must be a positive number"):
        ss.nucleation(found.transitions[0], -1.0)
    assert np.isfinite(published.alpha)


def test_the_picture_has_every_bounce_and_the_curve_passes_through_them(published):
    """Between them it is the cubic of the exact slopes; in axes of one's own too."""
    t, action, _ = np.array(published.history).T
    ax = published.plot().axes[0]
    curve, points = ax.lines[0].get_data(), ax.lines[1].get_data()
    assert sorted(points[0]) == sorted(t)
    assert (curve[0].min(), curve[0].max()) == pytest.approx((t.min(), t.max()), rel=1e-12)
    order = np.argsort(curve[0])
    assert np.interp(t, curve[0][order], curve[1][order]) == pytest.approx(action / t, rel=1e-4)
    mine = Figure().add_subplot()
    assert published.plot(mine) is mine.figure


def test_a_table_for_other_programs(published, tmp_path):
    """Each row is that of a bounce on its own; the file has all digits of the table."""
    table = published.table(3)
    assert table["T"].values.tolist() == sorted(table["T"].values.tolist())
    assert published.temperature in table["T"].values
    assert set(table["status"].values) == {"bounce"}
    assert {name: table[name].attrs["units"] for name in ("T", "S3", "dS3_dT", "R", "alpha")} == {
        "T": "mass", "S3": "mass", "dS3_dT": "1", "R": "1/mass", "alpha": "1"
    }  # fmt: skip
    row = table.sel(T=published.temperature)
    assert float(row["S3"]) == pytest.approx(140.0 * published.temperature, rel=1e-10)
    assert float(row["alpha"]) == pytest.approx(published.alpha, rel=1e-12)
    t = float(table["T"][0])
    model = ss.Potential(cubic, fields=("phi",), params={**COUPLINGS, "T": t})
    alone = ss.bounce(model, [0.0])
    assert float(table["S3"][0]) == pytest.approx(alone.action, rel=1e-9)
    assert float(table["R"][0]) == pytest.approx(alone.half_radius, rel=1e-6)
    published.to_csv(tmp_path / "table.csv", 3)
    lines = (tmp_path / "table.csv").read_text().splitlines()
    assert lines[0] == "T,S3,dS3_dT,R,alpha,status"
    assert [float(line.split(",")[1]) for line in lines[1:]] == table["S3"].values.tolist()
    with pytest.raises(ValueError, match="to_csv: there is no folder"):
        published.to_csv(tmp_path / "nowhere" / "table.csv", 3)
    with pytest.raises(ValueError, match="n_points"):
        published.table(0)


def test_the_rate_is_the_fourth_power_of_the_hubble_rate():
    """ln(rate) - 4 ln H, from bounces and determinants found on their own, changes its sign within 1e-8 of T_n."""
    found = ss.phases(ss.Potential(cubic, fields=("phi",), params=COUPLINGS), start=0.0, stop=80.0)
    one, planck_mass = found.transitions[0], 2.435e18
    near = ss.nucleation(one, "rate", planck_mass=planck_mass)
    assert near.status == "nucleates"
    assert near.derivatives == {}

    def excess(t):
        state = ss.bounce(one.high.model(t), [0.0])
        hubble = math.sqrt(math.pi**2 * 106.75 / 90.0) * t**2 / planck_mass
        return ss.decay_rate(state, temperature=t).log_rate - 4.0 * math.log(hubble)

    t = near.temperature
    assert excess(t * (1.0 - 1e-8)) > 0.0 > excess(t * (1.0 + 1e-8))
    with pytest.raises(ValueError, match="needs planck_mass"):
        ss.nucleation(one, "rate")
    with pytest.raises(ValueError, match="planck_mass must be a positive number, got 0"):
        ss.nucleation(one, "rate", planck_mass=0)
    with pytest.raises(ValueError, match="above T"):
        ss.nucleation(one, "rate", planck_mass=1.0)


def test_quantum_tunnelling_is_compared(published):
    t = published.temperature
    model = ss.Potential(cubic, fields=("phi",), params={**COUPLINGS, "T": t})
    action = ss.bounce(model, [0.0], dim=4).action
    assert published.quantum.action == pytest.approx(action, rel=1e-9)
    assert published.quantum.words.startswith("thermal" if action > 140.0 else "quantum")


def test_phases_that_change_places_twice():
    """The search ends where the phase that it came from is the lower one again."""
    found = ss.phases(draw(3), start=5.0, stop=250.0)
    twice = [one for one in found.transitions if one.order == 1][1:]
    assert [twice[0].high, twice[0].low] == [twice[1].low, twice[1].high]
    none = ss.nucleation(twice[0])
    assert none.status.startswith("S3/T never falls to 140")
    assert twice[1].critical < none.least_at < twice[0].critical
