"""No result depends on the user's units: the dimensionless digits of every public call are the same in all of them."""

import functools

import numpy as np
import pytest

import supersoliton as ss

# (unit of the fields, unit of the lengths): natural units from 1e-16 to 1e19, and fields and lengths apart.
UNITS = [(1e19, 1e-19), (1e-16, 1e16), (246.0, 1.0 / 125.0), (1e6, 1e3), (3e-7, 2e-11), (1.7, 0.6)]
DIGITS = 1e-9


def in_units(v, dim, **couplings):
    """V(u, p) = v(u/f)/l^2 f^2 as a model of the units f and l, with kinetic factor 1."""

    def potential(u, p):
        return (p["f"] / p["l"]) ** 2 * v(u / p["f"], p)

    return lambda f, l, fields=("u",): ss.Potential(potential, fields=fields, params={"f": f, "l": l, **couplings})


def sextic(u, p):
    return 0.5 * u[0] ** 2 - p["g"] * u[0] ** 4 + 0.5 * u[0] ** 6


def well(u, p):
    return u[0] ** 4 - u[0] ** 2 + 0.25 * u[0]


def cubic(u, p):
    return 0.3 * u[0] ** 2 - u[0] ** 3 + 0.6 * u[0] ** 4


def two(u, p):
    return 0.5 * u[0] ** 2 + u[1] ** 2 - (u[0] ** 2 + 0.7 * u[1] ** 2) ** 2 + 0.4 * (u[0] ** 2 + u[1] ** 2) ** 3


def same(value, expected):
    expected = np.asarray(expected)
    np.testing.assert_allclose(np.asarray(value), expected, rtol=0.0, atol=DIGITS * np.max(np.abs(expected)))


def words(state):
    c = state.certificate
    return c.kind, c.negative_modes, c.certified, c.localised, state.status


@pytest.mark.parametrize(("f", "l"), UNITS)
@pytest.mark.parametrize("dim", [3, 4])
def test_a_bounce(f, l, dim):
    make = in_units(cubic, dim)
    one, other = (ss.bounce(make(*unit), [0.0], dim=dim) for unit in ((1.0, 1.0), (f, l)))
    assert words(other) == words(one)
    same(other.action / (f**2 * l ** (dim - 2)), one.action)
    same(other(0.0) / f, one(0.0))
    same(other.half_radius / l, one.half_radius)
    for ell in (0, 1):
        a, b = ss.spectrum(one, 4, ell), ss.spectrum(other, 4, ell)
        same(b.eigenvalues * l**2, a.eigenvalues)
        same(b.thresholds * l, a.thresholds)
        assert (len(b.bound), len(b.negative), len(b.zero_modes)) == (len(a.bound), len(a.negative), len(a.zero_modes))


@pytest.mark.parametrize(("f", "l"), UNITS)
def test_a_false_vacuum_away_from_the_origin_and_a_point_to_tunnel_to(f, l):
    make = in_units(well, 4)
    false, true = 0.6335175491806829, -0.762844
    state = ss.bounce(make(f, l), [false * f], [true * f], dim=4)
    assert words(state)[:3] == ("bounce", 1, True)
    same(state.action / (f * l) ** 2, 482.937732011)


@pytest.mark.parametrize(("f", "l"), UNITS)
def test_vacua(f, l):
    one, other = (ss.vacua(in_units(well, 3)(*unit)) for unit in ((1.0, 1.0), (f, l)))
    assert len(other) == len(one) == 2
    for a, b in zip(one, other, strict=True):
        same(b.values / f, a.values)
        same(b.masses * l, a.masses)
        same(b.energy_density * (l / f) ** 2, a.energy_density)


@pytest.mark.parametrize(("f", "l"), UNITS)
@pytest.mark.parametrize("mesh", [True, False])
def test_a_rotating_state(f, l, mesh):
    """At fixed norm on a mesh of the user, at fixed frequency without one."""
    make = in_units(sextic, 3, g=1.0)

    def problem(f, l):
        if mesh:
            return ss.Problem(make(f, l), ss.RadialGrid(20.0 * l, 10, 12), norm=200.0 * f**2 * l**3)
        return ss.Problem(make(f, l), omega=0.5 / l)

    one, other = ss.solve(problem(1.0, 1.0)), ss.solve(problem(f, l))
    assert words(other) == words(one)
    same(other.energy / (f**2 * l), one.energy)
    same(other.norm / (f**2 * l**3), one.norm)
    same(other.omega * l, one.omega)
    a, b = ss.rotation(one), ss.rotation(other)
    same(b.charge / (f * l) ** 2, a.charge)
    same(b.charge_slope / (f**2 * l**3), a.charge_slope)
    same(b.energy_per_charge, a.energy_per_charge)
    x, y = (ss.oscillations(s, 0, 4, complexified="modulus") for s in (one, other))
    same(y.frequencies * l, x.frequencies)
    assert y.zero_modes == x.zero_modes
    for name, unit in (("g", 1.0), ("norm", f**2 * l**3) if mesh else ("omega", 1.0 / l)):
        a, b = ss.sensitivity(one, name), ss.sensitivity(other, name)
        same(b.energy * unit / (f**2 * l), a.energy)
        same(b.multiplier * unit * l**2, a.multiplier)
        r = np.linspace(0.0, 8.0, 17)  # the nodes of meshes that are adapted differ by more than the digits
        at = [state.grid.interpolate(x.fields, r * per) for state, x, per in ((one, a, 1.0), (other, b, l))]
        same(at[1] * unit / f, at[0])


@functools.cache
def branch(f, l):
    unit = f**2 * l**3
    model = in_units(sextic, 3, g=1.0)(f, l)
    state = ss.solve(ss.Problem(model, ss.RadialGrid(20.0 * l, 10, 12), norm=200.0 * unit))
    return ss.continuation(state, "norm", stop=230.0 * unit)


@pytest.mark.parametrize(("f", "l"), UNITS)
def test_a_branch(f, l):
    one, other = branch(1.0, 1.0), branch(f, l)
    same(other.parameters[-1] / (f**2 * l**3), one.parameters[-1])
    same(other.energies[-1] / (f**2 * l), one.energies[-1])
    same(other.multipliers[-1] * l**2, one.multipliers[-1])
    assert len(other.folds) == len(one.folds)
    assert words(other.state(-1)) == words(one.state(-1))


@functools.cache
def fixed_point(f, l):
    def formulas(problem, u):
        return {"g": problem.model.params["g"] + 0.05 * float(np.max(u)) / problem.model.params["f"]}

    model = in_units(sextic, 3, g=1.0)(f, l)
    problem = ss.Problem(model, ss.RadialGrid(20.0 * l, 10, 12), norm=200.0 * f**2 * l**3)
    return ss.self_consistent(problem, ss.SelfConsistent(feedback=("g",)), formulas=formulas)


@pytest.mark.parametrize(("f", "l"), UNITS)
def test_a_fixed_point_and_its_scores(f, l):
    one, other = fixed_point(1.0, 1.0), fixed_point(f, l)
    assert (other.status, len(other.history)) == (one.status, len(one.history)) == ("converged", len(one.history))
    assert words(other.state) == words(one.state)
    same(other.couplings["g"], one.couplings["g"])
    same(other.state.energy / (f**2 * l), one.state.energy)
    a, b = (ss.score(ss.spectrum(x.state, 60), null_samples=20) for x in (one, other))
    for name in ("fractal_score", "hierarchy", "regularity", "n_masses"):
        same(getattr(b, name), getattr(a, name))


@pytest.mark.parametrize(("f", "l"), UNITS)
def test_what_is_read_back_and_printed(f, l, tmp_path):
    make = in_units(cubic, 3)
    states = [ss.bounce(make(*unit), [0.0]) for unit in ((1.0, 1.0), (f, l))]
    for k, state in enumerate(states):
        state.save(tmp_path / f"{k}.npz")
    one, other = (ss.load(tmp_path / f"{k}.npz", model=make(*unit)) for k, unit in enumerate(((1.0, 1.0), (f, l))))
    assert words(other) == words(one)
    same(other.action / (f**2 * l), one.action)
    said = [repr(state).split("S = ")[1].split(";") for state in (one, other)]
    assert said[0][-1] == said[1][-1] == " certified)"
    same(float(said[1][0]) / (f**2 * l), float(said[0][0]))


@functools.cache  # those in natural units are compared with all others
def states_of_two_fields(f, l):
    return ss.find_states(ss.Problem(in_units(two, 3)(f, l, ("u", "v"))), 6, max_nodes=0)


@pytest.mark.parametrize(("f", "l"), UNITS)
def test_states_of_two_fields_and_their_order(f, l):
    one, other = states_of_two_fields(1.0, 1.0), states_of_two_fields(f, l)
    assert [words(s) for s in other] == [words(s) for s in one]
    same([s.energy / (f**2 * l) for s in other], [s.energy for s in one])


@pytest.mark.parametrize(("f", "l"), UNITS)
def test_a_trap(f, l):
    """Two lengths that have nothing to do with each other: the trap's, and the unit of the fields from the norm."""

    def trap(u, p, r):
        return 0.5 * (r / p["l"]) ** 2 * u[0] ** 2 / p["l"] ** 2 + 0.25 * (u[0] / p["f"]) ** 4 * (p["f"] / p["l"]) ** 2

    def solved(f, l):
        model = ss.Potential(trap, params={"f": f, "l": l})
        return ss.solve(ss.Problem(model, ss.RadialGrid(8.0 * l, 8, 12), norm=3.0 * f**2 * l**3))

    one, other = solved(1.0, 1.0), solved(f, l)
    assert words(other) == words(one)
    same(other.energy / (f**2 * l), one.energy)
    same(other.multiplier * l**2, one.multiplier)


@pytest.mark.parametrize("k", [4.0, 1e-12, 7e9])
def test_a_kinetic_factor_is_a_unit_of_its_field(k):
    """The same theory written for f = u/sqrt(k): omega, charge and energy are the same."""

    def scaled(u, p):
        return sextic(u * np.sqrt(k), p)

    grid = ss.RadialGrid(20.0, 10, 12)
    one = ss.solve(ss.Problem(ss.Potential(sextic, params={"g": 1.0}), grid, norm=400.0))
    model = ss.Potential(scaled, params={"g": 1.0}, kinetic=(k,))
    other = ss.solve(ss.Problem(model, grid, norm=400.0 / k))
    assert words(other) == words(one)
    for name in ("omega", "charge", "charged_energy", "energy", "action"):
        same(getattr(other, name), getattr(one, name))
    same(ss.rotation(other).energy_per_charge, ss.rotation(one).energy_per_charge)
    same(ss.oscillations(other, 0, 3, complexified="modulus").omega, one.omega)


@pytest.mark.parametrize("angle", [0.3, 1.1])
def test_rotated_fields(angle):
    """V of rotated fields has the same states in rotated fields."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    one = ss.bounce(ss.Potential(two, fields=("u", "v")), [0.0, 0.0])
    other = ss.bounce(ss.Potential(lambda u, p: two(turn.T @ u, p), fields=("u", "v")), [0.0, 0.0])
    assert words(other) == words(one)
    same(other.action, one.action)
    same(np.abs(turn.T @ other(0.0)), np.abs(one(0.0)))


def test_permuted_fields():
    one = ss.bounce(ss.Potential(two, fields=("u", "v")), [0.0, 0.0])
    other = ss.bounce(ss.Potential(lambda u, p: two(u[::-1], p), fields=("v", "u")), [0.0, 0.0])
    assert words(other) == words(one)
    same(other.action, one.action)
    same(np.abs(other(0.0)[::-1]), np.abs(one(0.0)))
