"""Packed storage of symmetric element matrices.

The second variation on an element is a sum of products of a symmetric matrix over its nodes and a symmetric matrix over
the fields. Only the lower triangles of both are computed, a quarter of the entries; the element matrix, or a part of
it, is gathered from the packed list (pair of nodes, pair of fields).
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from jaxtyping import Int
from numpy import ndarray as Array


class Parts(NamedTuple):
    """Positions in the packed list of three blocks of an element matrix: interior, interior to ends, ends."""

    interior: Int[Array, "k k"]
    coupling: Int[Array, "k two_n"]
    ends: Int[Array, "two_n two_n"]


@functools.lru_cache(maxsize=64)
def lower_triangle(n: int) -> tuple[Array, Array]:
    """Rows and columns of the lower triangle of an n x n matrix, in the packed order."""
    return np.tril_indices(n)


@functools.lru_cache(maxsize=8)
def whole(nodes: int, fields: int) -> Int[Array, "size size"]:
    """Positions in the packed list of the entries of the full matrix; row and column are node * fields + field."""
    a, i = _symmetric(nodes), _symmetric(fields)
    index = a[:, None, :, None] * (fields * (fields + 1) // 2) + i[None, :, None, :]
    return index.reshape(nodes * fields, nodes * fields)


@functools.lru_cache(maxsize=16)
def packing(nodes: int, fields: int) -> Parts:
    """The blocks of an element matrix with this many nodes and fields."""
    return parts_of(whole(nodes, fields), fields)


def parts_of(index: Int[Array, "size size"], fields: int) -> Parts:
    """The blocks of an element matrix from the positions ``index`` of all its entries."""
    inside, ends = np.arange(len(index))[fields:-fields], np.r_[:fields, -fields:0]
    cuts = (inside, inside), (inside, ends), (ends, ends)
    return Parts(*(np.ascontiguousarray(index[np.ix_(rows, columns)]) for rows, columns in cuts))


def _symmetric(n: int) -> Int[Array, "n n"]:
    """The position in the packed list of every entry of a symmetric n x n matrix."""
    out = np.zeros((n, n), int)
    rows, columns = lower_triangle(n)
    out[rows, columns] = out[columns, rows] = np.arange(len(rows))
    return out
