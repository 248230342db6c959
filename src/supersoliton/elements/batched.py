r"""Symmetric linear systems on a chain of elements, by static condensation.

The unknowns of an element couple to the next element only through the n fields at their common node. Interior
unknowns are eliminated element by element (a batch of dense factorisations); this leaves a block-tridiagonal
system of (elements + 1) blocks of n fields, eliminated from the origin outwards. The cost is linear in the number of
elements.

The inertia follows from the same elimination: :math:`\mathrm{In}(A) = \sum_e \mathrm{In}(A^e_{ii}) + \sum_k
\mathrm{In}(D_k)` with the Schur complements D_k (E. V. Haynsworth, *Linear Algebra Appl.* **1** (1968) 73).

All functions are pure JAX: they compile once per shape, for all potentials, and can be batched by ``vmap``.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Bool, Float, Int

from ..machine.jax_setup import AnyArray as Array


class BatchedFactors(NamedTuple):
    """The factorised system; ``n`` unknowns per node, ``k = (order - 1) n`` interior unknowns per element."""

    blocks: Float[Array, "element size size"]  # the element matrices themselves, for residuals
    interior_lu: Float[Array, "element k k"]
    interior_permutation: Int[Array, "element k"]
    elimination: Float[Array, "element k two_n"]  # A_ii^-1 A_ib
    pivots: Float[Array, "vertex n n"]  # D_k, the block pivots of the tridiagonal system
    pivot_lu: Float[Array, "vertex n n"]
    pivot_permutation: Int[Array, "vertex n"]
    off_diagonal: Float[Array, "element n n"]  # row k, column k + 1
    free: Float[Array, "vertex n"]  # 1 for an unknown, 0 for a value held fixed


def _lu(matrix: Array) -> tuple[Array, Array]:
    lu, _, permutation = lax.linalg.lu(matrix)
    return lu, permutation


def _lu_solve(lu: Array, permutation: Array, rhs: Array) -> Array:
    ordered = jnp.take_along_axis(rhs, permutation[..., :, None], axis=-2)
    lower = lax.linalg.triangular_solve(lu, ordered, left_side=True, lower=True, unit_diagonal=True)
    return lax.linalg.triangular_solve(lu, lower, left_side=True, lower=False)


def factor(
    blocks: Float[Array, "element size size"],
    free_first: Float[Array, " n"],
    free_last: Float[Array, " n"],
    exterior: Float[Array, "n n"],
) -> BatchedFactors:
    """Factorise the sum of the element matrices (node-major: unknown = node * n + field).

    ``free_first`` and ``free_last`` are 0 for fields held fixed at the first and the last node; ``exterior`` is added
    to the block of the last node (the energy outside the domain).
    """
    n = free_first.shape[0]
    n_elements = blocks.shape[0]
    interior = blocks[:, n:-n, n:-n]
    coupling = jnp.concatenate([blocks[:, n:-n, :n], blocks[:, n:-n, -n:]], axis=2)
    lu, permutation = _lu(interior)
    elimination = _lu_solve(lu, permutation, coupling)
    corner = jnp.block([[blocks[:, :n, :n], blocks[:, :n, -n:]], [blocks[:, -n:, :n], blocks[:, -n:, -n:]]])
    schur = corner - jnp.swapaxes(coupling, 1, 2) @ elimination
    schur = 0.5 * (schur + jnp.swapaxes(schur, 1, 2))
    diagonal = jnp.zeros((n_elements + 1, n, n)).at[:-1].add(schur[:, :n, :n]).at[1:].add(schur[:, n:, n:])
    diagonal = diagonal.at[-1].add(exterior)
    off_diagonal = schur[:, :n, n:]
    # A value held fixed gets the equation 1 * x = 0, decoupled from the rest.
    free = jnp.ones((n_elements + 1, n)).at[0].set(free_first).at[-1].multiply(free_last)
    diagonal = diagonal * free[:, :, None] * free[:, None, :] + jax.vmap(jnp.diag)(1.0 - free)
    off_diagonal = off_diagonal * free[:-1, :, None] * free[1:, None, :]

    def eliminate(pivot: Array, row: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array, Array]]:
        above, next_diagonal = row
        pivot_lu, pivot_permutation = _lu(pivot)
        update = above.T @ _lu_solve(pivot_lu, pivot_permutation, above)
        return next_diagonal - 0.5 * (update + update.T), (pivot, pivot_lu, pivot_permutation)

    last, (pivots, pivot_lu, pivot_permutation) = lax.scan(eliminate, diagonal[0], (off_diagonal, diagonal[1:]))
    last_lu, last_permutation = _lu(last)
    return BatchedFactors(
        blocks=blocks,
        interior_lu=lu,
        interior_permutation=permutation,
        elimination=elimination,
        pivots=jnp.concatenate([pivots, last[None]]),
        pivot_lu=jnp.concatenate([pivot_lu, last_lu[None]]),
        pivot_permutation=jnp.concatenate([pivot_permutation, last_permutation[None]]),
        off_diagonal=off_diagonal,
        free=free,
    )


def solve(factors: BatchedFactors, rhs: Float[Array, "node n column"]) -> Float[Array, "node n column"]:
    """Solve A x = rhs for several columns; entries of ``rhs`` at fixed values are ignored and x is 0 there."""
    n_nodes, n, columns = rhs.shape
    n_elements = factors.blocks.shape[0]
    order = (n_nodes - 1) // n_elements
    vertices = rhs[::order]
    inside = rhs[:-1].reshape(n_elements, order, n, columns)[:, 1:].reshape(n_elements, (order - 1) * n, columns)
    inner = _lu_solve(factors.interior_lu, factors.interior_permutation, inside)
    # A_bi A_ii^-1 f_i = (A_ii^-1 A_ib)^T f_i, because A is symmetric.
    carried = jnp.swapaxes(factors.elimination, 1, 2) @ inside
    reduced = vertices.at[:-1].add(-carried[:, :n]).at[1:].add(-carried[:, n:]) * factors.free[:, :, None]
    # The elimination along the chain does not need `inner`, but two simultaneous LAPACK calls can deadlock in jaxlib
    # 0.10.2's thread pool (see machine/jax_setup.py): the barrier orders them.
    inner, reduced = lax.optimization_barrier((inner, reduced))

    def forward(load: Array, row: tuple[Array, Array, Array, Array]) -> tuple[Array, Array]:
        pivot_lu, pivot_permutation, above, next_load = row
        return next_load - above.T @ _lu_solve(pivot_lu, pivot_permutation, load), load

    head = (factors.pivot_lu[:-1], factors.pivot_permutation[:-1], factors.off_diagonal)
    last, loads = lax.scan(forward, reduced[0], (*head, reduced[1:]))
    end = _lu_solve(factors.pivot_lu[-1], factors.pivot_permutation[-1], last)

    def backward(x_next: Array, row: tuple[Array, Array, Array, Array]) -> tuple[Array, Array]:
        pivot_lu, pivot_permutation, above, load = row
        x = _lu_solve(pivot_lu, pivot_permutation, load - above @ x_next)
        return x, x

    _, first = lax.scan(backward, end, (*head, loads), reverse=True)
    x_vertices = jnp.concatenate([first, end[None]]) * factors.free[:, :, None]
    ends = jnp.concatenate([x_vertices[:-1], x_vertices[1:]], axis=1)
    x_inside = (inner - factors.elimination @ ends).reshape(n_elements, order - 1, n, columns)
    body = jnp.concatenate([x_vertices[:-1, None], x_inside], axis=1).reshape(n_elements * order, n, columns)
    return jnp.concatenate([body, x_vertices[-1:]])


def negative(factors: BatchedFactors) -> tuple[Int[Array, ""], Bool[Array, ""]]:
    """The number of negative eigenvalues, and whether it is uncertain; the batched form of :func:`.lapack.inertia`.

    The interior blocks are eliminated node by node, in blocks of the n fields of a node, without pivoting between
    them, and the negative eigenvalues of the block pivots are counted. The count is uncertain if a pivot is singular
    to 1e-9.
    """
    n = factors.free.shape[1]
    interior = factors.blocks[:, n:-n, n:-n]
    n_elements, size, _ = interior.shape

    def eliminate(rest: Array, first: Array) -> tuple[Array, Array]:
        row = lax.dynamic_slice(rest, (0, first, 0), (n_elements, n, size))
        pivot = lax.dynamic_slice(row, (0, 0, first), (n_elements, n, n))
        pivot = 0.5 * (pivot + jnp.swapaxes(pivot, 1, 2))
        return rest - jnp.swapaxes(row, 1, 2) @ _lu_solve(*_lu(pivot), row), pivot

    _, inside = lax.scan(eliminate, interior, jnp.arange(0, size, n))
    pivots = jnp.concatenate([inside.reshape(-1, n, n), factors.pivots])
    values = jnp.linalg.eigvalsh(pivots)
    magnitude = jnp.abs(values)
    uncertain = ~jnp.all(magnitude.min(axis=1) > 1e-9 * magnitude.max(axis=1))  # also for NaN
    return jnp.sum(values < 0), uncertain
