"""Kernels over lists of points: values, derivatives and lengths, against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss
from problems import logarithmic
from supersoliton.theory.derivatives import away_from_zero, point_kernels


def probe(u, p, r):
    return p["a"] * jnp.sin(u[0]) * u[1] ** 2 + r**3 * u[0]


PARAMS = {"a": 1.7}


def exact(u, r):
    x, y = u.T
    value = 1.7 * np.sin(x) * y**2 + r**3 * x
    gradient = np.stack([1.7 * np.cos(x) * y**2 + r**3, 3.4 * np.sin(x) * y], axis=1)
    cross = 3.4 * np.cos(x) * y
    hessian = np.stack([np.stack([-1.7 * np.sin(x) * y**2, cross], 1), np.stack([cross, 3.4 * np.sin(x)], 1)], axis=1)
    return value, gradient, hessian, 3.0 * r**3 * x


@pytest.mark.parametrize("count", [1, 2, 255, 256, 257, 2048, 2049, 9000])
def test_values_and_derivatives_for_any_number_of_points(count):
    """Around the block lengths: no point lost, duplicated or taken from the padding."""
    rng = np.random.default_rng(count)
    u, r = rng.normal(size=(count, 2)), rng.uniform(0.0, 3.0, count)
    kernels = point_kernels(probe)
    value, gradient, hessian, radial = exact(u, r)
    assert kernels.value(u, PARAMS, r) == pytest.approx(value, rel=1e-13, abs=1e-13)
    assert kernels.gradient(u, PARAMS, r) == pytest.approx(gradient, rel=1e-13, abs=1e-13)
    assert kernels.hessian(u, PARAMS, r) == pytest.approx(hessian, rel=1e-13, abs=1e-13)
    assert kernels.radial(u, PARAMS, r) == pytest.approx(radial, rel=1e-13, abs=1e-13)
    both = kernels.value_and_gradient(u, PARAMS, r)
    assert both[0] == pytest.approx(value, rel=1e-13, abs=1e-13)
    assert both[1] == pytest.approx(gradient, rel=1e-13, abs=1e-13)


def test_results_are_numpy_in_double_precision():
    kernels = point_kernels(probe)
    for kernel in kernels[:4]:
        out = kernel(np.ones((3, 2)), PARAMS, np.ones(3))
        assert isinstance(out, np.ndarray)
        assert out.dtype == np.float64


def test_padding_does_not_evaluate_the_potential_at_other_points():
    """Short lists are padded with one of their points: sqrt(u - 1) would be NaN at 0."""
    seen: list[float] = []

    def note(x):
        seen.extend(np.ravel(x).tolist())
        return np.asarray(x)

    def watched(u, p, r):
        x = jax.pure_callback(note, jax.ShapeDtypeStruct((), jnp.float64), u[0], vmap_method="expand_dims")
        return jnp.sqrt(x - 1.0)

    assert point_kernels(watched).value(np.array([[2.0], [5.0]]), {}, np.zeros(2)) == pytest.approx([1.0, 2.0])
    assert set(seen) == {2.0, 5.0}


def test_a_field_of_zero_takes_the_limit_of_u2_log_u2():
    model = ss.Potential(logarithmic, params={"m": 1.0, "w": 1.0})
    kernels = point_kernels(model.potential_function)
    u, r = np.array([[0.0], [-0.0]]), np.zeros(2)
    assert np.all(np.abs(kernels.value(u, model.params, r)) < 1e-80)
    assert np.all(np.abs(kernels.gradient(u, model.params, r)) < 1e-40)
    assert np.all(np.isfinite(kernels.hessian(u, model.params, r)))


def test_only_the_immediate_neighbourhood_of_zero_is_moved():
    u = np.array([0.0, 1e-300, -1e-300, 1e-44, -1e-44, 1.0])
    assert np.array_equal(np.asarray(away_from_zero(u)), [1e-45, 1e-45, -1e-45, 1e-44, -1e-44, 1.0])


def test_new_couplings_do_not_recompile():
    u, r = np.ones((1, 2)), np.zeros(1)
    traced = []

    def counting(u, p, r):
        traced.append(1)
        return p["a"] * u[0]

    kernels = point_kernels(counting)
    results = [float(kernels.value(u, {"a": a}, r)[0]) for a in (1.0, 2.0, 3.0)]
    assert results == [1.0, 2.0, 3.0]
    assert len(traced) == 1


def test_integer_couplings_stay_integers():
    """u^n with an integer n is a number for negative u; with n = 3.0 as a float it would not be."""

    def power(u, p, r):
        return p["a"] * u[0] ** p["n"] + p["b"] * jnp.sum(u)

    kernels = point_kernels(power)
    u, r = np.array([[-2.0, 1.0], [0.5, 3.0]]), np.zeros(2)
    for n in (2, 3):
        params = {"a": 1.5, "n": n, "b": 0.25}
        assert kernels.value(u, params, r) == pytest.approx(1.5 * u[:, 0] ** n + 0.25 * u.sum(axis=1), rel=1e-14)
        assert kernels.gradient(u, params, r)[:, 0] == pytest.approx(1.5 * n * u[:, 0] ** (n - 1) + 0.25, rel=1e-14)
        assert kernels.hessian(u, params, r)[:, 0, 0] == pytest.approx(
            1.5 * n * (n - 1) * u[:, 0] ** (n - 2), rel=1e-13
        )
