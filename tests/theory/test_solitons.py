"""Theories beyond the table of PHYSICS.md: exact energies, published numbers, other codes; kinks on the line."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad, solve_bvp

import supersoliton as ss
from supersoliton.config import loads
from supersoliton.states.kinds import Kind
from supersoliton.theory.base import read_theory


def solved(theory):
    state = ss.solve(ss.Problem(theory))
    assert state.certificate.certified, state.certificate.reasons
    assert state.steps <= 12
    return state, state.energy / theory.energy_unit


def covers(state, energy, exact):
    """Whether the stated error covers the difference from an exact value."""
    return abs(energy / exact - 1.0) <= state.certificate.energy_error + 2e-15


@pytest.mark.parametrize(("winding", "kappa"), [(1, 0.2), (2, 1.0), (3, 5.0), (5, 1.0), (10, 1.0)])
def test_chern_simons_vortices_have_the_energy_of_their_winding(winding, kappa):
    """E = 2 pi n, and Bogomolny's equations r f' = (n - a) f and kappa^2 a' = 2 r f^2 (1 - f^2)."""
    theory = ss.ChernSimonsVortex(winding=winding, kappa=kappa)
    state, energy = solved(theory)
    assert energy == pytest.approx(winding, rel=1e-12)
    assert covers(state, energy, winding)
    s, h = np.linspace(0.9 * winding, 1.4 * winding + 1.0, 8) * kappa, 1e-4 * kappa
    (f, a), before, after = (theory.profiles(s + step, state(s + step)).T for step in (0.0, -h, h))
    np.testing.assert_allclose(s * (after[0] - before[0]) / (2 * h), (winding - a) * f, atol=1e-6)
    np.testing.assert_allclose(
        kappa**2 * (after[1] - before[1]) / (2 * h), 2 * s * f**2 * (1 - f**2), atol=1e-6 * kappa
    )


@pytest.mark.parametrize(
    ("theory", "exact"),
    [
        (ss.BabySkyrmion(1, 0.1, potential="holomorphic"), 1 + 4 / 3 * np.sqrt(0.2)),
        (ss.BabySkyrmion(1, 10.0, potential="holomorphic"), 1 + 4 / 3 * np.sqrt(20.0)),
        (ss.Vortex(winding=50), 50.0),
    ],
    ids=repr,
)
def test_exact_energies(theory, exact):
    state, energy = solved(theory)
    assert energy == pytest.approx(exact, rel=1e-12)
    assert covers(state, energy, exact)


def test_the_holomorphic_baby_skyrmion_is_that_of_leese_peyrard_and_zakrzewski():
    """tan(F/2) = a/r with 1/a^2 = sqrt(2) mu."""
    state, _ = solved(ss.BabySkyrmion(1, 0.1, potential="holomorphic"))
    r = np.array([0.5, 2.0, 10.0, 100.0])
    np.testing.assert_allclose(np.tan(0.5 * state(r)[:, 0]) * r, 0.2**-0.25, rtol=1e-9)


def by_collocation(rhs, density, end, tail):
    """The energy of F from pi to 0 by solve_bvp and quadrature; to the square of the error of F. ``tail``: -F'/F."""
    r = np.geomspace(1e-3, end, 400)
    start = np.array([4 * np.arctan(np.exp(-r)), -2 / np.cosh(r)])
    found = solve_bvp(
        rhs,
        lambda x, z: np.array([x[0] - np.pi - 1e-3 * x[1], z[1] + tail * z[0]]),
        r,
        start,
        tol=1e-8,
        max_nodes=20000,
    )
    assert found.success
    x, w = np.polynomial.legendre.leggauss(5)
    half = np.diff(found.x)[:, None] / 2
    points = (found.x[:-1, None] + half + half * x).ravel()
    slope = found.y[1, 0]
    core = quad(lambda s: density(s, np.pi + slope * s, slope), 1e-9, 1e-3)[0]
    return core + float((half * w).ravel() @ density(points, *found.sol(points)))


@pytest.mark.parametrize(("mass", "sextic"), [(1.0, 0.0), (1.0, 1.0)])
def test_the_skyrmion_with_a_term_of_sixth_order(mass, sextic):
    def rhs(r, y):
        f, slope = y
        s, c = np.sin(f), np.cos(f)
        inertia = r**2 + 2 * s**2 + sextic * s**4 / r**2
        force = 2 * s * c * (1 + s**2 / r**2) + mass**2 * r**2 * s
        moving = 2 * r * slope + 2 * s * c * slope**2 + 2 * sextic * s**3 * c * slope**2 / r**2
        return np.array([slope, (force - moving + 2 * sextic * s**4 * slope / r**3) / inertia])

    def density(r, f, slope):
        s = np.sin(f) ** 2
        terms = r**2 * slope**2 + 2 * s * (1 + slope**2) + s**2 / r**2 + 2 * mass**2 * r**2 * (1 - np.cos(f))
        return (terms + sextic * s**2 * slope**2 / r**2) / (3 * np.pi)

    _, energy = solved(ss.Skyrmion(pion_mass=mass, sextic=sextic))
    assert energy == pytest.approx(by_collocation(rhs, density, 15.0, mass + 1 / 15), rel=1e-8)


def test_a_large_term_of_sixth_order_leaves_the_bound_of_the_submodel():
    """E -> 4 pi (64/15) m sqrt(c) from above, the bound of Adam, Sanchez-Guillen and Wereszczynski, and never below."""
    ratios = []
    for mass, sextic in ((2.0, 10.0), (10.0, 100.0)):
        theory = ss.Skyrmion(mass, sextic)
        state = ss.solve(ss.Problem(theory))
        assert state.certificate.certified
        energy = state.energy / theory.energy_unit
        bound = 4 * 64 / 15 * mass * np.sqrt(sextic) / (12 * np.pi)
        assert energy > 1.0 + bound
        ratios.append(energy / bound - 1.0)
    assert ratios[0] > 5 * ratios[1]
    assert ratios[1] < 0.05


def test_the_new_baby_skyrmion_and_a_potential_of_the_user():
    mu_squared = 0.1

    def rhs(r, y):
        f, slope = y
        s, c = np.sin(f), np.cos(f)
        inertia = r + s**2 / r
        force = s * c / r * (1 + slope**2) + mu_squared * r * s * c
        return np.array([slope, (force - slope * (1 - s**2 / r**2 + 2 * s * c * slope / r)) / inertia])

    def density(r, f, slope):
        s = np.sin(f) ** 2
        return 0.5 * r * (0.5 * slope**2 + 0.5 * s * (1 + slope**2) / r**2 + mu_squared * 0.5 * s)

    _, energy = solved(ss.BabySkyrmion(1, mu_squared, potential="new"))
    assert energy == pytest.approx(by_collocation(rhs, density, 40.0, np.sqrt(mu_squared) + 0.5 / 40), rel=1e-8)
    mine = ss.BabySkyrmion(1, mu_squared, potential=new)
    assert solved(mine)[1] == pytest.approx(energy, rel=1e-13)
    assert read_theory(mine.describe(), trust=True) == mine
    with pytest.raises(ValueError, match="potential must be one of old, new, holomorphic or a function of F"):
        ss.BabySkyrmion(potential="x")


def new(angle):
    return 0.5 * jnp.sin(angle) ** 2


def test_excited_states_of_schroedinger_and_newton():
    """The eigenvalues of Moroz, Penrose and Tod, and of Harrison, Moroz and Tod: -0.163, -0.0308, -0.0125, -0.00675."""
    published = [-0.163, -0.0308, -0.0125, -0.00675]
    for nodes, epsilon in enumerate(published):
        theory = ss.SchroedingerNewton(nodes=nodes)
        state, _ = solved(theory)
        assert state.observables["epsilon"] == pytest.approx(epsilon, rel=3e-3)
        wave = state.u[np.abs(state.u[:, 0]) > 1e-6, 0]
        assert np.sum(wave[1:] * wave[:-1] < 0) == nodes
        assert read_theory(theory.describe()) == theory
        psi, phi = state.u.T
        kinetic = 0.5 * float(state.grid.integrate(state.grid.differentiate(psi) ** 2))
        assert 0.5 * float(state.grid.integrate(phi * psi**2)) == pytest.approx(-2.0 * kinetic, rel=1e-8)
    with pytest.raises(ValueError, match=r"SchroedingerNewton.nodes must be an integer of at least 0, got -1"):
        ss.SchroedingerNewton(nodes=-1)


def test_an_excited_state_against_shooting():
    """The first excited state by a Runge-Kutta method, from the origin, where the wave is 1."""
    from scipy.integrate import solve_ivp
    from scipy.optimize import brentq

    def outwards(v, reach=30.0):
        def rhs(r, y):  # psi, r^2 psi', V = phi - eps, r^2 V', int psi^2
            r2 = max(r, 1e-12) ** 2
            return [y[1] / r2, 2 * y[2] * y[0] * r2, y[3] / r2, 4 * np.pi * y[0] ** 2 * r2, 4 * np.pi * y[0] ** 2 * r2]

        leaves = lambda r, y: abs(y[0]) - 1.5  # noqa: E731
        leaves.terminal = True
        return solve_ivp(rhs, (1e-8, reach), [1, 0, v, 0, 0], method="DOP853", rtol=1e-12, atol=1e-14, events=leaves)

    state, _ = solved(ss.SchroedingerNewton(nodes=1))
    # psi(0) = 1 after stretching lengths; V(0) = (phi(0) + 1)/psi(0)
    centre = (state.u[0, 1] + 1.0) / state.u[0, 0]
    root = brentq(lambda v: np.sign(outwards(v).y[0, -1]) or 1.0, centre * (1 + 1e-6), centre * (1 - 1e-6), xtol=1e-15)
    assert root == pytest.approx(centre, rel=1e-9)


def phi6(u):
    return 0.5 * u**2 * (1 - u**2) ** 2


def canonical(u, du, r, p):
    return 0.5 * jnp.sum(du**2) + phi6(u[0])


def born_infeld(u, du, r, p):
    return jnp.sqrt(1 + du[0] ** 2) - 1 + phi6(u[0])


def born_infeld4(u, du, r, p):
    return jnp.sqrt(1 + du[0] ** 2) - 1 + 0.25 * (1 - u[0] ** 2) ** 2


def sine_gordon(u, du, r, p):
    return 0.5 * du[0] ** 2 + 1 - jnp.cos(u[0])


def of_slopes(potential, low, high):
    x, w = np.polynomial.legendre.leggauss(60)
    v = potential(low + (high - low) * 0.5 * (x + 1.0))
    return (high - low) * 0.5 * float(w @ np.sqrt(2 * v - v**2))


@pytest.mark.parametrize(
    ("function", "line", "exact"),
    [
        (canonical, (0.0, 1.0), 0.25),
        (canonical, (1.0, 0.0), 0.25),
        (sine_gordon, (0.0, 2 * np.pi), 8.0),
        (born_infeld4, (-1.0, 1.0), 0.9013234800021),
        (born_infeld, (0.0, 1.0), of_slopes(phi6, 0.0, 1.0)),
    ],
)
def test_kinks_of_any_density_on_the_whole_line(function, line, exact):
    state, energy = solved(ss.Density(function, line=line))
    assert energy == pytest.approx(exact, rel=1e-12)
    assert abs(energy / exact - 1) <= state.certificate.energy_error + 1e-13  # the digits of the published number
    assert state.certificate.kind is Kind.KINK
    np.testing.assert_allclose(state([-40.0, 0.0, 40.0])[:, 0], [line[0], np.mean(line), line[1]], atol=1e-12)


def test_the_kink_of_two_fields_on_the_line_and_its_files(tmp_path):
    """W = s - s^3/3 - k s t^2: the straight kink s = tanh x, t = 0, and the bent one, have E = W(1) - W(-1) = 4/3."""

    def e(u, du, r, p):
        s, t = u
        return 0.5 * jnp.sum(du**2) + 0.5 * (1 - s**2 - p["k"] * t**2) ** 2 + 2 * (p["k"] * s * t) ** 2

    model = ss.Density(e, ("s", "t"), {"k": 0.8}, line=((-1.0, 0.0), (1.0, 0.0)))
    state, energy = solved(model)
    assert energy == pytest.approx(4 / 3, rel=1e-12)
    assert model.fields == ("s_even", "t_even", "s_odd", "t_odd")
    np.testing.assert_allclose(state([-0.7, 0.7])[:, 0], np.tanh([-0.7, 0.7]), atol=1e-9)
    kink = ss.Density(canonical, line=(0.0, 1.0))
    again = read_theory(kink.describe(), trust=True)
    assert again.describe() == kink.describe()
    solved(kink)[0].save(tmp_path / "kink.nc")
    assert ss.load(tmp_path / "kink.nc")(0.3) == pytest.approx(solved(kink)[0](0.3), rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"line": (0.0, 0.0)}, "line must be two ends of u that differ"),
        ({"line": (0.0, 1.0, 2.0)}, "line must be two ends of u that differ"),
        ({"line": (0.0, 1.0), "origin": {"u": 0.0}}, "line says both ends, in dim = 1"),
        ({"line": (0.0, 1.0), "dim": 3}, "line says both ends, in dim = 1"),
    ],
)
def test_lines_that_are_none_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        ss.Density(canonical, **arguments)


def test_a_line_needs_a_density_that_is_the_same_everywhere_and_ends_that_are_degenerate():
    with pytest.raises(ValueError, match="with a line e must not depend on r"):
        ss.solve(ss.Problem(ss.Density(lambda u, du, r, p: canonical(u, du, r, p) * (1 + r), line=(0.0, 1.0))))
    tilted = ss.Density(lambda u, du, r, p: sine_gordon(u, du, r, p) + 0.01 * u[0], line=(0.0, 2 * np.pi))
    with pytest.raises(ValueError, match=r"the fields at infinity, .*, are no vacuum"):
        ss.solve(ss.Problem(tilted))


def test_minimisers_find_minima_and_refuse_what_is_not_convex_in_the_slopes():
    state, energy = solved(ss.Monopole(beta=0.3))
    for solver in (ss.LBFGS(), ss.Newton(target="minimum")):
        same = ss.solve(state.problem, solver=solver)
        assert same.energy / ss.Monopole().energy_unit == pytest.approx(energy, rel=1e-12)
    problem = ss.Problem(ss.Density(unstable, line=(0.0, 1.0)), ss.RadialGrid(r_max=12.0, dim=1))
    for solver in (ss.LBFGS(), ss.Newton(target="minimum")):
        with pytest.raises(ValueError, match=r"not convex in the slopes of the fields .at r = "):
            ss.solve(problem, solver=solver)


def unstable(u, du, r, p):
    return 0.5 * (1 - 5 * u[0] ** 2 * (1 - u[0] ** 2)) * du[0] ** 2 + phi6(u[0])


def test_lbfgs_holds_each_field_where_it_is_held():
    """At beta = 0 the Higgs field is free at the edge, and K is held there at 0."""
    grid = ss.RadialGrid(r_max=15.0, n_elements=6, order=8, dim=3)
    with pytest.warns(ss.SolveWarning, match="not converged within 40 steps"):
        found = ss.solve(ss.Problem(ss.Monopole(beta=0.0), grid), solver=ss.LBFGS(max_steps=40))
    assert found.u[-1, 1] == 0.0
    assert found.u[-1, 0] != 1.0


def test_balls_that_their_charge_tears_apart_say_so():
    """omega (R) = R^-1/2 qR/tanh(qR) for a large ball has a least value, near 0.42 at q = 0.1."""
    solved(ss.GaugedQBall(omega=0.43, q=0.1))
    with pytest.warns(ss.SolveWarning, match="not converged"):
        state = ss.solve(ss.Problem(ss.GaugedQBall(omega=0.4, q=0.1)))
    assert any("electric repulsion is too strong" in reason for reason in state.certificate.reasons)


WIDE = [ss.Vortex(50, 0.3), ss.Skyrmion(20.0), ss.GaugedQBall(0.4, 0.01), ss.Dyon(50.0, 0.3)]
WIDER = [
    ss.Vortex(20, 1.0), ss.Vortex(50, 1e3), ss.Vortex(100, 1.0), ss.Vortex(1, 1e-3), ss.Monopole(300.0),
    ss.Skyrmion(5.0), ss.GaugedQBall(0.55, 0.1), ss.GaugedQBall(0.98, 0.1), ss.GlobalVortex(20), ss.Sphaleron(1e3),
    ss.ChernSimonsVortex(20), ss.BabySkyrmion(4, 10.0), ss.BabySkyrmion(4, 1e-3), ss.SchroedingerNewton(8),
]  # fmt: skip


@pytest.mark.parametrize("theory", [*WIDE, *(pytest.param(x, marks=pytest.mark.nightly) for x in WIDER)], ids=repr)
def test_cold_starts_over_wide_couplings(theory):
    solved(theory)


def test_a_file_without_a_grid_has_the_mesh_of_its_state():
    config = loads('[model]\nkind = "skyrmion"\npion_mass = 1.0')
    state = ss.solve(config.problem_at({}), config.guess)
    assert state.certificate.certified
    assert state.energy / (12 * np.pi**2) == pytest.approx(1.416223466101, rel=1e-12)
    assert loads(config.to_dict()) == config


@pytest.mark.parametrize(
    ("table", "theory"),
    [
        ('kind = "global_vortex"\nwinding = 2', ss.GlobalVortex(2)),
        ('kind = "global_monopole"', ss.GlobalMonopole()),
        ('kind = "dyon"\nbeta = 0.0\ncharge = 0.5', ss.Dyon(0.0, 0.5)),
        ('kind = "schroedinger_newton"\nnodes = 1', ss.SchroedingerNewton(1)),
        ('kind = "baby_skyrmion"\npotential = "new"', ss.BabySkyrmion(potential="new")),
        ('kind = "skyrmion"\nsextic = 1.0', ss.Skyrmion(sextic=1.0)),
        ('kind = "chern_simons_vortex"\nwinding = 3', ss.ChernSimonsVortex(3)),
    ],
)
def test_theories_in_files(table, theory):
    config = loads(f"[model]\n{table}\n[grid]\nr_max = 12.0\ndim = {theory.dimension}")
    assert config.model == theory
    assert read_theory(theory.describe()) == theory


def test_a_kink_of_a_density_in_a_file(tmp_path):
    (tmp_path / "kinks.py").write_text(
        "def e(u, du, r, p):\n    return 0.5 * du[0] ** 2 + 0.5 * p['k'] * (u[0] * (1 - u[0] ** 2)) ** 2\n"
        "def nothing(r, p):\n    return 0.0 * r\n"
    )
    table = {"kind": "density", "function": "kinks.py:e", "reference": "kinks.py:nothing", "params": {"k": 4.0}}
    grid = {"r_max": 12.0, "n_elements": 8, "dim": 1}
    config = loads({"model": {**table, "line": [[0.0], [1.0]]}, "grid": grid}, base=tmp_path)
    assert ss.solve(config.problem_at({}), config.guess).energy == pytest.approx(0.5, rel=1e-7)
    assert loads(config.to_dict()) == config
