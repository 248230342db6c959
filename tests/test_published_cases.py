"""Cases from papers, issues and tests of other programs that this program once got wrong, with their right values.

The values are from closed forms or from shooting and collocation outside this program; where one is not, it says so.
Cases of one kind in other units are in test_units.py.
"""

import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss


def quartic(u):
    return 0.1 * (u**4 - 8.0 * u**3 + 10.0 * u**2)


THICK = 52.4133263008  # its bounce in d = 3, by shooting


def certified(state, kind="bounce", negative=1):
    c = state.certificate
    assert (c.kind, c.negative_modes, c.reasons) == (kind, negative, ())
    return state


def test_a_false_vacuum_with_the_digits_that_a_paper_prints():
    model = ss.Potential(lambda u, p: u[0] ** 4 - u[0] ** 2 + 0.25 * u[0])
    state = certified(ss.bounce(model, [0.633518], [-0.762844], dim=4))
    assert state.action == pytest.approx(482.937732011, rel=1e-10)
    assert state.problem.vacuum.values[0] == pytest.approx(0.6335175491806829, rel=1e-12)
    with pytest.raises(ss.BounceError, match=r"0\.6335175.*off by"):
        ss.bounce(model, [0.55], [-0.762844], dim=4)


@pytest.mark.parametrize(("dim", "action"), [(3, 2933.6591446), (4, 294129.1596)])
@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_zero_modes_of_an_internal_symmetry_are_no_negative_modes(dim, action, n):
    def potential(u, p):
        square = jnp.sum(u**2)
        return 0.5 * square - 0.25 * square**2 + 0.03 * square**3

    state = certified(ss.bounce(ss.Potential(potential, fields=tuple("abcd"[:n])), [0.0] * n, dim=dim))
    assert state.action == pytest.approx(action, rel=1e-9)
    assert state.certificate.zero_modes == n - 1


def test_of_three_bounces_the_one_of_least_action():
    def step(y):
        return 0.5 * (1.0 + jnp.tanh(y))

    def potential(u, p):  # a barrier, a shelf, and a drop
        x = u[0]
        a = step((x - 1.2) / 0.3)
        return 0.5 * x**2 * (1 - a) - 0.2 * a - 0.02 * (x - 1.2) * a - 8.0 * step((x - 7.5) / 0.3)

    model = ss.Potential(potential)
    for target in (None, [8.5]):
        state = certified(ss.bounce(model, [0.0004012765591462581], target, dim=4))
        assert state.action == pytest.approx(12198.7715, rel=1e-8)
        assert state.tunnelling.compared == 3


@pytest.mark.parametrize("dim", [3, 4])
def test_a_runaway_beyond_the_well_does_not_stop_the_search(dim):
    model = ss.Potential(lambda u, p: quartic(u[0]) - 1e-9 * u[0] ** 8)
    state = certified(ss.bounce(model, [0.0], dim=dim))
    assert state.action == pytest.approx(ss.bounce(model, [0.0], [5.0], dim=dim).action, rel=1e-9)
    if dim == 3:
        assert state.action == pytest.approx(52.4132615, rel=1e-8)


def test_where_v_falls_too_fast_there_is_no_bounce():
    with pytest.raises(ss.BounceError, match="Pohozaev"):
        ss.bounce(ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - 0.25 * u[0] ** 4), [0.0], dim=4)


def test_a_modulus_that_v_does_not_force_does_not_stop_a_bounce():
    model = ss.Potential(lambda u, p: quartic(u[0]) + 0.1 * u[0] ** 2 * u[1] ** 2, fields=("phi", "chi"))
    state = certified(ss.bounce(model, [0.0, 0.0], [5.0, 0.0]))
    assert state.action == pytest.approx(THICK, rel=1e-9)


@pytest.mark.parametrize("target", [None, [5.0, 12.5]])
def test_a_stiff_field_that_follows_another(target):
    model = ss.Potential(lambda u, p: quartic(u[0]) + 0.5e4 * (u[1] - 0.5 * u[0] ** 2) ** 2, fields=("phi", "chi"))
    assert certified(ss.bounce(model, [0.0, 0.0], target)).action == pytest.approx(245.70475, rel=1e-7)


@pytest.mark.parametrize(
    ("omega", "dim", "action"), [(0.03, 3, 1295744.03), (0.02, 3, 6551528.4), (0.04, 4, 1.0218245e9)]
)
def test_thin_walls_that_are_no_tanh(omega, dim, action):
    model = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 * (1 - u[0] ** 2) ** 2)
    state = ss.solve(ss.Problem(model, omega=omega, dim=dim))
    assert state.certificate.certified
    assert state.action == pytest.approx(action, rel=3e-8)


@pytest.mark.parametrize("squared", [1e-4, 1e-6])
def test_a_light_field_that_stays_at_zero_does_not_set_the_domain(squared):
    model = ss.Potential(lambda u, p: quartic(u[0]) + 0.5 * squared * u[1] ** 2, fields=("phi", "chi"))
    assert certified(ss.bounce(model, [0.0, 0.0], [5.0, 0.0])).action == pytest.approx(THICK, rel=1e-10)


@pytest.mark.parametrize("constant", [1e6, -1e12])
def test_a_large_constant_in_v(constant):
    state = certified(ss.bounce(ss.Potential(lambda u, p: quartic(u[0]) + constant), [0.0]))
    assert state.action == pytest.approx(THICK, rel=1e-9)


@pytest.mark.parametrize(("omega", "action", "centre"), [(0.01, 1441714141.26, None), (0.003, 6.6139107e10, 5573.773)])
def test_flat_potentials_at_small_frequencies(omega, action, centre):
    state = ss.solve(ss.Problem(ss.Potential(lambda u, p: jnp.log1p(u[0] ** 2)), omega=omega))
    assert state.certificate.certified
    assert state.action == pytest.approx(action, rel=1e-7)
    if centre is not None:
        assert abs(float(state(0.0)[0])) == pytest.approx(centre, rel=1e-6)


def test_a_true_vacuum_that_cannot_be_reached_is_named():
    false = np.arcsin(0.2)
    model = ss.Potential(lambda u, p: 1 - jnp.cos(u[0]) - 0.2 * u[0])
    state = certified(ss.bounce(model, [false], [20 * np.pi + false]))
    assert float(state.tunnelling.core.values[0]) == pytest.approx(2 * np.pi + false, rel=1e-9)
    assert "the bounce of least action this way ends in" in state.tunnelling.words


@pytest.mark.parametrize(
    ("dim", "centres"),
    [(2, (2.206200, 3.331989, 4.150089, 4.829603)), (3, (4.33739, 14.10358, 29.1312115757105, 49.3607))],
)
def test_nodes_of_the_cubic_equation(dim, centres):
    problem = ss.Problem(ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - 0.25 * u[0] ** 4), dim=dim)
    found = ss.find_states(problem, max_nodes=3)
    assert [abs(float(s(0.0)[0])) for s in found] == pytest.approx(centres, rel=1e-5)
    assert all(s.certificate.discretisation < 1e-6 for s in found)


def test_collapse_and_the_state_that_does_not_collapse():
    def gas(u, p, r):
        return 0.5 * r**2 * u[0] ** 2 - 2 * np.pi * p["k"] * u[0] ** 4

    model = ss.Potential(gas, fields=("psi",), params={"k": 0.5})
    grid = ss.RadialGrid(r_max=8.0, n_elements=16, order=12, dim=3)
    for problem in (ss.Problem(model, norm=1.0), ss.Problem(model, grid, norm=1.0)):
        state = certified(ss.solve(problem), "trapped", 0)
        assert state.energy == pytest.approx(1.2383417558, rel=1e-9)
    with pytest.warns(RuntimeWarning, match="collapsed onto the mesh"):
        state = ss.solve(ss.Problem(model.replace(k=0.7), grid, norm=1.0))
    assert "collapsed onto the mesh" in state.status


def test_a_kink_that_is_unstable_in_the_other_field():
    """TK1 and TK2 of the MSTB model with kappa = 1/2; E(TK2) = 2k(1 - k^2/3)."""

    def mstb(u, p):
        return 0.5 * (u[0] ** 2 + u[1] ** 2 - 1) ** 2 + 0.125 * u[1] ** 2

    grid = ss.RadialGrid(r_max=20.0, n_elements=16, order=12, dim=1)
    model = ss.Potential(mstb, fields=("f", "c"))
    straight = ss.solve(ss.Problem(model, grid, boundary=[1.0, 0.0], parity="odd"))
    assert straight.energy == pytest.approx(4 / 3, rel=1e-10)
    assert any("unstable" in reason for reason in straight.certificate.reasons)
    lowest = certified(ss.solve(ss.Problem(model, line=([-1.0, 0.0], [1.0, 0.0]))), "kink", 0)
    assert lowest.energy == pytest.approx(2 * 0.5 * (1 - 0.25 / 3), rel=1e-10)
    both = ss.solve(ss.Problem(model, grid, boundary=[1.0, 0.0], parity=("odd", "even")))
    assert both.energy == pytest.approx(lowest.energy, rel=1e-7)  # a box of 20: exp(-20) of the tail is missing
