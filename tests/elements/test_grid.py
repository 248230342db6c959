"""The mesh against closed forms: volumes, derivatives, the Laplacian at the origin, orders of convergence."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gamma, gammainc, jn_zeros

import supersoliton as ss
from supersoliton.elements.grid import differentiation_matrix, lagrange_matrix, lobatto_nodes, sphere_area

DIMENSIONS = (1, 2, 3, 4, 2.6)


def test_sphere_areas():
    assert [sphere_area(d) for d in (1, 2, 3, 4)] == pytest.approx(
        [2.0, 2 * math.pi, 4 * math.pi, 2 * math.pi**2], rel=1e-15
    )


@pytest.mark.parametrize("order", [2, 3, 8, 12, 33])
def test_lobatto_nodes_are_the_roots_of_the_derivative_of_legendre(order):
    x = lobatto_nodes(order)
    assert len(x) == order + 1
    assert (x[0], x[-1]) == (-1.0, 1.0)
    slope = np.polynomial.legendre.Legendre.basis(order).deriv()
    assert np.abs(slope(x[1:-1])) == pytest.approx(0.0, abs=1e-10 * order**2)
    assert np.all(np.diff(x) > 0)


@pytest.mark.parametrize("order", [2, 5, 12, 20])
def test_interpolation_and_derivative_are_exact_for_polynomials_of_the_order(order):
    x, probe = lobatto_nodes(order), np.linspace(-1, 1, 37)
    rng = np.random.default_rng(order)
    f = np.polynomial.Polynomial(rng.normal(size=order + 1))
    assert lagrange_matrix(order, probe) @ f(x) == pytest.approx(f(probe), abs=1e-12)
    assert lagrange_matrix(order, x) @ f(x) == pytest.approx(f(x), abs=1e-14)  # a probe on a node
    assert differentiation_matrix(order) @ f(x) == pytest.approx(f.deriv()(x), abs=1e-10)


@pytest.mark.parametrize("dim", DIMENSIONS)
@pytest.mark.parametrize("edges", [None, (0.0, 0.1, 0.7, 3.0)], ids=["uniform", "graded"])
def test_integrals_of_powers_are_exact(dim, edges):
    """int r^k d^dx = S_d R^(k+d)/(k+d) for every k up to the order."""
    grid = ss.RadialGrid(3.0, 4, 6, dim=dim, edges=edges)
    for k in range(grid.order + 1):
        exact = sphere_area(dim) * 3.0 ** (k + dim) / (k + dim)
        assert grid.integrate(grid.nodes**k) == pytest.approx(exact, rel=1e-10 if dim == 2.6 else 1e-13)


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_gaussian_integral(dim):
    """int exp(-r^2) over the ball, by the incomplete gamma function."""
    grid = ss.RadialGrid(4.0, 6, 12, dim=dim)
    exact = 0.5 * sphere_area(dim) * gamma(dim / 2) * gammainc(dim / 2, 16.0)
    assert grid.integrate(np.exp(-(grid.nodes**2))) == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_mass_and_stiffness_are_their_integrals(dim):
    grid = ss.RadialGrid(2.0, 3, 8, dim=dim)
    u, v = grid.nodes**2, 1.0 + grid.nodes**3
    exact_mass = sphere_area(dim) * (2.0 ** (dim + 2) / (dim + 2) + 2.0 ** (dim + 5) / (dim + 5))
    exact_stiffness = sphere_area(dim) * 6.0 * 2.0 ** (dim + 3) / (dim + 3)
    assert u @ grid.mass @ v == pytest.approx(exact_mass, rel=1e-11)
    assert u @ grid.stiffness @ v == pytest.approx(exact_stiffness, rel=1e-11)
    assert grid.mass == pytest.approx(grid.mass.T, rel=1e-14, abs=1e-14 * grid.mass.max())
    assert np.linalg.eigvalsh(grid.mass)[0] > 0
    assert grid.stiffness @ np.ones(grid.n_nodes) == pytest.approx(0.0, abs=1e-10)


# Even functions with their second derivative at the origin.
EVEN = {
    "gaussian": (lambda r: np.exp(-(r**2)), -2.0),
    "cosine": (lambda r: np.cos(1.5 * r), -2.25),
    "polynomial": (lambda r: 1.0 + 3.0 * r**2 - 0.5 * r**4, 6.0),
    "lorentzian": (lambda r: 1.0 / (1.0 + 0.5 * r**2), -1.0),
}


@pytest.mark.parametrize("dim", DIMENSIONS)
@pytest.mark.parametrize("name", EVEN)
def test_laplacian_at_the_origin_is_d_times_the_second_derivative(name, dim):
    f, second = EVEN[name]
    grid = ss.RadialGrid(2.0, 6, 12, dim=dim)
    assert grid.laplacian(f(grid.nodes))[0] == pytest.approx(dim * second, rel=1e-7)


@pytest.mark.parametrize("dim", DIMENSIONS)
def test_laplacian_everywhere(dim):
    """r^2 f = exp(-r^2): (4 r^2 - 2 d) f, at every node including those between elements and the outer one."""
    grid = ss.RadialGrid(3.0, 6, 14, dim=dim)
    r = grid.nodes
    f = np.exp(-(r**2))
    assert grid.laplacian(f) == pytest.approx((4 * r**2 - 2 * dim) * f, abs=1e-7)
    both = grid.laplacian(np.stack([f, r**2], axis=1))  # several fields at once
    assert both[:, 0] == pytest.approx(grid.laplacian(f), abs=1e-7)
    assert both[:, 1] == pytest.approx(2.0 * dim, abs=1e-7)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_free_modes_are_bessel_functions(dim):
    """Dirichlet eigenvalues of -lap in the ball: (k - 1/2)^2 pi^2, j_{0,k}^2, k^2 pi^2 over R^2."""
    grid = ss.RadialGrid(5.0, 4, 12, dim=dim)
    zeros = {1: (np.arange(1, 6) - 0.5) * np.pi, 2: jn_zeros(0, 5), 3: np.arange(1, 6) * np.pi}[dim]
    inner = slice(0, -1)
    values = np.sort(np.linalg.eigvals(np.linalg.solve(grid.mass[inner, inner], grid.stiffness[inner, inner])).real)
    assert values[:5] == pytest.approx((zeros / 5.0) ** 2, rel=1e-9)


def test_interpolation_error_falls_with_the_order_of_the_elements():
    """O(h^(p+1)) under splitting for p = 4, and at least a factor 50 per 4 orders at fixed mesh."""
    f = lambda r: np.exp(-(r**2)) * np.cos(3 * r)  # noqa: E731
    probe = np.linspace(0, 4, 999)

    def error(n, p):
        grid = ss.RadialGrid(4.0, n, p)
        return np.max(np.abs(grid.interpolate(f(grid.nodes), probe) - f(probe)))

    rates = [math.log2(error(n, 4) / error(2 * n, 4)) for n in (8, 16, 32)]
    assert rates == pytest.approx([5.0] * 3, abs=0.6)
    assert error(6, 4) > 50 * error(6, 8) > 2500 * error(6, 12)


def test_stiffness_energy_converges_at_twice_the_order():
    """The gradient energy of the interpolant of a smooth function is wrong by O(h^(2p))."""
    exact = 4 * math.pi * 4 * (3 * math.sqrt(math.pi / 2) / 32)  # int (2 r exp(-r^2))^2 r^2 dr over [0, inf), p = 3

    def error(n):
        grid = ss.RadialGrid(6.0, n, 3)
        u = np.exp(-(grid.nodes**2))
        return abs(u @ grid.stiffness @ u - exact)

    assert math.log2(error(12) / error(24)) == pytest.approx(6.0, abs=1.0)


def test_interpolation_keeps_shapes_and_reproduces_nodes():
    grid = ss.RadialGrid(3.0, 3, 5)
    u = np.stack([grid.nodes**2, np.cos(grid.nodes)], axis=1)
    assert grid.interpolate(u, grid.nodes) == pytest.approx(u, abs=1e-14)
    assert grid.interpolate(u, np.ones((2, 4))).shape == (2, 4, 2)
    assert grid.interpolate(u, np.array(1.3)).shape == (2,)
    assert grid.interpolate(u[:, 0], np.array([-1.5])) == pytest.approx(2.25)  # radial functions are even
    assert grid.interpolate(u, np.empty(0)).shape == (0, 2)


@pytest.mark.parametrize("radius", [3.001, math.inf, math.nan])
def test_interpolation_outside_the_domain_is_refused(radius):
    grid = ss.RadialGrid(3.0, 3, 5)
    with pytest.raises(ValueError, match=r"radius must lie within \[0, 3\]"):
        grid.interpolate(grid.nodes, np.array([1.0, radius]))


def test_differentiate_takes_the_mean_at_a_kink():
    grid = ss.RadialGrid(2.0, 2, 4)
    slope = grid.differentiate(np.abs(grid.nodes - 1.0))
    assert slope == pytest.approx(np.sign(grid.nodes - 1.0), abs=1e-12)


def test_refined_grid_contains_the_coarse_one():
    coarse = ss.RadialGrid(order=5, dim=2, edges=(0.0, 1.0, 4.0))
    fine = coarse.refine(extra_order=3, split=3)
    assert (fine.order, fine.n_elements, fine.dim, fine.r_max) == (8, 6, 2, 4.0)
    assert fine.element_edges == pytest.approx([0, 1 / 3, 2 / 3, 1, 2, 3, 4])
    rng = np.random.default_rng(0)
    u = rng.normal(size=coarse.n_nodes)
    v = coarse.interpolate(u, fine.nodes)
    assert fine.integrate(v) == pytest.approx(coarse.integrate(u), rel=1e-12)
    assert v @ fine.stiffness @ v == pytest.approx(u @ coarse.stiffness @ u, rel=1e-10)


def test_edges_define_the_grid_and_equal_grids_are_equal():
    grid = ss.RadialGrid(edges=[0, 1, 3])
    assert (grid.r_max, grid.n_elements, grid.n_nodes) == (3.0, 2, 25)
    assert grid == ss.RadialGrid(edges=(0.0, 1.0, 3.0))
    assert hash(grid) == hash(ss.RadialGrid(edges=(0.0, 1.0, 3.0)))
    equal = ss.RadialGrid(r_max=3.0, n_elements=3, dim=3)
    assert equal == ss.RadialGrid(edges=(0.0, 1.0, 2.0, 3.0), dim=3.0)
    assert len({grid, equal, ss.RadialGrid(edges=(0, 1, 2, 3)), ss.RadialGrid(edges=(0, 1, 2, 3), order=8)}) == 3
    assert grid != "a grid"
    assert grid.nodes[[0, 12, 24]] == pytest.approx([0.0, 1.0, 3.0])
    assert ss.RadialGrid(r_max=25).r_max == 25.0


BAD = {
    "r_max": [0, -1.0, math.nan, math.inf, "25", None, True],
    "n_elements": [0, -3, 2.5, "8", None, True],
    "order": [1, 0, 65, 3.0, None],
    "dim": [0.5, 0, -3, math.nan, math.inf, "3", None],
    "edges": [(0.0,), (1.0, 2.0), (0.0, 2.0, 1.0), (0.0, 1.0, 1.0), (0.0, math.nan), (0.0, math.inf), ("a", "b"), 5],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_bad_input_names_the_argument_and_the_value(name, value):
    with pytest.raises(ValueError, match=f"grid.{name}") as error:
        ss.RadialGrid(**{name: value})
    message = str(error.value)
    assert "\n" not in message
    assert "got" in message
    assert message.rsplit(":", 1)[1].strip()  # the remedy


number = st.one_of(
    st.integers(-5, 70), st.floats(allow_nan=True, allow_infinity=True, width=32), st.booleans(), st.none()
)


@settings(max_examples=150, deadline=None)
@given(r_max=number, n_elements=number, order=number, dim=number)
def test_any_arguments_give_a_sound_grid_or_a_value_error(r_max, n_elements, order, dim):
    try:
        grid = ss.RadialGrid(r_max, n_elements, order, dim)
    except ValueError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert refused.startswith("grid.")
        return
    assert grid.r_max > 0
    assert grid.dim >= 1
    if grid.n_elements <= 20 and grid.dim < 20 and 1e-3 < grid.r_max < 1e3:
        assert np.all(np.diff(grid.nodes) > 0)
        assert grid.nodes[-1] == grid.r_max
        volume = sphere_area(dim) * grid.r_max**dim / dim
        assert np.sum(grid.quadrature_weights) == pytest.approx(volume, rel=1e-9)


@pytest.mark.parametrize(("order", "dim"), [(2, 13), (3, 18), (12, 19)])
def test_a_product_of_two_functions_is_integrated_exactly_in_many_dimensions(order, dim):
    grid = ss.RadialGrid(1.0, 1, order, dim)
    power = grid.nodes**order
    assert float(power @ grid.mass @ power) == pytest.approx(sphere_area(dim) / (2 * order + dim), rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(1e-3, 50.0), min_size=1, max_size=6, unique=True), st.integers(1, 6))
def test_graded_meshes_integrate_the_volume(radii, dim):
    edges = np.unique(np.round([0.0, *radii], 6))
    grid = ss.RadialGrid(order=6, dim=dim, edges=tuple(edges))
    volume = sphere_area(dim) * grid.r_max**dim / dim
    assert np.sum(grid.quadrature_weights) == pytest.approx(volume, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(4, 16), st.floats(1.0, 6.0))
def test_real_dimensions_integrate_the_volume(n_elements, order, dim):
    grid = ss.RadialGrid(7.0, n_elements, order, dim)
    assert np.sum(grid.quadrature_weights) == pytest.approx(sphere_area(dim) * 7.0**dim / dim, rel=1e-9)


@pytest.mark.parametrize("n_elements", [1, 3, 40])
def test_forms_multiply_as_their_matrices(n_elements):
    grid = ss.RadialGrid(9.0, n_elements, 7, dim=2.5)
    u = np.random.default_rng(0).normal(size=(grid.n_nodes, 3))
    for form, matrix in ((grid.mass_form, grid.mass), (grid.stiffness_form, grid.stiffness)):
        assert isinstance(form, np.ndarray) == (n_elements < 40)  # both branches are tested
        assert form @ u == pytest.approx(matrix @ u, abs=1e-13 * np.abs(matrix @ u).max())


def test_samples_are_the_interpolant_at_equal_steps_of_each_element():
    grid = ss.RadialGrid(order=6, edges=(0.0, 1.0, 4.0))
    u = np.random.default_rng(1).normal(size=(grid.n_nodes, 2))
    r = np.concatenate([np.linspace(0.0, 1.0, 7), np.linspace(1.0, 4.0, 7)])
    assert grid.sample(u, 7) == pytest.approx(grid.interpolate(u, r), abs=1e-13)
