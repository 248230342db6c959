"""Element edges: equal shares, walls, adapted meshes, roughness, and the accuracy gained."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import supersoliton as ss
from supersoliton.elements.edges import adapted_edges, equidistribute, roughness, split_edges, wall_edges


def tanh_wall(r, radius, width):
    return 0.5 * (1.0 - np.tanh((r - radius) / width))[:, None]


def interpolation_error(grid, function):
    r = np.linspace(0.0, grid.r_max, 20001)
    return float(np.max(np.abs(grid.interpolate(function(grid.nodes), r) - function(r))))


def test_equal_shares_of_a_density_with_a_closed_form():
    """density 1/(1 + r) on [0, e^3 - 1]: the edges are geometric in 1 + r."""
    r = np.linspace(0.0, math.exp(3.0) - 1.0, 200001)
    edges = np.array(equidistribute(r, 1.0 / (1.0 + r), 6))
    assert edges == pytest.approx(np.exp(np.linspace(0.0, 3.0, 7)) - 1.0, abs=1e-6)
    assert edges[0] == 0.0
    assert edges[-1] == r[-1]


@given(
    radius=st.floats(0.0, 1e4), width=st.floats(0.1, 5.0), decay=st.floats(0.1, 10.0), n=st.sampled_from([8, 16, 24])
)
def test_a_mesh_for_a_wall_is_a_sound_grid_with_elements_on_the_wall(radius, width, decay, n):
    r_max = radius + 4.0 * width + 14.0 * decay
    edges = np.array(wall_edges(radius, width, decay, r_max, n))
    grid = ss.RadialGrid(edges=tuple(edges), order=4)
    assert grid.n_elements == n
    assert grid.r_max == r_max
    lengths = np.diff(edges)
    assert np.all(lengths > 0)
    if n >= 16:
        # With only 16 elements: none near the wall is longer than 4 widths.
        near = (edges[1:] > radius - width) & (edges[:-1] < radius + width)
        assert np.all(lengths[near] <= 4.0 * width)


@pytest.mark.parametrize("radius", [10.0, 100.0, 1000.0, 10000.0])
def test_a_wall_is_resolved_by_the_same_number_of_elements_at_any_radius(radius):
    edges = wall_edges(radius, 1.0, 0.5, radius + 20.0, 16)
    grid = ss.RadialGrid(edges=edges, order=12)
    # Only a start: the descent on this mesh ends at a force of 1e-3, then the mesh is adapted.
    assert interpolation_error(grid, lambda r: tanh_wall(r, radius, 1.0)) < 1e-3


def test_an_adapted_mesh_beats_a_uniform_one_by_orders():
    def wall(r):
        return tanh_wall(r, 60.0, 1.0)

    uniform = ss.RadialGrid(100.0, 24, 12)
    adapted = ss.RadialGrid(edges=adapted_edges(uniform, wall(uniform.nodes), 24), order=12)
    again = ss.RadialGrid(edges=adapted_edges(adapted, wall(adapted.nodes), 24), order=12)
    assert again.r_max == 100.0
    assert interpolation_error(again, wall) < 1e-4 * interpolation_error(uniform, wall)


def test_adapting_twice_changes_little():
    """Adapting an adapted mesh to the same profile changes it little."""

    def wall(r):
        return tanh_wall(r, 30.0, 1.0)

    grid = ss.RadialGrid(50.0, 16, 12)
    meshes = []
    for _ in range(6):
        grid = ss.RadialGrid(edges=adapted_edges(grid, wall(grid.nodes), 16), order=12)
        meshes.append(np.array(grid.element_edges))
    assert np.max(np.abs(meshes[-1] - meshes[-2])) < 0.05 * np.max(np.abs(meshes[1] - np.linspace(0, 50, 17)))


def test_roughness_is_the_size_of_the_last_legendre_coefficients():
    """u = 3 P_p on one element and a line elsewhere: 3/6 of the range (2 * 3) there, 0 elsewhere."""
    order = 8
    grid = ss.RadialGrid(3.0, 3, order)
    x = 2.0 * (grid.nodes - 1.5)  # the middle element on [-1, 1]
    legendre = np.polynomial.legendre.Legendre.basis(order)(x)
    u = np.where(np.abs(x) <= 1.0, 3.0 * legendre, 3.0)[:, None]  # P_p(+-1) = 1 for even p
    span = u.max() - u.min()
    assert roughness(grid, u) == pytest.approx([0.0, 3.0 / span, 0.0], abs=1e-12)


def test_roughness_sees_the_weaker_of_two_fields():
    grid = ss.RadialGrid(20.0, 8, 12)
    smooth, sharp = np.exp(-(grid.nodes**2) / 50.0), 1e-2 * np.tanh(5.0 * (grid.nodes - 8.0))
    both = roughness(grid, np.stack([smooth, sharp], axis=1))
    assert both[3] > 1e-3  # the element from 7.5 to 10
    assert np.argmax(both) == 3


def test_split_edges_halves_the_rough_elements():
    """A layer of width 1e-3 at 0.4 on a uniform mesh: only the elements around it are halved."""
    grid = ss.RadialGrid(edges=tuple(np.linspace(0.0, 1.0, 9)), order=8, dim=3)
    u = np.tanh((grid.nodes - 0.4) / 1e-3)[:, None]
    edges = np.array(split_edges(grid, u, 12))
    assert len(edges) == 13
    assert set(np.linspace(0.0, 1.0, 9)) <= set(edges)
    assert np.all((edges >= 0.25) & (edges <= 0.5) | np.isin(edges, np.linspace(0.0, 1.0, 9)))
