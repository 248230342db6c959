"""Fluctuation spectra against closed forms and an independent dense assembly; their independence of the box."""

import inspect
import math

import numpy as np
import pytest
import scipy.linalg
from scipy.special import jn_zeros

import supersoliton as ss
from problems import (
    BY_NAME,
    CASES,
    COMPACT_GRID,
    QUICKSTART_GRID,
    logarithmic_case,
    octave_model,
    solved,
    strong_model,
)
from supersoliton.fluctuations.spectrum import check_ell, degeneracy
from supersoliton.theory.derivatives import point_kernels

CHANNELS = [(case.name, ell) for case in CASES for ell in case.spectrum]


@pytest.mark.parametrize(("name", "ell"), CHANNELS)
def test_the_known_eigenvalues_are_found(name, ell):
    case = BY_NAME[name]
    exact = case.spectrum[ell]
    modes = ss.spectrum(solved(name), n_modes=len(exact), ell=ell)
    assert modes.eigenvalues == pytest.approx(exact, rel=case.rel_modes, abs=case.rel_modes)
    assert modes.ell == ell


LOCALISED = [case.name for case in CASES if case.kind in ("bounce", "q-ball", "excited")]


@pytest.mark.parametrize("name", LOCALISED)
def test_the_translation_mode_is_zero(name):
    """u'(r) is annihilated at l = 1: one eigenvalue is 0, to 1e-8 of the scale on a mesh that resolves the core."""
    state = solved(name)
    modes = ss.spectrum(state, n_modes=3, ell=1, functions=True)
    scale = max(1.0, float(np.max(np.abs(modes.continuum[np.isfinite(modes.continuum)]))))
    nearest = int(np.argmin(np.abs(modes.eigenvalues)))
    resolved = state.certificate.discretisation < 1e-10
    assert abs(modes.eigenvalues[nearest]) <= (1e-8 if resolved else 3e-7) * scale
    slope = state.grid.differentiate(state.u)
    mode = modes.functions[:, :, nearest]
    slope = slope / math.sqrt(state.grid.integrate(slope**2).sum())
    assert abs(state.grid.integrate(slope * mode).sum()) == pytest.approx(1.0, abs=1e-6)


def dense_operator(state, ell):
    """The second variation assembled node by node in plain NumPy; (matrix, mass) on the free nodes, field-major."""
    grid, problem = state.grid, state.problem
    model, d = problem.model, grid.dim
    n, size = model.n_fields, grid.n_nodes
    matrix, mass = np.zeros((n * size, n * size)), np.zeros((n * size, n * size))
    hessian = point_kernels(model.potential_function).hessian
    for e in range(grid.n_elements):
        at = np.arange(e * grid.order, e * grid.order + grid.order + 1)
        basis, slopes = grid.interpolation[e], grid.derivative[e]
        weights, r = grid.quadrature_weights[e], grid.quadrature_points[e]
        second = np.asarray(hessian(basis @ state.u[at], model.params, r))
        for i in range(n):
            for j in range(n):
                block = (basis * (weights * second[:, i, j])[:, None]).T @ basis
                if i == j:
                    block += model.kinetic[i] * (slopes * weights[:, None]).T @ slopes
                    barrier = ell * (ell + d - 2) / r**2
                    block += model.kinetic[i] * (basis * (weights * barrier)[:, None]).T @ basis
                    overlap = (basis * weights[:, None]).T @ basis
                    block -= state.multiplier * problem.carries_norm[i] * overlap
                    mass[np.ix_(i * size + at, i * size + at)] += overlap
                matrix[np.ix_(i * size + at, j * size + at)] += block
    free = problem.free_nodes.copy()
    if ell > 0:
        free[0] = 0.0
    keep = np.flatnonzero(free.T.ravel() > 0)
    return matrix[np.ix_(keep, keep)], mass[np.ix_(keep, keep)]


def small_q_ball():
    """Two octaves and the Higgs field at fixed norm: three fields, one without -omega^2."""
    problem = ss.Problem(octave_model(0.6, n_octaves=2), QUICKSTART_GRID, norm=1200.0)
    return ss.solve(problem, ss.SuperGaussian(2.0, 3.5, field=(0, 1), alternate=True))


@pytest.fixture(scope="module")
def q_ball():
    return small_q_ball()


@pytest.mark.parametrize("ell", [0, 1, 2])
def test_modes_are_those_of_an_independent_dense_assembly(q_ball, ell):
    """Every one of the modes in the box; -omega^2 on the octaves and not on the Higgs field."""
    exact = scipy.linalg.eigh(*dense_operator(q_ball, ell), eigvals_only=True)
    modes = ss.spectrum(q_ball, n_modes=len(exact), ell=ell)
    assert modes.eigenvalues[:150] == pytest.approx(exact[:150], rel=1e-9, abs=1e-9)
    assert modes.eigenvalues == pytest.approx(exact, rel=1e-7)


def test_the_multiplier_is_taken_from_the_constrained_fields_only(q_ball):
    """Far away the octaves have masses^2 - omega^2, the Higgs field keeps its own."""
    modes = ss.spectrum(q_ball, n_modes=5)
    octaves = np.linalg.eigvalsh([[0.9, 0.05], [0.05, 0.9]])
    assert modes.thresholds == pytest.approx(np.sqrt(np.sort(np.append(octaves, 2.0))), rel=1e-10)
    assert modes.continuum == pytest.approx(np.sort(np.append(octaves - q_ball.multiplier, 2.0)), rel=1e-10)


def test_eigenfunctions_are_orthonormal_and_belong_to_their_eigenvalues(q_ball):
    modes = ss.spectrum(q_ball, n_modes=8, functions=True)
    f = modes.functions
    assert f.shape == (97, 3, 8)
    overlap = np.einsum("xia,xy,yib->ab", f, q_ball.grid.mass, f)
    assert overlap == pytest.approx(np.eye(8), abs=1e-10)
    matrix, mass = dense_operator(q_ball, 0)
    keep = np.flatnonzero(q_ball.problem.free_nodes.T.ravel() > 0)
    vectors = f.transpose(1, 0, 2).reshape(-1, 8)[keep]
    assert matrix @ vectors == pytest.approx(mass @ vectors * modes.eigenvalues, abs=1e-7)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_box_modes_of_the_vacuum_are_bessel_functions(dim):
    """m^2 + (zero/R)^2 of a free field held at R; the thresholds are the masses themselves."""
    model = ss.Potential(lambda u, p: 0.5 * p["m2"] * u[0] ** 2, params={"m2": 0.49})
    state = ss.solve(ss.Problem(model, ss.RadialGrid(25.0, 8, 12, dim=dim)), ss.Gaussian(0.1, 3.0))
    zeros = {1: (np.arange(1, 21) - 0.5) * np.pi, 2: jn_zeros(0, 20), 3: np.arange(1, 21) * np.pi}[dim]
    modes = ss.spectrum(state, n_modes=20)
    assert modes.eigenvalues == pytest.approx(0.49 + (zeros / 25.0) ** 2, rel=1e-8)
    assert modes.masses == pytest.approx(np.sqrt(modes.eigenvalues))
    assert modes.thresholds == pytest.approx([0.7])
    assert len(modes.bound) == 0
    assert modes.physical_masses == pytest.approx([0.7])
    assert len(modes.negative) == 0


def test_masses_and_bound_states_do_not_depend_on_the_box_or_on_how_many_are_asked_for():
    """The physical spectrum of the compact Q-ball for two radii and three counts; the box modes do move."""
    near = solved("octaves strong coupling N=60")
    edges = (*COMPACT_GRID.edges[:-2], 12.0, 17.0)
    other = ss.solve(ss.Problem(strong_model(), ss.RadialGrid(edges=edges), norm=60.0), near)
    assert other.energy == pytest.approx(near.energy, rel=1e-9)
    for ell in (0, 1):
        few, many = ss.spectrum(near, n_modes=1, ell=ell), ss.spectrum(near, n_modes=200, ell=ell)
        away = ss.spectrum(other, n_modes=100, ell=ell)
        assert len(few.bound) == len(many.bound) == len(away.bound) >= 1
        assert few.bound == pytest.approx(many.bound, abs=1e-10)
        assert away.bound == pytest.approx(many.bound, abs=1e-6)
        assert away.thresholds == pytest.approx(many.thresholds, rel=1e-12)
        assert away.physical_masses == pytest.approx(many.physical_masses, abs=1e-5)
    assert ss.spectrum(near, 40).masses[-1] != pytest.approx(ss.spectrum(other, 40).masses[-1], rel=1e-2)


def test_negative_modes_are_kept():
    modes = ss.spectrum(solved("cubic NLS d=3 n=1"), n_modes=10)
    assert len(modes.negative) == 2
    assert len(modes.masses) == 8
    assert np.all(modes.masses > 0)


def test_the_lowest_of_n_modes_are_the_same_for_any_n(q_ball):
    assert ss.spectrum(q_ball, 7).eigenvalues == pytest.approx(ss.spectrum(q_ball, 90).eigenvalues[:7], rel=1e-11)


def test_the_other_parity_of_the_kink():
    """l = 0: the kink's own odd parity (shape mode 3); l = 1: the even one (translation 0)."""
    kink = solved("kink d=1")
    assert ss.spectrum(kink, 2, 0).bound == pytest.approx([3.0], abs=1e-8)
    assert ss.spectrum(kink, 2, 1).bound == pytest.approx([0.0], abs=1e-8)
    assert ss.spectrum(kink, 2, 0).continuum == pytest.approx([4.0])


def test_kinetic_factors_enter_the_operator():
    """-k u'' + V' with k = 2 is the logarithmic problem in stretched space; lambda is a mass^2: half the eigenvalue.

    Oscillations obey k (d2/dt2) eta = k lap eta - V'' eta, so masses are those of k^-1/2 V'' k^-1/2.
    """
    case = logarithmic_case(3)
    model = case.problem().model
    stretched = ss.Potential(model.function, params=model.params, kinetic=(2.0,))
    grid = ss.RadialGrid(8.0 * math.sqrt(2.0), 8, 12)
    state = ss.solve(ss.Problem(stretched, grid), lambda r: 0.9 * np.exp(1.5 - 0.45 * r**2 / 2.0))
    assert state.energy == pytest.approx(case.exact["action"] * 2**1.5, rel=1e-10)
    for ell, exact in case.spectrum.items():
        found = ss.spectrum(state, len(exact), ell).eigenvalues
        assert found == pytest.approx(np.array(exact) / 2.0, abs=1e-8)


def test_reduced_basis_agrees_with_the_full_one():
    """The spectra of a scan: 300 box modes agree with the full basis to 1e-6, all bound states at l = 1 to 2e-5."""
    for name in ("octaves g=0.6 N=1200", "octaves g=0.8 N=600"):
        state = solved(name)
        full, fast = ss.spectrum(state, 300), ss.spectrum(state, 300, fast=True)
        assert fast.eigenvalues == pytest.approx(full.eigenvalues, rel=1e-6, abs=1e-7)
        assert len(fast.bound) == len(full.bound)
        full, fast = ss.spectrum(state, 20, 1), ss.spectrum(state, 1, 1, fast=True)
        assert fast.bound == pytest.approx(full.bound, abs=2e-5)


@pytest.mark.parametrize(
    ("dim", "expected"), [(1, [1, 1, 0]), (2, [1, 2, 2, 2]), (3, [1, 3, 5, 7]), (4, [1, 4, 9, 16]), (5, [1, 5, 14, 30])]
)
def test_degeneracies(dim, expected):
    assert [degeneracy(dim, ell) for ell in range(len(expected))] == expected


@pytest.mark.parametrize("n_modes", [0, -1, 97, 2.5, "9", True, None])
def test_bad_number_of_modes(n_modes):
    with pytest.raises(ValueError, match=r"spectrum.n_modes must be .*got") as error:
        _unchecked(ss.spectrum)(solved("logarithmic d=3 m=1 w=1"), n_modes)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("ell", "dim"), [(-1, 3), (1.5, 3), ("1", 3), (True, 3), (2, 1)])
def test_bad_angular_momentum(ell, dim):
    with pytest.raises(ValueError, match=r"spectrum.ell must be .*got") as error:
        _unchecked(check_ell)(ell, dim)
    assert repr(ell) in str(error.value)


def _unchecked(function):
    """The function without the run-time type checker of the tests, which would raise first."""
    return inspect.unwrap(function)


def test_box_modes_begin_at_the_continuum_for_any_kinetic_factor():
    """A free field with k = 2: the lowest box mode lies one quantum of momentum, (pi/R)^2, above the threshold."""
    model = ss.Potential(lambda u, p: 0.5 * u[0] ** 2, kinetic=(2.0,))
    state = ss.solve(ss.Problem(model, ss.RadialGrid(25.0, 8, 12)), np.zeros(97))
    modes = ss.spectrum(state, 4)
    momentum = (np.pi / 25.0) ** 2
    excess = modes.eigenvalues[0] - modes.continuum[0]
    # As -k lap + V'' the quantum is k (pi/R)^2 above V''; as -lap + V''/k it is (pi/R)^2 above V''/k.
    assert min(abs(excess / momentum - 2.0), abs(excess / momentum - 1.0)) < 1e-8
    assert len(modes.bound) == 0
