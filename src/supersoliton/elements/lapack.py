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
def condense(
    entries: Float[Array, "batch element entry"], changes: Float[Array, "batch element entry"], parts: Parts
) -> tuple[Float[Array, "batch element two_n two_n"], Float[Array, "batch element two_n two_n"]]:
    r"""The Schur complements S of many matrices A = ``entries``, and the change of S where A changes by ``changes``.

    With the interior values :math:`-X = -A_{ii}^{-1}A_{ib}` of unit values at the ends, and E = (1, -X), the change is
    :math:`\Delta S = E^T\,\Delta A\,E_{A + \Delta A}`. It has no digits of the stiffness, which is as large as the
    elements are small.
    """
    shape = (*entries.shape[:-1], len(parts.ends), len(parts.ends))
    flat, moved = entries.reshape(-1, entries.shape[-1]), changes.reshape(-1, entries.shape[-1])
    schur, change = flat[:, parts.ends], moved[:, parts.ends]
    for k in range(0, len(flat), _AT_ONCE):
        some, step = flat[k : k + _AT_ONCE], moved[k : k + _AT_ONCE]
        inner, across = some[:, parts.interior], some[:, parts.coupling]
        inner_step, across_step = step[:, parts.interior], step[:, parts.coupling]
        x = np.linalg.solve(inner, across)
        y = np.linalg.solve(inner + inner_step, across + across_step)
        left = x.swapaxes(1, 2)
        schur[k : k + _AT_ONCE] -= across.swapaxes(1, 2) @ x
        change[k : k + _AT_ONCE] += left @ (inner_step @ y - across_step) - across_step.swapaxes(1, 2) @ y
    return tuple(0.5 * (x + x.swapaxes(1, 2)).reshape(shape) for x in (schur, change))  # type: ignore[return-value]


@numerical
def log_growth(
    elements: tuple[Array, Array], first: Float[Array, "batch n"], exterior: Float[Array, "batch n n"]
) -> tuple[Float[Array, " batch"], Float[Array, " batch"]]:
    r"""How much more the n solutions that are regular at the origin grow with A + dA than with A: ln \|det\|, sign.

    From the second vertex on. ``elements``: A and its changes, condensed. ``first``: 0 for fields held at the first
    vertex; ``exterior`` is added to A at the last. The solutions with value 1 at a vertex have
    the values :math:`-Z_k^{-1}P_k` at the next one, with the block pivots P of the tridiagonal system and its
    off-diagonal blocks Z (I. M. Gelfand, A. M. Yaglom, *J. Math. Phys.* **1** (1960) 48, on elements). The last pivot
    is the coefficient of what grows beyond the mesh. The changes dP of the pivots are computed, not the pivots with
    A + dA, whose digits are those of the stiffness: with t = P^-1 Z and G = dZ - dP t,

    .. math:: dP_{k+1} = dD_{k+1} - dZ^Tt - t^TdZ + t^TdP_kt - G^T(P_k + dP_k)^{-1}G .
    """
    n = first.shape[1]
    mask = first[:, :, None] * first[:, None, :]
    diagonal, change = (_vertices(x, n, mask) for x in elements)
    across, step = (x[..., :n, n:].copy() for x in elements)
    diagonal[:, 0] += np.eye(n) * (1.0 - first)[:, None]
    diagonal[:, -1] += exterior
    across[:, 0] *= first[:, :, None]
    step[:, 0] *= first[:, :, None]
    for k in range(across.shape[1]):
        pivot, moved, z, dz = diagonal[:, k], change[:, k], across[:, k], step[:, k]
        t = _divide(pivot, z)
        g = dz - moved @ t
        turned = t.swapaxes(1, 2)
        half = turned @ dz
        update = half + half.swapaxes(1, 2) - turned @ moved @ t + g.swapaxes(1, 2) @ _divide(pivot + moved, g)
        change[:, k + 1] -= 0.5 * (update + update.swapaxes(1, 2))
        update = z.swapaxes(1, 2) @ t
        diagonal[:, k + 1] -= 0.5 * (update + update.swapaxes(1, 2))
    logs, signs = log_change(diagonal[:, 1:], change[:, 1:])
    less, others = log_change(across[:, 1:], step[:, 1:])
    return np.sum(logs, axis=1) - np.sum(less, axis=1), np.prod(signs, axis=1) * np.prod(others, axis=1)


def log_change(matrix: Float[Array, "*batch n n"], change: Float[Array, "*batch n n"]) -> tuple[Array, Array]:
    r"""ln \|det\| and sign of 1 + A^-1 dA."""
    relative = _divide(matrix, change)
    if matrix.shape[-1] == 1:  # (a small change keeps its digits)
        one = relative[..., 0, 0]
        return np.where(one > -0.5, np.log1p(np.maximum(one, -0.5)), np.log(np.abs(1.0 + one))), np.sign(1.0 + one)
    signs, logs = np.linalg.slogdet(np.eye(matrix.shape[-1]) + relative)
    return logs, signs


def _divide(matrix: Array, rhs: Array) -> Array:
    """A^-1 b for many A."""
    return np.asarray(rhs / matrix if matrix.shape[-1] == 1 else np.linalg.solve(matrix, rhs))


def _vertices(blocks: Array, n: int, mask: Array) -> Array:
    """The diagonal blocks of the vertices, (batch, vertex, n, n), with ``mask`` on the first."""
    out = np.zeros((len(blocks), blocks.shape[1] + 1, n, n))
    out[:, :-1] += blocks[..., :n, :n]
    out[:, 0] *= mask
    out[:, 1:] += blocks[..., n:, n:]
    return out


def _negative_pivots(lower: Array, pivots: Array) -> int:
    """The number of negative eigenvalues of D in Bunch and Kaufman's factors.

    A 2 x 2 pivot is always indefinite: one eigenvalue of each sign.
    """
    single = pivots > 0
    return int(np.sum(np.diagonal(lower)[single] < 0)) + int(np.sum(~single)) // 2
