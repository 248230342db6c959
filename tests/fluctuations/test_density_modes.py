"""Spectra of theories with an energy density: published vortex modes, Weinberg's index, the breathing Skyrmion."""

import functools
import math

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from scipy.integrate import solve_ivp

import supersoliton as ss
from supersoliton.fluctuations.spectrum import channels_of
from supersoliton.theory.fluctuation import hessian
from supersoliton.theory.solitons import vortex


@functools.cache
def soliton(theory):
    return ss.solve(ss.Problem(theory))


def double_well(u, du, r, p):
    return 0.5 * jnp.sum(du**2) + 0.25 * p["unit"] ** 2 * (u[0] ** 2 - p["size"] ** 2) ** 2


@pytest.mark.parametrize(("size", "unit"), [(1.0, 1.0), (1e5, 1e-8)])
def test_the_shape_mode_of_a_kink_in_any_units(size, unit):
    """The odd modes of phi^4 on half a line: 3/4 of the mass^2 2 unit^2 size^2, and nothing else is bound."""
    params = {"size": size, "unit": unit}
    model = ss.Density(double_well, params=params, origin={"u": 0.0}, infinity={"u": size}, dim=1)
    modes = ss.spectrum(ss.solve(ss.Problem(model)), n_modes=4, errors=True)
    mass_squared = 2.0 * unit**2 * size**2
    np.testing.assert_allclose(modes.bound, [0.75 * mass_squared], rtol=1e-9)
    np.testing.assert_allclose(modes.thresholds, [math.sqrt(mass_squared)], rtol=1e-12)
    assert abs(modes.eigenvalues[0] - 0.75 * mass_squared) <= modes.errors[0]
    assert modes.degeneracy == 1


def test_functions_are_normalised_by_the_inertia():
    state = soliton(ss.Vortex(2, 1.0))
    modes = ss.spectrum(state, n_modes=3, functions=True)
    f, a = np.moveaxis(state.grid.at_quadrature(modes.functions), 2, 0)
    weights, r = state.grid.quadrature_weights, state.grid.quadrature_points
    inertia = np.einsum("eq,eqm,eqn->mn", weights, f, f)
    inertia += np.einsum("eq,eqm,eqn->mn", weights * 4.0 / r**2, a, a)  # n^2 a'^2/r^2 of the energy
    np.testing.assert_allclose(inertia, np.eye(3), atol=1e-10)


# omega^2 in m_A^2 as published for n = 1, 2, 3: A. Alonso-Izquierdo, W. Garcia Fuertes, J. Mateos Guilarte,
# Phys. Lett. B 753 (2016) 29
BPS = [(1, 0, 0.77747), (2, 0, 0.53859), (2, 1, 0.97303), (3, 0, 0.4027), (3, 1, 0.83025)]


def on_scalar(winding, ell):
    """The lowest eigenvalue of -lap + f^2 at angular number l, by differences of second order and Richardson.

    At critical coupling the modes that are not zero are its own (supersymmetry of D^+ D and D D^+).
    """
    state, found = soliton(ss.Vortex(winding, 1.0)), []
    for count in (1500, 3000):
        h = 60.0 / count
        r = (np.arange(count) + 0.5) * h
        inner, outer = np.arange(count) * h, np.arange(1, count + 1) * h
        diagonal = (inner + outer) / (r * h**2) + ell**2 / r**2 + state(r)[:, 0] ** 2
        off = -outer[:-1] / (h**2 * np.sqrt(r[:-1] * r[1:]))
        found.append(scipy.linalg.eigh_tridiagonal(diagonal, off, select="i", select_range=(0, 0))[0][0])
    return found[1] + (found[1] - found[0]) / 3.0


@pytest.mark.parametrize(("winding", "ell", "published"), BPS)
def test_bound_modes_of_vortices_at_critical_coupling(winding, ell, published):
    modes = ss.spectrum(soliton(ss.Vortex(winding, 1.0)), n_modes=4, ell=ell)
    (bound,) = modes.bound_masses**2
    assert bound == pytest.approx(published, abs=2e-5)
    assert bound == pytest.approx(on_scalar(winding, ell), rel=1e-5)
    assert modes.degeneracy == (2 if ell else 1)


def test_a_vortex_at_critical_coupling_has_twice_its_winding_of_zero_modes():
    """E. J. Weinberg, Phys. Rev. D 19 (1979) 3008: one pair for each l = 1 ... n."""
    state = soliton(ss.Vortex(3, 1.0))
    lowest = [ss.spectrum(state, n_modes=2, ell=ell).eigenvalues[0] for ell in range(1, 5)]
    np.testing.assert_allclose(lowest[:3], 0.0, atol=1e-9)
    assert lowest[3] > 1.0


@pytest.mark.parametrize("lam", [0.5, 2.0])
def test_vortices_translate_and_split_where_they_repel(lam):
    state = soliton(ss.Vortex(2, lam))
    translation, splitting = (ss.spectrum(state, n_modes=2, ell=ell) for ell in (1, 2))
    assert len(translation.zero_modes) == 1
    assert translation.eigenvalues[0] == pytest.approx(0.0, abs=1e-9)
    assert len(splitting.negative) == (1 if lam > 1.0 else 0)
    assert np.sign(splitting.eigenvalues[0]) == (-1.0 if lam > 1.0 else 1.0)


def test_no_mode_depends_on_the_gauge(monkeypatch):
    state = soliton(ss.Vortex(2, 0.5))
    before = ss.spectrum(state, n_modes=7, ell=1).eigenvalues  # below m_A: vector waves feel the wall in each gauge
    monkeypatch.setattr(vortex, "_GAUGE", 5.3)
    np.testing.assert_allclose(ss.spectrum(state, n_modes=7, ell=1).eigenvalues, before, atol=1e-8)


def test_a_pair_of_scalar_waves_of_the_vacuum():
    """Far below the vortex's own scale a box only sees the vacuum: waves of masses m_A (twice) and m_H, no gauge."""
    state = soliton(ss.Vortex(1, 2.0))
    values = ss.spectrum(state, n_modes=30, ell=2).eigenvalues
    r_max = state.grid.r_max
    # Weyl: each wave of mass m has about R sqrt(lambda - m^2)/pi levels below lambda, less what l takes
    expected = sum(r_max * math.sqrt(values[-1] - m**2) / math.pi for m in (1.0, 1.0, math.sqrt(2.0)))
    assert len(values) == pytest.approx(expected, abs=4.5)


def test_the_breathing_mode_of_a_skyrmion():
    """(m eta')' against a Runge-Kutta shot of the linearised equation, with derivatives of e written out here."""
    state = soliton(ss.Skyrmion(2.0))
    modes = ss.spectrum(state, n_modes=3)
    (bound,) = modes.bound

    def pull(r):
        f, df = state(r)[0], state.derivative(r)[0]
        s, s2, c2 = math.sin(f) ** 2, math.sin(2.0 * f), math.cos(2.0 * f)
        inertia = r**2 + 2.0 * s
        # e r^2 = F'^2 (r^2 + 2 s) + 2 s + s^2/r^2 + 2 m^2 r^2 (1 - cos F), expanded to second order in eta
        second = 2.0 * c2 * (1.0 + df**2) + (s2**2 + 2.0 * s * c2) / r**2 + 4.0 * r**2 * math.cos(f)
        return inertia, second, 2.0 * s2 * df

    def rates(r, y, omega_squared):
        """y = (eta, momentum conjugate to eta), of inertia eta'^2 + mixed eta eta' + second eta^2/1."""
        inertia, second, mixed = pull(r)
        slope = (y[1] - mixed * y[0]) / inertia
        return [slope, (second - omega_squared * inertia) * y[0] + mixed * slope]

    ends = []
    for factor in (1.0 - 1e-4, 1.0 + 1e-4):
        start = [1e-3, 1e-3 * pull(1e-3)[0] / 1e-3 + pull(1e-3)[2] * 1e-3]
        run = solve_ivp(rates, (1e-3, 7.0), start, args=(bound * factor,), rtol=1e-8, atol=1e-12)
        ends.append(run.y[0, -1])
    assert ends[0] * ends[1] < 0.0
    assert bound / 4.0 < 1.0


def root(u, du, r, p):
    return jnp.sqrt(1 + du[0] ** 2) - 1 + 0.25 * (u[0] ** 2 - 1) ** 2


@pytest.mark.parametrize(
    ("theory", "arguments", "words"),
    [
        (
            ss.Skyrmion(1.0),
            {"ell": 1, "n_modes": 3},
            "spectrum.ell must be 0 for Skyrmion.*, whose fluctu",
        ),
        (ss.ChernSimonsVortex(), {"n_modes": 3}, "does not say what the kinetic energy of its fluctuations is"),
        (ss.GaugedQBall(0.7, 0.05), {"n_modes": 3}, "the gradient of g has a negative energy"),
        (ss.Density(root, origin={"u": 0.0}, infinity={"u": 1.0}, dim=1), {"n_modes": 3}, "define time_kinetic"),
        (ss.Skyrmion(1.0), {"n_modes": 1000}, "spectrum.n_modes must be at most 191, the modes of this mesh, got 1000"),
    ],
    ids=["channel", "first order", "negative", "root", "too many"],
)
def test_what_is_not_known_is_refused(theory, arguments, words):
    with pytest.raises(ValueError, match=words):
        ss.spectrum(soliton(theory), **arguments)


def test_polarisation_gives_the_hessian():
    matrix = np.array([[2.0, 0.3, 0.1, 0.0], [0.3, 1.0, 0.0, 0.2], [0.1, 0.0, 3.0, 0.5], [0.0, 0.2, 0.5, 1.0]])

    def density(x, slopes):
        z = np.concatenate([x, slopes])
        return 0.5 * np.einsum("ip,ij,jp->p", z, matrix, z)

    np.testing.assert_allclose(hessian(density, 2, 3), np.tile(matrix, (3, 1, 1)), atol=1e-14)


def test_commands_ask_only_for_channels_that_are_known():
    wanted = (0, 1, 2)
    assert channels_of(soliton(ss.Vortex(1, 1.0)).problem, wanted) == [0, 1, 2]
    assert channels_of(soliton(ss.Skyrmion(2.0)).problem, wanted) == [0]
