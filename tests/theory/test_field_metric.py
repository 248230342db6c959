"""K(u; p) of a Potential: what it may return, where it must be positive, its files and its kinks."""

import math
import pickle

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import supersoliton as ss
from supersoliton.config import loads
from supersoliton.problem.scales import reduced
from supersoliton.states.certificate import _least_kinetic
from supersoliton.theory.base import read_theory
from supersoliton.theory.derivatives import point_kernels
from supersoliton.theory.field_metric import RotatingNorm


def quartic(u, p):
    return 0.25 * (u[0] ** 2 - 1.0) ** 2


def sphere(u, p):
    return 1.0 + p["c"] * u**2


def mixed(u, p):
    return jnp.array([[2.0, 0.5 * u[0]], [0.5 * u[0], 1.0 + u[1] ** 2]])


def test_the_density_is_half_u_k_u_plus_v():
    model = ss.Potential(lambda u, p: u[0] ** 2 * u[1], ("a", "b"), kinetic=mixed)
    z = np.array([[0.3, -0.2, 0.7, 1.1]])
    expected = 0.5 * (2.0 * 0.49 + 2 * 0.15 * 0.7 * 1.1 + 1.04 * 1.21) + 0.09 * -0.2
    assert point_kernels(model.density_function).value(z, {}, np.ones(1))[0] == pytest.approx(expected)
    np.testing.assert_allclose(model.kinetic_at(np.array([0.3, -0.2]), 0.0), [[2.0, 0.15], [0.15, 1.04]])
    # mass^2: the generalised eigenvalues of V'' and K
    problem = ss.Problem(
        ss.Potential(lambda u, p: u @ u, ("a", "b"), kinetic=lambda u, p: jnp.array([[2, 1], [1, 2.0]]))
    )
    np.testing.assert_allclose(problem.vacuum.masses_squared, [2.0 / 3.0, 2.0], rtol=1e-14)


def test_the_norm_of_rotating_fields_and_its_derivatives():
    model = ss.Potential(lambda u, p: u[0] ** 2 * u[1], ("a", "b"), kinetic=mixed)
    norm = point_kernels(RotatingNorm(model.density_function, (0.0, 1.0)))
    u, r = np.array([[0.3, -0.7]]), np.ones(1)
    b = -0.7
    assert norm.value(u, {}, r)[0] == pytest.approx(b**2 * (1 + b**2))
    np.testing.assert_allclose(norm.gradient(u, {}, r)[0], [0.0, 2 * b + 4 * b**3], atol=1e-14)
    np.testing.assert_allclose(norm.hessian(u, {}, r)[0], [[0.0, 0.0], [0.0, 2 + 12 * b**2]], atol=1e-14)


@pytest.mark.parametrize(
    ("kinetic", "words"),
    [
        (lambda u, p: jnp.ones((3, 2)), r"shape \(2, 2\) or \(2,\), got shape \(3, 2\)"),
        (lambda u, p: p["missing"] * jnp.eye(2), "missing"),
        (lambda u, p: jnp.eye(2) * (2.0 if u[0] > 0 else 1.0), "jnp.where"),
        (lambda u, p: jnp.eye(2, dtype=jnp.float32), "float32"),
        ("K", "positive numbers or a function"),
    ],
)
def test_a_bad_kinetic_function_is_refused_in_one_sentence(kinetic, words):
    with pytest.raises(ValueError, match=words):
        ss.Potential(lambda u, p: u @ u, ("a", "b"), kinetic=kinetic)


def test_a_kinetic_matrix_that_is_not_positive():
    model = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - 0.5 * u[0] ** 3, kinetic=lambda u, p: u**2)
    with pytest.raises(ValueError, match=r"kinetic must be positive, but at the fields \[0.0\] it is"):
        ss.bounce(model, [0.0])
    # positive in the vacuum and 0 before V is lower: shooting ends there; and a state says where K is negative
    cubic = ss.Potential(lambda u, p: 0.5 * u[0] ** 2 - 0.5 * u[0] ** 3, kinetic=lambda u, p: 1.0 - u**2)
    with pytest.raises(ValueError, match="no state lower"):
        ss.bounce(cubic, [0.0])
    grid, wall = ss.RadialGrid(r_max=10.0, dim=1), ss.Potential(quartic, kinetic=lambda u, p: u**2 - 0.04)
    inner = reduced(ss.Problem(wall, grid, boundary=[1.0], parity="odd"))[0]
    least, radius = _least_kinetic(inner, inner.curvature(np.tanh(grid.nodes)[:, None]))
    assert least < 0.0
    assert radius < 0.2


def test_a_kink_on_the_half_line():
    """E = int sqrt(2 V K) du between the vacua, halves of it on each side of the origin."""
    model = ss.Potential(quartic, params={"c": 0.7}, kinetic=sphere)
    state = ss.solve(ss.Problem(model, boundary=[1.0], parity="odd", dim=1))
    u = np.polynomial.legendre.leggauss(40)
    expected = float(u[1] @ (np.sqrt(0.5 * (1 + 0.7 * u[0] ** 2)) * (1 - u[0] ** 2)))
    assert state.certificate.kind == "kink"
    assert state.energy == pytest.approx(expected, rel=1e-9)
    skew = ss.Potential(quartic, kinetic=lambda u, p: jnp.exp(u))
    with pytest.raises(ValueError, match="V or K changes when the sign"):
        ss.Problem(skew, boundary=[1.0], parity="odd", dim=1).vacuum  # noqa: B018


def test_descriptions_and_files(tmp_path):
    model = ss.Potential(quartic, params={"c": 0.7}, kinetic=sphere)
    again = read_theory(model.describe(), trust=True)
    assert again.describe() == model.describe()
    assert again.density_function == model.density_function  # one compiled kernel
    assert again.replace(c=1.0).density_function == model.density_function
    assert pickle.loads(pickle.dumps(model)).describe() == model.describe()
    described = {**model.describe(), "kinetic": "antigravity:fly"}
    with pytest.raises(ValueError, match="antigravity is not imported"):
        read_theory(described)
    state = ss.solve(ss.Problem(model, boundary=[1.0], parity="odd", dim=1))
    state.save(tmp_path / "kink.nc")
    assert ss.load(tmp_path / "kink.nc").problem.model.describe() == model.describe()


def test_a_configuration_names_the_function(tmp_path):
    (tmp_path / "theory.py").write_text(
        "def V(u, p):\n    return 0.5 * u[0]**2 - 0.5 * u[0]**3\n\ndef K(u, p):\n    return 1 + p['c'] * u**2\n"
    )
    table = {"kind": "potential", "function": "theory.py:V", "kinetic": "theory.py:K", "params": {"c": 2.0}}
    config = loads({"model": table}, base=tmp_path)
    assert config.model.kinetic_at(np.array([0.5]), 0.0) == pytest.approx(1.5)
    assert math.isclose(float(config.model.replace(c=0.0).kinetic_at(np.array([0.5]), 0.0)[0, 0]), 1.0)
    with pytest.raises(ValueError, match=r"\[model\] kinetic.*nothing"):
        loads({"model": {**table, "kinetic": "theory.py:nothing"}}, base=tmp_path)


def test_mixed_kinetic_terms_of_a_density_enter_its_masses_at_infinity():
    stiff, soft = np.array([[2.0, 0.7], [0.7, 1.0]]), np.array([[3.0, -0.4], [-0.4, 1.5]])

    def e(u, du, r, p):
        away = u - jnp.array([1.0, 0.0])
        return 0.5 * (du @ stiff @ du + away @ soft @ away)

    model = ss.Density(e, ("f", "g"), origin={"f": 0.0}, infinity={"f": 1.0, "g": 0.0}, dim=1)
    problem = ss.Problem(model)
    expected = scipy.linalg.eigh(soft, stiff, eigvals_only=True)
    np.testing.assert_allclose(problem.vacuum.masses_squared, expected, rtol=1e-12)
    # u - v = exp(-m r) a with m^2 = K^-1/2 M K^-1/2 between K^1/2, so E = a.X.a, least in the free g(0)
    root = scipy.linalg.sqrtm(stiff)
    inverse = np.linalg.inv(root)
    x = root @ scipy.linalg.sqrtm(inverse @ soft @ inverse) @ root
    state = ss.solve(problem)
    assert state.energy == pytest.approx(x[0, 0] - x[0, 1] ** 2 / x[1, 1], rel=1e-9)
    assert state.certificate.certified
