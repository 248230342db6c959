"""The effective couplings against Gaussian averages of V by quadrature, and against derivatives of V by JAX."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss
from scipy.integrate import quad

import supersoliton as ss
from supersoliton.theory import octave_mean_field as mean_field

GRID = ss.RadialGrid(r_max=12.0, n_elements=6, order=12)


def model(n=1, **changes):
    given = {"m0_squared": 0.7, "g": 0.9, "quartic_sign": -1, "delta": 0.3, "lambda_1": 0.2, "lambda_2": 0.1,
             "beta": 0.4, "mu_squared": -0.8, "lambda_H": 0.6, "g_yukawa": 0.25}  # fmt: skip
    return ss.OctaveHiggs(n_octaves=n, **{**given, **changes})


def uniform(*values):
    return np.tile(np.array(values, dtype=float), (GRID.n_nodes, 1))


def hartree(theory, u, kappa):
    return mean_field.hartree(theory.params, GRID.at_quadrature(u), GRID.quadrature_weights, kappa)


def tangent(theory, u):
    return mean_field.tangent(theory.params, GRID.at_quadrature(u), GRID.quadrature_weights)


def potential(theory, u):
    return float(theory.potential_function(jnp.asarray(u), theory.params, 0.0))


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("kappa", [0.05, 0.5])
def test_hartree_is_the_gaussian_average_of_the_potential(sign, kappa):
    """V averaged over fluctuations of one octave is V of the effective couplings, up to a constant, at any fields."""
    theory, psi = model(quartic_sign=sign), 1.3
    fed = theory.replace(**hartree(theory, uniform(psi, 0.4), kappa))
    points, weights = hermegauss(8)  # exact for the sixth power
    fluctuations = np.sqrt(kappa) * psi * points

    def difference(x, phi):
        average = sum(w * potential(theory, [x + eta, phi]) for w, eta in zip(weights, fluctuations, strict=True))
        return average / np.sqrt(2 * np.pi) - potential(fed, [x, phi])

    constant = difference(0.0, 0.0)
    for x, phi in [(0.5, 0.3), (1.3, 1.1), (-2.0, 0.7), (3.0, -1.5)]:
        assert difference(x, phi) == pytest.approx(constant, rel=1e-11, abs=1e-11)


def test_hartree_sums_the_fluctuations_of_all_octaves_for_the_higgs_field():
    theory = model(3)
    fed = hartree(theory, uniform(1.0, -2.0, 0.5, 0.9), 0.2)
    assert fed["mu_squared"] == pytest.approx(-0.8 + 2 * 0.25 * 0.2 * (1.0 + 4.0 + 0.25), rel=1e-12)


def test_nothing_fluctuates_without_fluctuations_or_fields():
    theory = model(2)
    for kappa, u in ((0.0, uniform(1.0, 2.0, 0.3)), (0.5, uniform(0.0, 0.0, 1.0))):
        fed = hartree(theory, u, kappa)
        assert fed == pytest.approx({name: theory.params[name] for name in fed}, rel=1e-14)


def _lump(r):
    """Two octaves and a Higgs field that vary over the radius; (3,) at a radius."""
    return np.array(
        [1.6 * np.exp(-((r / 3.0) ** 2)), -1.1 * np.exp(-((r / 2.5) ** 2)), 1.2 - 0.8 * np.exp(-(r**2) / 8)]
    )


def _average(values):
    """sum_o int Psi_o^2 X_o / sum_o int Psi_o^2 by adaptive quadrature, for X (r) -> (octave,)."""
    above = quad(lambda r: r**2 * np.sum(_lump(r)[:2] ** 2 * values(r)), 0, 12, epsabs=1e-12, limit=200)[0]
    below = quad(lambda r: r**2 * np.sum(_lump(r)[:2] ** 2), 0, 12, epsabs=1e-12, limit=200)[0]
    return above / below


LUMP = np.array([_lump(r) for r in GRID.nodes])


def test_averages_over_a_lump_are_the_integrals():
    theory, kappa = model(2), 0.3
    fed = hartree(theory, LUMP, kappa)

    def mass(r):
        variance = kappa * _lump(r)[:2] ** 2
        return -3 * 0.9 * variance + 45 / 4 * 0.3 * variance**2

    assert fed["m0_squared"] == pytest.approx(0.7 + _average(mass), rel=1e-8)
    assert fed["g"] == pytest.approx(0.9 - 7.5 * 0.3 * _average(lambda r: kappa * _lump(r)[:2] ** 2), rel=1e-8)
    total = _average(lambda r: kappa * np.sum(_lump(r)[:2] ** 2) * np.ones(2))
    assert fed["mu_squared"] == pytest.approx(-0.8 + 2 * 0.25 * total, rel=1e-8)


def test_tangent_is_made_of_the_derivatives_of_the_potential():
    """Second and fourth derivatives by JAX, the Higgs field eliminated by the Schur complement, integrated by quad."""
    theory = model(2)

    def v(u):
        return theory.potential_function(u, theory.params, 0.0)

    hessian = jax.jit(jax.hessian(v))
    fourth = jax.jit(
        lambda u: [jax.grad(jax.grad(jax.grad(jax.grad(lambda x, o=o: v(u.at[o].set(x))))))(u[o]) for o in (0, 1)]
    )
    fed = tangent(theory, LUMP)
    assert fed["m0_squared"] == pytest.approx(
        _average(lambda r: np.diag(hessian(jnp.asarray(_lump(r))))[:2] - 2 * 0.25 * _lump(r)[2] ** 2), rel=1e-7
    )
    assert fed["g"] == pytest.approx(-_average(lambda r: np.array(fourth(jnp.asarray(_lump(r))))) / 6, rel=1e-7)

    def mediated(r):
        h = np.array(hessian(jnp.asarray(_lump(r))))
        return h[0, 1] - h[0, 2] * h[2, 1] / h[2, 2]

    def weight(r):
        return r**2 * abs(_lump(r)[0] * _lump(r)[1])

    above = quad(lambda r: weight(r) * mediated(r), 0, 12, epsabs=1e-12, limit=200)[0]
    below = quad(weight, 0, 12, epsabs=1e-12, limit=200)[0]
    assert fed["lambda_1"] == pytest.approx(above / below, rel=1e-7)
    assert fed["lambda_2"] == theory.lambda_2  # there is no second neighbour


def test_neighbours_far_up_the_tower_are_weighted_by_the_decay():
    """Without a Higgs coupling the couplings do not change, for any beta."""
    theory = model(4, g_yukawa=0.0)
    fed = tangent(theory, uniform(1.0, -0.5, 0.3, 2.0, 0.4))
    assert (fed["lambda_1"], fed["lambda_2"]) == (theory.lambda_1, theory.lambda_2)


def test_the_tangent_mass_is_the_hartree_mass_of_equal_densities_without_the_sextic_term():
    theory = model(2, delta=0.0)
    assert tangent(theory, LUMP)["m0_squared"] == pytest.approx(hartree(theory, LUMP, 1.0)["m0_squared"], rel=1e-13)
