"""Fields in space: slopes, energy densities, radii, tables, and the ansatz of each theory at Cartesian points.

The energy of the Cartesian fields is that of the full theory, by differences of fourth order on a lattice.
"""

import functools
import math

import numpy as np
import pandas as pd
import pytest

import supersoliton as ss
from problems import solved

EPSILON = np.zeros((3, 3, 3))
EPSILON[[0, 1, 2], [1, 2, 0], [2, 0, 1]] = 1.0
EPSILON[[0, 2, 1], [2, 1, 0], [1, 0, 2]] = -1.0
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


@functools.cache
def soliton(theory):
    return ss.solve(ss.Problem(theory))


def slopes(field, h, dim):
    """d_i of a field on a lattice, i after its axes of space; right two points and more from the edge."""

    def along(axis):
        near, far = (np.roll(field, -k, axis) - np.roll(field, k, axis) for k in (1, 2))
        return (8.0 * near - far) / (12.0 * h)

    return np.stack([along(axis) for axis in range(dim)], axis=dim)


def plane(lam, coupling):
    """The energy densities of a charged scalar and a gauge field in the plane, and their flux over 2 pi."""

    def of(fields, h):
        scalar, a = fields["higgs"] @ np.array([1.0, 1j]), fields["A"]
        d = slopes(scalar, h, 2) - 1j * a * scalar[..., None]
        by = slopes(a, h, 2)
        b = by[..., 0, 1] - by[..., 1, 0]
        square = np.abs(scalar) ** 2
        if coupling is None:
            return 0.5 * (np.sum(np.abs(d) ** 2, -1) + b**2 + 0.25 * lam * (1.0 - square) ** 2), b / (2.0 * np.pi)
        with np.errstate(all="ignore"):
            e = coupling**2 * b**2 / (4.0 * square) + square * (square - 1.0) ** 2 / coupling**2
        return np.sum(np.abs(d) ** 2, -1) + e, b / (2.0 * np.pi)

    return of


def triplet(n, mu_squared):
    """The baby Skyrme energy density of a unit vector, and its degree."""

    def of(fields, h):
        vector = fields["n"]
        d = slopes(vector, h, 2)
        area = np.sum(vector * np.cross(d[..., 0, :], d[..., 1, :]), -1)
        e = 0.5 * np.sum(d**2, (-1, -2)) + 0.5 * area**2 + mu_squared * (1.0 - vector[..., 2])
        return e, area / (4.0 * np.pi)

    return of


def skyrme(m):
    """Skyrme's energy density of a unit vector of four components, and its degree."""

    def of(fields, h):
        vector = np.concatenate([fields["sigma"][..., None], fields["pi"]], axis=-1)
        assert np.sum(vector**2, axis=-1) == pytest.approx(1.0, abs=1e-14)
        d = slopes(vector, h, 3)
        g = d @ d.swapaxes(-1, -2)
        trace = np.trace(g, axis1=-2, axis2=-1)
        e = trace + 0.5 * (trace**2 - np.sum(g**2, (-1, -2))) + 2.0 * m**2 * (1.0 - vector[..., 0])
        return e, np.linalg.det(np.concatenate([vector[..., None, :], d], axis=-2)) / (2.0 * np.pi**2)

    return of


def field_strength(a, h):
    d = slopes(a, h, 3)
    return d - d.swapaxes(-2, -3) + np.einsum("abc,...ib,...jc->...ija", EPSILON, a, a)


def georgi_glashow(beta):
    """The energy density of a triplet and its gauge field, and the density of magnetic charge B_i^a D_i phi^a/4 pi."""

    def of(fields, h):
        higgs, a = fields["higgs"], fields["A"]
        d = slopes(higgs, h, 3) + np.einsum("abc,...ib,...c->...ia", EPSILON, a, higgs)
        f = field_strength(a, h)
        b = 0.5 * np.einsum("ijk,...jka->...ia", EPSILON, f)
        potential = beta**2 / 8.0 * (np.sum(higgs**2, -1) - 1.0) ** 2
        return 0.5 * np.sum(d**2 + b**2, (-1, -2)) + potential, np.sum(b * d, (-1, -2)) / (4.0 * np.pi)

    return of


def electroweak(lam):
    """The energy density of a doublet and its gauge field SU(2)."""

    def of(fields, h):
        d = fields["higgs"]
        doublet, w = np.stack([d[..., 0] + 1j * d[..., 1], d[..., 2] + 1j * d[..., 3]], axis=-1), fields["W"]
        covariant = slopes(doublet, h, 3) - 0.5j * np.einsum("...ia,ast,...t->...is", w, PAULI, doublet)
        e = np.sum(np.abs(covariant) ** 2, (-1, -2)) + 0.25 * np.sum(field_strength(w, h) ** 2, (-1, -2, -3))
        return e + lam * (np.sum(np.abs(doublet) ** 2, -1) - 0.5) ** 2, None

    return of


# theory, its energy density in space, half of the box and points of the lattice, topological charge in the box
IN_SPACE = [
    (ss.Vortex(1, 0.7), plane(0.7, None), 9.0, 60, 1.0),
    (ss.Vortex(3, 2.0), plane(2.0, None), 9.0, 60, 3.0),
    (ss.ChernSimonsVortex(1, 1.0), plane(0.0, 1.0), 7.0, 60, 1.0),
    (ss.BabySkyrmion(2, 0.3), triplet(2, 0.3), 9.0, 60, 2.0),
    (ss.Skyrmion(1.0), skyrme(1.0), 4.0, 34, 1.0),
    (ss.Monopole(1.0), georgi_glashow(1.0), 5.0, 26, None),
    (ss.Sphaleron(0.3), electroweak(0.3), 5.0, 26, None),
]


@pytest.mark.parametrize(("theory", "density", "box", "points", "charge"), IN_SPACE, ids=lambda x: repr(x)[:16])
def test_the_ansatz_in_space_has_the_energy_density_of_the_full_theory(theory, density, box, points, charge):
    """Its errors are those of the lattice: they fall like h^4."""
    state, errors, charges = soliton(theory), [], []
    dim = round(theory.dimension)
    for count in (points, points * 3 // 2):
        axis = np.linspace(-box, box, count)
        h, inner = axis[1] - axis[0], (slice(2, -2),) * dim
        at = np.meshgrid(*[axis] * dim, indexing="ij", sparse=True)
        e, number = density(state.on_grid(*at), h)
        exact = state.energy_density(np.sqrt(sum(x**2 for x in at)))
        errors.append(math.sqrt(np.sum((e - exact)[inner] ** 2) * h**dim))
        charges.append(0.0 if number is None else abs(float(np.sum(number[inner]) * h**dim)))
    assert errors[1] < 0.02 * state.energy
    assert 3.3 < math.log(errors[0] / errors[1]) / math.log(1.5) < 5.2
    if charge is not None:
        assert charges[1] == pytest.approx(charge, rel=0.03)
        assert abs(charges[1] - charge) < max(abs(charges[0] - charge), 1e-3)


def test_the_magnetic_charge_of_a_monopole_is_one():
    """B_i^a D_i phi^a = d_i (B_i^a phi^a): half of the BPS energy density, whose integral is that of its flux."""
    state, axis = soliton(ss.Monopole(0.0)), np.linspace(-3.0, 3.0, 41)
    at = np.meshgrid(axis, axis, axis, indexing="ij", sparse=True)
    e, q = georgi_glashow(0.0)(state.on_grid(*at), axis[1] - axis[0])
    inner = (slice(2, -2),) * 3
    np.testing.assert_allclose(np.abs(q[inner]) * 4.0 * np.pi, e[inner], atol=2e-4)


def test_plain_potentials_have_their_fields_at_each_point():
    state = solved("Q-ball k=0.5")
    x, y, z = np.ogrid[-3:3:4j, -2:2:3j, 0:1:2j]
    found = state.on_grid(x, y, z)
    assert list(found) == list(state.problem.model.fields)
    np.testing.assert_array_equal(found["u"], state(np.sqrt(x**2 + y**2 + z**2))[..., 0])
    with pytest.raises(ValueError, match="as many coordinates as space has dimensions, 3, got 2: give x, y, z"):
        state.on_grid(x, y)


@pytest.mark.parametrize("name", ["Q-ball k=0.5", "kink d=1", "octaves g=0.6 N=1200"])
def test_slopes_are_those_of_the_fields(name):
    state = solved(name)
    r, h = np.linspace(0.1, 0.9 * state.grid.r_max, 23), 1e-4
    expected = (state(r + h) - state(r - h)) / (2.0 * h)
    scale = np.max(np.abs(expected))
    np.testing.assert_allclose(state.derivative(r), expected, atol=1e-6 * scale)
    np.testing.assert_allclose(state.derivative(-r), (state(-r + h) - state(-r - h)) / (2.0 * h), atol=1e-6 * scale)
    np.testing.assert_array_equal(state.derivative(2.0 * state.grid.r_max), 0.0)


@pytest.mark.parametrize("name", ["Q-ball k=0.5", "kink d=1", "octaves g=0.6 N=1200", "Gross-Pitaevskii beta=1"])
def test_the_energy_density_integrates_to_the_energy(name):
    state = solved(name)
    total = float(np.sum(state.grid.quadrature_weights * state.energy_density(state.grid.quadrature_points)))
    assert total == pytest.approx(state.energy, rel=1e-12)


@pytest.fixture(scope="module")
def line():
    """The kink of phi^4 on the whole line."""
    model = ss.Potential(lambda u, p: 0.25 * (u[0] ** 2 - 1.0) ** 2)
    return ss.solve(ss.Problem(model, line=([-1.0], [1.0])))


def test_on_a_line_too(line):
    """tanh(x/sqrt 2): e = 1/2 sech^4(x/sqrt 2); of its integral (3t - t^3)/2 lies within, t = tanh."""
    x = np.array([-1.3, 0.0, 0.7])
    shape = np.cosh(x / math.sqrt(2.0))
    np.testing.assert_allclose(line.derivative(x)[:, 0], 1.0 / (math.sqrt(2.0) * shape**2), atol=1e-8)
    np.testing.assert_allclose(line.energy_density(x), 0.5 / shape**4, atol=1e-8)
    t = math.tanh(line.half_energy_radius / math.sqrt(2.0))
    assert (3.0 * t - t**3) / 2.0 == pytest.approx(0.5, abs=1e-8)
    assert line.rms_radius == pytest.approx(math.sqrt(2.0 * (math.pi**2 / 12.0 - 0.5)), rel=1e-7)
    assert list(line.to_pandas())[:3] == ["x", "u", "du_dx"]
    assert line.on_grid(x)["u"] == pytest.approx(np.tanh(x / math.sqrt(2.0)), abs=1e-8)


def test_at_the_origin_a_density_has_its_limit():
    """BPS monopole: e = h'^2 + 2 (K h/r)^2 with h = coth r - 1/r and K = r/sinh r, by their series near the origin."""
    state = soliton(ss.Monopole(0.0))
    for r in (0.0, 1e-12, 0.004, 0.01, 0.03):
        exact = (1.0 / 3.0 - r**2 / 15.0) ** 2 + 2.0 * ((1.0 - r**2 / 6.0) * (1.0 / 3.0 - r**2 / 45.0)) ** 2
        assert state.energy_density(r) == pytest.approx(exact, rel=1e-6 if r > 0.02 else 1e-8)
    r = 0.8
    h, dh = 1.0 / math.tanh(r) - 1.0 / r, 1.0 / r**2 - 1.0 / math.sinh(r) ** 2
    assert state.energy_density(r) == pytest.approx(dh**2 + 2.0 * (h / math.sinh(r)) ** 2, rel=1e-10)


def test_radii_of_the_energy():
    """Of a Q-ball by the trapezoidal rule, of a bounce none; sqrt(2) for the vortex at critical coupling."""
    bounce = solved("cubic NLS d=2 n=0")
    assert math.isnan(bounce.rms_radius)
    assert math.isnan(bounce.half_energy_radius)
    assert soliton(ss.Vortex(1, 1.0)).rms_radius == pytest.approx(math.sqrt(2.0), rel=1e-10)
    assert soliton(ss.Monopole(1.0)).rms_radius == math.inf
    ball = solved("Q-ball k=0.5")
    r = np.linspace(0.0, ball.grid.r_max, 20_001)
    f = ball(r)[:, 0]
    e = 0.5 * ball.derivative(r)[:, 0] ** 2 + 0.5 * f**2 - f**4 + 0.5 * f**6 + 0.5 * 0.25 * f**2
    shells = e * r**2
    inside = np.concatenate([[0.0], np.cumsum(0.5 * (shells[1:] + shells[:-1]))])
    assert ball.half_energy_radius == pytest.approx(np.interp(0.5 * inside[-1], inside, r), rel=1e-6)
    assert ball.rms_radius == pytest.approx(math.sqrt(np.sum(shells * r**2) / np.sum(shells)), rel=1e-6)


def test_the_massless_tail_beyond_the_box_counts():
    """Skyrmion without pion mass: e falls like r^-6, so that a box of 40 lacks 1e-3 of the mean of r^2."""
    state = soliton(ss.Skyrmion(0.0))
    grid = ss.RadialGrid(edges=tuple(0.5 * state.grid.element_edges), order=state.grid.order)
    smaller = ss.solve(ss.Problem(ss.Skyrmion(0.0), grid), state)
    assert smaller.rms_radius == pytest.approx(state.rms_radius, rel=1e-7)


def test_tables_and_files(tmp_path):
    state = soliton(ss.Vortex(1, 0.7))
    table = state.to_pandas()
    assert list(table) == ["r", "f", "a", "df_dr", "da_dr", "energy_density"]
    np.testing.assert_array_equal(table[["f", "a"]], state.u)
    np.testing.assert_allclose(table["da_dr"], state.grid.differentiate(state.u)[:, 1], atol=1e-9)
    path = state.to_csv(tmp_path / "vortex.csv")
    pd.testing.assert_frame_equal(pd.read_csv(path, comment="#"), table, rtol=0, atol=0)
    notes = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert notes[0].startswith("# soliton of Vortex in d = 2")
    assert "winding = 1.0, lam = 0.7" in notes[1]
    assert repr(state.energy) in notes[2]
    assert repr(state.energy / math.pi) in notes[2]
    with pytest.raises(ValueError, match="to_csv: there is no folder"):
        state.to_csv(tmp_path / "none" / "vortex.csv")
    notes = solved("Q-ball k=0.5").to_csv(tmp_path / "ball.csv").read_text(encoding="utf-8")
    assert "# units: r in 1/mass, fields in mass^1, energy density in mass^4" in notes
    assert "omega^2 = " in notes


def test_global_solitons_and_dyons_have_their_directions():
    vortex = ss.solve(ss.Problem(ss.GlobalVortex(winding=2)))
    phi = vortex.on_grid(3.0 * math.cos(0.4), 3.0 * math.sin(0.4))["scalar"]
    assert phi == pytest.approx(float(vortex(3.0)[0]) * np.array([math.cos(0.8), math.sin(0.8)]), rel=1e-12)
    monopole = ss.solve(ss.Problem(ss.GlobalMonopole()))
    assert monopole.on_grid(0.0, 2.0, 0.0)["scalar"] == pytest.approx([0.0, float(monopole(2.0)[0]), 0.0], abs=1e-12)
    dyon = ss.solve(ss.Problem(ss.Dyon(beta=1.0, charge=0.5)))
    far, near = (dyon.on_grid(0.0, 0.0, z)["A_0"] for z in (12.0, 0.0))
    # Coulomb's law beyond the core, and no direction at the centre
    assert far == pytest.approx([0.0, 0.0, dyon.observables["potential"] - 0.5 / 12.0], abs=1e-6)
    assert near == pytest.approx(np.zeros(3))


@pytest.mark.parametrize("kinetic", [None, lambda u, p: 1.0 + 0.3 * u**2])
def test_a_trap_has_its_energy_as_the_integral_of_its_density(kinetic):
    """V depends on the radius, also where nothing is; with a K of the fields too."""
    more = {} if kinetic is None else {"kinetic": kinetic}
    trap = ss.Potential(lambda u, p, r: 0.5 * r**2 * (1.0 + u[0] ** 2) + 0.25 * u[0] ** 4, **more)
    state = ss.solve(ss.Problem(trap, ss.RadialGrid(r_max=7.0, dim=3), norm=2.0))
    assert state.converged
    grid = state.grid
    total = grid.quadrature_weights.ravel() @ state.energy_density(grid.quadrature_points.ravel())
    assert total == pytest.approx(state.energy, rel=1e-10)


def test_a_kink_of_a_density_is_shown_over_the_line():
    """The even and the odd part together: the field itself, its slope and its density, on both sides."""
    theory = ss.Density(lambda u, du, r, p: 0.5 * du[0] ** 2 + 0.25 * (1.0 - u[0] ** 2) ** 2, line=(-1.0, 1.0))
    kink = ss.solve(ss.Problem(theory))
    x = np.linspace(-6.0, 6.0, 49)
    wide = x / math.sqrt(2.0)
    assert kink(x)[:, 0] == pytest.approx(np.tanh(wide), abs=1e-9)
    assert kink.derivative(x)[:, 0] == pytest.approx(1.0 / np.cosh(wide) ** 2 / math.sqrt(2.0), abs=1e-8)
    assert kink.energy_density(x) == pytest.approx(0.5 / np.cosh(wide) ** 4, abs=1e-8)
    table = kink.to_pandas()
    assert list(table.columns) == ["x", "u", "du_dx", "energy_density"]
    assert (table["x"].iloc[0], table["u"].iloc[0]) == pytest.approx((-kink.grid.r_max, -1.0), rel=1e-9)
    assert kink.plot().axes[0].get_xlim()[0] < 0.0
