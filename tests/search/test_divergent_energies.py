"""Global vortices and monopoles, with energies above a reference, and dyons: other codes and closed forms."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad, solve_bvp

import supersoliton as ss
from supersoliton.problem.far_fields import far_values, outside


def solved(theory, grid=None):
    state = ss.solve(ss.Problem(theory, grid))
    assert state.converged
    assert state.steps <= 12
    return state, state.energy / theory.energy_unit


def by_collocation(dim, winding, edge, tol=1e-8):
    """c by solve_bvp and quadrature, for f'^2/2 + a f^2/2r^2 + (1 - f^2)^2/4 less its reference.

    f = 1 - A/r^2 - B/r^4 far out, from the equation; the energy is accurate to the square of the error of f.
    """
    a, power = (winding**2, winding) if dim == 2 else (2.0, 1)
    b = (0.5 * a * (6 - 2 * (dim - 1)) - 0.5 * a**2 + 0.75 * a**2) / 2

    def tail(r):
        return 1 - 0.5 * a / r**2 - b / r**4, a / r**3 + 4 * b / r**5

    def rhs(r, y):
        return np.array([y[1], -(dim - 1) * y[1] / r + a * y[0] / r**2 - y[0] * (1 - y[0] ** 2)])

    def density(r, f, slope):
        reference = winding**2 / 2 / (1 + r**2) if dim == 2 else 1 / r**2
        return (slope**2 / 2 + a / 2 * f**2 / r**2 + (1 - f**2) ** 2 / 4 - reference) * r ** (dim - 1)

    r, origin = np.geomspace(1e-4, edge, 300), 1e-4
    start = np.array([np.tanh(r / 1.5) ** power, np.gradient(np.tanh(r / 1.5) ** power, r)])
    found = solve_bvp(
        rhs, lambda x, z: np.array([x[0] * power - origin * x[1], z[0] - tail(edge)[0]]), r, start, tol=tol,
        max_nodes=20000,
    )  # fmt: skip
    assert found.success
    x, w = np.polynomial.legendre.leggauss(5)
    half = np.diff(found.x)[:, None] / 2
    points = (found.x[:-1, None] + half + half * x).ravel()
    inside = float((half * w).ravel() @ density(points, *found.sol(points)))
    core = found.y[0, 0] / origin**power
    inside += quad(lambda r: density(r, core * r**power, power * core * r ** (power - 1)), 0.0, origin)[0]
    return inside + quad(lambda r: density(r, *tail(r)), edge, np.inf, epsabs=1e-15)[0]


def test_the_constant_of_a_global_vortex():
    """E = pi (n^2 ln R + c); n = 1 in PHYSICS.md, section 6."""
    state, energy = solved(ss.GlobalVortex())
    assert state.observables == {"c": energy}
    assert energy == pytest.approx(0.380881893830, abs=1e-12)
    assert abs(energy - 0.380881893830) <= state.certificate.energy_error + 1e-12
    assert state.certificate.certified
    three, energy = solved(ss.GlobalVortex(winding=3))
    assert three.certificate.certified
    assert energy == pytest.approx(2 * by_collocation(2, 3, 200.0), rel=1e-9)


def test_the_energy_within_a_radius_grows_with_its_logarithm():
    """E(R) = pi (n^2 ln R + c), from the profile alone."""
    state, _ = solved(ss.GlobalVortex(winding=2))
    r = state.grid.quadrature_points
    f, slope = (
        state.grid.at_quadrature(state.u)[..., 0],
        state.grid.at_quadrature(state.grid.differentiate(state.u))[..., 0],
    )
    whole = slope**2 + 4 * f**2 / r**2 + 0.5 * (1 - f**2) ** 2
    within = float(np.sum(state.grid.quadrature_weights * whole)) / 2
    grown = np.pi * (4 * np.log(state.grid.r_max) + state.observables["c"])
    assert within == pytest.approx(grown, abs=100.0 / state.grid.r_max**2)


def test_the_mass_of_the_core_of_a_global_monopole_is_negative():
    """E = 4 pi (R + c): by another code, and the about -6 pi of Harari and Lousto."""
    state, energy = solved(ss.GlobalMonopole())
    assert energy == pytest.approx(by_collocation(3, 1, 40.0), abs=3e-10)
    assert energy == pytest.approx(-1.5, rel=0.06)
    assert state.certificate.certified
    f, r = state(20.0)[0], 20.0
    assert f == pytest.approx(1 - 1 / r**2 - 1.5 / r**4, abs=20 / r**6)


@pytest.mark.parametrize("r_max", [10.0, 20.0, 40.0])
@pytest.mark.parametrize(
    ("theory", "c"), [(ss.GlobalVortex(), 0.38088189382975), (ss.GlobalMonopole(), -1.57610667797485)]
)
def test_the_stated_error_covers_what_the_tail_misses_beyond_a_small_box(theory, c, r_max):
    state, energy = solved(theory, ss.RadialGrid(r_max=r_max, n_elements=12, dim=theory.dimension))
    difference, stated = abs(energy - c), state.certificate.energy_error * abs(energy)
    assert 1e-12 < difference <= stated < 100.0 * difference


def test_the_fields_far_out_solve_the_equations_up_to_the_stated_order():
    """v^2 = 1 - 1/r^2 for the vortex, whose residual v'' + v'/r makes the error."""
    model, grid = ss.GlobalVortex(), ss.RadialGrid(r_max=30.0, dim=2)
    far = outside(model, grid)
    r = far.radii
    np.testing.assert_allclose(far.z[:, 0], np.sqrt(1 - 1 / r**2), rtol=1e-14)
    np.testing.assert_allclose(far.z[:, 1], 1 / (r**3 * np.sqrt(1 - 1 / r**2)), rtol=1e-9, atol=1e-16)
    assert far.pull == pytest.approx(-2 * np.pi / (30.0**2 * np.sqrt(1 - 1 / 900)), rel=1e-9)
    leading = np.pi * 16 / 4 / 4 / (2 * 30.0**6) * 2 / 3 * 2  # of pi int r (4/r^4... )^2/2 dr
    assert 0.1 * leading < far.error < 10.0 * leading
    np.testing.assert_array_equal(far_values(ss.Monopole(), np.array([3.0, 30.0])), [[1.0, 0.0]] * 2)


def bare(u, du, r, p):
    return (du[0] ** 2 + p["n"] ** 2 * u[0] ** 2 / r**2 + (1 - u[0] ** 2) ** 2 / 2) / 2


def of_winding(r, p):
    return p["n"] ** 2 / (2 * (1 + r**2))


def test_a_density_of_the_user_has_a_reference(tmp_path):
    given = {"fields": ("f",), "params": {"n": 1.0}, "origin": {"f": 0.0}, "infinity": {"f": 1.0}, "dim": 2}
    with pytest.raises(ValueError, match="the energy is infinite because e does not fall faster"):
        ss.solve(ss.Problem(ss.Density(bare, **given)))
    with pytest.raises(ValueError, match="the fields far out depend on n"):
        ss.sensitivity(ss.solve(ss.Problem(ss.Density(bare, **given, reference=of_winding))), "n")
    with pytest.raises(ValueError, match=r"reference must be callable as e0.r, p., got 3"):
        ss.Density(bare, **given, reference=3)
    model = ss.Density(bare, **given, reference=of_winding)
    assert solved(model)[0].energy == pytest.approx(np.pi * 0.380881893830, rel=1e-11)
    again = type(model).from_description({k: v for k, v in model.describe().items() if k != "kind"})
    assert again.reference is of_winding
    assert ss.Density(bare, **given).describe().keys() == model.describe().keys() - {"reference"}


@pytest.mark.parametrize("charge", [0.75, 30.0])
def test_a_dyon_without_higgs_mass_is_that_of_prasad_and_sommerfield(charge):
    state, energy = solved(ss.Dyon(beta=0.0, charge=charge))
    root = np.hypot(1.0, charge)
    assert energy == pytest.approx(root, rel=1e-12)
    assert abs(energy / root - 1.0) <= state.certificate.energy_error + 1e-15
    assert state.observables["potential"] == pytest.approx(charge / root, rel=1e-12)
    assert state.certificate.certified
    x = np.array([0.5, 2.0, 6.0])
    exact = np.stack([1 / np.tanh(x) - 1 / x, x / np.sinh(x)], axis=1)
    np.testing.assert_allclose(state(x * root)[:, :2], exact, atol=1e-9)


def test_a_dyon_with_higgs_mass():
    """E by its own formula, with all signs positive; dE/dq is the potential at infinity; q to 0 is the monopole."""
    theory = ss.Dyon(beta=1.0, charge=0.7)
    state, energy = solved(theory)
    assert state.certificate.certified
    along = ss.sensitivity(state, "charge").energy / theory.energy_unit
    assert along == pytest.approx(state.observables["potential"], rel=1e-10)
    from scipy.special import erf

    def radial(r):
        (h, k, y), (dh, dk, dy) = state(r), state.grid.interpolate(state.grid.differentiate(state.u), np.array([r]))[0]
        width = 2 * np.hypot(1.0, 0.7) / np.sqrt(np.pi)
        j = y + 0.7 / np.hypot(1.0, 0.7) - 0.7 * erf(r / width) / r
        dj = dy + 0.7 * (erf(r / width) / r**2 - 2 / np.sqrt(np.pi) / width * np.exp(-((r / width) ** 2)) / r)
        magnetic = dk**2 + (k**2 - 1) ** 2 / (2 * r**2) + r**2 * dh**2 / 2 + k**2 * h**2 + r**2 * (h**2 - 1) ** 2 / 8
        return magnetic + r**2 * dj**2 / 2 + k**2 * j**2

    x, w = np.polynomial.legendre.leggauss(20)
    edges = np.concatenate([np.linspace(0.0, 10.0, 11), np.geomspace(12.0, 60.0, 8)])
    pieces = [(b - a) / 2 * sum(wi * radial((a + b) / 2 + (b - a) / 2 * xi) for xi, wi in zip(x, w, strict=True))
              for a, b in itertools.pairwise(edges)]  # fmt: skip
    assert sum(pieces) + (1 + 0.7**2) / (2 * 60.0) == pytest.approx(energy, rel=1e-9)
    assert solved(ss.Dyon(beta=1.0, charge=1e-6))[1] == pytest.approx(1.237701039529, rel=1e-11)


def test_a_dyon_with_more_than_its_largest_charge_is_not_certified():
    """The potential at infinity would be above 1, where K has a tachyon."""
    state = ss.solve(ss.Problem(ss.Dyon(beta=1.0, charge=0.98)))
    assert not state.certificate.certified
    assert any("tachyon of mass^2 -0.011" in reason for reason in state.certificate.reasons)
