r"""Symmetric linear systems on a chain of elements, by static condensation and LAPACK.

The unknowns of an element couple to the next element only through the n fields at their common node. Interior unknowns
are eliminated element by element: an interior block is positive definite unless the element is very long, so that
Cholesky's factorisation applies,

.. math:: A_{ii} = LL^T,\quad Y = L^{-1}A_{ib},\quad S = A_{bb} - Y^TY,

with Bunch and Kaufman's LDL^T otherwise. The Schur complements S form a block-tridiagonal system of the vertices, which
is factorised as one banded matrix with pivoting. The cost is linear in the number of elements.

The inertia is the sum of those of the interior blocks and of the block pivots of the tridiagonal system (E. V.
Haynsworth, *Linear Algebra Appl.* **1** (1968) 73).
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array
from scipy.linalg.lapack import dgbtrf, dgbtrs, dpotrf, dsytrf, dsytrs, dtrtrs

from ..machine.arithmetic import numerical
from .packing import Parts

_AT_ONCE = 2048  # matrices condensed at once: their data stay small


class Interior(NamedTuple):
    """A factorised interior block: Cholesky's L (``pivots`` None), or L and D of LDL^T."""

    lower: Float[Array, "k k"]
    pivots: Array | None


class HostFactors(NamedTuple):
    """The factorised system; ``n`` unknowns per node, ``k = (order - 1) n`` interior unknowns per element."""

    interior: tuple[Interior, ...]
    coupling: Float[Array, "element two_n k"]  # (L^-1 A_ib)^T, or (A_ii^-1 A_ib)^T where the interior has pivots
    diagonal: Float[Array, "vertex n n"]  # of the block-tridiagonal system
    off_diagonal: Float[Array, "element n n"]  # row k, column k + 1
    band: Float[Array, "row unknown"]  # its banded LU factors
    band_pivots: Array
    free: Float[Array, "vertex n"]  # 1 for an unknown, 0 for a value held fixed


@numerical
def factor(
    entries: Float[Array, "element entry"],
    parts: Parts,
    free_first: Float[Array, " n"],
    free_last: Float[Array, " n"],
    exterior: Float[Array, "n n"],
) -> HostFactors:
    """Factorise the sum of the element matrices, packed as ``entries`` in the positions that ``parts`` gives.

    ``free_first`` and ``free_last`` are 0 for fields held fixed at the first and the last node; ``exterior`` is added
    to the block of the last node (the energy outside the domain). The elements are factorised one by one, so that the
    data stay in the processor's cache and the arrays are small enough for the allocator to reuse (the page faults of
    3 MB per factorisation of 8 fields cost more than the factorisation).
    """
    n, n_elements = len(free_first), len(entries)
    k = len(parts.interior)
    interior, coupling, schur = [], np.empty((n_elements, 2 * n, k)), np.empty((n_elements, 2 * n, 2 * n))
    matrix, from_ends = np.empty((k, k)), parts.coupling.T.copy()
    with np.errstate(all="ignore"):  # after an overflow the solution is not finite
        for e, entry in enumerate(entries):
            # ("clip" writes directly to `out`, the default to a copy first)
            entry.take(parts.interior, out=matrix, mode="clip")
            entry.take(from_ends, out=coupling[e], mode="clip")
            entry.take(parts.ends, out=schur[e], mode="clip")
            part = _eliminate(matrix)
            interior.append(part)
            if part.pivots is None:
                dtrtrs(part.lower, coupling[e].T, lower=1, overwrite_b=1)  # in place: Fortran order
                schur[e] -= coupling[e] @ coupling[e].T
            else:
                image = dsytrs(part.lower, part.pivots, coupling[e].T, lower=1)[0]
                schur[e] -= coupling[e] @ image
                coupling[e] = image.T
    schur = 0.5 * (schur + schur.swapaxes(1, 2))
    diagonal = np.zeros((n_elements + 1, n, n))
    diagonal[:-1] += schur[:, :n, :n]
    diagonal[1:] += schur[:, n:, n:]
    diagonal[-1] += exterior
    # A value held fixed gets the equation 1 * x = 0, decoupled from the rest.
    free = np.ones((n_elements + 1, n))
    free[0] = free_first
    free[-1] *= free_last
    diagonal = diagonal * free[:, :, None] * free[:, None, :]
    diagonal[:, range(n), range(n)] += 1.0 - free
    off_diagonal = schur[:, :n, n:] * free[:-1, :, None] * free[1:, None, :]
    width = 2 * n - 1
    band, band_pivots, _ = dgbtrf(_banded(diagonal, off_diagonal), width, width, overwrite_ab=1)
    return HostFactors(tuple(interior), coupling, diagonal, off_diagonal, band, band_pivots, free)


def _eliminate(matrix: Float[Array, "k k"]) -> Interior:
    """The factors of an interior block."""
    lower, failed = dpotrf(matrix.T, lower=1, clean=0)
    if not failed:
        return Interior(lower, None)
    lower, pivots, _ = dsytrf(matrix.T, lower=1)
    return Interior(lower, pivots)


@functools.lru_cache(maxsize=64)
def _band_rows(n: int) -> tuple[Array, Array, Array]:
    """Rows in LAPACK's band storage of a diagonal block, the block right of it, and the block below it."""
    width = 2 * n - 1
    offset = np.subtract.outer(np.arange(n), np.arange(n))  # row - column within a block
    return 2 * width + offset, 2 * width + offset - n, 2 * width + offset + n


def _banded(diagonal: Array, off_diagonal: Array) -> Array:
    n_vertices, n = diagonal.shape[:2]
    on_diagonal, right, below = _band_rows(n)
    band = np.zeros((6 * n - 2, n_vertices * n), order="F")
    columns = np.arange(n_vertices * n).reshape(n_vertices, 1, n)
    band[on_diagonal, columns] = diagonal
    band[right, columns[1:]] = off_diagonal
    band[below, columns[:-1]] = off_diagonal.swapaxes(1, 2)
    return band


@numerical
def solve(factors: HostFactors, rhs: Float[Array, "node n column"]) -> Float[Array, "node n column"]:
    """Solve A x = rhs for several columns; entries of ``rhs`` at fixed values are ignored and x is 0 there."""
    n_nodes, n, columns = rhs.shape
    n_elements = len(factors.interior)
    order = (n_nodes - 1) // n_elements
    inside = rhs[:-1].reshape(n_elements, order, n, columns)[:, 1:].reshape(n_elements, (order - 1) * n, columns)
    vertices = rhs[::order].copy()
    width = 2 * n - 1
    with np.errstate(all="ignore"):
        inner = np.empty_like(inside)
        carrier = inside.copy()
        for e, part in enumerate(factors.interior):
            if part.pivots is None:
                inner[e] = carrier[e] = dtrtrs(part.lower, inside[e], lower=1)[0]
            else:
                inner[e] = dsytrs(part.lower, part.pivots, inside[e], lower=1)[0]
        carried = factors.coupling @ carrier  # A_bi A_ii^-1 f in both cases
        vertices[:-1] -= carried[:, :n]
        vertices[1:] -= carried[:, n:]
        vertices *= factors.free[:, :, None]
        flat = vertices.reshape(-1, columns)
        x = dgbtrs(factors.band, width, width, flat, factors.band_pivots)[0].reshape(vertices.shape)
        x = x * factors.free[:, :, None]
        inner -= factors.coupling.swapaxes(1, 2) @ np.concatenate([x[:-1], x[1:]], axis=1)
        for e, part in enumerate(factors.interior):
            if part.pivots is None:
                inner[e] = dtrtrs(part.lower, inner[e], lower=1, trans=1)[0]
    out = np.empty((n_elements, order, n, columns))
    out[:, 0] = x[:-1]
    out[:, 1:] = inner.reshape(n_elements, order - 1, n, columns)
    return np.concatenate([out.reshape(-1, n, columns), x[-1:]])


def matvec(
    blocks: Float[Array, "element size size"], exterior: Float[Array, "n n"], x: Float[Array, "node n column"]
) -> Array:
    """A x from the element matrices (fixed values are not treated specially); shape of ``x``."""
    n_nodes, n, columns = x.shape
    n_elements = len(blocks)
    order = (n_nodes - 1) // n_elements
    index = np.arange(n_elements)[:, None] * order + np.arange(order + 1)
    product = (blocks @ x[index].reshape(n_elements, -1, columns)).reshape(n_elements, order + 1, n, columns)
    out = np.zeros_like(x)
    out[:-1] = product[:, :-1].reshape(-1, n, columns)
    out[order::order] += product[:, -1]
    out[-1] += exterior @ x[-1]
    return out


@numerical
def inertia(factors: HostFactors) -> tuple[int, int]:
    """The numbers of negative and positive eigenvalues of the matrix on its free unknowns."""
    negative = sum(_negative_pivots(p.lower, p.pivots) for p in factors.interior if p.pivots is not None)
    pivot = factors.diagonal[0]
    with np.errstate(all="ignore"):
        for k, above in enumerate([*factors.off_diagonal, None]):
            lower, pivots, _ = dsytrf(pivot, lower=1)
            negative += _negative_pivots(lower, pivots)
            if above is not None:
                update = above.T @ dsytrs(lower, pivots, above, lower=1)[0]
                pivot = factors.diagonal[k + 1] - 0.5 * (update + update.T)
    fixed = int(np.sum(factors.free == 0.0))  # each contributes the eigenvalue 1
    total = (
        factors.diagonal.shape[0] * factors.diagonal.shape[1] + factors.coupling.shape[0] * factors.coupling.shape[2]
    )
    return negative, total - negative - fixed


@numerical
def condense(entries: Float[Array, "*batch element entry"], parts: Parts) -> Float[Array, "*batch element two_n two_n"]:
    """The Schur complements of many element matrices on their end nodes."""
    flat = entries.reshape(-1, entries.shape[-1])
    schur = flat[:, parts.ends]
    for k in range(0, len(flat), _AT_ONCE):
        some = flat[k : k + _AT_ONCE]
        coupling = some[:, parts.coupling]
        schur[k : k + _AT_ONCE] -= coupling.swapaxes(1, 2) @ np.linalg.solve(some[:, parts.interior], coupling)
    schur = 0.5 * (schur + schur.swapaxes(1, 2))
    return schur.reshape(*entries.shape[:-1], *schur.shape[1:])


@numerical
def log_growth(
    schur: Float[Array, "batch element two_n two_n"],
    first: Float[Array, "batch n"],
    exterior: Float[Array, "batch n n"],
) -> tuple[Float[Array, " batch"], Float[Array, " batch"]]:
    r"""ln \|det\| and its sign of the solution that is regular at the origin, from the second vertex on.

    ``schur``: the elements :func:`condense`-d; ``first``: 0 for fields held at the first vertex; ``exterior`` is added
    at the last. The n solutions with value 1 at a vertex have the values :math:`t_k = -Z_k^{-1}P_k` at the next one,
    with the block pivots P of the tridiagonal system and its off-diagonal blocks Z. The last pivot is the coefficient
    of what grows beyond the mesh (I. M. Gelfand, A. M. Yaglom, *J. Math. Phys.* **1** (1960) 48, on elements).
    """
    n = first.shape[1]
    left, across, right = schur[..., :n, :n].copy(), schur[..., :n, n:].copy(), schur[..., n:, n:].copy()
    left[:, 0] = left[:, 0] * first[:, :, None] * first[:, None, :] + np.eye(n) * (1.0 - first)[:, None]
    across[:, 0] *= first[:, :, None]
    right[:, :-1] += left[:, 1:]
    right[:, -1] += exterior
    pivot = left[:, 0]
    for k in range(schur.shape[1]):
        above = across[:, k]
        update = above.swapaxes(1, 2) @ (above / pivot if n == 1 else np.linalg.solve(pivot, above))
        pivot = right[:, k] = right[:, k] - 0.5 * (update + update.swapaxes(1, 2))
    signs, logs = np.linalg.slogdet(right)
    others = np.linalg.slogdet(-across[:, 1:])
    return np.sum(logs, axis=1) - np.sum(others[1], axis=1), np.prod(signs, axis=1) * np.prod(others[0], axis=1)


def _negative_pivots(lower: Array, pivots: Array) -> int:
    """The number of negative eigenvalues of D in Bunch and Kaufman's factors.

    A 2 x 2 pivot is always indefinite: one eigenvalue of each sign.
    """
    single = pivots > 0
    return int(np.sum(np.diagonal(lower)[single] < 0)) + int(np.sum(~single)) // 2
