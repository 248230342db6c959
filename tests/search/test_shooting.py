"""States with nodes: compared with published centres and with SciPy's integration of the profile equation."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import supersoliton as ss
from problems import cubic_nls, quadratic_nls
from supersoliton.search.line import Line
from supersoliton.search.shooting import profiles
from supersoliton.states.kinds import radial_nodes

# Centres of the states with 0, 1, ... nodes of u'' + (d-1)/r u' = u - u^3, by shooting; d = 3 also in K. McLeod,
# W. C. Troy, F. B. Weissler, J. Differential Equations 83 (1990) 368 (existence) and in the literature on NLS.
CUBIC = {
    2: [2.20620086465, 3.33198926658, 4.15009403625, 4.82960282016, 5.42400310321, 5.95912679605],
    3: [4.33738767998, 14.1035844049, 29.1312115757105, 49.3607],
}


def saturable(u, p):
    return 0.5 * u[0] ** 2 - (u[0] ** 2 - jnp.log1p(u[0] ** 2))


def cubic_quintic(u, p):
    return 0.5 * u[0] ** 2 - 0.25 * u[0] ** 4 + u[0] ** 6 / 24


def logarithmic(u, p):
    return 0.5 * u[0] ** 2 * (1.0 - jnp.log(u[0] ** 2))


def sextic(u, p):
    return 0.5 * u[0] ** 2 - u[0] ** 4 + 0.5 * u[0] ** 6


SLOPES = {  # dV/du by hand
    saturable: lambda u: u - 2 * u + 2 * u / (1 + u**2),
    cubic_quintic: lambda u: u - u**3 + u**5 / 4,
    logarithmic: lambda u: -u * np.log(u**2),
    sextic: lambda u: u - 4 * u**3 + 3 * u**5,
}


def nodes_from(slope, centre, dim, multiplier):
    """Zeros of the motion from ``centre`` before it turns away from 0 for good, by DOP853."""

    def motion(r, y):
        return [y[1], slope(y[0]) - multiplier * y[0] - (dim - 1) / r * y[1]]

    def crosses(r, y):
        return y[0]

    r0 = 1e-5
    start = [centre + (slope(centre) - multiplier * centre) * r0**2 / (2 * dim), 0.0]
    run = solve_ivp(motion, (r0, 60.0), start, "DOP853", rtol=1e-11, atol=1e-13, events=crosses)
    return len(run.t_events[0])


def by_nodes(states):
    return {radial_nodes(s.problem, s.u): s for s in states}


@pytest.mark.parametrize("dim", [2, 3])
def test_the_cubic_equation_has_the_published_centres(dim):
    known = CUBIC[dim]
    found = by_nodes(ss.find_states(ss.Problem(ss.Potential(cubic_nls), dim=dim), max_nodes=len(known) - 1))
    assert [abs(float(found[n](0.0)[0])) for n in range(len(known))] == pytest.approx(known, rel=1e-6)
    for n, state in found.items():
        assert state.certificate.certified, state.certificate.reasons
        assert state.certificate.negative_modes == n + 1
        assert state.certificate.kind == ("excited" if n else "bounce")


@pytest.mark.parametrize(
    ("potential", "omega", "dim", "most", "near"),
    # V'' of the logarithmic potential is infinite at a node, which limits the mesh; its certificate says so
    [
        (saturable, 0.5, 3, 3, 1e-6),
        (cubic_quintic, 0.8, 2, 2, 1e-6),
        (logarithmic, None, 3, 2, 1e-3),
        (sextic, 0.8, 2.5, 1, 1e-6),
    ],
    ids=["saturable", "cubic-quintic", "logarithmic", "sextic"],
)
def test_motions_on_both_sides_of_the_centre_have_the_nodes_of_the_state_and_more(potential, omega, dim, most, near):
    found = by_nodes(ss.find_states(ss.Problem(ss.Potential(potential), dim=dim, omega=omega), max_nodes=most))
    assert sorted(found) == list(range(most + 1))
    for n, state in found.items():
        centre = abs(float(state(0.0)[0]))
        sides = [nodes_from(SLOPES[potential], centre * (1 + shift), dim, state.multiplier) for shift in (-near, near)]
        assert min(sides) == n < max(sides)


def test_a_thin_wall_with_nodes_is_followed_far_beyond_the_precision_of_its_centre():
    """omega = 0.3: the shell with 3 nodes is 95 decay lengths wide, its centre e^-130 from the maximum of -U."""
    found = by_nodes(ss.find_states(ss.Problem(ss.Potential(sextic), omega=0.3), max_nodes=3))
    assert sorted(found) == [0, 1, 2, 3]
    assert found[3].certificate.certified, found[3].certificate.reasons
    assert found[3].half_radius == pytest.approx(94.6, abs=1.0)


@pytest.mark.parametrize(("nodes", "norm"), [(1, 3000.0), (2, 3000.0)])
def test_at_fixed_norm_the_states_solve_the_equation_at_their_multiplier(nodes, norm):
    states = ss.find_states(ss.Problem(ss.Potential(sextic), norm=norm), n_starts=2, max_nodes=nodes)
    state = by_nodes(states)[nodes]
    assert state.norm == pytest.approx(norm, rel=1e-10)
    assert state.certificate.certified, state.certificate.reasons
    centre = abs(float(state(0.0)[0]))
    sides = [nodes_from(SLOPES[sextic], centre * (1 + shift), 3, state.multiplier) for shift in (-1e-9, 1e-9)]
    assert min(sides) == nodes < max(sides)


def test_in_a_trap_the_modes_are_followed_to_the_norm():
    """Without interaction the levels are those of the oscillator, omega^2 = 3 + 4n; weak repulsion raises them."""

    def trap(u, p, r):
        return 0.5 * r**2 * u[0] ** 2 + p["g"] * u[0] ** 4

    model = ss.Potential(trap, params={"g": 0.0})
    grid = ss.RadialGrid(9.0, 12, 12)
    free, repelled = (
        by_nodes(ss.find_states(ss.Problem(model.replace(g=g), grid, norm=1.0), n_starts=2, max_nodes=2))
        for g in (0.0, 0.5)
    )
    assert [free[n].multiplier for n in range(3)] == pytest.approx([3.0, 7.0, 11.0], rel=1e-9)
    assert all(repelled[n].multiplier > free[n].multiplier for n in range(3))


def test_of_several_fields_the_node_may_be_in_one():
    """f with a node in the well that it digs into another field: V = f^2 chi^2/2 + (chi^2 - 1)^2/8, omega = 0.7."""
    model = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 * u[1] ** 2 + 0.125 * (u[1] ** 2 - 1) ** 2, fields=("f", "chi"))
    problem = ss.Problem(model, omega=0.7, norm_of=["f"], background=[0.0, 1.0])
    states = ss.find_states(problem, n_starts=4, max_nodes=1)
    state = by_nodes(states)[1]
    assert state.certificate.certified, state.certificate.reasons
    f = state(np.linspace(0.0, 12.0, 400))[:, 0]
    assert np.sum(f[1:] * f[:-1] < 0) == 1
    assert state(0.0)[0] == pytest.approx(4.096247, rel=1e-5)  # collocation, see the test below
    assert residual_by_collocation(state) < 1e-6


def residual_by_collocation(state):
    """Largest defect of the two equations, from sixth-order differences of the state at many radii."""
    r, h = np.linspace(0.5, 14.0, 200), 0.02
    weights = np.array([2, -27, 270, -490, 270, -27, 2]) / 180.0
    first = np.array([-1, 9, -45, 0, 45, -9, 1]) / 60.0
    u = np.stack([state(r + k * h) for k in range(-3, 4)])
    second = np.tensordot(weights, u, 1) / h**2 + 2.0 / r[:, None] * np.tensordot(first, u, 1) / h
    f, chi = state(r).T
    slope = np.stack([f * chi**2 - 0.49 * f, f**2 * chi + 0.5 * chi * (chi**2 - 1)], axis=1)
    return np.max(np.abs(second - slope))


def test_what_is_not_found_is_said():
    with pytest.warns(ss.SolveWarning, match="nothing found with 1 node by shooting from every centre"):
        states = ss.find_states(ss.Problem(ss.Potential(quadratic_nls)), max_nodes=1)
    assert len(states) == 1
    assert states.not_found == ("nothing found with 1 node by shooting from every centre",)


def test_in_one_dimension_there_are_none_and_that_is_said():
    with pytest.warns(ss.SolveWarning, match="in one dimension a single field has no localised state with nodes"):
        states = ss.find_states(ss.Problem(ss.Potential(cubic_nls), dim=1), max_nodes=3)
    assert [radial_nodes(s.problem, s.u) for s in states] == [0]


def test_the_table_of_a_line_is_the_potential():
    line = Line(ss.Potential(cubic_quintic), 3.0, np.ones(1), lambda r: np.zeros((len(r), 1)), np.array([0.3]))
    x = np.array([-20.0, -1.7, -1e-5, 1e-6, 0.3, 5.0])
    energy, slope = line.potential(x, np.zeros(6))
    assert energy == pytest.approx(x**2 / 2 - x**4 / 4 + x**6 / 24 - 0.15 * x**2, rel=1e-7)
    assert slope == pytest.approx(x - x**3 + x**5 / 4 - 0.3 * x, rel=1e-7)


def test_shooting_finds_nothing_without_friction():
    line = Line(ss.Potential(cubic_nls), 1.0, np.ones(1), lambda r: np.zeros((len(r), 1)), np.zeros(1))
    assert profiles(line, 3, 1.0) == []
