"""Element edges: meshes for a wall of given radius and width, and meshes adapted to a profile."""

from __future__ import annotations

import functools

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array
from scipy.special import eval_legendre

from .grid import RadialGrid, lobatto_nodes

_SAMPLES_PER_ELEMENT = 40
_HALVED = 16.0  # part of the roughness that is assumed to be left in each half of an element


def equidistribute(r: Float[Array, " x"], density: Float[Array, " x"], n_elements: int) -> tuple[float, ...]:
    """Edges from r[0] = 0 to r[-1] such that every element holds the same integral of ``density``."""
    steps = 0.5 * (density[1:] + density[:-1]) * np.diff(r)
    total = np.concatenate([[0.0], np.cumsum(steps)])
    edges = np.interp(np.linspace(0.0, total[-1], n_elements + 1), total, r)
    edges[0], edges[-1] = r[0], r[-1]
    return tuple(float(e) for e in edges)


def wall_edges(radius: float, width: float, decay_length: float, r_max: float, n_elements: int) -> tuple[float, ...]:
    """A mesh for a wall of half-width ``width`` at ``radius`` with an exponential tail of ``decay_length``.

    Elements are about 1.5 widths long in the wall, 3 decay lengths in the tail, and as long as possible elsewhere.
    """
    far = max(radius, width)
    r = np.unique(
        np.concatenate(
            [
                np.linspace(0.0, r_max, 4000),
                np.clip(np.linspace(radius - 8 * width, radius + 8 * width, 2000), 0, r_max),
            ]
        )
    )
    wall = np.exp(-(((r - radius) / (4.0 * width)) ** 2)) / (1.5 * width)
    tail = np.where(r > radius, 1.0 / (3.0 * decay_length), 0.0) / (
        1.0 + np.maximum(r - radius, 0.0) / (12.0 * decay_length)
    )
    base = 2.0 / far * (r < far) + 1.0 / r_max
    return equidistribute(r, wall + tail + base, n_elements)


def adapted_edges(grid: RadialGrid, u: Float[Array, "node field"], n_elements: int) -> tuple[float, ...]:
    """A mesh of ``n_elements`` on the same domain, dense where the fields vary.

    Elements are distributed by the local rate of change |u^(k+1)| / |u^(k)| of the fields, estimated from the first
    and second derivatives.
    """
    r = np.unique(
        np.concatenate(
            [
                np.linspace(a, b, _SAMPLES_PER_ELEMENT)
                for a, b in zip(grid.element_edges[:-1], grid.element_edges[1:], strict=True)
            ]
        )
    )
    slope = grid.differentiate(u)
    second_derivative = grid.differentiate(slope)
    span = np.max(u, axis=0) - np.min(u, axis=0) + 1e-300
    first = np.max(np.abs(grid.interpolate(slope, r)) / span, axis=1)
    second = np.sqrt(np.max(np.abs(grid.interpolate(second_derivative, r)) / span, axis=1))
    # Both decrease with the field in an exponential tail, which then needs fewer elements.
    rate = np.maximum(first, second)
    peak = float(np.max(rate))
    density = np.maximum(peak * (rate / peak) ** 0.4, 1.0 / grid.r_max)
    smooth = np.convolve(np.pad(density, 8, mode="edge"), np.ones(17) / 17.0, mode="valid")
    return equidistribute(r, smooth, n_elements)


@functools.cache
def _to_legendre(order: int) -> Float[Array, "mode node"]:
    x = lobatto_nodes(order)
    return np.linalg.inv(np.stack([eval_legendre(k, x) for k in range(order + 1)], axis=1))


def roughness(grid: RadialGrid, u: Float[Array, "node field"]) -> Float[Array, " element"]:
    """Resolution error of each element: its largest last two Legendre coefficients relative to the fields' range."""
    coefficients = np.einsum("kn,eni->eki", _to_legendre(grid.order), grid.gather(u))
    span = np.max(u, axis=0) - np.min(u, axis=0)
    span = np.maximum(span, 1e-3 * np.max(span) + 1e-300)
    return np.max(np.abs(coefficients[:, -2:, :]) / span, axis=(1, 2))


def split_edges(grid: RadialGrid, u: Float[Array, "node field"], n_elements: int) -> tuple[float, ...]:
    """The elements of ``grid``, the roughest halved until there are ``n_elements``.

    For features that :func:`adapted_edges` does not see: layers where the fields are small, jumps of V''.
    """
    edges = [float(x) for x in grid.element_edges]
    rough = [float(x) for x in roughness(grid, u)]
    while len(rough) < n_elements:
        k = int(np.argmax(rough))
        edges.insert(k + 1, 0.5 * (edges[k] + edges[k + 1]))
        rough[k : k + 1] = [rough[k] / _HALVED, rough[k] / _HALVED]
    return tuple(edges)
