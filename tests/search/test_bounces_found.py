"""Bounces of every kind against shooting with SciPy, closed forms and thin-wall expansions; and why there is none."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq
from scipy.special import gamma, iv, kv

import supersoliton as ss
from supersoliton.search.bounce import minimum_below
from waiting import HUNG


def area(d: float) -> float:
    return 2.0 * math.pi ** (d / 2) / gamma(d / 2)


def flight(slope, centre: float, false: float, d: float, r_max: float = 400.0):
    """One trajectory from a centre: (+1 overshoot or -1 undershoot, 2T/d)."""
    away = math.copysign(1.0, centre - false)

    def rate(r, y):
        return [y[1], slope(y[0]) - (d - 1.0) / r * y[1], 0.5 * area(d) * r ** (d - 1.0) * y[1] ** 2]

    def crosses(_, y):
        return away * (y[0] - false)

    def turns(r, y):
        return -away * y[1] if r > 2e-3 else 1.0

    crosses.terminal = turns.terminal = True
    r = 1e-3
    start = [centre + slope(centre) * r**2 / (2.0 * d), slope(centre) * r / d, 0.0]
    path = solve_ivp(rate, (r, r_max), start, method="DOP853", rtol=1e-10, atol=1e-12, events=(crosses, turns))
    return (1 if len(path.t_events[0]) else -1), 2.0 / d * path.y[2, -1]


def shot(slope, low: float, high: float, false: float, d: float) -> tuple[float, float]:
    """Centre and action of the bounce between two centres with different ends."""
    below, above = flight(slope, low, false, d)[0], flight(slope, high, false, d)[0]
    assert below != above
    for _ in range(38):
        middle = 0.5 * (low + high)
        if flight(slope, middle, false, d)[0] == below:
            low = middle
        else:
            high = middle
    return low, flight(slope, low, false, d)[1]


def quartic(x):
    return 0.1 * (x**4 - 8.0 * x**3 + 10.0 * x**2)


def quartic_slope(x):
    return 0.1 * (4.0 * x**3 - 24.0 * x**2 + 20.0 * x)


QUARTIC_ACTION = {3: 52.413326300847, 4: 346.636009959353}  # of the quartic above, by shooting


def refusal(*args, **kwargs) -> str:
    with pytest.raises(ss.BounceError) as caught:
        ss.bounce(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# One field, several bounces


def shelf(u, p):
    """A barrier, a shelf beyond 1.2 and a drop by D at L."""
    x = u[0]
    a = 0.5 * (1.0 + jnp.tanh((x - 1.2) / 0.3))
    return (
        0.5 * x**2 * (1.0 - a) - p["s"] * a - 0.02 * (x - 1.2) * a - p["D"] * 0.5 * (1.0 + jnp.tanh((x - p["L"]) / 0.3))
    )


SHELF = ss.Potential(shelf, params={"s": 0.2, "D": 8.0, "L": 7.5})
SHELF_VACUUM = [0.0004012765591462581]


def test_the_least_action_of_three_bounces_is_found():
    def slope(x):
        a, b = np.tanh((x - 1.2) / 0.3), np.tanh((x - 7.5) / 0.3)
        up, down = 0.5 * (1.0 + a), 0.5 * (1.0 - a**2) / 0.3
        inner = x * (1.0 - up) - 0.5 * x**2 * down - 0.2 * down - 0.02 * up - 0.02 * (x - 1.2) * down
        return inner - 8.0 * 0.5 * (1.0 - b**2) / 0.3

    assert [flight(slope, x, SHELF_VACUUM[0], 4)[0] for x in (2.4, 2.7, 8.36, 8.5)] == [-1, 1, -1, 1]
    actions = [shot(slope, low, high, SHELF_VACUUM[0], 4)[1] for low, high in ((2.4, 2.7), (8.38, 8.5))]
    state = ss.bounce(SHELF, SHELF_VACUUM, dim=4)
    assert ss.bounce(SHELF, SHELF_VACUUM, [8.5], dim=4).action == pytest.approx(state.action, rel=1e-11)
    assert state.action == pytest.approx(min(actions), rel=1e-6)
    assert actions[0] > 1.3 * state.action  # the bounce to the shelf, which a search may take for the only one
    assert state.tunnelling.compared == 3
    assert state.certificate.certified


def test_the_state_says_where_its_core_ends():
    """Of a tilted row of wells the next one, not the tenth that was asked for."""
    f = float(np.arcsin(0.2))
    model = ss.Potential(lambda u, p: 1.0 - jnp.cos(u[0]) - 0.2 * u[0])
    state = ss.bounce(model, [f], [20.0 * np.pi + f])
    assert state.tunnelling.core.values[0] == pytest.approx(2.0 * np.pi + f, rel=1e-9)
    assert state.tunnelling.asked.values[0] == pytest.approx(20.0 * np.pi + f, rel=1e-9)
    assert "the bounce of least action this way ends in" in state.tunnelling.words
    assert any("least action this way" in value for _, value in state.table())
    assert state.action == pytest.approx(shot(lambda x: np.sin(x) - 0.2, 6.4, 6.4845, f, 3)[1], rel=1e-6)


def test_a_descent_ends_in_the_minimum_of_its_basin():
    model = ss.Potential(lambda u, p: (u[0] ** 2 - 1.0) ** 2 + 0.5 * u[1] ** 2, fields=("a", "b"))
    assert minimum_below(model, np.array([0.1, 2.0])).values == pytest.approx([1.0, 0.0], abs=1e-8)
    assert minimum_below(ss.Potential(lambda u, p: -(u[0] ** 4)), np.array([1.0])) is None


@pytest.mark.parametrize("dim", [3])
def test_a_runaway_far_away_does_not_spoil_the_bounce(dim):
    """-1e-9 u^8 makes V unbounded with a power at which bubbles shrink without end; the well at 5 has its bounce."""
    state = ss.bounce(ss.Potential(lambda u, p: quartic(u[0]) - 1e-9 * u[0] ** 8), [0.0], dim=dim)
    exact = shot(lambda x: quartic_slope(x) - 8e-9 * x**7, 2.0, 4.99, 0.0, dim)[1]
    assert state.action == pytest.approx(exact, rel=1e-8)
    two = ss.Potential(lambda u, p: quartic(u[0]) - 1e-9 * u[0] ** 8 + 0.5 * u[1] ** 2, fields=("a", "b"))
    assert ss.bounce(two, [0.0, 0.0], dim=dim).action == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize(
    ("power", "dim", "exists"), [(4, 3, True), (4, 4, False), (6, 3, False), (8, 3, False), (6, 4, False), (3, 4, True)]
)
def test_pohozaev_decides_for_a_pure_power(power, dim, exists):
    """u^2/2 - u^p/p has a bounce for p < 2d/(d - 2) only."""
    model = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - jnp.abs(u[0]) ** p["n"] / p["n"], params={"n": float(power)})
    if exists:
        assert ss.bounce(model, [0.0], dim=dim).certificate.certified
    else:
        assert "Pohozaev" in refusal(model, [0.0], dim=dim)


def test_pohozaev_in_two_fields():
    model = ss.Potential(lambda u, p: 0.5 * jnp.sum(u**2) - 0.25 * (u[0] ** 4 + u[1] ** 4), fields=("a", "b"))
    assert "Pohozaev" in refusal(model, [0.0, 0.0], dim=4)


def two_parabolas(u, p):
    """Minima at -1 and b, where V = 0 and -0.3; V' jumps at u = 0."""
    b = 1.2649110640673518
    return jnp.where(u[0] < 0.0, 0.5 * (u[0] + 1.0) ** 2, 0.5 * (u[0] - b) ** 2 - 0.3)


@pytest.mark.parametrize("dim", [2, 3, 4])
def test_parabolas_that_meet_at_a_jump_of_the_slope(dim):
    """Outside r^-nu K_nu(r), inside b - B r^-nu I_nu(r): both vanish at R with equal slopes, and S = 2T/d."""
    b, nu = 1.2649110640673518, dim / 2.0 - 1.0

    def inside(r):
        return b * r**-nu * iv(nu + 1.0, r) / (radius**-nu * iv(nu, radius))

    def outside(r):
        return r**-nu * kv(nu + 1.0, r) / (radius**-nu * kv(nu, radius))

    def mismatch(r):
        return kv(nu + 1.0, r) / kv(nu, r) - b * iv(nu + 1.0, r) / iv(nu, r)

    radius = brentq(mismatch, 2.0, 40.0, xtol=1e-14)
    kinetic = [
        quad(lambda r, f=f: f(r) ** 2 * r ** (dim - 1), *ends, epsabs=0, epsrel=1e-12, limit=200)[0]
        for f, ends in ((inside, (0.0, radius)), (outside, (radius, radius + 40.0)))
    ]
    exact = 2.0 * math.pi ** (dim / 2.0) / gamma(dim / 2.0) * sum(kinetic) / dim
    state = ss.bounce(ss.Potential(two_parabolas), [-1.0], dim=dim)
    c = state.certificate
    assert state.action == pytest.approx(exact, rel=1e-11)
    assert min(abs(state.grid.element_edges - radius)) < 1e-9
    assert c.certified
    assert c.negative_modes_by_sector == (1, 0, 0)
    assert abs(c.translation_mode) < 1e-10


def dented(x):
    return 0.5 * x**2 - 4.0 * jnp.maximum(x - 1.0, 0.0) + 0.05 * jnp.maximum(x - 1.0, 0.0) ** 4


@pytest.mark.parametrize(
    "dim", [pytest.param(2, marks=pytest.mark.nightly), 3, pytest.param(4, marks=pytest.mark.nightly)]
)
def test_a_jump_of_the_slope_in_a_thick_wall_and_in_two_fields(dim):
    def turned(u, p):
        x, y = 0.6 * u[0] + 0.8 * u[1], 0.6 * u[1] - 0.8 * u[0]
        return dented(x) + 0.5 * y**2 * (1.0 + 0.3 * x**2)

    def slope(x):
        return x - (4.0 if x > 1.0 else 0.0) + 0.2 * max(x - 1.0, 0.0) ** 3

    exact = shot(slope, 1.2, 2.75, 0.0, dim)[1]
    one = ss.bounce(ss.Potential(lambda u, p: dented(u[0])), [0.0], dim=dim)
    two = ss.bounce(ss.Potential(turned, ("a", "b")), [0.0, 0.0], dim=dim)
    for state in (one, two):
        assert state.action == pytest.approx(exact, rel=1e-6)
        assert state.certificate.certified
        assert state.certificate.negative_modes_by_sector == (1, 0, 0)
        # The spectrum has the delta function of V'' too: without it nothing is negative and nothing moves freely.
        negative, translation = (ss.spectrum(state, 2, ell).eigenvalues for ell in (0, 1))
        assert negative[0] < -0.1 < 0.1 < negative[1]
        assert abs(translation[0]) < 1e-8 < translation[1]
    assert two.action == pytest.approx(one.action, rel=1e-10)


def test_a_q_ball_across_a_jump_of_the_slope():
    """The same state at fixed frequency and at fixed norm; on a mesh without an edge at the jump that is said."""

    def bent(u, p):
        x = jnp.abs(u[0])
        return 0.5 * x**2 - 1.5 * jnp.maximum(x - 1.0, 0.0) + 0.5 * jnp.maximum(x - 1.0, 0.0) ** 2

    model = ss.Potential(bent)
    at_frequency = ss.solve(ss.Problem(model, omega=0.7))
    at_norm = ss.solve(ss.Problem(model, norm=at_frequency.norm))
    for state in (at_frequency, at_norm):
        assert state.certificate.certified
        assert state.certificate.virial < 1e-10
        assert state.certificate.rotation.negative_modes == (1, 0)
    assert at_norm.omega == pytest.approx(0.7, rel=1e-10)
    assert at_norm.energy == pytest.approx(at_frequency.energy, rel=1e-9)
    coarse = ss.solve(ss.Problem(model, ss.RadialGrid(24.0, 12, 12), norm=at_norm.norm), at_norm)
    assert not coarse.certificate.certified
    assert any("an element edge at r = 18.0" in reason for reason in coarse.certificate.reasons)
    # The points on either side of the jump hold it in place: what the identity leaves is an error of the energy.
    assert coarse.certificate.discretisation >= coarse.certificate.virial > 1e-8


def test_an_element_edge_is_placed_at_a_jump_of_the_curvature():
    def bent(u, p):
        x = u[0]
        return 0.5 * x**2 - jnp.where(x < 0.7, 0.0, 2.0 * (x - 0.7) ** 2) + 0.3 * jnp.maximum(x - 2.0, 0.0) ** 4

    def slope(x):
        return x - (4.0 * (x - 0.7) if x > 0.7 else 0.0) + (1.2 * (x - 2.0) ** 3 if x > 2.0 else 0.0)

    state = ss.bounce(ss.Potential(bent), [0.0])
    assert state.action == pytest.approx(shot(slope, 1.5, 3.9, 0.0, 3)[1], rel=1e-7)
    assert np.min(np.abs(state.u[:: state.grid.order, 0] - 0.7)) < 1e-9


def test_a_jump_of_V_gives_no_vacuum_as_bounce():
    model = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - 0.5 * u[0] ** 3 + 0.1 * u[0] ** 4 - 0.05 * (u[0] > 0.3))
    try:
        state = ss.bounce(model, [0.0])
    except ss.BounceError:
        return
    assert state.action > 1.0
    assert not state.certificate.certified


def test_the_least_action_in_one_dimension_is_a_quadrature():
    """Both directions have a bounce; the one that is least in d = 2.25 has 2.2 times the action in d = 1."""
    c = (0.033005, -0.228026, -0.401095, 0.354542, 0.5, 0.0, 0.0)
    model = ss.Potential(
        lambda u, p: u[0] ** 2 * (c[4] + c[3] * u[0] + c[2] * u[0] ** 2 + c[1] * u[0] ** 3 + c[0] * u[0] ** 4)
    )
    actions = []
    for sign in (1.0, -1.0):
        end = brentq(lambda s, sign=sign: np.polyval(c, sign * s), 0.5, 1.25, xtol=1e-15)

        def root(t, sign=sign, end=end):  # s = end (1 - t^2)
            return 2.0 * end * t * math.sqrt(max(2.0 * np.polyval(c, sign * end * (1.0 - t * t)), 0.0))

        actions.append(2.0 * quad(root, 0.0, 1.0, epsabs=1e-13, epsrel=1e-12)[0])
    state = ss.bounce(model, [0.0], dim=1)
    assert state.action == pytest.approx(min(actions), rel=1e-10)
    assert max(actions) > 2.0 * state.action
    assert state.tunnelling.compared == 2


# Thin walls


def sextic(u, p):
    return 0.5 * u[0] ** 2 * (1.0 - u[0] ** 2) ** 2 - 0.5 * p["w"] ** 2 * u[0] ** 2


@pytest.mark.parametrize(
    ("w", "dim", "action"), [(0.03, 3, 1295744.0245), (0.02, 3, 6551528.34), (0.04, 4, 1.0218245005e9)]
)
def test_a_sextic_wall(w, dim, action):
    """By shooting from the linear solution inside; the wall is no tanh."""
    state = ss.bounce(ss.Potential(sextic, params={"w": w}), [0.0], dim=dim)
    assert state.action == pytest.approx(action, rel=1e-8)
    assert state.certificate.certified


def thin_action(tension: float, depth: float, dim: int) -> float:
    """S_d R^(d-1) sigma/d at R = (d - 1) sigma/eps."""
    radius = (dim - 1.0) * tension / depth
    return area(dim) * radius ** (dim - 1.0) * tension / dim


@pytest.mark.parametrize("dim", [2, 3, 4])
@pytest.mark.parametrize("e", [1e-2, 1e-3, 3e-4])
def test_a_wall_of_sine_gordon_up_to_ten_thousand_widths(e, dim):
    """sigma = 8 and eps = 2 pi e between neighbouring wells, exactly mirrored: the correction is of second order."""
    f = float(np.arcsin(e))
    state = ss.bounce(ss.Potential(lambda u, p: 1.0 - jnp.cos(u[0]) - p["e"] * u[0], params={"e": e}), [f], dim=dim)
    formula = thin_action(8.0, 2.0 * math.pi * e, dim)
    assert abs(state.action / formula - 1.0) <= 1.2 * e**2
    assert state.certificate.certified
    radius = float(np.interp(-math.pi, -state.u[:, 0], state.grid.nodes))
    assert radius == pytest.approx((dim - 1) * 8.0 / (2.0 * math.pi * e), rel=1e-2)


def test_a_wall_between_wells_of_unequal_masses_approaches_its_formula():
    """Two Gaussian wells of different widths: the correction is of first order in the depth; sigma by quadrature."""

    def potential(u, p):
        return -jnp.exp(-(u[0] ** 2)) - (1.0 + p["e"]) * jnp.exp(-((u[0] - 4.0) ** 2) / 0.5)

    def tension(e):
        def v(x):
            return -math.exp(-(x**2)) - (1.0 + e) * math.exp(-((x - 4.0) ** 2) / 0.5)

        bottom = v(0.0)
        return quad(lambda x: math.sqrt(max(2.0 * (v(x) - bottom), 0.0)), 0.0, 4.0, limit=400, epsrel=1e-10)[0]

    off = []
    for e in (1e-2, 1e-3):
        model = ss.Potential(potential, params={"e": e})
        state = ss.bounce(model, ss.vacua(model)[-1], [4.0])
        off.append(abs(state.action / thin_action(tension(0.0), e, 3) - 1.0))
        assert state.certificate.certified
    assert off[1] < 0.12 * off[0]
    assert off[1] < 2e-3


@pytest.mark.parametrize(
    "dim", [pytest.param(2, marks=pytest.mark.nightly), 3, pytest.param(4, marks=pytest.mark.nightly)]
)
def test_a_thin_wall_of_two_fields_is_that_of_one_in_other_words(dim):
    """A sextic and a free field, mixed by a rotation: the action of the sextic alone, at a radius of 140 widths."""
    c, s = math.cos(0.6), math.sin(0.6)

    def mixed(u, p):
        x, y = c * u[0] + s * u[1], c * u[1] - s * u[0]
        return sextic(jnp.stack([x]), p) + 0.8 * y**2

    one = ss.bounce(ss.Potential(sextic, params={"w": 0.06}), [0.0], dim=dim, max_seconds=HUNG)
    two = ss.bounce(ss.Potential(mixed, fields=("a", "b"), params={"w": 0.06}), [0.0, 0.0], dim=dim, max_seconds=HUNG)
    assert two.action == pytest.approx(one.action, rel=1e-9)
    assert two.certificate.kind == "bounce"


def test_a_bent_thin_wall_approaches_its_tension():
    """chi follows 0.3 phi^2 stiffly: one field with the kinetic factor 1 + 0.36 phi^2, up to 1/M^2."""
    w, stiff = 0.03, 400.0

    def bent(u, p):
        return sextic(u[:1], {"w": w}) + 0.5 * stiff * (u[1] - 0.3 * u[0] ** 2) ** 2

    state = ss.bounce(ss.Potential(bent, fields=("a", "b")), [0.0, 0.0])
    tension = quad(lambda x: x * (1.0 - x**2) * math.sqrt(1.0 + 0.36 * x**2), 0.0, 1.0)[0]
    assert state.action == pytest.approx(thin_action(tension, 0.5 * w**2, 3), rel=5e-3)
    assert state.certificate.certified


def test_a_wall_that_is_too_large_is_refused_with_its_radius():
    words = refusal(ss.Potential(sextic, params={"w": 1e-3}), [0.0])
    assert "nearly degenerate" in words
    assert "1e+06" in words  # 2 sigma/eps = 1/2 / (w^2/2)


# Stiff and light fields, flat potentials


def bent_valley(u, p):
    return quartic(u[0]) + 0.5 * p["M"] ** 2 * (u[1] - 0.5 * u[0] ** 2) ** 2


@pytest.mark.parametrize("target", [None, [5.0, 12.5]])
@pytest.mark.parametrize(("M", "action"), [(100.0, 245.70475), (1000.0, 245.71777)])
def test_a_stiff_field_is_followed_along_its_valley(M, action, target):
    """M -> infinity is one field with kinetic term (1 + phi^2) phi'^2/2: 245.7178966 by shooting, less O(1/M^2)."""
    state = ss.bounce(ss.Potential(bent_valley, ("phi", "chi"), {"M": M}), [0.0, 0.0], target)
    assert state.action == pytest.approx(action, rel=1e-7)
    assert state.action < 245.7178966
    assert 245.7178966 - state.action < 140.0 / M**2


@pytest.mark.parametrize("mass_squared", [1e-2, 1e-4, 1e-6, 0.0])
@pytest.mark.parametrize("coupling", [0.0, 0.1])
def test_a_light_field_that_is_not_moved_changes_nothing(mass_squared, coupling):
    def potential(u, p):
        return quartic(u[0]) + 0.5 * p["m2"] * u[1] ** 2 + p["g"] * u[0] ** 2 * u[1] ** 2

    model = ss.Potential(potential, ("phi", "chi"), {"m2": mass_squared, "g": coupling})
    state = ss.bounce(model, [0.0, 0.0], [5.0, 0.0])
    assert state.action == pytest.approx(QUARTIC_ACTION[3], rel=1e-10)
    assert state.grid.r_max < 30.0


def test_goldstone_bosons_of_a_broken_false_vacuum_stop_no_bounce():
    """V(|u|) with a circle of false vacua: along the ray it is one field's bounce."""

    def radial(x):
        return quartic(5.0 - x) - quartic(5.0)

    one = ss.bounce(ss.Potential(lambda u, p: radial(u[0])), [5.0], [0.0])
    model = ss.Potential(lambda u, p: radial(jnp.sqrt(jnp.sum(u**2) + 1e-30)), fields=("a", "b"))
    two = ss.bounce(model, [3.0, 4.0], [0.0, 0.0])
    assert two.action == pytest.approx(one.action, rel=1e-9)


@pytest.mark.parametrize("m", [2.0, 3.0])
def test_a_massless_field_with_an_exact_bounce(m):
    """(r^2 + 1)^-m in d = 4, action m pi^2/(4 m^2 - 1)."""

    def potential(u, p):
        x = jnp.abs(u[0])
        return 4.0 * m**2 * (m - 1.0) / (2.0 * m + 1.0) * x ** (2.0 + 1.0 / m) - 2.0 * m**2 * x ** (2.0 + 2.0 / m)

    state = ss.bounce(ss.Potential(potential), [0.0], dim=4)
    exact = m * math.pi**2 / (4.0 * m**2 - 1.0)
    assert abs(state.action / exact - 1.0) <= state.certificate.discretisation + 1e-13
    assert state.certificate.discretisation < 1e-9
    assert abs(state.u[0, 0]) == pytest.approx(1.0, rel=1e-6)


def test_a_massless_quartic_whose_coupling_runs():
    """V = u^4/4 (l + b ln^2 u), a tail 1/r^2: the running fixes the size."""

    def slope(x):
        log = math.log(abs(x)) if x != 0.0 else 0.0
        return x**3 * (-0.1 + 0.05 * log**2 + 0.025 * log)

    model = ss.Potential(lambda u, p: 0.25 * u[0] ** 4 * (-0.1 + 0.05 * jnp.log(jnp.abs(u[0])) ** 2))
    state = ss.bounce(model, [0.0], [1.9], dim=4)
    signs = [flight(slope, x, 0.0, 4, 1e5)[0] for x in (1.5, 2.6)]
    assert signs[0] != signs[1]
    centre = shot_far(slope, 1.5, 2.6)
    assert state.u[0, 0] == pytest.approx(centre, rel=1e-6)


def shot_far(slope, low: float, high: float) -> float:
    below = flight(slope, low, 0.0, 4, 1e5)[0]
    for _ in range(36):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if flight(slope, middle, 0.0, 4, 1e5)[0] == below else (low, middle)
    return low


def test_no_scale_is_said_only_where_there_is_none():
    quartic_ = ss.Potential(lambda u, p: -0.25 * u[0] ** 4)
    assert "no scale" in refusal(quartic_, [0.0], dim=4)
    words = refusal(quartic_, [0.0], dim=3)
    assert "no scale" not in words
    assert "without a barrier" in words


@pytest.mark.parametrize(("w", "action", "centre"), [(0.01, 1441714141.26, 1506.459), (0.003, 6.6139107e10, 5573.773)])
def test_a_flat_potential_at_small_frequency(w, action, centre):
    """ln(1 + u^2): mass sqrt 2 at the edge, sin(w r)/r inside; by shooting."""
    state = ss.solve(ss.Problem(ss.Potential(lambda u, p: jnp.log1p(u[0] ** 2)), omega=w))
    assert state.action == pytest.approx(action, rel=1e-7)
    if w == 0.003:
        assert abs(state(0.0)[0]) == pytest.approx(centre, rel=1e-6)


def test_the_least_action_of_two_walls_whose_order_changes_with_the_dimension():
    """Two fields with a barrier each: S goes as m^(6-d), so the other one is least in one dimension than in three."""

    def barrier(x, m, cubic):
        return 0.5 * m**2 * x**2 - 0.5 * cubic * x**3 + 0.02 * cubic**2 / m**2 * x**4

    def both(u, p):
        return barrier(u[0], 2.0, 4.0) + barrier(u[1], 1.0, 1.0) + 5.0 * u[0] ** 2 * u[1] ** 2

    def in_one_dimension(m, cubic):
        end = brentq(barrier, 0.3 * m**2 / cubic, 1.6 * m**2 / cubic, args=(m, cubic))
        return 2.0 * quad(lambda x: math.sqrt(max(2.0 * barrier(x, m, cubic), 0.0)), 0.0, end, epsrel=1e-11)[0]

    heavy, light = in_one_dimension(2.0, 4.0), in_one_dimension(1.0, 1.0)
    assert heavy == pytest.approx(2.0 * light, rel=1e-9)
    line, space = (ss.bounce(ss.Potential(both, ("a", "b")), [0.0, 0.0], dim=dim) for dim in (1, 3))
    assert line.action == pytest.approx(light, rel=1e-9)
    assert abs(line.u[0, 1]) > 1.0

    def steeper(u, p):  # the first is now the least in one dimension too
        return barrier(u[0], 2.0, 8.0) + barrier(u[1], 1.0, 1.0) + 5.0 * u[0] ** 2 * u[1] ** 2

    first = ss.bounce(ss.Potential(steeper, ("a", "b")), [0.0, 0.0], dim=1)
    assert first.action == pytest.approx(in_one_dimension(2.0, 8.0), rel=1e-9)
    assert first.action < 0.6 * light
    assert abs(space.u[0, 0]) > 1.0
