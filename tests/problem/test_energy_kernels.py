"""The energy of a density and its derivatives: against finite differences, potentials, closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest

import supersoliton as ss
from supersoliton.elements import lapack
from supersoliton.elements.packing import packing
from supersoliton.problem import functional
from supersoliton.problem.energy_kernels import energy_beyond, kernels_of
from supersoliton.problem.second_variation import factorise, negative
from supersoliton.problem.tangent_space import TangentSpace

KINETIC = np.array([1.5, 0.4])
P = {"g": 0.7}


def well(u, p):
    return 0.5 * u[0] ** 2 + p["g"] * u[0] ** 2 * u[1] ** 2 + 0.5 * u[1] ** 2 + 0.1 * u[0] * u[1]


def canonical(u, du, r, p):
    """A potential, written as a density."""
    return 0.5 * jnp.sum(jnp.asarray(KINETIC) * du**2) + well(u, p)


def mixed(u, du, r, p):
    """Explicit r, and every block of the Hessian: products of fields and slopes, of two slopes, of two fields."""
    a, b = u
    return (
        (1.0 + 0.3 * a**2) * du[0] ** 2
        + p["g"] * du[0] * du[1] * jnp.cos(b)
        + 0.5 * du[1] ** 2
        + a * b * du[1] * r / (1.0 + r**2)
        + 0.5 * a**2
        + 0.3 * b**4
        + 0.5 * b**2 * (1 + 1 / (1 + r**2))
    )


def of_density(function, grid):
    zeros = {"a": 0.0, "b": 0.0}
    model = ss.Density(function, fields=("a", "b"), params=P, infinity=zeros, dim=grid.dim)
    return ss.Problem(model, grid)


@pytest.fixture(scope="module", params=[1, 2, 2.5, 3])
def grid(request):
    return ss.RadialGrid(r_max=5.0, n_elements=3, order=6, dim=request.param)


def random_fields(grid, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(grid.n_nodes, 2))


def test_the_derivatives_are_those_of_the_energy(grid):
    problem, u, v = of_density(mixed, grid), random_fields(grid, 0), random_fields(grid, 1)
    h = 1e-5
    gradient = problem.energy_and_gradient(u)[1]
    slope = (problem.energy(u + h * v) - problem.energy(u - h * v)) / (2 * h)
    assert np.sum(gradient * v) == pytest.approx(slope, rel=1e-8)
    blocks = functional.hessian_blocks(problem.geometry, problem.theory, problem.curvature(u), np.zeros(2))
    product = lapack.matvec(blocks, np.zeros((2, 2)), v[:, :, None])[:, :, 0]
    difference = problem.energy_and_gradient(u + h * v)[1] - problem.energy_and_gradient(u - h * v)[1]
    np.testing.assert_allclose(product, difference / (2 * h), atol=1e-7 * np.max(np.abs(product)))


def test_a_potential_written_as_a_density_is_the_same(grid):
    as_density = of_density(canonical, grid)
    model = ss.Potential(well, ("a", "b"), P, kinetic=tuple(KINETIC))
    plain, u = ss.Problem(model, grid, boundary=(0.0, 0.0)), random_fields(grid, 2)
    assert as_density.energy(u) == pytest.approx(plain.energy(u), rel=1e-13)
    np.testing.assert_allclose(as_density.energy_and_gradient(u)[1], plain.energy_and_gradient(u)[1], atol=1e-11)
    shift = np.array([0.3, -0.2])
    blocks = [functional.hessian_blocks(p.geometry, p.theory, p.curvature(u), shift) for p in (as_density, plain)]
    np.testing.assert_allclose(*blocks, atol=1e-11 * np.max(np.abs(blocks[1])))
    for name, value in plain.energy_parts(u).items():
        if name != "modulus":  # of all of e, of V alone
            assert as_density.energy_parts(u)[name] == pytest.approx(value, rel=1e-12, abs=1e-12)
    arguments = plain.theory, u[-1], random_fields(grid, 3)[0], grid.r_max
    assert as_density.kernels.edge(*arguments) == pytest.approx(plain.kernels.edge(*arguments), rel=1e-12)


def test_the_factors_solve_the_equations_and_count_the_negative_modes(grid):
    problem, u = of_density(mixed, grid), random_fields(grid, 4)
    space = TangentSpace(problem, u, 0.0)
    load = random_fields(grid, 5) * space.free
    np.testing.assert_allclose(space.apply(space.solve(load)[0]), load, atol=1e-7)
    n = u.size
    columns = [space.apply(unit.reshape(u.shape)).ravel() for unit in np.eye(n) * space.free.ravel()]
    eigenvalues = np.linalg.eigvalsh(np.stack(columns))
    assert negative(factorise(problem, space.curvature, np.zeros(2))) == np.sum(eigenvalues < -1e-12)


def test_potentials_keep_their_packed_matrices(grid):
    model = ss.Potential(well, ("a", "b"), P)
    problem = ss.Problem(model, grid, boundary=(0.0, 0.0))
    u = random_fields(grid, 6)
    entries, parts = functional.element_entries(problem.geometry, problem.theory, problem.curvature(u), np.zeros(2))
    assert parts is packing(grid.order + 1, 2)
    assert entries.shape[1] == (grid.order + 1) * (grid.order + 2) // 2 * 3
    assert kernels_of(model) is functional.potential_kernels(model.potential_function)


@pytest.mark.parametrize("radius", [3.0, 40.0])
def test_the_field_of_a_monopole_beyond_the_mesh_is_that_of_its_charge(radius):
    grid = ss.RadialGrid(r_max=radius, n_elements=4, dim=3)
    assert energy_beyond(ss.Monopole(), grid)[0] == pytest.approx(4 * np.pi / (2 * radius), rel=1e-13)
    assert abs(energy_beyond(ss.Sphaleron(), grid)[0]) < 1e-60
    assert energy_beyond(ss.Potential(well, ("a", "b"), P), grid)[0] == 0.0
