"""Oscillations of rotating states against closed forms, an independent discretisation, and the sign of dQ/domega."""

import math

import numpy as np
import pytest
import scipy.linalg
from scipy.optimize import brentq

import supersoliton as ss
from problems import QUICKSTART_GRID, cubic_nls, logarithmic, octave_model, solved, strong_model, trapped_gas
from supersoliton.fluctuations.operator import Operator
from supersoliton.fluctuations.oscillations import imaginary_curvature
from supersoliton.theory.octave_higgs import complexified_octave_higgs_potential, octave_higgs_potential

SECH_GRID = ss.RadialGrid(dim=1, edges=(0.0, 1.2, 2.5, 4.0, 6.0, 9.0, 13.0, 19.0, 28.0))


def logarithmic_q_ball(dim, omega):
    """f = exp((d - omega^2 - r^2)/2) for V = 1/2 u^2 (1 - ln u^2)."""
    model = ss.Potential(logarithmic, params={"m": 1.0, "w": 1.0})
    problem = ss.Problem(model, ss.RadialGrid(8.0, 8, 12, dim=dim), omega=omega)
    return ss.solve(problem, lambda r: 0.9 * np.exp(0.5 * (dim - omega**2 - 0.95 * r**2)))


def logarithmic_frequencies(omega, ell, count):
    """L- is the oscillator, lambda = 4n + 2l, L+ = L- - 2: (lambda - 2 - s)(lambda - s) = 4 omega^2 s."""
    squared = []
    for n in range(count):
        level = 4 * n + 2 * ell
        squared += list(np.roots([1.0, -(2 * level - 2) - 4 * omega**2, level * (level - 2)]))
    rho = np.sqrt(np.array(squared) + 0j)
    return rho[np.lexsort((rho.imag, rho.real))][:count]


@pytest.mark.parametrize("omega", [0.3, 0.9])
@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_frequencies_of_the_logarithmic_q_ball_are_exact(dim, omega):
    """All of them, unstable (l = 0, omega^2 < 1/2) and stable, phase and translation modes included."""
    state = logarithmic_q_ball(dim, omega)
    for ell in (0, 1) if dim == 1 else (0, 1, 2, 3):
        found = ss.oscillations(state, ell, 8, complexified="modulus")
        assert found.frequencies == pytest.approx(logarithmic_frequencies(omega, ell, 8), abs=1e-9)
        assert found.zero_modes == (1 if ell <= 1 else 0)
        growth = [math.sqrt(2.0 - 4.0 * omega**2)] if ell == 0 and omega**2 < 0.5 else []
        assert found.growth_rates == pytest.approx(growth, abs=1e-10)
        assert found.stable == (not growth)


def test_kinetic_factors_slow_the_oscillations():
    """k = 2 is the same Q-ball in space stretched by sqrt(2), with time stretched as much: rho and omega / sqrt(2)."""
    omega = 0.9
    model = ss.Potential(logarithmic, params={"m": 1.0, "w": 1.0}, kinetic=(2.0,))
    problem = ss.Problem(model, ss.RadialGrid(8.0 * math.sqrt(2.0), 8, 12), omega=omega)
    state = ss.solve(problem, lambda r: 0.9 * np.exp(0.5 * (3 - omega**2 - 0.95 * r**2 / 2.0)))
    found = ss.oscillations(state, 0, 6, complexified="modulus")
    assert found.omega == pytest.approx(omega / math.sqrt(2.0))
    assert found.frequencies == pytest.approx(logarithmic_frequencies(omega, 0, 6) / math.sqrt(2.0), abs=1e-9)


def soliton(omega):
    """f = sqrt(2) k sech(k x), k^2 = 1 - omega^2: the Q-ball of 1/2 |psi|^2 - 1/4 |psi|^4 in one dimension."""
    k = math.sqrt(1.0 - omega**2)
    problem = ss.Problem(ss.Potential(cubic_nls), SECH_GRID, omega=omega, boundary="decaying")
    return ss.solve(problem, lambda x: math.sqrt(2.0) * k / np.cosh(k * x), ss.Newton(target="stationary"))


def lowest_squared(state):
    """The lowest sigma = rho^2, with its sign, without the phase mode."""
    squared = ss.oscillations(state, 0, 2, complexified="modulus").frequencies ** 2
    return float(squared.real[np.argmax(np.abs(squared))])


def test_the_cubic_q_ball_becomes_unstable_where_its_charge_is_largest():
    """Q = 4 omega sqrt(1 - omega^2): dQ/domega = 0 at omega = 1/sqrt(2), and exactly there sigma passes through 0."""
    onset = brentq(lambda omega: lowest_squared(soliton(omega)), 0.69, 0.72, xtol=1e-9)
    assert onset == pytest.approx(math.sqrt(0.5), abs=1e-7)
    for omega in (0.1, 0.5, 0.7, 0.707):
        assert len(ss.oscillations(soliton(omega), 0, complexified="modulus").growth_rates) == 1
        assert ss.oscillations(soliton(omega), 1, complexified="modulus").stable
    for omega in (0.7072, 0.72, 0.9):
        assert ss.oscillations(soliton(omega), 0, complexified="modulus").stable


def sinc_second_derivative(n, h):
    i = np.arange(n)
    difference = i[:, None] - i[None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        off = -2.0 * (-1.0) ** difference / difference.astype(float) ** 2
    return np.where(difference == 0, -(np.pi**2) / 3.0, off) / h**2


@pytest.mark.parametrize("omega", [0.2, 0.6, 0.72])
def test_a_collocation_of_the_first_order_system_agrees(omega):
    """y' = A y for y = (a, b, a_t, b_t) on a sinc grid with the closed form of f: eigenvalues of A are i rho.

    Nothing is shared with the program: another basis, no elimination, no deflation, both parities at once.
    """
    k, h, n = math.sqrt(1.0 - omega**2), 0.28, 161
    x = (np.arange(n) - n // 2) * h
    f2 = 2.0 * k**2 / np.cosh(k * x) ** 2
    free = -sinc_second_derivative(n, h) + (1.0 - omega**2) * np.eye(n)
    zero, one = np.zeros((n, n)), np.eye(n)
    a = np.block(
        [
            [zero, zero, one, zero],
            [zero, zero, zero, one],
            [-(free - np.diag(3.0 * f2)), zero, zero, 2.0 * omega * one],
            [zero, -(free - np.diag(f2)), -2.0 * omega * one, zero],
        ]
    )
    eigenvalues = scipy.linalg.eigvals(a)
    found = ss.oscillations(soliton(omega), 0, complexified="modulus")
    if omega**2 < 0.5:
        assert found.growth_rates == pytest.approx([eigenvalues.real.max()], rel=1e-7)
    else:
        # The oscillation of the amplitude, below the threshold 1 - omega.
        wanted = found.bound
        assert len(wanted) == 1
        assert np.min(np.abs(eigenvalues.imag - wanted[0])) < 1e-6
    # The first-order system has the double zeros of phase and of translation, which rounding splits.
    assert np.sum(np.abs(eigenvalues) < 1e-3) == 4


def test_slow_rotation_is_the_static_problem():
    """omega = 0: rho^2 are the eigenvalues of L+ and of L-; the instability is the -3 of the static soliton."""
    found = ss.oscillations(soliton(0.0), 0, complexified="modulus")
    assert found.growth_rates == pytest.approx([math.sqrt(3.0)], rel=1e-9)
    static = ss.spectrum(soliton(0.0), 5).eigenvalues[1:]
    assert all(np.min(np.abs(found.frequencies - math.sqrt(v))) < 1e-8 for v in static)


def test_the_nonrelativistic_limit_is_the_nls():
    """omega -> 1: 4 omega^2 rho^2 are the eigenvalues of L- L+, up to O(k^2) relative corrections."""
    errors = []
    for k in (0.2, 0.1):
        omega = math.sqrt(1.0 - k * k)
        scaled = ss.RadialGrid(dim=1, edges=tuple(np.array(SECH_GRID.edges) / k))
        problem = ss.Problem(ss.Potential(cubic_nls), scaled, omega=omega)
        state = ss.solve(problem, lambda x, k=k: math.sqrt(2.0) * k / np.cosh(k * x), ss.Newton(target="stationary"))
        plus = Operator(problem, state.u, state.multiplier, 0).matrix
        minus = Operator(
            problem, state.u, state.multiplier, 0, curvature=imaginary_curvature(problem, state.u, "modulus")
        ).matrix
        nls = np.sqrt(np.sort(scipy.linalg.eigvals(minus @ plus).real)[1:6]) / (2.0 * omega)
        found = ss.oscillations(state, 0, 6, complexified="modulus").frequencies.real[1:]
        errors.append(np.max(np.abs(found / nls - 1.0)))
    assert errors[0] < 0.05
    assert errors[1] / errors[0] == pytest.approx(0.25, rel=0.1)


OCTAVES = ["octaves g=0.6 N=1200", "octaves strong coupling N=60"]


@pytest.mark.parametrize("name", OCTAVES)
def test_a_phase_costs_nothing(name):
    """L_- f = 0 of the discrete operator, to the residual of the state, for twelve coupled octaves."""
    state = solved(name)
    problem = state.problem
    curvature = imaginary_curvature(problem, state.u)
    op = Operator(problem, state.u, state.multiplier, 0, curvature=curvature)
    f = state.u * problem.carries_norm
    coefficients = (op.bases[0].nodal.T @ (state.grid.mass @ f)).T.ravel()
    weight = 1.0 / np.sqrt(np.tile(op.bases[0].kappa, problem.model.n_fields) + 1.0)
    assert np.linalg.norm(weight * (op.matrix @ coefficients)) < 1e-10 * np.linalg.norm(coefficients)


def test_a_state_that_is_not_stationary_is_not_annihilated():
    """The identity tests the state: a profile moved by 1e-3 violates it."""
    state = solved_two_octaves(0.78)
    moved = type("Moved", (), {"problem": state.problem, "u": 1.001 * state.u, "multiplier": state.multiplier})
    assert ss.oscillations(state).phase_residual < 1e-11
    assert ss.oscillations(moved).phase_residual > 1e-4


def test_the_real_potential_is_the_restriction_of_the_complex_one():
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 12):
        model = octave_model(0.7, n_octaves=n)
        u, phase = rng.normal(size=n + 1), rng.uniform(0, 2 * np.pi)
        real = float(octave_higgs_potential(u, model.params, 0.0))
        assert float(complexified_octave_higgs_potential(u, 0.0 * u, model.params, 0.0)) == pytest.approx(
            real, rel=1e-15
        )
        re, im = u * np.append(np.full(n, np.cos(phase)), 1.0), u * np.append(np.full(n, np.sin(phase)), 0.0)
        assert float(complexified_octave_higgs_potential(re, im, model.params, 0.0)) == pytest.approx(real, rel=1e-12)


def solved_two_octaves(omega_squared, n=2, start=None):
    problem = ss.Problem(octave_model(0.6, n_octaves=n), QUICKSTART_GRID, omega=math.sqrt(omega_squared))
    return ss.solve(problem, start or ss.Gaussian(1.5, 2.5, field=0), ss.Newton(target="stationary"))


@pytest.mark.parametrize(("n", "low", "high"), [(1, 0.78, 0.85), (2, 0.74, 0.82)])
def test_octave_q_balls_obey_vakhitov_and_kolokolov(n, low, high):
    """Stable where dQ/domega < 0, one real growth rate where dQ/domega > 0, for one and two octaves in d = 3."""
    state = solved_two_octaves(low, n)
    seen = set()
    for omega_squared in np.linspace(low, high, 6):
        state = solved_two_octaves(omega_squared, n, state)
        near = solved_two_octaves(omega_squared + 1e-4, n, state)
        slope = math.sqrt(omega_squared + 1e-4) * near.norm - math.sqrt(omega_squared) * state.norm
        found = ss.oscillations(state)
        assert state.converged
        assert found.stable == (slope < 0), (omega_squared, slope, found)
        assert len(found.growth_rates) == (0 if slope < 0 else 1)
        assert found.phase_residual < 1e-11
        assert ss.oscillations(state, 1).stable
        seen.add(found.stable)
    assert seen == {True, False}


def test_a_minimum_at_fixed_norm_may_be_unstable_at_fixed_charge():
    """dN/d(omega^2) < 0 is not enough where omega is small: the compact Q-ball of twelve octaves has dQ/domega > 0."""
    state = solved("octaves strong coupling N=60")
    near = ss.solve(state.problem.replace(norm=60.1), state)
    assert state.certificate.certified
    assert state.certificate.negative_modes == 0
    assert near.multiplier < state.multiplier
    slope = math.sqrt(near.multiplier) * near.norm - math.sqrt(state.multiplier) * state.norm
    assert slope / (math.sqrt(near.multiplier) - math.sqrt(state.multiplier)) > 0
    assert len(ss.oscillations(state).growth_rates) == 1


def test_translations_of_octave_q_balls():
    """One zero of rho^2 at l = 1 (rho = 0 is double: a displacement and a velocity) and none at l = 2; its a is f'."""
    state = solved_two_octaves(0.7)
    found = ss.oscillations(state, 1, functions=True)
    assert (found.zero_modes, ss.oscillations(state, 2).zero_modes) == (1, 0)
    assert found.degeneracy == 3
    a = found.real[:, :, 0].real
    slope = state.grid.differentiate(state.u)
    overlap = state.grid.integrate(a * slope).sum() / math.sqrt(
        state.grid.integrate(a**2).sum() * state.grid.integrate(slope**2).sum()
    )
    assert abs(overlap) == pytest.approx(1.0, abs=1e-6)


def test_mode_functions_solve_the_coupled_equations():
    """L+ a - 2 omega rho b = rho^2 a and L- b - 2 omega rho a = rho^2 b, also for the unstable mode."""
    state = solved_two_octaves(0.8)
    problem, grid = state.problem, state.grid
    found = ss.oscillations(state, 0, 6, functions=True)
    assert not found.stable
    plus = Operator(problem, state.u, state.multiplier, 0)
    minus = Operator(problem, state.u, state.multiplier, 0, curvature=imaginary_curvature(problem, state.u))
    rotates = np.repeat(problem.carries_norm, len(plus.bases[0]))
    for k, rho in enumerate(found.frequencies):
        a, b = ((plus.bases[0].nodal.T @ (grid.mass @ v[:, :, k])).T.ravel() for v in (found.real, found.imaginary))
        assert np.linalg.norm(np.append(a, b)) == pytest.approx(1.0, abs=1e-9)
        if rho != 0:
            assert plus.matrix @ a - 2 * found.omega * rho * rotates * b == pytest.approx(rho**2 * a, abs=1e-7)
            assert rotates * (minus.matrix @ b) - 2 * found.omega * rho * rotates * a == pytest.approx(
                rho**2 * b, abs=1e-7
            )


def test_the_spectrum_is_symmetric():
    for omega_squared in (0.7, 0.8):
        every = ss.oscillations(solved_two_octaves(omega_squared), 0, 400).spectrum
        for mirrored in (-every, every.conj()):
            assert np.max(np.min(np.abs(mirrored[:, None] - every[None, :]), axis=1)) < 1e-9


def test_thresholds_are_those_of_quanta_seen_from_the_rotating_frame():
    """m_i -+ omega for the octaves, m_H for the Higgs field; the lowest box modes lie just above."""
    state = solved_two_octaves(0.7)
    octaves = np.sqrt(np.linalg.eigvalsh([[0.9, 0.05], [0.05, 0.9]]))
    omega = math.sqrt(0.7)
    expected = np.sort(np.concatenate([octaves - omega, octaves + omega, [math.sqrt(2.0)]]))
    found = ss.oscillations(state, 0, 12)
    assert found.thresholds == pytest.approx(expected, rel=1e-9)
    assert found.frequencies[1].real > found.thresholds[0]
    assert found.frequencies[1].real < found.thresholds[0] + 0.03


def test_an_ideal_gas_in_a_trap():
    """Without interaction the levels E_n of the trap appear as rho = sqrt(E_n) - omega and sqrt(E_n) + omega."""
    model = ss.Potential(trapped_gas, params={"beta": 0.0})
    grid = ss.RadialGrid(edges=(0.0, 0.6, 1.3, 2.0, 2.8, 3.7, 5.0, 7.0, 10.0))
    state = ss.solve(ss.Problem(model, grid, norm=1.0), ss.Gaussian(1.0, 1.5))
    levels = np.sqrt(2.0 * np.array([2.0 * n + 1.5 for n in range(6)]))
    omega = levels[0]
    expected = np.sort(np.concatenate([levels - omega, levels + omega]))[:4]
    assert ss.oscillations(state, 0, 4, complexified="modulus").frequencies == pytest.approx(expected, abs=1e-8)


# What it refuses


def test_imaginary_frequency_is_refused():
    with pytest.raises(ValueError, match=r"omega\^2 = -0.07.*no rotation frequency"):
        ss.oscillations(solved("octaves g=1.0 N=600"))


def test_a_potential_must_say_how_it_is_complexified():
    with pytest.raises(ValueError, match=r"does not define.*complexified="):
        ss.oscillations(soliton(0.8))


def test_a_wrong_complexification_is_noticed():
    """Not even; not the same for real fields; not invariant under one phase; another word."""
    with pytest.raises(ValueError, match="not equal to V for real fields"):
        ss.oscillations(soliton(0.8), complexified=lambda re, im, p, r: 0.5 * (re[0] ** 2 + im[0] ** 2))
    with pytest.raises(ValueError, match="not invariant under a common phase"):
        ss.oscillations(soliton(0.8), complexified=lambda re, im, p, r: cubic_nls(re, p) + 0.7 * im[0] ** 2)
    with pytest.raises(ValueError, match='must be "modulus" or a function'):
        ss.oscillations(soliton(0.8), complexified="even")


def test_only_the_fields_that_one_phase_turns_may_carry_the_norm():
    """psi_0 psi_2 couples fields of which one would rotate: no U(1) symmetry."""
    problem = ss.Problem(strong_model(), ss.RadialGrid(12.0, 8, 8), norm=60.0, norm_of=["psi_0"])
    u = np.exp(-(problem.grid.nodes**2))[:, None] * np.ones(problem.model.n_fields)
    made = type("Made", (), {"problem": problem, "u": u, "multiplier": 0.1})
    with pytest.raises(ValueError, match="not invariant under a common phase"):
        ss.oscillations(made)


@pytest.mark.parametrize("n_modes", [0, -3, 10**6, True])
def test_bad_number_of_modes(n_modes):
    with pytest.raises(ValueError, match=r"oscillations.n_modes must be .*got"):
        ss.oscillations(soliton(0.8), n_modes=n_modes, complexified="modulus")
